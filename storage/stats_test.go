package storage_test

import (
	"testing"

	"sessionwarden"
)

func TestStatsCountWithoutReadingRows(t *testing.T) {
	t.Parallel()
	db := open(t, dbPath(t))
	a, b := session(1, "main", day), session(2, "main", day)
	c := arrival("main", a, b)
	c.Findings = []sessionwarden.Finding{{ID: 3, Account: "main"}, {ID: 4, Account: "main"}}
	c.Actions = []sessionwarden.Action{{ID: 5, Account: "main"}}
	c.Incidents = []sessionwarden.Incident{{ID: 7, Account: "main"}}
	c.Alerts = []sessionwarden.Alert{{ID: 6, Account: "main"}}
	for range 2 { // what is written again is not counted again
		commit(t, db, c, c)
		if err := db.Delivered(t.Context(), []sessionwarden.Delivery{{Alert: 6, Channel: "slack"}, {Alert: 6, Channel: "mail"}}); err != nil {
			t.Fatal(err)
		}
	}
	stats, err := db.Stats()
	if err != nil {
		t.Fatal(err)
	}
	same(t, "the number of rows", stats.Rows, map[string]int{
		"accounts": 1, "sightings": 2, "findings": 2, "actions": 1, "incidents": 1, "alerts": 1, "deliveries": 2, "offers": 0, "silences": 0,
	})
	if stats.Schema != 3 || stats.Used <= 0 || stats.Bytes < stats.Used {
		t.Errorf("%+v", stats)
	}
}
