package policy

import (
	"slices"
	"time"

	"sessionwarden"
)

// Release returns the ids of the actions that wait only for the hour's budget
// for strangers and that it has room for again, the newest session first.
// What is planned and not tried yet has its place in the budget already.
func Release(a sessionwarden.Account, h sessionwarden.History, now time.Time) []uint64 {
	budget := a.MaxDisconnectsStrangers - spentWithin(&h, true, now)
	var waiting []*sessionwarden.Action
	for i := range h.Actions {
		action := &h.Actions[i]
		switch {
		case action.Account != a.Name:
		case action.State == sessionwarden.Held && action.Hold == sessionwarden.HeldStrangers:
			waiting = append(waiting, action)
		case action.State == sessionwarden.Planned && action.Stranger && action.Attempts == 0 && !action.ByHand:
			budget--
		}
	}
	if len(waiting) == 0 || budget <= 0 {
		return nil
	}
	live := make(map[uint64]*sessionwarden.Sighting, len(h.Live))
	for i := range h.Live {
		live[h.Live[i].Seq] = &h.Live[i]
	}
	slices.SortStableFunc(waiting, func(x, y *sessionwarden.Action) int {
		a, b := live[x.Seq], live[y.Seq]
		switch {
		case a != nil && b != nil:
			return newestFirst(a, b)
		case a != nil:
			return -1 // what lives goes first
		case b != nil:
			return 1
		}
		return y.Created.Compare(x.Created)
	})
	ids := make([]uint64, 0, min(budget, len(waiting)))
	for _, action := range waiting[:min(budget, len(waiting))] {
		ids = append(ids, action.ID)
	}
	return ids
}

// Expire decides on a question that nobody has answered in time; false while
// it stands. What a rail holds never expires: it waits for a person.
func Expire(a sessionwarden.Account, action sessionwarden.Action, now time.Time) (Decision, bool) {
	if action.Account != a.Name || action.State != sessionwarden.Held || action.Hold != sessionwarden.HeldByAsk ||
		action.Deadline.IsZero() || now.Before(action.Deadline) {
		return Decision{}, false
	}
	if a.AskDefault == sessionwarden.DisconnectSession {
		return Decision{State: sessionwarden.Planned, Note: "nobody answered in time; ended, as ask_default says"}, true
	}
	return Decision{State: sessionwarden.Denied, Note: "nobody answered in time; kept, as ask_default says"}, true
}
