package storage_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"sessionwarden/storage"
)

func TestBackupsAreKeptInNumber(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new", "backups")
	now := day
	db, err := storage.Open(dbPath(t), storage.Options{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if list, err := storage.Backups(dir); err != nil || len(list) != 0 {
		t.Errorf("before the first: %v, %v", list, err)
	}
	backup := func(after time.Duration) storage.BackupInfo {
		t.Helper()
		now = now.Add(after)
		info, err := db.BackupTo(t.Context(), dir, 3)
		if err != nil {
			t.Fatal(err)
		}
		if file, err := os.Stat(info.Path); err != nil || file.Size() != info.Size || !info.Time.Equal(now) {
			t.Errorf("%+v: %v, %v", info, file, err)
		}
		return info
	}
	first := backup(0)
	strangers := []string{"sessionwarden.db", "sessionwarden-mine.db", "sessionwarden-20260504T090000Z.db.gz", "other-20260504T090000Z.db.part"}
	for _, name := range strangers {
		write(t, filepath.Join(dir, name), []byte("precious"))
	}
	write(t, filepath.Join(dir, "sessionwarden-20260101T000000Z.db.part"), []byte("left by a crash"))
	if err := os.Mkdir(filepath.Join(dir, "sessionwarden-20260102T000000Z.db"), 0o700); err != nil {
		t.Fatal(err)
	}
	want := []storage.BackupInfo{backup(time.Hour), first}
	for range 10 { // within one second
		want = append([]storage.BackupInfo{backup(0)}, want...)
	}
	list, err := storage.Backups(dir)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "the list", list, want[:3])
	if filepath.Base(list[0].Path) != "sessionwarden-20260504T100000Z-11.db" {
		t.Errorf("the newest is %s", list[0].Path)
	}
	// A clock that was set back makes the new one the oldest: it stays.
	old := backup(-24 * time.Hour)
	list, err = storage.Backups(dir)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "the list", list, append(want[:2:2], old))
	for _, name := range strangers {
		if b, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(b) != "precious" {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
	if names := namesBeside(t, old.Path); len(names) != len(strangers)+1+3 {
		t.Errorf("there are %v", names)
	}
	if err := storage.Check(t.Context(), old.Path); err != nil {
		t.Error(err)
	}
}

func TestABackupThatFailsRemovesNoOlderOne(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := dbPath(t)
	db := open(t, path)
	for range 2 {
		if _, err := db.BackupTo(t.Context(), dir, 5); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := db.BackupTo(t.Context(), dir, 1); err == nil {
		t.Error("a backup of a database that was cut off")
	}
	if list, err := storage.Backups(dir); err != nil || len(list) != 2 {
		t.Errorf("%v, %v", list, err)
	}
	if names := namesBeside(t, filepath.Join(dir, "x")); len(names) != 2 {
		t.Errorf("there are %v", names)
	}
}

func TestBackupsOfTheHistoryBeforeAreNotItsOwn(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "backups")
	now := day
	options := storage.Options{New: true, Now: func() time.Time { return now }}
	path := dbPath(t)
	begin := func() *storage.DB {
		t.Helper()
		db, err := storage.Open(path, options)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		return db
	}
	backup := func(db *storage.DB) storage.BackupInfo {
		t.Helper()
		now = now.Add(time.Hour)
		info, err := db.BackupTo(t.Context(), dir, 2)
		if err != nil {
			t.Fatal(err)
		}
		return info
	}
	first := begin()
	if first.BegunAnew() || !first.Created().Equal(day) {
		t.Errorf("the first one: anew %v, created %v", first.BegunAnew(), first.Created())
	}
	id := first.NextID()
	old := []storage.BackupInfo{backup(first), backup(first)}
	for round := range uint64(2) {
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		now = now.Add(time.Minute)
		first = begin()
		if got := first.NextID(); !first.BegunAnew() || got != id+(round+1)*1_000_000+round {
			t.Errorf("begun anew %v, its first id is %d", first.BegunAnew(), got)
		}
	}
	for range 3 {
		backup(first)
	}
	list, err := storage.Backups(dir)
	if err != nil || len(list) != 4 || list[2] != old[1] || list[3] != old[0] {
		t.Errorf("there are %v, %v", list, err)
	}
	if own := storage.Since(list, first.Created(), now); len(own) != 2 || own[0] != list[0] || own[1] != list[1] {
		t.Errorf("its own are %v", own)
	}
	// A clock that was wrong when the history was begun makes no backup foreign.
	if own := storage.Since(list, now.AddDate(10, 0, 0), now); len(own) != 4 {
		t.Errorf("with a wrong clock its own are %v", own)
	}
}
