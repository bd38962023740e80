package monitor

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"time"

	"sessionwarden"
	"sessionwarden/internal/mishap"
	"sessionwarden/policy"
)

// draft is a change of one account while it is being made: a copy of the
// history that becomes the history once it is on disk, and what goes to the
// disk with it.
type draft struct {
	account  sessionwarden.Account // with the trusts that hold
	stamp    string                // of account
	now      time.Time
	next     func() uint64
	log      *slog.Logger
	rails    policy.Rails
	earliest time.Time
	w        *watch
	failing  *failing
	base     time.Time     // [Monitor.base] of the clock that h is by
	unsure   bool          // the clock was set since the last good poll
	seen     time.Time     // when what is seen is seen: now, or later where our clock may be slow
	unseen   time.Duration // how long nobody had looked
	distance func(a, b sessionwarden.Country) (km float64, known bool)

	h        sessionwarden.History
	touched  map[uint64]bool          // live sightings to be written
	ended    []sessionwarden.Sighting // sightings that are not live any more
	moves    []moving                 // of them, those that go on as another one
	findings []sessionwarden.Finding
	about    []sessionwarden.Finding // of them, those about the account itself
	actions  []sessionwarden.Action  // new and changed, in order
	before   map[uint64]int          // where the account's actions stood when the draft began, by id; nil: nobody asked
	alerts   map[uint64]sessionwarden.Alert
	begun    uint64 // the action whose attempt is counted here already; 0: none
	dirty    bool   // the state record has to be written

	changed   bool                     // the open incident has to be written
	incidents []sessionwarden.Incident // those that are over
}

// moving is a session that goes on elsewhere: from one sighting to another.
type moving struct{ from, to uint64 }

// draft begins a change. The caller holds w.mu until [Monitor.finish].
func (m *Monitor) draft(w *watch) *draft {
	now := m.clock()
	account, stamp := w.judgedUnder(now)
	d := &draft{
		account: account, stamp: stamp, now: now, next: m.opts.Journal.NextID, log: m.log, w: w, failing: &m.failing, earliest: m.opts.Earliest,
		h: w.h.Clone(), touched: make(map[uint64]bool), alerts: make(map[uint64]sessionwarden.Alert),
	}
	_, failed := m.opts.LocationData()
	_, observing := m.opts.Observing()
	d.rails = rails(failed, observing, m.opts.Earliest, w.list.ServerTime, w.read, now)
	d.base, d.unsure, d.seen, d.distance = w.base, w.unsure, now, m.opts.Distance
	if !w.h.LastPoll.IsZero() {
		d.unseen = max(0, now.Sub(w.h.LastPoll))
	}
	if step := m.step(w); step != 0 {
		d.base = w.base.Add(step)
		d.clockSet(step)
	}
	d.h.Spent = slices.DeleteFunc(d.h.Spent, func(s sessionwarden.Spent) bool { return now.Sub(s.At) >= time.Hour })
	d.h.Logouts = slices.DeleteFunc(d.h.Logouts, func(t time.Time) bool { return now.Sub(t) >= time.Hour })
	if d.rails.Clock == "" && !d.unsure {
		d.h.Trusts = slices.DeleteFunc(d.h.Trusts, func(t sessionwarden.Trust) bool { return now.Sub(t.Ended()) >= sessionwarden.KeepEndedTrust })
	}
	return d
}

// live returns the live sighting seq, to be changed in place; nil if there is
// none. The pointer is good until the next sighting arrives or ends.
func (d *draft) live(seq uint64) *sessionwarden.Sighting {
	i, found := slices.BinarySearchFunc(d.h.Live, seq, func(s sessionwarden.Sighting, seq uint64) int { return cmp.Compare(s.Seq, seq) })
	if !found {
		return nil
	}
	return &d.h.Live[i]
}

// sighting returns the sighting seq as the draft has it.
func (d *draft) sighting(seq uint64) (sessionwarden.Sighting, bool) {
	if s := d.live(seq); s != nil {
		return *s, true
	}
	for _, s := range d.ended {
		if s.Seq == seq {
			return s, true
		}
	}
	return sessionwarden.Sighting{}, false
}

// touch notes that a sighting has to be written.
func (d *draft) touch(seq uint64) { d.touched[seq] = true }

// put adds actions or changes them, each at most once. Whoever has many puts them
// together: a flood of them is looked through once, and not once for each. Nobody
// may be ranging over d.h.Actions meanwhile.
func (d *draft) put(actions ...sessionwarden.Action) {
	over := make(map[uint64]bool)
	for i := range actions {
		a := &actions[i]
		if a.Updated = d.now; !a.State.Open() && !triesLater(*a) {
			over[a.ID] = true
		}
	}
	d.actions = placed(d.actions, actions)
	d.h.Actions = placed(d.h.Actions, actions)
	if len(over) > 0 {
		d.h.Actions = slices.DeleteFunc(d.h.Actions, func(a sessionwarden.Action) bool { return over[a.ID] })
	}
}

// placed returns list with each of actions in the place of the one with its id, or
// behind the others.
func placed(list, actions []sessionwarden.Action) []sessionwarden.Action {
	if len(actions) == 1 { // the usual case
		if i := slices.IndexFunc(list, func(a sessionwarden.Action) bool { return a.ID == actions[0].ID }); i >= 0 {
			list[i] = actions[0]
			return list
		}
		return append(list, actions[0])
	}
	places := make(map[uint64]int, len(list))
	for i := range list {
		places[list[i].ID] = i
	}
	for i := range actions {
		if at, known := places[actions[i].ID]; known {
			list[at] = actions[i]
		} else {
			list = append(list, actions[i])
		}
	}
	return list
}

// each changes all of the account's actions that are as asked.
func (d *draft) each(asked func(sessionwarden.Action) bool, change func(sessionwarden.Action) sessionwarden.Action) {
	var actions []sessionwarden.Action
	for _, a := range d.h.Actions {
		if asked(a) {
			actions = append(actions, change(a))
		}
	}
	d.put(actions...)
}

// onDisk returns an action as it was before this draft; false where it is new, or
// was settled then.
func (d *draft) onDisk(id uint64) (was sessionwarden.Action, known bool) {
	if d.before == nil {
		d.before = make(map[uint64]int, len(d.w.h.Actions))
		for i := range d.w.h.Actions {
			d.before[d.w.h.Actions[i].ID] = i
		}
	}
	i, known := d.before[id]
	if known {
		was = d.w.h.Actions[i]
	}
	return was, known
}

// settle brings an action to a state that explains itself by note.
func (d *draft) settle(a sessionwarden.Action, state sessionwarden.ActionState, note string) sessionwarden.Action {
	a = inState(a, state, note)
	d.put(a)
	return a
}

// inState returns an action in a state that explains itself by note, to be put.
func inState(a sessionwarden.Action, state sessionwarden.ActionState, note string) sessionwarden.Action {
	a.State, a.Note = state, note
	if state != sessionwarden.Held {
		a.Hold, a.Deadline = sessionwarden.NotHeld, time.Time{}
	}
	return a
}

// empty reports whether there is nothing that has to go to the disk now.
func (d *draft) empty() bool {
	return !d.dirty && !d.changed && len(d.incidents) == 0 && len(d.touched) == 0 && len(d.ended) == 0 && len(d.findings) == 0 &&
		len(d.actions) == 0 && len(d.alerts) == 0
}

// change is the draft in the form that goes to the disk.
func (d *draft) change() sessionwarden.Change {
	for i := range d.h.Live {
		if s := &d.h.Live[i]; s.Missing.IsZero() && d.h.LastPoll.After(s.LastSeen) {
			s.LastSeen = d.h.LastPoll
		}
	}
	c := sessionwarden.Change{History: d.h, Findings: d.findings, Actions: d.actions, Incidents: d.incidents}
	if d.changed && d.h.Incident != nil {
		c.Incidents = append(c.Incidents, *d.h.Incident)
	}
	for _, s := range d.h.Live {
		if d.touched[s.Seq] {
			c.Sightings = append(c.Sightings, s)
		}
	}
	c.Sightings = append(c.Sightings, d.ended...)
	slices.SortFunc(c.Sightings, func(a, b sessionwarden.Sighting) int { return cmp.Compare(a.Seq, b.Seq) })
	for _, a := range d.alerts {
		if i := d.h.Incident; i != nil && a.Incident == i.ID {
			a.Events = len(i.Events) + i.More
		}
		for _, i := range d.incidents {
			if a.Incident == i.ID {
				a.Events = len(i.Events) + i.More
			}
		}
		c.Alerts = append(c.Alerts, a)
	}
	slices.SortFunc(c.Alerts, func(a, b sessionwarden.Alert) int { return cmp.Compare(a.ID, b.ID) })
	return c
}

// finish commits the draft and makes it the account's state. t gathers it with
// those of the tick's other polls; nil commits it alone. cause is the error
// that the poll ended with, if any, and is returned unless the commit fails.
func (m *Monitor) finish(ctx context.Context, w *watch, d *draft, t *tick, cause error) error {
	d.gather()
	w.lesson = policy.NextLesson(d.account, d.h.Live, d.now)
	flushed := w.flushed.Add(d.base.Sub(w.base))
	if d.empty() && !m.cannotSave(d.account.Name) && (d.now.Sub(flushed) < flushEvery || d.h.Baseline.IsZero()) {
		w.h, w.base, w.unsure, w.flushed = d.h, d.base, d.unsure, flushed
		return cause
	}
	d.reviseAll()
	d.leaveSuspects()
	c := d.change()
	var err error
	if t != nil {
		err = t.commit(ctx, c, urgent(c))
	} else {
		err = m.opts.Journal.Commit(context.WithoutCancel(ctx), []sessionwarden.Change{c})
	}
	if err != nil {
		m.notSaved(w, d, c, err)
		return err
	}
	_ = mishap.At("change.committed")
	w.h, w.base, w.unsure = c.History, d.base, d.unsure
	w.flushed = d.now
	for _, a := range c.Alerts {
		w.remember(a)
	}
	w.forgetMatters(d.now)
	if d.suspicious() {
		m.askAt(w, d.now) // what does he do to the account?
	}
	w.notices = recent(append(w.notices, notices(d.account.Name, c.Alerts)...), d.now)
	for _, a := range c.Actions {
		if _, waitedFor := w.followed[a.ID]; waitedFor {
			w.followed[a.ID] = a
		}
	}
	m.saved(w, d)
	m.metrics.committed(c)
	m.logChange(c)
	if len(c.Alerts) > 0 {
		m.opts.Tell(c.Alerts)
		_ = mishap.At("alert.handed")
	}
	return cause
}

// urgent reports whether c holds something to be done at once.
func urgent(c sessionwarden.Change) bool {
	return slices.ContainsFunc(c.Actions, func(a sessionwarden.Action) bool { return a.State == sessionwarden.Planned })
}

// logChange writes the lines that a person reads in the log.
func (m *Monitor) logChange(c sessionwarden.Change) {
	account := c.History.Account
	for _, f := range c.Findings {
		level := slog.LevelInfo
		if f.Response > sessionwarden.Log {
			level = slog.LevelWarn
		}
		m.log.Log(context.Background(), level, "finding", "account", account, "rule", string(f.Rule), "session", string(f.Session),
			"severity", f.Severity.String(), "response", f.Response.String(), "reason", f.Reason)
	}
	for _, a := range c.Alerts {
		if a.Title != "" {
			m.log.Warn("alert", "account", account, "alert", a.ID, "title", a.Title)
		}
	}
	for _, a := range c.Actions {
		if a.State == sessionwarden.Planned && a.Attempts > 0 && a.Note == "" && a.Updated.After(a.Created) {
			continue // the call is about to be made
		}
		m.log.Info("action", "account", account, "action", a.ID, "session", string(a.Session), "kind", a.Kind.String(),
			"state", a.State.String(), "note", a.Note)
	}
}

// flush writes the state records whose "last seen" is only in memory.
func (m *Monitor) flush(ctx context.Context) error {
	var changes []sessionwarden.Change
	for _, w := range m.all() {
		w.mu.Lock() // until all is on disk: nobody may change it in between
		defer w.mu.Unlock()
		if !w.h.Baseline.IsZero() && w.h.LastPoll.After(w.flushed) {
			d := m.draft(w)
			changes = append(changes, d.change())
			w.flushed = d.now
		}
	}
	if len(changes) == 0 {
		return nil
	}
	return m.opts.Journal.Commit(ctx, changes)
}
