package monitor

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"sessionwarden"
	"sessionwarden/internal/mishap"
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
	for _, a := range w.h.Actions {
		if decision, due := policy.Expire(d.account, a, d.now); due {
			d.decide(a, decision)
		}
		if m.resumed(a) {
			d.settle(a, sessionwarden.Planned, "a person confirmed the history")
		}
		if a.State == sessionwarden.Held && a.Hold == sessionwarden.HeldByClock && m.clockIsRight(w) {
			d.settle(a, sessionwarden.Planned, "the clock can be relied on again")
		}
		if triesLater(a) && !d.now.Before(a.NotTill) && !probed {
			if probed = a.State == sessionwarden.Refused; probed {
				d.postpone(a.ID) // one probe for the missing call is enough
			}
			a.NotTill = time.Time{}
			d.settle(a, sessionwarden.Planned, "trying again")
		}
	}
	for _, id := range policy.Release(d.account, d.h, d.now) {
		for _, a := range slices.Clone(d.h.Actions) {
			if a.ID == id {
				d.settle(a, sessionwarden.Planned, "the hour's budget for strangers is back")
			}
		}
	}
	_ = m.finish(ctx, w, d, nil, nil) // not saved: held as before, and told
}

// decide brings an action to what policy decided.
func (d *draft) decide(a sessionwarden.Action, decision policy.Decision) {
	a.Hold, a.NotTill = decision.Hold, time.Time{}
	d.settle(a, decision.State, decision.Note)
}

// nextAction returns the next planned action of the account: of several, one
// that was tried least often, so that none waits for another's failures.
// The caller holds w.mu.
func (w *watch) nextAction(now time.Time) (sessionwarden.Action, bool) {
	var next sessionwarden.Action
	found := false
	for _, a := range w.h.Actions {
		due := !now.Before(a.NotTill)
		if a.State == sessionwarden.Planned && due && (!found || a.Attempts < next.Attempts) {
			next, found = a, true
		}
	}
	return next, found
}

// rowOf returns the row of a list that a is about.
func rowOf(list *sessionwarden.Listing, a sessionwarden.Action) *sessionwarden.Session {
	for i := range list.Rows {
		row := &list.Rows[i]
		if a.Kind == sessionwarden.EndAll && !row.Ownership.Untouchable() || a.Session != "" && row.ID == a.Session {
			return row
		}
	}
	return nil
}

// begin counts the first attempt of an action together with its plan where it is
// the only one to be carried out, and the list that it was planned on says yes:
// so a lone intruder costs one commit before the call, and not two. Whether it
// still stands is looked at again right before the call, as for any other.
func (d *draft) begin(list *sessionwarden.Listing) {
	if _, underWay := d.action(d.w.begun); underWay || d.w.ender == nil {
		return
	}
	var planned []sessionwarden.Action
	for _, a := range d.h.Actions {
		if a.State == sessionwarden.Planned {
			planned = append(planned, a)
		}
	}
	if len(planned) != 1 || planned[0].Attempts > 0 || planned[0].ByHand || planned[0].NotTill.After(d.now) {
		return
	}
	a := planned[0]
	decision := policy.Recheck(d.account, d.h, a, rowOf(list, a), list.Complete, d.rails, d.now)
	if decision.State == sessionwarden.Planned && !decision.Wait {
		d.attempt(a)
		d.begun = a.ID
	}
}

// attempt counts an attempt, before the call: a crash in between must not make
// the limits forget it.
func (d *draft) attempt(a sessionwarden.Action) {
	a.Attempts++
	d.put(a)
	if a.Attempts == 1 && !a.ByHand {
		d.h.Spent = append(d.h.Spent, sessionwarden.Spent{At: d.now, Stranger: a.Stranger})
	}
}

// recheck decides, on a list just read, whether action still is to be carried
// out, and writes down if not.
func (m *Monitor) recheck(ctx context.Context, w *watch, id uint64) (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := mishap.At("act.recheck"); err != nil {
		return false, err
	}
	d := m.draft(w)
	action, ok := d.action(id)
	if !ok || action.State != sessionwarden.Planned {
		return false, nil
	}
	decision := policy.Recheck(d.account, d.h, action, rowOf(&w.list, action), w.list.Complete, d.rails, d.now)
	if w.begun == id {
		w.begun = 0
		if decision.State == sessionwarden.Planned && !decision.Wait && w.ender != nil {
			return true, mishap.At("act.attempted")
		}
		action.Attempts-- // it was counted with its plan, and is not made
		d.unspend(action.Stranger)
	}
	switch {
	case decision.Wait:
		// The longer it has waited, the longer it waits.
		action.NotTill = d.now.Add(min(max(d.now.Sub(action.Created)/4, freshFor), 5*time.Minute))
		d.settle(action, sessionwarden.Planned, decision.Note)
	case decision.State == sessionwarden.Planned && w.ender == nil:
		d.settle(action, sessionwarden.DryRun, "dry run: nothing was ended")
	case decision.State == sessionwarden.Planned:
		action.Note = decision.Note
		d.attempt(action)
		return true, cmp.Or(m.finish(ctx, w, d, nil, nil), mishap.At("act.attempted"))
	default:
		d.decide(action, decision)
		if decision.Hold == sessionwarden.HeldStrangers || decision.Hold == sessionwarden.HeldByLimit {
			d.holdRest(action, decision)
		}
	}
	return false, m.finish(ctx, w, d, nil, nil)
}

// holdRest holds with an action that is over its hourly limit all others that
// are over it too: thousands at a time, when somebody floods the list.
func (d *draft) holdRest(over sessionwarden.Action, decision policy.Decision) {
	for _, a := range slices.Clone(d.h.Actions) {
		if a.State == sessionwarden.Planned && a.Kind == over.Kind && a.Stranger == over.Stranger && a.Attempts == 0 && !a.ByHand {
			d.decide(a, decision)
		}
	}
}

// action returns the open action id as the draft has it.
func (d *draft) action(id uint64) (sessionwarden.Action, bool) {
	for _, a := range d.h.Actions {
		if a.ID == id {
			return a, true
		}
	}
	return sessionwarden.Action{}, false
}

// carryOut makes the call and writes down what the service answered. The error
// says that no other action can be carried out now either.
func (m *Monitor) carryOut(ctx context.Context, w *watch, planned sessionwarden.Action) error {
	w.mu.Lock()
	ender := w.ender
	w.mu.Unlock()
	if ender == nil {
		return nil // a dry run since a moment ago: the next look says so
	}
	err := mishap.At("act.call")
	switch {
	case err != nil:
	case planned.Kind == sessionwarden.EndAll:
		err = ender.DisconnectAll(ctx)
	default:
		err = ender.Disconnect(ctx, planned.Session)
	}
	err = cmp.Or(err, mishap.At("act.called"))
	m.metrics.called(err)

	w.mu.Lock()
	defer w.mu.Unlock()
	d := m.draft(w)
	action, ok := d.action(planned.ID)
	if !ok {
		return nil
	}
	var stop error
	var fault *sessionwarden.Fault
	errors.As(err, &fault)
	switch {
	case err == nil:
		w.acted = true
		action.Answered, action.NotTill = d.now, time.Time{}
		d.settle(action, sessionwarden.Done, "the service answered that it is ended; not proven yet")
		w.refused404 = ""
		if _, was := d.h.Told[endpointMissing]; was {
			delete(d.h.Told, endpointMissing)
			d.notice(sessionwarden.ServiceOdd, sessionwarden.Info, "The service can end single sessions again",
				"What was refused meanwhile is tried again.")
			d.retryRefused()
		}
	case fault != nil && fault.Kind == sessionwarden.FaultLimited:
		w.limited = w.limited || fault.Login // the next login must not go to a list again
		action.NotTill = d.now.Add(fault.RetryAfter)
		if action.Attempts--; action.Attempts == 0 && !action.ByHand {
			d.unspend(action.Stranger) // nothing was ended
		}
		d.settle(action, sessionwarden.Planned, "the service is rate limiting us; tried again at "+when(action.NotTill))
		d.putOff(action)
		stop = err
	case fault != nil && fault.Kind == sessionwarden.FaultNotFound:
		action.NotTill = d.now.Add(pause(action.Attempts))
		d.settle(action, sessionwarden.Planned, "the service knows no such session; looking whether it is gone")
		action.Answered = d.now
		d.put(action)
		if w.unknown == nil {
			w.unknown = make(map[uint64]bool)
		}
		w.unknown[action.ID] = true
	default:
		action.NotTill = d.now.Add(pause(action.Attempts))
		action.Answered = d.now // the call may have worked: the next list tells
		d.settle(action, sessionwarden.Planned, "the call failed: "+err.Error())
		if fault != nil && fault.Kind == sessionwarden.FaultRefused {
			stop = err
			// Where no login is given any more, a list is what tells people so.
			w.limited = w.limited && fault.RetryAfter == 0
		}
	}
	return errors.Join(stop, m.finish(ctx, w, d, nil, nil), mishap.At("act.answered"))
}

// putOff puts off with an action that met a limit all others that would meet it
// too.
func (d *draft) putOff(limited sessionwarden.Action) {
	for _, a := range slices.Clone(d.h.Actions) {
		if a.State == sessionwarden.Planned && a.Kind == limited.Kind && a.NotTill.Before(limited.NotTill) {
			a.NotTill = limited.NotTill
			d.put(a)
		}
	}
}

// when is a time as people read it.
func when(t time.Time) string { return t.UTC().Format("15:04:05 MST") }
