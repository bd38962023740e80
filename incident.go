package sessionwarden

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// Incident is what belongs together of one account in time: what was found, what
// was done about it, and when. An account has one open incident at most. It is
// opened by the first thing that people are told of, grows while more comes, and
// is resolved when nothing is left to be done and nothing new was found for
// [IncidentQuiet].
type Incident struct {
	ID       uint64
	Account  string
	Severity Severity // the highest so far
	Title    string   // the reason of the weightiest finding on a session, or of the first on the account; may contain hostile text. See Headline
	Changed  []Rule   // what was found of the account itself: the rules, each once, in the order of time; nil: nothing
	Opened   time.Time
	Updated  time.Time // when something new came last
	Resolved time.Time // zero: it is open
	AlertID  uint64    // the newest alert that tells of it; 0: none

	Sessions []uint64 // by Seq, at most MaxIncidentRows of each
	Findings []uint64
	Actions  []uint64

	Events []Event // its timeline, at most MaxEvents
	More   int     // how many events were left out

	Issued []Issue // the files of evidence that were made of it, the newest MaxIssues
}

// Issue is a file of evidence that was made of an incident.
type Issue struct {
	At   time.Time
	Head string // the head of the file's chain: 64 hexadecimal digits
}

// Event is one line of an incident's timeline.
type Event struct {
	At   time.Time
	Kind EventKind
	ID   uint64 // of what it tells: the finding, the action, the session's Seq; 0: the incident itself
	Text string // one sentence; may contain hostile text
}

// EventKind says what an event tells of.
type EventKind string

// The kinds of events.
const (
	EventOpened   EventKind = "opened"
	EventSession  EventKind = "session"  // a session came into it, or went on elsewhere
	EventFinding  EventKind = "finding"  // a rule matched
	EventAction   EventKind = "action"   // a disconnection came into another state
	EventAnswer   EventKind = "answer"   // a person answered, or has seen it
	EventResolved EventKind = "resolved" // nothing is left to be done, and nothing new was found
)

const (
	// IncidentQuiet is how long nothing new must have been found for an incident
	// to be over: as long as somebody who was ended is watched for coming back.
	IncidentQuiet = time.Hour
	// MaxEvents and MaxIncidentRows bound an incident: whoever floods the list
	// makes it no larger.
	MaxEvents       = 200
	MaxIncidentRows = 1000
	// MaxIssues is how many files of evidence an incident remembers.
	MaxIssues = 50
)

// Open reports whether the incident goes on.
func (i Incident) Open() bool { return i.Resolved.IsZero() }

// Headline is the incident in a sentence or two: what happened to the account
// itself first, as that is what somebody stole it for. It may contain hostile text.
func (i Incident) Headline() string {
	const most = 4
	if len(i.Changed) == 0 || len(i.Changed) == 1 && len(i.Sessions) == 0 {
		return i.Title
	}
	changed := slices.Clone(i.Changed)
	severity := func(r Rule) Severity { info, _ := RuleByName(string(r)); return info.Severity }
	slices.SortStableFunc(changed, func(a, b Rule) int { return int(severity(b)) - int(severity(a)) })
	var words []string
	for _, rule := range changed[:min(len(changed), most)] {
		if info, ok := RuleByName(string(rule)); ok {
			words = append(words, info.Says)
		}
	}
	if more := len(changed) - most; more > 0 {
		words = append(words, strconv.Itoa(more)+" more changed")
	}
	text := strings.Join(words, ", and ")
	if text == "" {
		return i.Title
	}
	text = strings.ToUpper(text[:1]) + text[1:] + "."
	if len(i.Sessions) > 0 && i.Title != "" {
		text += " " + i.Title
	}
	return text
}

// Clone returns a copy of i that can be changed without changing i.
func (i Incident) Clone() Incident {
	i.Changed = append([]Rule(nil), i.Changed...)
	i.Sessions = append([]uint64(nil), i.Sessions...)
	i.Findings = append([]uint64(nil), i.Findings...)
	i.Actions = append([]uint64(nil), i.Actions...)
	i.Events = append([]Event(nil), i.Events...)
	i.Issued = append([]Issue(nil), i.Issued...)
	return i
}
