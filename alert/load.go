package alert

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"sessionwarden"
)

// oldNews is the age from which a channel that is new in the configuration is
// not told what others were told.
const oldNews = time.Hour

// merge takes what the outbox holds. At the start a channel's pause goes on
// where it was. The caller holds t.mu.
func (t *Teller) merge(alerts []sessionwarden.Alert, deliveries []sessionwarden.Delivery, start bool) {
	lanes := make(map[string]*lane, len(t.lanes))
	seen := make(map[string]bool, len(t.lanes))
	for _, l := range t.lanes {
		lanes[l.name] = l
	}
	told := make(map[uint64]bool)
	stored := make(map[uint64][]sessionwarden.Delivery)
	for _, d := range deliveries {
		seen[d.Channel] = true
		told[d.Alert] = told[d.Alert] || d.Sent > 0
		if lanes[d.Channel] != nil {
			stored[d.Alert] = append(stored[d.Alert], d)
		}
	}
	now := t.now()
	alerts = slices.Clone(alerts)
	slices.SortFunc(alerts, func(a, b sessionwarden.Alert) int { return cmp.Compare(a.ID, b.ID) })
	t.stale = false
	for _, a := range alerts {
		if m := t.known[a.ID]; m == nil || m.urgent {
			for _, d := range stored[a.ID] {
				if l := lanes[d.Channel]; l.state[a.ID].Sent < d.Sent || l.state[a.ID].Time.IsZero() {
					l.state[a.ID] = d
				}
			}
			for _, l := range t.lanes {
				if _, ok := l.state[a.ID]; !ok && start && !seen[l.name] && told[a.ID] && now.Sub(a.Created) > oldNews {
					l.state[a.ID] = sessionwarden.Delivery{Alert: a.ID, Channel: l.name, Error: notForUs, Time: now}
					l.owed[a.ID] = l.state[a.ID]
				}
			}
		}
		t.restore(a)
	}
	for _, l := range t.lanes {
		l.resume(now, start)
	}
}

// restore takes one alert from the outbox, done with or not.
func (t *Teller) restore(a sessionwarden.Alert) {
	if t.known[a.ID] == nil {
		// Done with and forgotten: it takes no room again.
		probe := &matter{alert: a}
		pending := t.awaits(probe)
		for _, l := range t.lanes {
			n, _ := l.wants(t, probe)
			pending = pending || n != nothing
		}
		if !pending && len(t.known) >= maxDone {
			for _, l := range t.lanes {
				delete(l.state, a.ID)
			}
			t.forgot = max(t.forgot, a.ID)
			return
		}
		if !t.room() {
			t.stale = true
			for _, l := range t.lanes {
				delete(l.state, a.ID)
			}
			return
		}
		t.known[a.ID] = &matter{alert: sessionwarden.Alert{ID: a.ID, Revision: -1}}
	}
	t.take(a, false)
}

// resume sets the channel's state from what is on the disk.
func (l *lane) resume(now time.Time, start bool) {
	for id, d := range l.state {
		if d.Sent > 0 && d.Time.After(l.lastSent) {
			l.lastSent = d.Time
		}
		if !start || l.pending[id] == nothing || d.Attempts == 0 || leftOut(d) {
			continue
		}
		l.attempts = max(l.attempts, d.Attempts)
		if until := time.Now().Add(min(d.NotTill.Sub(now), brokenPause)); until.After(l.notTill) && d.NotTill.After(now) {
			l.notTill = until
			l.failure = d.Error
		}
	}
}

// forgetOldest drops the older half of the alerts that are done with.
func (t *Teller) forgetOldest() {
	done := slices.Sorted(maps.Keys(t.done))
	for _, id := range done[:len(done)/2] {
		t.drop(id)
		t.forgot = max(t.forgot, id)
	}
}

// keepFilled reads the outbox again when the memory did not hold all of it.
func (t *Teller) keepFilled(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.refill:
		}
		alerts, deliveries, err := t.outbox.Outbox(ctx)
		if err != nil {
			t.log.Warn("the outbox cannot be read; it is tried again", "err", err)
			if !pause(ctx, nil, maxSleep) {
				return
			}
			select {
			case t.refill <- struct{}{}:
			default:
			}
			continue
		}
		t.mu.Lock()
		t.merge(alerts, deliveries, false)
		t.notify()
		t.mu.Unlock()
	}
}
