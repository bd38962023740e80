package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"sessionwarden/alert/slacktest"
	"sessionwarden/config"
	"sessionwarden/mannco/manncotest"
)

// stage is what the demonstration plays on.
type stage struct {
	c       *command
	begun   time.Time
	service *manncotest.Service
	slack   *slacktest.Server
	closers []func() error

	mu       sync.Mutex
	arrivals int  // how often a thief signed in
	tampered bool // one of them has changed something
}

func (s *stage) onClose(f func() error) { s.closers = append(s.closers, f) }

func (s *stage) close() error {
	var errs []error
	for i := len(s.closers) - 1; i >= 0; i-- {
		errs = append(errs, s.closers[i]())
	}
	s.closers = nil
	return errors.Join(errs...)
}

// build makes the simulated service, the simulated Slack and a configuration
// for the daemon between them.
func (s *stage) build(listen string, play act) (*config.Config, error) {
	dir, err := os.MkdirTemp("", "sessionwarden-demo-")
	if err != nil {
		return nil, err
	}
	s.onClose(func() error { return os.RemoveAll(dir) })
	ops, err := listenLoopback(listen)
	if err != nil {
		return nil, err
	}
	opsAddr := ops.Addr().String()
	if err := ops.Close(); err != nil { // the daemon opens it again
		return nil, err
	}
	s.service = manncotest.New(manncotest.Options{})
	s.onClose(func() error { s.service.Close(); return nil })
	if err := s.service.Setup(play.scenario); err != nil {
		return nil, err
	}
	api, err := s.serve(s.service)
	if err != nil {
		return nil, err
	}
	s.slack = slacktest.New()
	s.slack.OnMessage(s.message)
	hub, err := s.serve(s.slack)
	if err != nil {
		return nil, err
	}
	var text strings.Builder
	fmt.Fprintf(&text, "data_dir = %q\ninstance = \"demo\"\n[web]\nlisten = %q\n", filepath.Join(dir, "data"), opsAddr)
	fmt.Fprintf(&text, "[alert.slack]\nbot_token = \"demo-token-not-a-secret\"\nchannel = %q\napi_url = \"http://%s/api/\"\n", demoChannel, hub)
	fmt.Fprintf(&text, "[defaults]\nbase_url = \"http://%s\"\nschedule = \"@every %s\"\nexpired_every = \"5s\"\n%s\n", api, play.every, play.defaults)
	for _, account := range play.scenario.Accounts {
		fmt.Fprintf(&text, "[[account]]\nname = %q\napi_key = %q\n", account.Name, account.APIKey)
	}
	return config.Load("demo", []byte(text.String()), s.c.configOptions())
}

// serve serves h on a free port of loopback and returns its address.
func (s *stage) serve(h http.Handler) (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(listener) }() // ends with Close
	s.onClose(server.Close)
	return listener.Addr().String(), nil
}

// say tells a line of the story: when, who, what.
func (s *stage) say(who, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(s.c.out, "%s  %-10s %s\n", stamp(s.begun), shorten(who, 10), wrap(text, s.c.out.width-18, strings.Repeat(" ", 18)))
}

// tell tells of an event of the story.
func (s *stage) tell(e manncotest.Event) {
	s.mu.Lock()
	if e.Who == "thief" && !e.Skipped {
		if e.Kind == manncotest.EventSignIn {
			s.arrivals++
		}
		s.tampered = s.tampered || e.Kind == manncotest.EventChange
	}
	s.mu.Unlock()
	if line := e.Narration(); line != "" {
		s.say(cmp.Or(e.Who, "story"), line)
	}
}

// thieves returns how often a thief signed in, and whether one has changed
// something.
func (s *stage) thieves() (arrivals int, tampered bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.arrivals, s.tampered
}

// tellHeightened tells when the watch looks more often, and ends with ctx.
func (s *stage) tellHeightened(ctx context.Context, a *app) {
	s.until(ctx, func() bool { return !a.status().Accounts[0].Heightened.IsZero() })
	if until := a.status().Accounts[0].Heightened; !until.IsZero() {
		s.say("watch", "Heightened watch until "+until.UTC().Format("15:04 MST")+": never more than three seconds between two looks, as whoever was here may come back.")
	}
}

// message shows what Slack shows; of an update what is new in it.
func (s *stage) message(m slacktest.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	title := "Slack shows in " + demoChannel
	if m.Thread != "" {
		title = "Slack shows in the thread of that message"
	}
	before := make(map[string]bool)
	if n := len(m.History); n > 0 {
		title = "Slack updates that message (the rest of it stays)"
		was := m
		was.Text, was.Blocks = m.History[n-1].Text, m.History[n-1].Blocks
		for _, paragraph := range paragraphs(slacktest.Text(was)) {
			before[paragraph] = true
		}
	}
	fmt.Fprintf(s.c.out, "%s  %s:\n", stamp(s.begun), title)
	for _, paragraph := range paragraphs(slacktest.Text(m)) {
		if before[paragraph] {
			continue
		}
		for line := range strings.Lines(paragraph) {
			fmt.Fprintln(s.c.out, strings.TrimRight("  │ "+strings.TrimRight(line, "\n "), " "))
		}
	}
}

// paragraphs cuts what Slack shows into lines, each with those that it goes on
// in.
func paragraphs(text string) []string {
	var list []string
	for line := range strings.Lines(strings.TrimRight(text, "\n") + "\n") {
		if goesOn := strings.HasPrefix(line, "    "); goesOn && len(list) > 0 {
			list[len(list)-1] += line
		} else {
			list = append(list, line)
		}
	}
	return list
}

// demoChannel is where the demonstration's alerts go.
const demoChannel = "#security"

// settle waits until everything that was done is proven and told.
func (s *stage) settle(ctx context.Context, a *app) {
	s.until(ctx, func() bool {
		busy := 0
		status := a.status()
		for _, account := range status.Accounts {
			busy += account.Open - account.Held
		}
		for _, channel := range status.Channels {
			busy += channel.Pending
		}
		return busy == 0
	})
}

// until waits until something holds, or until ctx ends.
func (s *stage) until(ctx context.Context, holds func() bool) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for ctx.Err() == nil && !holds() {
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}
