package storage

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"sessionwarden"
)

// laterSchema is a layout that a later version might have: the mechanism is
// proven before there is a need for it.
func laterSchema(ways ...func(*bbolt.Tx) error) schema {
	s := presentSchema()
	for _, run := range ways {
		s.migrations = append(s.migrations, migration{what: "a test", run: run})
	}
	return s
}

func addBucket(name string) func(*bbolt.Tx) error {
	return func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucket([]byte(name))
		return err
	}
}

func atNine(version string) Options {
	return Options{Version: version, Now: func() time.Time { return time.Date(2026, 5, 4, 9, 0, 0, 0, time.UTC) }}
}

// begun returns the path of a closed database of the present layout.
func begun(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sessionwarden.db")
	db, err := Open(path, atNine("1.0.0"))
	if err != nil {
		t.Fatal(err)
	}
	c := sessionwarden.Change{History: sessionwarden.History{Account: "main"}, Sightings: []sessionwarden.Sighting{{Seq: 1, Account: "main", State: sessionwarden.Gone}}}
	if err := errors.Join(db.Commit(t.Context(), []sessionwarden.Change{c}), db.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAnOlderLayoutIsBroughtUpToDateAfterABackup(t *testing.T) {
	t.Parallel()
	path := begun(t)
	later := laterSchema(addBucket("two"), addBucket("three"))
	for range 2 { // the second time there is nothing to do
		db, err := open(path, atNine("3.0.0"), later)
		if err != nil {
			t.Fatal(err)
		}
		stats, err := db.Stats()
		if err != nil || stats.Schema != 5 || stats.Rows[bucketSightings] != 1 {
			t.Errorf("%+v, %v", stats, err)
		}
		err = db.view(func(tx *bbolt.Tx) error {
			if tx.Bucket([]byte("two")) == nil || tx.Bucket([]byte("three")) == nil {
				t.Error("it is not what the ways make of it")
			}
			return nil
		})
		if err := errors.Join(err, db.Close()); err != nil {
			t.Fatal(err)
		}
	}
	backups, err := filepath.Glob(path + ".layout-*")
	if err != nil || len(backups) != 1 || filepath.Base(backups[0]) != "sessionwarden.db.layout-3-20260504T090000Z" {
		t.Fatalf("backups %v, %v", backups, err)
	}
	if err := Check(t.Context(), backups[0]); err != nil {
		t.Error(err)
	}
	_, err = Open(path, Options{})
	var newer *NewerError
	if !errors.As(err, &newer) || newer.Schema != 5 || !strings.Contains(err.Error(), "sessionwarden 3.0.0 or newer") {
		t.Errorf("the older program says %v", err)
	}
	if err := Check(t.Context(), path); !errors.As(err, &newer) {
		t.Errorf("the older program's check says %v", err)
	}
}

func TestAWayThatFailsChangesNothing(t *testing.T) {
	t.Parallel()
	path := begun(t)
	broken := errors.New("no way")
	later := laterSchema(addBucket("two"), func(*bbolt.Tx) error { return broken })
	_, err := open(path, atNine("3.0.0"), later)
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), "from layout 4 to 5 (a test)") {
		t.Fatalf("got %v", err)
	}
	if _, err := open(path, Options{ReadOnly: true}, later); err == nil || !strings.Contains(err.Error(), "older layout") {
		t.Errorf("for reading only: %v", err)
	}
	db, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	stats, err := db.Stats()
	if err != nil || stats.Schema != 3 || stats.Rows[bucketSightings] != 1 {
		t.Errorf("%+v, %v", stats, err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestEachWayToThePresentLayoutHasATest(t *testing.T) {
	t.Parallel()
	// golden_test.go opens what each older layout wrote.
	files, err := filepath.Glob("testdata/v*.db.gz")
	if n := len(presentSchema().migrations); err != nil || n != len(files) {
		t.Errorf("there are %d ways to the present layout, and databases of %d older ones: %v", n, len(files), err)
	}
}

func TestALayoutThatIsNoneOfOursIsRefused(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*bbolt.Tx) error{
		"no bucket of ours": func(tx *bbolt.Tx) error { return tx.DeleteBucket([]byte(bucketMeta)) },
		"no version":        func(tx *bbolt.Tx) error { return tx.Bucket([]byte(bucketMeta)).Delete([]byte(keySchema)) },
		"a version in letters": func(tx *bbolt.Tx) error {
			return tx.Bucket([]byte(bucketMeta)).Put([]byte(keySchema), []byte("\x1b[31mx"))
		},
		"version 0":             func(tx *bbolt.Tx) error { return tx.Bucket([]byte(bucketMeta)).Put([]byte(keySchema), []byte("0")) },
		"a bucket is missing":   func(tx *bbolt.Tx) error { return tx.DeleteBucket([]byte(bucketFindings)) },
		"a last id without end": func(tx *bbolt.Tx) error { return tx.Bucket([]byte(bucketMeta)).SetSequence(1<<64 - 1) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := begun(t)
			db, err := bbolt.Open(path, 0o600, nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(db.Update(spoil), db.Close()); err != nil {
				t.Fatal(err)
			}
			var damaged *DamagedError
			if _, err := Open(path, Options{}); !errors.As(err, &damaged) || strings.Contains(err.Error(), "\x1b") {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestTheDrawingIsTrue holds the package comment against a database in which
// every bucket has a row.
func TestTheDrawingIsTrue(t *testing.T) {
	t.Parallel()
	path := begun(t)
	db, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	c := sessionwarden.Change{
		History:   sessionwarden.History{Account: "main"},
		Findings:  []sessionwarden.Finding{{ID: 2, Account: "main"}},
		Actions:   []sessionwarden.Action{{ID: 3, Account: "main"}},
		Incidents: []sessionwarden.Incident{{ID: 5, Account: "main"}},
		Alerts:    []sessionwarden.Alert{{ID: 4, Account: "main"}},
	}
	err = errors.Join(db.Commit(t.Context(), []sessionwarden.Change{c}), db.Delivered(t.Context(), []sessionwarden.Delivery{{Alert: 4, Channel: "slack"}}),
		db.Offered(t.Context(), []sessionwarden.Offer{{ID: "4-button", Alert: 4}}), db.PutSilence(t.Context(), sessionwarden.Silence{ID: 6}),
		db.SetObserving(t.Context(), "a reason"))
	if err != nil {
		t.Fatal(err)
	}
	real := make(map[string][]string)
	err = db.view(func(tx *bbolt.Tx) error {
		return tx.ForEach(func(bucket []byte, b *bbolt.Bucket) error {
			real[string(bucket)] = nil
			return b.ForEach(func(key, _ []byte) error {
				real[string(bucket)] = append(real[string(bucket)], string(key))
				return nil
			})
		})
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	checkDrawing(t, drawing(t, "doc.go", "//\t"), real)
}

// checkDrawing compares a drawing with what a database holds.
func checkDrawing(t *testing.T, drawn, real map[string][]string) {
	t.Helper()
	if len(drawn) != len(real) {
		t.Errorf("the drawing has the buckets %v, the database %v", drawn, real)
	}
	is := map[string]func(key string) bool{
		"NAME":       func(key string) bool { return key == "main" },
		"SEQ":        func(key string) bool { return key == string(idKey(1)) },
		"ID":         func(key string) bool { return len(key) == 8 },
		"ID CHANNEL": func(key string) bool { return key == string(idKey(4))+"slack" },
		"ID OFFER":   func(key string) bool { return key == string(idKey(4))+"4-button" },
	}
	for bucket, names := range drawn {
		keys, there := real[bucket]
		if !there || len(keys) != len(names) {
			t.Errorf("%s: drawn with %q, holds %q", bucket, names, keys)
			continue
		}
		for i, name := range names {
			if fits := is[name]; fits != nil && !fits(keys[i]) || fits == nil && keys[i] != name {
				t.Errorf("%s: drawn with %q, holds %q", bucket, name, keys[i])
			}
		}
	}
}

// drawing reads the tree that stands in a file: every line of it begins with
// prefix.
func drawing(t *testing.T, file, prefix string) map[string][]string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	tree := make(map[string][]string)
	bucket := ""
	for line := range bytes.Lines(text) {
		line, ok := strings.CutPrefix(strings.TrimRight(string(line), "\n"), prefix)
		if !ok {
			continue
		}
		leaf := strings.TrimLeft(line, "├└─ ")
		name, _, _ := strings.Cut(leaf, "  ")
		if leaf == line {
			bucket = name
			tree[bucket] = nil
		} else {
			tree[bucket] = append(tree[bucket], name)
		}
	}
	if len(tree) == 0 {
		t.Fatalf("%s holds no drawing", file)
	}
	return tree
}
