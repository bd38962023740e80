package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"sessionwarden"
	"sessionwarden/alert/slacktest"
	"sessionwarden/mannco/manncotest"
	"sessionwarden/storage"
)

// flooded is what a watch did about many sessions that came at once.
type flooded struct {
	peak    float64       // anonymous memory at most, in MiB
	rang    int           // messages that somebody hears
	changes int           // of messages, and replies in their threads
	found   int           // sessions with a finding in the history
	last    time.Duration // from the sign-in until the last critical alert was out
	used    time.Duration // of a core, until then
	away    time.Duration // of a core, when all of them are gone at once
}

// floods measures the watch while 10,000 sessions from abroad come at once. The
// floor is one that comes alone.
func floods(ctx context.Context, m *measuring) error {
	total := 10_000
	if m.short {
		total = 2000
	}
	alone, err := m.flooded(ctx, 1, 1)
	if err != nil {
		return err
	}
	for _, at := range []struct {
		where    string
		accounts int
		most     int // messages
	}{
		{"one account", 1, 3},
		{"200 accounts", 200, 20},
	} {
		r, err := m.flooded(ctx, at.accounts, total/at.accounts)
		if err != nil {
			return err
		}
		m.rows = append(m.rows, row{
			what:    fmt.Sprintf("%s sessions from abroad at once on %s: memory, messages, the last critical one out", number(float64(total)), at.where),
			goal:    fmt.Sprintf("each found; ≤ 256 MiB anonymous, ≤ %d messages, ≤ 60 s", at.most),
			floor:   fmt.Sprintf("%s MiB, %d message, %s (one session)", number(alone.peak), alone.rang, duration(float64(alone.last))),
			reached: fmt.Sprintf("%d found; %s MiB, %d messages and %d changes, %s; CPU %s", r.found, number(r.peak), r.rang, r.changes, duration(float64(r.last)), duration(float64(r.used))),
			ratio:   times(r.peak / alone.peak), command: "go run ./tools/perf -only flood",
			met:   r.found == total && r.rang <= at.most && r.peak <= 256 && r.last <= time.Minute,
			would: "keeping the facts of live sessions once; in time: fewer commits for each session that is ended.",
		})
		if at.accounts > 1 {
			continue
		}
		m.laws = append(m.laws, law{
			what: fmt.Sprintf("CPU when %s sessions of one account are gone at once", number(float64(total))), goal: "≤ 2 s", found: duration(float64(r.away)),
			command: "go run ./tools/perf -only flood", met: r.away <= 2*time.Second, would: "finding what looks at all of them for each of them.",
		})
	}
	return nil
}

// flooded lets each of so many accounts have so many visitors from abroad at once, of
// whom 100 are ended within the hour, or five on each account: it is about the telling.
func (m *measuring) flooded(ctx context.Context, accounts, each int) (r flooded, err error) {
	w, err := newWorld(ctx, accounts, 1)
	if err != nil {
		return r, err
	}
	defer w.close()
	slack := slacktest.New()
	at, stop, err := serve(ctx, slack)
	if err != nil {
		return r, err
	}
	defer stop()
	dir, err := m.dataDir()
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	d, err := m.start(ctx, w, dir, "@every 2s", "expired_every = \"1h\"", fmt.Sprintf("max_disconnects_strangers = %d", max(5, 100/accounts)), "[alert.slack]", `bot_token = "canary-bot-token-not-a-secret"`, `channel = "#security"`, fmt.Sprintf("api_url = %q", at+slacktest.APIPath))
	if err != nil {
		return r, err
	}
	running := true
	defer func() {
		if running {
			err = errors.Join(err, d.stop())
		}
	}()
	if err := wait(ctx, 5*time.Second); err != nil { // what follows a first poll is over
		return r, err
	}
	before, err := cpu(d.cmd.Process.Pid)
	if err != nil {
		return r, err
	}
	begun := time.Now()
	for i := range accounts * each {
		w.service.SignIn(w.names[i%accounts], manncotest.SessionSpec{Address: fmt.Sprintf("113.160.%d.%d", i/200, 1+i%200), UserAgent: chrome, ISP: "Provider"})
	}
	// At rest: everything is found and told, and nothing was said or done for five seconds.
	were, since := 0, time.Now()
	err = until(ctx, 5*time.Minute, "everybody is told of everything", func() bool {
		if used, err := memory(d.cmd.Process.Pid); err == nil {
			r.peak = max(r.peak, used.anonymous)
		}
		found, err := d.metric("sessionwarden_findings_total")
		if err != nil {
			return false // none yet
		}
		if did := len(slack.Requests()) + len(w.service.Disconnects("")) + int(found); did != were {
			were, since = did, time.Now()
		}
		if int(found) < accounts*each || len(slack.Messages()) == 0 || time.Since(since) < 5*time.Second {
			return false
		}
		pending, err := d.metric("sessionwarden_alerts_pending")
		return err == nil && pending == 0
	})
	if err != nil {
		return r, err
	}
	after, err := cpu(d.cmd.Process.Pid)
	if err != nil {
		return r, err
	}
	r.used = after - before
	for _, message := range slack.Messages() {
		if message.Thread == "" || message.Broadcast {
			r.rang++
		} else {
			r.changes++
		}
		r.changes += len(message.History)
	}
	for _, name := range w.names {
		for _, s := range w.service.Live(name) {
			if s.Address != homeAddr && s.Address != egressAddr {
				w.service.SignOut(name, s.ID)
			}
		}
	}
	if err := wait(ctx, 12*time.Second); err != nil { // two complete lists and some
		return r, err
	}
	gone, err := cpu(d.cmd.Process.Pid)
	if err != nil {
		return r, err
	}
	r.away = gone - after
	running = false
	if err := d.stop(); err != nil {
		return r, err
	}
	return r, r.read(ctx, dir, begun)
}

// read takes from the history what was found, and when people were told of it.
func (r *flooded) read(ctx context.Context, dir string, begun time.Time) (err error) {
	db, err := storage.Open(filepath.Join(dir, "sessionwarden.db"), storage.Options{ReadOnly: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	found := make(map[uint64]bool)
	for f, err := range db.Findings(ctx, sessionwarden.Query{}) {
		if err != nil {
			return err
		}
		if f.Rule == sessionwarden.UnexpectedCountry {
			found[f.Seq] = true
		}
	}
	r.found = len(found)
	alerts, deliveries, err := db.Outbox(ctx)
	if err != nil {
		return err
	}
	first := make(map[uint64]time.Time)
	for _, told := range deliveries {
		first[told.Alert] = told.First
	}
	for _, a := range alerts {
		if a.Severity < sessionwarden.Critical {
			continue
		}
		if first[a.ID].IsZero() {
			return fmt.Errorf("nobody was told of alert %d", a.ID)
		}
		r.last = max(r.last, first[a.ID].Sub(begun))
	}
	return nil
}

// serve answers on loopback until stop is called.
func serve(ctx context.Context, handler http.Handler) (url string, stop func(), err error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = server.Serve(listener) }()
	return "http://" + listener.Addr().String(), func() { _ = server.Close(); <-ended }, nil
}
