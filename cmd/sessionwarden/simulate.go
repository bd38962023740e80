package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sessionwarden/mannco/manncotest"
)

func (c *command) simulateCommand() *cobra.Command {
	var listen, scenario string
	var slack, wait bool
	cmd := &cobra.Command{
		Use: "simulate", Short: "Only the simulated service, to try out a configuration",
		Long: `Serves a simulated marketplace and plays a scenario on it until stopped. It
prints the lines of configuration that point sessionwarden at it.

A scenario is a file (docs/scenarios.md) or one of:
` + strings.Join(manncotest.Scenarios(), ", ") + `.

With --slack a simulated Slack is beside it, on the next port. Its messages
are shown here, and what you type is done there, as ` + slackOwner + `: a number presses
the button that has it, "s status" is the command /sessionwarden status. With
"x " before it a stranger does so.

With --wait the story begins when it is watched: sessionwarden run has read the
list a few times, as sessionwarden check does not.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := loadScenario(scenario)
			if err != nil {
				return &usageError{err}
			}
			return c.simulate(cmd.Context(), listen, s, slack, wait)
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:8734", "`ADDR` on loopback to serve on; port 0 chooses a free one")
	cmd.Flags().StringVar(&scenario, "scenario", "quiet-week", "a scenario's `FILE` or name")
	cmd.Flags().BoolVar(&slack, "slack", false, "a simulated Slack, too: its messages here, its buttons by your keys")
	cmd.Flags().BoolVar(&wait, "wait", false, "begin the story when somebody watches")
	return cmd
}

// loadScenario loads a built-in scenario by its name, or a file.
func loadScenario(name string) (manncotest.Scenario, error) {
	for _, known := range manncotest.Scenarios() {
		if name == known {
			return manncotest.BuiltIn(name)
		}
	}
	if _, err := os.Stat(name); errors.Is(err, os.ErrNotExist) {
		return manncotest.Scenario{}, fmt.Errorf("%s is neither a file nor one of %s", name, strings.Join(manncotest.Scenarios(), ", "))
	}
	return manncotest.LoadScenarioFile(name)
}

func (c *command) simulate(ctx context.Context, listen string, s manncotest.Scenario, withSlack, wait bool) error {
	listener, err := listenLoopback(listen)
	if err != nil {
		return err
	}
	looks := make(chan struct{}, aWatch)
	service := manncotest.New(manncotest.Options{After: func(call manncotest.Call) {
		if call.Route == manncotest.RouteList && call.Status == http.StatusOK {
			select {
			case looks <- struct{}{}:
			default: // it is watched, as is known
			}
		}
	}})
	defer service.Close()
	if err := service.Setup(s); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	room := newSlackRoom(c.out, time.Now())
	defer room.hush()
	if withSlack {
		at, err := room.serveBeside(listener.Addr())
		if err != nil {
			return errors.Join(err, listener.Close())
		}
		defer at.Close()
	}
	served := make(chan error, 1)
	go func() { served <- service.Serve(ctx, listener) }()

	room.print(fmt.Sprintf("%s\n%s\n\nThe simulated service answers at http://%s\nPoint sessionwarden at it with this configuration:\n\n", s.Title, wrap(s.About, c.out.width, ""), listener.Addr()))
	room.print(fmt.Sprintf("  data_dir = \"sessionwarden-data\"\n\n  [web]\n  listen = \"\"\n\n  [defaults]\n  base_url = \"http://%s\"\n  schedule = \"@every 2s\"\n  expected_countries = [\"DE\"]\n", listener.Addr()))
	for _, account := range s.Accounts {
		room.print(fmt.Sprintf("\n  [[account]]\n  name = %q\n  api_key = %q\n", account.Name, account.APIKey))
	}
	if withSlack {
		room.explain()
		go room.read(ctx, readTyped(c.stdin))
	}
	room.print("\nStop it with Ctrl-C.")
	if wait {
		room.print(" The story begins when it is watched: sessionwarden run.\n")
		for range aWatch {
			select {
			case <-looks:
			case err := <-served: // stopped
				return err
			}
		}
		room.begin()
	}
	room.print(" What happens:\n")
	err = service.Play(ctx, s, func(e manncotest.Event) {
		if line := e.Narration(); line != "" {
			room.say(cmp.Or(e.Who, "story"), line)
		}
	})
	if err != nil && ctx.Err() == nil {
		return err
	}
	if ctx.Err() == nil {
		room.say("story", "The story is over; the service goes on answering until you stop it.")
	}
	return <-served
}

// aWatch is how many lists whoever watches has read: more than one look takes.
const aWatch = 5

// stamp is how long a story has been told.
func stamp(start time.Time) string { return minutes(time.Since(start)) }

// minutes writes a length of time as minutes and seconds.
func minutes(d time.Duration) string {
	return fmt.Sprintf("%02d:%02d", int(d.Minutes()), int(d.Seconds())%60)
}

// listenLoopback opens a TCP port that only this machine reaches.
func listenLoopback(addr string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, &usageError{fmt.Errorf("--listen %s: write an address and a port, such as 127.0.0.1:8734", addr)}
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, &usageError{fmt.Errorf("--listen %s: only this machine may reach it: write 127.0.0.1 and a port", addr)}
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listening on %s: %w", addr, err)
	}
	return listener, nil
}
