package sessionwarden

import (
	"encoding/base64"
	"strconv"
	"strings"
	"time"
)

// Offer is a button under a message: what a press on it asks for. The button
// carries the offer's id and nothing else, so that nobody can make one up; who may
// press is decided when it is pressed.
type Offer struct {
	ID       OfferID
	Alert    uint64 // under whose message it stands
	Incident uint64 // what the alert tells of; 0: none
	Account  string
	Verb     OfferVerb
	Created  time.Time

	// The session as it was when it was offered, for the verbs about one: a press
	// on the button of a session that went on elsewhere changes nothing.
	Seq     uint64 // its place in the history; 0: none
	Session SessionID
	Addr    string
	Device  string

	Pressed time.Time // when it was first pressed by somebody who may; zero: never
	By      string    // who that was
	Outcome string    // what came of it, one sentence; "" not known yet
}

// OfferID is the opaque id of an offer: the number of its alert, a dash, and what
// nobody can guess; at most [MaxOfferID] letters, digits, - and _. It gives nobody
// any right.
type OfferID string

// NewOfferID makes the id of a button of an alert. random is from a source that
// nobody can guess: 16 bytes or more.
func NewOfferID(alert uint64, random []byte) OfferID {
	return OfferID(strconv.FormatUint(alert, 10) + "-" + base64.RawURLEncoding.EncodeToString(random))
}

// Alert returns the alert under whose message the offer stands; 0 where the id is
// none that the program made.
func (id OfferID) Alert() uint64 {
	number, rest, _ := strings.Cut(string(id), "-")
	alert, err := strconv.ParseUint(number, 10, 64)
	if err != nil || rest == "" || !id.Whole() {
		return 0
	}
	return alert
}

// MaxOfferID is how long the id of an offer may be, in bytes.
const MaxOfferID = 64

// OfferVerb is what an offer asks for. It is stored.
type OfferVerb string

// The verbs.
const (
	OfferEnd         OfferVerb = "end"         // end this session
	OfferMine        OfferVerb = "mine"        // it was me: this session, void when it moves
	OfferMineNetwork OfferVerb = "mine_net"    // it was me: its network, for OfferTrustFor
	OfferEndAll      OfferVerb = "end_all"     // end every session of the account but ours
	OfferAcknowledge OfferVerb = "acknowledge" // a person has seen it
)

// OfferTrustFor is how long a network is trusted by a button.
const OfferTrustFor = 7 * 24 * time.Hour

// Whole reports whether the id has the form of one.
func (id OfferID) Whole() bool {
	if id == "" || len(id) > MaxOfferID {
		return false
	}
	for i := range len(id) {
		c := id[i]
		if c != '-' && c != '_' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			return false
		}
	}
	return true
}
