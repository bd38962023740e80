package storage_test

import (
	"strings"
	"testing"
	"time"

	"sessionwarden"
	"sessionwarden/storage"
)

func TestButtonsGoWithTheirAlert(t *testing.T) {
	t.Parallel()
	path := dbPath(t)
	db := open(t, path)
	old := sessionwarden.Alert{ID: db.NextID(), Created: day}
	commit(t, db, sessionwarden.Change{Alerts: []sessionwarden.Alert{old}})
	offers := []sessionwarden.Offer{
		{ID: "1-one", Alert: old.ID, Verb: sessionwarden.OfferEnd}, {ID: "1-two", Alert: old.ID, Verb: sessionwarden.OfferMine},
		{ID: "51-three", Alert: old.ID + 50, Verb: sessionwarden.OfferEnd}, // of no alert
	}
	if err := db.Offered(t.Context(), offers); err != nil {
		t.Fatal(err)
	}
	if err := db.Delivered(t.Context(), []sessionwarden.Delivery{{Alert: old.ID, Channel: "slack", Sent: 1}}); err != nil {
		t.Fatal(err)
	}
	if _, there, err := db.Offer(t.Context(), "51-three"); there || err != nil {
		t.Errorf("a button without an alert is kept: %v", err)
	}
	for _, id := range []sessionwarden.OfferID{"", "four", "1-four", "1-", "-one", "../one", "18446744073709551616-one", sessionwarden.OfferID(strings.Repeat("x", 65))} {
		if _, there, err := db.Offer(t.Context(), id); there || err != nil {
			t.Errorf("%q: %v, %v", id, there, err)
		}
	}
	if n, err := db.Forget(t.Context(), day.AddDate(1, 0, 0), 10); n != 1 || err != nil {
		t.Fatalf("forgot %d, %v", n, err)
	}
	if _, there, err := db.Offer(t.Context(), "1-one"); there || err != nil {
		t.Errorf("a button outlives its alert: %v", err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := storage.Check(t.Context(), path); err != nil {
		t.Error(err)
	}
}

func TestAButtonWithoutAnIDIsRefused(t *testing.T) {
	t.Parallel()
	db := open(t, dbPath(t))
	if err := db.Offered(t.Context(), []sessionwarden.Offer{{Alert: 1}}); err == nil {
		t.Error("it is taken")
	}
}

func TestSilencesAreKeptAMonthAfterTheirEnd(t *testing.T) {
	t.Parallel()
	path := dbPath(t)
	db, err := storage.Open(path, storage.Options{Now: func() time.Time { return day.AddDate(0, 2, 0) }})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ended := sessionwarden.Silence{ID: db.NextID(), Created: day, Until: day.Add(time.Hour)}
	holds := sessionwarden.Silence{ID: db.NextID(), Created: day, Until: day.AddDate(0, 3, 0)}
	for _, s := range []sessionwarden.Silence{ended, holds} {
		if err := db.PutSilence(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.PutSilence(t.Context(), sessionwarden.Silence{}); err == nil {
		t.Error("a silence without an id is taken")
	}
	if n, err := db.Forget(t.Context(), day.AddDate(0, 0, 20), 10); n != 0 || err != nil {
		t.Errorf("forgot %d, %v", n, err)
	}
	if n, err := db.Forget(t.Context(), day.AddDate(0, 0, 40), 10); n != 1 || err != nil {
		t.Errorf("forgot %d, %v", n, err)
	}
	list, err := db.Silences(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	same(t, "what holds", list, []sessionwarden.Silence{holds})
	if next := db.NextID(); next <= holds.ID {
		t.Errorf("the id %d is given out again", next)
	}
}
