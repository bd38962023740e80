package policy

import (
	"slices"

	"sessionwarden"
)

// movementRules asks about a session that goes on under other facts: the same
// id, never absent from a complete list. A new address in the same network
// and a new version of the same browser are nothing.
func (j *judgement) movementRules() {
	c := &j.c
	if c.Before == nil {
		j.abstain("the session has not changed its place or its device", sessionwarden.SessionMoved, sessionwarden.SessionRoamed)
		return
	}
	m := movement(c)
	if m.toNewCountry && j.vouchedPlace() {
		m.toNewCountry = false // where the owner said that he would be
	}
	switch {
	case m.toNewCountry || m.network && m.device:
		if rule := sessionwarden.SessionMoved; j.asks(rule) {
			j.record(j.says(rule, movedReason(c, m), trustLine(c, rule), beforeFacts(c.Before)...))
		}
		j.abstain("what changed is more than that; session_moved speaks", sessionwarden.SessionRoamed)
	case m.network || m.device:
		if rule := sessionwarden.SessionRoamed; j.asks(rule) {
			j.record(j.says(rule, roamedReason(c, m), ruleLine(c.Account, rule, sessionwarden.Off), beforeFacts(c.Before)...))
		}
		j.abstain("what changed is not that much; session_roamed speaks", sessionwarden.SessionMoved)
	default:
		j.abstain("only its address changed, within its network", sessionwarden.SessionMoved, sessionwarden.SessionRoamed)
	}
}

// moves says what changed in a session.
type moves struct {
	toNewCountry bool // into another country, which is new to the account
	network      bool // to another network
	device       bool // to another device family
}

// lastPlaced returns where a session was last as far as anybody knows, and on which
// device; nil where nobody does.
func lastPlaced(s *sessionwarden.Sighting) *sessionwarden.Sighting {
	for _, f := range slices.Backward(s.Faces) {
		if f.ASN != 0 || f.Country != "" {
			return &sessionwarden.Sighting{Device: f.Device, Location: sessionwarden.Location{Country: f.Country, ASN: f.ASN}}
		}
	}
	return nil
}

func movement(c *Case) moves {
	was, is := c.Before, &c.Sighting
	nowhere := !was.Addr.IsValid()
	if nowhere {
		// A row that names no address says nothing of where the session was: it is
		// held against where it was before that.
		if !is.Since.IsZero() && is.Since.Before(is.FirstSeen) {
			return moves{} // there it is again
		}
		if last := lastPlaced(is); last != nil {
			was, nowhere = last, false
		}
	}
	// Only what is known on both sides can be said to differ: an edition of
	// the service that leaves the agent out changes no device.
	m := moves{device: was.Device != "" && is.Device != "" && was.Device != is.Device}
	if sessionwarden.SamePlace(was.Addr, is.Addr) && was.RawAddr == is.RawAddr {
		return m // where it is the same address, only location data can differ
	}
	// An unknown network is another one than a known one: had they been the
	// same, both would be known.
	m.network = was.Location.ASN != is.Location.ASN && !nowhere
	country := placed(is.Location)
	if country == "" || country == placed(was.Location) {
		return m
	}
	g := stand(&c.Account, c.Live, is)
	if placed(was.Location) == "" && c.Profile.Empty() && !g.countries && !g.networks {
		return m // nothing is known yet that it could be new to
	}
	m.toNewCountry = !known(c.Profile.Countries, country, &c.Profile) && !g.country
	return m
}
