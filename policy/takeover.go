package policy

import (
	"slices"
	"strconv"
	"time"

	"sessionwarden"
)

const (
	// maxLeft is how many suspicious sessions that are over an account
	// remembers, and maxLooked how many that end together are looked at.
	maxLeft   = 16
	maxLooked = 256
)

// Together is what [JudgeTakeover] finds.
type Together struct {
	Sessions []Judged                // live suspicious sessions, each with its one finding
	Account  []sessionwarden.Finding // where the suspicious sessions are over: about the account (Seq 0)
	Left     []sessionwarden.Suspect // [sessionwarden.AccountFacts.Left] from now on
}

// JudgeTakeover looks for suspicious sessions and changes of the account that
// belong together, whichever came first: no more than takeover_within apart.
//
// A session is suspicious where a rule asked for more than a note on it. One
// that is merely new to the profile by its network or country counts too, if
// it was signed in when the change was seen; a device alone does not, as it
// tells a new phone from nothing. Sessions from trusted networks, claimed by
// their owner or our own never count, and a trust of their country or ASN makes
// them not new.
//
// Each session is told once, and again where a later change asks for more. What
// was configured for the change itself counts as well: where two_factor_off is to
// disconnect, the suspicious session is.
// Findings come without ID.
func JudgeTakeover(a sessionwarden.Account, h sessionwarden.History, rails Rails, now time.Time) Together {
	t := together{a: &a, h: &h, rails: rails, now: now, Together: Together{Left: slices.Clone(h.Facts.Left)}}
	for _, c := range h.Facts.Changes {
		if now.Sub(c.Seen) <= a.TakeoverWithin && counts(&a, c.Rule) {
			t.changes = append(t.changes, c)
		}
	}
	if len(t.changes) == 0 {
		return t.Together
	}
	live := false
	for i := range h.Live {
		live = t.session(&h.Live[i]) || live
	}
	t.gone(live)
	return t.Together
}

// Joined puts what was found on a sighting in front of what was found on it before.
// It may change judged.
func Joined(judged []Judged, one Judged) []Judged {
	for i := range judged {
		if judged[i].Sighting.Seq == one.Sighting.Seq {
			judged[i].Sighting = one.Sighting
			judged[i].Findings = append(one.Findings, judged[i].Findings...)
			return judged
		}
	}
	return append(judged, one)
}

// ofTakeover reports whether a change is one that a thief lives from.
func ofTakeover(rule sessionwarden.Rule) bool {
	switch rule {
	case sessionwarden.TwoFactorOff, sessionwarden.TradeURLChanged, sessionwarden.PayoutChanged, sessionwarden.ContactChanged, sessionwarden.BalanceDrop:
		return true
	}
	return false
}

// counts reports whether a change is one that a suspicious session is held against.
func counts(a *sessionwarden.Account, rule sessionwarden.Rule) bool {
	return ofTakeover(rule) || a.Response(rule) >= sessionwarden.Ask
}

// together is a takeover while it is being looked for.
type together struct {
	a       *sessionwarden.Account
	h       *sessionwarden.History
	rails   Rails
	now     time.Time
	changes []sessionwarden.FactChange
	Together
}

// session judges one live session, and reports whether it is a suspicious one
// that belongs to a change.
func (t *together) session(s *sessionwarden.Sighting) bool {
	if spared(t.a, s) {
		return false
	}
	told := s.Spoke(sessionwarden.Takeover)
	loud := s.Suspicious() || s.ID != "" && slices.ContainsFunc(t.Left, func(l sessionwarden.Suspect) bool { return l.Session == s.ID && l.Loud })
	with := t.belong(s.FirstSeen, began(s), loud)
	if len(with) == 0 || !loud && !newTo(t.a, t.h, s, t.now) {
		return told
	}
	rule, response := t.wanted(with)
	if rule == "" {
		return told
	}
	found := t.judge(s, with, rule, response)
	if len(found) == 0 {
		return told // that was said
	}
	t.Sessions = append(t.Sessions, Judged{Sighting: *s, Findings: found})
	return true
}

// judge makes the finding of rule about a suspicious session that belongs to
// changes; none where that was said before.
func (t *together) judge(s *sessionwarden.Sighting, with []sessionwarden.FactChange, rule sessionwarden.Rule, response sessionwarden.Response) []sessionwarden.Finding {
	j := newJudgement(Case{Account: *t.a, Profile: t.h.Profile, Live: t.h.Live, Sighting: *s, LocationFailed: t.rails.Location, Now: t.now})
	v := j.says(rule, t.reason("Session "+sessionText(*s), whereText(s.Location), began(s), with), trustLine(&j.c, rule), changeFacts(with)...)
	v.response, v.severity = response, sessionwarden.Critical
	if t.rails.Location != "" {
		v.ceiling, v.ceilWhy = sessionwarden.Ask, "the location data that makes the session suspicious cannot be relied on"
	}
	if byNewData(s) {
		v.ceiling, v.ceilWhy = sessionwarden.Ask, "only our location data changed, and made the session suspicious"
	}
	j.record(v)
	return j.found
}

// byNewData reports whether nothing speaks against s but location data that has
// changed since it came.
func byNewData(s *sessionwarden.Sighting) bool {
	return !s.ReclassifiedAt.IsZero() && !slices.ContainsFunc(s.Verdicts, func(v sessionwarden.Verdict) bool {
		return v.Response > sessionwarden.Log && AsksSessions(v.Rule) && (!restsOnLocation(v.Rule) || v.Rule == sessionwarden.SessionMoved)
	})
}

// belong returns the changes that a suspicious session belongs to: loud where
// more than its being new speaks against it.
func (t *together) belong(seen, began time.Time, loud bool) []sessionwarden.FactChange {
	var with []sessionwarden.FactChange
	for _, c := range t.changes {
		if c.Seen.Sub(seen).Abs() <= t.a.TakeoverWithin && (loud || !began.After(c.Seen)) {
			with = append(with, c)
		}
	}
	return with
}

// met returns those of changes that a session which is gone since then can have
// made: who was only new must have been there.
func met(changes []sessionwarden.FactChange, gone time.Time) []sessionwarden.FactChange {
	return slices.DeleteFunc(changes, func(c sessionwarden.FactChange) bool { return gone.Before(c.Was) })
}

// wanted returns the rule that speaks of a session that belongs to changes, and
// what is to be done: takeover, or where that is off a rule whose own response
// asks for more than an alert. The rule is "" where nothing speaks.
func (t *together) wanted(with []sessionwarden.FactChange) (sessionwarden.Rule, sessionwarden.Response) {
	rule, response := sessionwarden.Takeover, t.a.Response(sessionwarden.Takeover)
	if response == sessionwarden.Off {
		rule = ""
	}
	for _, c := range with {
		if own := t.a.Response(c.Rule); own >= sessionwarden.Ask && own > response {
			response = own
			if rule != sessionwarden.Takeover {
				rule = c.Rule
			}
		}
	}
	return rule, response
}

// gone judges the suspicious sessions that are over: where a live one speaks
// of the change, or did before, they have nothing to add.
func (t *together) gone(live bool) {
	newest := -1
	var with []sessionwarden.FactChange
	for i := range t.Left {
		l := &t.Left[i]
		if l.Told || l.Session != "" && slices.ContainsFunc(t.h.Live, func(s sessionwarden.Sighting) bool { return s.ID == l.Session }) {
			continue
		}
		belongs := t.belong(l.Seen, l.Began, l.Loud)
		if !l.Loud {
			belongs = met(belongs, l.Gone)
		}
		if len(belongs) == 0 {
			continue
		}
		l.Told = true
		if newest < 0 || !l.Gone.Before(t.Left[newest].Gone) {
			newest, with = i, belongs
		}
	}
	response := t.a.Response(sessionwarden.Takeover)
	if newest < 0 || live || response == sessionwarden.Off {
		return
	}
	l := t.Left[newest]
	name := "Session " + sessionText(sessionwarden.Sighting{Session: sessionwarden.Session{ID: l.Session, RawAddr: l.Addr}})
	f := sessionwarden.Finding{
		Account: t.a.Name, Rule: sessionwarden.Takeover, Severity: sessionwarden.Critical, Response: min(response, sessionwarden.Notify), Time: t.now,
		Reason:  t.reason(name, l.Where, l.Began, with) + " The session is over.",
		Facts:   append([]sessionwarden.Fact{{Name: FactAddress, Value: sessionwarden.Clean(l.Addr, maxFact)}, {Name: FactStarted, Value: timeText(l.Began)}}, changeFacts(with)...),
		Silence: ruleLine(*t.a, sessionwarden.Takeover, sessionwarden.Log),
	}
	if response > sessionwarden.Notify {
		f.Capped = "the suspicious session is over: there is none to end"
	}
	t.Account = append(t.Account, f)
}

// reason tells who signed in when from where, and what changed when.
func (t *together) reason(who, where string, began time.Time, with []sessionwarden.FactChange) string {
	const most = 2
	text := who + " signed in from " + where
	if !began.IsZero() {
		text += " at " + clockTime(began, t.now)
	}
	for i, c := range with {
		if i == most {
			text += "; " + strconv.Itoa(len(with)-most) + " more"
			break
		}
		text += "; " + changeText(c) + between(c.Was, c.Seen)
	}
	return text + ": that is how an account is taken over."
}

// changeFacts returns the changes as facts of a finding.
func changeFacts(with []sessionwarden.FactChange) []sessionwarden.Fact {
	var facts []sessionwarden.Fact
	for _, c := range with {
		facts = append(facts, sessionwarden.Fact{Name: FactChange, Value: string(c.Rule) + ": " + changeText(c) + between(c.Was, c.Seen)})
	}
	return facts
}

// newTo reports whether the country or the network of s is new to the account,
// once enough is known of that.
func newTo(a *sessionwarden.Account, h *sessionwarden.History, s *sessionwarden.Sighting, now time.Time) bool {
	if _, granted := trusted(a, s); granted || s.Baseline || s.Learned {
		return false
	}
	if _, learning := Learning(*a, *h, now); learning {
		return false
	}
	j := judgement{c: Case{Account: *a, Profile: h.Profile, Live: h.Live, Sighting: *s, Now: now}}
	n := j.novelty()
	return n.country || n.network
}

// Leave returns [sessionwarden.AccountFacts.Left] with those of the sessions
// that are over, or went on under other facts, which would be suspicious if the
// account changed. h is the history without them.
func Leave(a sessionwarden.Account, h sessionwarden.History, ended []sessionwarden.Sighting, now time.Time) []sessionwarden.Suspect {
	left := slices.DeleteFunc(slices.Clone(h.Facts.Left), func(l sessionwarden.Suspect) bool {
		return now.Sub(l.Seen) > a.TakeoverWithin || claimed(&a, &h, &l)
	})
	for i := range ended[:min(len(ended), maxLooked)] {
		s := &ended[i]
		if s.Account != a.Name || s.Ownership.Untouchable() || vouched(&a, s) || s.Late && s.Baseline || now.Sub(s.FirstSeen) > a.TakeoverWithin ||
			slices.ContainsFunc(left, func(l sessionwarden.Suspect) bool { return l.Seq == s.Seq }) || !s.Suspicious() && (s.State == sessionwarden.Moved || !newTo(&a, &h, s, now)) {
			continue
		}
		gone := now
		if !s.GoneAt.IsZero() {
			gone = s.GoneAt
		}
		left = append(left, sessionwarden.Suspect{
			Seq: s.Seq, Session: s.ID, Addr: addrText(*s), Where: whereText(s.Location), Began: began(s), Seen: s.FirstSeen, Gone: gone,
			Loud: s.Suspicious(), Told: s.Spoke(sessionwarden.Takeover),
		})
	}
	return bounded(left, maxLeft, func(l sessionwarden.Suspect) bool { return l.Loud })
}

// claimed reports whether the session goes on and its owner has claimed it
// since.
func claimed(a *sessionwarden.Account, h *sessionwarden.History, l *sessionwarden.Suspect) bool {
	return l.Session != "" && slices.ContainsFunc(h.Live, func(s sessionwarden.Sighting) bool { return s.ID == l.Session && vouched(a, &s) })
}
