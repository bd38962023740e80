package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"sessionwarden"
	"sessionwarden/alert"
	"sessionwarden/alert/channeltest"
	"sessionwarden/alert/slacktest"
	"sessionwarden/mannco/manncotest"
)

// receiver is a JSON webhook of the owner's that notes what came when.
type receiver struct {
	mu      sync.Mutex
	came    []alert.Record
	at      []time.Time
	service *channeltest.Server
}

// RoundTrip implements http.RoundTripper.
func (r *receiver) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	var record alert.Record
	if err := json.Unmarshal(body, &record); err != nil {
		return nil, err
	}
	r.mu.Lock()
	r.came, r.at = append(r.came, record), append(r.at, time.Now())
	r.mu.Unlock()
	req.Body = io.NopCloser(strings.NewReader(string(body)))
	return r.service.Transport().RoundTrip(req)
}

// first returns when an alert came first; zero: never.
func (r *receiver) first(id uint64) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, record := range r.came {
		if record.Alert == fmt.Sprint(id) {
			return r.at[i]
		}
	}
	return time.Time{}
}

// Slack is away for ten hours, in which something happens every half hour: the
// other channel has what is critical at once, and Slack afterwards has all of it,
// in order, once, in a handful of messages.
func TestTenHoursWithoutSlack(t *testing.T) {
	tooLongForTheRaceDetector(t)
	t.Parallel()
	inBubble(t, func(b *bubble) {
		own := &receiver{service: channeltest.New()}
		b.channels = own
		b.extra = fmt.Sprintf("[[alert.channel]]\nname = \"own\"\nwebhook_url = \"https://hook.invalid/hook/%s\"\nmin_severity = \"critical\"\n", channeltest.Token)
		b.defaults = []string{`expected_countries = ["DE"]`, `schedule = "@every 1m"`, `expired_every = "2h"`, `account_every = "24h"`}
		b.rules = []string{`hosting_network = "alert"`}
		b.atHome()
		for i := range 6 {
			b.alsoWatch(fmt.Sprintf("shop-%d", i))
		}
		b.start()
		b.pass(2 * time.Minute)
		b.slack.Always(slacktest.Status(http.StatusServiceUnavailable))
		before := len(b.slack.Requests())
		const matters = 20
		for i := range matters {
			spec := manncotest.SessionSpec{Address: fmt.Sprintf("113.160.10.%d", 10+i), UserAgent: chrome, ISP: "Provider"}
			if i%2 == 1 {
				spec.Address = fmt.Sprintf("5.9.10.%d", 10+i) // at home, but on a hosting network
			}
			b.signInAs(b.accounts[i%len(b.accounts)], spec)
			b.pass(10 * time.Hour / matters)
		}
		if n := len(b.slack.Requests()) - before; n < 100 || n > 150 {
			t.Errorf("%d attempts in ten hours", n)
		}
		pending := 0
		for _, row := range b.app.status().Channels {
			if row.Channel == "slack" {
				pending = row.Pending
			} else if row.Pending > 0 || row.Error != "" {
				t.Errorf("the other channel: %+v", row)
			}
		}
		if len(b.messages()) != 0 || pending != matters {
			t.Fatalf("%d alerts wait, and %d messages are in Slack", pending, len(b.messages()))
		}
		back := b.now()
		b.slack.Always(slacktest.None())
		b.pass(15 * time.Minute)

		severities := make(map[sessionwarden.Severity]int)
		last := make(map[sessionwarden.Severity]time.Time)
		var firstMild time.Time
		for told, err := range b.app.db.Alerts(t.Context(), sessionwarden.Query{}) {
			if err != nil {
				t.Fatal(err)
			}
			a := told.Alert
			severities[a.Severity]++
			for _, d := range told.Deliveries {
				if d.Channel != "slack" {
					continue
				}
				if d.First.Before(back) || d.Sent == 0 || d.Error != "" { // that an incident is over makes no bundle come anew
					t.Errorf("alert %d was not delivered when Slack was back: %+v", a.ID, d)
				}
				if d.First.Before(last[a.Severity]) {
					t.Errorf("alert %d came before one that is older", a.ID)
				}
				last[a.Severity] = d.First
				if a.Severity < sessionwarden.Critical && (firstMild.IsZero() || d.First.Before(firstMild)) {
					firstMild = d.First
				}
			}
			came := own.first(a.ID)
			switch critical := a.Severity == sessionwarden.Critical; {
			case critical && (came.IsZero() || came.Sub(a.Created) > 3*time.Second):
				t.Errorf("alert %d of %v reached the other channel at %v", a.ID, a.Created, came)
			case !critical && !came.IsZero():
				t.Errorf("alert %d is not critical and reached the other channel", a.ID)
			}
		}
		if severities[sessionwarden.Critical] != matters/2 || severities[sessionwarden.Warning] != matters/2 {
			t.Fatalf("alerts by severity: %v", severities)
		}
		if firstMild.Before(last[sessionwarden.Critical]) {
			t.Errorf("a warning came at %v, and the last critical one at %v", firstMild, last[sessionwarden.Critical])
		}
		wantOnce(t, b.messages(), matters, 5)
		if !b.told(" alerts at once on 7 accounts") {
			t.Errorf("nothing went together: %q", b.messages())
		}
		for row, err := range (tellings{b.app}).Alerts(t.Context(), sessionwarden.Query{}) {
			if err != nil {
				t.Fatal(err)
			}
			for _, on := range row.Channels {
				if want := on.Channel == "slack"; (on.State == alert.StateLate) != want {
					t.Errorf("alert %s on %s is %s", row.ID, on.Channel, on.State)
				}
			}
		}
		b.wantMetric(`alerts_pending{channel="slack"}`, 0)
		b.pass(time.Hour)
		wantOnce(t, b.messages(), matters, 5)
	})
}

// wantOnce checks that messages speak of so many alerts, each once, and that they
// are few.
func wantOnce(t *testing.T, messages []string, alerts, most int) {
	t.Helper()
	total := 0
	for _, m := range messages {
		if strings.Contains(m, "(repeat)") {
			t.Errorf("told twice:\n%s", m)
		}
		title, _, _ := strings.Cut(m, "\n")
		n := 1
		if i := strings.Index(title, " alerts at once"); i > 0 {
			if _, err := fmt.Sscan(title[strings.LastIndexByte(title[:i], ' ')+1:], &n); err != nil {
				t.Fatalf("%q: %v", title, err)
			}
		}
		total += n
	}
	if total != alerts || len(messages) == 0 || len(messages) > most {
		t.Errorf("%d messages speak of %d alerts, want %d messages at most and %d alerts:\n%s", len(messages), total, most, alerts, strings.Join(messages, "\n"))
	}
}
