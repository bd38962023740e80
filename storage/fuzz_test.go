package storage_test

import (
	"bytes"
	"context"
	"os"
	"testing"
	"time"

	"sessionwarden"
	"sessionwarden/storage"
)

// FuzzFile overwrites a piece of a whole database: whatever comes of it, there
// is an error or there are rows, and never a crash.
func FuzzFile(f *testing.F) {
	whole := good(f)
	page := uint32(os.Getpagesize())
	for _, at := range []uint32{0, 16, 64, page, page + 24, 2 * page, 2*page + 8, 2*page + 10, 2*page + 12, 3 * page, 3*page + 16, 5*page + 20, 6 * page} {
		for _, patch := range []string{"", "\x00", "\xff\xff\xff\xff", "\x02", "\x10\x00\x00\x00\x00\x00\x00\x00"} {
			f.Add(at, []byte(patch))
		}
	}
	f.Fuzz(func(t *testing.T, at uint32, patch []byte) {
		b := bytes.Clone(whole)
		copy(b[int(at)%len(b):], patch)
		tryFile(t, b)
	})
}

// TestNoFlippedBitCrashes flips bits all over a database.
func TestNoFlippedBitCrashes(t *testing.T) {
	t.Parallel()
	whole := good(t)
	step := 1013
	if testing.Short() {
		step *= 5
	}
	for at := 0; at < len(whole)*8; at += step {
		b := bytes.Clone(whole)
		b[at/8] ^= 1 << (at % 8)
		tryFile(t, b)
	}
}

// tryFile does with a database file what the daemon does.
func tryFile(t *testing.T, b []byte) {
	path := dbPath(t)
	write(t, path, b)
	defer os.Remove(path)
	ctx := context.Background()
	checked := storage.Check(ctx, path)
	db, err := storage.Open(path, storage.Options{Timeout: 5 * time.Second}) // a program that is just being started holds locks for a moment
	if err != nil {
		if checked == nil {
			t.Fatalf("the check finds nothing, but: %v", err)
		}
		return
	}
	defer db.Close()
	rows := 0
	for _, err := range db.Sightings(ctx, sessionwarden.Query{}) {
		if rows++; rows > 1000 {
			t.Fatal("the list does not end")
		}
		if err != nil && checked == nil {
			t.Fatalf("the check finds nothing, but: %v", err)
		}
	}
	_, err = db.History(ctx, "main")
	if err != nil && checked == nil {
		t.Fatalf("the check finds nothing, but: %v", err)
	}
	_, _, _ = db.Outbox(ctx)
	_, _ = db.Forget(ctx, day.AddDate(1, 0, 0), 5)
	_ = db.Commit(ctx, []sessionwarden.Change{departure("main", day, session(db.NextID(), "main", day))})
	_, _ = db.Stats()
}
