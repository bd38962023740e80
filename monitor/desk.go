package monitor

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"sessionwarden"
)

// The desk is where people's wishes come in: by hand, or as answers to what is
// held. They go the same way as what the rules want: written down, checked
// again, carried out, verified.

// byHandWait is how long a person waits for the outcome of what he asked for.
const byHandWait = 15 * time.Second

// WishError says why a person's wish cannot be carried out. Its methods tell
// the API which answer that is.
type WishError struct {
	text, cure string
	missing    bool // what was named does not exist; else it is not in a state for that
}

// Error implements error.
func (e *WishError) Error() string { return e.text }

// Cure is what the person can do instead.
func (e *WishError) Cure() string { return e.cure }

// NotFound reports whether what was named does not exist.
func (e *WishError) NotFound() bool { return e.missing }

// Conflict reports whether what was named is not in a state for the wish.
func (e *WishError) Conflict() bool { return !e.missing }

// Disconnect ends sessions of an account by hand and returns the actions as
// they stand after byHandWait at most. Rails that hold rules do not hold a
// person; our own session is not ended by anybody, and in a dry run nothing is.
func (m *Monitor) Disconnect(ctx context.Context, account string, ids []sessionwarden.SessionID) ([]sessionwarden.Action, error) {
	return m.byHand(ctx, account, func(_ *sessionwarden.History, s sessionwarden.Sighting) bool { return slices.Contains(ids, s.ID) }, ids)
}

// DisconnectAll ends all sessions of an account but ours, by hand.
func (m *Monitor) DisconnectAll(ctx context.Context, account string) ([]sessionwarden.Action, error) {
	return m.byHand(ctx, account, func(_ *sessionwarden.History, s sessionwarden.Sighting) bool { return !s.Ownership.Untouchable() }, nil)
}

func (m *Monitor) byHand(ctx context.Context, account string, wanted func(*sessionwarden.History, sessionwarden.Sighting) bool, ids []sessionwarden.SessionID) ([]sessionwarden.Action, error) {
	w := m.byName(account)
	if w == nil {
		return nil, noAccount(account)
	}
	w.mu.Lock()
	err := nothingByHand(w.account)
	w.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if err := m.look(ctx, w); err != nil {
		return nil, err
	}
	actions, err := m.planByHand(ctx, w, wanted, ids)
	if err != nil {
		return nil, err
	}
	return m.outcome(ctx, w, actions), nil
}

// nothingByHand says that a dry run ends nothing, for a person either: who asks for
// it is to know that, and keeps the question that he wanted to answer. Nil: it is
// none.
func nothingByHand(a sessionwarden.Account) error {
	if !a.DryRun {
		return nil
	}
	return &WishError{
		text: "account " + a.Name + " is in a dry run: nothing is ended there, by hand neither",
		cure: "write dry_run = false, reload, and say it again; or sign the session out on the service's own pages",
	}
}

// planByHand writes down what a person wants ended.
func (m *Monitor) planByHand(ctx context.Context, w *watch, wanted func(*sessionwarden.History, sessionwarden.Sighting) bool, ids []sessionwarden.SessionID) ([]sessionwarden.Action, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	d := m.draft(w)
	account := d.account.Name
	if err := nothingByHand(d.account); err != nil {
		return nil, err // since a moment ago
	}
	var asked []uint64
	found := make(map[sessionwarden.SessionID]bool)
	for _, s := range d.h.Live {
		if !wanted(&d.h, s) {
			continue
		}
		found[s.ID] = true
		a := sessionwarden.Action{
			Account: account, Seq: s.Seq, Session: s.ID, Addr: s.AddrText(), Device: s.Device,
			Reason: "asked for " + byWhom(ctx), Created: d.now,
		}
		if i := slices.IndexFunc(d.h.Actions, func(b sessionwarden.Action) bool { return b.Seq == s.Seq && b.Kind == sessionwarden.EndOne }); i >= 0 {
			a = d.h.Actions[i]
		} else {
			a.ID = d.next()
			d.tie(&a)
		}
		a.ByHand, a.NotTill = true, time.Time{}
		asked = append(asked, a.ID)
		switch {
		case s.ID == "":
			d.settle(a, sessionwarden.Refused, "the service gave no id for this session, so it cannot be ended by itself")
		case a.State != sessionwarden.Done:
			a.By = sessionwarden.Asker(ctx)
			d.settle(a, sessionwarden.Planned, byWhom(ctx))
		}
	}
	for _, id := range ids {
		if !found[id] {
			return nil, &WishError{text: fmt.Sprintf("account %s has no live session %s", account, id), cure: "sessionwarden sessions shows the live ones", missing: true}
		}
	}
	actions := make([]sessionwarden.Action, 0, len(asked))
	for _, id := range asked {
		if a, ok := d.action(id); ok {
			actions = append(actions, a)
		} else if i := slices.IndexFunc(d.actions, func(b sessionwarden.Action) bool { return b.ID == id }); i >= 0 {
			actions = append(actions, d.actions[i])
		}
	}
	if len(asked) > 0 {
		d.answered(ctx, 0)
	}
	return actions, m.finish(ctx, w, d, nil, nil)
}

// outcome carries out what is planned and returns the actions as they stand
// then, or when the wait is over.
func (m *Monitor) outcome(ctx context.Context, w *watch, actions []sessionwarden.Action) []sessionwarden.Action {
	w.mu.Lock()
	if w.followed == nil {
		w.followed = make(map[uint64]sessionwarden.Action)
	}
	for _, a := range actions {
		w.followed[a.ID] = a
	}
	w.mu.Unlock()
	bounded, cancel := context.WithTimeout(ctx, byHandWait)
	defer cancel()
	m.guarded(ctx, w, "act", func() { m.awaitProof(bounded, w) })
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, a := range actions {
		if now, ok := w.followed[a.ID]; ok { // else somebody else waited for it too
			actions[i] = now
		}
		delete(w.followed, a.ID)
	}
	return actions
}

// Approve carries out a held action. It returns the action as it stands after
// byHandWait at most. In a dry run the action stays held, and the error says so.
func (m *Monitor) Approve(ctx context.Context, id uint64) (sessionwarden.Action, error) {
	w, a, err := m.answer(ctx, id, func(d *draft, a sessionwarden.Action) (sessionwarden.Action, error) {
		if err := nothingByHand(d.account); err != nil {
			return a, err
		}
		a.ByHand, a.By = true, sessionwarden.Asker(ctx)
		return d.settle(a, sessionwarden.Planned, "approved "+byWhom(ctx)), nil
	})
	if err != nil {
		return a, err
	}
	return m.outcome(ctx, w, []sessionwarden.Action{a})[0], nil
}

// Deny cancels a held action and trusts exactly that session, with its id,
// address and device. Where that is not at the address or on the device any more
// that people were asked about, the action stays held and is about what the
// session is now: the error says so.
func (m *Monitor) Deny(ctx context.Context, id uint64) (sessionwarden.Action, error) {
	_, a, err := m.answer(ctx, id, func(d *draft, a sessionwarden.Action) (sessionwarden.Action, error) {
		s := d.live(a.Seq)
		if s != nil && !asAsked(a, *s) {
			return d.askAnew(a, *s)
		}
		if s != nil {
			s.Denied, s.DeniedAt = true, d.now
			d.touch(s.Seq)
			d.learn()
		}
		return d.settle(a, sessionwarden.Denied, byWhom(ctx)+": this session is the owner's"), nil
	})
	return a, err
}

// asAsked reports whether s is still where it was, and on the device it was on, when
// people were asked about it.
func asAsked(a sessionwarden.Action, s sessionwarden.Sighting) bool {
	was, err := netip.ParseAddr(a.Addr)
	return (a.Addr == s.AddrText() || err == nil && sessionwarden.SamePlace(was, s.Addr)) && (a.Device == "" || a.Device == s.Device)
}

// wentOn stands in the note of a held action before where its session is now, which
// is not where it was when it was asked about.
const wentOn = "; it went on since: "

// askAnew asks about what a session is now, in the action that asked about what it
// was.
func (d *draft) askAnew(a sessionwarden.Action, s sessionwarden.Sighting) (sessionwarden.Action, error) {
	from, to := sessionwarden.Clean(a.Addr, 64)+", "+a.Device, sessionwarden.Clean(s.AddrText(), 64)+", "+s.Device
	a.Addr, a.Device = s.AddrText(), s.Device
	note, _, _ := strings.Cut(a.Note, wentOn)
	return d.settle(a, sessionwarden.Held, note+wentOn+to), &WishError{
		text: fmt.Sprintf("session %s has moved since: it went from %s to %s", s.ID, from, to),
		cure: fmt.Sprintf("if that is you as well: sessionwarden deny %d; if not: sessionwarden approve %d", a.ID, a.ID),
	}
}

// answer finds the held action id and writes down what a person decided.
func (m *Monitor) answer(ctx context.Context, id uint64, decide func(*draft, sessionwarden.Action) (sessionwarden.Action, error)) (*watch, sessionwarden.Action, error) {
	for _, w := range m.all() {
		if a, found, err := m.answerIn(ctx, w, id, decide); found {
			return w, a, err
		}
	}
	if m.opts.Action != nil {
		a, there, err := m.opts.Action(ctx, id)
		switch {
		case err != nil:
			return nil, a, err
		case there:
			return nil, a, &WishError{text: fmt.Sprintf("action %d waits for no answer: it is %s since %s", id, a.State, a.Updated.UTC().Format("2006-01-02 15:04 MST")),
				cure: "sessionwarden actions shows what became of it"}
		}
	}
	return nil, sessionwarden.Action{}, &WishError{text: fmt.Sprintf("there is no action %d", id), cure: "sessionwarden actions shows those there are", missing: true}
}

func (m *Monitor) answerIn(ctx context.Context, w *watch, id uint64, decide func(*draft, sessionwarden.Action) (sessionwarden.Action, error)) (a sessionwarden.Action, found bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	d := m.draft(w)
	if a, found = d.action(id); !found {
		return a, false, nil
	}
	if a.State != sessionwarden.Held {
		return a, true, &WishError{text: fmt.Sprintf("action %d does not wait for an answer: it is %s", id, a.State), cure: "sessionwarden actions shows what became of it"}
	}
	a, refused := decide(d, a)
	if refused == nil {
		d.answered(ctx, a.AlertID)
	}
	return a, true, cmp.Or(m.finish(ctx, w, d, nil, nil), refused)
}

// Resume confirms the history: what rules want ended is ended again. It returns
// what ended and the actions that were held by it; they are looked at once more
// and carried out by a running watch, or by the next one. A zero
// [sessionwarden.Observing] says that there was nothing to resume.
func (m *Monitor) Resume(ctx context.Context) (o sessionwarden.Observing, held []sessionwarden.Action, err error) {
	o, observing := m.opts.Observing()
	if !observing {
		return sessionwarden.Observing{}, nil, nil
	}
	watches := m.all()
	for _, w := range watches {
		w.mu.Lock()
		for _, a := range w.h.Actions {
			if a.State == sessionwarden.Held && a.Hold == sessionwarden.HeldObserving {
				held = append(held, a)
			}
		}
		w.mu.Unlock()
	}
	if err := m.opts.Resume(ctx); err != nil {
		return o, nil, err
	}
	m.log.Warn("a person confirmed the history: what rules want ended is ended again", "held", len(held))
	now := m.clock()
	for _, w := range watches {
		m.hurry(w, now)
	}
	return o, held, nil
}
