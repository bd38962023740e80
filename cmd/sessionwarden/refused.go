package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/term"

	"sessionwarden"
	"sessionwarden/alert"
	"sessionwarden/config"
	"sessionwarden/internal/owner"
	"sessionwarden/storage"
	"sessionwarden/web"
)

const (
	// refusedTelling is how long a start that is refused tries to tell people.
	refusedTelling = 5 * time.Second
	// refusedAgain is how long the same reason is not told again: a supervisor
	// starts us every few seconds.
	refusedAgain = 6 * time.Hour
	// refusedPause is how long a start that is refused lasts where it cannot be
	// noted that people were told.
	refusedPause = 10 * time.Minute
	// refusedReasons is how many reasons are remembered.
	refusedReasons = 16
)

// refusal is a reason for not starting that people were told.
type refusal struct {
	Reason string    `json:"reason"`
	Told   time.Time `json:"told"`
}

// refusedStart tells people that the watch could not start and why, as nobody
// may be looking at the log, and returns err. What the person who started it did
// wrong, and another daemon that watches already, are no news.
func refusedStart(ctx context.Context, cfg *config.Config, logTo io.Writer, err error, o outside) error {
	var usage *usageError
	var locked *storage.LockedError
	if err == nil || ctx.Err() != nil || errors.As(err, &usage) || errors.As(err, &locked) || errors.Is(err, web.ErrRunning) {
		return err
	}
	o = o.complete()
	log := newLogger(cfg, logTo)
	now := o.now().UTC()
	reason := refusedReason(err)
	before := readRefused(cfg.DataDir, now)
	for _, r := range before {
		if r.Reason == reason {
			return err
		}
	}
	told, terr := tellRefused(ctx, cfg, log, err, o)
	if terr != nil {
		log.Error("nobody could be told that the watch does not start", "err", terr)
	}
	if !told {
		return err
	}
	log.Warn("people are told that the watch does not start", "again_after", refusedAgain)
	list := append([]refusal{{Reason: reason, Told: now}}, before...)
	if werr := writeRefused(cfg.DataDir, list[:min(len(list), refusedReasons)]); werr != nil {
		// Without the note every start would tell them, and a supervisor starts
		// us every few seconds. A person at a terminal does not.
		if f, ok := logTo.(*os.File); !ok || !term.IsTerminal(int(f.Fd())) {
			log.Error("it could not be noted that people were told: the program waits before it ends, so that they are not told every few seconds", "until", now.Add(refusedPause), "start", err, "note", werr)
			pause(ctx, refusedPause)
		}
	}
	return err
}

// tellRefused sends the alert, past any database. It reports whether it got
// through; false without an error where no channel is configured.
func tellRefused(ctx context.Context, cfg *config.Config, log *slog.Logger, why error, o outside) (bool, error) {
	channels, err := channels(cfg, o)
	if err != nil || len(channels) == 0 {
		return false, err
	}
	lines := []string{"What went wrong: " + sessionwarden.Shorten(why.Error(), 400),
		"No session is seen, and none is disconnected, until it starts. The same reason is told again after " + span(refusedAgain) + "."}
	ways := cures(why, cfg.DataDir)
	if len(ways) == 0 {
		ways = []string{"Look at what is wrong: sessionwarden check"}
	}
	now := o.now().UTC()
	t := alert.New(alert.Options{Outbox: noOutbox{}, Channels: channels, Routes: routes(cfg), Instance: cfg.Instance, Logger: log, Now: o.now})
	t.Urgent(sessionwarden.Alert{
		Kind: sessionwarden.NotStarted, Severity: sessionwarden.Critical, Created: now, Updated: now,
		Title: "sessionwarden could not start: nothing is watched", Lines: append(lines, ways...),
	})
	ctx, cancel := context.WithTimeout(ctx, refusedTelling)
	defer cancel()
	err = deliver(ctx, t)
	return err == nil, err
}

// pause lets d go by, or less where ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// refusedReason is what tells one reason from another: the same at each start,
// whatever time or temporary file an error names.
func refusedReason(err error) string {
	var gone *storage.MissingError
	switch {
	case errors.As(err, &gone):
		return "the database is gone"
	case damaged(err) != nil:
		return "the database is damaged"
	}
	return strings.Map(func(r rune) rune {
		if '0' <= r && r <= '9' {
			return -1
		}
		return r
	}, sessionwarden.Clean(err.Error(), 300))
}

func refusedPath(dataDir string) string { return filepath.Join(dataDir, "sessionwarden.refused") }

// readRefused reads what people were told and need not be told again yet. A
// note that cannot be read says nothing.
func readRefused(dataDir string, now time.Time) (list []refusal) {
	f, err := os.Open(refusedPath(dataDir))
	if err != nil {
		return nil
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 64<<10))
	var all []refusal
	if err != nil || json.Unmarshal(text, &all) != nil {
		return nil
	}
	for _, r := range all {
		if ago := now.Sub(r.Told); ago >= 0 && ago < refusedAgain { // a time to come is of a wrong clock
			list = append(list, r)
		}
	}
	return list
}

// writeRefused replaces the note, so that nobody reads half of it.
func writeRefused(dataDir string, list []refusal) error {
	text, err := json.Marshal(list)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(dataDir, "sessionwarden.refused.new-*") // no lock is held here
	if err != nil {
		return err
	}
	_, err = f.Write(append(text, '\n'))
	if err = errors.Join(err, owner.Adopt(f), f.Close()); err == nil {
		err = os.Rename(f.Name(), refusedPath(dataDir))
	}
	if err != nil {
		return errors.Join(err, removeIfThere(f.Name()))
	}
	return nil
}

// hasStarted tells people that it works again, where they were told that it did
// not, and forgets what was told.
func (a *app) hasStarted(ctx context.Context) {
	if _, err := os.Stat(refusedPath(a.cfg.DataDir)); err != nil {
		return
	}
	if err := removeIfThere(refusedPath(a.cfg.DataDir)); err != nil {
		a.log.Warn("the note of a refused start could not be removed", "err", err)
		return
	}
	now := a.outside.now().UTC()
	a.tell(ctx, sessionwarden.Alert{
		Kind: sessionwarden.Recovered, Severity: sessionwarden.Warning, Created: now, Updated: now,
		Title: "sessionwarden has started again", Lines: []string{"The accounts are watched again. What came and went meanwhile was not seen."},
	})
}
