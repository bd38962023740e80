package monitor

import (
	"slices"
	"time"

	"sessionwarden"
	"sessionwarden/policy"
)

// news is what a reading tells that the history did not know.
type news struct {
	fresh        map[uint64]arrival // new sightings, by Seq
	ended        []sessionwarden.Sighting
	reclassified map[uint64]bool // only our location data says something else now
	told         map[uint64]bool // the service tells more, or something else, of the same session
	freed        map[uint64]bool // what kept a session from being ended is over
	wasOwn       map[uint64]bool // of those, what was taken for our own
	retractable  []uint64        // held actions that our own change may take back
}

// arrival is a new sighting. before are the facts of the same session until
// now; nil for a new session.
type arrival struct {
	before *sessionwarden.Sighting
}

// record compares what was read with what is remembered: who is new, who goes
// on under other facts, and who is gone. A session is gone when two complete
// lists in a row lack it; an incomplete list proves nobody's absence.
func (d *draft) record(at located) news {
	d.notInFuture()
	n := news{fresh: make(map[uint64]arrival), reclassified: make(map[uint64]bool), told: make(map[uint64]bool), freed: make(map[uint64]bool), wasOwn: make(map[uint64]bool)}
	over := make(map[uint64]bool) // who has left or moved: taken out when all rows were looked at
	var left []uint64
	match := d.matcher(over)
	listed := make(map[uint64]bool, len(at.live.Rows))
	for i, row := range at.live.Rows {
		s := match(row)
		if s == nil {
			listed[d.arrive(&n, row, at.where[i], nil)] = true
			continue
		}
		if row.UserAgent == "" {
			row.UserAgent = s.UserAgent // this edition of the service leaves it out
		}
		if row.ID == "" {
			row.ID = s.ID
		}
		switch {
		case sameFacts(s.Session, row):
			d.goesOn(s, row, at, i, &n)
			listed[s.Seq] = true
		case !s.Missing.IsZero() || d.givenToUs(s, row):
			// Its id was absent from a complete list, or we have ended it,
			// and it comes back with other facts: somebody else.
			if s.Missing.IsZero() {
				s.Missing = d.seen
			}
			over[s.Seq], left = true, append(left, s.Seq)
			listed[d.arrive(&n, row, at.where[i], nil)] = true
		default:
			before := *s
			over[s.Seq] = true
			listed[d.move(&n, before, row, at, i)] = true
		}
	}
	if at.live.Complete {
		left = append(left, d.absent(listed, over)...)
	}
	d.moved()
	d.leave(left...)
	first := d.h.Baseline.IsZero()
	if first {
		d.h.Floor = d.now
		if !at.live.ServerTime.IsZero() {
			d.h.Floor = at.live.ServerTime // what started before we came is old news, by the service's clock
		}
	}
	gone := make(map[sessionwarden.Key]sessionwarden.Past, len(d.h.Past)) // the last of each key
	for _, p := range d.h.Past {
		gone[p.Key] = p
	}
	live := make(map[sessionwarden.Key]bool, len(d.h.Live))
	for _, s := range d.h.Live {
		live[s.Key()] = true // just missed, or seen under another key: not over yet
	}
	for i, row := range at.ended {
		if p, known := gone[row.Key()]; !live[row.Key()] && (!known || another(row, p)) {
			gone[row.Key()] = pastOf(row)
			d.cameAndWent(&n, row, at.whereEnded[i], first)
		}
	}
	d.prunePast()
	return n
}

// givenToUs reports whether the service has given the id of a session that we
// ended to a login of our own.
func (d *draft) givenToUs(s *sessionwarden.Sighting, row sessionwarden.Session) bool {
	return row.Ownership == sessionwarden.Own && s.Ownership == sessionwarden.NotOwn && row.Started.After(s.Started) &&
		slices.ContainsFunc(d.h.Actions, func(a sessionwarden.Action) bool { return a.Seq == s.Seq && !a.Answered.IsZero() })
}

// notInFuture mends what was seen while our clock or the service's was fast:
// what is to be learned from would else wait until that time has come.
func (d *draft) notInFuture() {
	if d.rails.Clock != "" {
		return
	}
	for i := range d.h.Live {
		if s := &d.h.Live[i]; s.FirstSeen.Sub(d.now) > stepSlack {
			s.FirstSeen, s.LastSeen = d.now, d.now
			d.touch(s.Seq)
		}
	}
}

// matcher returns a function that finds the live sighting that a row goes on:
// by key, or, where only one of the two has an id, by address and start. It finds
// none of those that are over.
func (d *draft) matcher(over map[uint64]bool) func(sessionwarden.Session) *sessionwarden.Sighting {
	byKey := make(map[sessionwarden.Key]uint64, len(d.h.Live))
	type weak struct {
		addr    string
		started int64
	}
	byWeak := make(map[weak][]uint64)
	for _, s := range d.h.Live {
		byKey[s.Key()] = s.Seq
		w := weak{s.AddrText(), s.Started.Unix()}
		byWeak[w] = append(byWeak[w], s.Seq)
	}
	return func(row sessionwarden.Session) *sessionwarden.Sighting {
		if seq, ok := byKey[row.Key()]; ok {
			if over[seq] {
				return nil
			}
			return d.live(seq)
		}
		if row.Started.IsZero() {
			return nil
		}
		// Which editions give ids changes under our feet; the sessions do not.
		for _, seq := range byWeak[weak{row.AddrText(), row.Started.Unix()}] {
			s := d.live(seq)
			if !over[seq] && (s.ID == "") != (row.ID == "") && len(byWeak[weak{row.AddrText(), row.Started.Unix()}]) == 1 {
				return s
			}
		}
		return nil
	}
}

// sameFacts reports whether a session is where it was, on the device it was
// on. An IPv6 address counts by its /64; a new browser version is nothing.
func sameFacts(a, b sessionwarden.Session) bool {
	return sessionwarden.SamePlace(a.Addr, b.Addr) && a.RawAddr == b.RawAddr &&
		(a.UserAgent == "" || a.UserAgent == b.UserAgent || policy.Device(a.UserAgent) == policy.Device(b.UserAgent))
}

// arrive starts a sighting.
func (d *draft) arrive(n *news, row sessionwarden.Session, where sessionwarden.Location, before *sessionwarden.Sighting) uint64 {
	s := sessionwarden.Sighting{
		Seq: d.next(), Account: d.account.Name, Session: row, Location: where,
		Device: policy.Device(row.UserAgent), FirstSeen: d.seen, LastSeen: d.seen,
		Baseline: d.h.Baseline.IsZero(), Active: d.active(row.Started),
	}
	if before != nil {
		s.Active = d.seen // it is used from there just now
	}
	d.h.Live = append(d.h.Live, s)
	d.touch(s.Seq)
	n.fresh[s.Seq] = arrival{before: before}
	return s.Seq
}

// goesOn updates a sighting whose session is where it was.
func (d *draft) goesOn(s *sessionwarden.Sighting, row sessionwarden.Session, at located, i int, n *news) {
	flipped := s.Ownership != row.Ownership || s.ID != row.ID
	if s.ServiceCountry != row.ServiceCountry {
		n.told[s.Seq] = true // the second witness says something else
	}
	if s.Device == "" && row.UserAgent != "" {
		s.Device, flipped = policy.Device(row.UserAgent), true
		n.told[s.Seq] = true
	}
	d.free(s, row, at.live.Rows, n)
	if !row.Started.Equal(s.Started) {
		s.Active = d.active(row.Started) // the service moves it on with each use
	}
	s.Session, s.LastSeen, s.Missing = row, d.seen, time.Time{}
	if flipped {
		d.touch(s.Seq)
	}
	if at.relocated && !sameLocation(s.Location, at.where[i]) {
		if s.Location.Country != at.where[i].Country {
			d.reclassify(n, s, s.Location.Country, at.where[i])
		}
		if is := at.where[i]; is.Tor && !s.Location.Tor || is.VPN && !s.Location.VPN {
			n.reclassified[s.Seq] = true // judged as what a new list of ours says, and nothing that the session did
		}
		s.Location = at.where[i]
		d.touch(s.Seq)
	}
}

// reclassify notes that only new location data puts s into another country.
func (d *draft) reclassify(n *news, s *sessionwarden.Sighting, from sessionwarden.Country, where sessionwarden.Location) {
	n.reclassified[s.Seq] = true
	s.ReclassifiedAt, s.ReclassifiedFrom = d.now, from
	d.log.Info("new location data moves a known session", "account", d.account.Name, "address", s.AddrText(),
		"was", string(from), "is", string(where.Country), "source", where.Source)
}

// ownListed reports whether one of rows is our own session for certain.
func ownListed(rows []sessionwarden.Session) bool {
	return slices.ContainsFunc(rows, func(row sessionwarden.Session) bool { return row.Ownership == sessionwarden.Own })
}

// free has a session judged anew once the service gives it an id, or it does
// not count as ours any more: what was found and could not be acted on then is
// found again, as its facts are others now. What may still be ours, for all that
// the list shows, is asked about at most.
func (d *draft) free(s *sessionwarden.Sighting, row sessionwarden.Session, rows []sessionwarden.Session, n *news) {
	named := s.ID == "" && row.ID != ""
	if !named && (!s.Ownership.Untouchable() || row.Ownership.Untouchable()) {
		return
	}
	n.freed[s.Seq] = true
	n.wasOwn[s.Seq] = !row.Ownership.Untouchable() &&
		(s.Ownership == sessionwarden.Own || s.Ownership == sessionwarden.Disputed && !ownListed(rows))
	s.Verdicts = slices.DeleteFunc(slices.Clone(s.Verdicts), func(v sessionwarden.Verdict) bool {
		return v.Response < d.account.Response(v.Rule) || named && v.Response >= sessionwarden.Ask
	})
	d.touch(s.Seq)
}

// sameLocation reports whether two locations say the same, from the same data.
func sameLocation(a, b sessionwarden.Location) bool {
	same := a.Built.Equal(b.Built)
	a.Built, b.Built = time.Time{}, time.Time{}
	return same && a == b
}

// move ends the sighting before and starts one under the session's new facts,
// which are judged anew. What was planned or asked about it goes on.
//
// Where the location data is new as well, the session has moved as far as it
// would have under the new data alone: the rest is no journey.
func (d *draft) move(n *news, before sessionwarden.Sighting, row sessionwarden.Session, at located, i int) uint64 {
	d.end(before, sessionwarden.Moved, time.Time{})
	where, was := at.where[i], before.Location.Country
	if at.relocated {
		before.Location = at.again(before.Addr)
	}
	seq := d.arrive(n, row, where, &before)
	d.moves = append(d.moves, moving{before.Seq, seq})
	s := d.live(seq)
	s.ReclassifiedAt, s.ReclassifiedFrom = before.ReclassifiedAt, before.ReclassifiedFrom
	if was != before.Location.Country && before.Location.Country == where.Country {
		d.reclassify(n, s, was, where)
	}
	policy.GoOn(&before, s)
	return seq
}

// moved takes the sightings that go on as others out of the live ones, and their
// actions along: it is the same session still, and no question is escaped by moving.
func (d *draft) moved() {
	if len(d.moves) == 0 {
		return
	}
	to, over := make(map[uint64]uint64, len(d.moves)), make(map[uint64]bool, len(d.moves))
	for _, m := range d.moves {
		to[m.from], over[m.from] = m.to, true
	}
	d.unlist(over)
	d.each(func(a sessionwarden.Action) bool { return over[a.Seq] }, func(a sessionwarden.Action) sessionwarden.Action {
		a.Seq = to[a.Seq]
		return a
	})
}

// active is when a session was used where the service does not say it, or says
// what cannot be: zero where it does.
func (d *draft) active(started time.Time) time.Time {
	if started.IsZero() || started.After(d.seen) {
		return d.seen
	}
	return time.Time{}
}
