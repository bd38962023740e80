package monitor

import (
	"cmp"
	"context"
	"errors"
	"time"

	"sessionwarden"
	"sessionwarden/internal/mishap"
	"sessionwarden/policy"
)

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
	d.each(func(a sessionwarden.Action) bool {
		return a.State == sessionwarden.Planned && a.Kind == over.Kind && a.Stranger == over.Stranger && a.Attempts == 0 && !a.ByHand
	}, func(a sessionwarden.Action) sessionwarden.Action { return decided(a, decision) })
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
	d.each(func(a sessionwarden.Action) bool {
		return a.State == sessionwarden.Planned && a.Kind == limited.Kind && a.NotTill.Before(limited.NotTill)
	}, func(a sessionwarden.Action) sessionwarden.Action {
		a.NotTill = limited.NotTill
		return a
	})
}
