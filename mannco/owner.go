package mannco

import (
	"net/netip"
	"time"

	"sessionwarden"
)

// loginSlack is how far the time of a row may be from that of our login for
// the row to be ours.
const loginSlack = 120 * time.Second

// ofLogin reports whether the row has the address and the time of that login.
func (r *Row) ofLogin(addr netip.Addr, at time.Time) bool {
	return addr.IsValid() && r.Addr == addr && !r.Started.IsZero() && r.Started.Sub(at).Abs() <= loginSlack
}

// setOwners decides which rows are our own: those marked current, and those
// with the address and the time of one of our logins. Where the two point at
// different rows, the marked one is disputed:
//
//   - one row is marked; its address is not that of the login in use, and
//     another row has that login's address and time;
//   - several rows are marked: those without the address of the login in use
//     (all of them, if none has it).
//
// An address alone makes nothing our own.
func setOwners(rows []Row, inUse Identity, logins []login) oddity {
	marked, ours := 0, false // rows marked current; a row that is the login in use
	atAddr := false          // a marked row with the address of the login in use
	for i := range rows {
		r := &rows[i]
		r.Ownership = sessionwarden.NotOwn
		if r.Current {
			marked++
			atAddr = atAddr || inUse.Addr.IsValid() && r.Addr == inUse.Addr
		}
		if r.ofLogin(inUse.Addr, inUse.Issued) {
			r.Ownership = sessionwarden.Own
			ours = ours || !r.Current
		}
	}
	any := false
	for i := range rows {
		r := &rows[i]
		for _, l := range logins {
			if r.ofLogin(l.Addr, l.At) {
				r.Ownership = sessionwarden.Own
				break
			}
		}
		if r.Current {
			elsewhere := r.Addr != inUse.Addr || !inUse.Addr.IsValid()
			switch {
			case marked == 1 && inUse.Addr.IsValid() && elsewhere && ours,
				marked > 1 && elsewhere:
				r.Ownership = sessionwarden.Disputed
			default:
				r.Ownership = sessionwarden.Own
			}
		}
		any = any || r.Ownership == sessionwarden.Own
	}
	var odd oddity
	switch {
	case marked > 1:
		odd = oddTwoOwn
	case marked == 1 && ours && !atAddr && inUse.Addr.IsValid():
		odd = oddWrongOwn
	case !any && len(rows) > 0:
		odd = oddNoOwn
	}
	return odd
}

// setStrays marks rows of another user, which no action may touch. It does so
// only where other rows are those of the user who logged in: else the field
// means something else.
func setStrays(rows []Row, user string) oddity {
	if user == "" {
		return 0
	}
	match, other := 0, 0
	for i := range rows {
		switch rows[i].User {
		case "":
		case user:
			match++
		default:
			other++
		}
	}
	switch {
	case other == 0:
		return 0
	case match == 0:
		return oddUserForm
	}
	for i := range rows {
		if r := &rows[i]; r.User != "" && r.User != user {
			r.Ownership = sessionwarden.Disputed
			r.flaw("the row belongs to another user")
		}
	}
	return oddOtherUser
}
