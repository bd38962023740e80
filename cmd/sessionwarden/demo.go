package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"sessionwarden"
	"sessionwarden/alert/slacktest"
	"sessionwarden/config"
	"sessionwarden/mannco/manncotest"
	"sessionwarden/web"
)

func (c *command) demoCommand() *cobra.Command {
	var listen string
	var length time.Duration
	cmd := &cobra.Command{
		Use: "demo", Short: "Watch a theft and its end, on this machine alone",
		Long: `Runs the whole system with no account, no key and no network: a simulated
service on which somebody signs in with a stolen cookie, the real daemon that
watches it, and a simulated Slack whose messages are shown here. Everything
listens on loopback only, and nothing is left behind.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if length < 0 || length > 24*time.Hour {
				return &usageError{errors.New("--for: write something between 1s and 24h")}
			}
			return c.demo(cmd.Context(), listen, length)
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:0", "`ADDR` on loopback for health and metrics; port 0 chooses a free one")
	cmd.Flags().DurationVar(&length, "for", 0, "go on serving, and end after exactly this `DURATION`")
	return cmd
}

// demoEnd is when the story ends at the latest.
const demoEnd = 55 * time.Second

func (c *command) demo(ctx context.Context, listen string, length time.Duration) (err error) {
	begun := time.Now()
	s := &stage{c: c, begun: begun}
	defer func() { err = errors.Join(err, s.close()) }()
	scenario, err := manncotest.BuiltIn("cookie-thief")
	if err != nil {
		return err
	}
	cfg, err := s.build(listen, scenario)
	if err != nil {
		return err
	}
	fmt.Fprintf(c.out, "%s\n%s\n\n", scenario.Title, wrap(scenario.About, c.out.width, ""))

	a, err := open(ctx, cfg, io.Discard, false, outside{})
	if err != nil {
		return err
	}
	a.running = true
	s.onClose(a.Close)
	serve, err := a.serve(ctx, "")
	if err != nil {
		return err
	}
	fmt.Fprintf(c.out, "The daemon's health: http://%s/healthz and /metrics\n\n", a.opsAddr)

	end := demoEnd
	if length > 0 {
		end = length
	}
	watching, stop := context.WithDeadline(ctx, begun.Add(end))
	defer stop()
	ran := make(chan error, 1)
	go func() { ran <- a.run(watching, nil, nil, serve) }()
	s.say("watch", fmt.Sprintf("The watch begins: account %s, one look a second.", cfg.Accounts[0].Name))

	played := s.service.Play(watching, scenario, func(e manncotest.Event) {
		if line := e.Narration(); line != "" {
			who := e.Who
			if who == "" {
				who = "story"
			}
			s.say(who, line)
		}
	})
	if played != nil && watching.Err() == nil {
		stop()
		return errors.Join(played, <-ran)
	}
	if length == 0 {
		s.settle(watching, a)
		stop()
	} else if watching.Err() == nil {
		s.say("story", "The story is over; everything goes on serving until the time is up.")
	}
	if err := <-ran; err != nil {
		return err
	}
	if ctx.Err() != nil {
		return nil // stopped by hand
	}
	return s.conclude(ctx, a, played == nil)
}

// stage is what the demonstration plays on.
type stage struct {
	c       *command
	begun   time.Time
	service *manncotest.Service
	slack   *slacktest.Server
	closers []func() error

	mu sync.Mutex
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
func (s *stage) build(listen string, scenario manncotest.Scenario) (*config.Config, error) {
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
	if err := s.service.Setup(scenario); err != nil {
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
	fmt.Fprintf(&text, "[defaults]\nbase_url = \"http://%s\"\nschedule = \"@every 1s\"\nexpired_every = \"5s\"\nexpected_countries = [\"DE\"]\n", api)
	for _, account := range scenario.Accounts {
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
	fmt.Fprintf(s.c.out, "%s  %-8s %s\n", stamp(s.begun), shorten(who, 8), wrap(text, s.c.out.width-16, strings.Repeat(" ", 16)))
}

// message shows what Slack shows.
func (s *stage) message(m slacktest.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	title := "Slack shows in " + demoChannel
	before := make(map[string]bool)
	if n := len(m.History); n > 0 {
		title = "Slack updates that message (the rest of it stays)"
		was := m
		was.Text, was.Blocks = m.History[n-1].Text, m.History[n-1].Blocks
		for line := range strings.Lines(slacktest.Text(was)) {
			before[strings.TrimSpace(line)] = true
		}
	}
	fmt.Fprintf(s.c.out, "%s  %s:\n", stamp(s.begun), title)
	for line := range strings.Lines(strings.TrimRight(slacktest.Text(m), "\n")) {
		if line = strings.TrimRight(line, "\n "); !before[strings.TrimSpace(line)] {
			fmt.Fprintln(s.c.out, strings.TrimRight("  │ "+line, " "))
		}
	}
}

// demoChannel is where the demonstration's alerts go.
const demoChannel = "#security"

// settle waits until everything that was done is proven and told.
func (s *stage) settle(ctx context.Context, a *app) {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for ctx.Err() == nil {
		busy := 0
		status := a.status()
		for _, account := range status.Accounts {
			busy += account.Open - account.Held
		}
		for _, channel := range status.Channels {
			busy += channel.Pending
		}
		if busy == 0 {
			return
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

// conclude says how it ended and what to do next. It is an error if the thief
// is not proven gone: the demonstration shows what the program does, not what
// it hopes to do.
func (s *stage) conclude(ctx context.Context, a *app, played bool) error {
	proven := 0
	for action, err := range a.db.Actions(ctx, sessionwarden.Query{}) {
		if err != nil {
			return err
		}
		if action.State == sessionwarden.Verified {
			row := web.NewActionRow(action)
			s.say("proof", fmt.Sprintf("Session %s from %s: ended, and %s", row.SessionID, row.Address, row.Note))
			proven++
		}
	}
	if !played {
		s.say("story", "The time is up before the story is over.")
		return nil
	}
	if proven == 0 {
		return errors.New("the thief was not disconnected: this must not happen, please report it")
	}
	fmt.Fprint(s.c.out, `
That was all of it: the sign-in was seen, judged, ended and proven gone, and
people were told. Do the same for your own account:

  1. go build -o sessionwarden ./cmd/sessionwarden
  2. copy config.example.toml to config.toml; name your account, its API key's
     file, your countries and your Slack webhook
  3. ./sessionwarden --config config.toml check
  4. ./sessionwarden --config config.toml run
`)
	return nil
}
