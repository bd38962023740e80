package alert_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"sessionwarden"
	"sessionwarden/alert"
)

// BenchmarkDecisionToRequest is the time from a committed alert to its request
// on the way to Slack, with the least severe of pauses set aside: each round
// has a Teller of its own.
func BenchmarkDecisionToRequest(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		seen := make(chan struct{}, 1)
		way := roundTrip(func(r *http.Request) (*http.Response, error) {
			seen <- struct{}{}
			return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader("ok")), Request: r}, nil
		})
		hook, err := alert.NewSlackWebhook(alert.SlackWebhookOptions{URL: hookURL, Transport: way})
		if err != nil {
			b.Fatal(err)
		}
		teller := alert.New(alert.Options{Outbox: newDisk(), Channels: []alert.Channel{hook}})
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- teller.Run(ctx) }()
		a := intrusion(sessionwarden.Done)
		time.Sleep(100 * time.Microsecond) // the worker waits, as on any quiet day
		b.StartTimer()
		teller.Add([]sessionwarden.Alert{a})
		<-seen
		b.StopTimer()
		cancel()
		if err := <-ended; err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

// BenchmarkFloor is what a request costs whose message stands ready.
func BenchmarkFloor(b *testing.B) {
	hook, err := alert.NewSlackWebhook(alert.SlackWebhookOptions{URL: hookURL, Transport: answering(200, "ok", "")})
	if err != nil {
		b.Fatal(err)
	}
	m := alert.Compose(intrusion(sessionwarden.Done), told)
	for b.Loop() {
		if _, err := hook.Send(context.Background(), m, ""); err != nil {
			b.Fatal(err)
		}
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
