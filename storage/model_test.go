package storage_test

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sessionwarden"
	"sessionwarden/storage"
)

// model is what a database should hold, in plain maps.
type model struct {
	now       time.Time
	histories map[string]sessionwarden.History
	sightings map[uint64]sessionwarden.Sighting
	findings  map[uint64]sessionwarden.Finding
	actions   map[uint64]sessionwarden.Action
}

// TestTheDatabaseDoesWhatPlainMapsWouldDo drives a database and a model with
// the same random changes, over restarts.
func TestTheDatabaseDoesWhatPlainMapsWouldDo(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "storage")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		path := filepath.Join(dir, "db")
		db := reopen(t, nil, path)
		defer func() { _ = db.Close() }()
		m := &model{
			now:       day,
			histories: make(map[string]sessionwarden.History), sightings: make(map[uint64]sessionwarden.Sighting),
			findings: make(map[uint64]sessionwarden.Finding), actions: make(map[uint64]sessionwarden.Action),
		}
		t.Repeat(map[string]func(*rapid.T){
			"commit": func(t *rapid.T) {
				var changes []sessionwarden.Change
				for _, account := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "c"}), 1, 3, rapid.ID).Draw(t, "accounts") {
					changes = append(changes, m.change(t, db, account))
				}
				if rapid.IntRange(0, 4).Draw(t, "fails") == 0 {
					changes = append(changes, sessionwarden.Change{Alerts: []sessionwarden.Alert{{}}})
					if err := db.Commit(context.Background(), changes); err == nil {
						t.Fatal("a bad change was saved")
					}
					return
				}
				if err := db.Commit(context.Background(), changes); err != nil {
					t.Fatal(err)
				}
				for _, c := range changes {
					m.take(c)
				}
			},
			"reopen": func(t *rapid.T) { db = reopen(t, db, path) },
			"forget": func(t *rapid.T) {
				before := m.now.Add(-time.Duration(rapid.IntRange(0, 30).Draw(t, "age")) * time.Hour)
				most := rapid.IntRange(0, 5).Draw(t, "most")
				n, err := db.Forget(context.Background(), before, most)
				if err != nil || n > most {
					t.Fatalf("forgot %d of %d, %v", n, most, err)
				}
				m.forget(t, db, before, n)
			},
			"": func(t *rapid.T) { m.compare(t, db) },
		})
		if err := errors.Join(db.Close(), storage.Check(context.Background(), path)); err != nil {
			t.Fatal(err)
		}
	})
}

func reopen(t *rapid.T, db *storage.DB, path string) *storage.DB {
	if db != nil {
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	db, err := storage.Open(path, storage.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// change makes up what a poll might bring.
func (m *model) change(t *rapid.T, db *storage.DB, account string) sessionwarden.Change {
	m.now = m.now.Add(time.Duration(rapid.IntRange(0, 5).Draw(t, "hours")) * time.Hour)
	h := m.histories[account].Clone()
	h.Account, h.LastPoll = account, m.now
	h.Stamp = rapid.StringN(0, 8, -1).Draw(t, "stamp")
	if len(h.Profile.Countries) == 0 {
		h.Profile = sessionwarden.Profile{}
	}
	c := sessionwarden.Change{}
	for range rapid.IntRange(0, 2).Draw(t, "arrive") {
		s := session(db.NextID(), account, m.now)
		s.UserAgent = rapid.String().Draw(t, "agent")
		h.Live = append(h.Live, s)
		c.Sightings = append(c.Sightings, s)
	}
	var live []sessionwarden.Sighting
	for _, s := range h.Live {
		switch rapid.IntRange(0, 4).Draw(t, "fate") {
		case 0:
			s.State, s.GoneAt = sessionwarden.Gone, m.now
			c.Sightings = slices.DeleteFunc(c.Sightings, func(o sessionwarden.Sighting) bool { return o.Seq == s.Seq })
			c.Sightings = append(c.Sightings, s)
			continue
		case 1:
			s.Missing = m.now
		case 2:
			s.LastSeen, s.Started = m.now, m.now.Truncate(time.Second)
		}
		live = append(live, s)
	}
	h.Live = live
	if rapid.Bool().Draw(t, "finding") {
		c.Findings = append(c.Findings, sessionwarden.Finding{ID: db.NextID(), Account: account, Time: m.now, Reason: rapid.String().Draw(t, "reason")})
	}
	if rapid.Bool().Draw(t, "action") {
		a := sessionwarden.Action{ID: db.NextID(), Account: account, Created: m.now, Updated: m.now}
		h.Actions, c.Actions = append(h.Actions, a), append(c.Actions, a)
	}
	if len(h.Actions) > 0 && rapid.Bool().Draw(t, "settle") {
		a := h.Actions[0]
		a.State, a.Updated = sessionwarden.Verified, m.now
		h.Actions = h.Actions[1:]
		c.Actions = append(c.Actions, a)
	}
	if len(h.Actions) == 0 {
		h.Actions = nil
	}
	c.History = h
	return c
}

func (m *model) take(c sessionwarden.Change) {
	m.histories[c.History.Account] = c.History
	for _, s := range c.Sightings {
		m.sightings[s.Seq] = s
	}
	for _, s := range c.History.Live {
		m.sightings[s.Seq] = s // as it is joined
	}
	for _, f := range c.Findings {
		m.findings[f.ID] = f
	}
	for _, a := range c.Actions {
		m.actions[a.ID] = a
	}
}

// forget drops from the model what the database dropped, if it might.
func (m *model) forget(t *rapid.T, db *storage.DB, before time.Time, n int) {
	there := make(map[uint64]bool)
	for _, s := range m.list(t, db).sightings {
		there[s.Seq] = true
	}
	for _, f := range m.list(t, db).findings {
		there[f.ID] = true
	}
	for _, a := range m.list(t, db).actions {
		there[a.ID] = true
	}
	dropped := 0
	for id, s := range m.sightings {
		if !there[id] {
			dropped++
			if s.State == sessionwarden.Live || !s.GoneAt.Before(before) {
				t.Fatalf("the sighting %d was forgotten", id)
			}
			delete(m.sightings, id)
		}
	}
	for id, f := range m.findings {
		if !there[id] {
			dropped++
			if !f.Time.Before(before) {
				t.Fatalf("the finding %d was forgotten", id)
			}
			delete(m.findings, id)
		}
	}
	for id, a := range m.actions {
		if !there[id] {
			dropped++
			if a.State.Open() || !a.Updated.Before(before) {
				t.Fatalf("the action %d was forgotten", id)
			}
			delete(m.actions, id)
		}
	}
	if dropped != n {
		t.Fatalf("%d rows are gone, %d were said to be", dropped, n)
	}
}

// listed is what a database lists.
type listed struct {
	sightings []sessionwarden.Sighting
	findings  []sessionwarden.Finding
	actions   []sessionwarden.Action
}

func (m *model) list(t *rapid.T, db *storage.DB) (all listed) {
	for s, err := range db.Sightings(context.Background(), sessionwarden.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		all.sightings = append(all.sightings, s)
	}
	for f, err := range db.Findings(context.Background(), sessionwarden.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		all.findings = append(all.findings, f)
	}
	for a, err := range db.Actions(context.Background(), sessionwarden.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		all.actions = append(all.actions, a)
	}
	return all
}

func (m *model) compare(t *rapid.T, db *storage.DB) {
	all := m.list(t, db)
	rapidSame(t, "sightings", all.sightings, sorted(m.sightings))
	rapidSame(t, "findings", all.findings, sorted(m.findings))
	rapidSame(t, "actions", all.actions, sorted(m.actions))
	names, err := db.Accounts(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	rapidSame(t, "accounts", names, slices.Sorted(maps.Keys(m.histories)))
	for name, want := range m.histories {
		got, err := db.History(context.Background(), name)
		if err != nil {
			t.Fatal(err)
		}
		rapidSame(t, "history", got, want)
	}
	stats, err := db.Stats()
	if err != nil {
		t.Fatal(err)
	}
	rapidSame(t, "counters", stats.Rows, map[string]int{
		"accounts": len(m.histories), "sightings": len(m.sightings), "findings": len(m.findings), "actions": len(m.actions),
		"alerts": 0, "deliveries": 0,
	})
}

func rapidSame(t *rapid.T, what string, got, want any) {
	if diff := gocmp.Diff(want, got, sameAddr); diff != "" {
		t.Fatalf("%s differ (-plain maps +database):\n%s", what, diff)
	}
}

func sorted[Row any](rows map[uint64]Row) (list []Row) {
	for _, id := range slices.SortedFunc(maps.Keys(rows), cmp.Compare[uint64]) {
		list = append(list, rows[id])
	}
	return list
}
