package main

import (
	"context"

	"sessionwarden"
)

const (
	unsavedNote = "the history cannot be saved, so nothing is disconnected, not by hand either: "
	damageNote  = "a part of the history is damaged, and no whole backup can be made any more: sessionwarden db check says what is wrong and what to do"
	// damageKey is the key of the alert about damage that was met in use.
	damageKey = "damage"
)

// tellDamage waits until somebody meets damage in the database - a command, a
// backup, the watch itself - and tells people at once and once: what comes from
// now on is in no backup.
func (a *app) tellDamage(ctx context.Context) {
	select {
	case <-ctx.Done():
		return
	case <-a.db.Damaged():
	}
	err := a.db.Damage()
	a.log.Error("the database is damaged", "err", err)
	if a.damageWasTold(ctx) {
		return
	}
	now := a.outside.now().UTC()
	alert := sessionwarden.Alert{
		ID: a.db.NextID(), Key: damageKey, Kind: sessionwarden.NoBackup, Severity: sessionwarden.Critical, Created: now, Updated: now,
		Title: "A part of the history is damaged",
		Lines: []string{"What went wrong: " + sessionwarden.Shorten(err.Error(), 300),
			"It can still be written, so the watch goes on, and sessions are disconnected as before. But it cannot be copied any more: what is seen from now on may be lost with it.",
			"Look at what is wrong and what to do: sessionwarden db check"},
	}
	// Only a write shows whether anything can be written.
	if err := a.db.Commit(context.WithoutCancel(ctx), []sessionwarden.Change{{Alerts: []sessionwarden.Alert{alert}}}); err != nil {
		a.monitor.CannotSave(err)
		return
	}
	a.log.Warn("alert", "alert", alert.ID, "title", alert.Title)
	a.teller.Add([]sessionwarden.Alert{alert})
}

// damageWasTold reports whether people know of damage, over restarts.
func (a *app) damageWasTold(ctx context.Context) (told bool) {
	alerts, _, err := a.db.Outbox(ctx)
	if err != nil {
		return false
	}
	for _, alert := range alerts { // in the order of their ids
		switch {
		case alert.Key == damageKey:
			told = true
		case alert.Key == copiesKey && alert.Kind == sessionwarden.Recovered:
			told = false
		}
	}
	return told
}
