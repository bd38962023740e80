package storage_test

import (
	"compress/gzip"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"sessionwarden"
	"sessionwarden/storage"
)

// golden is what testdata/v1.db.gz was made of, with every field that version 1
// stored. It is never changed: a later layout gets a file of its own.
func golden() (sessionwarden.Change, []sessionwarden.Delivery) {
	at := func(minute int) time.Time { return time.Date(2026, 5, 4, 9, minute, 7, 123456789, time.UTC) }
	live := sessionwarden.Sighting{
		Seq: 1, Account: "main",
		Session: sessionwarden.Session{
			ID: "12345", Addr: netip.MustParseAddr("192.0.2.1"), ServiceLocation: "DE: Berlin", ServiceCountry: "DE", ISP: "Example Telecom",
			UserAgent: agents()[0], Started: at(0), Expires: at(1), Ownership: sessionwarden.Own, Flaws: []string{"no current", "no expire"},
		},
		Location: sessionwarden.Location{
			Country: "DE", City: "Berlin", HasPoint: true, Latitude: 52.52, Longitude: 13.405, RadiusKM: 20.5, ASN: 64500,
			Organization: "Example Telecom AG", Network: sessionwarden.Hosting, Source: "built-in DBIP-Country-Lite", Built: at(2),
		},
		Device: "Windows, Chrome", FirstSeen: at(3), LastSeen: at(4), Missing: at(5), Baseline: true, Denied: true, Learned: true,
		Verdicts: []sessionwarden.Verdict{{Rule: sessionwarden.NewCountry, Response: sessionwarden.Notify}},
	}
	gone := sessionwarden.Sighting{
		Seq: 2, Account: "main", Late: true, State: sessionwarden.Gone, GoneAt: at(6), FirstSeen: at(3), LastSeen: at(4),
		Session: sessionwarden.Session{RawAddr: "no address", UserAgent: agents()[1] + "\x01"},
	}
	other := gone
	other.Seq, other.Addr, other.UserAgent = 3, netip.MustParseAddr("2001:db8::1"), agents()[2]
	finding := sessionwarden.Finding{
		ID: 4, Account: "main", Seq: 1, Session: "12345", Rule: sessionwarden.NewCountry, Severity: sessionwarden.Warning,
		Response: sessionwarden.Notify, Time: at(7), Late: true, Reason: "a reason", Facts: []sessionwarden.Fact{{Name: "country", Value: "DE"}},
		Silence: "a line", Capped: "a cap",
	}
	action := sessionwarden.Action{
		ID: 5, Account: "main", Kind: sessionwarden.EndAll, State: sessionwarden.Held, Seq: 1, Session: "12345", Addr: "192.0.2.1",
		Device: "Windows, Chrome", Reason: "a reason", Note: "a note", Hold: sessionwarden.HeldByGuard, ByHand: true, Stranger: true,
		Findings: []uint64{4}, AlertID: 6, Attempts: 2, Deadline: at(8), NotTill: at(9), Answered: at(10), Created: at(11), Updated: at(12),
	}
	alert := sessionwarden.Alert{
		ID: 6, Key: "a key", Account: "main", Kind: sessionwarden.Intrusion, Severity: sessionwarden.Critical, Created: at(13), Updated: at(14),
		Revision: 3, Waiting: true, Correction: 2, More: 7, Title: "a title", Lines: []string{"one", "two"},
		Items: []sessionwarden.AlertItem{{Sighting: live, Findings: []sessionwarden.Finding{finding}, Action: &action}, {Sighting: gone}},
	}
	span := sessionwarden.Span{First: at(15), Last: at(16)}
	h := sessionwarden.History{
		Account: "main", Baseline: at(17), Stamp: "a stamp", Live: []sessionwarden.Sighting{live},
		Past: []sessionwarden.Past{{Key: "#12345", Started: at(18)}}, Floor: at(19),
		Profile: sessionwarden.Profile{
			Countries: map[sessionwarden.Country]sessionwarden.Span{"DE": span, "AT": span},
			Networks:  map[uint32]sessionwarden.Span{64500: span},
			Devices:   map[string]sessionwarden.Span{"Windows, Chrome": span},
		},
		Actions: []sessionwarden.Action{action}, Spent: []sessionwarden.Spent{{At: at(20), Stranger: true}},
		Blind:   sessionwarden.Blindness{Since: at(21), Told: true, Why: "a reason"},
		Logouts: []time.Time{at(22)}, Told: map[string]time.Time{"something": at(23)}, LastPoll: at(24),
	}
	c := sessionwarden.Change{
		History: h, Sightings: []sessionwarden.Sighting{live, gone, other}, Findings: []sessionwarden.Finding{finding},
		Actions: []sessionwarden.Action{action}, Alerts: []sessionwarden.Alert{alert},
	}
	return c, []sessionwarden.Delivery{{Alert: 6, Channel: "slack", Sent: 3, Ref: "a ref", Attempts: 4, NotTill: at(25), Error: "a reason", Plain: true, Time: at(26)}}
}

// golden2 is what testdata/v2.db.gz was made of, beside what version 1 stored. It
// is never changed either.
func golden2() (sessionwarden.Change, []sessionwarden.Delivery) {
	at := func(minute int) time.Time { return time.Date(2026, 6, 1, 9, minute, 7, 0, time.UTC) }
	c, told := golden()
	incident := sessionwarden.Incident{
		ID: 7, Account: "main", Severity: sessionwarden.Critical, Title: "a title", Opened: at(1), Updated: at(2), AlertID: 6,
		Sessions: []uint64{1}, Findings: []uint64{4}, Actions: []uint64{5}, More: 3,
		Events: []sessionwarden.Event{{At: at(1), Kind: sessionwarden.EventFinding, ID: 4, Text: "a line"}},
		Issued: []sessionwarden.Issue{{At: at(3), Head: "00ff"}},
	}
	c.Incidents, c.History.Incident = []sessionwarden.Incident{incident}, &incident
	c.Alerts[0].Incident, c.Alerts[0].Resolved = 7, at(4)
	return c, told
}

func TestWhatVersion1WroteStaysReadable(t *testing.T) {
	t.Parallel()
	staysReadable(t, "v1.db.gz", golden)
}

func TestWhatVersion2WroteStaysReadable(t *testing.T) {
	t.Parallel()
	staysReadable(t, "v2.db.gz", golden2)
}

func staysReadable(t *testing.T, file string, golden func() (sessionwarden.Change, []sessionwarden.Delivery)) {
	t.Helper()
	path := dbPath(t)
	unpackFile(t, filepath.Join("testdata", file), path)
	if err := storage.Check(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	want, told := golden()
	for range 2 { // as it was, and after it was written to
		db := open(t, path)
		same(t, "the history", history(t, db, "main"), want.History)
		same(t, "a sighting", collect(t, db.Sightings(t.Context(), sessionwarden.Query{})), want.Sightings)
		same(t, "a finding", collect(t, db.Findings(t.Context(), sessionwarden.Query{})), want.Findings)
		same(t, "an action", collect(t, db.Actions(t.Context(), sessionwarden.Query{})), want.Actions)
		same(t, "an incident", collect(t, db.Incidents(t.Context(), sessionwarden.Query{})), want.Incidents)
		alerts, deliveries, err := db.Outbox(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		same(t, "an alert", alerts, want.Alerts)
		same(t, "a delivery", deliveries, told)
		commit(t, db, want)
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func unpackFile(t *testing.T, packed, path string) {
	t.Helper()
	f, err := os.Open(packed)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, b)
}
