package storage_test

import (
	"context"
	"fmt"
	"io"
	"iter"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"sessionwarden"
	"sessionwarden/storage"
)

// TestMain lets the test binary play another process that holds a database, or
// one whose disk is full.
func TestMain(m *testing.M) {
	switch path := os.Getenv("STORAGE_TEST_PATH"); os.Getenv("STORAGE_TEST_ROLE") {
	case "hold":
		os.Exit(hold(path))
	case "full":
		os.Exit(fullDisk(path))
	case "readonly":
		os.Exit(readOnly(path))
	}
	os.Exit(m.Run())
}

// hold opens the database and keeps it until standard input ends.
func hold(path string) int {
	db, err := storage.Open(path, storage.Options{})
	if err != nil {
		fmt.Println("error:", err)
		return 1
	}
	fmt.Println("open")
	_, _ = io.Copy(io.Discard, os.Stdin)
	if os.Getenv("STORAGE_TEST_END") == "crash" {
		return 0
	}
	if err := db.Close(); err != nil {
		return 1
	}
	return 0
}

// day is when all tests happen.
var day = time.Date(2026, 5, 4, 9, 0, 0, 0, time.UTC)

// dbPath returns the path of a database that does not exist yet.
func dbPath(tb testing.TB) string {
	tb.Helper()
	return filepath.Join(tb.TempDir(), "sessionwarden.db")
}

// open opens a database for the length of a test.
func open(tb testing.TB, path string) *storage.DB {
	tb.Helper()
	db, err := storage.Open(path, storage.Options{Version: "1.2.3"})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = db.Close() })
	return db
}

func commit(tb testing.TB, db *storage.DB, changes ...sessionwarden.Change) {
	tb.Helper()
	if err := db.Commit(tb.Context(), changes); err != nil {
		tb.Fatal(err)
	}
}

// agents are what browsers call themselves, ordinary and odd.
func agents() []string {
	return []string{
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
		"Mozilla/5.0 (Linux; Android 14; Pixel 8 Build/AP2A.240505.005; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/125.0.6422.165 Mobile Safari/537.36",
		"ExampleApp/3.2.1 (build 4711; de_DE; tablet; Example Devices ED-2048) ExampleHTTP/4.12.0 (release; 20260401)",
	}
}

// session is a live session of an account that arrived at a time.
func session(seq uint64, account string, at time.Time) sessionwarden.Sighting {
	return sessionwarden.Sighting{
		Seq: seq, Account: account,
		Session: sessionwarden.Session{
			ID:   sessionwarden.SessionID(fmt.Sprintf("9%011d", seq)),
			Addr: netip.AddrFrom4([4]byte{192, 0, 2, byte(seq)}), ServiceLocation: "DE: Berlin", ServiceCountry: "DE",
			ISP: "Example Telecom", UserAgent: agents()[seq%4],
			Started: at.Truncate(time.Second), Expires: at.Truncate(time.Second).AddDate(0, 0, 31),
		},
		Location: sessionwarden.Location{Country: "DE", HasPoint: true, Latitude: 51.1657, Longitude: 10.4515, RadiusKM: 500, ASN: 64500, Organization: "Example Telecom AG", Source: "built-in DBIP-Country-Lite", Built: day.AddDate(0, -1, 0)},
		Device:   "Windows, Chrome", FirstSeen: at, LastSeen: at,
	}
}

// arrival is the change that brings live sessions to an account.
func arrival(account string, sessions ...sessionwarden.Sighting) sessionwarden.Change {
	last := sessions[len(sessions)-1].FirstSeen
	return sessionwarden.Change{
		History:   sessionwarden.History{Account: account, Baseline: day, Live: sessions, LastPoll: last},
		Sightings: sessions,
	}
}

// departure is the change after which none of the sessions lives.
func departure(account string, at time.Time, sessions ...sessionwarden.Sighting) sessionwarden.Change {
	c := sessionwarden.Change{History: sessionwarden.History{Account: account, Baseline: day, LastPoll: at}}
	for _, s := range sessions {
		s.State, s.GoneAt, s.LastSeen = sessionwarden.Gone, at, at
		c.Sightings = append(c.Sightings, s)
	}
	return c
}

// collect returns all rows of a list, and fails on an error.
func collect[Row any](tb testing.TB, rows iter.Seq2[Row, error]) []Row {
	tb.Helper()
	var all []Row
	for row, err := range rows {
		if err != nil {
			tb.Fatal(err)
		}
		all = append(all, row)
	}
	return all
}

func seqs(list []sessionwarden.Sighting) []uint64 {
	var ids []uint64
	for _, s := range list {
		ids = append(ids, s.Seq)
	}
	return ids
}

// sameAddr compares addresses and networks, which have fields of their own.
var sameAddr = cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})

// same fails when two values differ in anything.
func same(tb testing.TB, what string, got, want any) {
	tb.Helper()
	if diff := cmp.Diff(want, got, sameAddr); diff != "" {
		tb.Errorf("%s is not what was stored (-stored +read):\n%s", what, diff)
	}
}

func history(tb testing.TB, db *storage.DB, account string) sessionwarden.History {
	tb.Helper()
	h, err := db.History(context.Background(), account)
	if err != nil {
		tb.Fatal(err)
	}
	return h
}
