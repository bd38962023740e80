package replay

import (
	"slices"
	"time"

	"sessionwarden"
	"sessionwarden/policy"
)

// plan turns findings into actions, and carries out what is planned.
func (st *state) plan(judged []policy.Judged, at time.Time) {
	for _, a := range policy.Plan(st.now, st.h, judged, policy.Rails{}, at) {
		if a.ID == 0 {
			a.ID = st.e.id()
		}
		st.act(a, at)
	}
}

// act carries out an action that is planned, as far as the limits let it: it
// counts as spent then.
func (st *state) act(a sessionwarden.Action, at time.Time) {
	if i := st.live(a.Seq); a.State == sessionwarden.Planned && i >= 0 {
		d := policy.Recheck(st.now, st.h, a, &st.h.Live[i].Session, true, policy.Rails{}, at)
		a.State, a.Hold, a.Note = d.State, d.Hold, d.Note
		if d.State == sessionwarden.Planned {
			a.State, a.Attempts, a.Answered = sessionwarden.Done, 1, at
			st.h.Spent = append(st.h.Spent, sessionwarden.Spent{At: at, Stranger: a.Stranger})
		}
	}
	a.Updated = at
	if a.State == sessionwarden.Held {
		st.events.add(event{at: a.Deadline, kind: asks})
		if a.Hold == sessionwarden.HeldStrangers {
			st.awaitBudget()
		}
	}
	if a.Kind == sessionwarden.EndAll {
		st.e.o.Over(Outcome{Sighting: sessionwarden.Sighting{Account: a.Account}, Action: &a})
		return
	}
	st.put(a)
}

// put adds an action or changes one.
func (st *state) put(a sessionwarden.Action) {
	if i := st.live(a.Seq); i >= 0 {
		st.lives[i].action = &a
	}
	open := a.State.Open()
	for i := range st.h.Actions {
		if st.h.Actions[i].ID == a.ID {
			if st.h.Actions[i] = a; !open {
				st.h.Actions = slices.Delete(st.h.Actions, i, i+1)
			}
			return
		}
	}
	if open {
		st.h.Actions = append(st.h.Actions, a)
	}
}

// settle ends what is held about a sighting.
func (st *state) settle(seq uint64, state sessionwarden.ActionState, at time.Time) {
	if i := st.live(seq); i >= 0 && st.lives[i].action != nil && st.lives[i].action.State == sessionwarden.Held {
		a := *st.lives[i].action
		a.State, a.Hold, a.Deadline, a.Updated = state, sessionwarden.NotHeld, time.Time{}, at
		st.put(a)
	}
}

// drop forgets the actions about a sighting that has left.
func (st *state) drop(seq uint64) {
	st.h.Actions = slices.DeleteFunc(st.h.Actions, func(a sessionwarden.Action) bool { return a.Seq == seq })
}

// answers looks after the questions that have run out and after what waits for
// the hour's budget.
func (st *state) answers(at time.Time) {
	st.forget(at)
	for _, a := range slices.Clone(st.h.Actions) {
		if d, over := policy.Expire(st.now, a, at); over {
			a.State, a.Hold, a.Note, a.Deadline = d.State, d.Hold, d.Note, time.Time{}
			st.act(a, at)
		}
	}
	for _, id := range policy.Release(st.now, st.h, at) {
		for _, a := range slices.Clone(st.h.Actions) {
			if a.ID == id {
				a.State, a.Hold, a.Note = sessionwarden.Planned, sessionwarden.NotHeld, ""
				st.act(a, at)
			}
		}
	}
	if slices.ContainsFunc(st.h.Actions, func(a sessionwarden.Action) bool { return a.Hold == sessionwarden.HeldStrangers }) {
		st.awaitBudget()
	}
}

// awaitBudget looks again when the hour gives the first of its budget for
// strangers back.
func (st *state) awaitBudget() {
	for _, s := range st.h.Spent {
		if s.Stranger {
			st.events.add(event{at: s.At.Add(time.Hour), kind: asks})
			return
		}
	}
}
