package manncotest

import "time"

// A Scenario is a story: who has a session at the start, and what happens
// when. docs/scenarios.md describes its file.
type Scenario struct {
	Title string
	About string // what it shows, in a few sentences

	// Speed is how much time passes in the story per time that passes here:
	// at 60 an hour takes a minute. The sessions' timestamps are real ones.
	Speed float64

	Watcher  Place // where callers on loopback appear to be
	Variants map[Variant]string
	Accounts []Account
	Sessions []Opening
	Events   []Event // by time
}

// Place is an address with what the service says of it.
type Place struct {
	Address  string
	Location string
	ISP      string
}

// Opening is a session that is there at the start.
type Opening struct {
	Account string
	SessionSpec
}

// EventKind says what an event does.
type EventKind string

// The kinds of event.
const (
	EventSignIn     EventKind = "sign_in"     // Who signs in, with the facts of Session
	EventSignOut    EventKind = "sign_out"    // Who signs out
	EventMove       EventKind = "move"        // Who's session goes on under the facts of Session
	EventLook       EventKind = "look"        // Who looks around; only the account's last activity tells
	EventChange     EventKind = "change"      // Changes happen, by Who or by themselves
	EventEndWatcher EventKind = "end_watcher" // Who ends the watcher's sessions
	EventRevokeKey  EventKind = "revoke_key"  // the account's API key is revoked
	EventRestoreKey EventKind = "restore_key" // it is good again
	EventEgress     EventKind = "egress"      // the watcher's address changes to that of Session
	EventFault      EventKind = "fault"       // Fault is switched on, for For
	EventClear      EventKind = "clear"       // the faults of Fault.Kind are switched off; "" all
	EventVariant    EventKind = "variant"     // Variant gets Value
	EventSay        EventKind = "say"         // nothing but the narration
)

// EventKinds returns the kinds that a scenario can name.
func EventKinds() []EventKind {
	return []EventKind{
		EventSignIn, EventSignOut, EventMove, EventLook, EventChange, EventEndWatcher, EventRevokeKey,
		EventRestoreKey, EventEgress, EventFault, EventClear, EventVariant, EventSay,
	}
}

// Event is one thing that happens in a scenario. What Who does happens only
// while the session that Who signed in last is live, but for signing in.
type Event struct {
	At      time.Duration // in the story's time, from its start
	Kind    EventKind
	Account string
	Who     string // a label; "" nobody in particular

	Session SessionSpec    // sign_in, move, egress
	Changes map[string]any // change: fact names and values, as docs/scenarios.md lists them
	Fault   Fault          // fault, clear
	For     time.Duration  // fault: in the story's time; 0 until cleared
	Variant Variant        // variant
	Value   string         // variant

	Say       string // a line of narration, told when it happens
	Otherwise string // the line that is told instead when it does not

	Line int // in the file; 0 for one that comes from none

	// Play fills these in before it tells of the event.
	SessionID int64 // the session of Who; 0 none
	Skipped   bool  // it did not happen: the session of Who has ended
}

// Narration returns the line to tell, "" for none.
func (e Event) Narration() string {
	if e.Skipped {
		return e.Otherwise
	}
	return e.Say
}
