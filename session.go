package sessionwarden

import (
	"net/netip"
	"time"
)

// SessionID is the service's own id of a session. It is empty where the
// service gave none: such a session can be seen and told of, but not ended by
// itself.
type SessionID string

// Session is one login session of an account, as the service lists it. All
// strings were cleaned at decoding: valid UTF-8, at most 1 KiB, no control or
// format characters; they are hostile text still.
type Session struct {
	ID      SessionID
	Addr    netip.Addr // unmapped, without zone; invalid where the service's text was no address
	RawAddr string     // the service's text, only where Addr is invalid

	ServiceLocation string  // what the service says of the place, such as "US: New York"
	ServiceCountry  Country // the country in ServiceLocation; "" where it names none that exists
	ISP             string
	UserAgent       string

	Started time.Time // zero where missing or not plausible
	Expires time.Time // zero where missing or not plausible

	Ownership Ownership
	Flaws     []string // what could not be understood in the row, in words; nil when all was well
}

// Ownership says whose session a row is: the daemon's own, or not.
type Ownership uint8

// The kinds of ownership.
const (
	// NotOwn is a session of somebody else: the owner or a thief.
	NotOwn Ownership = iota
	// Own is the daemon's: the row that the service marks as current, or one
	// with the address and the time (±120 s) of a login of the daemon's.
	Own
	// Disputed rows are marked current although the daemon's login points at
	// another row. They are never touched, and people are told.
	Disputed
)

var ownershipNames = [...]string{"not_own", "own", "disputed"}

// String returns not_own, own or disputed.
func (o Ownership) String() string {
	if int(o) < len(ownershipNames) {
		return ownershipNames[o]
	}
	return "not_own"
}

// Untouchable reports whether no action may ever end the session.
func (o Ownership) Untouchable() bool { return o != NotOwn }

// Key tells sessions of one account apart: the service's id where there is
// one, else a weak fingerprint of what the row says. The first byte says
// which.
type Key string

// Key returns the identity of s within its account.
func (s Session) Key() Key {
	if s.ID != "" {
		return Key("#" + string(s.ID))
	}
	addr := s.RawAddr
	if s.Addr.IsValid() {
		addr = s.Addr.String()
	}
	return Key("~" + addr + "|" + s.ISP + "|" + s.UserAgent + "|" + s.Started.UTC().Format(time.RFC3339))
}

// AddrText returns the address as people read it: the canonical form, or the
// service's own text where that was no address.
func (s Session) AddrText() string {
	if s.Addr.IsValid() {
		return s.Addr.String()
	}
	return s.RawAddr
}

// Listing is one reading of an account's session list.
type Listing struct {
	Rows     []Session // in the service's order, without duplicates; shared, not to be changed
	Complete bool      // every row of the list is in Rows: a session that is not in it is gone
	Why      string    // why it is not complete, in words

	// Unchanged says that the service sent the same bytes as for the reading
	// before it, under the same login: Rows is the same slice.
	Unchanged bool

	Asked      time.Time // the daemon's clock when the first request was sent
	ServerTime time.Time // the service's clock (Date header); zero where it sent none

	LoggedIn  bool // the reading needed a new login
	LoggedOut bool // because our own session had been ended by someone before its time

	Notes []string // what changed in the service's way of answering, in words; told once each
}
