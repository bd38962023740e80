package evidence_test

import (
	"net/netip"
	"time"

	"sessionwarden"
	"sessionwarden/evidence"
)

// began is when the incident of the tests began.
var began = time.Date(2026, 11, 23, 18, 30, 5, 0, time.UTC)

func at(minutes int) time.Time { return began.Add(time.Duration(minutes) * time.Minute) }

// home is a session of the owner's, thief one of somebody else's.
func home(seq uint64) sessionwarden.Sighting {
	return sessionwarden.Sighting{
		Seq: seq, Account: "main",
		Session: sessionwarden.Session{ID: "90011", Addr: netip.MustParseAddr("203.0.113.7"), ServiceLocation: "DE: Berlin", ISP: "Example Net", Started: at(-3000), UserAgent: "Mozilla/5.0 (Windows NT 10.0) Chrome/140.0.0.0"},
		Location: sessionwarden.Location{
			Country: "DE", ASN: 64500, Organization: "Example Household Net", Source: "built-in DBIP-Country-Lite", Built: time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC),
		},
		Device: "Windows, Chrome", FirstSeen: at(-2000), LastSeen: at(90), State: sessionwarden.Live,
	}
}

// watcher is the session of the owner's program.
func watcher(seq uint64) sessionwarden.Sighting {
	s := home(seq)
	s.ID, s.Ownership = "90002", sessionwarden.Own
	return s
}

func thief(seq uint64) sessionwarden.Sighting {
	s := home(seq)
	s.ID, s.Addr, s.ServiceLocation, s.Started = "90027", netip.MustParseAddr("198.51.100.23"), "VN: Hanoi", at(-1)
	s.Location.Country, s.Location.City, s.Location.ASN, s.Location.Organization, s.Location.VPN = "VN", "Hanoi", 64511, "Example Hosting", true
	s.FirstSeen, s.LastSeen, s.GoneAt, s.EndedAt, s.State = began, began, at(1), at(1), sessionwarden.Gone
	s.Verdicts = []sessionwarden.Verdict{{Rule: sessionwarden.UnexpectedCountry, Response: sessionwarden.Disconnect}}
	return s
}

// small is an incident as they are: one thief, one change of the account.
func small() evidence.Source {
	return evidence.Source{
		Program: "0.1.0", Instance: "attic", Service: "mannco", Made: at(95), Keep: 400 * 24 * time.Hour,
		Incident: sessionwarden.Incident{
			ID: 7, Account: "main", Severity: sessionwarden.Critical, Title: "Signed in from Vietnam, where the owner expects Germany only.",
			Opened: began, Updated: at(2), Resolved: at(62), Changed: []sessionwarden.Rule{sessionwarden.TradeURLChanged}, Sessions: []uint64{12}, Findings: []uint64{21, 22}, Actions: []uint64{31},
			Events: []sessionwarden.Event{
				{At: began, Kind: sessionwarden.EventOpened, Text: "The incident was opened."},
				{At: began, Kind: sessionwarden.EventSession, ID: 12, Text: "Session 90027 from 198.51.100.23, Vietnam (Example Hosting), Windows, Chrome."},
				{At: began, Kind: sessionwarden.EventFinding, ID: 21, Text: "unexpected_country: signed in from Vietnam, where the owner expects Germany only."},
				{At: began, Kind: sessionwarden.EventAction, ID: 31, Text: "To be ended: session 90027."},
				{At: at(1), Kind: sessionwarden.EventAction, ID: 31, Text: "Ended and proven gone: session 90027."},
				{At: at(2), Kind: sessionwarden.EventFinding, ID: 22, Text: "trade_url_changed: the trade URL was changed."},
				{At: at(62), Kind: sessionwarden.EventResolved, Text: "Resolved: nothing new was found for an hour, and nothing is left to be done."},
			},
			Issued: []sessionwarden.Issue{{At: at(70), Head: "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0"}},
		},
		Sightings: []sessionwarden.Sighting{home(11), thief(12), watcher(13)},
		Findings: []sessionwarden.Finding{
			{
				ID: 21, Account: "main", Seq: 12, Session: "90027", Rule: sessionwarden.UnexpectedCountry, Severity: sessionwarden.Critical, Response: sessionwarden.Disconnect, Time: began,
				Reason: "Signed in from Vietnam, where the owner expects Germany only.",
				Facts:  []sessionwarden.Fact{{Name: "address", Value: "198.51.100.23"}, {Name: "country", Value: "VN, by built-in DBIP-Country-Lite of 2026-06-01"}, {Name: "expected_countries", Value: "DE"}},
			},
			{
				ID: 22, Account: "main", Rule: sessionwarden.TradeURLChanged, Severity: sessionwarden.Critical, Response: sessionwarden.Notify, Time: at(2),
				Reason: "The trade URL was changed, from steamcommunity.example…wxyz to steamcommunity.example…hief.",
				Facts: []sessionwarden.Fact{
					{Name: "before", Value: "https://steamcommunity.example/tradeoffer/new/?partner=1&token=owner"},
					{Name: "after", Value: "https://steamcommunity.example/tradeoffer/new/?partner=666&token=thief"},
					{Name: "read_before", Value: "2026-11-23 18:31:05 UTC"},
				},
			},
		},
		Actions: []sessionwarden.Action{{
			ID: 31, Account: "main", State: sessionwarden.Verified, Seq: 12, Session: "90027", Addr: "198.51.100.23", Device: "Windows, Chrome",
			Reason: "Signed in from Vietnam, where the owner expects Germany only.", Note: "gone from the service's complete list, read at 18:31:05 UTC",
			Attempts: 1, Created: began, Answered: began.Add(time.Second), Updated: at(1),
		}},
		Facts: sessionwarden.AccountFacts{
			Name: sessionwarden.Known[string]{Value: "Owner", Read: at(94)}, Contact: sessionwarden.Known[string]{Value: "owner@example.org", Read: at(94)},
			TradeURL: sessionwarden.Known[string]{Value: "https://steamcommunity.example/tradeoffer/new/?partner=666&token=thief", Read: at(94)},
		},
	}
}
