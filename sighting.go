package sessionwarden

import "time"

// Sighting is a session with its location and the time it was seen: one row
// of the history. A session whose facts change (see [SessionMoved]) starts a
// new sighting; the old one stays as it was, in state Moved.
type Sighting struct {
	Seq     uint64 // its place in the history; ids rise in arrival order
	Account string
	Session
	Location Location
	Device   string // operating system and browser family, such as "Windows, Chrome"; "" unknown

	FirstSeen time.Time
	LastSeen  time.Time
	Missing   time.Time // since when a complete list lacks it; zero while it is listed
	GoneAt    time.Time // when it was first missed, once it is known to be gone
	State     SightingState

	// Active is when the session was used last, where that is not Started: it
	// changed its address, or the service does not say when it started. See Used.
	Active  time.Time
	EndedAt time.Time // when it was proven that we ended it; zero: it lives, or ended by itself
	LeftAt  time.Time // when it was known to be gone, a list after it was first missed; zero: it lives, or nobody wrote it down

	Baseline bool          // was there at the account's first poll
	Late     bool          // only seen among the expired sessions
	Unseen   time.Duration // how long nobody had looked before, of one that was only seen among the expired
	Verdicts []Verdict     // the rules that have spoken on these facts
	Denied   bool          // a person said "it was me": exactly this session is trusted
	DeniedAt time.Time     // when; zero: nobody did, or nobody wrote it down
	Learned  bool          // the profile has learned from it

	// Since is when the session was first seen with this place and device, where
	// it was elsewhere in between; zero: with FirstSeen. Faces are what else it was
	// lately, the oldest first; only a live session has them.
	Since time.Time
	Faces []Face

	// ReclassifiedAt is when new location data moved the session to another
	// country last, though the session itself had not moved, and
	// ReclassifiedFrom the country until then ("": unknown). Zero: never.
	ReclassifiedAt   time.Time
	ReclassifiedFrom Country
}

// Face is a place and a device that a session had before it went on elsewhere.
type Face struct {
	Country  Country
	ASN      uint32
	Device   string
	Since    time.Time // when it was first seen so
	Until    time.Time // when it went on from there last
	Learned  bool      // the profile has learned from it
	Verdicts []Verdict // the rules that had spoken
}

// SightingState is what became of a sighted session.
type SightingState uint8

// The states of a sighting.
const (
	Live  SightingState = iota
	Gone                // absent from two complete lists, or seen only among the expired
	Moved               // the same session goes on under other facts, in a later sighting
)

var sightingStates = [...]string{"live", "gone", "moved"}

// String returns live, gone or moved.
func (s SightingState) String() string {
	if int(s) < len(sightingStates) {
		return sightingStates[s]
	}
	return "live"
}

// Verdict remembers that a rule has spoken on a sighting, so that one session
// gets one finding per rule.
type Verdict struct {
	Rule     Rule
	Response Response
}

// Spoke reports whether rule has already matched these facts.
func (s Sighting) Spoke(rule Rule) bool {
	for _, v := range s.Verdicts {
		if v.Rule == rule {
			return true
		}
	}
	return false
}

// Suspicious reports whether a rule with a response above Log has matched.
func (s Sighting) Suspicious() bool {
	for _, v := range s.Verdicts {
		if v.Response > Log {
			return true
		}
	}
	return false
}

// Used returns the last sign that somebody used the session: its start, a
// timestamp of the service that moved on, an address that changed. That it is
// listed is none: a list shows a session for a month after its last use.
func (s Sighting) Used() time.Time {
	switch {
	case !s.Active.IsZero():
		return s.Active
	case s.Started.IsZero():
		return s.FirstSeen
	}
	return s.Started
}

// Age returns how old the session is at now: since the service says that it
// started, or since it was first seen where the service does not say or says
// something later.
func (s Sighting) Age(now time.Time) time.Duration {
	since := s.FirstSeen
	if !s.Started.IsZero() && s.Started.Before(since) {
		since = s.Started
	}
	return now.Sub(since)
}
