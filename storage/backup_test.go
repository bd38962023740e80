package storage_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sessionwarden"
	"sessionwarden/storage"
)

func TestABackupIsWholeWhileCommitsGoOn(t *testing.T) {
	t.Parallel()
	path := dbPath(t)
	db := open(t, path)
	many(t, db, 3000)
	ctx, stop := context.WithCancel(t.Context())
	var commits atomic.Int64
	done := make(chan error, 1)
	go func() {
		for ctx.Err() == nil {
			// Each commit brings a session and its finding: a copy has both or none.
			id := db.NextID()
			c := departure("main", day, session(id, "main", day))
			c.Findings = []sessionwarden.Finding{{ID: db.NextID(), Account: "main", Seq: id}}
			if err := db.Commit(context.Background(), []sessionwarden.Change{c}); err != nil {
				done <- err
				return
			}
			commits.Add(1)
		}
		done <- nil
	}()
	for n := range 3 {
		for before := commits.Load(); commits.Load() < before+3; {
			time.Sleep(time.Millisecond) // until commits go on
		}
		copied := filepath.Join(t.TempDir(), "copy")
		if err := db.Backup(t.Context(), copied); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(copied); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("mode %v, %v", info.Mode(), err)
		}
		if err := storage.Check(t.Context(), copied); err != nil {
			t.Fatal(err)
		}
		reader, err := storage.Open(copied, storage.Options{ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		sessions := len(collect(t, reader.Sightings(t.Context(), sessionwarden.Query{})))
		findings := len(collect(t, reader.Findings(t.Context(), sessionwarden.Query{})))
		if sessions-3000 != findings || findings < 3*n {
			t.Errorf("%d sessions, %d findings", sessions, findings)
		}
		if err := reader.Close(); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestABackupThatFailsLeavesNothing(t *testing.T) {
	t.Parallel()
	db := open(t, dbPath(t))
	many(t, db, 10)
	dir := t.TempDir()
	there := filepath.Join(dir, "there")
	write(t, there, []byte("precious"))
	if err := db.Backup(t.Context(), there); err == nil || !strings.Contains(err.Error(), "already") {
		t.Errorf("got %v", err)
	}
	if b, err := os.ReadFile(there); err != nil || string(b) != "precious" {
		t.Errorf("%q, %v", b, err)
	}
	if err := db.Backup(t.Context(), filepath.Join(dir, "missing", "copy")); err == nil {
		t.Error("a directory that is not there")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := db.Backup(ctx, filepath.Join(dir, "copy")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	write(t, filepath.Join(dir, "copy.part"), []byte("left by a crash"))
	if err := db.Backup(t.Context(), filepath.Join(dir, "copy")); err != nil {
		t.Error(err)
	}
	if names := namesBeside(t, there); !equalNames(names, "copy", "there") {
		t.Errorf("there are %v", names)
	}
}

func TestRestoreBringsBackWhatWasBackedUp(t *testing.T) {
	t.Parallel()
	path := dbPath(t)
	db := open(t, path)
	many(t, db, 10)
	copied := filepath.Join(t.TempDir(), "copy")
	if err := db.Backup(t.Context(), copied); err != nil {
		t.Fatal(err)
	}
	commit(t, db, departure("main", day, session(11, "main", day)))
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	now := func() time.Time { return day }
	for range 2 {
		if _, err := storage.Restore(t.Context(), copied, path, storage.Options{Now: now}); err != nil {
			t.Fatal(err)
		}
	}
	if names := namesBeside(t, path); !equalNames(names, "sessionwarden.db", "sessionwarden.db.before-restore-20260504T090000Z",
		"sessionwarden.db.before-restore-20260504T090000Z-2", "sessionwarden.db.initialised") {
		t.Errorf("there are %v", names)
	}
	if got := rows(t, open(t, path)); len(got) != 10 {
		t.Errorf("restored %v", got)
	}
	if got := rows(t, open(t, path+".before-restore-20260504T090000Z")); len(got) != 11 {
		t.Errorf("kept %v", got)
	}
}

func TestRestoreInPlaceOfWhatIsLost(t *testing.T) {
	t.Parallel()
	whole := good(t)
	for name, lose := range map[string]func(path string) error{
		"missing":   os.Remove,
		"0 bytes":   func(path string) error { return os.Truncate(path, 0) },
		"cut off":   func(path string) error { return os.Truncate(path, 5000) },
		"unharmed":  func(string) error { return nil },
		"not begun": func(path string) error { return errors.Join(os.Remove(path), os.Remove(path+".initialised")) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := dbPath(t)
			if err := errors.Join(open(t, path).Close(), lose(path)); err != nil {
				t.Fatal(err)
			}
			copied := filepath.Join(t.TempDir(), "copy")
			write(t, copied, whole)
			if _, err := storage.Restore(t.Context(), copied, path, storage.Options{}); err != nil {
				t.Fatal(err)
			}
			if got := rows(t, open(t, path)); len(got) != 80 {
				t.Errorf("restored %d rows", len(got))
			}
		})
	}
}

func TestABadBackupIsNotRestored(t *testing.T) {
	t.Parallel()
	whole := good(t)
	flipped := bytes.Clone(whole)
	at := bytes.Index(flipped[2*os.Getpagesize():], []byte("Example Telecom")) + 2*os.Getpagesize()
	flipped[at-1] ^= 0x40 // the length of a text
	for name, b := range map[string][]byte{"empty": nil, "cut off": whole[:len(whole)-1], "text": []byte("no database"), "a flipped bit": flipped} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := dbPath(t)
			db := open(t, path)
			many(t, db, 3)
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			copied := filepath.Join(t.TempDir(), "copy")
			write(t, copied, b)
			if _, err := storage.Restore(t.Context(), copied, path, storage.Options{}); err == nil {
				t.Error("it was restored")
			}
			if names := namesBeside(t, path); !equalNames(names, "sessionwarden.db", "sessionwarden.db.initialised") {
				t.Errorf("there are %v", names)
			}
			if got := rows(t, open(t, path)); len(got) != 3 {
				t.Errorf("%v is there", got)
			}
		})
	}
	path := dbPath(t)
	open(t, path).Close()
	for _, backup := range []string{path, filepath.Dir(path), path + ".missing"} {
		if _, err := storage.Restore(t.Context(), backup, path, storage.Options{}); err == nil {
			t.Errorf("%s was restored", backup)
		}
	}
}
