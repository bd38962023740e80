package storage

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"sessionwarden"
)

// FuzzRecords reads anything as a record of every kind. What can be read is
// written and read again, and is the same.
func FuzzRecords(f *testing.F) {
	c, err := newCodec()
	if err != nil {
		f.Fatal(err)
	}
	db := &DB{codec: c}
	when := time.Date(2026, 5, 4, 9, 0, 0, 1, time.UTC)
	sighting := sessionwarden.Sighting{Account: "main", FirstSeen: when, Verdicts: []sessionwarden.Verdict{{Rule: "new_country", Response: sessionwarden.Notify}}}
	for _, record := range []any{
		c.packSighting(sighting),
		packFinding(sessionwarden.Finding{Account: "main", Time: when, Facts: []sessionwarden.Fact{{Name: "country", Value: "DE"}}}),
		packAction(sessionwarden.Action{Account: "main", Findings: []uint64{1, 2}, Created: when}),
		c.packAlert(sessionwarden.Alert{Items: []sessionwarden.AlertItem{{Sighting: sighting, Action: &sessionwarden.Action{ID: 3}}}}),
		packDelivery(sessionwarden.Delivery{Sent: 1, Ref: "x", Time: when}),
		packHistory(sessionwarden.History{Baseline: when, Live: []sessionwarden.Sighting{{Seq: 1, LastSeen: when}}, Told: map[string]time.Time{"x": when}, Trusts: []sessionwarden.Trust{{ID: 2, Network: netip.MustParsePrefix("192.0.2.0/24"), Until: when}}}),
		map[int]any{1: "main", 500: "of a later version", 501: []int{1}},
	} {
		b, err := c.encode(record)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	key := idKey(1)
	again := func(t *testing.T, what string, first any, pack func() any, read func(b []byte) (any, error)) {
		b, err := c.encode(pack())
		if err != nil {
			t.Fatalf("%s cannot be written: %v", what, err)
		}
		second, err := read(b)
		if err != nil || !cmp.Equal(first, second, cmpopts.EquateEmpty(), cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})) {
			t.Fatalf("%s was %+v and is %+v, %v", what, first, second, err)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if x, err := db.readSighting(key, b); err == nil {
			again(t, "a sighting", x, func() any { return c.packSighting(x) }, func(b []byte) (any, error) { return db.readSighting(key, b) })
		}
		if x, err := db.readFinding(key, b); err == nil {
			again(t, "a finding", x, func() any { return packFinding(x) }, func(b []byte) (any, error) { return db.readFinding(key, b) })
		}
		if x, err := db.readAction(key, b); err == nil {
			again(t, "an action", x, func() any { return packAction(x) }, func(b []byte) (any, error) { return db.readAction(key, b) })
		}
		if x, err := db.readAlert(key, b); err == nil {
			again(t, "an alert", x, func() any { return c.packAlert(x) }, func(b []byte) (any, error) { return db.readAlert(key, b) })
		}
		if x, err := db.readDelivery(append(key, 'x'), b); err == nil {
			again(t, "a delivery", x, func() any { return packDelivery(x) }, func(b []byte) (any, error) { return db.readDelivery(append(key, 'x'), b) })
		}
		var state accountRecord
		if err := c.decode(bucketAccounts, []byte("main"), b, &state); err == nil {
			h := state.unpack("main")
			if _, err := c.encode(packHistory(h)); err != nil {
				t.Fatalf("a state cannot be written: %v", err)
			}
		}
	})
}

func TestTimesAreKept(t *testing.T) {
	t.Parallel()
	exact := []time.Time{
		{}, time.Date(2026, 5, 4, 9, 0, 0, 0, time.UTC), time.Date(2026, 5, 4, 9, 0, 0, 1, time.UTC),
		time.Date(1678, 1, 1, 0, 0, 0, 5, time.UTC), time.Date(2261, 12, 31, 0, 0, 0, 5, time.UTC),
		time.Date(1969, 12, 31, 0, 0, 0, 0, time.UTC), time.Date(1, 1, 1, 0, 0, 1, 0, time.UTC), time.Date(6000, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	for _, want := range exact {
		if got := unpackTime(packTime(want)); got != want {
			t.Errorf("%v became %v", want, got)
		}
	}
	blurred := map[time.Time]time.Time{
		time.Unix(0, 0):  {},
		time.Unix(60, 5): time.Unix(60, 0).UTC(),
		time.Date(3000, 1, 1, 0, 0, 0, 5, time.UTC):                 time.Date(3000, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Unix(1<<62, 0):                                         time.Unix(wholeSeconds-1, 0).UTC(),
		time.Date(2026, 5, 4, 9, 0, 0, 7, time.FixedZone("", 3600)): time.Date(2026, 5, 4, 8, 0, 0, 7, time.UTC),
	}
	for from, want := range blurred {
		if got := unpackTime(packTime(from)); got != want {
			t.Errorf("%v became %v, want %v", from, got, want)
		}
	}
}
