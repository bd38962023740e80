package monitor

import (
	"slices"
	"time"

	"sessionwarden"
)

// After something suspicious an account is looked at every few seconds for a
// while: who was ended may be back, and what he changes should be seen at once.
// The looks of all such accounts together have a budget, so that a hundred of
// them at once do not ask the service for more than it gives, and while it
// refuses for being asked too often there are none: the disconnections go first.

const (
	// heightenedEvery is how often an account is looked at then.
	heightenedEvery = 3 * time.Second
	// heightenedAll is how many such looks there are in a second over all accounts.
	heightenedAll = 20
	// heightenedKey is the key under which the history remembers since when.
	heightenedKey = "heightened"
)

// heighten begins the heightened watch where this draft has found something that
// people are told of, or lets it go on.
func (d *draft) heighten() {
	if d.account.Heightened <= 0 {
		return
	}
	if slices.ContainsFunc(d.findings, func(f sessionwarden.Finding) bool { return f.Response >= sessionwarden.Notify }) {
		d.note(heightenedKey)
	}
}

// heightenedUntil is when the account's heightened watch ends, by the account's
// own clock; zero where there is none. The caller holds w.mu.
func (w *watch) heightenedUntil() time.Time {
	since, was := w.h.Told[heightenedKey]
	if !was || w.account.Heightened <= 0 {
		return time.Time{}
	}
	return since.Add(w.account.Heightened)
}

// nextLook is when the account is to be looked at again at the latest, as
// something suspicious was found lately; zero where its schedule will do. The
// caller holds w.mu.
func (m *Monitor) nextLook(w *watch, now time.Time) time.Time {
	high := now.Before(w.heightenedUntil())
	if high != w.high {
		w.high = high
		if high {
			m.high.Add(1)
			m.log.Info("heightened watch", "account", w.account.Name, "until", w.heightenedUntil())
		} else {
			m.high.Add(-1)
			m.log.Info("the heightened watch is over", "account", w.account.Name)
		}
	}
	if !high || w.limited || w.misses > 0 {
		return time.Time{}
	}
	return now.Add(max(heightenedEvery, time.Duration(m.high.Load())*time.Second/heightenedAll))
}
