package storage_test

import (
	"context"
	"errors"
	"os"
	"testing"

	"sessionwarden"
	"sessionwarden/storage"
)

func TestAProbeWritesAndLeavesNothing(t *testing.T) {
	t.Parallel()
	path := dbPath(t)
	db := open(t, path)
	alert := sessionwarden.Alert{ID: db.NextID(), Created: day}
	commit(t, db, sessionwarden.Change{Alerts: []sessionwarden.Alert{alert}})
	if err := db.Delivered(t.Context(), []sessionwarden.Delivery{{Alert: alert.ID, Channel: "slack", Sent: 1}}); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := db.Probe(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	after, err := os.ReadFile(path)
	if err != nil || string(after) == string(before) {
		t.Errorf("nothing went to the disk: %v", err)
	}
	_, deliveries, err := db.Outbox(t.Context())
	if stats, serr := db.Stats(); err != nil || serr != nil || len(deliveries) != 1 || stats.Rows["deliveries"] != 1 {
		t.Errorf("%v, %+v, %v, %v", deliveries, stats, err, serr)
	}
	if id := db.NextID(); id != alert.ID+1 {
		t.Errorf("the next id is %d", id)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := storage.Check(t.Context(), path); err != nil {
		t.Error(err)
	}
}

func TestAProbeFailsWhereNothingCanBeWritten(t *testing.T) {
	t.Parallel()
	path := dbPath(t)
	db := open(t, path)
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := db.Probe(over); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if err := os.Rename(path, path+".away"); err != nil {
		t.Fatal(err)
	}
	if err := db.Probe(t.Context()); err == nil {
		t.Error("a file that is gone was written")
	}
	if err := os.Rename(path+".away", path); err != nil {
		t.Fatal(err)
	}
	if err := db.Probe(t.Context()); err != nil {
		t.Errorf("when it is there again: %v", err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	reading, err := storage.Open(path, storage.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer reading.Close()
	if err := reading.Probe(t.Context()); err == nil {
		t.Error("what was opened for reading was written")
	}
}
