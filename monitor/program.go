package monitor

import (
	"context"
	"time"

	"sessionwarden"
)

// tellBadData tells people when the location data cannot be relied on, and
// when it can again: an interlock holds what rests on it meanwhile.
func (m *Monitor) tellBadData(ctx context.Context, now time.Time) {
	_, failed := m.opts.LocationData()
	if failed == m.badData {
		return
	}
	alert := sessionwarden.Alert{
		ID: m.opts.Journal.NextID(), Kind: sessionwarden.StaleData, Severity: sessionwarden.Critical, Created: now, Updated: now,
		Title: "The location data cannot be relied on",
		Lines: []string{failed, "Watching goes on with the built-in data. What a rule would disconnect by its place is held for you meanwhile: sessionwarden actions"},
	}
	if failed == "" {
		alert.Kind, alert.Severity = sessionwarden.Recovered, sessionwarden.Warning
		alert.Title, alert.Lines = "The location data can be relied on again", []string{"What was held meanwhile still waits for your answer: sessionwarden actions"}
	}
	if err := m.opts.Journal.Commit(context.WithoutCancel(ctx), []sessionwarden.Change{{Alerts: []sessionwarden.Alert{alert}}}); err != nil {
		m.log.Error("an alert could not be saved", "title", alert.Title, "err", err)
		return // the next look tries again
	}
	m.badData = failed
	m.log.Warn("people are told", "alert", alert.ID, "title", alert.Title)
	m.opts.Tell([]sessionwarden.Alert{alert})
}
