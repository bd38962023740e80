package alert

import (
	"slices"
	"strings"

	"sessionwarden"
)

// undone is what a person puts right after a change of the account, by the
// rule that speaks of it, and in the order of what costs the most.
var undone = []struct {
	rule sessionwarden.Rule
	do   string
}{
	{sessionwarden.TwoFactorOff, "turn two-factor authentication on again"},
	{sessionwarden.TradeURLChanged, "put your own trade URL back (make a new one on Steam)"},
	{sessionwarden.PayoutChanged, "put your own payout mail back"},
	{sessionwarden.ContactChanged, "put your own contact mail back"},
	{sessionwarden.DiscordChanged, "put your own Discord account back"},
	{sessionwarden.NameChanged, "put your own name back"},
}

// putBack says how to undo what was done to the account.
func putBack(a sessionwarden.Alert) []Line {
	found := make(map[sessionwarden.Rule]bool)
	for _, item := range a.Items {
		for _, f := range item.Findings {
			found[f.Rule] = true
		}
	}
	var todo []string
	for _, u := range undone {
		if found[u.rule] {
			todo = append(todo, u.do)
		}
	}
	var lines []Line
	switch {
	case len(todo) > 0:
		lines = append(lines, say("5. Then undo it: "+strings.Join(todo, "; ")+"."))
	case found[sessionwarden.Takeover]:
		lines = append(lines, say("5. Then undo what was changed: two-factor authentication, trade URL, payout and contact mail."))
	}
	if found[sessionwarden.BalanceDrop] || found[sessionwarden.PaymentReview] || found[sessionwarden.Takeover] {
		number := "5"
		if len(lines) > 0 {
			number = "6"
		}
		lines = append(lines, say(number+". Look at the latest payouts, purchases and trades. Write to the marketplace's support at once about those that are not yours: some can still be stopped."))
	}
	return lines
}

// oneAccount returns items with all that was found on the account in one of
// them: an incident finds one change after the other.
func oneAccount(items []sessionwarden.AlertItem) []sessionwarden.AlertItem {
	var merged []sessionwarden.AlertItem
	at := -1
	for _, item := range items {
		if _, sessions := ofAccount([]sessionwarden.AlertItem{item}); len(sessions) > 0 {
			merged = append(merged, item)
			continue
		}
		if at < 0 {
			at = len(merged)
			item.Findings = slices.Clone(item.Findings)
			merged = append(merged, item)
			continue
		}
		merged[at].Findings = append(merged[at].Findings, item.Findings...)
	}
	return merged
}

// ofAccount returns the item that is about the account itself, nil where there
// is none, and those about sessions.
func ofAccount(items []sessionwarden.AlertItem) (account *sessionwarden.AlertItem, sessions []sessionwarden.AlertItem) {
	for i := range items {
		if account == nil && !items[i].AboutSession() && items[i].Action == nil && len(items[i].Findings) > 0 {
			account = &items[i]
		} else {
			sessions = append(sessions, items[i])
		}
	}
	return account, sessions
}

// accountHappened is what was found on the account, in a few words.
func accountHappened(item sessionwarden.AlertItem) string {
	findings := worstFirst(item)
	text := ruleSays(findings[0].Rule)
	if others := len(findings) - 1; others > 0 {
		text += ", and " + count(others, "more change", "more changes")
	}
	return text
}

// isTakeover reports whether the rule takeover speaks of the item.
func isTakeover(item sessionwarden.AlertItem) bool {
	return slices.ContainsFunc(item.Findings, func(f sessionwarden.Finding) bool { return f.Rule == sessionwarden.Takeover })
}
