package alert_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"sessionwarden"
	"sessionwarden/alert"
)

// BenchmarkDecisionToRequest is the time from a committed alert to its request on the
// way to Slack, without the disk, on a channel that has everything: a route, quiet
// hours, an escalation, buttons and threads. The floor, in turn, is a request whose
// message stands ready. Each round has a Teller of its own, as a channel sends one
// message a second.
func BenchmarkDecisionToRequest(b *testing.B) {
	var seen chan time.Time
	way := roundTrip(func(r *http.Request) (*http.Response, error) {
		seen <- time.Now()
		const said = `{"ok":true,"channel":"C0123456789","ts":"1.1"}`
		return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(said)), Request: r}, nil
	})
	a := intrusion(sessionwarden.Held)
	a.Incident, a.Raised = 5, a.Created
	a.Items[0].Action.Hold, a.Items[0].Action.Deadline = sessionwarden.HeldByAsk, a.Created.Add(time.Hour)
	ready := alert.Compose(a, told)
	var took, floors []time.Duration
	for b.Loop() {
		seen = make(chan time.Time, 8)
		bot, err := alert.NewSlackBot(alert.SlackBotOptions{
			Token: func() (string, error) { return canary, nil }, Channel: "C0123456789", APIURL: "https://slack.invalid/api/", Transport: way, Buttons: true,
		})
		if err != nil {
			b.Fatal(err)
		}
		disk := newDisk()
		teller := alert.New(alert.Options{
			Outbox: disk, Channels: []alert.Channel{bot},
			Routes: map[string]alert.Route{"slack": {
				MinSeverity: sessionwarden.Warning, Accounts: []string{"other", a.Account}, Topics: a.Topics(),
				Quiet: sessionwarden.DayHours{From: 22 * time.Hour, To: 8 * time.Hour, Zone: time.UTC},
			}},
			Escalation: alert.Escalation{After: time.Minute, Channels: []string{"slack"}},
			Incident: func(context.Context, uint64) (sessionwarden.Incident, bool, error) {
				return sessionwarden.Incident{}, false, nil
			},
		})
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- teller.Run(ctx) }()
		time.Sleep(100 * time.Microsecond) // the worker waits, as on any quiet day
		begin := time.Now()
		teller.Add([]sessionwarden.Alert{a})
		took = append(took, (<-seen).Sub(begin))
		cancel()
		if err := <-ended; err != nil {
			b.Fatal(err)
		}
		if len(disk.offers) == 0 {
			b.Fatal("the message has no buttons")
		}
		begin = time.Now()
		if _, err := bot.Send(context.Background(), ready, ""); err != nil {
			b.Fatal(err)
		}
		floors = append(floors, (<-seen).Sub(begin))
	}
	slices.Sort(took)
	slices.Sort(floors)
	for _, p := range []int{50, 99} {
		at := min(len(took)*p/100, len(took)-1)
		b.ReportMetric(float64(took[at].Nanoseconds())/1e3, fmt.Sprintf("µs/p%d", p))
		b.ReportMetric(float64(floors[at].Nanoseconds())/1e3, fmt.Sprintf("µs/floor-p%d", p))
	}
}

// BenchmarkWords is what an alert costs to be put into words.
func BenchmarkWords(b *testing.B) {
	a := intrusion(sessionwarden.Done)
	b.ReportAllocs()
	for b.Loop() {
		alert.Compose(a, told)
	}
}
