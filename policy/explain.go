package policy

import (
	"slices"
	"time"

	"sessionwarden"
)

// Answer is what one rule says of one sighting, for a person who asks why.
type Answer struct {
	Rule    sessionwarden.Rule
	Finding *sessionwarden.Finding // what it found; nil: nothing
	Why     string                 // why it found nothing, in words that begin small and end without a dot
}

// Beside is what is recorded of an account beside the case that [Explain] is
// asked about, and [ExplainAccount]. The zero value knows nothing.
type Beside struct {
	// Sighting is the judged session as it stands now, with all that was found on
	// it since.
	Sighting sessionwarden.Sighting
	// Told is what was found of the account itself and its changes, in the order of
	// time: by the rules that judge no session by itself, see [AsksSessions].
	Told    []sessionwarden.Finding
	Facts   sessionwarden.AccountFacts // as they were read last
	Logouts []time.Time                // when our own session was ended by someone, lately
	Now     time.Time                  // the time of the answer
}

// Explain asks every rule about a case as [Judge] does, and returns what each of
// them says: those that matched first, the most urgent first, then the others in
// the configuration's order, the owner's own last. That a rule has spoken on the sighting before, or
// that its owner claimed it, keeps no rule silent here.
//
// Takeover, which compares a session with what became of the account, answers by
// what was recorded. The rules that judge the account alone are not among the
// answers: [ExplainAccount] has theirs.
func Explain(c Case, b Beside) []Answer {
	x := explaining{c: &c, b: &b}
	answered := x.takeover()
	c.Sighting.Verdicts, c.Sighting.Denied = nil, false
	j := newJudgement(c)
	j.answers = new(answers)
	j.all()
	var all []Answer
	for i := range j.found {
		answered = append(answered, Answer{Rule: j.found[i].Rule, Finding: &j.found[i]})
	}
	for _, a := range answered {
		if a.Finding != nil {
			all = append(all, a)
		}
	}
	slices.SortStableFunc(all, func(a, b Answer) int { return ByUrgency(*a.Finding, *b.Finding) })
	answered = append(answered, *j.answers...)
	answer := func(rule sessionwarden.Rule) {
		if i := slices.IndexFunc(answered, func(a Answer) bool { return a.Rule == rule }); i >= 0 && answered[i].Finding == nil {
			all = append(all, answered[i])
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

// AsksSessions reports whether rule judges sessions by themselves. The others
// judge the account's own facts, takeover both together, or the watch.
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

// ChangeOfAccount reports whether rule speaks of a change of the account itself.
func ChangeOfAccount(rule sessionwarden.Rule) bool {
	info, known := sessionwarden.RuleByName(string(rule))
	return known && info.Judged && !AsksSessions(rule) && rule != sessionwarden.Takeover && rule != sessionwarden.WatcherLoggedOut
}
