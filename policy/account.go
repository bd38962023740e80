package policy

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"sessionwarden"
)

// What an account remembers of what happened to it.
const (
	maxPeaks   = 64
	maxChanges = 16
)

// JudgeFacts compares what is remembered of an account with a later reading of
// its facts. It returns the facts as they are from now on, and what the rules
// say of what has changed, the most urgent first.
//
// What is not known on both sides is no change: the first reading is the
// baseline, and what the service leaves out once stays as it was. The findings
// are about the account (Seq 0) and come without ID. They name no session, so
// the most that they ask for is an alert; what else the configuration wants is
// done to suspicious sessions by [JudgeTakeover].
func JudgeFacts(a sessionwarden.Account, old, read sessionwarden.AccountFacts, now time.Time) (sessionwarden.AccountFacts, []sessionwarden.Finding) {
	j := accountJudgement{a: &a, now: now, facts: old.Clone().With(read)}
	j.facts.Changes = slices.DeleteFunc(j.facts.Changes, func(c sessionwarden.FactChange) bool { return now.Sub(c.Seen) > a.TakeoverWithin })
	if old.TwoFactor.OK() && read.TwoFactor.OK() && old.TwoFactor.Value && !read.TwoFactor.Value {
		j.changed(sessionwarden.TwoFactorOff, old.TwoFactor.Read, value{"on", "on"}, value{"off", "off"})
	}
	j.text(sessionwarden.TradeURLChanged, old.TradeURL, read.TradeURL, shortURL)
	j.text(sessionwarden.PayoutChanged, old.Payout, read.Payout, shortMail)
	j.text(sessionwarden.ContactChanged, old.Contact, read.Contact, shortMail)
	if !j.text(sessionwarden.DiscordChanged, old.Discord, read.Discord, shortID) {
		j.text(sessionwarden.DiscordChanged, old.DiscordTag, read.DiscordTag, shortName)
	}
	j.text(sessionwarden.NameChanged, old.Name, read.Name, shortName)
	j.balance(old, read)
	if old.Reviews.OK() && read.Reviews.OK() && read.Reviews.Value > old.Reviews.Value {
		before, after := strconv.FormatInt(old.Reviews.Value, 10), strconv.FormatInt(read.Reviews.Value, 10)
		j.changed(sessionwarden.PaymentReview, old.Reviews.Read, value{before, before}, value{after, after})
	}
	slices.SortStableFunc(j.found, ByUrgency)
	return j.facts, j.found
}

// accountJudgement is a reading of an account's facts while it is being judged.
type accountJudgement struct {
	a     *sessionwarden.Account
	now   time.Time
	facts sessionwarden.AccountFacts // as they are from now on
	found []sessionwarden.Finding
}

// value is a fact as it is, and as it may be shown to whoever reads a channel.
type value struct{ whole, shown string }

// text judges a fact that is a text, and reports whether it has changed.
func (j *accountJudgement) text(rule sessionwarden.Rule, old, read sessionwarden.Known[string], shown func(string) string) bool {
	if !old.OK() || !read.OK() || old.Value == read.Value {
		return false
	}
	before, after := shortened(old.Value, read.Value, shown)
	j.changed(rule, old.Read, value{old.Value, before}, value{read.Value, after})
	return true
}

// shortened returns two values of a fact as people read them.
func shortened(before, after string, shown func(string) string) (string, string) {
	before, after = shown(before), shown(after)
	if before == after && before != "" {
		after += " (another one that looks alike when shortened)"
	}
	return before, after
}

// changed records a change and makes the finding of it; nil where the rule is
// off.
func (j *accountJudgement) changed(rule sessionwarden.Rule, was time.Time, before, after value) *sessionwarden.Finding {
	if j.a.Response(rule) == sessionwarden.Off {
		return nil
	}
	change := sessionwarden.FactChange{Rule: rule, Before: before.shown, After: after.shown, Was: was, Seen: j.now}
	j.facts.Changes = append(j.facts.Changes, change)
	j.facts.Changes = bounded(j.facts.Changes, maxChanges, func(c sessionwarden.FactChange) bool { return counts(j.a, c.Rule) })
	info, _ := sessionwarden.RuleByName(string(rule))
	f := sessionwarden.Finding{
		Account: j.a.Name, Rule: rule, Severity: info.Severity, Response: j.a.Response(rule), Time: j.now,
		Reason: changeReason(change), Silence: ruleLine(*j.a, rule, sessionwarden.Log),
	}
	for _, fact := range [...]sessionwarden.Fact{
		{Name: FactBefore, Value: sessionwarden.Clean(before.whole, sessionwarden.MaxText)},
		{Name: FactAfter, Value: sessionwarden.Clean(after.whole, sessionwarden.MaxText)},
		{Name: FactReadBefore, Value: timeText(was)},
	} {
		if fact.Value != "" {
			f.Facts = append(f.Facts, fact)
		}
	}
	if f.Response > sessionwarden.Notify {
		f.Response, f.Capped = sessionwarden.Notify, "a change of the account names no session: only a suspicious one is acted on, as takeover"
	}
	j.found = append(j.found, f)
	return &j.found[len(j.found)-1]
}

// bounded drops the oldest of a list that has more than most entries, those first
// that do not matter: nobody pushes out what does with what does not.
func bounded[T any](list []T, most int, matters func(T) bool) []T {
	for len(list) > most {
		i := max(0, slices.IndexFunc(list, func(one T) bool { return !matters(one) }))
		list = slices.Delete(list, i, i+1)
	}
	return list
}

// maxCents bounds what is believed of a balance: beyond it sums overflow.
const maxCents = sessionwarden.Cents(1 << 53)

// balance judges the balance against the highest one within the hour before,
// so that a drop in many small steps is seen. Once it was told of, it counts
// anew from there.
func (j *accountJudgement) balance(old, read sessionwarden.AccountFacts) {
	if !old.Balance.OK() || !read.Balance.OK() {
		return
	}
	now := min(max(read.Balance.Value, -maxCents), maxCents)
	peaks := slices.DeleteFunc(slices.Clone(old.Peaks), func(p sessionwarden.Peak) bool { return j.now.Sub(p.At) >= hour })
	peaks = append(peaks, sessionwarden.Peak{At: old.Balance.Read, Value: min(max(old.Balance.Value, -maxCents), maxCents)})
	highest := slices.MaxFunc(peaks, func(a, b sessionwarden.Peak) int { return cmp.Compare(a.Value, b.Value) })
	drop := highest.Value - now
	if drop > 0 && drop >= j.a.BalanceDrop && float64(drop)*100 >= float64(highest.Value)*float64(j.a.BalanceDropPercent) {
		before, after := highest.Value.String(), now.String()
		if f := j.changed(sessionwarden.BalanceDrop, highest.At, value{before, before}, value{after, after}); f != nil {
			f.Silence = "balance_drop = " + strconv.Quote((drop + 1).String()) + " # in the [[account]] block of " + j.a.Name
		}
		peaks = nil
	}
	j.facts.Peaks = falling(peaks, now)
}

// falling keeps of peaks what may still be the highest of an hour: each is
// higher than all that come after it, and than now. What does not fit is taken
// together, in doubt for longer than it was true.
func falling(peaks []sessionwarden.Peak, now sessionwarden.Cents) []sessionwarden.Peak {
	var kept []sessionwarden.Peak
	for _, p := range peaks {
		for len(kept) > 0 && kept[len(kept)-1].Value <= p.Value {
			kept = kept[:len(kept)-1]
		}
		if p.Value > now {
			kept = append(kept, p)
		}
	}
	for len(kept) > maxPeaks {
		kept[1].Value = kept[0].Value
		kept = kept[1:]
	}
	return kept
}
