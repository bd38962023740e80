package main

import (
	"context"
	"iter"
	"strings"

	"sessionwarden"
	"sessionwarden/alert"
	"sessionwarden/storage"
	"sessionwarden/web"
)

// status is the whole watch at one glance.
func (a *app) status() sessionwarden.Status {
	s := sessionwarden.Status{
		Version: version, Instance: a.cfg.Instance, Running: a.running, Time: a.outside.now().UTC(),
		Accounts: a.monitor.Status(), Channels: a.teller.Status(), Location: a.places.Status(),
	}
	if a.running {
		s.Started = a.started
		for i := range s.Channels {
			if s.Channels[i].Channel == "slack" {
				s.Channels[i].Buttons = a.buttons()
			}
		}
	}
	s.Crashes, s.LastCrash = a.starts.Crashes, a.starts.Last
	if o, observing := a.db.Observing(); observing {
		s.Observing = &o
	}
	if why := a.monitor.Unsaved(); why != "" {
		s.Warnings = append(s.Warnings, unsavedNote+why)
	} else if a.db.Damage() != nil {
		s.Warnings = append(s.Warnings, damageNote)
	}
	var warning string
	if s.Backup, warning = a.copies.status(); warning != "" {
		s.Warnings = append(s.Warnings, warning)
	}
	if a.running {
		if s.Canary, warning = a.canary.status(); warning != "" {
			s.Warnings = append(s.Warnings, warning)
		}
		if !a.digests.off() {
			s.NextDigest = a.digests.next(s.Time).UTC()
		}
		if a.rounds.out != nil {
			beat := a.rounds.out.Status()
			s.Heartbeat = &beat
		}
	}
	if len(s.Channels) == 0 {
		s.Warnings = append(s.Warnings, "no alert channel is configured: findings are only logged; see [alert] in config.example.toml")
	}
	s.Silences, warning = a.silences()
	if warning != "" {
		s.Warnings = append(s.Warnings, warning)
	}
	if a.mistakes.Load() {
		s.Warnings = append(s.Warnings, "the configuration on disk has mistakes, and the one before it is in use: sessionwarden check --offline tells them")
	}
	if keys := a.restarts.Load(); keys != nil && len(*keys) > 0 {
		s.Warnings = append(s.Warnings, "changed in the configuration, and in effect only after a restart: "+strings.Join(*keys, ", "))
	}
	if s.Location.Failed != "" {
		s.Warnings = append(s.Warnings, "what a rule would disconnect by its place is held for you, as the location data cannot be relied on")
	}
	s.Warnings = append(s.Warnings, a.cfg.Notices...)
	return s
}

// buttons says whether what is pressed in Slack is heard; "" where there are no
// buttons.
func (a *app) buttons() string {
	if a.socket == nil {
		return ""
	}
	s := a.socket.Status()
	switch {
	case !s.Connected.IsZero():
		return "connected"
	case s.Reason != "":
		text := "not connected: " + s.Reason
		if s.Cure != "" {
			text += "; " + s.Cure
		}
		return text
	}
	return "not connected yet"
}

// health is what /healthz and /readyz say.
func (a *app) health() web.Health {
	h := web.Health{Ready: a.monitor.Ready(), Blind: a.monitor.Blind()}
	if _, observing := a.db.Observing(); observing {
		h.Notes = append(h.Notes, "the history was restored from a backup: nothing is disconnected until a person confirms with sessionwarden resume")
	}
	if why := a.monitor.Unsaved(); why != "" {
		h.Notes = append(h.Notes, unsavedNote+why)
	} else if a.db.Damage() != nil {
		h.Notes = append(h.Notes, damageNote)
	}
	return h
}

// testAlerts sends a test alert to every channel.
func (a *app) testAlerts(ctx context.Context) []web.ChannelTest {
	return testRows(a.teller.Test(ctx))
}

func testRows(results []alert.TestResult) []web.ChannelTest {
	var rows []web.ChannelTest
	for _, r := range results {
		rows = append(rows, web.ChannelTest{Channel: r.Channel, OK: r.OK, Outcome: r.Outcome, Cure: r.Cure})
	}
	return rows
}

// records are the rows of the database. While the daemon runs, "last seen" is
// newer in memory than on the disk, as a quiet poll writes nothing.
type records struct {
	*storage.DB
	app *app
}

// Sightings implements web.Records.
func (r records) Sightings(ctx context.Context, q sessionwarden.Query) iter.Seq2[sessionwarden.Sighting, error] {
	return func(yield func(sessionwarden.Sighting, error) bool) {
		for s, err := range r.DB.Sightings(ctx, q) {
			if err == nil && s.State == sessionwarden.Live && s.Missing.IsZero() {
				if seen := r.app.monitor.LastSeen(s.Account); seen.After(s.LastSeen) {
					s.LastSeen = seen
				}
			}
			if !yield(s, err) {
				return
			}
		}
	}
}
