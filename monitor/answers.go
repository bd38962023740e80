package monitor

import (
	"context"
	"fmt"
	"slices"
	"time"

	"sessionwarden"
)

// byWhom says who wants what ctx is about: "by root", or "by hand" where that is
// not known.
func byWhom(ctx context.Context) string {
	if by := sessionwarden.Asker(ctx); by != "" {
		return "by " + by
	}
	return "by hand"
}

// answered notes in the alerts of the account's open incident, and in one beside it
// (0: none), that a person answered.
func (d *draft) answered(ctx context.Context, alert uint64) {
	ids := []uint64{alert}
	if i := d.h.Incident; i != nil {
		for id, a := range d.w.alerts {
			if id != alert && a.Incident == i.ID {
				ids = append(ids, id)
			}
		}
	}
	for _, id := range ids {
		if a, ok := d.revised(id); ok {
			a.Answered, a.By, a.Updated = d.now, sessionwarden.Asker(ctx), d.now
			d.alerts[id] = a
		}
	}
}

// tell writes a line of what a person did into the open incident's timeline.
func (d *draft) tell(text string) {
	if d.h.Incident != nil {
		d.event(sessionwarden.Event{Kind: sessionwarden.EventAnswer, Text: text})
	}
}

// Acknowledge notes that a person has seen an incident: nobody else is told of it
// any more, until something new comes. It returns the incident as it is then.
func (m *Monitor) Acknowledge(ctx context.Context, incident uint64) (sessionwarden.Incident, error) {
	for _, w := range m.all() {
		if i, found, err := m.acknowledgeIn(ctx, w, incident); found {
			return i, err
		}
	}
	if m.opts.Incident != nil {
		i, there, err := m.opts.Incident(ctx, incident)
		switch {
		case err != nil:
			return i, err
		case there:
			return i, &WishError{text: fmt.Sprintf("incident %d is over since %s", incident, i.Resolved.UTC().Format("2006-01-02 15:04 MST")),
				cure: fmt.Sprintf("sessionwarden incidents show %d tells what became of it", incident)}
		}
	}
	return sessionwarden.Incident{}, &WishError{text: fmt.Sprintf("there is no incident %d", incident), cure: "sessionwarden incidents shows those there are", missing: true}
}

func (m *Monitor) acknowledgeIn(ctx context.Context, w *watch, incident uint64) (i sessionwarden.Incident, found bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	d := m.draft(w)
	if d.h.Incident == nil || d.h.Incident.ID != incident {
		return i, false, nil
	}
	d.tell("Acknowledged " + byWhom(ctx) + ".")
	d.answered(ctx, 0)
	err = m.finish(ctx, w, d, nil, nil)
	if w.h.Incident != nil {
		i = w.h.Incident.Clone()
	}
	return i, true, err
}

// Session names a session as a person was shown it.
type Session struct {
	Account string
	Seq     uint64
	ID      sessionwarden.SessionID
	Addr    string
	Device  string
	At      time.Time // when it was shown so
}

// Mine notes that a session is the owner's, as [Monitor.Deny] does, whether an
// action on it is held or not. Where it is not at the address or on the device any
// more that the person was shown, nothing changes, and the error says so.
func (m *Monitor) Mine(ctx context.Context, s Session) error {
	w := m.byName(s.Account)
	if w == nil {
		return noAccount(s.Account)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	d := m.draft(w)
	live := d.live(s.Seq)
	if live == nil {
		return &WishError{text: fmt.Sprintf("session %s is not there any more, or went on elsewhere", s.ID), cure: "sessionwarden sessions shows the live ones"}
	}
	if !asAsked(sessionwarden.Action{Addr: s.Addr, Device: s.Device}, *live) {
		return &WishError{text: fmt.Sprintf("session %s has moved since: it is at %s now", s.ID, sessionwarden.Clean(live.AddrText(), 64)), cure: "look at the newest message about it"}
	}
	if live.Ownership.Untouchable() {
		return &WishError{text: fmt.Sprintf("session %s is the watch's own", s.ID), cure: "nothing is to be done about it"}
	}
	live.Denied, live.DeniedAt = true, d.now
	d.touch(live.Seq)
	d.learn()
	alert := uint64(0)
	for _, a := range slices.Clone(d.h.Actions) {
		if a.Seq == s.Seq && a.State == sessionwarden.Held {
			alert = a.AlertID
			d.settle(a, sessionwarden.Denied, byWhom(ctx)+": this session is the owner's")
		}
	}
	d.tell("Session " + string(s.ID) + " is the owner's, says " + orSomebody(ctx) + ".")
	d.answered(ctx, alert)
	return m.finish(ctx, w, d, nil, nil)
}

// orSomebody is who asks, as the subject of a sentence.
func orSomebody(ctx context.Context) string {
	if by := sessionwarden.Asker(ctx); by != "" {
		return by
	}
	return "somebody"
}

// EndSession ends a session by hand as [Monitor.Disconnect] does, also where it
// went on elsewhere since the person was shown it. One that is gone, and whose id
// belongs to another one now, is left alone.
func (m *Monitor) EndSession(ctx context.Context, s Session) ([]sessionwarden.Action, error) {
	return m.byHand(ctx, s.Account, func(h *sessionwarden.History, live sessionwarden.Sighting) bool {
		if live.ID != s.ID || live.Seq == s.Seq {
			return live.ID == s.ID
		}
		gone := slices.ContainsFunc(h.Recent, func(r sessionwarden.Sighting) bool { return r.Seq == s.Seq })
		return !gone && m.clock().Sub(s.At) < recentFor // else nobody remembers whether it is still the same
	}, []sessionwarden.SessionID{s.ID})
}

// noAccount says that nobody is called so.
func noAccount(name string) *WishError {
	return &WishError{text: "no account of the configuration is called " + name, cure: "sessionwarden status names the accounts", missing: true}
}
