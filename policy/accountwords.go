package policy

import (
	"time"

	"sessionwarden"
)

// factNames is what people call a fact, by the rule that speaks of it.
var factNames = map[sessionwarden.Rule]string{
	sessionwarden.TradeURLChanged: "the trade URL",
	sessionwarden.PayoutChanged:   "the payout mail",
	sessionwarden.ContactChanged:  "the contact mail",
	sessionwarden.DiscordChanged:  "the Discord account",
	sessionwarden.NameChanged:     "the name",
}

// changeReason is the sentence of a finding about a change.
func changeReason(c sessionwarden.FactChange) string {
	return capital(changeText(c)) + between(c.Was, c.Seen) + "." + meaning(c.Rule)
}

// changeText says what changed, as part of a sentence.
func changeText(c sessionwarden.FactChange) string {
	switch c.Rule {
	case sessionwarden.TwoFactorOff:
		return "two-factor authentication was on and is off"
	case sessionwarden.BalanceDrop:
		return "the balance dropped from " + c.Before + " to " + c.After
	case sessionwarden.PaymentReview:
		return "payments under review rose from " + c.Before + " to " + c.After
	}
	name := factNames[c.Rule]
	if name == "" {
		name = string(c.Rule)
	}
	switch {
	case c.Before == "":
		return name + " was set to " + c.After
	case c.After == "":
		return name + " " + c.Before + " was taken away"
	}
	return name + " was changed from " + c.Before + " to " + c.After
}

// meaning says what a change does for a thief, where that needs saying.
func meaning(rule sessionwarden.Rule) string {
	switch rule {
	case sessionwarden.TwoFactorOff:
		return " Nothing but the password protects the account now."
	case sessionwarden.TradeURLChanged:
		return " What is withdrawn goes to the new one."
	case sessionwarden.PayoutChanged:
		return " Money that is paid out goes to the new one."
	case sessionwarden.ContactChanged:
		return " The service writes to the new one."
	case sessionwarden.PaymentReview:
		return " Somebody has asked for money to be moved."
	}
	return ""
}

// between says when something happened that was seen only afterwards.
func between(was, seen time.Time) string {
	if was.IsZero() || !was.Before(seen) {
		return ", seen at " + clockTime(seen, seen)
	}
	return ", between " + clockTime(was, seen) + " and " + clockTime(seen, was)
}

// clockTime is a time on the day of ref, or with its date if it is another.
func clockTime(t, ref time.Time) string {
	if t, ref = t.UTC(), ref.UTC(); t.YearDay() == ref.YearDay() && t.Year() == ref.Year() {
		return t.Format("15:04:05 MST")
	}
	return t.UTC().Format("2006-01-02 15:04 MST")
}

func capital(text string) string {
	if text != "" && text[0] >= 'a' && text[0] <= 'z' {
		return string(text[0]-'a'+'A') + text[1:]
	}
	return text
}
