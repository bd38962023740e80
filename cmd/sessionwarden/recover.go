package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"sessionwarden"
	"sessionwarden/config"
	"sessionwarden/storage"
)

// openOrRecover is open for the watch itself: where the database is damaged, the
// newest backup that is whole takes its place. Nothing is disconnected after
// that until a person confirms it; see resume.
func openOrRecover(ctx context.Context, cfg *config.Config, logTo io.Writer, startEmpty bool, o outside) (*app, error) {
	a, err := open(ctx, cfg, logTo, startEmpty, o)
	if startEmpty || damaged(err) == nil {
		if err == nil && a.db.BegunAnew() {
			a.tellAnew(ctx)
		}
		return a, err
	}
	o = o.complete()
	log := newLogger(cfg, logTo)
	log.Error("the database is damaged; looking for a backup that is whole", "err", err)
	r, err := storage.Recover(ctx, databasePath(cfg), backupDirs(cfg), err, storage.Options{Logger: log, Version: version, Now: o.now})
	if err != nil {
		return nil, &wayOut{err, func() []string { return waysOut(ctx, databasePath(cfg), backupDirs(cfg), true) }}
	}
	log.Warn("a backup took the place of the damaged database", "backup", r.Restored, "made", r.BackupTime, "damaged", r.Quarantined, "not_whole", r.Tried)
	if a, err = open(ctx, cfg, logTo, false, o); err != nil {
		return nil, err
	}
	if since, observing := a.db.Observing(); observing {
		if err := a.db.SetObserving(ctx, lost(r, since)); err != nil {
			log.Warn("what was lost could not be written down in full", "err", err)
		}
	}
	return a, nil
}

// tellAnew tells that the history begins anew, as a person asked for it.
func (a *app) tellAnew(ctx context.Context) {
	a.log.Warn("an empty history was begun, as --new says; nothing of the one before is known any more", "database", databasePath(a.cfg))
	now := a.outside.now().UTC()
	a.tell(ctx, sessionwarden.Alert{
		Kind: sessionwarden.Begun, Severity: sessionwarden.Warning, Created: now, Updated: now,
		Title: "An empty history was begun, as somebody asked for it",
		Lines: []string{"The start with --new found that the history before was gone or empty. Who is signed in now is new to it: it learns again who you are, and what was held or denied before is forgotten.",
			"Backups of the history before are kept: sessionwarden restore FILE brings one back."},
	})
}

// lost says what became of a damaged history, for people.
func lost(r storage.Recovery, o sessionwarden.Observing) string {
	const form = "2006-01-02 15:04:05 MST"
	text := fmt.Sprintf("The database was damaged (%s). The backup of %s took its place: what was seen between then and %s is lost. The damaged file is kept beside it in %s.",
		sessionwarden.Shorten(firstLine(r.Why), 200), r.BackupTime.UTC().Format(form), o.Since.UTC().Format(form), filepath.Dir(r.Quarantined))
	if len(r.Tried) > 0 {
		text += fmt.Sprintf(" Newer backups that were damaged too, and are left where they are: %d.", len(r.Tried))
	}
	return text
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// backupDirs are the folders where the daemon's own backups may be.
func backupDirs(cfg *config.Config) []string {
	dirs := []string{cfg.Backup.Dir}
	if usual := filepath.Join(cfg.DataDir, "backups"); usual != cfg.Backup.Dir {
		dirs = append(dirs, usual)
	}
	return dirs
}

// wayOut is an error with what a person can do about a database that cannot be
// used, one line each. cures reads backups, which may take long: it is for the
// end.
type wayOut struct {
	error
	cures func() []string
}

func (e *wayOut) Unwrap() error { return e.error }

// withWayOut adds to an error about the database what can be done about it.
func withWayOut(ctx context.Context, cfg *config.Config, err error) error {
	var gone *storage.MissingError
	if err == nil || !errors.As(err, &gone) && damaged(err) == nil {
		return err
	}
	return &wayOut{err, func() []string { return waysOut(ctx, databasePath(cfg), backupDirs(cfg), false) }}
}

// waysOut are what can be done about a database that is damaged, empty or gone:
// what works as it is now. tried says that this very start could not put a
// backup in its place.
func waysOut(ctx context.Context, path string, backups []string, tried bool) []string {
	const form = "2006-01-02 15:04:05 MST"
	info, err := os.Stat(path)
	empty, damaged := "Start an empty history: sessionwarden run --new", err == nil && info.Size() > 0
	if damaged {
		empty = "Keep the file aside and start an empty history: mv " + path + " " + path + ".damaged && sessionwarden run --new"
	}
	for _, dir := range backups {
		b, ok := newestGood(ctx, dir)
		switch {
		case !ok:
		case damaged && tried:
			return []string{"Each start tries to put the newest whole backup in its place, that of " + b.Time.Format(form) + ": mend what stands in the way (free space, permissions)", "Choose another one: sessionwarden restore FILE", empty}
		case damaged:
			return []string{"The next start puts the newest whole backup in its place, that of " + b.Time.Format(form) + ": sessionwarden run", "Choose another one: sessionwarden restore FILE"}
		default:
			return []string{"Restore the newest whole backup, that of " + b.Time.Format(form) + ": sessionwarden restore " + b.Path, empty}
		}
	}
	return []string{"No whole backup was found in " + strings.Join(backups, ", ") + ". If you have one elsewhere: sessionwarden restore FILE", empty}
}

// nothingYet says that no history was begun in a data directory.
func nothingYet(dir string) error {
	return &exitError{status: exitFailed, says: "sessionwarden: nothing has been recorded yet in " + dir + "\n  Start the watch: sessionwarden run"}
}
