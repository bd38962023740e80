package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sessionwarden"
	"sessionwarden/web"
)

// tableFlags are what every table's command takes.
type tableFlags struct {
	account, since string
	json           bool
}

func (f *tableFlags) on(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.account, "account", "", "only the account with this `NAME`")
	cmd.Flags().StringVar(&f.since, "since", "", "only what came or changed after `TIME`: 24h, 7d, 2026-11-02, 2026-11-02T10:00:00Z")
	cmd.Flags().BoolVar(&f.json, "json", false, "one array of objects instead of a table")
}

// sinceFlag reads --since.
func sinceFlag(text string) (time.Time, error) {
	t, err := web.ParseSince(text, time.Now())
	var wrong *web.Error
	if errors.As(err, &wrong) {
		return t, &usageError{fmt.Errorf("--%s: %s", wrong.Message, wrong.Cure)}
	}
	return t, err
}

func (f *tableFlags) query() (web.Query, error) {
	if _, err := sinceFlag(f.since); err != nil {
		return web.Query{}, err
	}
	return web.Query{Account: f.account, Since: f.since}, nil
}

// tableCommand makes the command of one table.
func tableCommand[Row any](c *command, name, short, nothing string,
	rows func(*web.Client, context.Context, web.Query) iter.Seq2[Row, error],
	columns []column, cells func(Row, time.Time) []string) *cobra.Command {
	var flags tableFlags
	cmd := &cobra.Command{
		Use: name, Short: short, Long: long(short, name), Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			q, err := flags.query()
			if err != nil {
				return err
			}
			return c.ask(cmd.Context(), func(client *web.Client) error {
				list := rows(client, cmd.Context(), q)
				if flags.json {
					return jsonArray(c, list)
				}
				now := time.Now()
				t := c.out.table(columns...)
				for row, err := range list {
					if err != nil {
						return err
					}
					if err := t.row(cells(row, now)...); err != nil {
						return err
					}
				}
				return t.end(nothing)
			})
		},
	}
	flags.on(cmd)
	return cmd
}

// long explains the words that a table uses.
func long(short, name string) string {
	words := map[string]string{
		"sessions": `ID is the service's own, for disconnect. The last column says what matters
most: ours (the watch's own), suspect (a rule above log has matched), late
(only seen afterwards), yours (you denied an action on it), disputed (perhaps
ours: never touched). A live session is shown whatever --since says.`,
		"history": `A row for each session and each set of facts it was seen with. STATE is live
(or its mark, as in sessions), gone, or moved: the same session went on under
other facts, in a later row. "suspect" stands behind it where a rule above log
had matched.`,
		"findings": `A row for each rule that matched, with its reason. --json adds the facts and
the line of configuration that would make it quiet.`,
		"actions": `A row for each disconnection, with why it is wanted and where it stands:
planned; held (waits for approve ID or deny ID, or for the hour's budget);
denied; done (answered, not proven yet); verified (proven gone); failed (act by
hand); refused (not allowed, or not possible); moot (gone by itself, or no rule
asks any more); dry_run.`,
	}
	return short + ".\n\n" + words[name]
}

// jsonRows prints rows as one array.
func jsonRows[Row any](c *command, rows ...Row) error {
	return jsonArray(c, func(yield func(Row, error) bool) {
		for _, row := range rows {
			if !yield(row, nil) {
				return
			}
		}
	})
}

// jsonArray prints rows as one array, row by row.
func jsonArray[Row any](c *command, rows iter.Seq2[Row, error]) error {
	before := "[\n  "
	for row, err := range rows {
		if err != nil {
			return err
		}
		text, err := json.Marshal(row)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(c.out, "%s%s", before, text); err != nil {
			return err
		}
		before = ",\n  "
	}
	end := "\n]\n"
	if strings.HasPrefix(before, "[") {
		end = "[]\n"
	}
	_, err := fmt.Fprint(c.out, end)
	return err
}

func (c *command) sessionsCommand() *cobra.Command {
	return tableCommand(c, "sessions", "Who is signed in now", "No live session is known.",
		sessionsByAccount,
		[]column{{"ACCOUNT", 4}, {"ID", 0}, {"ADDRESS", 0}, {"PLACE", 5}, {"SEEN", 0}, {"", 0}},
		func(r web.SessionRow, now time.Time) []string {
			return []string{r.Account, dash(r.ID), dash(r.Address), place(r), ago(r.LastSeen, now), mark(r), network(r) + " · " + device(r)}
		})
}

// sessionsByAccount are the live sessions, those of one account together. There
// are never so many of them that they do not fit into memory.
func sessionsByAccount(client *web.Client, ctx context.Context, q web.Query) iter.Seq2[web.SessionRow, error] {
	return func(yield func(web.SessionRow, error) bool) {
		var rows []web.SessionRow
		for row, err := range client.Sessions(ctx, q) {
			if err != nil {
				yield(row, err)
				return
			}
			rows = append(rows, row)
		}
		slices.SortStableFunc(rows, func(a, b web.SessionRow) int { return strings.Compare(a.Account, b.Account) })
		for _, row := range rows {
			if !yield(row, nil) {
				return
			}
		}
	}
}

func (c *command) historyCommand() *cobra.Command {
	return tableCommand(c, "history", "Every session ever seen", "No session was ever seen.",
		(*web.Client).History,
		[]column{{"ACCOUNT", 4}, {"ID", 0}, {"ADDRESS", 0}, {"PLACE", 5}, {"FIRST SEEN", 0}, {"STATE", 0}},
		func(r web.SessionRow, _ time.Time) []string {
			state := r.State
			if m := mark(r); m != "" && state == "live" {
				state = m
			} else if r.Suspicious {
				state += ", suspect"
			}
			return []string{r.Account, dash(r.ID), dash(r.Address), place(r), at(r.FirstSeen), state, network(r) + " · " + device(r)}
		})
}

func (c *command) findingsCommand() *cobra.Command {
	return tableCommand(c, "findings", "What the rules found", "Nothing was found.",
		(*web.Client).Findings,
		[]column{{"ID", 0}, {"TIME", 0}, {"ACCOUNT", 6}, {"SESSION", 0}, {"SEVERITY", 0}, {"RULE", 0}},
		func(r web.FindingRow, _ time.Time) []string {
			return []string{r.ID, at(r.Time), r.Account, dash(r.SessionID), r.Severity, r.Rule, r.Reason}
		})
}

func (c *command) actionsCommand() *cobra.Command {
	return tableCommand(c, "actions", "What was done, and what waits for you", "Nothing was done, and nothing waits.",
		(*web.Client).Actions,
		[]column{{"ID", 0}, {"UPDATED", 0}, {"ACCOUNT", 6}, {"SESSION", 0}, {"ADDRESS", 15}, {"STATE", 0}},
		func(r web.ActionRow, _ time.Time) []string {
			session := dash(r.SessionID)
			if r.Kind == sessionwarden.EndAll.String() {
				session = "all"
			}
			stands := r.Note
			if stands != "" {
				stands = "> " + stands
			}
			return []string{r.ID, at(r.Updated), r.Account, session, dash(r.Address), r.State, r.Reason, stands}
		})
}

func device(r web.SessionRow) string {
	if r.Device == "" {
		return "unknown device"
	}
	return r.Device
}

// dash stands for what is not known.
func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

func place(r web.SessionRow) string {
	if !r.ReclassifiedAt.IsZero() {
		was := r.ReclassifiedFrom
		if was == "" {
			was = "unknown"
		}
		now := r
		now.ReclassifiedAt = time.Time{}
		return place(now) + " (reclassified, was " + was + ")"
	}
	switch {
	case r.Network == "private":
		return "private"
	case r.Country == "":
		return "unknown"
	case r.City != "":
		return r.Country + " " + r.City
	default:
		return r.Country
	}
}

func network(r web.SessionRow) string {
	name := r.Organization
	if name == "" && r.ASN != 0 {
		name = fmt.Sprintf("AS%d", r.ASN)
	}
	if name == "" {
		name = "unknown network"
	}
	if r.Network == "hosting" {
		name += " (hosting)"
	}
	switch {
	case r.Tor:
		name += " (Tor)"
	case r.VPN:
		name += " (VPN)"
	}
	return name
}

// mark is the one word that matters most about a session.
func mark(r web.SessionRow) string {
	switch {
	case r.Own:
		return "ours"
	case r.Disputed:
		return "disputed"
	case r.Trusted:
		return "yours"
	case r.Suspicious:
		return "suspect"
	case r.Late:
		return "late"
	default:
		return ""
	}
}
