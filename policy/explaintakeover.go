package policy

import (
	"slices"
	"strconv"

	"sessionwarden"
)

// explaining is a case with what is recorded beside it.
type explaining struct {
	c *Case
	b *Beside
}

// takeover returns what takeover says of the session, and any rule of the account
// that spoke of the session in its place.
func (x *explaining) takeover() []Answer {
	var all []Answer
	said := false
	for _, f := range x.b.Told {
		if f.Rule == sessionwarden.WatcherLoggedOut || !x.isAbout(&f) {
			continue
		}
		if again, asked := Again(x.c.Account, f); asked {
			all = append(all, Answer{Rule: f.Rule, Finding: &again})
			said = said || f.Rule == sessionwarden.Takeover
		}
	}
	if !said {
		a := Answer{Rule: sessionwarden.Takeover}
		a.Finding, a.Why = x.belongs()
		all = append(all, a)
	}
	return all
}

// isAbout reports whether what was found of a change is about the session: it
// names it, or tells of it as of one that is over.
func (x *explaining) isAbout(f *sessionwarden.Finding) bool {
	s := &x.b.Sighting
	if f.Seq != 0 || f.Rule != sessionwarden.Takeover {
		return f.Seq != 0 && f.Seq == s.Seq
	}
	return factOf(f, FactAddress) == sessionwarden.Clean(addrText(*s), maxFact) && factOf(f, FactStarted) == timeText(began(s)) && !f.Time.Before(s.FirstSeen)
}

// belongs looks for changes of the account that the session belongs to, as
// [JudgeTakeover] does, and says why there is none.
func (x *explaining) belongs() (*sessionwarden.Finding, string) {
	a, s := &x.c.Account, &x.b.Sighting
	was := x.c.Before // it may have been suspicious elsewhere, and gone on
	loud := s.Suspicious() || was != nil && was.ID == s.ID && was.Suspicious()
	switch {
	case a.Response(sessionwarden.Takeover) == sessionwarden.Off:
		return nil, isOff
	case s.Ownership == sessionwarden.Own:
		return nil, "it is the watch's own session"
	case s.Ownership.Untouchable():
		return nil, "it may be the watch's own session"
	case s.Denied:
		return nil, "its owner claimed it"
	}
	if why, trusted := a.Vouches(s.Addr); trusted {
		return nil, why
	}
	t := together{a: a, h: &sessionwarden.History{Account: a.Name, Profile: x.c.Profile, Live: x.c.Live}, rails: Rails{Location: x.c.LocationFailed}, now: x.b.Now}
	for _, f := range x.b.Told {
		if c := changeOf(&f); f.Seq == 0 && counts(a, f.Rule) && c.Seen.Sub(s.FirstSeen).Abs() <= a.TakeoverWithin {
			t.changes = append(t.changes, c)
		}
	}
	if len(t.changes) == 0 {
		return nil, "two-factor authentication, trade URL, mails and balance were not seen to change within " + spanText(a.TakeoverWithin) + " of its coming"
	}
	with := t.belong(s.FirstSeen, began(s), loud)
	switch {
	case loud:
	case len(with) == 0:
		return nil, changesText(t.changes) + ", but it began only after that, and no rule asked for more than a note on it"
	case !s.GoneAt.IsZero():
		if with = met(with, s.GoneAt); len(with) == 0 {
			return nil, changesText(t.changes) + ", but it was over by then, and no rule asked for more than a note on it"
		}
	}
	if !loud {
		if why, isNew := x.isNew(); !isNew {
			return nil, changesText(with) + ", but no rule asked for more than a note on it, and " + why
		}
	}
	lately := slices.ContainsFunc(with, func(c sessionwarden.FactChange) bool { return x.b.Now.Sub(c.Seen) <= a.TakeoverWithin })
	if spared(a, s) || !lately {
		return nil, changesText(with) + ", and it would belong to that, but it was not told of with it"
	}
	rule, response := t.wanted(with)
	unsaid := *s // that it was said, and forgotten, keeps it from being said here
	unsaid.Verdicts = slices.DeleteFunc(slices.Clone(s.Verdicts), func(v sessionwarden.Verdict) bool { return v.Rule == rule })
	return &t.judge(&unsaid, with, rule, response)[0], ""
}

// isNew is [newTo] of the session, with why it is not.
func (x *explaining) isNew() (why string, isNew bool) {
	s := &x.b.Sighting
	t, granted := trusted(&x.c.Account, s)
	switch {
	case granted:
		return t.String() + " counts", false
	case s.Baseline:
		return "it was there at the first poll", false
	case s.Learned:
		return "it is known by now as the owner's", false
	case !x.c.Learning.IsZero():
		return "the account is still being learned", false
	}
	j := judgement{c: Case{Account: x.c.Account, Profile: x.c.Profile, Live: x.c.Live, Sighting: *s, Now: x.c.Now}}
	n := j.novelty()
	return "neither its country nor its network is new to the account", n.country || n.network
}

// changesText tells of the last of changes, and how many more there are.
func changesText(changes []sessionwarden.FactChange) string {
	c := changes[len(changes)-1]
	text := changeText(c) + between(c.Was, c.Seen)
	if more := len(changes) - 1; more > 0 {
		text += " (and " + strconv.Itoa(more) + " more)"
	}
	return text
}
