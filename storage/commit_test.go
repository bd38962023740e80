package storage_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sessionwarden"
	"sessionwarden/storage"
)

func TestACommitIsWholeOrNothing(t *testing.T) {
	t.Parallel()
	good := func(seq uint64) sessionwarden.Change { return arrival("main", session(seq, "main", day)) }
	with := func(f func(*sessionwarden.Change)) sessionwarden.Change {
		c := good(11)
		f(&c)
		return c
	}
	long := strings.Repeat("x", 256)
	for name, bad := range map[string]sessionwarden.Change{
		"a sighting without a number":         with(func(c *sessionwarden.Change) { c.Sightings[0].Seq = 0 }),
		"a number that no row may have":       with(func(c *sessionwarden.Change) { c.Findings = []sessionwarden.Finding{{ID: 1 << 63, Account: "main"}} }),
		"a finding of another account":        with(func(c *sessionwarden.Change) { c.Findings = []sessionwarden.Finding{{ID: 12, Account: "other"}} }),
		"an action of another account":        with(func(c *sessionwarden.Change) { c.Actions = []sessionwarden.Action{{ID: 12, Account: "other"}} }),
		"an alert of another account":         with(func(c *sessionwarden.Change) { c.Alerts = []sessionwarden.Alert{{ID: 12, Account: "other"}} }),
		"a live session without a row":        with(func(c *sessionwarden.Change) { c.Sightings = nil }),
		"the name of the account is too long": arrival(long, session(11, long, day)),
		"rows of no account":                  arrival("", session(11, "", day)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := dbPath(t)
			db := open(t, path)
			commit(t, db, good(1))
			for _, changes := range [][]sessionwarden.Change{{good(10), bad}, {bad, good(10)}} {
				if err := db.Commit(t.Context(), changes); err == nil {
					t.Fatal("it was saved")
				}
			}
			check := func() {
				t.Helper()
				if got := seqs(collect(t, db.Sightings(t.Context(), sessionwarden.Query{}))); !slices.Equal(got, []uint64{1}) {
					t.Errorf("sightings %v", got)
				}
				if got := seqs(history(t, db, "main").Live); !slices.Equal(got, []uint64{1}) {
					t.Errorf("live %v", got)
				}
			}
			check()
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			if err := storage.Check(t.Context(), path); err != nil {
				t.Error(err)
			}
			db = open(t, path)
			check()
			commit(t, db, good(2))
		})
	}
}

func TestAnEndedContextSavesNothing(t *testing.T) {
	t.Parallel()
	db := open(t, dbPath(t))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := db.Commit(ctx, []sessionwarden.Change{arrival("main", session(1, "main", day))}); !errors.Is(err, context.Canceled) {
		t.Errorf("commit: %v", err)
	}
	for _, err := range db.Sightings(ctx, sessionwarden.Query{}) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("list: %v", err)
		}
	}
	if names, err := db.Accounts(t.Context()); err != nil || len(names) != 0 {
		t.Errorf("accounts %v, %v", names, err)
	}
}

func TestAnAlertOfNoAccountIsKept(t *testing.T) {
	t.Parallel()
	db := open(t, dbPath(t))
	commit(t, db, sessionwarden.Change{Alerts: []sessionwarden.Alert{{ID: 1, Kind: sessionwarden.StaleData, Title: "old data"}}})
	alerts, _, err := db.Outbox(t.Context())
	if err != nil || len(alerts) != 1 || alerts[0].Title != "old data" {
		t.Errorf("alerts %v, %v", alerts, err)
	}
	if names, err := db.Accounts(t.Context()); err != nil || len(names) != 0 {
		t.Errorf("accounts %v, %v", names, err)
	}
}

func TestAnAccountThatWasNeverPolledHasAnEmptyHistory(t *testing.T) {
	t.Parallel()
	db := open(t, dbPath(t))
	for _, name := range []string{"main", "", strings.Repeat("x", 100_000), "\x00\xff"} {
		same(t, "the history", history(t, db, name), sessionwarden.History{Account: name})
	}
}

func TestNumbersRiseOverRestarts(t *testing.T) {
	t.Parallel()
	path := dbPath(t)
	db := open(t, path)
	if id := db.NextID(); id != 1 {
		t.Errorf("the first number is %d", id)
	}
	last := uint64(0)
	for _, c := range []sessionwarden.Change{
		arrival("main", session(7, "main", day)),
		{History: sessionwarden.History{Account: "main"}, Findings: []sessionwarden.Finding{{ID: 20, Account: "main"}}},
		{History: sessionwarden.History{Account: "main"}, Actions: []sessionwarden.Action{{ID: 33, Account: "main", State: sessionwarden.Verified}}},
		{History: sessionwarden.History{Account: "main"}, Alerts: []sessionwarden.Alert{{ID: 41, Account: "main"}}},
		departure("main", day, session(7, "main", day)),
	} {
		commit(t, db, c)
		for _, list := range [][]uint64{seqs(c.Sightings), {20}, {33}, {41}}[:1] {
			for _, id := range list {
				last = max(last, id)
			}
		}
		for _, f := range c.Findings {
			last = max(last, f.ID)
		}
		for _, a := range c.Actions {
			last = max(last, a.ID)
		}
		for _, a := range c.Alerts {
			last = max(last, a.ID)
		}
		if id := db.NextID(); id <= last {
			t.Errorf("after %d comes %d", last, id)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		db = open(t, path)
		if id := db.NextID(); id <= last {
			t.Errorf("after %d and a restart comes %d", last, id)
		}
	}
	// What is forgotten does not give its numbers back.
	if n, err := db.Forget(t.Context(), day.AddDate(0, 0, 1), 100); err != nil || n != 3 {
		t.Fatalf("forgot %d, %v", n, err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if id := open(t, path).NextID(); id <= last {
		t.Errorf("after forgetting, %d comes again", id)
	}
}

func TestNumbersAreGivenOnceToManyAtOnce(t *testing.T) {
	t.Parallel()
	db := open(t, dbPath(t))
	var mu sync.Mutex
	seen := make(map[uint64]bool)
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			account := string(rune('a' + worker))
			var live []sessionwarden.Sighting
			for range 10 {
				s := session(db.NextID(), account, day)
				live = append(live, s)
				c := arrival(account, live...)
				c.Sightings = []sessionwarden.Sighting{s}
				if err := db.Commit(context.Background(), []sessionwarden.Change{c}); err != nil {
					t.Error(err)
				}
				mu.Lock()
				seen[s.Seq] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(seen) != 80 {
		t.Errorf("%d different numbers of 80", len(seen))
	}
	if got := len(collect(t, db.Sightings(t.Context(), sessionwarden.Query{Live: true}))); got != 80 {
		t.Errorf("%d live", got)
	}
}

func TestWhatChangesOftenIsWrittenWithoutTheRow(t *testing.T) {
	t.Parallel()
	path := dbPath(t)
	db := open(t, path)
	a, b := session(1, "main", day), session(2, "main", day)
	commit(t, db, arrival("main", a, b))
	later := day.Add(time.Hour)
	a.LastSeen, a.Started, a.Expires = later, later.Add(-time.Minute), later.AddDate(0, 0, 31)
	b.Missing = later
	commit(t, db, sessionwarden.Change{History: sessionwarden.History{Account: "main", LastPoll: later, Live: []sessionwarden.Sighting{a, b}}})
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = open(t, path)
	same(t, "the history", history(t, db, "main").Live, []sessionwarden.Sighting{a, b})
	for _, q := range []sessionwarden.Query{{}, {Live: true}} {
		same(t, "the list", collect(t, db.Sightings(t.Context(), q)), []sessionwarden.Sighting{a, b})
	}
	same(t, "the row", collect(t, db.Sightings(t.Context(), sessionwarden.Query{ID: 2})), []sessionwarden.Sighting{b})
}

func TestAfterClosingThereAreErrorsOnly(t *testing.T) {
	t.Parallel()
	db := open(t, dbPath(t))
	commit(t, db, arrival("main", session(1, "main", day)))
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	_, historyErr := db.History(t.Context(), "main")
	_, accountsErr := db.Accounts(t.Context())
	_, _, outboxErr := db.Outbox(t.Context())
	_, forgetErr := db.Forget(t.Context(), day.AddDate(1, 0, 0), 1)
	_, statsErr := db.Stats()
	var listErr error
	for _, err := range db.Sightings(t.Context(), sessionwarden.Query{}) {
		listErr = err
	}
	for what, err := range map[string]error{
		"history": historyErr, "accounts": accountsErr, "outbox": outboxErr, "forget": forgetErr, "stats": statsErr, "list": listErr,
		"commit":    db.Commit(t.Context(), []sessionwarden.Change{arrival("main", session(2, "main", day))}),
		"delivered": db.Delivered(t.Context(), []sessionwarden.Delivery{{Alert: 1, Channel: "slack"}}),
		"backup":    db.Backup(t.Context(), dbPath(t)),
	} {
		if err == nil {
			t.Errorf("%s: no error", what)
		}
	}
}
