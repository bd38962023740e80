package monitor

import (
	"strings"
	"time"

	"sessionwarden"
	"sessionwarden/policy"
)

// The wall clock may be set, and a machine may sleep. Times are written down by
// the wall clock, as people read them; what waits, waits by the steady clock of
// timers: a question stands for as long as it was meant to, and an hour's
// budget lasts an hour, whatever somebody does to the clock meanwhile. So each
// account knows by which wall clock its times are, and when that clock is not
// the present one any more, what waits is brought along.

// stepSlack is how far the wall clock may stray from the steady one before it
// counts as set.
const stepSlack = 2 * time.Second

// base is what the wall clock would have shown when the steady clock began. It
// changes only when the wall clock is set, or when the machine has slept.
func (m *Monitor) base() time.Time { return m.clock().Add(-time.Since(m.began)) }

// step is how far the wall clock was set since the account's times were brought
// along with it; 0 for not at all. The caller holds w.mu.
func (m *Monitor) step(w *watch) time.Duration {
	step := m.base().Sub(w.base)
	if step.Abs() < stepSlack {
		return 0
	}
	return step
}

// ownClock is the time by the clock that the account's waits are by. The caller
// holds w.mu.
func (m *Monitor) ownClock(w *watch) time.Time { return m.clock().Add(-m.step(w)) }

// clockSet brings along what waits when the clock was set by step.
func (d *draft) clockSet(step time.Duration) {
	d.log.Info("the clock was set, or the machine slept", "account", d.account.Name, "by", step)
	d.unsure = true
	move := func(t time.Time) time.Time {
		if t.IsZero() {
			return t
		}
		return t.Add(step)
	}
	d.each(func(a sessionwarden.Action) bool {
		return !a.NotTill.IsZero() || !a.Deadline.IsZero() || !a.Answered.IsZero()
	}, func(a sessionwarden.Action) sessionwarden.Action {
		a.NotTill, a.Deadline, a.Answered = move(a.NotTill), move(a.Deadline), move(a.Answered)
		d.renew(&a)
		return a
	})
	for i := range d.h.Spent {
		d.h.Spent[i].At = move(d.h.Spent[i].At)
	}
	if d.h.Incident != nil {
		d.h.Incident.Updated = move(d.h.Incident.Updated)
	}
	for i := range d.h.Logouts {
		d.h.Logouts[i] = move(d.h.Logouts[i])
	}
	for what, at := range d.h.Told {
		d.h.Told[what] = move(at)
	}
	if since := d.h.Blind.Since; since.Before(d.earliest) && !d.now.Before(d.earliest) {
		d.h.Blind.Since = move(since) // it was a clock that had never been set
	}
}

// renew makes the note of a question agree with its deadline.
func (d *draft) renew(a *sessionwarden.Action) {
	if note := policy.AskNote(d.account, a.Deadline); a.State == sessionwarden.Held && a.Hold == sessionwarden.HeldByAsk && !a.Deadline.IsZero() &&
		strings.HasPrefix(a.Note, policy.AskNotePrefix) {
		a.Note = note
	}
}

// believable makes the times of a history that was written before this start
// agree with the clock as it is now: no wait is longer than it can have been
// meant, and what happened did not happen in the future, nor when the clock
// cannot have been right.
func believable(h sessionwarden.History, account sessionwarden.Account, now, earliest time.Time) sessionwarden.History {
	h = h.Clone()
	past := func(t time.Time) time.Time {
		if t.After(now) || t.Before(earliest) && !t.IsZero() {
			return now
		}
		return t
	}
	for i := range h.Actions {
		a := &h.Actions[i]
		if a.NotTill.Sub(now) > reprobe {
			a.NotTill = now.Add(reprobe)
		}
		if longest := now.Add(account.AskTimeout); a.Deadline.After(longest) || !a.Deadline.IsZero() && a.Deadline.Before(earliest) {
			a.Deadline = longest
		}
	}
	for i := range h.Spent {
		h.Spent[i].At = past(h.Spent[i].At)
	}
	if h.Incident != nil {
		h.Incident.Updated = past(h.Incident.Updated)
	}
	for i := range h.Logouts {
		h.Logouts[i] = past(h.Logouts[i])
	}
	for what, at := range h.Told {
		if at.After(now) { // what was told before earliest is only told once more
			h.Told[what] = now
		}
	}
	return h
}

// clockIsRight reports whether the last good poll, read by the clock as it is
// now, leaves no doubt in it. The caller holds w.mu.
func (m *Monitor) clockIsRight(w *watch) bool {
	return !w.read.IsZero() && !w.unsure && m.step(w) == 0 &&
		rails("", false, m.opts.Earliest, w.list.ServerTime, w.read, m.clock()).Clock == ""
}

// mayForget reports whether the clock can be relied on to say what is old: a
// clock that runs ahead must not make the program forget what is new.
func (m *Monitor) mayForget() bool {
	watches, right := m.all(), 0
	for _, w := range watches {
		w.timing.Lock()
		doubt := w.doubt
		w.timing.Unlock()
		w.mu.Lock()
		if m.clockIsRight(w) {
			right++
		}
		w.mu.Unlock()
		if doubt != "" {
			return false
		}
	}
	return right > 0 || len(watches) == 0
}
