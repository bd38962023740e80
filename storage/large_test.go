package storage_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"sessionwarden"
	"sessionwarden/storage"
)

// large returns the bytes of a whole database that is too large to be read
// whole at each start.
var large = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "storage")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "db")
	db, err := storage.Open(path, storage.Options{})
	if err != nil {
		return nil, err
	}
	defer db.Close()
	ctx := context.Background()
	agent := strings.Repeat("0123456789", 100)
	for n := 0; ; n++ {
		var list []sessionwarden.Sighting
		for range 500 {
			s := session(db.NextID(), "main", day.Add(time.Duration(n)*time.Hour))
			s.UserAgent = agent
			list = append(list, s)
		}
		c := departure("main", day, list...)
		live := session(db.NextID(), "main", day)
		c.History.Live = append(c.History.Live, live)
		c.Sightings = append(c.Sightings, live)
		c.Alerts = []sessionwarden.Alert{{ID: db.NextID(), Account: "main", Title: "a title"}}
		if err := db.Commit(ctx, []sessionwarden.Change{c}); err != nil {
			return nil, err
		}
		stats, err := db.Stats()
		if err != nil {
			return nil, err
		}
		if stats.Used > 17<<20 {
			break
		}
	}
	if _, err := db.Forget(ctx, day.Add(3*time.Hour), 200); err != nil {
		return nil, err
	}
	copied := filepath.Join(dir, "copy")
	if err := db.Backup(ctx, copied); err != nil {
		return nil, err
	}
	return os.ReadFile(copied)
})

// TestNoDamageDeepInALargeDatabaseCrashes overwrites bytes in pages of a database
// that is too large to be read whole when it is opened, and does with it all
// that the daemon does. There is an error or there are rows, never a crash; and
// what was damage while it was in use is found by the next start.
func TestNoDamageDeepInALargeDatabaseCrashes(t *testing.T) {
	t.Parallel()
	whole, err := large()
	if err != nil {
		t.Fatal(err)
	}
	tries := 30
	if testing.Short() {
		tries = 5
	}
	path := dbPath(t)
	for seed := range tries {
		random := rand.New(rand.NewPCG(uint64(seed), 0))
		b := bytes.Clone(whole)
		for range 1 + random.IntN(4) {
			scramble(b, random)
		}
		write(t, path, b)
		tryLarge(t, seed, path)
	}
}

// Each page of a large database that leads to others is read when it is opened, not
// only the first of those that lie side by side.
func TestEveryBranchOfALargeDatabaseIsRead(t *testing.T) {
	t.Parallel()
	whole, err := large()
	if err != nil {
		t.Fatal(err)
	}
	path, size, branches, found := dbPath(t), os.Getpagesize(), 0, 0
	write(t, path, whole)
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for at := 2 * size; at < len(whole); at += size {
		if binary.NativeEndian.Uint16(whole[at+8:]) != 1 || binary.NativeEndian.Uint64(whole[at:]) != uint64(at/size) {
			continue
		}
		branches++
		if _, err := f.WriteAt([]byte{0, 0}, int64(at+10)); err != nil { // it leads nowhere
			t.Fatal(err)
		}
		db, err := storage.Open(path, storage.Options{ReadOnly: true})
		var damaged *storage.DamagedError
		switch {
		case errors.As(err, &damaged):
			found++
		case err != nil:
			t.Fatal(err)
		default: // a free page
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := f.WriteAt(whole[at:at+size], int64(at)); err != nil {
			t.Fatal(err)
		}
	}
	if branches < 20 || found < branches*3/4 {
		t.Errorf("damage in %d of %d branches was found", found, branches)
	}
	t.Logf("damage in %d of %d branches was found", found, branches)
}

// scramble overwrites something of one page: what stands at its beginning, one of
// its entries, or anything.
func scramble(b []byte, random *rand.Rand) {
	size := os.Getpagesize()
	at := (2 + random.IntN(len(b)/size-2)) * size
	page := b[at : at+size]
	if random.IntN(3) == 0 { // rather one of the few that lead to others
		for range len(b) / size {
			at = (at + size) % len(b)
			if flags := binary.NativeEndian.Uint16(b[at+8:]); at >= 2*size && flags != 2 && flags != 0 {
				page = b[at : at+size]
				break
			}
		}
	}
	switch random.IntN(6) {
	case 0:
		page[random.IntN(16)] ^= 1 << random.IntN(8)
	case 1:
		page[random.IntN(16)] = byte(random.IntN(256))
	case 2:
		page[16+random.IntN(16*20)] ^= 1 << random.IntN(8)
	case 3:
		binary.NativeEndian.PutUint64(page[8+16*random.IntN(20)+8:], uint64(random.IntN(len(b)/size)))
	case 4:
		copy(page[random.IntN(size):], b[random.IntN(len(b)):])
	default:
		page[random.IntN(size)] ^= 1 << random.IntN(8)
	}
}

// tryLarge does with the file what a daemon does, and then what its next start
// does.
func tryLarge(t *testing.T, seed int, path string) {
	t.Helper()
	ctx := context.Background()
	db, err := storage.Open(path, storage.Options{})
	var damaged *storage.DamagedError
	if err != nil {
		if !errors.As(err, &damaged) {
			t.Errorf("seed %d: %v", seed, err)
		}
		return
	}
	stumbled := false
	note := func(err error) {
		stumbled = stumbled || errors.As(err, &damaged)
	}
	_, err = db.History(ctx, "main")
	note(err)
	_, _, err = db.Outbox(ctx)
	note(err)
	n := 0
	for _, err := range db.Sightings(ctx, sessionwarden.Query{}) {
		if n++; n > 50_000 {
			t.Fatalf("seed %d: the list does not end", seed)
		}
		note(err)
	}
	note(db.Backup(ctx, path+".copy"))
	_ = os.Remove(path + ".copy")
	id := db.NextID()
	note(db.Commit(ctx, []sessionwarden.Change{departure("main", day, session(id/2, "main", day), session(id, "main", day))}))
	_, err = db.Forget(ctx, day.AddDate(1, 0, 0), 50)
	note(err)
	_, err = db.Stats()
	note(err)
	note(db.Commit(ctx, []sessionwarden.Change{departure("main", day, session(db.NextID(), "main", day))}))
	if err := db.Close(); err != nil {
		t.Errorf("seed %d: closing: %v", seed, err)
	}
	db, err = storage.Open(path, storage.Options{})
	if err == nil {
		if _, err := db.History(ctx, "main"); err != nil {
			t.Errorf("seed %d: the next start takes it for whole: %v", seed, err)
		}
		err = errors.Join(err, db.Close())
	}
	if err != nil && !errors.As(err, &damaged) {
		t.Errorf("seed %d: opened again: %v", seed, err)
	}
	if stumbled && err == nil {
		// What was damaged may have been forgotten, or written anew.
		if err := storage.Check(ctx, path); errors.As(err, &damaged) {
			t.Errorf("seed %d: the next start finds nothing, but: %v", seed, err)
		}
	}
	_ = os.Remove(path + ".suspect")
}

// TestDamageMetInUseIsFoundByTheNextStart overwrites one page of the history, and
// one record that the daemon cannot do without.
func TestDamageMetInUseIsFoundByTheNextStart(t *testing.T) {
	if testing.Short() {
		t.Skip("it is about a size, and takes ten times as long under the race detector")
	}
	t.Parallel()
	whole, err := large()
	if err != nil {
		t.Fatal(err)
	}
	aPage := func(path string) {
		b := bytes.Clone(whole)
		at := bytes.LastIndex(b[:8<<20], []byte("Example Telecom")) &^ (os.Getpagesize() - 1)
		b[at] ^= 0xff
		write(t, path, b)
	}
	for name, row := range map[string]struct {
		spoil func(path string)
		meet  func(db *storage.DB) error
	}{
		"a page": {aPage, func(db *storage.DB) error {
			for _, err := range db.Sightings(t.Context(), sessionwarden.Query{}) {
				if err != nil {
					return err
				}
			}
			return nil
		}},
		"a page, met by a backup": {aPage, func(db *storage.DB) error { return db.Backup(t.Context(), filepath.Join(t.TempDir(), "copy")) }},
		"an account": {func(path string) { spoil(t, path, "accounts", []byte("main"), []byte("\xff")) }, func(db *storage.DB) error {
			_, err := db.History(t.Context(), "main")
			return err
		}},
		"an alert": {func(path string) { spoil(t, path, "alerts", binary.BigEndian.AppendUint64(nil, 5000), []byte("\xff")) }, func(db *storage.DB) error {
			_, _, err := db.Outbox(t.Context())
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path, dir := backedUp(t)
			row.spoil(path)
			db := open(t, path)
			if err := row.meet(db); err == nil || !strings.Contains(err.Error(), "damage") && !strings.Contains(err.Error(), "cannot be used") {
				t.Fatalf("met: %v", err)
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			_, harm := storage.Open(path, storage.Options{})
			var damaged *storage.DamagedError
			if !errors.As(harm, &damaged) {
				t.Fatalf("the next start says %v", harm)
			}
			if _, err := storage.Recover(t.Context(), path, []string{dir}, harm, storage.Options{}); err != nil {
				t.Fatal(err)
			}
			if got := rows(t, open(t, path)); len(got) != 10 {
				t.Errorf("restored %v", got)
			}
			for _, name := range namesBeside(t, path) {
				if strings.Contains(name, "suspect") {
					t.Errorf("there is %s", name)
				}
			}
		})
	}
}

func TestAWholeDatabaseIsSuspectedOnce(t *testing.T) {
	t.Parallel()
	path := dbPath(t)
	db := open(t, path)
	more(t, db, 10)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	write(t, path+".suspect", []byte("the disk was absent for a moment"))
	db = open(t, path)
	if got := rows(t, db); len(got) != 10 {
		t.Errorf("there are %v", got)
	}
	if names := namesBeside(t, path); !equalNames(names, "sessionwarden.db", "sessionwarden.db.holder", "sessionwarden.db.initialised") {
		t.Errorf("there are %v", names)
	}
}
