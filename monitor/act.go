package monitor

import (
	"context"
	"slices"
	"time"

	"sessionwarden"
	"sessionwarden/policy"
)

const (
	// freshFor is how old a list may be for the re-check right before acting.
	freshFor = 2 * time.Second
	// staleFor is how old it may be where a limit lets us read no other: the
	// longest wait that the service can ask of us.
	staleFor = 10 * time.Minute
	// maxAttempts is how often an action is tried before a person has to act.
	maxAttempts = 5
	// proofWait is how long a proof is looked for out of turn.
	proofWait = 30 * time.Second
	// failedPause is how long after that it is tried again all the same.
	failedPause = 15 * time.Minute
	// reprobe is how often a missing endpoint is looked for again.
	reprobe = time.Hour
)

// pause is how long to wait after the n-th attempt that came to nothing.
func pause(n int) time.Duration {
	steps := [...]time.Duration{0, 100 * time.Millisecond, 2 * time.Second, 10 * time.Second, 30 * time.Second}
	return steps[min(max(n, 0), len(steps)-1)]
}

// endpointMissing is the key under which the history remembers that the
// service lacks the call that ends one session.
const endpointMissing = "disconnect_missing"

// triesLater reports whether a is settled for now only: refused because the
// call to end a session is missing, or failed. It is tried again while its
// session is listed.
func triesLater(a sessionwarden.Action) bool {
	return (a.State == sessionwarden.Refused || a.State == sessionwarden.Failed) && !a.NotTill.IsZero()
}

// hasWork reports whether something of the account can go on at now. The
// caller holds w.mu.
func (m *Monitor) hasWork(w *watch, now time.Time) bool {
	for _, a := range w.h.Actions {
		switch {
		case a.State == sessionwarden.Planned || a.State == sessionwarden.Done || triesLater(a):
			if !now.Before(a.NotTill) {
				return true
			}
		case a.State == sessionwarden.Held:
			if !a.Deadline.IsZero() && !now.Before(a.Deadline) || a.Hold == sessionwarden.HeldStrangers || m.resumed(a) ||
				a.Hold == sessionwarden.HeldByClock && m.clockIsRight(w) {
				return true
			}
		}
	}
	return false
}

// act carries out what is planned for one account, one action after the other,
// and looks once more at the list for the proof. What cannot go on now is left
// for the polls to come.
func (m *Monitor) act(ctx context.Context, w *watch) {
	if !w.acting.TryLock() {
		return // somebody is at it
	}
	defer w.acting.Unlock()
	defer m.comeBack(w)
	did := false // something was done since the last list
	for ctx.Err() == nil {
		if m.ending.Load() { // what is left is on disk; what was done is looked at once more
			if did {
				_ = m.look(ctx, w)
			}
			return
		}
		m.release(ctx, w)
		w.mu.Lock()
		action, ok := w.nextAction(m.ownClock(w))
		w.mu.Unlock()
		if !ok || !m.mayUse(w) {
			if !ok && !did || m.look(ctx, w) != nil && !(ok && m.mayUse(w)) {
				return // a poll that fails is told by itself, and the next one goes on
			}
			did = false
			continue
		}
		stands, err := m.recheck(ctx, w, action.ID)
		if err != nil {
			return
		}
		if !stands {
			continue
		}
		did = true
		if m.carryOut(ctx, w, action) != nil {
			return
		}
	}
}

// comeBack has the account polled when its next action is due, or for a proof
// that is still missing.
func (m *Monitor) comeBack(w *watch) {
	w.mu.Lock()
	now, step := m.ownClock(w), m.step(w)
	soon := now.Add(min(freshFor*time.Duration(1+w.misses), time.Minute))
	var soonest time.Time
	for _, a := range w.h.Actions {
		due := a.NotTill
		switch {
		case a.State == sessionwarden.Planned || triesLater(a):
		case a.State == sessionwarden.Done && now.Sub(a.Answered) < proofWait:
		case a.State == sessionwarden.Held && a.Hold == sessionwarden.HeldByAsk && !a.Deadline.IsZero():
			due = a.Deadline
		case a.State == sessionwarden.Held && a.Hold == sessionwarden.HeldStrangers && !budgetBack(w.h).IsZero():
			due = budgetBack(w.h)
		case m.resumed(a):
		default:
			continue // from here on the schedule does
		}
		if due.Before(soon) {
			due = soon
		}
		if soonest.IsZero() || due.Before(soonest) {
			soonest = due
		}
	}
	if look := m.nextLook(w, now); !look.IsZero() && (soonest.IsZero() || look.Before(soonest)) {
		soonest = look
	}
	w.mu.Unlock()
	if !soonest.IsZero() {
		m.hurry(w, soonest.Add(step))
	}
}

// budgetBack is when the first of the strangers' disconnections is an hour old;
// zero where none counts any more.
func budgetBack(h sessionwarden.History) time.Time {
	for _, s := range h.Spent {
		if s.Stranger {
			return s.At.Add(time.Hour)
		}
	}
	return time.Time{}
}

// awaitProof acts and looks until nothing is left that time alone would settle, or
// ctx ends.
func (m *Monitor) awaitProof(ctx context.Context, w *watch) {
	for ctx.Err() == nil {
		m.act(ctx, w)
		w.mu.Lock()
		waits := slices.ContainsFunc(w.h.Actions, func(a sessionwarden.Action) bool {
			return a.State == sessionwarden.Planned || a.State == sessionwarden.Done
		})
		w.mu.Unlock()
		if !waits {
			return
		}
		timer := time.NewTimer(time.Second)
		select {
		case <-ctx.Done():
		case <-timer.C:
			_ = m.look(ctx, w)
		}
		timer.Stop()
	}
}

// look polls the account out of turn.
func (m *Monitor) look(ctx context.Context, w *watch) error {
	w.polling.Lock()
	defer w.polling.Unlock()
	return m.poll(ctx, w, nil)
}

// mayUse reports whether the last list may serve for the re-check: it is
// fresh, or a limit on how often we may ask keeps us from a newer one. Who uses
// up that limit must not keep us from a disconnection that we may still make.
func (m *Monitor) mayUse(w *watch) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	age := m.clock().Sub(w.read)
	if w.read.IsZero() || age < 0 {
		return false
	}
	return w.misses == 0 && age < freshFor || w.limited && age < staleFor
}

// actsFirst reports whether what is planned goes before the next list: where
// there was a limit, what it leaves may not be enough for both. The loop over
// all accounts asks: it waits for nobody whose disk hangs.
func (m *Monitor) actsFirst(w *watch) bool {
	if !w.mu.TryLock() {
		return false
	}
	defer w.mu.Unlock()
	_, ok := w.nextAction(m.ownClock(w))
	return ok && w.limited
}

// release lets go what was held for a time: questions that nobody answered,
// strangers once the hour's budget is back, what waited for a person to confirm
// the history, and the hourly look for a missing endpoint.
func (m *Monitor) release(ctx context.Context, w *watch) {
	w.mu.Lock()
	defer w.mu.Unlock()
	d := m.draft(w)
	probed := false
	var free []sessionwarden.Action
	for _, a := range w.h.Actions {
		decision, due := policy.Expire(d.account, a, d.now)
		switch {
		case due:
			free = append(free, decided(a, decision))
		case m.resumed(a):
			free = append(free, inState(a, sessionwarden.Planned, "a person confirmed the history"))
		case a.State == sessionwarden.Held && a.Hold == sessionwarden.HeldByClock && m.clockIsRight(w):
			free = append(free, inState(a, sessionwarden.Planned, "the clock can be relied on again"))
		case triesLater(a) && !d.now.Before(a.NotTill) && !probed:
			if probed = a.State == sessionwarden.Refused; probed {
				d.postpone(a.ID) // one probe for the missing call is enough
			}
			a.NotTill = time.Time{}
			free = append(free, inState(a, sessionwarden.Planned, "trying again"))
		}
	}
	d.put(free...)
	back := make(map[uint64]bool)
	for _, id := range policy.Release(d.account, d.h, d.now) {
		back[id] = true
	}
	d.each(func(a sessionwarden.Action) bool { return back[a.ID] }, func(a sessionwarden.Action) sessionwarden.Action {
		return inState(a, sessionwarden.Planned, "the hour's budget for strangers is back")
	})
	_ = m.finish(ctx, w, d, nil, nil) // not saved: held as before, and told
}

// decide brings an action to what policy decided.
func (d *draft) decide(a sessionwarden.Action, decision policy.Decision) { d.put(decided(a, decision)) }

// decided returns an action as policy decided, to be put.
func decided(a sessionwarden.Action, decision policy.Decision) sessionwarden.Action {
	a.Hold, a.NotTill = decision.Hold, time.Time{}
	return inState(a, decision.State, decision.Note)
}

// when is a time as people read it.
func when(t time.Time) string { return t.UTC().Format("15:04:05 MST") }
