package main

import (
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"sessionwarden/web"
)

func (c *command) incidentsCommand() *cobra.Command {
	cmd := tableCommand(c, "incidents", "What belongs together: findings, disconnections, and when", "There was no incident.",
		(*web.Client).Incidents,
		[]column{{"ID", 0}, {"OPENED", 0}, {"ACCOUNT", 6}, {"SEVERITY", 0}, {"SESSIONS", 0}, {"STATE", 0}},
		func(r web.IncidentRow, _ time.Time) []string {
			state := r.State
			if !r.Resolved.IsZero() {
				state += " " + at(r.Resolved)
			}
			return []string{r.ID, at(r.Opened), r.Account, r.Severity, strconv.Itoa(len(r.Seqs)), state, r.Title}
		})
	cmd.AddCommand(c.incidentCommand(), c.acknowledgeCommand())
	return cmd
}

func (c *command) incidentCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "show ID", Short: "The timeline of one incident", Args: wantArgs(1, 1, "the id of an incident (sessionwarden incidents shows them)"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := incidentID(args[0])
			if err != nil {
				return err
			}
			return c.ask(cmd.Context(), func(client *web.Client) error {
				for row, err := range client.Incidents(cmd.Context(), web.Query{ID: args[0]}) {
					switch {
					case err != nil:
						return err
					case asJSON:
						return jsonRows(c, row)
					}
					return c.showIncident(row)
				}
				return fmt.Errorf("there is no incident %d: sessionwarden incidents shows those there are", id)
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "one array of one object instead of text")
	return cmd
}

// incidentID reads the id of an incident as a person typed it.
func incidentID(text string) (uint64, error) {
	id, err := strconv.ParseUint(text, 10, 64)
	if err != nil || id == 0 {
		return 0, &usageError{fmt.Errorf("%q is no incident: sessionwarden incidents shows their numbers", text)}
	}
	return id, nil
}

func (c *command) acknowledgeCommand() *cobra.Command {
	return &cobra.Command{
		Use: "acknowledge ID", Short: "Say that you have seen an incident", Args: wantArgs(1, 1, "the id of an incident (sessionwarden incidents shows them)"),
		Long: `Says that you have seen an open incident and look after it: nobody else is told
of it until something new comes. What waits for an answer goes on waiting for it
(sessionwarden approve ID, deny ID).`,
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := incidentID(args[0])
			if err != nil {
				return err
			}
			var row web.IncidentRow
			err = c.reach(cmd.Context(), false, true, func(client *web.Client) error {
				row, err = client.Acknowledge(cmd.Context(), id)
				return err
			})
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.out, "Nobody else is told of incident %s until something new comes.\n", row.ID)
			return err
		},
	}
}

// showIncident prints an incident with its timeline.
func (c *command) showIncident(r web.IncidentRow) error {
	until := "open"
	if !r.Resolved.IsZero() {
		until = "resolved " + clock(r.Resolved)
	}
	fmt.Fprintf(c.out, "Incident %s of %s, %s, %s\n", r.ID, r.Account, r.Severity, until)
	fmt.Fprintln(c.out, wrap(r.Title, c.out.width, ""))
	fmt.Fprintln(c.out)
	day := ""
	for i, e := range r.Events {
		if today := e.Time.UTC().Format("2006-01-02 MST"); today != day {
			day = today
			fmt.Fprintln(c.out, today)
		}
		if r.More > 0 && i == len(r.Events)/2 {
			fmt.Fprintf(c.out, "          (%d more are left out)\n", r.More)
		}
		fmt.Fprintf(c.out, "%s  %s\n", e.Time.UTC().Format("15:04:05"), wrap(e.Text, c.out.width-10, "          "))
	}
	return nil
}

// clock is a time as sentences give it.
func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 MST") }
