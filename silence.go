package sessionwarden

import (
	"fmt"
	"strings"
	"time"
)

// Silence keeps alerts from being sent until a time: what it covers is still
// found, acted on, recorded and counted. The zero value covers every alert below
// critical, and never holds.
type Silence struct {
	ID       uint64
	Account  string // "": every account, and the program itself
	Rule     Rule   // only alerts in which nothing but this rule spoke; "": any
	Topic    Topic  // only alerts about this; "": any
	Critical bool   // critical alerts too; else those are sent all the same

	Until   time.Time // it does not hold any more from then on
	Reason  string    // why, in a person's words; at most MaxSilenceReason bytes
	By      string    // who added it
	Created time.Time
	Removed time.Time // when a person ended it before its time; zero: nobody did
}

// Bounds of silences.
const (
	MaxSilence       = 90 * 24 * time.Hour // how far off a silence's end may be
	MaxSilences      = 100                 // how many may hold at a time
	MaxSilenceReason = 200                 // bytes
	KeepEndedSilence = 30 * 24 * time.Hour // how long one that has ended stays listed
)

// ParseSilenceEnd reads the end of a silence as [ParseUntil] reads that of a trust:
// a day, a time or a span, not farther off than [MaxSilence].
func ParseSilenceEnd(text string, now time.Time) (time.Time, error) {
	until, err := parseEnd(text, now, "a silence", "2h")
	if err == nil && until.Sub(now) > MaxSilence {
		return time.Time{}, fmt.Errorf("%q is too far off: a silence ends within 90 days; for what nobody wants to hear of, set the rule to log in the configuration", shown(text))
	}
	return until, err
}

// Void says why no alert could ever be covered by s, and what to do instead; ""
// where one could.
func (s Silence) Void() (problem, cure string) {
	switch {
	case s.Topic == TopicEscalation:
		return "an escalation is no alert of its own, but a critical one that is sent again",
			"acknowledge the incident (sessionwarden incidents acknowledge ID), or silence critical alerts too"
	case s.Rule == WatcherLoggedOut:
		return "that our own session was ended is told as a matter of the watch, and of no rule",
			"set the rule to log in the configuration, or silence the account's critical alerts of kind intrusion"
	case s.Rule != "" && s.Topic != "" && s.Topic != TopicIntrusion && s.Topic != TopicAccountChange:
		return "no alert of kind " + string(s.Topic) + " comes of a rule", "leave the rule or the kind out"
	case s.Account != "" && (s.Topic == TopicStale || s.Topic == TopicDigest):
		return "alerts of kind " + string(s.Topic) + " are about the whole program and not about an account", "leave the account out"
	}
	return "", ""
}

// Muted is what a silence kept from being sent: the alerts that some channel was
// not told of because of it, and has not been told of since.
type Muted struct {
	Alerts int
	Last   time.Time // when the last of them was left out; zero: none was
}

// Holds reports whether the silence counts at now.
func (s Silence) Holds(now time.Time) bool { return s.Removed.IsZero() && now.Before(s.Until) }

// Ended returns when the silence ended, or will end.
func (s Silence) Ended() time.Time {
	if !s.Removed.IsZero() && s.Removed.Before(s.Until) {
		return s.Removed
	}
	return s.Until
}

// State returns holds, removed or expired.
func (s Silence) State(now time.Time) string {
	switch {
	case s.Holds(now):
		return "holds"
	case s.Removed.IsZero():
		return "expired"
	}
	return "removed"
}

// Covers reports whether s keeps a from being sent, whatever the time is. No
// silence covers a test alert, or a digest unless it names that topic.
func (s Silence) Covers(a Alert) bool {
	switch {
	case a.Kind == TestAlert, a.Kind == DigestAlert && s.Topic != TopicDigest:
		return false
	case s.Account != "" && s.Account != a.Account, a.Severity >= Critical && !s.Critical:
		return false
	case s.Rule != "" && !onlyBy(a, s.Rule):
		return false
	}
	if s.Topic == "" {
		return true
	}
	for _, topic := range a.Topics() {
		if topic != s.Topic {
			return false
		}
	}
	return true
}

// onlyBy reports whether rule alone spoke in a, and at all.
func onlyBy(a Alert, rule Rule) bool {
	spoke := false
	for _, item := range a.Items {
		for _, f := range item.Findings {
			if f.Rule != rule {
				return false
			}
			spoke = true
		}
	}
	return spoke && a.More == 0
}

// What says what the silence covers, in a few words.
func (s Silence) What() string {
	var parts []string
	if s.Account != "" {
		parts = append(parts, "account "+s.Account)
	} else {
		parts = append(parts, "every account")
	}
	if s.Rule != "" {
		parts = append(parts, "rule "+string(s.Rule))
	}
	if s.Topic != "" {
		parts = append(parts, "kind "+string(s.Topic))
	}
	if s.Critical {
		parts = append(parts, "critical too")
	}
	return strings.Join(parts, ", ")
}
