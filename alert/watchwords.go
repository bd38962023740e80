package alert

import "sessionwarden"

// kindWords is what is said of a matter that has no sessions.
type kindWords struct {
	title string   // where the alert has none
	means string   // what it means for the reader; may be ""
	todo  []string // what to do, where the alert does not say
}

// kindOf returns the words of a kind.
func kindOf(kind sessionwarden.AlertKind) kindWords {
	switch kind {
	case sessionwarden.Intrusion:
		return kindWords{"suspicious sessions", "", []string{"Look at them: sessionwarden findings"}}
	case sessionwarden.Rail:
		return kindWords{"a disconnection was held back", "What was held is not ended until you answer.",
			[]string{"See what waits for you: sessionwarden actions"}}
	case sessionwarden.Blind:
		return kindWords{"the account is not being watched", "Logins are not seen meanwhile, and nothing is ended.",
			[]string{"It is tried again on schedule.", "Find out why: sessionwarden check"}}
	case sessionwarden.Recovered:
		return kindWords{"all is well again", "", nil}
	case sessionwarden.OwnSession:
		return kindWords{"something is wrong with the watch's own session", "",
			[]string{"Look at the sessions: sessionwarden sessions"}}
	case sessionwarden.ServiceOdd:
		return kindWords{"the service answers in an unknown way", "",
			[]string{"Watching goes on with what can be understood.", "Look at the state: sessionwarden status"}}
	case sessionwarden.StaleData:
		return kindWords{"location data is missing or old", "Places may be wrong or unknown.",
			[]string{"Put a newer file where [geo] in the configuration says.", "Look at the state: sessionwarden status"}}
	case sessionwarden.Unsaved:
		return kindWords{"the history cannot be saved", "Watching goes on from memory; nothing is ended until it can be saved.",
			[]string{"Look at free space and permissions of the data directory."}}
	case sessionwarden.ConfigBad:
		return kindWords{"the changed configuration is not used", "The one before it stays in force.",
			[]string{"See all mistakes: sessionwarden check --offline"}}
	case sessionwarden.RuleFailed:
		return kindWords{"a rule of your own could not be worked out", "It finds nothing where that happens.",
			[]string{"Mend it in the configuration, and try it: sessionwarden check --offline"}}
	case sessionwarden.TestAlert:
		return kindWords{"this is a test alert", "Nothing happened. If you can read this, alerts reach you here.", nil}
	case sessionwarden.ProgramError:
		return kindWords{"the program made a mistake", "The watch goes on.",
			[]string{"Please report it, with the lines of the log around it."}}
	case sessionwarden.Restored:
		return kindWords{"the history was damaged; a backup took its place", "Watching and telling go on. Nothing is disconnected until you confirm it.",
			[]string{"Look at what is held: sessionwarden actions", "Then confirm: sessionwarden resume"}}
	case sessionwarden.Begun:
		return kindWords{"an empty history was begun", "Nothing of the history before is known any more.",
			[]string{"Bring one back: sessionwarden restore FILE"}}
	case sessionwarden.NotStarted:
		return kindWords{"sessionwarden could not start: nothing is watched", "",
			[]string{"Look at what is wrong: sessionwarden check"}}
	case sessionwarden.CanaryFailed:
		return kindWords{"the canary found that the watch would not notice a thief", "A made-up session did not come through the watch as it should.",
			[]string{"Look at the sessions yourself meanwhile: sessionwarden sessions", "Find out what is wrong: sessionwarden check"}}
	case sessionwarden.NoBackup:
		return kindWords{"the history is not being copied", "The watch goes on. If the database were damaged now, more of the history would be lost.",
			[]string{"Look at free space and permissions of the folder that [backup] dir names.", "Try it: sessionwarden backup FILE"}}
	case sessionwarden.DigestAlert:
		return kindWords{"what happened, and how the watch stands", "", []string{"Look at the state: sessionwarden status"}}
	}
	return kindWords{"something happened", "", []string{"Look at the state: sessionwarden status"}}
}

// watchSections makes the sections of an alert without sessions.
func watchSections(a sessionwarden.Alert, f Facts) []Section {
	words := kindOf(a.Kind)
	var lines []Line
	if words.means != "" {
		lines = append(lines, say(words.means))
	}
	lines = append(lines, told(a.Lines)...)
	if len(a.Lines) == 0 {
		lines = append(lines, told(words.todo)...)
	}
	if account := accountName(a.Account); account != "" {
		lines = append(lines, entry("Account", account))
	}
	if !a.Created.IsZero() {
		lines = append(lines, entry("When", f.moment(a.Created)))
	}
	if a.More > 0 {
		lines = append(lines, say("and "+count(a.More, "session", "sessions")))
	}
	return []Section{{Lines: lines}}
}
