package storage_test

import (
	"os"
	"slices"
	"testing"
	"time"

	"sessionwarden"
	"sessionwarden/storage"
)

// rows returns the numbers of everything that is kept.
func rows(tb testing.TB, db *storage.DB) (ids []uint64) {
	tb.Helper()
	ids = seqs(collect(tb, db.Sightings(tb.Context(), sessionwarden.Query{})))
	for _, f := range collect(tb, db.Findings(tb.Context(), sessionwarden.Query{})) {
		ids = append(ids, f.ID)
	}
	for _, a := range collect(tb, db.Actions(tb.Context(), sessionwarden.Query{})) {
		ids = append(ids, a.ID)
	}
	alerts, _, err := db.Outbox(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	for _, a := range alerts {
		ids = append(ids, a.ID)
	}
	slices.Sort(ids)
	return ids
}

func TestForgettingGoesInSmallSteps(t *testing.T) {
	t.Parallel()
	path := dbPath(t)
	db := open(t, path)
	many(t, db, 25)
	future := day.AddDate(0, 0, 1)
	total := 0
	for _, want := range []int{10, 10, 5, 0, 0} {
		n, err := db.Forget(t.Context(), future, 10)
		if err != nil || n != want {
			t.Fatalf("forgot %d, %v; want %d", n, err, want)
		}
		total += n
		if got := rows(t, db); len(got) != 25-total || len(got) > 0 && got[0] != uint64(total+1) {
			t.Errorf("kept %v", got)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := storage.Check(t.Context(), path); err != nil {
		t.Error(err)
	}
}

func TestNothingToForgetWritesNothing(t *testing.T) {
	t.Parallel()
	path := dbPath(t)
	db := open(t, path)
	many(t, db, 5)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, ask := range []struct {
		before time.Time
		most   int
	}{{day.AddDate(0, 0, -1), 100}, {day.AddDate(1, 0, 0), 0}, {day.AddDate(1, 0, 0), -1}} {
		if n, err := db.Forget(t.Context(), ask.before, ask.most); n != 0 || err != nil {
			t.Errorf("%v: %d, %v", ask, n, err)
		}
	}
	if after, err := os.ReadFile(path); err != nil || !slices.Equal(before, after) {
		t.Errorf("the file was changed: %v", err)
	}
}

func TestWhatIsForgottenAndWhatIsNot(t *testing.T) {
	t.Parallel()
	limit := day.AddDate(0, 0, 400)
	old, fresh := day, limit.Add(time.Hour)
	gone := func(at, end time.Time) sessionwarden.Sighting {
		s := session(1, "main", at)
		s.State, s.LastSeen, s.GoneAt = sessionwarden.Gone, end, end
		return s
	}
	sent := sessionwarden.Delivery{Channel: "slack", Sent: 1, Time: old}
	alert := func(f func(*sessionwarden.Alert), deliveries ...sessionwarden.Delivery) func(*sessionwarden.Change) []sessionwarden.Delivery {
		return func(c *sessionwarden.Change) []sessionwarden.Delivery {
			a := sessionwarden.Alert{ID: 1, Account: "main", Created: old, Updated: old}
			if f != nil {
				f(&a)
			}
			c.Alerts = append(c.Alerts, a)
			for i := range deliveries {
				deliveries[i].Alert = 1
			}
			return deliveries
		}
	}
	sighting := func(s sessionwarden.Sighting, live bool) func(*sessionwarden.Change) []sessionwarden.Delivery {
		return func(c *sessionwarden.Change) []sessionwarden.Delivery {
			c.Sightings = append(c.Sightings, s)
			if live {
				c.History.Live = append(c.History.Live, s)
			}
			return nil
		}
	}
	finding := func(at time.Time) func(*sessionwarden.Change) []sessionwarden.Delivery {
		return func(c *sessionwarden.Change) []sessionwarden.Delivery {
			c.Findings = append(c.Findings, sessionwarden.Finding{ID: 1, Account: "main", Time: at})
			return nil
		}
	}
	action := func(state sessionwarden.ActionState, updated time.Time, remembered bool) func(*sessionwarden.Change) []sessionwarden.Delivery {
		return func(c *sessionwarden.Change) []sessionwarden.Delivery {
			a := sessionwarden.Action{ID: 1, Account: "main", State: state, Created: old, Updated: updated}
			c.Actions = append(c.Actions, a)
			if remembered {
				c.History.Actions = append(c.History.Actions, a)
			}
			return nil
		}
	}
	// spokenOf adds an open action that speaks of the row 1.
	spokenOf := func(f func(*sessionwarden.Change) []sessionwarden.Delivery, a sessionwarden.Action) func(*sessionwarden.Change) []sessionwarden.Delivery {
		return func(c *sessionwarden.Change) []sessionwarden.Delivery {
			a.ID, a.Account, a.Created, a.Updated = 2, "main", old, old
			c.Actions, c.History.Actions = []sessionwarden.Action{a}, []sessionwarden.Action{a}
			return f(c)
		}
	}
	for name, row := range map[string]struct {
		fill    func(*sessionwarden.Change) []sessionwarden.Delivery
		forgets bool
	}{
		"a session that is long gone":                  {sighting(gone(old, old), false), true},
		"a session that ended lately":                  {sighting(gone(old, fresh), false), false},
		"a session that came lately":                   {sighting(gone(fresh, fresh), false), false},
		"a live session":                               {sighting(session(1, "main", old), true), false},
		"a live session that no account knows":         {sighting(session(1, "main", old), false), false},
		"a session that an open action speaks of":      {spokenOf(sighting(gone(old, old), false), sessionwarden.Action{Seq: 1}), false},
		"an old finding":                               {finding(old), true},
		"a finding of late":                            {finding(fresh), false},
		"a finding that an open action speaks of":      {spokenOf(finding(old), sessionwarden.Action{Findings: []uint64{1}}), false},
		"an action that was carried out":               {action(sessionwarden.Verified, old, false), true},
		"an action that was carried out lately":        {action(sessionwarden.Verified, fresh, false), false},
		"a planned action":                             {action(sessionwarden.Planned, old, true), false},
		"a held action":                                {action(sessionwarden.Held, old, true), false},
		"an open action that no account knows":         {action(sessionwarden.Done, old, false), false},
		"a refused action that may be tried again":     {action(sessionwarden.Refused, old, true), false},
		"an alert that was sent":                       {alert(nil, sent), true},
		"an alert that was sent on two channels":       {alert(nil, sent, sessionwarden.Delivery{Channel: "mail", Sent: 1}), true},
		"an alert that nobody tried to send":           {alert(nil), false},
		"an alert that one channel could not send yet": {alert(nil, sent, sessionwarden.Delivery{Channel: "mail", Attempts: 3, Error: "refused"}), false},
		"an alert that waits for its next try":         {alert(nil, sessionwarden.Delivery{Channel: "slack", Error: "refused", NotTill: old}), false},
		"an alert whose delivery says nothing":         {alert(nil, sessionwarden.Delivery{Channel: "slack"}), false},
		"an alert that was left out on purpose":        {alert(nil, sessionwarden.Delivery{Channel: "slack", Error: "below min_severity"}), true},
		"an alert whose newest revision was not sent":  {alert(func(a *sessionwarden.Alert) { a.Revision = 3 }, sessionwarden.Delivery{Channel: "slack", Sent: 1, Attempts: 1}), false},
		"an alert that a webhook cannot update":        {alert(func(a *sessionwarden.Alert) { a.Revision = 3 }, sent), true},
		"an alert that went on lately":                 {alert(func(a *sessionwarden.Alert) { a.Updated = fresh }, sent), false},
		"an alert that an open action speaks of":       {spokenOf(alert(nil, sent), sessionwarden.Action{AlertID: 1}), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := dbPath(t)
			db := open(t, path)
			c := sessionwarden.Change{History: sessionwarden.History{Account: "main"}}
			deliveries := row.fill(&c)
			commit(t, db, c)
			if err := db.Delivered(t.Context(), deliveries); err != nil {
				t.Fatal(err)
			}
			before := rows(t, db)
			n, err := db.Forget(t.Context(), limit, 100)
			if err != nil {
				t.Fatal(err)
			}
			after := rows(t, db)
			if forgot := !slices.Contains(after, 1); forgot != row.forgets || len(before)-n != len(after) {
				t.Errorf("forgot %d rows, kept %v", n, after)
			}
			_, told, err := db.Outbox(t.Context())
			if err != nil || row.forgets && len(told) != 0 || !row.forgets && len(told) != len(deliveries) {
				t.Errorf("deliveries %v, %v", told, err)
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			if err := storage.Check(t.Context(), path); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestWhatBecameOfAForgottenAlertIsPassedOver(t *testing.T) {
	t.Parallel()
	path := dbPath(t)
	db := open(t, path)
	if err := db.Delivered(t.Context(), []sessionwarden.Delivery{{Alert: 9, Channel: "slack", Sent: 1}}); err != nil {
		t.Error(err)
	}
	if err := db.Delivered(t.Context(), []sessionwarden.Delivery{{Alert: 9, Sent: 1}}); err == nil {
		t.Error("a channel without a name was accepted")
	}
	if _, told, err := db.Outbox(t.Context()); err != nil || len(told) != 0 {
		t.Errorf("%v, %v", told, err)
	}
}

func TestForgettingGoesOnWhereItStopped(t *testing.T) {
	t.Parallel()
	path := dbPath(t)
	db := open(t, path)
	limit := day.AddDate(0, 0, 1)
	var list []sessionwarden.Sighting
	for i := range 60 {
		s := session(db.NextID(), "main", day.Add(time.Duration(i)*time.Second))
		s.State, s.GoneAt = sessionwarden.Gone, day.Add(time.Hour)
		if i < 50 {
			s.GoneAt = limit.Add(time.Hour) // began long ago, ended lately
		}
		list = append(list, s)
	}
	commit(t, db, sessionwarden.Change{History: sessionwarden.History{Account: "main"}, Sightings: list})
	forget := func(before time.Time) int {
		n, err := db.Forget(t.Context(), before, 1)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	// Twenty are looked at for each that may go: the first fifty stay, and are
	// not looked at again before all others were.
	for i, want := range []int{0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1} {
		if n := forget(limit); n != want {
			t.Fatalf("call %d forgot %d rows, want %d", i, n, want)
		}
	}
	if got := rows(t, db); len(got) != 50 {
		t.Errorf("%d rows are left", len(got))
	}
	// What has grown old meanwhile goes when the search begins anew.
	left := 50
	for range 60 {
		left -= forget(limit.AddDate(1, 0, 0))
	}
	if got := rows(t, db); left != 0 || len(got) != 0 {
		t.Errorf("%d rows are left, counted %d", len(got), left)
	}
}

// TestForgettingWhileOthersWrite lets commits fall between the search for old
// rows and their removal.
func TestForgettingWhileOthersWrite(t *testing.T) {
	t.Parallel()
	path := dbPath(t)
	db := open(t, path)
	many(t, db, 200)
	written := make(chan uint64)
	go func() {
		for i := range 40 {
			s := session(db.NextID(), "main", day.AddDate(2, 0, i))
			if err := db.Commit(t.Context(), []sessionwarden.Change{arrival("main", s)}); err != nil {
				t.Error(err)
			}
			written <- s.Seq
		}
		close(written)
	}()
	total := 0
	forget := func() {
		n, err := db.Forget(t.Context(), day.AddDate(1, 0, 0), 3)
		if err != nil {
			t.Error(err)
		}
		total += n
	}
	kept := 0
	for range written {
		kept++
		forget()
	}
	for range 100 {
		forget()
	}
	if got := rows(t, db); total != 200 || len(got) != kept {
		t.Errorf("forgot %d rows, kept %d; want 200 and %d", total, len(got), kept)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := storage.Check(t.Context(), path); err != nil {
		t.Error(err)
	}
}

// Rows that came while the clock ran ahead do not hold up what came after them
// for as long as it did.
func TestForgettingGoesPastWhatAWrongClockWrote(t *testing.T) {
	t.Parallel()
	now := day.AddDate(2, 0, 0)
	db, err := storage.Open(dbPath(t), storage.Options{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var list []sessionwarden.Sighting
	for _, came := range []time.Time{day, day.AddDate(20, 0, 0), day.AddDate(0, 0, 1), day.AddDate(0, 0, 2), now.AddDate(0, -1, 0), now} {
		s := session(db.NextID(), "main", came)
		s.State, s.GoneAt = sessionwarden.Gone, came
		list = append(list, s)
	}
	commit(t, db, sessionwarden.Change{History: sessionwarden.History{Account: "main"}, Sightings: list})
	if n, err := db.Forget(t.Context(), now.AddDate(-1, 0, 0), 100); n != 3 || err != nil {
		t.Errorf("forgot %d rows, %v; want the three old ones", n, err)
	}
	if got := rows(t, db); !slices.Equal(got, []uint64{2, 5, 6}) {
		t.Errorf("left are %v", got)
	}
}
