package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sessionwarden"
	"sessionwarden/mannco/manncotest"
)

// Thousands of sessions from abroad at once, on one account: each is found and kept
// in the history, one message tells of them at once, and what tells of them is no
// larger for two thousand than for two hundred. tools/perf does it with ten thousand, and
// measures memory and time.
func TestThousandsOfFindingsAtOnce(t *testing.T) {
	tooLongForTheRaceDetector(t)
	t.Parallel()
	few, many := flooded(t, 200), flooded(t, 2000)
	if many.rang > few.rang {
		t.Errorf("%d messages ring for 2000 sessions, %d for 200", many.rang, few.rang)
	}
	if many.alert > few.alert || many.events > sessionwarden.MaxEvents {
		t.Errorf("the alert shows %d sessions, %d of 200; the timeline has %d events", many.alert, few.alert, many.events)
	}
	if many.text > few.text+200 {
		t.Errorf("the message has %d bytes for 2000 sessions, %d for 200", many.text, few.text)
	}
}

// telling is what people got of a flood.
type telling struct{ rang, alert, events, text int }

// flooded lets n sessions come to one account at once.
func flooded(t *testing.T, n int) (r telling) {
	t.Helper()
	t.Run(fmt.Sprint(n), func(t *testing.T) {
		inBubble(t, func(b *bubble) {
			b.level = "error"
			b.defaults = []string{`expected_countries = ["DE"]`, `schedule = "@every 30s"`, `expired_every = "1h"`, `account_every = "24h"`}
			b.atHome()
			b.start()
			b.pass(time.Minute)
			ids := make(map[string]bool)
			for i := range n {
				ids[b.signInAs("main", manncotest.SessionSpec{Address: fmt.Sprintf("113.160.%d.%d", i/200, 1+i%200), UserAgent: chrome, ISP: "Provider"})] = true
			}
			begun := b.now()
			b.pass(40 * time.Second)
			if m := b.messages(); len(m) == 0 || !strings.Contains(m[0], "main: ") {
				t.Fatalf("nobody was told within the poll: %q", m)
			}
			b.pass(3 * time.Minute)
			found := make(map[string]bool)
			for _, f := range b.findings() {
				if f.Rule == sessionwarden.UnexpectedCountry && ids[string(f.Session)] {
					found[string(f.Session)] = true
				}
			}
			if len(found) != n {
				t.Errorf("%d of %d are in the history", len(found), n)
			}
			for _, a := range b.alerts() {
				if a.Severity != sessionwarden.Critical {
					continue
				}
				for one, err := range b.app.db.Alerts(t.Context(), sessionwarden.Query{ID: a.ID}) {
					if err != nil || len(one.Deliveries) != 1 || one.Deliveries[0].First.Sub(begun) > 35*time.Second {
						t.Errorf("alert %d: %+v, %v", a.ID, one.Deliveries, err)
					}
				}
				if a.Kind == sessionwarden.Intrusion {
					r.alert = max(r.alert, len(a.Items))
					if shown := len(a.Items) + a.More; shown < n {
						t.Errorf("the alert counts %d of %d", shown, n)
					}
				}
			}
			for _, i := range b.incidents() {
				r.events = max(r.events, len(i.Events))
			}
			for _, m := range b.slack.Messages() {
				if heard(m) || m.Broadcast {
					r.rang++
				}
			}
			for _, m := range b.messages() {
				r.text = max(r.text, len(m))
			}
			b.wantMetric("alerts_pending", 0)

			// All are gone at once: nothing is left of them, in memory either.
			for _, s := range b.service.Live("main") {
				if ids[fmt.Sprint(s.ID)] {
					b.service.SignOut("main", s.ID)
				}
			}
			b.pass(2 * time.Minute)
			if h := b.history("main"); len(h.Live) > 2 || len(h.Actions) > 0 {
				t.Errorf("%d sessions and %d actions are left", len(h.Live), len(h.Actions))
			}
			for _, a := range b.actions() {
				if a.State != sessionwarden.Verified && a.State != sessionwarden.Moot {
					t.Errorf("the action on %s is %s", a.Session, a.State)
				}
			}
		})
	})
	return r
}
