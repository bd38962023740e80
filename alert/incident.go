package alert

import (
	"cmp"
	"slices"
	"strings"

	"sessionwarden"
)

// detailed is how many sessions a message describes in full; the others get
// one line each. Three fill the screen of a phone.
const detailed = 3

// incident makes the sections of an alert about sessions.
func incident(a sessionwarden.Alert, f Facts) []Section {
	var sections []Section
	a.Items = forYouFirst(a.Items)
	full := a.Items
	if len(full) > detailed {
		full = full[:detailed]
	}
	for _, item := range full {
		sections = append(sections, session(a, item, f))
	}
	if rest := a.Items[len(full):]; len(rest) > 0 {
		s := Section{Title: "Also", rank: advised}
		for _, item := range rest {
			s.Lines = append(s.Lines, brief(item))
		}
		sections = append(sections, s)
	}
	if a.More > 0 {
		s := Section{rank: advised, Lines: []Line{command(count(a.More, "more session", "more sessions")+", not shown here: ", "sessionwarden findings"+onAccount(a.Account))}}
		sections = append(sections, s)
	}
	if len(a.Lines) > 0 {
		sections = append(sections, Section{Lines: told(a.Lines), rank: particular})
	}
	if f.Final && open(a) {
		sections = append(sections, Section{rank: quieting, Lines: []Line{command("This message stays as it is. What became of it: ", "sessionwarden actions"+onAccount(a.Account))}})
	}
	return append(sections, advice(a, f)...)
}

// forYouFirst puts the items in front that a person has to do something about.
func forYouFirst(items []sessionwarden.AlertItem) []sessionwarden.AlertItem {
	rank := func(item sessionwarden.AlertItem) int {
		if item.Action == nil {
			return 1
		}
		switch item.Action.State {
		case sessionwarden.Failed, sessionwarden.Refused:
			return 0
		case sessionwarden.Held:
			if item.Action.Hold != sessionwarden.HeldStrangers {
				return 0
			}
		}
		return 1
	}
	items = slices.Clone(items)
	slices.SortStableFunc(items, func(a, b sessionwarden.AlertItem) int { return rank(a) - rank(b) })
	return items
}

// open reports whether an action of the alert still has a way to go.
func open(a sessionwarden.Alert) bool {
	return slices.ContainsFunc(a.Items, func(item sessionwarden.AlertItem) bool {
		return item.Action != nil && item.Action.State.Open()
	})
}

// session describes one session in full.
func session(a sessionwarden.Alert, item sessionwarden.AlertItem, f Facts) Section {
	s := Section{Title: subject(item)}
	ref := latest(a)
	if late(item) {
		s.Lines = append(s.Lines, Line{{Text: "Found late: ", Style: Strong}, {Text: "it came and went while the watch did not see it. It is told now that it was found."}})
	}
	s.Lines = append(s.Lines, outcome(a, item, f)...)
	s.Lines = append(s.Lines, reasons(item)...)
	s.facts = len(s.Lines)
	if account := accountName(a.Account); account != "" {
		s.Lines = append(s.Lines, entry("Account", account))
	}
	if !item.AboutSession() {
		return s
	}
	if f.Buttons {
		s.Buttons = sessionButtons(a, item)
	}
	sight := item.Sighting
	s.Lines = append(s.Lines, entry("Address", address(sight)))
	s.Lines = append(s.Lines, entry("Place", place(sight)))
	s.Lines = append(s.Lines, entry("Network", network(sight)))
	s.Lines = append(s.Lines, entry("Device", device(sight)))
	s.Lines = append(s.Lines, entry("When", f.times(sight, ref)))
	return s
}

// subject names what the item is about.
func subject(item sessionwarden.AlertItem) string {
	if item.Action != nil && item.Action.Kind == sessionwarden.EndAll {
		return "All other sessions of the account"
	}
	if !item.AboutSession() {
		return "The account"
	}
	if item.Sighting.ID == "" {
		return "A session without an id"
	}
	return "Session " + outside(string(item.Sighting.ID), 40)
}

// late reports whether the item was found only afterwards.
func late(item sessionwarden.AlertItem) bool {
	return item.Sighting.Late || slices.ContainsFunc(item.Findings, func(f sessionwarden.Finding) bool { return f.Late })
}

// worstFirst returns the item's findings, the most severe first.
func worstFirst(item sessionwarden.AlertItem) []sessionwarden.Finding {
	findings := slices.Clone(item.Findings)
	slices.SortStableFunc(findings, func(a, b sessionwarden.Finding) int { return cmp.Compare(b.Severity, a.Severity) })
	return findings
}

// reasons says why the item was found: the worst reasons in full, two at most,
// and what else matched in a few words each.
func reasons(item sessionwarden.AlertItem) []Line {
	most, limit := 2, 300
	if !item.AboutSession() {
		most = 4 // the changes are what it is about
	}
	if isTakeover(item) {
		limit = 480 // it tells a story
	}
	var lines []Line
	var also []string
	findings := worstFirst(item)
	for i, f := range findings {
		if i >= most || item.AboutSession() && f.Severity < findings[0].Severity {
			also = append(also, ruleSays(f.Rule)+" ("+outside(string(f.Rule), 64)+")")
			continue
		}
		reason := outside(f.Reason, limit)
		if reason == "" {
			reason = ruleSays(f.Rule)
		}
		lines = append(lines, entry("Why", reason+" ("+outside(string(f.Rule), 64)+")"))
	}
	if len(also) > mostAlso {
		also = append(also[:mostAlso], count(len(also)-mostAlso, "more rule", "more rules"))
	}
	if len(also) > 0 {
		lines = append(lines, entry("Also", strings.Join(also, "; ")))
	}
	if len(findings) == 0 && item.Action != nil && item.Action.Reason != "" {
		lines = append(lines, entry("Why", outside(item.Action.Reason, 300)))
	}
	return lines
}

// mostAlso is how many rules are named in a few words each.
const mostAlso = 4

// ruleSays is what a rule looks for, in a few words.
func ruleSays(rule sessionwarden.Rule) string {
	if info, ok := sessionwarden.RuleByName(string(rule)); ok {
		return info.Says
	}
	if rule.Own() {
		return "a rule of your own matched"
	}
	return "a rule matched"
}

// brief describes one item in one line.
func brief(item sessionwarden.AlertItem) Line {
	if !item.AboutSession() {
		return Line{{Text: "• " + subject(item) + ": "}, {Text: shortOutcome(item), Style: Strong}}
	}
	line := Line{{Text: "• " + subject(item) + ", " + glance(item.Sighting) + ": "}, {Text: shortOutcome(item), Style: Strong}}
	if act := item.Action; act != nil && act.State == sessionwarden.Held && act.ID != 0 {
		line = append(line, Span{Text: ": "}, Span{Text: "sessionwarden approve " + number(act.ID), Style: Command})
	}
	return line
}

// told shows lines that the watch wrote.
func told(texts []string) []Line {
	const most = 12
	var lines []Line
	for i, text := range texts {
		if i == most {
			lines = append(lines, say(shortened))
			break
		}
		if line := ours(text, 500); len(line) > 0 {
			lines = append(lines, line)
		}
	}
	return lines
}

// onAccount is the option that limits a command to one account.
func onAccount(account string) string {
	if account == "" || !typable(account) {
		return ""
	}
	return " --account " + account
}

// plainID reports whether a session's id may stand in such a command. It
// comes from outside: letters, digits and dashes are all it may have.
func plainID(id sessionwarden.SessionID) bool {
	return typable(string(id)) && !strings.Contains(string(id), ".")
}

// typable reports whether text may stand in a command that a person copies
// into a shell as it is.
func typable(text string) bool {
	if text == "" || len(text) > 64 || text[0] == '-' {
		return false
	}
	for i := range len(text) {
		c := text[i]
		if c != '-' && c != '_' && c != '.' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			return false
		}
	}
	return true
}
