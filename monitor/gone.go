package monitor

import (
	"slices"
	"time"

	"sessionwarden"
	"sessionwarden/policy"
)

// Who is gone: how that is recorded, and how long it is remembered.

// maxPast is how many sessions that are gone an account remembers, and pastAge
// how long: a session lives for 31 days at most.
const (
	maxPast = 4096
	pastAge = 40 * 24 * time.Hour
)

func pastOf(s sessionwarden.Session) sessionwarden.Past {
	return sessionwarden.Past{Key: s.Key(), Started: s.Started, Addr: s.Addr}
}

// another reports whether a row is another session than the one with its key that is
// gone: the service gives an id that is free once more. Later and from elsewhere, both:
// a clock or an address alone may be the service's mistake.
func another(row sessionwarden.Session, p sessionwarden.Past) bool {
	return !p.Started.IsZero() && row.Started.After(p.Started) && p.Addr.IsValid() && row.Addr.IsValid() && !sessionwarden.SamePlace(row.Addr, p.Addr)
}

// absent notes who is missing from a complete list, and returns who is gone. Those
// that are over already are neither.
func (d *draft) absent(listed, over map[uint64]bool) (gone []uint64) {
	for i := range d.h.Live {
		switch s := &d.h.Live[i]; {
		case listed[s.Seq] || over[s.Seq]:
		case s.Missing.IsZero():
			s.Missing = d.seen
		default:
			gone = append(gone, s.Seq)
		}
	}
	return gone
}

// leave records that live sessions are gone since each was first missed: together,
// as thousands may leave at once.
func (d *draft) leave(seqs ...uint64) {
	if len(seqs) == 0 {
		return
	}
	gone := make(map[uint64]bool, len(seqs))
	for _, seq := range seqs {
		s := d.live(seq)
		since := s.Missing
		s.LeftAt = d.seen
		d.lately(*s, since)
		d.h.Past = append(d.h.Past, pastOf(s.Session))
		d.end(*s, sessionwarden.Gone, since)
		gone[seq] = true
	}
	d.unlist(gone)
	d.each(func(a sessionwarden.Action) bool {
		return gone[a.Seq] && (a.State == sessionwarden.Held || triesLater(a))
	}, func(a sessionwarden.Action) sessionwarden.Action {
		return inState(a, sessionwarden.Moot, "the session is gone by itself")
	})
}

// end records how a sighting ended, which is taken out of the live ones by
// [draft.unlist].
func (d *draft) end(s sessionwarden.Sighting, state sessionwarden.SightingState, at time.Time) {
	s.State, s.GoneAt, s.Faces = state, at, nil
	d.ended = append(d.ended, s)
}

// unlist takes sightings out of the live ones.
func (d *draft) unlist(over map[uint64]bool) {
	d.h.Live = slices.DeleteFunc(d.h.Live, func(s sessionwarden.Sighting) bool { return over[s.Seq] })
}

// cameAndWent records a session that was only ever seen among the expired
// ones. What ended before the account's first poll is history and not judged.
func (d *draft) cameAndWent(n *news, row sessionwarden.Session, where sessionwarden.Location, first bool) {
	if !first && !row.Started.IsZero() && row.Started.Before(d.h.Floor) {
		return
	}
	gone := d.seen
	if !row.Expires.IsZero() && row.Expires.Before(gone) {
		gone = row.Expires
	}
	n.ended = append(n.ended, sessionwarden.Sighting{
		Seq: d.next(), Account: d.account.Name, Session: row, Location: where,
		Device: policy.Device(row.UserAgent), FirstSeen: d.seen, LastSeen: d.seen, GoneAt: gone,
		State: sessionwarden.Gone, Late: true, Baseline: first, Active: d.active(row.Started),
		Unseen: d.unseen,
	})
	if !first {
		d.lately(n.ended[len(n.ended)-1], gone)
	}
	d.h.Past = append(d.h.Past, pastOf(row))
}

// lately remembers a session that has ended, for a day.
func (d *draft) lately(s sessionwarden.Sighting, since time.Time) {
	s.State, s.GoneAt = sessionwarden.Gone, since
	d.h.Recent = append(d.h.Recent, s)
	if len(d.h.Recent) > maxRecent {
		d.h.Recent = slices.Delete(d.h.Recent, 0, len(d.h.Recent)-maxRecent)
	}
}

// What ended lately says from where the account was used just before.
const (
	recentFor = 24 * time.Hour
	maxRecent = 64
)

// prunePast forgets the oldest of what is gone. What started before the
// newest forgotten one is old news from then on.
func (d *draft) prunePast() {
	old := func(p sessionwarden.Past) bool {
		return d.rails.Clock == "" && !p.Started.IsZero() && d.now.Sub(p.Started) > pastAge
	}
	d.h.Recent = slices.DeleteFunc(d.h.Recent, func(s sessionwarden.Sighting) bool { return d.rails.Clock == "" && d.now.Sub(s.GoneAt) > recentFor })
	drop := max(0, len(d.h.Past)-maxPast)
	kept := d.h.Past[:0]
	for i, p := range d.h.Past {
		if i >= drop && !old(p) {
			kept = append(kept, p)
		} else if p.Started.After(d.h.Floor) {
			d.h.Floor = p.Started
		}
	}
	d.h.Past = kept
}
