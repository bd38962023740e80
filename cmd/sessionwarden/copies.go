package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sessionwarden"
	"sessionwarden/storage"
)

const (
	// copyLook is how long nobody looks whether a backup is due: so late a
	// machine that slept, or whose clock was set, is noticed.
	copyLook = 5 * time.Minute
	// firstCopyLook is the same before the first good poll.
	firstCopyLook = 2 * time.Second
	// copyRetry is how long to wait after a backup that failed.
	copyRetry = 10 * time.Minute
	// copyLate is how many times older than it may be the newest backup gets
	// before people are told.
	copyLate = 3
	// copyFailures is how many failures in a row are told where there is no
	// backup at all.
	copyFailures = 3
)

// copies makes the daemon's own backups. They are due by the age of the newest
// one, whoever made it and whenever the daemon was started.
type copies struct {
	app    *app
	last   prometheus.Gauge
	failed prometheus.Counter

	mu    sync.Mutex
	error string // why the last attempt failed; "" it did not

	begun bool   // an earlier start has polled something
	made  func() // called after each backup; nil: nothing is

	// Of run alone.
	seen     storage.BackupInfo // the newest that was ever seen
	failures int                // in a row
	notTill  time.Time          // not tried again before this
	told     bool               // people know that it does not work
	asked    bool               // told is known: from the disk, after a start
}

func newCopies(a *app) *copies {
	c := &copies{
		app:    a,
		last:   prometheus.NewGauge(prometheus.GaugeOpts{Name: "sessionwarden_backup_last_good_timestamp_seconds", Help: "When the newest backup was made, which was checked; 0: there is none."}),
		failed: prometheus.NewCounter(prometheus.CounterOpts{Name: "sessionwarden_backups_failed_total", Help: "Backups of the daemon's own that could not be made."}),
	}
	a.registry.MustRegister(c.last, c.failed)
	c.begun = a.polled()
	if newest, err := c.newest(a.outside.now()); err == nil {
		c.measure(newest)
	}
	return c
}

func (c *copies) measure(newest storage.BackupInfo) {
	c.last.Set(0)
	if !newest.Time.IsZero() {
		c.last.Set(float64(newest.Time.Unix()))
	}
}

// newest returns the newest backup of this history; the zero value where there
// is none. One of the future was named by a wrong clock, and says nothing.
func (c *copies) newest(now time.Time) (storage.BackupInfo, error) {
	list, err := storage.Backups(c.app.cfg.Backup.Dir)
	if err != nil {
		return storage.BackupInfo{}, err
	}
	for _, b := range storage.Since(list, c.app.db.Created(), now) {
		if !b.Time.After(now) {
			return b, nil
		}
	}
	return storage.BackupInfo{}, nil
}

// run makes backups when they are due, until ctx ends. Whatever goes wrong, the
// watch beside it goes on.
func (c *copies) run(ctx context.Context) {
	if c.app.cfg.Backup.Every == 0 {
		return
	}
	for ctx.Err() == nil {
		timer := time.NewTimer(c.look(ctx))
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
}

// look makes a backup if one is due, tells people what they have to know, and
// returns how long nothing has to be looked at.
func (c *copies) look(ctx context.Context) time.Duration {
	now := c.app.outside.now()
	newest, err := c.newest(now)
	if err == nil {
		due := newest.Time.Add(c.app.cfg.Backup.Every)
		switch {
		case newest.Time.IsZero() && !c.begun && c.app.monitor.Round().Polls == 0:
			return firstCopyLook // an empty history is not worth a copy
		case !newest.Time.IsZero() && now.Before(due):
			c.measure(newest)
			c.seen = newest
			if c.failures > 0 {
				c.note(ctx, newest, nil) // the folder could not be read for a while
			}
			return min(due.Sub(now), copyLook)
		case now.Before(c.notTill) && c.notTill.Sub(now) <= copyRetry: // else the clock was set back
			return min(c.notTill.Sub(now), copyLook)
		}
		newest, err = c.make(ctx, newest)
		c.seen = newest
	}
	if err != nil {
		newest = c.seen
	}
	if ctx.Err() != nil {
		return 0
	}
	c.note(ctx, newest, err)
	return min(c.app.cfg.Backup.Every, copyLook)
}

// make makes a backup. It returns the newest one there is by then.
func (c *copies) make(ctx context.Context, newest storage.BackupInfo) (storage.BackupInfo, error) {
	begun := time.Now()
	made, err := c.app.db.BackupTo(ctx, c.app.cfg.Backup.Dir, c.app.cfg.Backup.Keep)
	if made.Path == "" {
		return newest, err
	}
	if err != nil {
		c.app.log.Warn("old backups could not be deleted", "err", err)
	}
	if c.made != nil {
		c.made()
	}
	c.app.log.Info("the history was copied", "backup", made.Path, "bytes", made.Size, "took", time.Since(begun).Round(time.Millisecond))
	return made, nil
}

// note takes note of what came of a backup.
func (c *copies) note(ctx context.Context, newest storage.BackupInfo, err error) {
	now := c.app.outside.now()
	c.measure(newest)
	c.mu.Lock()
	c.error = ""
	if err != nil {
		c.error = sessionwarden.Shorten(err.Error(), 300)
	}
	c.mu.Unlock()
	if err == nil {
		c.failures, c.notTill = 0, time.Time{}
		if c.wasTold(ctx) {
			c.told = false
			c.app.tell(ctx, sessionwarden.Alert{
				Key: copiesKey, Kind: sessionwarden.Recovered, Severity: sessionwarden.Warning, Created: now, Updated: now,
				Title: "The history is copied again", Lines: []string{"The newest backup is of " + newest.Time.Format("2006-01-02 15:04:05 MST") + ", and was checked."},
			})
		}
		return
	}
	c.failures++
	c.notTill = now.Add(copyRetry)
	c.failed.Inc()
	c.app.log.Error("the history could not be copied; the watch goes on", "dir", c.app.cfg.Backup.Dir, "err", err)
	harm := damaged(err) != nil
	if harm && c.app.running {
		c.told, c.asked = true, true // by tellDamage, whoever met it first
		return
	}
	// A history that is damaged is told at once: what comes now is in no backup.
	if !harm && !c.late(newest, now) || c.wasTold(ctx) {
		return
	}
	c.told = true
	how := "No backup of it is known."
	if !newest.Time.IsZero() {
		how = "The newest backup is of " + newest.Time.Format("2006-01-02 15:04 MST") + ", " + span(now.Sub(newest.Time)) + " old."
	}
	title := "The history could not be copied for too long"
	cure := "Look at free space and permissions of " + c.app.cfg.Backup.Dir + ", or name another folder in [backup] dir."
	if harm {
		title = "The history is damaged, so it cannot be copied any more"
		cure = "What is seen from now on may be lost with it. Ask sessionwarden db check what is wrong and what to do."
	}
	c.app.tell(ctx, sessionwarden.Alert{
		Key: copiesKey, Kind: sessionwarden.NoBackup, Severity: sessionwarden.Warning, Created: now, Updated: now,
		Title: title,
		Lines: []string{how, "What went wrong: " + sessionwarden.Shorten(err.Error(), 300), "It is tried again every " + span(copyRetry) + ". " + cure},
	})
}

// copiesKey is the key of the alerts about backups.
const copiesKey = "backup"

// late reports whether the newest backup is so old that people have to know.
func (c *copies) late(newest storage.BackupInfo, now time.Time) bool {
	if newest.Time.IsZero() {
		return c.failures >= copyFailures
	}
	return now.Sub(newest.Time) > copyLate*c.app.cfg.Backup.Every
}

// wasTold reports whether the last that people were told of backups is that
// they do not work, over restarts.
func (c *copies) wasTold(ctx context.Context) bool {
	if c.asked {
		return c.told
	}
	alerts, _, err := c.app.db.Outbox(ctx)
	if err != nil {
		return c.told
	}
	c.asked = true
	for _, a := range alerts { // in the order of their ids
		if a.Key == copiesKey || a.Key == damageKey {
			c.told = a.Kind == sessionwarden.NoBackup
		}
	}
	return c.told
}

// status is how the history is copied, at one glance, with a warning where a
// person is needed.
func (c *copies) status() (s sessionwarden.BackupStatus, warning string) {
	now, cfg := c.app.outside.now(), c.app.cfg.Backup
	c.mu.Lock()
	s = sessionwarden.BackupStatus{Dir: cfg.Dir, Every: "off", Error: c.error}
	c.mu.Unlock()
	newest, err := c.newest(now)
	s.Last = newest.Time
	if err != nil {
		s.Error = sessionwarden.Clean(err.Error(), 400)
	}
	if cfg.Every == 0 {
		return s, ""
	}
	s.Every = shortSpan(cfg.Every)
	switch {
	case s.Error != "":
		warning = "the last backup of the history failed: " + s.Error
	case !newest.Time.IsZero() && now.Sub(newest.Time) > copyLate*cfg.Every:
		warning = "the newest backup of the history is " + span(now.Sub(newest.Time)) + " old; one is made every " + s.Every + " while the daemon runs"
	}
	return s, warning
}

// shortSpan writes a duration as the configuration does: 24h, not 24h0m0s.
func shortSpan(d time.Duration) string {
	text := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = text[:len(text)-2]
		}
	}
	return text
}

// polled reports whether any account was ever polled well. It waits for the polls
// that are under way.
func (a *app) polled() bool {
	return slices.ContainsFunc(a.monitor.Status(), func(s sessionwarden.AccountStatus) bool { return !s.LastPoll.IsZero() })
}

// tell writes an alert of the whole program down and tells it; where the disk
// fails, it is told from memory.
func (a *app) tell(ctx context.Context, alert sessionwarden.Alert) {
	alert.ID = a.db.NextID()
	err := a.db.Commit(context.WithoutCancel(ctx), []sessionwarden.Change{{Alerts: []sessionwarden.Alert{alert}}})
	if err != nil {
		a.log.Error("an alert could not be saved", "title", alert.Title, "err", err)
		alert.ID = 0
		a.teller.Urgent(alert)
		return
	}
	a.log.Warn("alert", "alert", alert.ID, "title", alert.Title)
	a.teller.Add([]sessionwarden.Alert{alert})
}

// newestGood returns the newest backup of dir that is whole; false where there
// is none. It reads them until it finds one.
func newestGood(ctx context.Context, dir string) (storage.BackupInfo, bool) {
	list, err := storage.Backups(dir)
	if err != nil {
		return storage.BackupInfo{}, false
	}
	for _, b := range list {
		if storage.Check(ctx, b.Path) == nil {
			return b, true
		}
	}
	return storage.BackupInfo{}, false
}

// checkCopy checks a consistent copy of the database while it is in use.
func (a *app) checkCopy(ctx context.Context) error {
	a.checking.Lock()
	defer a.checking.Unlock()
	// What a crash leaves under this name is removed by the next start.
	copied := databasePath(a.cfg) + ".new-check"
	if err := removeIfThere(copied); err != nil {
		return err
	}
	if err := a.db.Backup(ctx, copied); err != nil { // which checks it
		return errors.Join(err, removeIfThere(copied))
	}
	return removeIfThere(copied)
}

// damaged returns what is wrong with a database, in lines; nil where err is
// about something else.
func damaged(err error) []string {
	var whole *storage.DamagedError
	var record *storage.CorruptError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &whole):
		return strings.Split(whole.Why, "\n")
	case errors.As(err, &record):
		return strings.Split(err.Error(), "\n")
	}
	return nil
}

// size is a number of bytes as people read it.
func size(bytes int64) string {
	switch {
	case bytes < 10_000:
		return fmt.Sprintf("%d bytes", bytes)
	case bytes < 10_000_000:
		return fmt.Sprintf("%d kB", bytes/1000)
	case bytes < 10_000_000_000:
		return fmt.Sprintf("%d MB", bytes/1_000_000)
	}
	return fmt.Sprintf("%d GB", bytes/1_000_000_000)
}
