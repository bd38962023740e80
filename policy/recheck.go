package policy

import (
	"strconv"
	"time"

	"sessionwarden"
)

// Decision is what is to become of an action. State Planned without Wait
// means: go ahead now.
type Decision struct {
	State sessionwarden.ActionState
	Hold  sessionwarden.Hold // what holds it, where State is Held
	Note  string             // why, for people
	Wait  bool               // not now: the list that was read cannot tell yet; look again
}

func refuse(note string) Decision { return Decision{State: sessionwarden.Refused, Note: note} }

// Recheck decides right before acting whether action is still to be carried
// out, by a list that was just read. row is the session's row in it, nil where
// it has none (for EndAll: any row that may be ended); complete says that
// everything the service lists was read. h is the history with that list
// recorded.
//
// It looks at identity, presence, trust and rails, and never at the rule
// again. A session that has changed its address or agent meanwhile, without
// ever being absent, is the same session: that does not save it. What a person
// asked for passes the limits, the interlocks and trust, but never identity.
func Recheck(a sessionwarden.Account, h sessionwarden.History, action sessionwarden.Action, row *sessionwarden.Session, complete bool, rails Rails, now time.Time) Decision {
	if action.State != sessionwarden.Planned {
		return Decision{State: action.State, Hold: action.Hold, Note: action.Note}
	}
	if action.Account != a.Name || h.Account != "" && h.Account != a.Name {
		return refuse("the action belongs to another account")
	}
	var s *sessionwarden.Sighting
	var note string
	if action.Kind == sessionwarden.EndAll {
		if d, stop := allStands(&a, &h, row, complete); stop {
			return d
		}
	} else {
		d, stop := oneStands(&a, &h, &action, row, complete)
		if stop {
			return d
		}
		s, note = sightingOf(&h, action.Seq), d.Note
	}
	if a.DryRun {
		return Decision{State: sessionwarden.DryRun, Note: dryRun}
	}
	if action.ByHand {
		return Decision{State: sessionwarden.Planned, Note: note}
	}
	if hold, why := interlock(rails, s != nil && wantedElsewhere(s)); hold != sessionwarden.NotHeld {
		return Decision{State: sessionwarden.Held, Hold: hold, Note: why}
	}
	if d, over := overLimit(&a, &h, &action, now); over {
		return d
	}
	return Decision{State: sessionwarden.Planned, Note: note}
}

// oneStands checks identity, presence and trust of the one session that is to
// be ended. stop: the decision is final; else it only carries a note.
func oneStands(a *sessionwarden.Account, h *sessionwarden.History, action *sessionwarden.Action, row *sessionwarden.Session, complete bool) (d Decision, stop bool) {
	switch {
	case action.Session == "":
		return refuse(NoID), true
	case row == nil && complete:
		if s := sightingOf(h, action.Seq); s != nil && s.Missing.IsZero() {
			return refuse("the service still lists the session, but without its id, so it cannot be ended by itself; sign out everywhere on the service's own pages"), true
		}
		return Decision{State: sessionwarden.Moot, Note: "the session was gone before anything was done"}, true
	case row == nil:
		return Decision{State: sessionwarden.Planned, Wait: true, Note: "the list was not complete and does not show the session; looking again"}, true
	case row.ID != action.Session:
		return refuse("the row is that of another session"), true
	case row.Ownership == sessionwarden.Own:
		return refuse("it is our own session"), true
	case row.Ownership.Untouchable():
		return refuse("the service marks it as ours and our own login contradicts it: such a session is never touched"), true
	}
	s := sightingOf(h, action.Seq)
	if s == nil {
		for i := range h.Live {
			if h.Live[i].ID == action.Session {
				return Decision{State: sessionwarden.Moot, Note: "the session is gone; its id belongs to another one now, which is judged by itself"}, true
			}
		}
		return Decision{State: sessionwarden.Planned, Wait: true, Note: "the session is not in the history yet; looking again"}, true
	}
	if s.Account != a.Name || s.ID != "" && s.ID != action.Session {
		return refuse("the action and the history speak of different sessions"), true
	}
	if s.Ownership.Untouchable() {
		return refuse("it is our own session, or may be"), true
	}
	if !action.ByHand {
		if s.Denied {
			return Decision{State: sessionwarden.Denied, Note: "its owner said that this session is his"}, true
		}
		if why, trusted := a.Vouches(row.Addr); trusted {
			return refuse(why), true
		}
	}
	return Decision{State: sessionwarden.Planned, Note: changedSince(action, row)}, false
}

// allStands is oneStands for the call that ends all.
func allStands(a *sessionwarden.Account, h *sessionwarden.History, row *sessionwarden.Session, complete bool) (d Decision, stop bool) {
	if why := forbidsAll(a, h); why != "" {
		return refuse(why), true
	}
	switch {
	case row == nil && complete:
		return Decision{State: sessionwarden.Moot, Note: "every session was gone before anything was done"}, true
	case row == nil:
		return Decision{State: sessionwarden.Planned, Wait: true, Note: "the list was not complete and shows no session; looking again"}, true
	case !nameless(a, h):
		return Decision{State: sessionwarden.Moot, Note: "no session without an id is left"}, true
	}
	if _, trusted := a.Trusts(row.Addr); trusted {
		return refuse(row.AddrText() + " is in a trusted network, and the only call that is left would end that session too"), true
	}
	if row.Ownership == sessionwarden.Disputed {
		return refuse("a session may be our own, and the only call that is left would end it too"), true
	}
	return Decision{}, false
}

// sightingOf returns the live sighting seq; nil if there is none.
func sightingOf(h *sessionwarden.History, seq uint64) *sessionwarden.Sighting {
	for i := range h.Live {
		if h.Live[i].Seq == seq && h.Live[i].State == sessionwarden.Live {
			return &h.Live[i]
		}
	}
	return nil
}

// changedSince says what the session has changed since the action was
// planned.
func changedSince(action *sessionwarden.Action, row *sessionwarden.Session) string {
	note := ""
	if addr := row.AddrText(); action.Addr != "" && addr != action.Addr {
		note = "its address is " + sessionwarden.Clean(addr, 48) + " now; it is the same session"
	}
	if device := Device(row.UserAgent); note == "" && device != "" && action.Device != "" && device != action.Device {
		note = "its device is " + device + " now; it is the same session"
	}
	return note
}

// wantedElsewhere reports whether a rule that does not rest on location data
// wants the session ended as much as any other does.
func wantedElsewhere(s *sessionwarden.Sighting) bool {
	strongest, elsewhere := sessionwarden.Off, sessionwarden.Off
	for _, v := range s.Verdicts {
		response := min(v.Response, sessionwarden.Disconnect)
		strongest = max(strongest, response)
		if !restsOnLocation(v.Rule) {
			elsewhere = max(elsewhere, response)
		}
	}
	return elsewhere >= sessionwarden.Ask && elsewhere == strongest
}

// overLimit holds an action whose hourly limit is used up. An action that was
// tried before has been counted already.
func overLimit(a *sessionwarden.Account, h *sessionwarden.History, action *sessionwarden.Action, now time.Time) (Decision, bool) {
	spent := spentWithin(h, action.Stranger, now)
	switch {
	case action.Attempts > 0:
	case action.Stranger && a.MaxDisconnectsStrangers <= 0: // no hour brings a budget of none back
		return Decision{State: sessionwarden.Held, Hold: sessionwarden.HeldByLimit, Note: "max_disconnects_strangers is 0; waits for an answer"}, true
	case action.Stranger && spent >= a.MaxDisconnectsStrangers:
		return Decision{State: sessionwarden.Held, Hold: sessionwarden.HeldStrangers, Note: strconv.Itoa(spent) +
			" strangers were ended within an hour, the limit (max_disconnects_strangers); goes on when the hour's budget is back, or at once when approved"}, true
	case !action.Stranger && spent >= a.MaxDisconnects:
		return Decision{State: sessionwarden.Held, Hold: sessionwarden.HeldByLimit, Note: strconv.Itoa(spent) +
			" sessions were ended within an hour, the limit (max_disconnects); waits for an answer"}, true
	}
	return Decision{}, false
}

// spentWithin counts the disconnections of one class in the hour before now. A
// clock that was set back forgets none of them.
func spentWithin(h *sessionwarden.History, stranger bool, now time.Time) int {
	n := 0
	for _, s := range h.Spent {
		if s.Stranger == stranger && now.Sub(s.At) < hour {
			n++
		}
	}
	return n
}
