package alert

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"sessionwarden"
)

// save records deliveries, with those that could not be recorded before.
func (t *Teller) save(ctx context.Context, l *lane, deliveries []sessionwarden.Delivery) error {
	t.mu.Lock()
	for _, d := range deliveries {
		l.owed[d.Alert] = d
	}
	owed := maps.Clone(l.owed)
	l.counted = false
	t.mu.Unlock()
	if len(owed) == 0 {
		return nil
	}
	ids := slices.Sorted(maps.Keys(owed))
	list := make([]sessionwarden.Delivery, 0, len(ids))
	for _, id := range ids {
		list = append(list, owed[id])
	}
	err := t.outbox.Delivered(ctx, list)
	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil {
		if !l.unsaved {
			t.log.Warn("deliveries could not be recorded; it is tried again", "channel", l.name, "err", err)
		}
		l.unsaved = true
		return fmt.Errorf("recording deliveries: %w", err)
	}
	l.unsaved = false
	for id, d := range owed {
		if l.owed[id] == d {
			delete(l.owed, id)
		}
		if m := t.known[id]; m != nil {
			t.settle(m)
		}
	}
	if t.stale {
		t.notify()
	}
	return nil
}
