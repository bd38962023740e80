package storage_test

import (
	"errors"
	"os"
	"testing"
	"time"

	"sessionwarden/storage"
)

func TestCompactingKeepsEverythingAndGivesRoomBack(t *testing.T) {
	t.Parallel()
	path := dbPath(t)
	db, err := storage.Open(path, storage.Options{}) // without a version: an empty value is kept, too
	if err != nil {
		t.Fatal(err)
	}
	more(t, db, 20000)
	if _, err := db.Forget(t.Context(), day.AddDate(0, 0, 1), 19000); err != nil {
		t.Fatal(err)
	}
	c, told := golden()
	commit(t, db, c)
	if err := errors.Join(db.Delivered(t.Context(), told), db.SetObserving(t.Context(), "a reason")); err != nil {
		t.Fatal(err)
	}
	want, stats, next := rows(t, db), rowCounts(t, db), db.NextID()
	var locked *storage.LockedError
	if _, _, err := storage.Compact(t.Context(), path, storage.Options{Timeout: time.Millisecond}); !errors.As(err, &locked) {
		t.Errorf("while it is open: %v", err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	before, after, err := storage.Compact(t.Context(), path, storage.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Size() != after || after > before/4 || info.Mode().Perm() != 0o600 {
		t.Errorf("%d bytes before, %d after, %v, %v", before, after, info.Mode(), err)
	}
	if again, same, err := storage.Compact(t.Context(), path, storage.Options{}); err != nil || again != after || same > again {
		t.Errorf("once more: %d, %d, %v", again, same, err)
	}
	if err := storage.Check(t.Context(), path); err != nil {
		t.Error(err)
	}
	if names := namesBeside(t, path); !equalNames(names, "sessionwarden.db", "sessionwarden.db.initialised") {
		t.Errorf("there are %v", names)
	}
	db = open(t, path)
	same(t, "the rows", rows(t, db), want)
	same(t, "the counters", rowCounts(t, db), stats)
	same(t, "the history", history(t, db, "main"), c.History)
	if _, observing := db.Observing(); !observing {
		t.Error("it forgot to observe")
	}
	if id := db.NextID(); id < next {
		t.Errorf("the id %d was given out before", id)
	}
}

func rowCounts(t *testing.T, db *storage.DB) map[string]int {
	t.Helper()
	stats, err := db.Stats()
	if err != nil {
		t.Fatal(err)
	}
	return stats.Rows
}

func TestThereIsNothingToCompactWhereNothingIs(t *testing.T) {
	t.Parallel()
	path := dbPath(t)
	if _, _, err := storage.Compact(t.Context(), path, storage.Options{New: true}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if names := namesBeside(t, path); len(names) != 0 {
		t.Errorf("there are %v", names)
	}
}
