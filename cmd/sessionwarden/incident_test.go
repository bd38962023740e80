package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"sessionwarden"
	"sessionwarden/mannco/manncotest"
)

// What belongs together in time is one incident and one alert: it opens, grows,
// outlasts a restart, and is over after a quiet hour. What comes then is another.
func TestAnIncidentOpensGrowsAndIsResolved(t *testing.T) {
	tooLongForTheRaceDetector(t)
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.atHome()
		b.start()
		b.pass(time.Minute)
		if n := len(b.incidents()); n != 0 {
			t.Fatalf("%d incidents although nothing happened", n)
		}
		first := b.signIn(farAddr, chrome)
		b.pass(time.Minute)
		b.wantEnded(first)
		open := b.main().Incident
		if open == "" {
			t.Fatal("the status tells of no incident")
		}
		b.pass(20 * time.Minute)
		b.restart()
		second := b.signIn(farAddr2, iphone)
		b.pass(time.Minute)
		b.wantEnded(first, second)
		list := b.incidents()
		if len(list) != 1 || !list[0].Open() || len(list[0].Sessions) != 2 || len(list[0].Actions) != 2 || list[0].Severity != sessionwarden.Critical {
			t.Fatalf("incidents: %+v", list)
		}
		intrusions := slices.DeleteFunc(b.alerts(), func(a sessionwarden.Alert) bool { return a.Kind != sessionwarden.Intrusion })
		if len(intrusions) != 1 || intrusions[0].ID != list[0].AlertID || intrusions[0].Incident != list[0].ID || len(intrusions[0].Items) != 2 {
			t.Errorf("alerts: %+v", intrusions)
		}
		b.pass(50 * time.Minute)
		if !b.incidents()[0].Open() {
			t.Error("resolved within the hour")
		}
		b.pass(15 * time.Minute)
		over := b.incidents()[0]
		if over.Open() || b.main().Incident != "" {
			t.Errorf("it is not over after a quiet hour: %+v", over)
		}
		var kinds []string
		for _, e := range over.Events {
			kinds = append(kinds, string(e.Kind))
			if e.At.IsZero() || e.Text == "" {
				t.Errorf("an event that says nothing: %+v", e)
			}
		}
		line := strings.Join(kinds, " ")
		for _, want := range []string{"opened session finding", "action action action", "session finding"} {
			if !strings.Contains(line, want) {
				t.Errorf("the timeline is %q, without %q", line, want)
			}
		}
		if kinds[0] != "opened" || kinds[len(kinds)-1] != "resolved" {
			t.Errorf("the timeline is %q", line)
		}
		if !b.told("is over since") {
			t.Errorf("people were not told that it is over:\n%s", strings.Join(b.messages(), "\n"))
		}
		third := b.signIn(farAddr, chrome)
		b.pass(time.Minute)
		b.wantEnded(first, second, third)
		if list := b.incidents(); len(list) != 2 || !list[1].Open() {
			t.Errorf("%d incidents, want another one", len(list))
		}
	})
}

// What the thief was after stands before how he came: in the title of the incident
// and in the status, with whether it is still so.
func TestWhatHappenedToTheAccountStandsFirst(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.atHome()
		b.start()
		b.pass(time.Minute)
		before := b.service.Facts("main").TradeURL
		b.signIn(farAddr, chrome)
		b.pass(time.Minute)
		if title := b.incidents()[0].Headline(); !strings.HasPrefix(title, "Signed in from Vietnam") {
			t.Errorf("before anything was changed: %q", title)
		}
		b.service.Change("main", func(f *manncotest.Facts) { f.TradeURL = "https://steamcommunity.example/?partner=666&token=thief" })
		b.pass(time.Minute)
		b.service.Change("main", func(f *manncotest.Facts) { f.TwoFactor, f.Name = false, "Mallory" })
		b.pass(2 * time.Minute)
		b.restart() // it is on the disk
		const want = "The trade URL was changed, and two-factor authentication was turned off, and the name was changed. Signed in from Vietnam"
		if title := b.incidents()[0].Headline(); !strings.HasPrefix(title, want) {
			t.Errorf("the title: %q", title)
		}
		printed := func() string {
			var out bytes.Buffer
			_ = (&command{out: newPrinter(&out, noEnv)}).printStatus(sessionwarden.Status{Time: b.now(), Accounts: b.app.monitor.Status()})
			narrow(t, out.String())
			return out.String()
		}
		says(t, printed(), "! main, incident "+b.main().Incident+": "+want, "! main: the trade URL was changed 20", ", and still is", "! main: two-factor authentication was turned off 20")
		b.service.Change("main", func(f *manncotest.Facts) { f.TradeURL, f.TwoFactor = before, true })
		b.pass(2 * time.Minute)
		says(t, printed(), "it is as before again", "! main: the name was changed")
		for _, change := range b.main().Changes {
			if change.Back != (change.Rule != sessionwarden.NameChanged) {
				t.Errorf("%s: back is %t", change.Rule, change.Back)
			}
		}
	})
}

// An incident whose action waits for a person is not over.
func TestAnIncidentWaitsForAnAnswer(t *testing.T) {
	tooLongForTheRaceDetector(t)
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.rules = []string{`unexpected_country = "ask"`}
		b.defaults = append(b.defaults, `ask_timeout = "5h"`)
		b.atHome()
		b.start()
		b.pass(time.Minute)
		b.signIn(farAddr, chrome)
		b.pass(3 * time.Hour)
		if list := b.incidents(); len(list) != 1 || !list[0].Open() {
			t.Fatalf("incidents: %+v", list)
		}
		b.pass(4 * time.Hour)
		if list := b.incidents(); len(list) != 1 || list[0].Open() {
			t.Errorf("incidents: %+v", list)
		}
	})
}

// Through the program: the tables, and the timeline at 80 columns.
func TestIncidentsCommand(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.atHome()
	w.start()
	if out := w.must("incidents"); !strings.Contains(out, "There was no incident.") {
		t.Errorf("with nothing to tell: %s", out)
	}
	id := w.signIn(farAddr, chrome, 0)
	w.eventually("it is proven gone", func() bool { return w.action("verified") != nil })
	rows := w.rows("incidents")
	if len(rows) != 1 || rows[0]["state"] != "open" || rows[0]["severity"] != "critical" {
		t.Fatalf("rows: %v", rows)
	}
	w.fits("incidents", w.must("incidents"))
	out := w.must("incidents", "show", rows[0]["id"].(string))
	w.fits("incidents show", out)
	text := strings.Join(strings.Fields(out), " ")
	for _, want := range []string{"Incident " + rows[0]["id"].(string) + " of main, critical, open", "Session " + id, "Proven: session " + id + " is gone from"} {
		if !strings.Contains(text, want) {
			t.Errorf("the timeline lacks %q:\n%s", want, out)
		}
	}
	t.Log(out)
	if _, said, status := w.cli("incidents", "show", "999999"); status != 1 || !strings.Contains(said, "no incident 999999") {
		t.Errorf("one that is not there: status %d, %s", status, said)
	}
	if _, _, status := w.cli("incidents", "show", "x"); status != 2 {
		t.Errorf("no number: status %d", status)
	}
}
