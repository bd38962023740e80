package storage_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"sessionwarden"
	"sessionwarden/storage"
)

func TestQueriesChoose(t *testing.T) {
	t.Parallel()
	db := open(t, dbPath(t))
	hour := func(n int) time.Time { return day.Add(time.Duration(n) * time.Hour) }
	one, two, three, four := session(1, "main", hour(1)), session(2, "other", hour(2)), session(3, "main", hour(3)), session(4, "main", hour(4))
	commit(t, db, arrival("main", one, three), arrival("other", two))
	one.State, one.GoneAt = sessionwarden.Gone, hour(6)
	three.State, three.LastSeen = sessionwarden.Moved, hour(5)
	c := arrival("main", four)
	c.Sightings = []sessionwarden.Sighting{one, three, four}
	c.Findings = []sessionwarden.Finding{{ID: 5, Account: "main", Time: hour(1)}, {ID: 6, Account: "main", Time: hour(6)}}
	c.Actions = []sessionwarden.Action{{ID: 7, Account: "main", Created: hour(1), Updated: hour(6)}, {ID: 8, Account: "main", Created: hour(1)}}
	commit(t, db, c)

	for name, row := range map[string]struct {
		q         sessionwarden.Query
		sightings []uint64
		findings  []uint64
		actions   []uint64
	}{
		"all":                       {sessionwarden.Query{}, []uint64{1, 2, 3, 4}, []uint64{5, 6}, []uint64{7, 8}},
		"one account":               {sessionwarden.Query{Account: "other"}, []uint64{2}, nil, nil},
		"an account that is not":    {sessionwarden.Query{Account: "nobody"}, nil, nil, nil},
		"live":                      {sessionwarden.Query{Live: true}, []uint64{4, 2}, []uint64{5, 6}, []uint64{7, 8}},
		"live of one account":       {sessionwarden.Query{Live: true, Account: "main"}, []uint64{4}, []uint64{5, 6}, []uint64{7, 8}},
		"since the fourth hour":     {sessionwarden.Query{Since: hour(4)}, []uint64{1, 3, 4}, []uint64{6}, []uint64{7}},
		"since the sixth hour":      {sessionwarden.Query{Since: hour(6)}, []uint64{1}, []uint64{6}, []uint64{7}},
		"since tomorrow":            {sessionwarden.Query{Since: hour(24)}, nil, nil, nil},
		"the row 1":                 {sessionwarden.Query{ID: 1}, []uint64{1}, nil, nil},
		"the row 6":                 {sessionwarden.Query{ID: 6}, nil, []uint64{6}, nil},
		"the row 8":                 {sessionwarden.Query{ID: 8}, nil, nil, []uint64{8}},
		"a row of another account":  {sessionwarden.Query{ID: 1, Account: "other"}, nil, nil, nil},
		"the row 1 if it is live":   {sessionwarden.Query{ID: 1, Live: true}, nil, nil, nil},
		"a row that is not there":   {sessionwarden.Query{ID: 1 << 62}, nil, nil, nil},
		"a number that no row has":  {sessionwarden.Query{ID: 1<<64 - 1}, nil, nil, nil},
		"live since the third hour": {sessionwarden.Query{Live: true, Since: hour(3)}, []uint64{4}, []uint64{6}, []uint64{7}},
		"live, by account":          {sessionwarden.Query{Live: true, Since: hour(0)}, []uint64{4, 2}, []uint64{5, 6}, []uint64{7, 8}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := seqs(collect(t, db.Sightings(t.Context(), row.q))); !slices.Equal(got, row.sightings) {
				t.Errorf("sightings %v, want %v", got, row.sightings)
			}
			var findings, actions []uint64
			for _, f := range collect(t, db.Findings(t.Context(), row.q)) {
				findings = append(findings, f.ID)
			}
			for _, a := range collect(t, db.Actions(t.Context(), row.q)) {
				actions = append(actions, a.ID)
			}
			if !slices.Equal(findings, row.findings) || !slices.Equal(actions, row.actions) {
				t.Errorf("findings %v, actions %v; want %v, %v", findings, actions, row.findings, row.actions)
			}
		})
	}
}

// many commits n sessions that are gone, and returns the database.
func many(tb testing.TB, db *storage.DB, n int) {
	tb.Helper()
	var list []sessionwarden.Sighting
	for i := range n {
		list = append(list, session(uint64(i+1), "main", day.Add(time.Duration(i)*time.Second)))
	}
	commit(tb, db, departure("main", day, list...))
}

func TestALongListIsReadLittleByLittle(t *testing.T) {
	t.Parallel()
	for _, n := range []int{999, 1000, 1001, 2000, 2500} {
		db := open(t, dbPath(t))
		many(t, db, n)
		next := uint64(0)
		for s, err := range db.Sightings(t.Context(), sessionwarden.Query{}) {
			next++
			if err != nil || s.Seq != next {
				t.Fatalf("after %d of %d comes %d, %v", next-1, n, s.Seq, err)
			}
			if s.Seq%500 == 1 { // writing while the list is read neither waits nor lengthens it
				commit(t, db, departure("main", day, session(db.NextID(), "main", day)))
			}
		}
		if next != uint64(n) {
			t.Errorf("%d of %d rows", next, n)
		}
	}
}

func TestAListCanBeLeftEarly(t *testing.T) {
	t.Parallel()
	db := open(t, dbPath(t))
	many(t, db, 1500)
	seen := 0
	for range db.Sightings(t.Context(), sessionwarden.Query{}) {
		if seen++; seen == 1200 {
			break
		}
	}
	commit(t, db, departure("main", day, session(db.NextID(), "main", day))) // nothing holds the file
}

// spoil writes a value of its own below a key.
func spoil(tb testing.TB, path, bucket string, key, value []byte) {
	tb.Helper()
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: time.Second, NoSync: true})
	if err != nil {
		tb.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error { return tx.Bucket([]byte(bucket)).Put(key, value) })
	if err := errors.Join(err, db.Close()); err != nil {
		tb.Fatal(err)
	}
}

func TestADamagedRecordIsNamedAndPassedOver(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		key, value []byte
		names      string
	}{
		"no CBOR":                 {[]byte{0, 0, 0, 0, 0, 0, 0, 2}, []byte("\xff\xff"), "2"},
		"nothing":                 {[]byte{0, 0, 0, 0, 0, 0, 0, 2}, []byte{}, "2"},
		"another type":            {[]byte{0, 0, 0, 0, 0, 0, 0, 2}, []byte("\x61a"), "2"},
		"a huge array":            {[]byte{0, 0, 0, 0, 0, 0, 0, 2}, []byte("\x9b\xff\xff\xff\xff\xff\xff\xff\xff"), "2"},
		"too deep":                {[]byte{0, 0, 0, 0, 0, 0, 0, 2}, []byte("\xa1\x10\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x80"), "2"},
		"an address of 3 bytes":   {[]byte{0, 0, 0, 0, 0, 0, 0, 2}, []byte("\xa1\x03\x43abc"), "2"},
		"a key of another length": {[]byte{0, 0, 0, 0, 0, 0, 0, 2, 5}, []byte("\xa0"), `"\x00\x00\x00\x00\x00\x00\x00\x02\x05"`},
		"a key that is no number": {[]byte{0}, []byte("\xa0"), `"\x00"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := dbPath(t)
			db := open(t, path)
			c := departure("main", day, session(1, "main", day), session(2, "main", day), session(3, "main", day))
			c.History.Live = []sessionwarden.Sighting{session(1, "main", day)}
			c.Sightings[0] = session(1, "main", day)
			commit(t, db, c)
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			spoil(t, path, "sightings", row.key, row.value)
			db = open(t, path)
			var good []uint64
			var bad []error
			for s, err := range db.Sightings(t.Context(), sessionwarden.Query{}) {
				if err != nil {
					bad = append(bad, err)
				} else {
					good = append(good, s.Seq)
				}
			}
			var corrupt *storage.CorruptError
			if len(bad) != 1 || !errors.As(bad[0], &corrupt) || corrupt.Bucket != "sightings" || corrupt.Key != row.names {
				t.Errorf("errors %v", bad)
			}
			if !slices.Contains(good, 1) || !slices.Contains(good, 3) {
				t.Errorf("rows %v", good)
			}
			if err := db.Backup(t.Context(), path+".copy"); !errors.As(err, &corrupt) {
				t.Errorf("a backup of it counts: %v", err)
			}
			if _, err := db.History(t.Context(), "main"); err != nil {
				t.Errorf("the account is not concerned: %v", err)
			}
		})
	}
}

func TestADamagedStateIsNoFreshStart(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(path string){
		"the state":      func(path string) { spoil(t, path, "accounts", []byte("main"), []byte("\xff")) },
		"a live session": func(path string) { spoil(t, path, "sightings", []byte{0, 0, 0, 0, 0, 0, 0, 1}, []byte("\xff")) },
		"an open action": func(path string) { spoil(t, path, "actions", []byte{0, 0, 0, 0, 0, 0, 0, 2}, []byte("\xff")) },
	} {
		t.Run(name, func(t *testing.T) {
			path := dbPath(t)
			db := open(t, path)
			c := arrival("main", session(1, "main", day))
			c.History.Actions = []sessionwarden.Action{{ID: 2, Account: "main"}}
			c.Actions = c.History.Actions
			commit(t, db, c)
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			damage(path)
			db = open(t, path)
			var corrupt *storage.CorruptError
			if h, err := db.History(t.Context(), "main"); !errors.As(err, &corrupt) || len(h.Live) != 0 {
				t.Errorf("got %v, %v", h, err)
			}
			if err := errors.Join(db.Close(), storage.Check(t.Context(), path)); !errors.As(err, &corrupt) {
				t.Errorf("the check says: %v", err)
			}
		})
	}
}
