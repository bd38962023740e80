package policy

import (
	"slices"

	"sessionwarden"
)

// Find judges a case and returns what is to be recorded of it: the new findings,
// without ID, and which rules have spoken on the sighting from then on, and how
// loud: a finding is one of a rule that had not asked for as much before.
//
// before are the verdicts under the configuration before this one, where the
// sighting is judged again because of that: what still matches and asks for the
// same is no finding again, and what does not match any more is forgotten. Nil:
// what has spoken stands.
func Find(c Case, before []sessionwarden.Verdict) (found []sessionwarden.Finding, verdicts []sessionwarden.Verdict) {
	if before != nil {
		c.Sighting.Verdicts = nil
	}
	s := &c.Sighting
	verdicts = slices.Clip(s.Verdicts)
	j := judge(c)
	found = slices.DeleteFunc(j.found, func(f sessionwarden.Finding) bool {
		for _, v := range before {
			if v.Rule == f.Rule && stillTrue(v, f, c.Account) {
				if _, trusted := c.Account.Trusts(s.Addr); trusted {
					v.Response = min(v.Response, f.Response) // it asks for more again when the trust is over
				}
				verdicts = append(verdicts, v)
				return true
			}
		}
		return false
	})
	for _, v := range before {
		f, kept, again := movedBefore(&c, v)
		if again {
			found = append(found, f)
		} else if kept {
			verdicts = append(verdicts, v)
		}
	}
	for i := range found {
		said := VerdictOf(found[i], c.Account)
		if k := slices.IndexFunc(j.lasting, func(v sessionwarden.Verdict) bool { return v.Rule == said.Rule }); k >= 0 {
			// The session itself is what it was: a changed configuration must
			// not make more of that than a question.
			said = j.lasting[k]
		}
		verdicts = append(slices.DeleteFunc(slices.Clone(verdicts), func(v sessionwarden.Verdict) bool { return v.Rule == said.Rule }), said)
	}
	return found, verdicts
}

// VerdictOf is what a sighting remembers of a finding. Nothing is done in a dry
// run: once that is over it is asked again.
func VerdictOf(f sessionwarden.Finding, a sessionwarden.Account) sessionwarden.Verdict {
	return sessionwarden.Verdict{Rule: f.Rule, Response: remembered(f.Response, &a)}
}

func remembered(response sessionwarden.Response, a *sessionwarden.Account) sessionwarden.Response {
	if a.DryRun && response >= sessionwarden.Disconnect {
		return sessionwarden.Notify
	}
	return response
}

// movedBefore keeps the verdict that a session moved or roamed: that is over,
// and the rule cannot be asked again. Where the configuration wants more done
// about it than it wanted then, it is a finding again. That the account was
// changed beside the session is kept as it is.
func movedBefore(c *Case, v sessionwarden.Verdict) (f sessionwarden.Finding, kept, again bool) {
	s, response := &c.Sighting, c.Account.Response(v.Rule)
	if !AsksSessions(v.Rule) && response != sessionwarden.Off {
		return f, true, false
	}
	moved := v.Rule == sessionwarden.SessionMoved || v.Rule == sessionwarden.SessionRoamed
	if !moved || c.Before != nil || response == sessionwarden.Off {
		return f, false, false
	}
	if response <= v.Response || c.Account.DryRun || s.Denied || s.Ownership.Untouchable() {
		return f, true, false
	}
	j := newJudgement(*c)
	const reason = "This session went on from another place or device before: sessionwarden history shows both. The configuration asks for more about that now."
	j.record(j.says(v.Rule, reason, trustLine(c, v.Rule)))
	if j.found[0].Response <= v.Response {
		return f, true, false // a trust lowers it: it asks for more again when that is over
	}
	return j.found[0], false, true
}

// stillTrue reports whether what the finding f asks for now was asked for by the
// verdict v, under the configuration before. A rule that asks for more than it did
// speaks again, whatever raised it: the configuration, the end of a trust, or the
// rule itself, to which the same session is a graver matter now. One that asks for
// less because of a cap has said all of that already; where it is the configuration
// that wants less, that is noted.
func stillTrue(v sessionwarden.Verdict, f sessionwarden.Finding, a sessionwarden.Account) bool {
	return v.Response == f.Response || v.Response == remembered(f.Response, &a) ||
		v.Response > f.Response && v.Response == a.Response(v.Rule)
}
