package sessionwarden

import "time"

// Action is one disconnection: wanted, done and proven, or held, with why.
type Action struct {
	ID      uint64
	Account string
	Kind    ActionKind
	State   ActionState

	Seq     uint64    // the sighting it is about; 0 for EndAll
	Session SessionID // the id to end; may be empty
	Addr    string    // the session's address and device when it was planned: the identity
	Device  string    // that is checked again right before acting

	Reason   string // why it is wanted
	Note     string // why it is in its state: what held or refused it, what failed
	Hold     Hold   // what held it; NotHeld unless State is Held
	ByHand   bool   // a person asked for it or approved it
	By       string // who that was, as [Asker] says; "" not known
	Stranger bool   // which of the two hourly limits it counts against
	Findings []uint64
	AlertID  uint64 // the alert that speaks of it; 0 none

	Attempts int
	Deadline time.Time // when a question ends; zero: it stands until a person answers
	NotTill  time.Time // not tried again before this
	Answered time.Time // when the last call came back, well or not
	Created  time.Time
	Updated  time.Time
}

// ActionKind says what is ended.
type ActionKind uint8

// The kinds of action.
const (
	EndOne ActionKind = iota // one session, by its id
	EndAll                   // the service's own call for all, which ends ours too
)

// String returns disconnect or disconnect_all.
func (k ActionKind) String() string {
	if k == EndAll {
		return "disconnect_all"
	}
	return "disconnect"
}

// ActionState is where an action stands. docs/architecture.md draws the
// machine.
type ActionState uint8

// The states of an action.
const (
	Planned  ActionState = iota // on disk, to be carried out
	Held                        // waits for a person, or for the hour's budget
	Denied                      // a person said no
	Done                        // the service said it was done; not proven yet
	Verified                    // a complete list read afterwards lacks the session
	Failed                      // tried as often as is sensible, and still listed
	Refused                     // a rail or a missing id forbids it
	Moot                        // the session was gone before anything was done, or our own change took it back
	DryRun                      // would have been done
)

var actionStates = [...]string{"planned", "held", "denied", "done", "verified", "failed", "refused", "moot", "dry_run"}

// String returns the contract's word for s.
func (s ActionState) String() string {
	if int(s) < len(actionStates) {
		return actionStates[s]
	}
	return "unknown"
}

// Open reports whether the action still has a way to go.
func (s ActionState) Open() bool { return s == Planned || s == Held || s == Done }

// Hold says what holds an action.
type Hold uint8

// What may hold an action.
const (
	NotHeld       Hold = iota
	HeldByAsk          // the rule's response is ask
	HeldByLimit        // the hourly limit for sessions with a tie to the profile, or one of none for strangers
	HeldStrangers      // the hourly limit for strangers: ends by itself when budget returns
	HeldByGuard        // the guard against a mistaken rule
	HeldByGeo          // location data failed to load
	HeldByClock        // an implausible clock
	HeldObserving      // a history that a person has to confirm first: ends with [Observing]
)

var holdNames = [...]string{"", "ask", "limit", "limit_strangers", "guard", "location_data", "clock", "observing"}

// String returns the name of what holds, "" for NotHeld.
func (h Hold) String() string {
	if int(h) < len(holdNames) {
		return holdNames[h]
	}
	return ""
}
