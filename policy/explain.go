package policy

import (
	"slices"

	"sessionwarden"
)

// Answer is what one rule says of one sighting, for a person who asks why.
type Answer struct {
	Rule    sessionwarden.Rule
	Finding *sessionwarden.Finding // what it found; nil: nothing
	Why     string                 // why it found nothing, in words that begin small and end without a dot
}

// Explain asks every rule about a case as [Judge] does, and returns what each of
// them says: those that matched first, the most urgent first, then the others in
// the configuration's order, the owner's own last. That a rule has spoken on the sighting before, or
// that its owner claimed it, keeps no rule silent here.
func Explain(c Case) []Answer {
	c.Sighting.Verdicts, c.Sighting.Denied = nil, false
	j := newJudgement(c)
	j.answers = new(answers)
	j.all()
	all := make([]Answer, 0, len(j.found)+len(*j.answers))
	for i := range j.found {
		all = append(all, Answer{Rule: j.found[i].Rule, Finding: &j.found[i]})
	}
	answer := func(rule sessionwarden.Rule) {
		if slices.ContainsFunc(j.found, func(f sessionwarden.Finding) bool { return f.Rule == rule }) {
			return
		}
		if i := slices.IndexFunc(*j.answers, func(a Answer) bool { return a.Rule == rule }); i >= 0 {
			all = append(all, (*j.answers)[i])
		}
	}
	for _, info := range sessionwarden.Rules() {
		answer(info.Rule)
	}
	for _, own := range c.Account.Own {
		answer(own.Name)
	}
	return all
}

// answers are what the rules that found nothing say.
type answers []Answer

// explains reports whether somebody wants to know why rules are silent: words
// that cost something are made for him alone.
func (j *judgement) explains() bool { return j.answers != nil }

// silent notes why rule finds nothing.
func (j *judgement) silent(rule sessionwarden.Rule, why string) {
	if j.answers != nil {
		*j.answers = append(*j.answers, Answer{Rule: rule, Why: why})
	}
}

// abstain notes why several rules find nothing.
func (j *judgement) abstain(why string, rules ...sessionwarden.Rule) {
	if j.answers == nil {
		return
	}
	for _, rule := range rules {
		if j.c.Account.Response(rule) == sessionwarden.Off {
			j.silent(rule, isOff)
		} else {
			j.silent(rule, why)
		}
	}
}

// AsksSessions reports whether rule judges sessions by themselves, so that
// [Explain] has an answer of it. The others judge the account's own facts, or
// the watch.
func AsksSessions(rule sessionwarden.Rule) bool {
	switch rule {
	case sessionwarden.WatcherLoggedOut, sessionwarden.Takeover, sessionwarden.TwoFactorOff, sessionwarden.TradeURLChanged,
		sessionwarden.PayoutChanged, sessionwarden.ContactChanged, sessionwarden.DiscordChanged, sessionwarden.NameChanged,
		sessionwarden.BalanceDrop, sessionwarden.PaymentReview:
		return false
	}
	info, known := sessionwarden.RuleByName(string(rule))
	return known && info.Judged || rule.Own()
}
