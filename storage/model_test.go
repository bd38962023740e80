package storage_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
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
	incidents map[uint64]sessionwarden.Incident
	alerts    map[uint64]sessionwarden.Alert
	told      map[string]sessionwarden.Delivery
	offers    map[uint64]sessionwarden.Offer // one an alert
	silences  map[uint64]sessionwarden.Silence
	observing bool
}

func newModel() model {
	return model{
		now:       day,
		histories: make(map[string]sessionwarden.History), sightings: make(map[uint64]sessionwarden.Sighting),
		findings: make(map[uint64]sessionwarden.Finding), actions: make(map[uint64]sessionwarden.Action),
		incidents: make(map[uint64]sessionwarden.Incident),
		alerts:    make(map[uint64]sessionwarden.Alert), told: make(map[string]sessionwarden.Delivery),
		offers: make(map[uint64]sessionwarden.Offer), silences: make(map[uint64]sessionwarden.Silence),
	}
}

// copied returns m as it is now: its maps are changed later, never what is in
// them.
func (m *model) copied() model {
	c := *m
	c.histories, c.sightings, c.findings = maps.Clone(m.histories), maps.Clone(m.sightings), maps.Clone(m.findings)
	c.incidents, c.offers, c.silences = maps.Clone(m.incidents), maps.Clone(m.offers), maps.Clone(m.silences)
	c.actions, c.alerts, c.told = maps.Clone(m.actions), maps.Clone(m.alerts), maps.Clone(m.told)
	return c
}

// machine drives a database and a model with the same random deeds.
type machine struct {
	model
	dir, path string
	db        *storage.DB
	given     uint64           // the last id of the present commit
	lastID    uint64           // the last id that was ever committed
	backups   map[string]model // what each backup holds
}

// TestTheDatabaseDoesWhatPlainMapsWouldDo drives a database and a model with the
// same random changes, over restarts, backups, restores, damage and compaction.
func TestTheDatabaseDoesWhatPlainMapsWouldDo(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("/dev/shm", "storage") // where to sync costs nothing
		if err != nil {
			dir, err = os.MkdirTemp("", "storage")
		}
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		m := &machine{model: newModel(), dir: filepath.Join(dir, "backups"), path: filepath.Join(dir, "db"), backups: make(map[string]model)}
		m.reopen(t)
		defer func() { _ = m.db.Close() }()
		t.Repeat(map[string]func(*rapid.T){
			"commit":  m.commit,
			"reopen":  m.reopen,
			"forget":  m.forgetSome,
			"deliver": m.deliver,
			"observe": m.observe,
			"offer":   m.offer,
			"silence": m.silence,
			"backup":  m.backup,
			"restore": m.restore,
			"damage":  m.damage,
			"compact": m.compact,
			"":        func(t *rapid.T) { m.compare(t, m.db) },
		})
		if err := errors.Join(m.db.Close(), storage.Check(context.Background(), m.path)); err != nil {
			t.Fatal(err)
		}
	})
}

func (m *machine) commit(t *rapid.T) {
	m.given = 0
	var changes []sessionwarden.Change
	for _, account := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "c"}), 1, 3, rapid.ID).Draw(t, "accounts") {
		changes = append(changes, m.change(t, account))
	}
	if rapid.IntRange(0, 4).Draw(t, "fails") == 0 {
		changes = append(changes, sessionwarden.Change{Alerts: []sessionwarden.Alert{{}}})
		if err := m.db.Commit(context.Background(), changes); err == nil {
			t.Fatal("a bad change was saved")
		}
		return
	}
	if err := m.db.Commit(context.Background(), changes); err != nil {
		t.Fatal(err)
	}
	for _, c := range changes {
		m.take(c)
	}
	m.lastID = max(m.lastID, m.given)
}

func (m *machine) reopen(t *rapid.T) {
	if m.db != nil {
		if err := m.db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	db, err := storage.Open(m.path, storage.Options{Now: func() time.Time { return m.now }})
	if err != nil {
		t.Fatal(err)
	}
	m.db = db
}

// closed does something while the database is closed.
func (m *machine) closed(t *rapid.T, do func(ctx context.Context, o storage.Options) error) {
	if err := m.db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := do(context.Background(), storage.Options{Now: func() time.Time { return m.now }}); err != nil {
		t.Fatal(err)
	}
	m.reopen(t)
}

// nextID returns an id, which must not have been on the disk in any life before.
func (m *machine) nextID(t *rapid.T) uint64 {
	id := m.db.NextID()
	if id <= m.lastID {
		t.Fatalf("the id %d may have been used: %d was", id, m.lastID)
	}
	m.given = max(m.given, id)
	return id
}

func (m *machine) forgetSome(t *rapid.T) {
	before := m.now.Add(-time.Duration(rapid.IntRange(0, 30).Draw(t, "age")) * time.Hour)
	most := rapid.IntRange(0, 5).Draw(t, "most")
	n, err := m.db.Forget(context.Background(), before, most)
	if err != nil || n > most {
		t.Fatalf("forgot %d of %d, %v", n, most, err)
	}
	m.forget(t, m.db, before, n)
}

func (m *machine) deliver(t *rapid.T) {
	var list []sessionwarden.Delivery
	for _, id := range slices.Sorted(maps.Keys(m.alerts)) {
		if rapid.Bool().Draw(t, "delivered") {
			list = append(list, sessionwarden.Delivery{Alert: id, Channel: "slack", Sent: m.alerts[id].Revision, Ref: rapid.String().Draw(t, "ref"), Time: m.now})
		}
	}
	if err := m.db.Delivered(context.Background(), append(list, sessionwarden.Delivery{Alert: 1 << 62, Channel: "slack"})); err != nil {
		t.Fatal(err)
	}
	for _, d := range list {
		m.told[fmt.Sprintf("%020d", d.Alert)] = d
	}
}

func (m *machine) offer(t *rapid.T) {
	var list []sessionwarden.Offer
	for _, id := range slices.Sorted(maps.Keys(m.alerts)) {
		if rapid.Bool().Draw(t, "offered") {
			list = append(list, sessionwarden.Offer{ID: sessionwarden.NewOfferID(id, []byte("random")), Alert: id, Verb: sessionwarden.OfferEnd, By: rapid.String().Draw(t, "by"), Created: m.now})
		}
	}
	if err := m.db.Offered(context.Background(), append(list, sessionwarden.Offer{ID: sessionwarden.NewOfferID(1<<62, []byte("random")), Alert: 1 << 62})); err != nil {
		t.Fatal(err)
	}
	for _, o := range list {
		m.offers[o.Alert] = o
	}
}

func (m *machine) silence(t *rapid.T) {
	m.given = 0
	s := sessionwarden.Silence{ID: m.nextID(t), Created: m.now, Until: m.now.Add(time.Duration(rapid.IntRange(0, 50).Draw(t, "hours")) * time.Hour), Reason: rapid.String().Draw(t, "reason")}
	if ids := slices.Sorted(maps.Keys(m.silences)); len(ids) > 0 && rapid.Bool().Draw(t, "removed") {
		s = m.silences[rapid.SampledFrom(ids).Draw(t, "which")]
		s.Removed = m.now
	}
	if err := m.db.PutSilence(context.Background(), s); err != nil {
		t.Fatal(err)
	}
	m.silences[s.ID] = s
	m.lastID = max(m.lastID, s.ID)
}

func (m *machine) observe(t *rapid.T) {
	m.observing = rapid.Bool().Draw(t, "observe")
	err := m.db.Resume(context.Background())
	if m.observing {
		err = m.db.SetObserving(context.Background(), "a test")
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (m *machine) backup(t *rapid.T) {
	info, err := m.db.BackupTo(context.Background(), m.dir, 2)
	if err != nil {
		t.Fatal(err)
	}
	m.backups[info.Path] = m.copied()
	list, err := storage.Backups(m.dir)
	if err != nil || len(list) != min(len(m.backups), 2) || list[0] != info {
		t.Fatalf("there are %v, %v", list, err)
	}
}

func (m *machine) restore(t *rapid.T) {
	list, err := storage.Backups(m.dir)
	if err != nil || len(list) == 0 {
		return
	}
	from := rapid.SampledFrom(list).Draw(t, "backup").Path
	m.closed(t, func(ctx context.Context, o storage.Options) error {
		_, err := storage.Restore(ctx, from, m.path, o)
		return err
	})
	m.goBack(from, false)
}

// goBack makes the model what it was at a backup.
func (m *machine) goBack(backup string, observing bool) {
	now := m.now
	m.model = m.backups[backup]
	m.model = m.copied()
	m.now, m.observing = now, observing
}

func (m *machine) damage(t *rapid.T) {
	list, err := storage.Backups(m.dir)
	if err != nil || len(list) == 0 {
		return
	}
	m.closed(t, func(ctx context.Context, o storage.Options) error {
		if err := os.Truncate(m.path, int64(rapid.IntRange(1, 15000).Draw(t, "bytes"))); err != nil {
			return err
		}
		_, harm := storage.Open(m.path, o)
		r, err := storage.Recover(ctx, m.path, []string{m.dir}, harm, o)
		if err == nil && r.Restored != list[0].Path {
			t.Fatalf("%s took its place, of %v", r.Restored, list)
		}
		return err
	})
	m.goBack(list[0].Path, true)
}

func (m *machine) compact(t *rapid.T) {
	m.closed(t, func(ctx context.Context, o storage.Options) error {
		_, _, err := storage.Compact(ctx, m.path, o)
		return err
	})
}

// change makes up what a poll might bring.
func (m *machine) change(t *rapid.T, account string) sessionwarden.Change {
	m.now = m.now.Add(time.Duration(rapid.IntRange(0, 5).Draw(t, "hours")) * time.Hour)
	h := m.histories[account].Clone()
	h.Account, h.LastPoll = account, m.now
	h.Stamp = rapid.StringN(0, 8, -1).Draw(t, "stamp")
	if len(h.Profile.Countries) == 0 {
		h.Profile = sessionwarden.Profile{}
	}
	c := sessionwarden.Change{}
	for range rapid.IntRange(0, 2).Draw(t, "arrive") {
		s := session(m.nextID(t), account, m.now)
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
			h.Recent = append(h.Recent, s)
			continue
		case 1:
			s.Missing = m.now
		case 2:
			s.LastSeen, s.Started = m.now, m.now.Truncate(time.Second)
		}
		live = append(live, s)
	}
	h.Live = live
	if len(h.Recent) > 2 {
		h.Recent = h.Recent[len(h.Recent)-2:]
	}
	slices.SortFunc(h.Recent, func(a, b sessionwarden.Sighting) int { return cmp.Compare(a.Seq, b.Seq) })
	if rapid.Bool().Draw(t, "finding") {
		c.Findings = append(c.Findings, sessionwarden.Finding{ID: m.nextID(t), Account: account, Time: m.now, Reason: rapid.String().Draw(t, "reason")})
	}
	if rapid.Bool().Draw(t, "action") {
		a := sessionwarden.Action{ID: m.nextID(t), Account: account, Created: m.now, Updated: m.now}
		h.Actions, c.Actions = append(h.Actions, a), append(c.Actions, a)
	}
	switch {
	case h.Incident == nil && rapid.IntRange(0, 3).Draw(t, "incident") == 0:
		h.Incident = &sessionwarden.Incident{ID: m.nextID(t), Account: account, Opened: m.now, Updated: m.now, Title: rapid.String().Draw(t, "title")}
		c.Incidents = append(c.Incidents, *h.Incident)
	case h.Incident != nil && rapid.IntRange(0, 3).Draw(t, "resolved") == 0:
		over := *h.Incident
		over.Resolved, over.Updated = m.now, m.now
		h.Incident = nil
		c.Incidents = append(c.Incidents, over)
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
	if rapid.Bool().Draw(t, "alert") {
		c.Alerts = append(c.Alerts, sessionwarden.Alert{ID: m.nextID(t), Account: account, Created: m.now, Updated: m.now, Revision: 1, Title: rapid.String().Draw(t, "title")})
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
	for _, i := range c.Incidents {
		m.incidents[i.ID] = i
	}
	for _, a := range c.Alerts {
		m.alerts[a.ID] = a
	}
}

// forget drops from the model what the database dropped, if it might.
func (m *model) forget(t *rapid.T, db *storage.DB, before time.Time, n int) {
	there := make(map[uint64]bool)
	all := m.list(t, db, sessionwarden.Query{})
	for _, s := range all.sightings {
		there[s.Seq] = true
	}
	for _, f := range all.findings {
		there[f.ID] = true
	}
	for _, a := range all.actions {
		there[a.ID] = true
	}
	for _, i := range all.incidents {
		there[i.ID] = true
	}
	for _, a := range all.alerts {
		there[a.ID] = true
	}
	for _, s := range all.silences {
		there[s.ID] = true
	}
	dropped := 0
	for id, s := range m.silences {
		if !there[id] {
			dropped++
			if s.Holds(m.now) || !s.Ended().Add(sessionwarden.KeepEndedSilence).Before(before) {
				t.Fatalf("the silence %d was forgotten", id)
			}
			delete(m.silences, id)
		}
	}
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
	for id, i := range m.incidents {
		if !there[id] {
			dropped++
			if i.Open() || !i.Updated.Before(before) {
				t.Fatalf("the incident %d was forgotten", id)
			}
			delete(m.incidents, id)
		}
	}
	for id, a := range m.alerts {
		if !there[id] {
			dropped++
			key := fmt.Sprintf("%020d", id)
			if _, sent := m.told[key]; !sent || !a.Updated.Before(before) {
				t.Fatalf("the alert %d was forgotten", id)
			}
			delete(m.alerts, id)
			delete(m.told, key)
			delete(m.offers, id)
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
	incidents []sessionwarden.Incident
	alerts    []sessionwarden.Alert
	told      []sessionwarden.Delivery
	silences  []sessionwarden.Silence
}

func (m *model) list(t *rapid.T, db *storage.DB, q sessionwarden.Query) (all listed) {
	for s, err := range db.Sightings(context.Background(), q) {
		if err != nil {
			t.Fatal(err)
		}
		all.sightings = append(all.sightings, s)
	}
	for f, err := range db.Findings(context.Background(), q) {
		if err != nil {
			t.Fatal(err)
		}
		all.findings = append(all.findings, f)
	}
	for a, err := range db.Actions(context.Background(), q) {
		if err != nil {
			t.Fatal(err)
		}
		all.actions = append(all.actions, a)
	}
	for i, err := range db.Incidents(context.Background(), q) {
		if err != nil {
			t.Fatal(err)
		}
		all.incidents = append(all.incidents, i)
	}
	var err error
	if all.alerts, all.told, err = db.Outbox(context.Background()); err != nil {
		t.Fatal(err)
	}
	if all.silences, err = db.Silences(context.Background()); err != nil {
		t.Fatal(err)
	}
	return all
}

func (m *model) compare(t *rapid.T, db *storage.DB) {
	q := sessionwarden.Query{
		Account: rapid.SampledFrom([]string{"", "", "a", "d"}).Draw(t, "account"), Live: rapid.IntRange(0, 3).Draw(t, "live") == 0,
	}
	if rapid.Bool().Draw(t, "since") {
		q.Since = m.now.Add(-time.Duration(rapid.IntRange(0, 30).Draw(t, "hours")) * time.Hour)
	}
	all := m.list(t, db, q)
	reaches := func(account string, times ...time.Time) bool {
		return (q.Account == "" || q.Account == account) && slices.ContainsFunc(times, func(at time.Time) bool { return !at.Before(q.Since) })
	}
	sightings := sorted(m.sightings, func(s sessionwarden.Sighting) bool {
		return reaches(s.Account, s.FirstSeen, s.GoneAt) && (!q.Live || s.State == sessionwarden.Live)
	})
	if q.Live {
		slices.SortStableFunc(sightings, func(a, b sessionwarden.Sighting) int { return cmp.Compare(a.Account, b.Account) })
	}
	rapidSame(t, "sightings", all.sightings, sightings)
	rapidSame(t, "findings", all.findings, sorted(m.findings, func(f sessionwarden.Finding) bool { return reaches(f.Account, f.Time) }))
	rapidSame(t, "actions", all.actions, sorted(m.actions, func(a sessionwarden.Action) bool { return reaches(a.Account, a.Created, a.Updated) }))
	rapidSame(t, "incidents", all.incidents, sorted(m.incidents, func(i sessionwarden.Incident) bool { return reaches(i.Account, i.Opened, i.Updated, i.Resolved) }))
	rapidSame(t, "alerts", all.alerts, sorted(m.alerts, func(sessionwarden.Alert) bool { return true }))
	rapidSame(t, "deliveries", all.told, sorted(m.told, func(sessionwarden.Delivery) bool { return true }))
	rapidSame(t, "silences", all.silences, sorted(m.silences, func(sessionwarden.Silence) bool { return true }))
	for _, want := range m.offers {
		got, _, err := db.Offer(context.Background(), want.ID)
		if err != nil {
			t.Fatal(err)
		}
		rapidSame(t, "a button", got, want)
	}
	if _, observing := db.Observing(); observing != m.observing {
		t.Fatalf("observing: %t", observing)
	}
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
		"accounts": len(m.histories), "sightings": len(m.sightings), "findings": len(m.findings), "actions": len(m.actions), "incidents": len(m.incidents),
		"alerts": len(m.alerts), "deliveries": len(m.told),
		"offers": len(m.offers), "silences": len(m.silences),
	})
}

func rapidSame(t *rapid.T, what string, got, want any) {
	if diff := gocmp.Diff(want, got, sameAddr); diff != "" {
		t.Fatalf("%s differ (-plain maps +database):\n%s", what, diff)
	}
}

func sorted[Key cmp.Ordered, Row any](rows map[Key]Row, wanted func(Row) bool) (list []Row) {
	for _, id := range slices.Sorted(maps.Keys(rows)) {
		if wanted(rows[id]) {
			list = append(list, rows[id])
		}
	}
	return list
}
