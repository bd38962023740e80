package alert

import (
	"slices"
	"strings"
	"time"

	"sessionwarden"
)

// byHand is where a person ends a session without the program.
const byHand = " (settings → sessions)"

// outcome says what was done about one item, and no more than its action's
// state proves.
func outcome(a sessionwarden.Alert, item sessionwarden.AlertItem, f Facts) []Line {
	if item.Action == nil {
		return untouched(item)
	}
	act := *item.Action
	note := strings.TrimRight(outside(act.Note, 300), ".")
	ref := latest(a)
	switch act.State {
	case sessionwarden.Planned:
		if note == "" {
			return status("Ending it now.")
		}
		return status("Being ended, not done yet: " + note + ".")
	case sessionwarden.Held:
		return held(act, note, ref, f)
	case sessionwarden.Denied:
		if note != "" {
			return status("Left alone: " + note + ".")
		}
		return status("Left alone.")
	case sessionwarden.Done:
		return status("The service said it is ended; not proven yet.")
	case sessionwarden.Verified:
		ended := "Ended and verified gone"
		if by := outside(act.By, 80); by != "" {
			ended = "Ended by " + by + ", verified gone"
		}
		return status(ended + at(act, ref, f) + ".")
	case sessionwarden.Failed:
		if note == "" {
			note = "the service still lists it" + tries(act)
		}
		return append(status("NOT ENDED: "+note+"."), hand("Act by hand now: "))
	case sessionwarden.Refused:
		return refused(a, act, note, ref, f)
	case sessionwarden.Moot:
		if note == "" {
			note = "it was gone before anything was done"
		}
		return status("Nothing to end: " + note + ".")
	case sessionwarden.DryRun:
		return status("DRY RUN: nothing was ended. Without dry_run it would have been.")
	}
	return status("Its state is not known to this version.")
}

// status makes the line that says what was done.
func status(text string) []Line {
	return []Line{{{Text: text, Style: Strong}}}
}

// hand makes the line that sends a person to the service.
func hand(words string) Line {
	return Line{{Text: words}, {Text: home, Style: Link}, {Text: byHand}}
}

// at says when an action came to its state.
func at(act sessionwarden.Action, ref time.Time, f Facts) string {
	if act.Updated.IsZero() {
		return ""
	}
	return " at " + f.clockTime(act.Updated, ref)
}

// tries says how often an action was tried.
func tries(act sessionwarden.Action) string {
	if act.Attempts < 1 {
		return ""
	}
	return " after " + count(act.Attempts, "try", "tries")
}

// untouched says why nothing was done.
func untouched(item sessionwarden.AlertItem) []Line {
	var wanted sessionwarden.Response
	capped := ""
	for _, f := range item.Findings {
		wanted = max(wanted, f.Response)
		if capped == "" {
			capped = f.Capped
		}
	}
	var lines []Line
	switch {
	case !item.AboutSession():
		lines = status("Nothing was ended: this is about the account, not about one session.")
	case item.Sighting.Ownership == sessionwarden.Own:
		lines = status("Nothing was ended: it is the watch's own session, and no rule ever ends that.")
	case item.Sighting.Ownership == sessionwarden.Disputed:
		lines = status("Nothing was ended: the service contradicts itself about whose session it is.")
	case item.Sighting.State == sessionwarden.Gone:
		lines = status("Nothing was left to end: it was gone when it was found.")
	case wanted == sessionwarden.Notify:
		lines = status("Nothing was ended: the rule only tells.")
	default:
		lines = status("Nothing was ended.")
	}
	if capped != "" {
		lines = append(lines, say("Less than the configuration says: "+outside(capped, 200)))
	}
	return lines
}

// held says what an action waits for, how to answer and what comes if nobody
// does.
func held(act sessionwarden.Action, note string, ref time.Time, f Facts) []Line {
	why := holdWhy(act.Hold)
	lines := status("NOT ENDED. " + why)
	until := holdUntil(act, ref, f)
	switch {
	case act.Hold == sessionwarden.HeldByAsk && strings.HasPrefix(note, "waits for"):
		until = "It " + note + "." // says what comes without an answer, too
	case act.Hold == sessionwarden.HeldObserving:
		lines = append(lines, command("Confirm it, and end all that is held like this: ", "sessionwarden resume"))
	case note != "":
		lines = append(lines, entry("Held because", note))
	}
	if act.ID != 0 {
		lines = append(lines,
			command("End it: ", "sessionwarden approve "+number(act.ID)),
			command("It is fine, leave it: ", "sessionwarden deny "+number(act.ID)))
	}
	return append(lines, say(until))
}

// holdWhy says what holds an action.
func holdWhy(h sessionwarden.Hold) string {
	switch h {
	case sessionwarden.HeldByAsk:
		return "It waits for your answer."
	case sessionwarden.HeldByLimit:
		return "The hourly limit of disconnections is reached, so it waits for you."
	case sessionwarden.HeldStrangers:
		return "The hourly limit for strangers is reached, so it waits for its turn."
	case sessionwarden.HeldByGuard:
		return "A changed configuration would end many known sessions at once. That looks like a mistake, so it waits for you."
	case sessionwarden.HeldByGeo:
		return "Location data failed to load, so it waits for you."
	case sessionwarden.HeldByClock:
		return "This machine's clock cannot be right, so it waits until it is, or for you."
	case sessionwarden.HeldObserving:
		return "The history was restored from a backup, and nothing is disconnected until you confirm it."
	}
	return "It waits for you."
}

// holdUntil says until when a held action waits, and what comes then.
func holdUntil(act sessionwarden.Action, ref time.Time, f Facts) string {
	switch {
	case act.Hold == sessionwarden.HeldStrangers:
		return "It is ended by itself when the hour's budget is back, one by one; approve ends it at once."
	case act.Hold == sessionwarden.HeldByClock:
		return "It goes on by itself when the clock is right, after another look; approve ends it at once."
	case !act.Deadline.IsZero():
		return "Without an answer until " + f.clockTime(act.Deadline, ref) + ", ask_default decides: the session stays, unless the configuration says disconnect."
	}
	return "It waits until you answer; nothing happens by itself."
}

// refused says why an action was not allowed and what is left to do.
func refused(a sessionwarden.Alert, act sessionwarden.Action, note string, ref time.Time, f Facts) []Line {
	text := "NOT ENDED."
	if note != "" {
		text = "NOT ENDED: " + note + "."
	}
	lines := status(text)
	if act.NotTill.After(act.Updated) {
		lines = append(lines, say("It is tried again by itself at "+f.clockTime(act.NotTill, ref)+"."))
	}
	if act.Kind == sessionwarden.EndOne && plainID(act.Session) && onAccount(a.Account) != "" {
		return append(lines, endIt("To end it all the same: ", a, act.Session))
	}
	return append(lines, hand("To end it, sign out everywhere at "))
}

// endIt makes the line with the command that ends one session.
func endIt(words string, a sessionwarden.Alert, id sessionwarden.SessionID) Line {
	return command(words, "sessionwarden disconnect "+string(id)+onAccount(a.Account))
}

const nothingEnded = "nothing was ended"

// shortOutcome is the outcome in a few words, for titles and lists.
func shortOutcome(item sessionwarden.AlertItem) string {
	if item.Action == nil {
		if late(item) || item.Sighting.State == sessionwarden.Gone {
			return "found late, it is gone"
		}
		return nothingEnded
	}
	switch act := item.Action; act.State {
	case sessionwarden.Planned:
		if act.Note != "" && act.Attempts > 0 {
			return "NOT ENDED YET, trying again"
		}
		return "ending it now"
	case sessionwarden.Held:
		if act.Hold == sessionwarden.HeldStrangers {
			return "not ended yet, waiting for its turn"
		}
		return "NOT ENDED, waiting for you"
	case sessionwarden.Denied:
		return "left alone"
	case sessionwarden.Done:
		return "the service says ended, not proven yet"
	case sessionwarden.Verified:
		return "ended, verified gone"
	case sessionwarden.Failed:
		return "NOT ENDED, act by hand"
	case sessionwarden.Refused:
		return "NOT ENDED"
	case sessionwarden.Moot:
		if item.Sighting.State == sessionwarden.Live {
			return "nothing to end"
		}
		return "gone by itself"
	case sessionwarden.DryRun:
		return "would have been ended"
	}
	return "state unknown"
}

// incidentTitle is the title of an alert about sessions.
func incidentTitle(a sessionwarden.Alert) string {
	account, sessions := ofAccount(oneAccount(a.Items))
	text := ""
	if account != nil {
		if len(sessions) == 0 {
			return accountHappened(*account)
		}
		text = accountHappened(*account) + "; "
	}
	if total := len(sessions) + a.More; total > 1 {
		text += count(total, "suspicious session", "suspicious sessions")
		if a.More > 0 {
			text += " (" + count(len(sessions), "shown", "shown") + ")"
		}
		return text + ": " + outcomes(sessions)
	}
	if len(sessions) == 0 {
		return "something happened that is not shown here"
	}
	item := sessions[0]
	if account != nil {
		return text + "suspicious session from " + shortPlace(item.Sighting) + ": " + shortOutcome(item)
	}
	text = happened(item)
	if !item.AboutSession() && item.Action == nil {
		return text
	}
	return text + ": " + shortOutcome(item)
}

// outcomes counts the short outcomes of items, in the order of their coming.
func outcomes(items []sessionwarden.AlertItem) string {
	const most = 3
	var order []string
	counts := make(map[string]int)
	for _, item := range items {
		text := shortOutcome(item)
		if item.Action == nil && text == nothingEnded {
			text = "left alone"
		}
		if counts[text] == 0 {
			order = append(order, text)
		}
		counts[text]++
	}
	slices.SortStableFunc(order, func(a, b string) int { return counts[b] - counts[a] })
	var parts []string
	for i, text := range order {
		if i == most {
			parts = append(parts, "and others")
			break
		}
		if len(order) == 1 && len(items) > 1 {
			return "all " + text
		}
		parts = append(parts, number(uint64(counts[text]))+" "+text)
	}
	return strings.Join(parts, "; ")
}

// happened is what was found, in a few words.
func happened(item sessionwarden.AlertItem) string {
	findings := worstFirst(item)
	from := ""
	if item.AboutSession() {
		from = " from " + shortPlace(item.Sighting)
	}
	if len(findings) == 0 {
		return "session" + from
	}
	switch rule := findings[0].Rule; rule {
	case sessionwarden.UnexpectedCountry, sessionwarden.NewCountry:
		return "login" + from
	case sessionwarden.UnknownCountry:
		return "login from a place that is not known"
	case sessionwarden.LocationMismatch:
		return "login from a disputed place"
	case sessionwarden.HostingNetwork:
		return "login" + from + ", a hosting network"
	case sessionwarden.NewNetwork, sessionwarden.NewDevice:
		return ruleSays(rule)
	case sessionwarden.SessionMoved:
		return "a session suddenly elsewhere," + from
	case sessionwarden.SessionRoamed:
		return "a session on another network or device"
	case sessionwarden.Takeover:
		return "the account was changed beside a suspicious session" + from
	default:
		if !item.AboutSession() {
			return ruleSays(rule)
		}
		return "session" + from + ", " + ruleSays(rule)
	}
}
