package policy

import (
	"slices"
	"strconv"
	"time"

	"sessionwarden"
)

// AccountAnswer is what a rule that judges the account alone, or the watch, says
// beside a session.
type AccountAnswer struct {
	Rule sessionwarden.Rule
	Says string    // how its fact stood when it was read last, shortened, in words that begin small and end without a dot; or why nobody knows
	Read time.Time // when that was; zero: never, or the rule is off

	// Changes are what it found while the session was there, in the order of
	// time, under the configuration of now.
	Changes []sessionwarden.Finding
}

// ExplainAccount returns what the rules that judge no session say beside one, in
// the configuration's order: what they saw last, and what changed while the
// session was there.
func ExplainAccount(a sessionwarden.Account, b Beside) []AccountAnswer {
	var all []AccountAnswer
	for _, info := range sessionwarden.Rules() {
		if AsksSessions(info.Rule) || info.Rule == sessionwarden.Takeover {
			continue
		}
		answer := AccountAnswer{Rule: info.Rule, Says: isOff}
		if a.Response(info.Rule) != sessionwarden.Off {
			answer.Says, answer.Read = b.lastOf(info.Rule)
		}
		for _, f := range b.Told {
			if f.Rule != info.Rule || f.Seq != 0 || !b.meanwhile(changeOf(&f)) {
				continue
			}
			if again, asked := Again(a, f); asked {
				answer.Changes = append(answer.Changes, again)
			}
		}
		all = append(all, answer)
	}
	return all
}

// meanwhile reports whether a change may have happened while the session was
// there.
func (b *Beside) meanwhile(c sessionwarden.FactChange) bool {
	s := &b.Sighting
	until := b.Now
	switch {
	case !s.GoneAt.IsZero():
		until = s.GoneAt
	case s.State == sessionwarden.Moved:
		until = s.LastSeen
	}
	since := c.Was
	if since.IsZero() {
		since = c.Seen
	}
	return !c.Seen.Before(began(s)) && !since.After(until)
}

// lastOf says how the fact of a rule stood when it was read last.
func (b *Beside) lastOf(rule sessionwarden.Rule) (says string, read time.Time) {
	f := &b.Facts
	switch rule {
	case sessionwarden.TwoFactorOff:
		says, read = "two-factor authentication is off", f.TwoFactor.Read
		if f.TwoFactor.Value {
			says = "two-factor authentication is on"
		}
	case sessionwarden.TradeURLChanged:
		says, read = textFact(rule, f.TradeURL)
	case sessionwarden.PayoutChanged:
		says, read = textFact(rule, f.Payout)
	case sessionwarden.ContactChanged:
		says, read = textFact(rule, f.Contact)
	case sessionwarden.DiscordChanged:
		if says, read = textFact(rule, f.Discord); f.DiscordTag.OK() && f.DiscordTag.Value != "" {
			if tag := shortName(f.DiscordTag.Value); read.IsZero() {
				says, read = factNames[rule]+" is "+tag, f.DiscordTag.Read
			} else {
				says += " (" + tag + ")"
			}
		}
	case sessionwarden.NameChanged:
		says, read = textFact(rule, f.Name)
	case sessionwarden.BalanceDrop:
		says, read = "the balance is "+f.Balance.Value.String(), f.Balance.Read
	case sessionwarden.PaymentReview:
		says, read = "payments under review: "+strconv.FormatInt(f.Reviews.Value, 10), f.Reviews.Read
	case sessionwarden.WatcherLoggedOut:
		says = "nobody ended our own session within the hour"
		n := 0
		for _, at := range b.Logouts {
			if b.Now.Sub(at) < hour {
				n++
			}
		}
		if n > 0 {
			says = "our own session was ended by someone within the hour; times: " + strconv.Itoa(n)
		}
		return says, b.Now
	}
	if read.IsZero() {
		return "the service has not said yet how it stands", read
	}
	return says, read
}

// textFact says how a fact that is a text stood when it was read last.
func textFact(rule sessionwarden.Rule, k sessionwarden.Known[string]) (says string, read time.Time) {
	if k.Value == "" {
		return factNames[rule] + " is not set", k.Read
	}
	return factNames[rule] + " is " + shownBy(rule, k.Value)(k.Value), k.Read
}

// shownBy returns how the values of the fact that rule speaks of are shortened.
func shownBy(rule sessionwarden.Rule, values ...string) func(string) string {
	switch rule {
	case sessionwarden.TradeURLChanged:
		return shortURL
	case sessionwarden.PayoutChanged, sessionwarden.ContactChanged:
		return shortMail
	case sessionwarden.DiscordChanged:
		for _, v := range values { // ids are numbers; what is none is a name
			if slices.ContainsFunc([]byte(v), func(b byte) bool { return b < '0' || b > '9' }) {
				return shortName
			}
		}
		return shortID
	case sessionwarden.NameChanged:
		return shortName
	}
	return func(text string) string { return text }
}

// changeOf returns the change that a finding about the account tells of.
func changeOf(f *sessionwarden.Finding) sessionwarden.FactChange {
	before, after := factOf(f, FactBefore), factOf(f, FactAfter)
	c := sessionwarden.FactChange{Rule: f.Rule, Seen: f.Time}
	c.Before, c.After = shortened(before, after, shownBy(f.Rule, before, after))
	c.Was, _ = time.Parse(time.RFC3339, factOf(f, FactReadBefore)) // of watcher_logged_out there is none
	return c
}

// factOf returns a fact of a finding; "" where it has none.
func factOf(f *sessionwarden.Finding, name string) string {
	for i := range f.Facts {
		if f.Facts[i].Name == name {
			return f.Facts[i].Value
		}
	}
	return ""
}

// Again returns what was found of an account by a rule that judges no session by
// itself (see [AsksSessions]), with the response that a gives the rule now. It is
// false where the rule is off.
func Again(a sessionwarden.Account, f sessionwarden.Finding) (sessionwarden.Finding, bool) {
	wanted := a.Response(f.Rule)
	switch {
	case wanted == sessionwarden.Off:
		return f, false
	case f.Seq == 0 && f.Rule == sessionwarden.WatcherLoggedOut:
		wanted = max(min(wanted, sessionwarden.Notify), f.Response) // the third in an hour is told louder
	case f.Seq == 0:
		wanted = min(wanted, sessionwarden.Notify) // it names no session that could be ended
	case f.Capped != "":
		wanted = min(wanted, f.Response)
	}
	f.Response = wanted
	return f, true
}
