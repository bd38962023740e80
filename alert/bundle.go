package alert

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"sessionwarden"
)

// Bundle puts many alerts into one message: how many there are on each
// account, the most severe ones by name, and where to see the rest. It is
// pure, and bounded however many there are.
func Bundle(alerts []sessionwarden.Alert, f Facts) Message {
	alerts = slices.Clone(alerts)
	slices.SortStableFunc(alerts, func(a, b sessionwarden.Alert) int {
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), ahead(asks(a), asks(b)), cmp.Compare(a.ID, b.ID))
	})
	m := Message{Kind: sessionwarden.Intrusion, Title: count(len(alerts), "alert", "alerts") + " at once"}
	if len(alerts) > 0 {
		m.Severity = alerts[0].Severity
	}
	accounts := make(map[string][3]int)
	pretended := false
	for _, a := range alerts {
		n := accounts[a.Account]
		n[min(int(a.Severity), 2)]++
		accounts[a.Account] = n
		pretended = pretended || dryRun(a)
	}
	if len(accounts) > 1 {
		m.Title += " on " + count(len(accounts), "account", "accounts")
	} else if len(alerts) > 0 && alerts[0].Account != "" {
		m.Title = accountName(alerts[0].Account) + ": " + m.Title
	}
	if pretended {
		m.Title = "DRY RUN, nothing was ended: " + m.Title
	}
	if f.Repeat || f.Asked {
		m.Title = "(repeat) " + m.Title
	}
	m.Sections = []Section{
		{Title: "How many", Lines: perAccount(accounts)},
		{Title: "The most severe", Lines: mostSevere(alerts, f)},
		{Lines: seeAll(alerts, accounts)},
	}
	m.Footer = bundleFooter(alerts, f)
	m.More = "sessionwarden findings"
	m = m.finish()
	m.Record = bundleRecord(alerts, f, m)
	return m
}

// perAccount counts the alerts of each account.
func perAccount(accounts map[string][3]int) []Line {
	const most = 10
	total := func(name string) int { n := accounts[name]; return n[0] + n[1] + n[2] }
	names := slices.SortedFunc(maps.Keys(accounts), func(a, b string) int {
		return cmp.Or(cmp.Compare(accounts[b][2], accounts[a][2]), cmp.Compare(total(b), total(a)), cmp.Compare(a, b))
	})
	var lines []Line
	for i, name := range names {
		if i == most {
			rest := 0
			for _, name := range names[most:] {
				rest += total(name)
			}
			lines = append(lines, say(fmt.Sprintf("and %s on %s", count(rest, "alert", "alerts"), count(len(names)-most, "more account", "more accounts"))))
			break
		}
		shown := accountName(name)
		if shown == "" {
			shown = "the program itself"
		}
		var parts []string
		for severity := 2; severity >= 0; severity-- {
			if n := accounts[name][severity]; n > 0 {
				parts = append(parts, fmt.Sprintf("%d %s", n, sessionwarden.Severity(severity)))
			}
		}
		lines = append(lines, entry(shown, strings.Join(parts, ", ")))
	}
	return lines
}

// mostSevere names the first of alerts, which are sorted.
func mostSevere(alerts []sessionwarden.Alert, f Facts) []Line {
	const most = 10
	var lines []Line
	for i, a := range alerts {
		if i == most {
			lines = append(lines, say("and "+count(len(alerts)-most, "more", "more")))
			break
		}
		when := ""
		if !a.Created.IsZero() {
			when = f.moment(a.Created) + " "
		}
		lines = append(lines, say("• "+when+cut(headline(a), 160)))
	}
	return lines
}

// seeAll says where to see what the bundle does not show.
func seeAll(alerts []sessionwarden.Alert, accounts map[string][3]int) []Line {
	account := ""
	if len(accounts) == 1 && len(alerts) > 0 {
		account = onAccount(alerts[0].Account)
	}
	return []Line{
		command("All of them: ", "sessionwarden findings"+account),
		command("What was done, and what waits for you: ", "sessionwarden actions"+account),
	}
}

// bundleFooter says where the bundle comes from.
func bundleFooter(alerts []sessionwarden.Alert, f Facts) []string {
	from := "sessionwarden"
	if f.Instance != "" {
		from += " on " + outside(f.Instance, 64)
	}
	var low, high uint64
	for _, a := range alerts {
		if a.ID == 0 || a.ID > maxCommitted {
			continue
		}
		if low == 0 || a.ID < low {
			low = a.ID
		}
		high = max(high, a.ID)
	}
	if high != 0 {
		from += ", alerts " + number(low) + " to " + number(high)
	}
	if !f.Now.IsZero() {
		from += ", as of " + f.moment(f.Now)
	}
	lines := []string{from}
	switch {
	case f.Asked:
		lines = append(lines, "One of them or more is sent again, as somebody asked for it.")
	case f.Repeat:
		lines = append(lines, "Some were sent before, as it is not known whether they arrived.")
	}
	return append(lines, locationLines(sessionwarden.Alert{}, f)...)
}
