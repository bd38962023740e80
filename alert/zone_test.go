package alert_test

import (
	"regexp"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // so that the test finds Berlin on every machine

	"sessionwarden"
	"sessionwarden/alert"
)

// berlin is a zone with summer time.
func berlin(t *testing.T) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// ofWords are the times of the program's own words. What the watch wrote into a
// reason or a note says UTC itself.
var ofWords = regexp.MustCompile(`(signed in|seen|gone|gone at|as of|at|until|since|When:|•) (\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d ([A-Z+-][A-Z0-9]*)`)

func TestEveryTimeIsInTheZoneOfTheChannel(t *testing.T) {
	t.Parallel()
	f := told
	f.Zone = berlin(t)
	seen := 0
	for name, a := range samples() {
		for i := range a.Items {
			for j := range a.Items[i].Findings {
				a.Items[i].Findings[j].Reason = "a reason"
			}
			if act := a.Items[i].Action; act != nil {
				act.Note = strings.ReplaceAll(act.Note, " UTC", "")
			}
		}
		a.Lines = nil
		for _, m := range []alert.Message{alert.Compose(a, f), alert.Bundle([]sessionwarden.Alert{a, a}, f)} {
			text := m.Text
			if a.Title != "" {
				text = strings.ReplaceAll(text, m.Title, "")
			}
			for _, at := range ofWords.FindAllStringSubmatch(text, -1) {
				if seen++; at[3] != "CEST" {
					t.Errorf("%s: %q", name, at[0])
				}
			}
			if strings.Contains(text, "UTC") && a.Title == "" {
				t.Errorf("%s says UTC:\n%s", name, text)
			}
		}
	}
	if seen < 100 {
		t.Errorf("only %d times were looked at", seen)
	}
}

// The hour from two to three came twice on the 25th of October.
func TestTheHourThatComesTwice(t *testing.T) {
	t.Parallel()
	f := alert.Facts{Zone: berlin(t)}
	a := intrusion(sessionwarden.Verified)
	s := &a.Items[0].Sighting
	s.Started = time.Date(2026, 10, 25, 0, 30, 0, 0, time.UTC)
	s.FirstSeen = s.Started.Add(time.Hour)
	a.Created, a.Updated = s.FirstSeen, s.FirstSeen.Add(3*time.Second)
	a.Items[0].Action.Updated = a.Updated
	text := alert.Compose(a, f).Text
	for _, want := range []string{
		"signed in 2026-10-25 02:30:00 CEST, seen 02:30:00 CET", "Ended and verified gone at 02:30:03 CET.", "as of 2026-10-25 02:30:03 CET",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
}

// An evening in UTC is the next day in Berlin, and summer begins between two
// times of one message.
func TestTheDayIsThatOfTheZone(t *testing.T) {
	t.Parallel()
	f := alert.Facts{Zone: berlin(t)}
	a := intrusion(sessionwarden.Held)
	act := a.Items[0].Action
	act.Hold = sessionwarden.HeldByAsk
	a.Created = time.Date(2026, 3, 29, 0, 55, 0, 0, time.UTC)
	a.Updated, act.Updated, act.Deadline = a.Created, a.Created, a.Created.Add(10*time.Minute)
	a.Items[0].Sighting.Started, a.Items[0].Sighting.FirstSeen = a.Created.Add(-2*time.Hour), a.Created
	text := alert.Compose(a, f).Text
	for _, want := range []string{
		"Without an answer until 03:05:00 CEST", "as of 2026-03-29 01:55:00 CET", "signed in 2026-03-28 23:55:00 CET, seen 2026-03-29 01:55:00 CET",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
	f.Zone = nil
	if text := alert.Compose(a, f).Text; !strings.Contains(text, "signed in 2026-03-28 22:55:00 UTC, seen 2026-03-29 00:55:00 UTC") {
		t.Errorf("without a zone:\n%s", text)
	}
}
