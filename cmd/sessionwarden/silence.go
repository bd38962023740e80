package main

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"sessionwarden"
	"sessionwarden/web"
)

func (c *command) silenceCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "silence", Short: "Have alerts not sent until a time", Args: noArgs,
		Long: `Keeps alerts from being sent until a time: during a move, a test, a new phone in
every pocket. What is covered is still found, recorded and counted, and sessions
are still ended and asked about as the rules say. What nobody ever wants to hear
of belongs into the configuration: set the rule to log.`,
		SuggestionsMinimumDistance: 2,
		RunE:                       func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(c.silenceAddCommand(), c.silenceListCommand(), c.silenceRemoveCommand())
	return cmd
}

func (c *command) silenceAddCommand() *cobra.Command {
	var order web.SilenceOrder
	cmd := &cobra.Command{
		Use: "add", Short: "Have alerts not sent until a time", Args: noArgs,
		Long: `Keeps alerts from being sent until a time. Without --account, --rule and --kind
it is about all of them, of every account and of the program itself; with more
than one of them, about what all of them name.
  --rule new_device    alerts in which this rule alone spoke; your own rules too
  --kind blind         intrusion, account_change, blind, stale or digest
  --critical           critical alerts too; else those are sent all the same

--until is a span (2h, 14d), a day (2026-12-20, to its end in this machine's
zone) or a time (2026-12-20T12:00:00Z), at most 90 days off.`,
		Example: `  sessionwarden silence add --rule new_device --until 14d --reason "new phones"
  sessionwarden silence add --account main --until 2h --reason "tests"`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			order, err := localSilence(order, time.Now())
			if err != nil {
				return &usageError{err}
			}
			var row web.SilenceRow
			err = c.reach(cmd.Context(), true, true, func(client *web.Client) error {
				row, err = client.AddSilence(cmd.Context(), order)
				return err
			})
			if err != nil {
				return err
			}
			return c.printSilence(row)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&order.Account, "account", "", "only alerts of the account with this `NAME`")
	flags.StringVar(&order.Rule, "rule", "", "only alerts in which this `RULE` alone spoke")
	flags.StringVar(&order.Kind, "kind", "", "only alerts of this `KIND`")
	flags.BoolVar(&order.Critical, "critical", false, "critical alerts too")
	flags.StringVar(&order.Until, "until", "", "until `WHEN`: 2h, 14d, 2026-12-20 or 2026-12-20T12:00:00Z")
	flags.StringVar(&order.Reason, "reason", "", "why, in your `WORDS`, for whoever wonders why it is quiet")
	return cmd
}

// localSilence checks an order before anybody is asked, and puts its end, which may
// be a day of this machine's zone, as a time.
func localSilence(o web.SilenceOrder, now time.Time) (web.SilenceOrder, error) {
	until, err := sessionwarden.ParseSilenceEnd(o.Until, now)
	if err != nil {
		return o, fmt.Errorf("--until: %w", err)
	}
	o.Until = until.Format(time.RFC3339Nano)
	_, err = o.Silence(now)
	var wrong *web.Error
	if errors.As(err, &wrong) {
		err = fmt.Errorf("%s: %s", wrong.Message, wrong.Cure)
	}
	return o, err
}

// printSilence says what is silent, until when, and what that does not do.
func (c *command) printSilence(row web.SilenceRow) error {
	lines := []string{
		fmt.Sprintf("Silence %s: %s, until %s.", row.ID, row.What(), localTime(row.Until)),
		"What it covers is not sent. It is still found and recorded, and sessions are still ended and asked about as the rules say: sessionwarden status.",
	}
	info, known := sessionwarden.RuleByName(row.Rule)
	switch {
	case row.Critical:
		lines = append(lines, "CRITICAL ALERTS ARE SILENT TOO: nobody is told of a thief, nor asked about a session.")
	case known && info.Severity == sessionwarden.Critical:
		lines = append(lines, "Critical alerts still come, and those of "+row.Rule+" are critical: for those too, remove this one and add it again with --critical.")
	default:
		lines = append(lines, "Critical alerts still come.")
	}
	for _, line := range append(lines, "To end it before: sessionwarden silence remove "+row.ID) {
		if _, err := fmt.Fprintln(c.out, wrap(line, c.out.width, "  ")); err != nil {
			return err
		}
	}
	return nil
}

func (c *command) silenceListCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list", Short: "What is silent, until when, and what was left out", Args: noArgs,
		Long: `What is silent, until when, who wanted it and why, and how many alerts were left
out. What has ended stays in the list for 30 days.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.ask(cmd.Context(), func(client *web.Client) error {
				rows, err := client.Silences(cmd.Context())
				if err != nil {
					return err
				}
				if asJSON {
					return jsonRows(c, rows...)
				}
				return c.printSilences(rows)
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "one array of objects instead of a table")
	return cmd
}

func (c *command) printSilences(rows []web.SilenceRow) error {
	t := c.out.table(column{"ID", 0}, column{"UNTIL", 0}, column{"STATE", 0}, column{"LEFT OUT", 0}, column{"LAST", 0})
	for _, row := range rows {
		below := row.Reason + "; added " + localTime(row.Created)
		if row.By != "" {
			below += " by " + row.By
		}
		if !row.Removed.IsZero() {
			below += ", removed " + localTime(row.Removed)
		}
		if err := t.row(row.ID, localTime(row.Until), row.State, alerts(row.Muted), at(row.LastMuted), row.What(), below); err != nil {
			return err
		}
	}
	return t.end("Nothing is silent: what the configuration names is told.")
}

// alerts is a number of them.
func alerts(n int) string {
	if n == 1 {
		return "1 alert"
	}
	return strconv.Itoa(n) + " alerts"
}

// silentLine is a silence that holds, in the status.
func silentLine(s sessionwarden.SilenceStatus) string {
	text := "Silent until " + localTime(s.Until) + ": " + s.What
	if s.By != "" {
		text += ", by " + s.By
	}
	return text + ", " + s.Reason + "; " + alerts(s.Muted) + " left out"
}

func (c *command) silenceRemoveCommand() *cobra.Command {
	return &cobra.Command{
		Use: "remove ID", Short: "End a silence before its time", Args: wantArgs(1, 1, "the id of a silence (sessionwarden silence list shows them)"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := strconv.ParseUint(args[0], 10, 64)
			if err != nil || id == 0 {
				return &usageError{fmt.Errorf("%q is not the id of a silence; sessionwarden silence list shows them", args[0])}
			}
			var row web.SilenceRow
			err = c.ask(cmd.Context(), func(client *web.Client) error {
				row, err = client.RemoveSilence(cmd.Context(), id)
				return err
			})
			if err != nil {
				return err
			}
			text := fmt.Sprintf("Removed: alerts are sent again (%s). ", row.What())
			if row.Muted == 0 {
				text += "Nothing was left out."
			} else {
				text += alerts(row.Muted) + " left out meanwhile, which are not sent after all: sessionwarden findings"
			}
			_, err = fmt.Fprintln(c.out, wrap(text, c.out.width, "  "))
			return err
		},
	}
}
