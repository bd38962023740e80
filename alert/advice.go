package alert

import "sessionwarden"

// advice says what to do: if it was you, and if it was not.
func advice(a sessionwarden.Alert, f Facts) []Section {
	return []Section{
		{Title: "If it was you", Lines: ifYou(a), rank: quieting},
		{Title: "If it was not you", Lines: ifNot(a, f), rank: advised},
	}
}

// ifYou names what would make the alert quiet next time.
func ifYou(a sessionwarden.Alert) []Line {
	const most = 5
	var lines []Line
	seen := make(map[string]bool)
	for _, item := range a.Items {
		for _, f := range worstFirst(item) {
			if f.Silence == "" || seen[f.Silence] {
				continue
			}
			seen[f.Silence] = true
			if len(lines) == most {
				return append(lines, command("and more: ", "sessionwarden findings"+onAccount(a.Account)))
			}
			lines = append(lines, command("To quiet "+ruleName(f.Rule)+": ", outside(f.Silence, 800)))
		}
	}
	return lines
}

// ruleName is a rule as an alert names it: one of ours, or "this".
func ruleName(rule sessionwarden.Rule) string {
	if info, ok := sessionwarden.RuleByName(string(rule)); ok {
		return string(info.Rule)
	}
	if rule.Own() {
		return string(rule)
	}
	return "this"
}

// ifNot says what a person should do about a thief.
func ifNot(a sessionwarden.Alert, f Facts) []Line {
	if a.Severity < sessionwarden.Warning {
		return nil
	}
	var lines []Line
	for _, item := range a.Items {
		if len(lines) < detailed && stays(item) && plainID(item.Sighting.ID) && onAccount(a.Account) != "" {
			when := "End it now: "
			if f.Unsaved { // nothing is ended that cannot be written down, not by hand either
				when = "End it, as soon as the history can be saved again: "
			}
			lines = append(lines, endIt(when, a, item.Sighting.ID))
		}
	}
	lines = append(lines,
		say("1. Change the password."),
		say("2. Revoke the API key and make a new one."),
		hand("3. Sign out everywhere: "),
		say("4. Look at the Steam account too: sign out everywhere, and check its API key and trade URL."))
	return append(lines, putBack(a)...)
}

// stays reports whether nothing is going to end the item's session.
func stays(item sessionwarden.AlertItem) bool {
	if !item.AboutSession() || item.Sighting.Ownership.Untouchable() || item.Sighting.State != sessionwarden.Live {
		return false
	}
	return item.Action == nil
}
