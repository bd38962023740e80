package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sessionwarden"
	"sessionwarden/mannco/manncotest"
	"sessionwarden/web"
)

const (
	cookieThief     = "cookie-thief"
	travellingOwner = "travelling-owner"
	oneTap          = "one-tap"
)

func (c *command) demoCommand() *cobra.Command {
	var d demo
	cmd := &cobra.Command{
		Use: "demo", Short: "Watch a theft and its end, on this machine alone",
		Long: `Runs the whole system with no account, no key and no network: a simulated
service on which a story is played, the real daemon that watches it, and a
simulated Slack whose messages are shown here. Everything listens on loopback
only, and nothing is left behind.

The stories: cookie-thief, in which somebody signs in with a stolen cookie;
one-tap, in which the watch asks first and you press a button in Slack, by its
number, or see it pressed; and travelling-owner, in which the owner herself goes
abroad, twice: unannounced, and with a trust that ends by itself. Without
--scenario it is cookie-thief, and then one-tap.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case d.length < 0 || d.length > 24*time.Hour:
				return &usageError{errors.New("--for: write something between 1s and 24h")}
			case !slices.Contains([]string{"", cookieThief, oneTap, travellingOwner}, d.scenario):
				return &usageError{fmt.Errorf("--scenario: there are %s, %s and %s; sessionwarden simulate plays any other", cookieThief, oneTap, travellingOwner)}
			}
			d.c, d.begun = c, time.Now()
			return d.run(cmd.Context())
		},
	}
	cmd.Flags().StringVar(&d.scenario, "scenario", "", "the story's `NAME`: "+cookieThief+", "+oneTap+" or "+travellingOwner+"; without it the first two")
	cmd.Flags().StringVar(&d.listen, "listen", "127.0.0.1:0", "`ADDR` on loopback for health and metrics; port 0 chooses a free one")
	cmd.Flags().DurationVar(&d.length, "for", 0, "go on serving, and end after exactly this `DURATION`")
	return cmd
}

// demoEnd is when the story ends at the latest.
const demoEnd = 55 * time.Second

// demo is one demonstration.
type demo struct {
	c        *command
	scenario string // "": cookieThief, and then oneTap
	listen   string
	length   time.Duration // 0: as long as the story lasts
	begun    time.Time
}

func (d *demo) run(ctx context.Context) error {
	end := demoEnd
	if d.length > 0 {
		end = d.length
	}
	ctx, stop := context.WithDeadline(ctx, d.begun.Add(end))
	defer stop()
	var err error
	switch d.scenario {
	case travellingOwner:
		err = d.theTrip(ctx)
	case oneTap:
		err = d.theTap(ctx)
	case cookieThief:
		err = d.theTheft(ctx, true)
	default:
		if err = d.theTheft(ctx, false); err == nil {
			fmt.Fprint(d.c.out, "\nThe same watch, where it asks first:\n\n")
			err = d.theTap(ctx)
		}
	}
	if errors.Is(err, errTimeIsUp) {
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			fmt.Fprintf(d.c.out, "%s  %-10s The time is up before the story is over.\n", stamp(d.begun), "story")
		}
		return nil // by the clock, or stopped by hand
	}
	return err
}

// introduce says what is played, and returns it.
func (d *demo) introduce(name string) (manncotest.Scenario, error) {
	scenario, err := manncotest.BuiltIn(name)
	if err == nil {
		fmt.Fprintf(d.c.out, "%s\n%s\n\n", scenario.Title, wrap(scenario.About, d.c.out.width, ""))
	}
	return scenario, err
}

// theTheft tells of a thief; last where nothing comes after it. It is an error if he
// is not proven gone, or is not told of: the demonstration shows what the program
// does, not what it hopes to do.
func (d *demo) theTheft(ctx context.Context, last bool) error {
	scenario, err := d.introduce(cookieThief)
	if err != nil {
		return err
	}
	return d.act(ctx, act{
		scenario: scenario, last: last, beside: tellHeightened, every: 5 * time.Second, look: "one look every five seconds", defaults: `expected_countries = ["DE"]`,
		after: func(s *stage, a *app) error {
			history, err := readDemo(a)
			if err != nil {
				return err
			}
			thieves, tampered := s.thieves()
			for _, action := range history.actions {
				if action.State == sessionwarden.Verified {
					row := web.NewActionRow(action)
					s.say("proof", fmt.Sprintf("Session %s from %s: ended, and %s", row.SessionID, row.Address, row.Note))
					thieves--
				}
			}
			if thieves != 0 {
				return errors.New("a thief was not disconnected: this must not happen, please report it")
			}
			if len(history.incidents) != 1 {
				return fmt.Errorf("the theft is %d incidents: this must not happen, please report it", len(history.incidents))
			}
			row := web.NewIncidentRow(history.incidents[0])
			fmt.Fprintf(d.c.out, "\n$ sessionwarden incidents show %s\n", row.ID)
			if err := d.c.showIncident(row); err != nil {
				return err
			}
			if !history.found(sessionwarden.Respawned) || tampered && !history.found(sessionwarden.Takeover) {
				return errors.New("the theft was not recognized for what it is: this must not happen, please report it")
			}
			if last {
				d.yourTurn("That was all of it: seen, judged, ended and proven gone, twice; and people were told what was changed meanwhile.")
			}
			return nil
		},
	})
}

// theTrip tells of the owner abroad, twice: people get one message when nothing
// was announced, and none where it was.
func (d *demo) theTrip(ctx context.Context) error {
	scenario, err := d.introduce(travellingOwner)
	if err != nil {
		return err
	}
	scenario.Speed = 1800
	trip := act{
		// No countries are written down: what is new to the account is told.
		scenario: scenario, beside: tellHeightened, every: time.Second, look: "one look a second", defaults: `learning = "off"`,
		after: func(s *stage, a *app) error { return s.quiet(a, 1) },
	}
	if err := d.act(ctx, trip); err != nil {
		return err
	}
	fmt.Fprint(d.c.out, "\nThe same day once more. This time Anna says so before she leaves:\n\n")
	trip.last = true
	trip.before = func(s *stage, a *app) error {
		trust := sessionwarden.Trust{Account: "anna", Country: "AT", Until: time.Now().AddDate(0, 0, 14), Note: "Vienna"}
		trust, err := a.monitor.AddTrust(ctx, trust, 0)
		if err != nil {
			return err
		}
		fmt.Fprintln(d.c.out, `$ sessionwarden trust add --account anna --country AT --until 14d --note Vienna`)
		if err := d.c.printTrusted(web.NewTrustRow(trust, time.Now())); err != nil {
			return err
		}
		fmt.Fprintln(d.c.out)
		return nil
	}
	trip.after = func(s *stage, a *app) error {
		if err := s.quiet(a, 0); err != nil {
			return err
		}
		d.yourTurn("That was all of it: one message for a trip that nobody knew of, none for one that was announced, and nobody was signed out.")
		return nil
	}
	return d.act(ctx, trip)
}

// yourTurn says what to do next.
func (d *demo) yourTurn(summary string) {
	fmt.Fprintf(d.c.out, `
%s
Do the same for your own account:

  1. go build -o sessionwarden ./cmd/sessionwarden
  2. copy config.example.toml to config.toml; name your account, its API key's
     file, your countries and your Slack webhook
  3. ./sessionwarden --config config.toml check
  4. ./sessionwarden --config config.toml run
`, wrap(summary, d.c.out.width, ""))
}

// act is one telling of a story.
type act struct {
	scenario manncotest.Scenario
	every    time.Duration // the schedule
	look     string        // the same in words
	defaults string        // more lines under [defaults]
	buttons  bool          // Slack has buttons, and one of them is to be pressed
	last     bool          // what is left of the time is served
	before   func(*stage, *app) error
	beside   func(context.Context, *stage, *app) // while the story goes on; it ends with its context
	after    func(*stage, *app) error            // once the story is over and all is told
}

var errTimeIsUp = errors.New("the time is up")

// act plays one act on a stage of its own. It returns errTimeIsUp where ctx
// ended before the story.
func (d *demo) act(ctx context.Context, play act) (err error) {
	s := newStage(d.c, d.begun)
	defer func() { err = errors.Join(err, s.close()) }()
	cfg, err := s.build(d.listen, play)
	if err != nil {
		return err
	}
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
	if play.before != nil {
		if err := play.before(s, a); err != nil {
			return err
		}
	}
	fmt.Fprintf(d.c.out, "The daemon's health: http://%s/healthz and /metrics\n\n", a.opsAddr)

	watching, stop := context.WithCancel(ctx)
	defer stop()
	ran := make(chan error, 1)
	go func() { ran <- a.run(watching, nil, nil, serve) }()
	s.say("watch", fmt.Sprintf("The watch begins: account %s, %s.", cfg.Accounts[0].Name, play.look))
	s.until(watching, func() bool { // it has seen what there is, and hears who presses
		connected, _ := s.slack.Connections()
		return a.status().Accounts[0].TwoFactor != "" && (!play.buttons || connected > 0)
	})
	beside := make(chan struct{})
	go func() {
		defer close(beside)
		play.beside(watching, s, a)
	}()
	played := s.service.Play(watching, play.scenario, s.tell)
	if played == nil {
		s.settle(watching, a)
		if play.last && d.length > 0 && ctx.Err() == nil {
			s.say("story", "The story is over; everything goes on serving until the time is up.")
			<-ctx.Done()
		}
	}
	stop()
	<-beside
	err = <-ran
	switch {
	case played != nil && ctx.Err() == nil:
		return errors.Join(played, err)
	case err != nil:
		return err
	case played != nil || errors.Is(ctx.Err(), context.Canceled):
		return errTimeIsUp
	}
	return play.after(s, a)
}

// told is what a demonstration has written down.
type told struct {
	findings  []sessionwarden.Finding
	actions   []sessionwarden.Action
	incidents []sessionwarden.Incident
}

func readDemo(a *app) (told, error) {
	var t told
	for finding, err := range a.db.Findings(context.Background(), sessionwarden.Query{}) {
		if err != nil {
			return t, err
		}
		t.findings = append(t.findings, finding)
	}
	for action, err := range a.db.Actions(context.Background(), sessionwarden.Query{}) {
		if err != nil {
			return t, err
		}
		t.actions = append(t.actions, action)
	}
	for incident, err := range a.db.Incidents(context.Background(), sessionwarden.Query{}) {
		if err != nil {
			return t, err
		}
		t.incidents = append(t.incidents, incident)
	}
	return t, nil
}

func (t told) found(rule sessionwarden.Rule) bool {
	return slices.ContainsFunc(t.findings, func(f sessionwarden.Finding) bool { return f.Rule == rule })
}

// quiet says how many messages people got in a story in which nothing was
// wrong, and what was only written down. More is an error.
func (s *stage) quiet(a *app, most int) error {
	history, err := readDemo(a)
	if err != nil {
		return err
	}
	var notes []string
	for _, f := range history.findings {
		if name := string(f.Rule); f.Response <= sessionwarden.Log && !slices.Contains(notes, name) {
			notes = append(notes, name)
		}
	}
	text := "Not one message, and nobody was signed out."
	messages := 0
	for _, m := range s.slack.Messages() {
		if m.Thread == "" {
			messages++
		}
	}
	if messages == 1 {
		text = "One message, and nobody was signed out."
	}
	if len(notes) > 0 {
		text += " Only written down: " + strings.Join(notes, ", ") + "."
	}
	if messages != most || len(history.actions) > 0 {
		return fmt.Errorf("%d messages and %d disconnections for the owner's own trip: this must not happen, please report it", messages, len(history.actions))
	}
	s.say("proof", text)
	return nil
}
