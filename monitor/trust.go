package monitor

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"sessionwarden"
)

// Trusts returns the trusts with an end of an account ("": of all), by account
// and id: those that hold, and those that ended lately.
func (m *Monitor) Trusts(account string) []sessionwarden.Trust {
	var list []sessionwarden.Trust
	for _, w := range m.all() {
		w.mu.Lock()
		if account == "" || account == w.account.Name {
			list = append(list, w.h.Trusts...)
		}
		w.mu.Unlock()
	}
	return list
}

// trustsAt returns those that hold at now, the next to end first.
func trustsAt(trusts []sessionwarden.Trust, now time.Time) []sessionwarden.TrustStatus {
	trusts = slices.DeleteFunc(slices.Clone(trusts), func(t sessionwarden.Trust) bool { return !t.Holds(now) })
	slices.SortStableFunc(trusts, func(a, b sessionwarden.Trust) int { return a.Until.Compare(b.Until) })
	var list []sessionwarden.TrustStatus
	for _, t := range trusts {
		list = append(list, sessionwarden.TrustStatus{ID: strconv.FormatUint(t.ID, 10), What: t.What(), Until: t.Until, Note: t.Note})
	}
	return list
}

// AddTrust writes down a trust and returns it as it is on disk. What lives is
// judged by it from the next poll on, which comes at once where a watch runs.
//
// With the id of an action (0: none) the account is that of the action, and the
// trust is of where its session was then: of its country or ASN where t names
// it, else of its address.
func (m *Monitor) AddTrust(ctx context.Context, t sessionwarden.Trust, action uint64) (sessionwarden.Trust, error) {
	if action != 0 {
		a, err := m.known(ctx, action)
		if err != nil {
			return t, err
		}
		if t, err = m.trustIn(t, a); err != nil {
			return t, err
		}
	}
	w := m.byName(t.Account)
	if w == nil {
		return t, noAccount(t.Account)
	}
	if t.Network.IsValid() && m.opts.Locate(t.Network.Addr()).Tor {
		return t, torExit(t.Network.Addr())
	}
	t, err := m.writeTrust(ctx, w, t, action)
	if err != nil {
		return t, err
	}
	m.log.Warn("a trust was added", "account", t.Account, "trust", t.ID, "what", t.What(), "until", t.Until, "by", t.By, "note", t.Note)
	m.hurry(w, m.clock())
	return t, nil
}

// writeTrust commits t as the newest trust of w. The question that it answers
// ends with it, where it is one about an address that is trusted now.
func (m *Monitor) writeTrust(ctx context.Context, w *watch, t sessionwarden.Trust, action uint64) (sessionwarden.Trust, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	d := m.draft(w)
	if !t.Until.After(d.now) {
		return t, &WishError{text: "a trust until " + t.Until.UTC().Format("2006-01-02 15:04 MST") + " would be over already", cure: "give an end that is still to come"}
	}
	holding := 0
	for _, old := range d.h.Trusts {
		if old.Holds(d.now) {
			holding++
		}
	}
	if holding >= sessionwarden.MaxTrusts {
		return t, &WishError{text: fmt.Sprintf("account %s has %d trusts that hold, and may have no more", t.Account, holding), cure: "remove some: sessionwarden trust list"}
	}
	t.ID, t.Created, t.Until = d.next(), d.now, t.Until.Round(0).UTC()
	d.h.Trusts = append(d.h.Trusts, t)
	if n := len(d.h.Trusts) - 2*sessionwarden.MaxTrusts; n > 0 {
		d.h.Trusts = withoutEnded(d.h.Trusts, n, d)
	}
	d.dirty = true
	d.tell(fmt.Sprintf("Trusted %s until %s %s.", t.What(), t.Until.UTC().Format("2006-01-02 15:04 MST"), byWhom(ctx)))
	if a, ok := d.action(action); ok && a.State == sessionwarden.Held && t.Network.IsValid() && d.stillIn(t, a) {
		d.settle(a, sessionwarden.Denied, byWhom(ctx)+": "+t.String()+" speaks for its address")
	}
	return t, m.finish(ctx, w, d, nil, nil)
}

// stillIn reports whether the session of a is where t says: whoever has gone on
// elsewhere is asked about as before.
func (d *draft) stillIn(t sessionwarden.Trust, a sessionwarden.Action) bool {
	s := d.live(a.Seq)
	return s == nil || t.Covers(*s)
}

// withoutEnded drops the n trusts that ended first, so that who adds and removes
// them all day does not fill the record.
func withoutEnded(trusts []sessionwarden.Trust, n int, d *draft) []sessionwarden.Trust {
	ended := slices.DeleteFunc(slices.Clone(trusts), func(t sessionwarden.Trust) bool { return t.Holds(d.now) })
	slices.SortStableFunc(ended, func(a, b sessionwarden.Trust) int { return a.Ended().Compare(b.Ended()) })
	drop := make(map[uint64]bool, n)
	for _, t := range ended[:min(n, len(ended))] {
		drop[t.ID] = true
	}
	return slices.DeleteFunc(trusts, func(t sessionwarden.Trust) bool { return drop[t.ID] })
}

// RemoveTrust ends a trust before its time and returns it. What lives is judged
// without it from the next poll on.
func (m *Monitor) RemoveTrust(ctx context.Context, id uint64) (sessionwarden.Trust, error) {
	for _, w := range m.all() {
		if t, found, err := m.removeFrom(ctx, w, id); found {
			if err == nil {
				m.log.Warn("a trust was removed", "account", t.Account, "trust", t.ID, "what", t.What())
				m.hurry(w, m.clock())
			}
			return t, err
		}
	}
	return sessionwarden.Trust{}, &WishError{text: fmt.Sprintf("there is no trust %d", id), cure: "sessionwarden trust list shows those there are", missing: true}
}

func (m *Monitor) removeFrom(ctx context.Context, w *watch, id uint64) (t sessionwarden.Trust, found bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	d := m.draft(w)
	i := slices.IndexFunc(d.h.Trusts, func(t sessionwarden.Trust) bool { return t.ID == id })
	if i < 0 {
		return t, false, nil
	}
	if t = d.h.Trusts[i]; !t.Holds(d.now) {
		return t, true, &WishError{text: fmt.Sprintf("trust %d does not hold any more: it %s at %s", id, map[string]string{"removed": "was removed", "expired": "expired"}[t.State(d.now)],
			t.Ended().UTC().Format("2006-01-02 15:04 MST")), cure: "sessionwarden trust list shows those that hold"}
	}
	d.h.Trusts[i].Removed = d.now
	d.dirty = true
	return d.h.Trusts[i], true, m.finish(ctx, w, d, nil, nil)
}

// known returns an action by its id, open or not.
func (m *Monitor) known(ctx context.Context, id uint64) (sessionwarden.Action, error) {
	for _, w := range m.all() {
		w.mu.Lock()
		i := slices.IndexFunc(w.h.Actions, func(a sessionwarden.Action) bool { return a.ID == id })
		if i >= 0 {
			a := w.h.Actions[i]
			w.mu.Unlock()
			return a, nil
		}
		w.mu.Unlock()
	}
	if m.opts.Action != nil {
		if a, there, err := m.opts.Action(ctx, id); there || err != nil {
			return a, err
		}
	}
	return sessionwarden.Action{}, &WishError{text: fmt.Sprintf("there is no action %d", id), cure: "sessionwarden actions shows those there are", missing: true}
}

// trustIn makes t a trust of where the session of a was when it was planned: a
// session that has moved since gains nothing by that.
func (m *Monitor) trustIn(t sessionwarden.Trust, a sessionwarden.Action) (sessionwarden.Trust, error) {
	if t.Account != "" && t.Account != a.Account {
		return t, &WishError{text: fmt.Sprintf("action %d is of account %s, not of %s", a.ID, a.Account, t.Account), cure: "leave the account out"}
	}
	t.Account = a.Account
	addr, err := netip.ParseAddr(a.Addr)
	network, ok := sessionwarden.NarrowNetwork(addr)
	if err != nil || !ok {
		return t, &WishError{text: fmt.Sprintf("action %d is of no session with an address that could be trusted", a.ID), cure: "say what to trust: a country, an ASN, a network or an address"}
	}
	where := sessionwarden.Sighting{Session: sessionwarden.Session{Addr: addr}, Location: m.opts.Locate(addr)}
	switch {
	case where.Location.Tor:
		return t, torExit(addr)
	case t.Network.IsValid():
		return t, &WishError{text: "an action and a network were both given", cure: "leave one of them out: an action stands for the address of its session"}
	case t.Country == "" && t.ASN == 0:
		t.Network = network
	case !t.Covers(where):
		return t, &WishError{text: fmt.Sprintf("the session of action %d came from %s, which is not in %s", a.ID, placeText(where), t.What()), cure: "leave out the country or ASN to trust its address alone"}
	}
	return t, nil
}

// torExit says why an exit of the Tor network is not trusted.
func torExit(addr netip.Addr) *WishError {
	return &WishError{text: addr.String() + " is an exit of the Tor network: whoever uses that comes from there, a thief as well", cure: "to say that a session was yours: sessionwarden deny ID"}
}

// placeText names where an address lies: "203.0.113.5 (VN, AS45899)".
func placeText(s sessionwarden.Sighting) string {
	country := string(s.Location.Country)
	if !s.Location.Placed() {
		country = "an unknown country"
	}
	if s.Location.ASN == 0 {
		return s.Addr.String() + " (" + country + ")"
	}
	return fmt.Sprintf("%s (%s, AS%d)", s.Addr, country, s.Location.ASN)
}

// judgedUnder returns the account as it is judged under at now, with the trusts
// that hold, and its stamp. The caller holds w.mu.
func (w *watch) judgedUnder(now time.Time) (sessionwarden.Account, string) {
	a := w.account.With(w.h.Trusts, now)
	if len(a.Granted) == 0 {
		return a, w.stamp
	}
	return a, a.Stamp()
}

// sameRules reports whether what lives was judged under the configuration and
// the trusts of now. The caller holds w.mu.
func (w *watch) sameRules(now time.Time) bool {
	if len(w.h.Trusts) == 0 {
		return w.h.Stamp == w.stamp
	}
	_, stamp := w.judgedUnder(now)
	return w.h.Stamp == stamp
}
