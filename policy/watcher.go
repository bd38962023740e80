package policy

import (
	"strconv"
	"time"

	"sessionwarden"
)

const (
	hour = time.Hour
	// loudLogouts is how many times within an hour our own session may be
	// ended by someone until people are told whatever the configuration says.
	loudLogouts = 3
)

// LoggedOut judges that our own session was ended by someone. times are when
// that happened, this time included. It is false when the rule is off. From
// the third time within an hour people are told, even where the configuration
// only wants it recorded.
func LoggedOut(a sessionwarden.Account, times []time.Time, now time.Time) (sessionwarden.Finding, bool) {
	rule := sessionwarden.WatcherLoggedOut
	response := a.Response(rule)
	if response == sessionwarden.Off {
		return sessionwarden.Finding{}, false
	}
	n := 0
	for _, t := range times {
		if now.Sub(t) < hour {
			n++
		}
	}
	info, _ := sessionwarden.RuleByName(string(rule))
	f := sessionwarden.Finding{
		Account: a.Name, Rule: rule, Severity: info.Severity, Response: response, Time: now,
		Reason:  "Someone ended the watch's own session.",
		Facts:   []sessionwarden.Fact{{Name: FactTimesInHour, Value: strconv.Itoa(n)}},
		Silence: ruleLine(a, rule, sessionwarden.Off),
	}
	if n > 1 {
		f.Reason = "Someone ended the watch's own session, " + strconv.Itoa(n) + " times within an hour."
	}
	if n >= loudLogouts {
		f.Response = max(f.Response, sessionwarden.Notify)
	}
	if f.Response > sessionwarden.Notify {
		f.Response, f.Capped = sessionwarden.Notify, "nobody can say which session did it, so there is none to end"
	}
	return f, true
}
