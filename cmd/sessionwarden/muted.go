package main

import (
	"context"
	"errors"
	"slices"
	"strconv"

	"sessionwarden"
	"sessionwarden/alert"
	"sessionwarden/storage"
)

// muted counts what each silence left out, by its id. It reads little by little, and
// passes over what cannot be read: storage counts that.
func (a *app) muted(ctx context.Context) (map[uint64]sessionwarden.Muted, error) {
	if len(a.teller.Silences()) == 0 {
		return nil, nil
	}
	counts := make(map[uint64]sessionwarden.Muted)
	counted := make(map[uint64]uint64) // the last alert that was counted, by silence: they come in order
	for d, err := range a.db.Deliveries(ctx) {
		var unreadable *storage.CorruptError
		if errors.As(err, &unreadable) {
			continue
		}
		if err != nil {
			return nil, err
		}
		id := alert.Silencer(d)
		if id == 0 {
			continue
		}
		m := counts[id]
		if counted[id] != d.Alert {
			counted[id] = d.Alert
			m.Alerts++
		}
		if d.Time.After(m.Last) {
			m.Last = d.Time
		}
		counts[id] = m
	}
	return counts, nil
}

// silences returns those that hold, for the status, and what a person should know
// beside that; "" for nothing.
func (a *app) silences() (list []sessionwarden.SilenceStatus, warning string) {
	now := a.outside.now()
	holding := slices.DeleteFunc(a.teller.Silences(), func(s sessionwarden.Silence) bool { return !s.Holds(now) })
	if len(holding) == 0 {
		return nil, ""
	}
	slices.SortStableFunc(holding, func(a, b sessionwarden.Silence) int { return a.Until.Compare(b.Until) })
	counts, err := a.muted(context.Background())
	if err != nil {
		warning = "how many alerts the silences left out cannot be read: " + err.Error()
	}
	for _, s := range holding {
		m := counts[s.ID]
		list = append(list, sessionwarden.SilenceStatus{
			ID: strconv.FormatUint(s.ID, 10), What: s.What(), Until: s.Until, Reason: s.Reason, By: s.By, Muted: m.Alerts, Last: m.Last,
		})
	}
	return list, warning
}
