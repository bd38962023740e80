package storage_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"sessionwarden"
	"sessionwarden/storage"
)

// What is known of deliveries is read little by little, and comes as the outbox has
// it.
func TestDeliveriesComeInTheOrderOfTheirAlerts(t *testing.T) {
	t.Parallel()
	db := open(t, dbPath(t))
	var c sessionwarden.Change
	c.History.Account = "main"
	var told []sessionwarden.Delivery
	for id := uint64(1); id <= 1500; id++ { // more than one transaction reads
		c.Alerts = append(c.Alerts, sessionwarden.Alert{ID: id, Account: "main", Kind: sessionwarden.Blind, Created: day, Updated: day})
		for _, channel := range []string{"phone", "slack"} {
			told = append(told, sessionwarden.Delivery{Alert: id, Channel: channel, Error: fmt.Sprint("silenced by ", id), Time: day})
		}
	}
	commit(t, db, c)
	if err := db.Delivered(t.Context(), told); err != nil {
		t.Fatal(err)
	}
	if got := collect(t, db.Deliveries(t.Context())); !slices.Equal(got, told) {
		t.Errorf("%d deliveries, want the %d that were recorded", len(got), len(told))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range db.Deliveries(ctx) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("nobody waits for it any more: %v", err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for _, err := range db.Deliveries(t.Context()) {
		var unreadable *storage.CorruptError
		if err == nil || errors.As(err, &unreadable) {
			t.Errorf("the database is closed: %v", err)
		}
	}
}
