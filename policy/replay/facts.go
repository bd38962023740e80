package replay

import (
	"time"

	"sessionwarden"
	"sessionwarden/policy"
)

// read judges a reading of the account's facts.
func (st *state) read(read sessionwarden.AccountFacts, at time.Time) {
	facts, findings := policy.JudgeFacts(st.now, st.h.Facts, read, at)
	st.h.Facts = facts
	st.found(findings)
	st.plan(st.takeover(nil, at), at)
}

// takeover looks for suspicious sessions and changes of the account that belong
// together, and takes what it finds into judged.
func (st *state) takeover(judged []policy.Judged, at time.Time) []policy.Judged {
	if len(st.h.Facts.Changes) == 0 {
		return judged
	}
	t := policy.JudgeTakeover(st.now, st.h, policy.Rails{}, at)
	st.h.Facts.Left = t.Left
	st.found(t.Account)
	for _, one := range t.Sessions {
		i := st.live(one.Sighting.Seq)
		s, l := &st.h.Live[i], &st.lives[i]
		for k := range one.Findings {
			one.Findings[k].ID = st.e.id()
			s.Verdicts = append(s.Verdicts, policy.VerdictOf(one.Findings[k], st.now))
		}
		l.findings = append(l.findings, one.Findings...)
		one.Sighting = *s
		judged = policy.Joined(judged, one)
	}
	return judged
}

// found says what was found about the account itself.
func (st *state) found(findings []sessionwarden.Finding) {
	for _, f := range findings {
		f.ID = st.e.id()
		st.e.o.Over(Outcome{Sighting: sessionwarden.Sighting{Account: st.a.Name}, Findings: []sessionwarden.Finding{f}})
	}
}

// suspects remembers a session that is over, or went on under other facts, where
// it would be suspicious if the account changed.
func (st *state) suspects(at time.Time, ended sessionwarden.Sighting) {
	if len(st.a.Facts) > 0 {
		st.h.Facts.Left = policy.Leave(st.now, st.h, []sessionwarden.Sighting{ended}, at)
	}
}
