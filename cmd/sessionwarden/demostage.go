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
	"sync/atomic"
	"time"

	"sessionwarden/config"
	"sessionwarden/mannco/manncotest"
)

// stage is what the demonstration plays on: a simulated service, and the room with a
// simulated Slack, through which it prints.
type stage struct {
	*slackRoom
	c       *command
	service *manncotest.Service
	closers []func() error
	asking  atomic.Bool // a question waits for a press

	deeds    sync.Mutex
	arrivals int  // how often a thief signed in
	tampered bool // one of them has changed something
}

func newStage(c *command, begun time.Time) *stage {
	s := &stage{slackRoom: newSlackRoom(c.out, begun), c: c}
	s.brief, s.names = true, map[string]string{slackOwner: "Anna", slackStranger: "A stranger"}
	return s
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
	api, err := s.serveService()
	if err != nil {
		return nil, err
	}
	hub, err := s.slackRoom.serve("127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s.onClose(hub.Close)
	s.asking.Store(play.buttons)
	var text strings.Builder
	fmt.Fprintf(&text, "data_dir = %q\ninstance = \"demo\"\n[web]\nlisten = %q\n", filepath.Join(dir, "data"), opsAddr)
	text.WriteString(s.configuration(play.buttons))
	fmt.Fprintf(&text, "[defaults]\nbase_url = \"http://%s\"\nschedule = \"@every %s\"\nexpired_every = \"5s\"\n%s\n", api, play.every, play.defaults)
	for _, account := range play.scenario.Accounts {
		fmt.Fprintf(&text, "[[account]]\nname = %q\napi_key = %q\n", account.Name, account.APIKey)
	}
	return config.Load("demo", []byte(text.String()), s.c.configOptions())
}

// serveService serves the simulated service on a free port of loopback and returns
// its address.
func (s *stage) serveService() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	server := &http.Server{Handler: s.service, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(listener) }() // ends with Close
	s.onClose(server.Close)
	return listener.Addr().String(), nil
}

// tell tells of an event of the story.
func (s *stage) tell(e manncotest.Event) {
	s.deeds.Lock()
	if e.Who == "thief" && !e.Skipped {
		if e.Kind == manncotest.EventSignIn {
			s.arrivals++
		}
		s.tampered = s.tampered || e.Kind == manncotest.EventChange
	}
	s.deeds.Unlock()
	if line := e.Narration(); line != "" {
		s.say(cmp.Or(e.Who, "story"), line)
	}
}

// thieves returns how often a thief signed in, and whether one has changed
// something.
func (s *stage) thieves() (arrivals int, tampered bool) {
	s.deeds.Lock()
	defer s.deeds.Unlock()
	return s.arrivals, s.tampered
}

// tellHeightened tells when the watch looks more often, and ends with ctx.
func tellHeightened(ctx context.Context, s *stage, a *app) {
	s.until(ctx, func() bool { return !a.status().Accounts[0].Heightened.IsZero() })
	if until := a.status().Accounts[0].Heightened; !until.IsZero() {
		s.say("watch", "Heightened watch until "+until.UTC().Format("15:04 MST")+": never more than three seconds between two looks, as whoever was here may come back.")
	}
}

// settle waits until everything that was asked is answered, and everything that was
// done is proven and told.
func (s *stage) settle(ctx context.Context, a *app) {
	s.until(ctx, func() bool {
		if s.asking.Load() {
			return false
		}
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
