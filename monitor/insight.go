package monitor

import (
	"context"
	"slices"

	"sessionwarden"
	"sessionwarden/policy"
)

// Known returns an account as it is judged under now, with the trusts that hold,
// and a copy of what is remembered of it; false where it is not watched.
func (m *Monitor) Known(account string) (sessionwarden.Account, sessionwarden.History, bool) {
	w := m.byName(account)
	if w == nil {
		return sessionwarden.Account{}, sessionwarden.History{}, false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	a, _ := w.judgedUnder(m.clock())
	return a, w.h.Clone(), true
}

// OwnRules returns the names of the owner's rules for an account, "" for any, each
// once and in order.
func (m *Monitor) OwnRules(account string) []sessionwarden.Rule {
	var names []sessionwarden.Rule
	for _, w := range m.all() {
		w.mu.Lock()
		if account == "" || w.account.Name == account {
			for _, own := range w.account.Own {
				names = append(names, own.Name)
			}
		}
		w.mu.Unlock()
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Case returns a live session as a case to be judged now; false where there is
// none. The case is the caller's own.
func (m *Monitor) Case(account string, seq uint64) (policy.Case, bool) {
	w := m.byName(account)
	if w == nil {
		return policy.Case{}, false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	d := m.draft(w)
	s := d.live(seq)
	if s == nil {
		return policy.Case{}, false
	}
	c := d.ask(*s, false)
	c.Abstained = nil // nobody is to be told of what only somebody asked
	return c, true
}

// ResetProfile forgets what is known of an account's owner. Who is signed in for
// more than a day and has nothing against him is learned from again by the next
// poll.
func (m *Monitor) ResetProfile(ctx context.Context, account string) error {
	w := m.byName(account)
	if w == nil {
		return &WishError{text: "no account of the configuration is called " + account, cure: "sessionwarden status names the accounts", missing: true}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	d := m.draft(w)
	d.h.Profile = sessionwarden.Profile{Since: d.now}
	for i := range d.h.Live {
		if s := &d.h.Live[i]; s.Learned {
			s.Learned = false
			d.touch(s.Seq)
		}
	}
	d.dirty = true
	m.log.Warn("the profile of an account begins anew", "account", account)
	return m.finish(ctx, w, d, nil, nil)
}
