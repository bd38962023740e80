package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"sessionwarden"
	"sessionwarden/alert"
	"sessionwarden/alert/slacktest"
	"sessionwarden/config"
	"sessionwarden/mannco/manncotest"
	"sessionwarden/storage"
)

// benchConfig is a configuration of so many accounts of a service at url.
func benchConfig(b *testing.B, url string, accounts int) *config.Config {
	b.Helper()
	var text strings.Builder
	fmt.Fprintf(&text, "data_dir = %q\n[log]\nlevel = \"error\"\n[defaults]\nbase_url = %q\nexpected_countries = [\"DE\"]\nmax_disconnects_strangers = 10000\n", b.TempDir(), url)
	for i := range accounts {
		fmt.Fprintf(&text, "[[account]]\nname = \"account-%d\"\napi_key = \"%s-account-%d\"\n", i, testKey, i)
	}
	cfg, err := config.Load("bench.toml", []byte(text.String()), new(command).configOptions())
	if err != nil {
		b.Fatal(err)
	}
	return cfg
}

// BenchmarkIntruder measures, over loopback, how long it takes from the list
// that has an intruder in it to the call that ends him, which is written down
// before it is made: the whole program but for its doors. Beside each, the
// floor: two flushes of the disk and one call on a kept connection. Intruders
// come one at a time, as in life.
func BenchmarkIntruder(b *testing.B) {
	var listed, called atomic.Int64 // since begun
	begun := time.Now()
	service := manncotest.New(manncotest.Options{
		Egress: netip.MustParseAddr(egressAddr), EgressLocation: "DE: Falkenstein", EgressISP: "Provider", Limit: 1 << 30,
		After: func(c manncotest.Call) {
			if c.Route == manncotest.RouteList && called.Load() == 0 {
				listed.Store(int64(time.Since(begun)))
			}
		},
		Before: func(c manncotest.Call) {
			if c.Route == manncotest.RouteDisconnectOne {
				called.CompareAndSwap(0, int64(time.Since(begun)))
			}
		},
	})
	server := httptest.NewServer(service)
	b.Cleanup(func() { service.Close(); server.Close() })
	if err := service.AddAccount(manncotest.Account{Name: "account-0", APIKey: testKey + "-account-0"}); err != nil {
		b.Fatal(err)
	}
	service.SignIn("account-0", manncotest.SessionSpec{Address: homeAddr, UserAgent: chrome, Age: 72 * time.Hour, ISP: "Provider"})
	a, err := open(b.Context(), benchConfig(b, server.URL, 1), io.Discard, false, outside{})
	if err != nil {
		b.Fatal(err)
	}
	defer a.Close()
	once := func() {
		if err := a.monitor.Once(b.Context(), 10*time.Second); err != nil {
			b.Fatal(err)
		}
	}
	once()
	floor := floorOfActing(b, server.URL)
	var took, floors []time.Duration
	for i := 0; b.Loop(); i++ {
		service.SignIn("account-0", manncotest.SessionSpec{Address: fmt.Sprintf("113.160.%d.%d", i/250%250, i%250+1), UserAgent: chrome, ISP: "Provider"})
		called.Store(0)
		time.Sleep(5 * time.Millisecond)
		once()
		if called.Load() == 0 {
			b.Fatal("the intruder was not ended")
		}
		took = append(took, time.Duration(called.Load()-listed.Load()))
		time.Sleep(5 * time.Millisecond)
		floors = append(floors, floor())
	}
	reportTimes(b, took, floors)
}

// floorOfActing returns what measures two flushes of the disk and one call.
func floorOfActing(b *testing.B, url string) func() time.Duration {
	b.Helper()
	f, err := os.Create(filepath.Join(b.TempDir(), "floor"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = f.Close() })
	page := make([]byte, 4096)
	for at := range int64(64) {
		if _, err := f.WriteAt(page, at*4096); err != nil {
			b.Fatal(err)
		}
	}
	if err := f.Sync(); err != nil {
		b.Fatal(err)
	}
	turn := int64(0)
	return func() time.Duration {
		begin := time.Now()
		for at := range int64(2) {
			turn++
			page[0] = byte(turn)
			if _, err := f.WriteAt(page, (turn%30+at*32)*4096); err != nil {
				b.Fatal(err)
			}
			if err := syscall.Fdatasync(int(f.Fd())); err != nil {
				b.Fatal(err)
			}
		}
		answer, err := http.Get(url)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, answer.Body); err != nil {
			b.Fatal(err)
		}
		_ = answer.Body.Close()
		return time.Since(begin)
	}
}

// BenchmarkStart measures how long the program takes to be put together, by
// the number of its accounts: up to where its first poll could begin.
func BenchmarkStart(b *testing.B) {
	for _, accounts := range []int{10, 100, 1000} {
		b.Run(fmt.Sprintf("accounts=%d", accounts), func(b *testing.B) {
			cfg := benchConfig(b, "http://127.0.0.1:1", accounts)
			for b.Loop() {
				a, err := open(context.Background(), cfg, io.Discard, false, outside{})
				if err != nil {
					b.Fatal(err)
				}
				if err := a.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkTold measures, over loopback, how long it takes from a committed alert to
// its request at Slack, with a bot's buttons and threads, routes and an escalation:
// that it is being sent, and what its buttons are about, is written down first.
// Beside each, the floor: two flushes of the disk and one call on a kept connection.
func BenchmarkTold(b *testing.B) {
	var came atomic.Int64 // since begun; 0: not yet
	begun := time.Now()
	slack := slacktest.New()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			came.CompareAndSwap(0, int64(time.Since(begun)))
		}
		slack.ServeHTTP(w, r)
	}))
	b.Cleanup(server.Close)
	db, err := storage.Open(filepath.Join(b.TempDir(), "sessionwarden.db"), storage.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = db.Close() })
	bot, err := alert.NewSlackBot(alert.SlackBotOptions{
		Token: func() (string, error) { return testToken, nil }, Channel: "C0123456789", APIURL: server.URL + slacktest.APIPath, Buttons: true,
	})
	if err != nil {
		b.Fatal(err)
	}
	floor := floorOfActing(b, server.URL)
	var took, floors []time.Duration
	for b.Loop() {
		now := time.Now().UTC()
		who := sessionwarden.Sighting{Seq: db.NextID(), Account: "main", Session: sessionwarden.Session{
			ID: "70001", Addr: netip.MustParseAddr(farAddr), UserAgent: chrome, Started: now,
		}, Device: "Windows, Chrome", FirstSeen: now, LastSeen: now}
		incident := sessionwarden.Incident{ID: db.NextID(), Account: "main", Opened: now, Updated: now}
		held := sessionwarden.Action{
			ID: db.NextID(), Account: "main", Seq: who.Seq, Session: who.ID, Addr: farAddr, Device: who.Device, Reason: "Signed in from Vietnam.",
			State: sessionwarden.Held, Hold: sessionwarden.HeldByAsk, Deadline: now.Add(time.Hour), Created: now, Updated: now,
		}
		a := sessionwarden.Alert{
			ID: db.NextID(), Account: "main", Kind: sessionwarden.Intrusion, Severity: sessionwarden.Critical, Created: now, Updated: now, Raised: now, Incident: incident.ID,
			Items: []sessionwarden.AlertItem{{Sighting: who, Action: &held}},
		}
		incident.AlertID, held.AlertID = a.ID, a.ID
		err := db.Commit(b.Context(), []sessionwarden.Change{{
			History: sessionwarden.History{Account: "main", Baseline: begun, Incident: &incident, Live: []sessionwarden.Sighting{who}}, Sightings: []sessionwarden.Sighting{who},
			Actions: []sessionwarden.Action{held}, Incidents: []sessionwarden.Incident{incident}, Alerts: []sessionwarden.Alert{a},
		}})
		if err != nil {
			b.Fatal(err)
		}
		teller := alert.New(alert.Options{ // a new one each time: a channel sends one message a second
			Outbox: db, Channels: []alert.Channel{bot}, Routes: map[string]alert.Route{"slack": {MinSeverity: sessionwarden.Warning, Topics: a.Topics()}},
			Escalation: alert.Escalation{After: time.Minute, Channels: []string{"slack"}},
			Incident: func(context.Context, uint64) (sessionwarden.Incident, bool, error) {
				return incident, true, nil
			},
		})
		ctx, cancel := context.WithCancel(b.Context())
		ended := make(chan error, 1)
		go func() { ended <- teller.Run(ctx) }()
		time.Sleep(5 * time.Millisecond)
		came.Store(0)
		begin := time.Since(begun)
		teller.Add([]sessionwarden.Alert{a})
		if err := teller.Flush(ctx); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Duration(came.Load())-begin)
		cancel()
		if err := <-ended; err != nil {
			b.Fatal(err)
		}
		time.Sleep(5 * time.Millisecond)
		floors = append(floors, floor())
	}
	if messages := slack.Messages(); !strings.Contains(string(messages[0].Raw), `"type":"button"`) {
		b.Fatalf("the message has no buttons: %s", messages[0].Raw)
	}
	reportTimes(b, took, floors)
}

// reportTimes reports the median and the slowest hundredth of times, and of floors.
func reportTimes(b *testing.B, took, floors []time.Duration) {
	b.Helper()
	slices.Sort(took)
	slices.Sort(floors)
	for _, p := range []int{50, 99} {
		at := min(len(took)*p/100, len(took)-1)
		b.ReportMetric(float64(took[at].Nanoseconds())/1e3, fmt.Sprintf("µs/p%d", p))
		b.ReportMetric(float64(floors[at].Nanoseconds())/1e3, fmt.Sprintf("µs/floor-p%d", p))
	}
}
