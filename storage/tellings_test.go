package storage_test

import (
	"slices"
	"testing"
	"time"

	"sessionwarden"
	"sessionwarden/storage"
)

// toldOf commits alerts of the whole program, a minute apart from day on, with
// the ids first to last.
func toldOf(tb testing.TB, db *storage.DB, first, last uint64) {
	tb.Helper()
	var c sessionwarden.Change
	for id := first; id <= last; id++ {
		at := day.Add(time.Duration(id) * time.Minute)
		c.Alerts = append(c.Alerts, sessionwarden.Alert{ID: id, Kind: sessionwarden.ServiceOdd, Created: at, Updated: at, Title: "odd"})
	}
	commit(tb, db, c)
}

// ids are those of the alerts in list.
func ids(list []sessionwarden.Telling) (numbers []uint64) {
	for _, told := range list {
		numbers = append(numbers, told.Alert.ID)
	}
	return numbers
}

func TestAlertsComeWithTheirDeliveries(t *testing.T) {
	t.Parallel()
	db := open(t, dbPath(t))
	toldOf(t, db, 1, 3)
	ofMain := sessionwarden.Alert{ID: 4, Account: "main", Kind: sessionwarden.Blind, Created: day.Add(4 * time.Minute), Updated: day.Add(time.Hour)}
	commit(t, db, sessionwarden.Change{History: sessionwarden.History{Account: "main"}, Alerts: []sessionwarden.Alert{ofMain}})
	if err := db.Delivered(t.Context(), []sessionwarden.Delivery{
		{Alert: 2, Channel: "phone", Sent: 1, First: day, Time: day}, {Alert: 2, Channel: "mail", Error: "below min_severity"}, {Alert: 4, Channel: "phone", Again: true},
	}); err != nil {
		t.Fatal(err)
	}
	all := collect(t, db.Alerts(t.Context(), sessionwarden.Query{}))
	if got := ids(all); !slices.Equal(got, []uint64{1, 2, 3, 4}) {
		t.Fatalf("alerts %v", got)
	}
	if got := all[1].Deliveries; len(got) != 2 || got[0].Channel != "mail" || got[1].Channel != "phone" || !got[1].First.Equal(day) || len(all[0].Deliveries)+len(all[2].Deliveries) != 0 {
		t.Errorf("the deliveries of alert 2 are %+v", got)
	}
	for name, row := range map[string]struct {
		q    sessionwarden.Query
		want []uint64
	}{
		"of an account":             {sessionwarden.Query{Account: "main"}, []uint64{4}},
		"one":                       {sessionwarden.Query{ID: 3}, []uint64{3}},
		"none":                      {sessionwarden.Query{ID: 9}, nil},
		"that went on since":        {sessionwarden.Query{Since: day.Add(3 * time.Minute)}, []uint64{3, 4}},
		"the newest first":          {sessionwarden.Query{Back: true}, []uint64{4, 3, 2, 1}},
		"the newest since":          {sessionwarden.Query{Back: true, Since: day.Add(3 * time.Minute)}, []uint64{4, 3}},
		"the newest of one account": {sessionwarden.Query{Back: true, Account: "main"}, []uint64{4}},
	} {
		if got := ids(collect(t, db.Alerts(t.Context(), row.q))); !slices.Equal(got, row.want) {
			t.Errorf("%s: %v, want %v", name, got, row.want)
		}
	}
	if told, ok, err := db.Telling(t.Context(), 4); err != nil || !ok || told.Alert.ID != 4 || len(told.Deliveries) != 1 || !told.Deliveries[0].Again {
		t.Errorf("alert 4: %+v, %t, %v", told, ok, err)
	}
	if _, ok, err := db.Telling(t.Context(), 9); err != nil || ok {
		t.Errorf("there is an alert 9: %v", err)
	}
}

// What lies far behind what is asked for is not looked at.
func TestTheNewestAreReadWithoutTheRest(t *testing.T) {
	t.Parallel()
	db := open(t, dbPath(t))
	var list []sessionwarden.Sighting
	for i := range 4500 {
		s := session(uint64(i+1), "main", day.Add(time.Duration(i)*time.Second))
		s.State, s.GoneAt, s.LastSeen = sessionwarden.Gone, s.FirstSeen, s.FirstSeen
		list = append(list, s)
	}
	since := day.Add(2000 * time.Second)
	list[1500].GoneAt, list[400].GoneAt = since, since // they ended late; the second lies a thousand rows farther off
	commit(t, db, sessionwarden.Change{History: sessionwarden.History{Account: "main", Baseline: day}, Sightings: list})
	next := uint64(4500)
	for s, err := range db.Sightings(t.Context(), sessionwarden.Query{Back: true, Since: since}) {
		if err != nil || s.Seq != next {
			t.Fatalf("%d comes where %d should, %v", s.Seq, next, err)
		}
		if next--; next == 2000 {
			next = 1501
		}
		if s.Seq == 3000 { // what comes meanwhile is not read
			commit(t, db, departure("main", day, session(db.NextID(), "main", since)))
		}
	}
	if next != 1500 {
		t.Errorf("the list ends before %d", next)
	}
	for s, err := range db.Sightings(t.Context(), sessionwarden.Query{Back: true, Since: day.AddDate(1, 0, 0)}) {
		t.Errorf("%d, %v", s.Seq, err)
	}
}

func TestWhatIsAskedForOnceMoreIsNotForgotten(t *testing.T) {
	t.Parallel()
	db := open(t, dbPath(t))
	toldOf(t, db, 1, 2)
	if err := db.Delivered(t.Context(), []sessionwarden.Delivery{
		{Alert: 1, Channel: "slack", Sent: 1, Again: true}, {Alert: 2, Channel: "slack", Sent: 1},
	}); err != nil {
		t.Fatal(err)
	}
	if n, err := db.Forget(t.Context(), day.AddDate(1, 0, 0), 100); n != 1 || err != nil {
		t.Errorf("%d forgotten: %v", n, err)
	}
	if got := ids(collect(t, db.Alerts(t.Context(), sessionwarden.Query{}))); !slices.Equal(got, []uint64{1}) {
		t.Errorf("kept are %v", got)
	}
}
