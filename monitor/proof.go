package monitor

import (
	"fmt"
	"slices"
	"time"

	"sessionwarden"
	"sessionwarden/internal/mishap"
)

// verify holds the actions that were carried out against a list that was read
// afterwards. Absence from a complete list is the proof; presence in any list
// says that the service did not tell the truth.
func (d *draft) verify(list sessionwarden.Listing) {
	present := make(map[sessionwarden.SessionID]bool, len(list.Rows))
	others, refused := false, false
	for _, row := range list.Rows {
		present[row.ID] = true
		others = others || !row.Ownership.Untouchable()
	}
	for _, a := range slices.Clone(d.h.Actions) {
		tried := a.Answered
		if tried.IsZero() {
			tried = a.Updated // the program ended between the call and its record
		}
		if a.Attempts == 0 || a.ID == d.w.begun || list.Asked.Before(tried) && !tried.After(d.now) ||
			a.State != sessionwarden.Planned && a.State != sessionwarden.Done {
			continue
		}
		there := present[a.Session] && !d.givenAway(a)
		if a.Kind == sessionwarden.EndAll {
			there = others
		}
		if refused { // all of them at once, perhaps this one too
			if now, _ := d.action(a.ID); now.State != a.State {
				continue
			}
		}
		unknown := d.w.unknown[a.ID]
		delete(d.w.unknown, a.ID)
		if unknown && there {
			d.notFound(a)
			if now, _ := d.action(a.ID); now.State != sessionwarden.Planned {
				refused = true
				continue
			}
		}
		switch {
		case there && a.Answered.IsZero():
		case !there && !list.Complete:
		case !there:
			_ = mishap.At("act.verified")
			if unknown && a.Attempts == 1 && !a.ByHand {
				d.unspend(a.Stranger) // it left before our call: that ended nothing
			}
			d.settle(a, sessionwarden.Verified, "gone from the service's complete list, read at "+when(list.Asked))
			d.gone(a)
		case a.Attempts >= maxAttempts:
			a.NotTill = d.now.Add(failedPause)
			d.settle(a, sessionwarden.Failed, fmt.Sprintf("tried %d times, and the service still lists it; tried again at %s", a.Attempts, when(a.NotTill)))
		case a.State == sessionwarden.Done:
			a.NotTill = d.now.Add(pause(a.Attempts))
			d.settle(a, sessionwarden.Planned, stillListed)
		}
	}
}

// givenAway reports whether the session of a is gone and its id another one's now.
func (d *draft) givenAway(a sessionwarden.Action) bool {
	return d.live(a.Seq) == nil && slices.ContainsFunc(d.h.Live, func(s sessionwarden.Sighting) bool { return s.ID == a.Session })
}

// stillListed is the note of an action that the service claimed to have done.
const stillListed = "the service said that it is ended, but still lists it; trying again"

// gone ends the sighting that a verified action was about, without waiting for
// a second list: this absence was expected. Where polls beside the call have
// missed it twice already, it only notes that it was we who ended it.
func (d *draft) gone(a sessionwarden.Action) {
	if a.Kind != sessionwarden.EndOne {
		return
	}
	if s := d.live(a.Seq); s != nil {
		if s.Missing.IsZero() {
			s.Missing = d.seen
		}
		d.endedByUs(s, a)
		d.leave(a.Seq)
		return
	}
	for i := range d.h.Recent {
		s := &d.h.Recent[i]
		if s.Seq != a.Seq || !s.EndedAt.IsZero() {
			continue
		}
		d.endedByUs(s, a)
		at := slices.IndexFunc(d.ended, func(e sessionwarden.Sighting) bool { return e.Seq == s.Seq })
		if at < 0 {
			d.ended = append(d.ended, *s) // on disk since an earlier poll
		} else {
			d.ended[at].EndedAt = s.EndedAt
		}
	}
}

// endedByUs notes on a sighting that we have ended its session.
func (d *draft) endedByUs(s *sessionwarden.Sighting, a sessionwarden.Action) {
	if !a.ByHand {
		d.beaten(s.Session)
	}
	s.EndedAt = d.seen
}

// notFound handles a 404 for a session that a list read afterwards still has.
// The same from a second session says that the service lacks the call.
func (d *draft) notFound(action sessionwarden.Action) {
	if _, known := d.h.Told[endpointMissing]; !known {
		if d.w.refused404 == "" || d.w.refused404 == action.Session {
			d.w.refused404 = action.Session
			return
		}
		d.notice(sessionwarden.ServiceOdd, sessionwarden.Critical, "The service cannot end single sessions at present",
			"Its call for that answers \"not found\" for sessions that it lists.",
			"Suspicious sessions are found and told, but not ended. It is tried again every hour.",
			"To end a session now: sign in at https://mannco.store and sign out everywhere.")
	}
	d.mayTell(endpointMissing)
	d.each(func(a sessionwarden.Action) bool {
		return a.Kind == sessionwarden.EndOne && (a.State == sessionwarden.Planned || a.State == sessionwarden.Refused && triesLater(a))
	}, func(a sessionwarden.Action) sessionwarden.Action {
		a.NotTill = d.now.Add(reprobe)
		return inState(a, sessionwarden.Refused, "the service lacks the call to end one session; tried again at "+when(a.NotTill))
	})
}

// retryRefused plans again what was refused for want of the endpoint.
func (d *draft) retryRefused() {
	d.each(func(a sessionwarden.Action) bool { return a.State == sessionwarden.Refused && triesLater(a) }, func(a sessionwarden.Action) sessionwarden.Action {
		a.NotTill = time.Time{}
		return inState(a, sessionwarden.Planned, "the service can end single sessions again")
	})
}

// postpone puts off what waits for the missing call, but for the action id.
func (d *draft) postpone(id uint64) {
	d.each(func(a sessionwarden.Action) bool {
		return a.ID != id && a.State == sessionwarden.Refused && triesLater(a)
	}, func(a sessionwarden.Action) sessionwarden.Action {
		a.NotTill = d.now.Add(reprobe)
		return a
	})
}

// unspend gives back the newest disconnection of a kind to the hour's budget.
func (d *draft) unspend(stranger bool) {
	for i := len(d.h.Spent) - 1; i >= 0; i-- {
		if d.h.Spent[i].Stranger == stranger {
			d.h.Spent = slices.Delete(d.h.Spent, i, i+1)
			return
		}
	}
}
