package sessionwarden_test

import (
	"strings"
	"testing"
	"time"

	"sessionwarden"
)

func TestParseSilenceEnd(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 12, 1, 12, 0, 0, 0, time.FixedZone("JST", 9*60*60))
	for text, want := range map[string]string{
		"2h":                   "2026-12-01T14:00:00+09:00",
		"2026-12-20":           "2026-12-20T23:59:59+09:00",
		"2026-12-20T12:00:00Z": "2026-12-20T12:00:00Z",
		"90d":                  "2027-03-01T12:00:00+09:00",
		"91d":                  "a silence ends within 90 days",
		"":                     "a silence needs an end: write a day such as 2026-12-20, a time such as 2026-12-20T12:00:00Z, or a span such as 2h",
		"2026-11-30":           "is over already",
		"tonight":              `"tonight" is no end`,
	} {
		until, err := sessionwarden.ParseSilenceEnd(text, now)
		got := until.Format(time.RFC3339)
		if err != nil {
			got = err.Error()
		}
		if got != want && (err == nil || !strings.Contains(got, want)) {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

// A silence that is void covers nothing that there could be, and one that is not
// void covers something.
func TestWhichSilencesAreVoid(t *testing.T) {
	t.Parallel()
	var all []sessionwarden.Alert
	kinds := []sessionwarden.AlertKind{
		sessionwarden.Intrusion, sessionwarden.Rail, sessionwarden.Blind, sessionwarden.Recovered, sessionwarden.OwnSession, sessionwarden.ServiceOdd,
		sessionwarden.StaleData, sessionwarden.Unsaved, sessionwarden.NoBackup, sessionwarden.TestAlert, sessionwarden.DigestAlert,
	}
	for _, kind := range kinds {
		account := "main"
		if kind == sessionwarden.StaleData || kind == sessionwarden.DigestAlert || kind == sessionwarden.NoBackup {
			account = ""
		}
		all = append(all, sessionwarden.Alert{Kind: kind, Account: account, Severity: sessionwarden.Warning})
	}
	for _, items := range [][]sessionwarden.AlertItem{{sessionItem(sessionwarden.NewDevice)}, {itemOf(sessionwarden.NewDevice)}} {
		all = append(all, sessionwarden.Alert{Kind: sessionwarden.Intrusion, Account: "main", Severity: sessionwarden.Warning, Items: items})
	}
	for _, account := range []string{"", "main"} {
		for _, rule := range []sessionwarden.Rule{"", sessionwarden.NewDevice, sessionwarden.WatcherLoggedOut} {
			for _, topic := range append(sessionwarden.Topics(), "") {
				s := sessionwarden.Silence{Account: account, Rule: rule, Topic: topic}
				covers := 0
				for _, a := range all {
					if s.Covers(a) {
						covers++
					}
				}
				problem, cure := s.Void()
				if (problem != "") != (covers == 0) || (problem == "") != (cure == "") {
					t.Errorf("%+v covers %d alerts, and is said to be void: %q, %q", s, covers, problem, cure)
				}
			}
		}
	}
}
