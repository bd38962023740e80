package storage_test

import (
	"os"
	"path/filepath"
	"testing"

	"sessionwarden"
	"sessionwarden/storage"
)

// TestAnExportThatPausesDoesNotMakeTheFileGrow stops in the middle of a long list
// while commits go on: what they free is used again, as nobody holds it.
func TestAnExportThatPausesDoesNotMakeTheFileGrow(t *testing.T) {
	t.Parallel()
	db := open(t, dbPath(t))
	more(t, db, 5000)
	live := session(db.NextID(), "main", day)
	used := func() int64 {
		stats, err := db.Stats()
		if err != nil {
			t.Fatal(err)
		}
		return stats.Used
	}
	// A hundred commits change as many pages, each again and again.
	change := func() {
		for range 100 {
			commit(t, db, arrival("main", live))
		}
	}
	change()
	before, n := used(), 0
	for _, err := range db.Sightings(t.Context(), sessionwarden.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n%1500 == 0 {
			change()
		}
	}
	if n != 5001 {
		t.Errorf("%d rows", n)
	}
	if grown := used() - before; grown > 64<<10 {
		t.Errorf("it grew by %d bytes in %d commits", grown, 300)
	}
}

// TestANoteThatCannotBeWrittenHindersNobody has something in the way of the note
// that says who has the database open.
func TestANoteThatCannotBeWrittenHindersNobody(t *testing.T) {
	t.Parallel()
	path := dbPath(t)
	if err := os.MkdirAll(filepath.Join(path+".holder", "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		db, err := storage.Open(path, storage.Options{})
		if err != nil {
			t.Fatal(err)
		}
		more(t, db, 1)
		_ = db.Close()
	}
	if got := rows(t, open(t, path)); len(got) != 2 {
		t.Errorf("there are %v", got)
	}
}
