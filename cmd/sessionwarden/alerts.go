package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sessionwarden"
	"sessionwarden/alert"
	"sessionwarden/web"
)

// tellings answers what was told, and tells it once more: web.Alerts over the
// teller and the database.
type tellings struct{ app *app }

// Alerts implements web.Alerts.
func (t tellings) Alerts(ctx context.Context, q sessionwarden.Query) iter.Seq2[web.AlertRow, error] {
	return func(yield func(web.AlertRow, error) bool) {
		for told, err := range t.app.db.Alerts(ctx, q) {
			var row web.AlertRow
			if err == nil {
				row = web.NewAlertRow(told.Alert, alert.Headline(told.Alert))
				for _, s := range t.app.teller.Standings(told) {
					row.Channels = append(row.Channels, web.NewAlertChannelRow(s.Delivery, s.Channel, s.State, s.Why))
				}
			}
			if !yield(row, err) {
				return
			}
		}
	}
}

// resendWait is how long a resend is waited for. What has not arrived by then is
// kept, as every alert.
const resendWait = 30 * time.Second

// Resend implements web.Alerts. Where no daemon runs, alerts are delivered for as
// long as it takes.
func (t tellings) Resend(ctx context.Context, id uint64, channel string) ([]web.ChannelTest, error) {
	ctx, cancel := context.WithTimeout(ctx, resendWait)
	defer cancel()
	if err := t.app.teller.Resend(ctx, id, channel); err != nil {
		return nil, err
	}
	if !t.app.running {
		delivering, stop := context.WithCancel(ctx)
		ended := make(chan error, 1)
		go func() { ended <- t.app.teller.Run(delivering) }()
		defer func() {
			stop()
			<-ended
		}()
	}
	return testRows(t.app.teller.Await(ctx, id, channel)), nil
}

func (c *command) alertCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "alert", Short: "What was told, and on which channel", Args: noArgs, SuggestionsMinimumDistance: 2, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	cmd.AddCommand(c.alertListCommand(), c.alertResendCommand(), &cobra.Command{
		Use: "test", Short: "Send a marked test alert to every channel", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.reach(cmd.Context(), true, false, func(client *web.Client) error {
				rows, err := client.TestAlerts(cmd.Context())
				if err != nil {
					return err
				}
				return c.printTests(rows)
			})
		},
	})
	return cmd
}

// alertsShown is how many of the newest alerts are listed in any case.
const alertsShown = 20

func (c *command) alertListCommand() *cobra.Command {
	var flags tableFlags
	var all bool
	cmd := &cobra.Command{
		Use: "list", Short: "What was told, what waits, and what was silent on purpose", Args: noArgs,
		Long: `Lists what waits, failed, or came late within a week, and the last 20 alerts;
with --all every one that is kept, with --since every one that was made or went
on since then. The newest comes last. STATE is the one of the channel that needs
you most; where it is not plainly sent, each channel has a line:
pending (it waits to be sent), failed (it is tried again), sent, late (it came
more than five minutes after it was made), silenced (a silence held it), passed
over (the channel is not told such alerts).`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			q, err := flags.query()
			if err != nil {
				return err
			}
			last := alertsShown
			if all || q.Since != "" {
				last = 0
			}
			return c.ask(cmd.Context(), func(client *web.Client) error {
				return c.printAlerts(client.Alerts(cmd.Context(), q, last), flags.json)
			})
		},
	}
	flags.on(cmd)
	cmd.Flags().BoolVar(&all, "all", false, "every alert that is kept")
	return cmd
}

func (c *command) printAlerts(rows iter.Seq2[web.AlertRow, error], asJSON bool) error {
	if asJSON {
		return jsonArray(c, rows)
	}
	now := time.Now()
	t := c.out.table(column{"ID", 0}, column{"CREATED", 0}, column{"KIND", 0}, column{"SEVERITY", 0}, column{"ACCOUNT", 6}, column{"STATE", 0})
	for row, err := range rows {
		if err != nil {
			return err
		}
		state, below := alertState(row, now)
		cells := []string{row.ID, at(row.Created), row.Kind, row.Severity, dash(row.Account), state, row.Title}
		if err := t.row(append(cells, below...)...); err != nil {
			return err
		}
	}
	return t.end("Nothing was told.")
}

// alertState is where an alert stands in one word: that of the channel which needs
// a person most; and a line for each channel, where it is not plainly sent.
func alertState(r web.AlertRow, now time.Time) (state string, lines []string) {
	order := []string{alert.StateFailed, alert.StatePending, alert.StateLate, alert.StateSent, alert.StateSilenced, alert.StatePassed}
	place, plain := len(order), true
	for _, c := range r.Channels {
		for i, word := range order {
			if c.State == word {
				place = min(place, i)
			}
		}
		plain = plain && c.State == alert.StateSent && c.Reason == "" && c.Escalated.IsZero()
	}
	if place == len(order) {
		return "no channel", nil
	}
	if plain {
		return order[place], nil
	}
	for _, c := range r.Channels {
		line := "> " + c.Channel + ": " + c.State
		switch c.State {
		case alert.StateLate, alert.StateSent:
			if c.State == alert.StateLate {
				line += ", " + span(c.Arrived.Sub(r.Created)) + " after it was made"
			}
		case alert.StateFailed:
			if c.Attempts > 0 {
				line += " " + times(c.Attempts)
			}
			if c.NotTill.After(now) {
				line += ", tried again " + ago(c.NotTill, now)
			}
		}
		if !c.Escalated.IsZero() {
			line += ", told " + ago(c.Escalated, now) + " as nobody had answered"
		}
		if c.Reason != "" {
			line += ": " + c.Reason
		}
		lines = append(lines, line)
	}
	return order[place], lines
}

// times says how often.
func times(n int) string {
	if n == 1 {
		return "once"
	}
	return strconv.Itoa(n) + " times"
}

func (c *command) alertResendCommand() *cobra.Command {
	var channel string
	cmd := &cobra.Command{
		Use: "resend ID", Short: "Send an alert once more", Args: wantArgs(1, 1, "the id of an alert (sessionwarden alert list shows them)"),
		Long: `Sends the newest state of an alert once more, marked "(repeat)", on every
channel or on one, also where it was sent, silenced or passed over. Waits up to
30 seconds and says what came of it; what has not arrived by then is kept, and
goes out as soon as it can.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := strconv.ParseUint(args[0], 10, 64)
			if err != nil || id == 0 {
				return &usageError{fmt.Errorf("%q is no alert: sessionwarden alert list shows their numbers", args[0])}
			}
			if cmd.Flags().Changed("channel") && strings.TrimSpace(channel) == "" {
				return &usageError{errors.New("--channel wants the name of a channel")}
			}
			return c.ask(cmd.Context(), func(client *web.Client) error {
				rows, err := client.ResendAlert(cmd.Context(), id, channel)
				if err != nil {
					return err
				}
				return c.printTests(rows)
			})
		},
	}
	cmd.Flags().StringVar(&channel, "channel", "", "only on the channel of this `NAME`")
	return cmd
}

func (c *command) printTests(rows []web.ChannelTest) error {
	if len(rows) == 0 {
		return &exitError{status: exitFailed, says: "No alert channel is configured: see [alert] in config.example.toml."}
	}
	failed := 0
	for _, r := range rows {
		word := "ok"
		if !r.OK {
			word = "FAILED"
			failed++
		}
		fmt.Fprintln(c.out, wrap(fmt.Sprintf("%-6s %s: %s", word, r.Channel, r.Outcome), c.out.width-7, "       "))
		if r.Cure != "" {
			fmt.Fprintln(c.out, "       "+wrap(r.Cure, c.out.width-7, "       "))
		}
	}
	if failed > 0 {
		return &exitError{status: exitFailed, says: fmt.Sprintf("Channels that failed: %d of %d", failed, len(rows))}
	}
	return nil
}
