package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"go.etcd.io/bbolt"

	"sessionwarden/internal/mishap"
	"sessionwarden/internal/owner"
)

// MissingError says that a database is gone that was there before.
type MissingError struct {
	Path  string
	Since string // when it was first seen there, as the marker beside it says
}

// Error implements error.
func (e *MissingError) Error() string {
	return fmt.Sprintf("the database %s is gone, but the history was begun%s", e.Path, e.Since)
}

// Begun reports whether there is a database at path, or was one once. It makes
// nothing.
func Begun(path string) (bool, error) {
	if there, err := exists(path); there || err != nil {
		return there, err
	}
	return exists(markerPath(path))
}

// ensureFile makes sure that there is a file to open.
func (db *DB) ensureFile(o Options) error {
	info, err := os.Stat(db.path)
	switch {
	case err == nil && info.Mode().IsRegular() && info.Size() == 0 && o.New && !o.ReadOnly:
		if err := os.Remove(db.path); err != nil {
			return fmt.Errorf("removing the empty database file: %w", err)
		}
	case err == nil:
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("opening the database: %w", err)
	case !o.New:
		if since, marked := readMarker(db.path); marked {
			return &MissingError{Path: db.path, Since: since}
		}
	}
	if o.ReadOnly {
		return fmt.Errorf("opening the database: %w", err)
	}
	_, before := readMarker(db.path)
	err = db.create(before || info != nil)
	if errors.Is(err, fs.ErrExist) {
		return nil // another process was quicker
	}
	if err != nil {
		return fmt.Errorf("creating the database %s: %w", db.path, err)
	}
	return nil
}

// create makes an empty database aside and gives it its name when it is whole
// on the disk: after a crash there is a good file or none. Where there was one
// before, its ids are left out.
func (db *DB) create(before bool) (err error) {
	if err := mishap.At("create.aside"); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(db.path), filepath.Base(db.path)+".new-*")
	if err != nil {
		return err
	}
	aside := f.Name()
	defer func() { err = errors.Join(err, ignoreMissing(os.Remove(aside))) }()
	if err := errors.Join(owner.Adopt(f), f.Close()); err != nil {
		return err
	}
	bolt, err := bbolt.Open(aside, 0o600, &bbolt.Options{Timeout: time.Second})
	if err != nil {
		return err
	}
	last := uint64(0)
	if before {
		last, err = leaveOut(db.path, 0, "an empty history was begun", db.now())
	}
	err = errors.Join(err, bolt.Update(func(tx *bbolt.Tx) error {
		if err := errors.Join(mishap.At("create.write"), db.schema.create(tx, db.version, db.now())); err != nil {
			return err
		}
		return tx.Bucket([]byte(bucketMeta)).SetSequence(last)
	}))
	if err := errors.Join(err, mishap.At("create.sync"), bolt.Sync(), bolt.Close()); err != nil {
		return err
	}
	if err := publish(aside, db.path, "create"); err != nil {
		return err
	}
	db.anew = before
	return nil
}

// BegunAnew reports whether opening the database began an empty history in place
// of one that was there before: see Options.New.
func (db *DB) BegunAnew() bool { return db.anew }

// Created is when the history was begun, UTC; zero where the database does not
// say. A backup from before is of another one.
func (db *DB) Created() time.Time { return db.created }

func (db *DB) readCreated(tx *bbolt.Tx) error {
	text := tx.Bucket([]byte(bucketMeta)).Get([]byte(keyCreated))
	if at, err := time.Parse(time.RFC3339, string(text)); err == nil {
		db.created = at.UTC()
	}
	return nil // it only tells backups apart
}

// The marker beside the database says that a history was begun. Without it, a
// data directory that was emptied by mistake would look like a first start, and
// every session in it like an old acquaintance.
func markerPath(path string) string { return path + ".initialised" }

func writeMarker(path string, now time.Time) error {
	if there, err := exists(markerPath(path)); there || err != nil {
		return err
	}
	return writeWhole("marker", markerPath(path), markerText(now))
}

func markerText(now time.Time) []byte {
	return []byte(now.UTC().Format(time.RFC3339) + "\nThe history beside this file was begun then. Without this file, a database that is gone is taken for a first start.\n")
}

// readMarker returns when the history was begun, as words to go on with, and
// whether it was.
func readMarker(path string) (since string, marked bool) {
	there, err := exists(markerPath(path))
	if err != nil {
		return "", true // to be on the safe side
	}
	if !there {
		return "", false
	}
	f, err := os.Open(markerPath(path))
	if err != nil {
		return "", true
	}
	defer f.Close()
	var text [len(time.RFC3339)]byte
	n, _ := f.Read(text[:])
	first, _, _ := strings.Cut(string(text[:n]), "\n")
	when, err := time.Parse(time.RFC3339, first)
	if err != nil {
		return "", true
	}
	return " on " + when.UTC().Format("2006-01-02 15:04:05 MST"), true
}

// removeLeftovers removes what a crash left beside the database. The caller
// has the database open, so that nobody else is making one.
func removeLeftovers(path string) {
	for _, leftover := range []string{path + ".new-", holderPath(path) + ".new-", markerPath(path) + ".new-", suspectPath(path) + ".new-"} {
		for _, name := range beside(leftover) {
			_ = os.Remove(name)
		}
	}
	for _, name := range beside(path + asideLayout) {
		if strings.HasSuffix(name, backupSuffix) {
			_ = os.Remove(name)
		}
	}
	removeSecondNames(path)
}

// beside returns the files whose whole names begin with prefix.
func beside(prefix string) (names []string) {
	dir, base := filepath.Split(prefix)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), base) {
			names = append(names, filepath.Join(dir, e.Name()))
		}
	}
	return names
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
