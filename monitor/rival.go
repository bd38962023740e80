package monitor

import (
	"fmt"
	"slices"
	"time"

	"sessionwarden"
)

// Two watches of one account that do not expect each other's address end each
// other: one ends the other's session, that one logs in again and does the
// same, and so on. It is told apart from a thief by nothing that a thief could
// not do too: so nothing is held for it. It is told, with the cure.

const (
	rivalRounds = 3              // before people are told
	rivalFor    = time.Hour      // that a session's end is remembered
	rivalAgain  = 24 * time.Hour // before people are told again
	maxRivals   = 256            // that an account remembers
)

// rival is who keeps coming back: an address (of IPv6 the /64) and a device.
type rival struct{ addr, agent string }

// contest is what is remembered of a rival, in memory only.
type contest struct {
	ended  time.Time   // when a session of his was ended by us, last
	rounds []time.Time // when our own was ended while he was back
}

// rivalOf returns who a session belongs to.
func rivalOf(s sessionwarden.Session) rival {
	r := rival{addr: s.AddrText(), agent: s.UserAgent}
	if s.Addr.Is6() {
		if network, err := s.Addr.Prefix(64); err == nil {
			r.addr = network.String()
		}
	}
	return r
}

// beaten remembers whose session was ended.
func (d *draft) beaten(s sessionwarden.Session) {
	for r, c := range d.w.rivals {
		if d.now.Sub(c.ended) >= rivalFor {
			delete(d.w.rivals, r)
		}
	}
	r := rivalOf(s)
	c := d.w.rivals[r]
	if c == nil {
		if len(d.w.rivals) >= maxRivals {
			return
		}
		if d.w.rivals == nil {
			d.w.rivals = make(map[rival]*contest)
		}
		c = new(contest)
		d.w.rivals[r] = c
	}
	c.ended = d.now
}

// contested looks whether our session was ended by one whom we had ended
// before, again and again.
func (d *draft) contested(rows []sessionwarden.Session) {
	ours := ""
	for _, row := range rows {
		if row.Ownership == sessionwarden.Own {
			ours = " (" + row.AddrText() + ")"
		}
	}
	seen := make(map[rival]bool)
	for _, row := range rows {
		r := rivalOf(row)
		c := d.w.rivals[r]
		if c == nil || seen[r] || row.Ownership != sessionwarden.NotOwn || d.now.Sub(c.ended) >= rivalFor {
			continue
		}
		seen[r] = true
		c.rounds = append(slices.DeleteFunc(c.rounds, func(at time.Time) bool { return d.now.Sub(at) >= rivalFor }), d.now)
		if len(c.rounds) < rivalRounds || !d.mayTellEvery("rival: "+r.addr, rivalAgain) {
			continue
		}
		d.notice(sessionwarden.OwnSession, sessionwarden.Critical,
			"The watch and "+r.addr+" keep ending each other's session",
			fmt.Sprintf("Each time a session from there (%s) was ended, it came back, and the watch's own session was ended: %d times within an hour.", sessionwarden.Clean(r.agent, 60), len(c.rounds)),
			"If another sessionwarden of yours runs there, each takes the other for an intruder: write "+r.addr+" into trusted_networks of this one, and the address of this one"+ours+" into trusted_networks of that one, or stop one of the two.",
			"If not, somebody fights the watch: change the password and the API key.",
			"Nothing is held for this: the watch logs in again and goes on, up to its hourly limits.")
	}
}
