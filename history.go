package sessionwarden

import (
	"maps"
	"net/netip"
	"slices"
	"time"
)

// History is what is remembered of one account between polls: the state
// record beside the log. The zero value with an Account is an account that was
// never polled.
type History struct {
	Account  string
	Baseline time.Time // when the first poll was recorded; zero: not yet
	Stamp    string    // [Account.Stamp] that the live sessions were judged under

	Live    []Sighting // what is live, by Seq
	Past    []Past     // what is gone, lately: so that the expired list brings no old news
	Recent  []Sighting // what ended within a day, by Seq: where the account was used just before
	Floor   time.Time  // expired sessions that started before this are old news
	Profile Profile
	Actions []Action // the open ones, by ID
	Spent   []Spent  // disconnections that happened in the last hour
	Trusts  []Trust  // that hold, and those that ended lately; by ID

	Incident *Incident // the open one; nil: there is none

	Facts AccountFacts // what the service says of the account; when it was read is on disk with other commits

	Blind   Blindness
	Logouts []time.Time          // when our own session was ended by someone, in the last hour
	Told    map[string]time.Time // one-time tellings: what, and when

	LastPoll time.Time // the last good poll; kept in memory, on disk with other commits
}

// Past remembers a session that is gone.
type Past struct {
	Key     Key
	Started time.Time
	Addr    netip.Addr // where it was last; the zero value: not known
}

// Spent is one disconnection that counts against an hourly limit.
type Spent struct {
	At       time.Time
	Stranger bool
}

// Blindness says since when an account cannot be polled.
type Blindness struct {
	Since time.Time // the first poll that failed; zero: all is well
	Told  bool      // people know
	Why   string
}

// Profile is what is known of an account's owner, learned from his sessions.
type Profile struct {
	Countries map[Country]Span
	Networks  map[uint32]Span // by ASN
	Devices   map[string]Span

	// Hours is how much the account was used in each hour of the day in UTC, what
	// was long ago counting less.
	Hours [24]float32

	Sessions int       // how many sessions it was learned from
	Active   time.Time // the owner's last activity that it was learned from: it ages only with that
	MostLive int       // the most sessions of the owner that lived at a time
	Since    time.Time // when a person had it begun anew; zero: with the first poll
}

// Span is when something was first and last seen, and how often.
type Span struct {
	First, Last time.Time
	Weight      float64 // how often, by Last, what was long before it counting less; 0: once
}

// Empty reports whether nothing is known: rules that need history abstain.
func (p Profile) Empty() bool {
	return len(p.Countries) == 0 && len(p.Networks) == 0 && len(p.Devices) == 0
}

// Clone returns a copy of h that can be changed without changing h.
func (h History) Clone() History {
	h.Live = slices.Clone(h.Live)
	for i := range h.Live {
		h.Live[i].Verdicts = slices.Clone(h.Live[i].Verdicts)
	}
	h.Past = slices.Clone(h.Past)
	h.Recent = slices.Clone(h.Recent)
	h.Actions = slices.Clone(h.Actions)
	if h.Incident != nil {
		i := h.Incident.Clone()
		h.Incident = &i
	}
	h.Spent = slices.Clone(h.Spent)
	h.Trusts = slices.Clone(h.Trusts)
	h.Logouts = slices.Clone(h.Logouts)
	h.Told = maps.Clone(h.Told)
	h.Facts = h.Facts.Clone()
	h.Profile.Countries = maps.Clone(h.Profile.Countries)
	h.Profile.Networks = maps.Clone(h.Profile.Networks)
	h.Profile.Devices = maps.Clone(h.Profile.Devices)
	return h
}

// Change is what one poll, one action or one person's answer changed in one
// account: it goes to the disk whole or not at all.
type Change struct {
	History   History    // as it is from now on
	Sightings []Sighting // new rows of the history and rows that changed, by Seq
	Findings  []Finding  // new
	Actions   []Action   // new or changed
	Incidents []Incident // new or changed
	Alerts    []Alert    // new or with a higher revision
}

// Query chooses rows of the history. The zero value chooses all.
type Query struct {
	Account string    // "" every account
	Since   time.Time // rows that arrived or ended at or after this
	Live    bool      // only live sessions (sightings only)
	ID      uint64    // only this row

	// Back is for what is new: the newest rows come first, and the list ends
	// where a thousand rows in a row have nothing to do with it.
	Back bool
}
