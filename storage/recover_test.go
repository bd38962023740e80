package storage_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sessionwarden"
	"sessionwarden/storage"
)

// backedUp returns the path of a closed database of 12 sessions, the last two of
// which came after the newest of two backups, and the directory of these.
func backedUp(t *testing.T) (path, dir string) {
	t.Helper()
	path, dir = dbPath(t), filepath.Join(t.TempDir(), "backups")
	now := day
	db, err := storage.Open(path, storage.Options{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	more(t, db, 8)
	for range 2 {
		if _, err := db.BackupTo(t.Context(), dir, 5); err != nil {
			t.Fatal(err)
		}
		now = now.Add(time.Hour)
		more(t, db, 2)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return path, dir
}

// more brings n sessions that are gone.
func more(tb testing.TB, db *storage.DB, n int) {
	tb.Helper()
	var list []sessionwarden.Sighting
	for range n {
		list = append(list, session(db.NextID(), "main", day))
	}
	commit(tb, db, departure("main", day, list...))
}

// damage cuts a database off, and returns what opening it says.
func damage(t *testing.T, path string) error {
	t.Helper()
	if err := os.Truncate(path, 5000); err != nil {
		t.Fatal(err)
	}
	_, err := storage.Open(path, storage.Options{})
	var damaged *storage.DamagedError
	if !errors.As(err, &damaged) {
		t.Fatalf("opening says %v", err)
	}
	return err
}

func TestADamagedDatabaseIsReplacedByItsNewestBackup(t *testing.T) {
	t.Parallel()
	path, dir := backedUp(t)
	harm := damage(t, path)
	now := func() time.Time { return day.Add(3 * time.Hour) }
	r, err := storage.Recover(t.Context(), path, []string{t.TempDir(), dir, filepath.Join(dir, "missing")}, harm, storage.Options{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(r.Why, "cut off") || !r.BackupTime.Equal(day.Add(time.Hour)) || filepath.Base(r.Restored) != "sessionwarden-20260504T100000Z.db" || len(r.Tried) != 0 {
		t.Errorf("%+v", r)
	}
	if info, err := os.Stat(r.Quarantined); err != nil || info.Size() != 5000 || r.Quarantined != path+".damaged-20260504T120000Z" {
		t.Errorf("the damaged file: %s, %v, %v", r.Quarantined, info, err)
	}
	if names := namesBeside(t, path); !equalNames(names, "sessionwarden.db", filepath.Base(r.Quarantined), "sessionwarden.db.initialised") {
		t.Errorf("there are %v", names)
	}
	for range 2 { // over restarts
		db := open(t, path)
		o, observing := db.Observing()
		if !observing || !o.Since.Equal(day.Add(3*time.Hour)) || o.Why != r.String() {
			t.Errorf("observing: %t, %+v", observing, o)
		}
		if got := rows(t, db); len(got) != 10 {
			t.Errorf("restored %v", got)
		}
		if id := db.NextID(); id < 1_000_000 {
			t.Errorf("the id %d may have been given out before", id)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestABackupThatIsNotWholeIsPassedOver(t *testing.T) {
	t.Parallel()
	path, dir := backedUp(t)
	harm := damage(t, path)
	newest := filepath.Join(dir, "sessionwarden-20260504T100000Z.db")
	if err := os.Truncate(newest, 9000); err != nil {
		t.Fatal(err)
	}
	r, err := storage.Recover(t.Context(), path, []string{dir}, harm, storage.Options{})
	if err != nil || !r.BackupTime.Equal(day) || len(r.Tried) != 1 || !strings.HasPrefix(r.Tried[0], newest+": ") {
		t.Fatalf("%+v, %v", r, err)
	}
	if got := rows(t, open(t, path)); len(got) != 8 {
		t.Errorf("restored %v", got)
	}
}

func TestWithoutAWholeBackupADamagedDatabaseStaysAsItIs(t *testing.T) {
	t.Parallel()
	path, dir := backedUp(t)
	harm := damage(t, path)
	backups, err := storage.Backups(dir)
	if err != nil || len(backups) != 2 {
		t.Fatal(backups, err)
	}
	for _, b := range backups {
		write(t, b.Path, []byte("no database"))
	}
	for name, dirs := range map[string][]string{"bad ones": {dir}, "none": {t.TempDir()}} {
		r, err := storage.Recover(t.Context(), path, dirs, harm, storage.Options{})
		if !errors.Is(err, harm) || name == "bad ones" && strings.Count(err.Error(), "\n  "+dir) != 2 || strings.Contains(err.Error(), "--new") || r.Restored != "" {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
	if names := namesBeside(t, path); !equalNames(names, "sessionwarden.db", "sessionwarden.db.initialised") {
		t.Errorf("there are %v", names)
	}
	if info, err := os.Stat(path); err != nil || info.Size() != 5000 {
		t.Errorf("%v, %v", info, err)
	}
}

func TestWhatNobodyMayReplaceIsNotRecovered(t *testing.T) {
	t.Parallel()
	harm := &storage.DamagedError{Why: "a test"}
	for name, row := range map[string]struct {
		happens func(path string) error
		says    string
	}{
		"an empty file": {func(path string) error { return os.Truncate(path, 0) }, "empty"},
		"no file":       {os.Remove, "gone"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path, dir := backedUp(t)
			if err := row.happens(path); err != nil {
				t.Fatal(err)
			}
			if _, err := storage.Recover(t.Context(), path, []string{dir}, harm, storage.Options{}); !errors.Is(err, harm) || !strings.Contains(err.Error(), row.says) {
				t.Errorf("got %v", err)
			}
		})
	}
	path, dir := backedUp(t)
	open(t, path)
	var locked *storage.LockedError
	if _, err := storage.Recover(t.Context(), path, []string{dir}, harm, storage.Options{Timeout: time.Millisecond}); !errors.As(err, &locked) {
		t.Errorf("while it is open: %v", err)
	}
}

func TestObservingLastsUntilSomebodyResumes(t *testing.T) {
	t.Parallel()
	path := dbPath(t)
	db := open(t, path)
	if o, observing := db.Observing(); observing {
		t.Errorf("a new database observes: %+v", o)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Resume(t.Context()); err != nil {
		t.Error(err)
	}
	if after, err := os.ReadFile(path); err != nil || string(before) != string(after) {
		t.Errorf("to resume without need writes to the disk: %v", err)
	}
	if err := errors.Join(db.SetObserving(t.Context(), "one"), db.SetObserving(t.Context(), "two\x1b"), db.Close()); err != nil {
		t.Fatal(err)
	}
	db = open(t, path)
	if o, observing := db.Observing(); !observing || o.Why != "two" || time.Since(o.Since) > time.Hour {
		t.Errorf("%t, %+v", observing, o)
	}
	if err := errors.Join(db.Resume(t.Context()), db.Resume(t.Context()), db.Close()); err != nil {
		t.Fatal(err)
	}
	db = open(t, path)
	if o, observing := db.Observing(); observing {
		t.Errorf("after a restart: %+v", o)
	}
}
