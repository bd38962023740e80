package monitor

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
	"time"

	"sessionwarden"
	"sessionwarden/internal/mishap"
	"sessionwarden/policy"
)

// poll is the program's sentence for one account. The caller holds w.polling.
// The error is that of reading the list, or of writing to the disk; what is to
// be done about it has been done.
func (m *Monitor) poll(ctx context.Context, w *watch, t *tick) error {
	started := time.Now()
	seen, err := m.fetch(ctx, w) // fetch
	m.metrics.polled(time.Since(started), err)

	w.mu.Lock()
	defer w.mu.Unlock()
	w.skips = 0
	w.untold, w.logout = append(w.untold, seen.live.Notes...), w.logout || seen.live.LoggedOut
	seen.live.LoggedOut = w.logout
	if err != nil && ctx.Err() != nil {
		w.owed = w.owed || seen.owed
		return err // broken off by whoever asked: it says nothing about the service
	}
	if now := m.clock(); err == nil && m.quiet(w, seen, now) {
		w.list, w.read, w.h.LastPoll = seen.live, now, now
		w.expired, w.owed = seen.expiredAt, seen.owed
		m.took(w, true)
		return nil
	}
	d := m.draft(w)
	w.limited = sessionwarden.IsFault(err, sessionwarden.FaultLimited)
	if err != nil {
		w.expired, w.owed = seen.expiredAt, seen.owed
		d.missed(err)
		err = m.finish(ctx, w, d, t, err)
		m.took(w, false)
		return err
	}
	w.unrecorded = true // until it is: the client will call the same bytes known
	d.recovered(seen)
	d.incomplete(seen.live)
	rows := m.locate(w, seen) // locate
	news := d.record(rows)    // record
	d.verify(seen.live)       // who was ended is gone before anybody asks whether he is back
	news.retractable = d.retractable(news, rows.relocated)
	judged := d.takeover(d.judge(news)) // judge
	d.plan(judged)                      // plan: committed with the record in one transaction
	d.retract(news.retractable)
	d.begin(&seen.live)
	d.explain(judged, seen.live)
	d.heighten()
	_ = mishap.At("poll.judged")
	w.acted = false
	err = m.finish(ctx, w, d, t, nil)
	if err == nil {
		w.list, w.read, w.gen = seen.live, d.now, seen.gen
		w.begun = cmp.Or(d.begun, w.begun)
		w.misses, w.missError, w.missCure = 0, "", ""
		w.untold, w.logout, w.unrecorded = nil, false, false
	}
	w.expired = seen.expiredAt
	w.owed = seen.owed || err != nil
	m.took(w, err == nil)
	return err // act and tell follow from what is on disk
}

// reading is what one poll fetched.
type reading struct {
	live      sessionwarden.Listing
	owed      bool                    // the expired sessions have yet to be looked through
	ended     []sessionwarden.Session // among the expired, and not live
	expiredAt time.Time               // when expired sessions were listed last
	gen       uint64                  // the location data's generation
	badData   string                  // why the location data cannot be relied on
}

// fetch reads the account's lists. The expired sessions are read before the
// live ones: what is in the first and not in the second has ended.
func (m *Monitor) fetch(ctx context.Context, w *watch) (reading, error) {
	w.mu.Lock()
	lister, now := w.lister, m.clock()
	due := w.owed || w.misses > 0 || w.expired.IsZero() || now.Sub(w.expired) >= w.account.ExpiredEvery || now.Before(w.expired)
	if since := now.Sub(w.expired); w.limited && since >= 0 && since < liveFirst {
		due = false // of two lists we may have one
	}
	r := reading{expiredAt: w.expired, owed: w.owed}
	name := w.account.Name
	w.mu.Unlock()

	m.polls <- struct{}{} // so many read at once, and no more
	defer func() { <-m.polls }()

	r.gen, r.badData = m.opts.LocationData()
	var all sessionwarden.Listing
	if due {
		var err error
		if all, err = lister.Sessions(ctx, true); err != nil {
			if sessionwarden.IsFault(err, sessionwarden.FaultRefused) {
				return r, err
			}
			if !sessionwarden.IsFault(err, sessionwarden.FaultLimited) {
				r.expiredAt = now // not at every poll: the live list is what matters
			}
			m.log.Debug("the expired sessions could not be read", "account", name, "err", err)
			all = sessionwarden.Listing{}
		} else {
			r.expiredAt = now
		}
	}
	r.owed = r.owed || len(all.Rows) > 0 && !all.Unchanged
	live, err := lister.Sessions(ctx, false)
	if len(all.Notes) > 0 {
		live.Notes = append(slices.Clone(all.Notes), live.Notes...)
	}
	if err != nil {
		r.live.Notes = live.Notes
		return r, err
	}
	live.LoggedIn = live.LoggedIn || all.LoggedIn
	live.LoggedOut = live.LoggedOut || all.LoggedOut
	r.live = live
	if r.owed && live.Complete && len(all.Rows) > 0 {
		r.ended, r.owed = without(all.Rows, live.Rows), false
	}
	return r, mishap.At("poll.fetched")
}

// liveFirst is for how long the live list goes alone, where a limit has let
// through the expired one and not it. Somebody may be using up that limit.
const liveFirst = 2 * time.Minute

// without returns the rows that are not among live.
func without(rows, live []sessionwarden.Session) []sessionwarden.Session {
	known := make(map[sessionwarden.Key]bool, len(live))
	for _, row := range live {
		known[row.Key()] = true
	}
	var ended []sessionwarden.Session
	for _, row := range rows {
		if !known[row.Key()] {
			ended = append(ended, row)
		}
	}
	return ended
}

// quiet reports whether the poll brought nothing that anybody has to look at:
// the same bytes as before, judged under the same configuration and location
// data, with nothing under way.
func (m *Monitor) quiet(w *watch, seen reading, now time.Time) bool {
	return seen.live.Unchanged && !w.unrecorded && seen.live.Complete && w.list.Complete && len(seen.ended) == 0 &&
		!seen.live.LoggedOut && len(w.untold) == 0 && !w.read.IsZero() && seen.gen == w.gen &&
		w.sameRules(now) && w.misses == 0 && w.h.Blind.Since.IsZero() &&
		!w.absent() && !m.hasWork(w, now) && !over(w.h, now) && !w.unsure && m.step(w) == 0 &&
		(w.doubt == "") == (rails("", false, m.opts.Earliest, seen.live.ServerTime, now, now).Clock == "") &&
		(w.lesson.IsZero() || now.Before(w.lesson)) && now.Sub(w.flushed) < flushEvery
}

// flushEvery is how long "last seen" may be kept in memory only.
const flushEvery = 6 * time.Hour

// absent reports whether a live session was missing from the last list.
func (w *watch) absent() bool {
	for i := range w.h.Live {
		if !w.h.Live[i].Missing.IsZero() {
			return true
		}
	}
	return false
}

// locate says where each row's address lies. What is known of an address is
// kept with the session as long as address and location data stay the same.
func (m *Monitor) locate(w *watch, seen reading) located {
	at := located{reading: seen, again: m.opts.Locate, where: make([]sessionwarden.Location, len(seen.live.Rows)), relocated: seen.gen != w.gen || w.read.IsZero()}
	for i, row := range seen.live.Rows {
		at.where[i] = m.opts.Locate(row.Addr)
	}
	at.whereEnded = make([]sessionwarden.Location, len(seen.ended))
	for i, row := range seen.ended {
		at.whereEnded[i] = m.opts.Locate(row.Addr)
	}
	return at
}

// located is a reading with the place of each row.
type located struct {
	reading
	where      []sessionwarden.Location // of live.Rows
	whereEnded []sessionwarden.Location // of ended
	relocated  bool                     // the location data has changed since the last poll
	again      func(netip.Addr) sessionwarden.Location
}

// judge asks the rules about what is new. Under a changed configuration, and when
// a trust begins or ends, they are asked about everything that is there.
func (d *draft) judge(n news) []policy.Judged {
	first := d.h.Baseline.IsZero()
	changed := d.h.Stamp != d.stamp
	if first {
		d.h.Baseline = d.now
	}
	d.dirty = d.dirty || first || changed
	var judged []policy.Judged
	for i := range d.h.Live {
		s := &d.h.Live[i]
		fresh, isNew := n.fresh[s.Seq]
		known := first || !isNew && (s.Baseline || !n.freed[s.Seq])
		var said []sessionwarden.Verdict
		switch {
		case isNew:
		case changed:
			said, s.Verdicts = s.Verdicts, nil
		case n.reclassified[s.Seq] || n.told[s.Seq] || n.freed[s.Seq]:
		default:
			continue
		}
		c := d.ask(*s, first)
		c.Before = fresh.before
		c.Relocated = n.reclassified[s.Seq]
		c.WasOwn = n.wasOwn[s.Seq]
		judged = append(judged, d.found(s, c, known, said))
	}
	for i := range n.ended {
		s := &n.ended[i]
		if s.Baseline {
			continue // it was over before we came
		}
		c := d.ask(*s, first)
		c.Late = true
		judged = append(judged, d.found(s, c, false, nil))
	}
	d.ended = append(d.ended, n.ended...)
	d.h.Stamp = d.stamp
	d.learn()
	return judged
}

// ask makes the case for one sighting.
func (d *draft) ask(s sessionwarden.Sighting, first bool) policy.Case {
	until, _ := policy.Learning(d.account, d.h, d.now)
	return policy.Case{
		Account: d.account, Profile: d.h.Profile, Live: d.h.Live, Recent: d.h.Recent, Sighting: s,
		First: first, LocationFailed: d.rails.Location, Now: d.now,
		Learning: until, Unseen: d.unseen, ManyTold: d.h.Told[manyTold], Distance: d.distance,
		Abstained: d.abstained,
	}
}

// manyTold is the key under which the history remembers that many sessions were
// found.
const manyTold = "many_sessions"

// found records what the rules say of s. before are the verdicts under the
// configuration before this one; nil where that is the same.
func (d *draft) found(s *sessionwarden.Sighting, c policy.Case, known bool, before []sessionwarden.Verdict) policy.Judged {
	findings, verdicts := policy.Find(c, before)
	s.Verdicts = verdicts
	for i := range findings {
		findings[i].ID = d.next()
		if findings[i].Rule == sessionwarden.ManySessions {
			d.note(manyTold)
		}
	}
	if before != nil || len(findings) > 0 {
		d.touch(s.Seq)
	}
	d.findings = append(d.findings, findings...)
	return policy.Judged{Sighting: *s, Findings: findings, Known: known}
}

// learn lets the profile learn from sessions that are old and clean enough.
func (d *draft) learn() {
	if d.rails.Clock != "" || d.unsure {
		return // no telling how old a session is
	}
	profile, learned, changed := policy.Learn(d.account, d.h.Profile, d.h.Live, d.now)
	d.h.Profile = profile
	d.dirty = d.dirty || changed
	for _, seq := range learned {
		if s := d.live(seq); s != nil {
			s.Learned = true
			d.touch(seq)
		}
	}
}

// plan turns findings into actions.
func (d *draft) plan(judged []policy.Judged) {
	actions := policy.Plan(d.account, d.h, judged, d.rails, d.now)
	for i := range actions {
		if a := &actions[i]; a.ID == 0 {
			a.ID, a.Account, a.Created = d.next(), d.account.Name, d.now
		}
	}
	d.put(actions...)
}
