package main

import (
	"context"
	"time"

	"sessionwarden"
	"sessionwarden/config"
)

const (
	// digestLook is how long nobody looks whether a digest is due: so late a
	// machine that slept, or whose clock was set, is noticed.
	digestLook = 30 * time.Second
	// digestSettle is how long after a start nothing is told of it: polls and
	// backups come first.
	digestSettle = 10 * time.Second
	// digestPatience is how long after a start a digest waits for every account to
	// be polled once.
	digestPatience = 2 * time.Minute
	// longestDigest is how far back a digest goes at most.
	longestDigest = 35 * 24 * time.Hour
)

// digests tell people at set times what happened. Which were told is read from the
// outbox: a start after such a time makes up for it, once, and none is made twice.
type digests struct {
	app   *app
	when  config.Digest
	zone  *time.Location
	begun time.Time // by the steady clock

	// Of run alone.
	served time.Time // the time that is done with, as the outbox said
	failed string    // why the last attempt failed; "" it did not
}

func newDigests(a *app) *digests {
	return &digests{app: a, when: a.cfg.Alert.Digest, zone: a.cfg.Alert.Zone, begun: time.Now()}
}

// off reports whether no digest is ever made: nobody wants any, or hears any.
func (g *digests) off() bool {
	return g.when.Every == config.DigestOff || len(g.app.teller.Status()) == 0
}

// run makes digests when they are due, until ctx ends.
func (g *digests) run(ctx context.Context) {
	if g.off() {
		return
	}
	for ctx.Err() == nil {
		timer := time.NewTimer(g.look(ctx))
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
}

// look makes a digest if one is due, and returns how long nothing has to be looked
// at.
func (g *digests) look(ctx context.Context) time.Duration {
	now := g.app.outside.now()
	due := g.due(now)
	if due.Equal(g.served) {
		if next := g.due(now.Add(digestLook)); next.After(due) {
			return next.Sub(now)
		}
		return digestLook
	}
	if since := time.Since(g.begun); g.app.running && (since < digestSettle || !g.app.monitor.Ready() && since < digestPatience) {
		return digestSettle
	}
	if err := g.make(ctx, due, now); err == nil {
		g.served, g.failed = due, ""
	} else if ctx.Err() == nil && g.failed != err.Error() {
		g.failed = err.Error()
		g.app.log.Warn("the digest could not be made; it is tried again", "err", err)
	}
	return digestLook
}

// due returns the last time at or before now at which a digest is due. Each day has
// one: where summer time passes over it, an hour beside it.
func (g *digests) due(now time.Time) time.Time {
	for day := 0; ; day-- {
		if at, is := g.on(now, day); is && !at.After(now) {
			return at
		}
	}
}

// next returns the first time after now at which a digest will be due.
func (g *digests) next(now time.Time) time.Time {
	for day := 0; ; day++ {
		if at, is := g.on(now, day); is && at.After(now) {
			return at
		}
	}
}

// on returns when a digest is due so many days from now, and whether there is one
// that day.
func (g *digests) on(now time.Time, days int) (at time.Time, is bool) {
	local := now.In(g.zone)
	day := time.Date(local.Year(), local.Month(), local.Day()+days, 12, 0, 0, 0, g.zone)
	at = time.Date(day.Year(), day.Month(), day.Day(), int(g.when.At.Hours()), int(g.when.At.Minutes())%60, 0, 0, g.zone)
	return at, g.when.Every != config.DigestWeekly || day.Weekday() == g.when.Weekday
}

// make makes the digest of a time, unless there is one, and tells it.
func (g *digests) make(ctx context.Context, due, now time.Time) error {
	last, err := g.last(ctx, now)
	if err != nil || !last.Due.Before(due) {
		return err
	}
	created := g.app.db.Created()
	if last.Due.IsZero() && !created.Before(due) {
		return nil // there was nothing to be told of yet
	}
	from := last.To
	if from.IsZero() || !from.Before(now) {
		from = g.due(due.Add(-1))
	}
	for _, least := range []time.Time{created, now.Add(-longestDigest)} {
		if from.Before(least) && least.Before(now) {
			from = least
		}
	}
	d, err := g.app.digest(ctx, from.UTC(), now.UTC())
	if err != nil {
		return err
	}
	d.Due = due.UTC()
	alert := sessionwarden.Alert{
		ID: g.app.db.NextID(), Kind: sessionwarden.DigestAlert, Severity: sessionwarden.Info, Created: d.To, Updated: d.To, Digest: &d,
	}
	if err := g.app.db.Commit(context.WithoutCancel(ctx), []sessionwarden.Change{{Alerts: []sessionwarden.Alert{alert}}}); err != nil {
		g.app.log.Error("the digest could not be saved; it is told from memory", "err", err)
		alert.ID = 0
		g.app.teller.Urgent(alert)
		return nil
	}
	g.app.log.Info("a digest was made", "alert", alert.ID, "due", d.Due)
	g.app.teller.Add([]sessionwarden.Alert{alert})
	return nil
}

// last returns the newest digest that was made; the zero value where there is none.
// One of the future was made by a wrong clock, and says nothing.
func (g *digests) last(ctx context.Context, now time.Time) (sessionwarden.Digest, error) {
	for told, err := range g.app.db.Alerts(ctx, sessionwarden.Query{Back: true, Since: now.Add(-2 * longestDigest)}) {
		if err != nil {
			return sessionwarden.Digest{}, err
		}
		if d := told.Alert.Digest; told.Alert.Kind == sessionwarden.DigestAlert && d != nil && !d.Due.After(now) {
			return *d, nil
		}
	}
	return sessionwarden.Digest{}, nil
}
