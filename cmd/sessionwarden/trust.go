package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"sessionwarden"
	"sessionwarden/web"
)

func (c *command) trustCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "trust", Short: "Remember a country, network or address as your own, with an end", Args: noArgs,
		Long: `Remembers that a country, a network or an address is your own until a time:
for a trip, a hotel, a new provider. It counts from the moment it is added,
ends by itself, and what it does is said in every finding in which it counted.
What is to stay belongs into the configuration (expected_countries,
trusted_networks).`,
		SuggestionsMinimumDistance: 2,
		RunE:                       func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(c.trustAddCommand(), c.trustListCommand(), c.trustRemoveCommand())
	return cmd
}

func (c *command) trustAddCommand() *cobra.Command {
	var order web.TrustOrder
	cmd := &cobra.Command{
		Use: "add", Short: "Trust a country, network or address until a time", Args: noArgs,
		Long: `Trusts one thing until a time:
  --country JP         expected and known while it holds; other rules go on, and
                       where the service names a country that you do not expect,
                       you are asked
  --asn AS2516         this network is yours, wherever it seems to be
  --network CIDR, --address IP
                       as trusted_networks: no rule ends a session from there
  --action ID          the address of that action's session; or, with --country
                       or --asn, the country or network that it came from

--until is a day (2026-12-20, to its end in this machine's zone), a time
(2026-12-20T12:00:00Z) or a span (14d), at most 400 days off.

A network as large as a provider, a hosting network and the address of a session
that you had ended are refused, as they are hardly meant: --sure trusts them.`,
		Example: `  sessionwarden trust add --account main --country JP --until 14d --note trip
  sessionwarden trust add --action 7 --until 14d`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			order, err := localOrder(order, time.Now())
			if err != nil {
				return &usageError{err}
			}
			var row web.TrustRow
			err = c.reach(cmd.Context(), true, true, func(client *web.Client) error {
				row, err = client.AddTrust(cmd.Context(), order)
				return err
			})
			if err != nil {
				return err
			}
			return c.printTrusted(row)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&order.Account, "account", "", "the `NAME` of the account, as in the configuration")
	flags.StringVar(&order.Country, "country", "", "a country's two-letter `CODE`")
	flags.StringVar(&order.ASN, "asn", "", "the `NUMBER` of a network, such as AS2516")
	flags.StringVar(&order.Network, "network", "", "a network in `CIDR` notation")
	flags.StringVar(&order.Address, "address", "", "an `IP` address; of an IPv6 one its /64")
	flags.StringVar(&order.Action, "action", "", "where the session of the action with this `ID` came from")
	flags.StringVar(&order.Until, "until", "", "until `WHEN`: 2026-12-20, 2026-12-20T12:00:00Z or 14d")
	flags.BoolVar(&order.Sure, "sure", false, "also what is hardly meant")
	flags.StringVar(&order.Note, "note", "", "what it is for, in your `WORDS`")
	return cmd
}

// localOrder checks an order before anybody is asked, and puts its end, which
// may be a day of this machine's zone, as a time.
func localOrder(o web.TrustOrder, now time.Time) (web.TrustOrder, error) {
	switch {
	case o.Account == "" && o.Action == "":
		return o, errors.New("trust add wants --account NAME (or --action ID)")
	case o.Action != "" && o.Network+o.Address != "":
		return o, errors.New("--action stands for an address itself: leave --network and --address out")
	case len(o.Note) > sessionwarden.MaxTrustNote:
		return o, fmt.Errorf("--note is too long: %d bytes at most", sessionwarden.MaxTrustNote)
	}
	if o.Action != "" {
		if id, err := strconv.ParseUint(o.Action, 10, 64); err != nil || id == 0 {
			return o, fmt.Errorf("%q is not the id of an action; sessionwarden actions shows them", o.Action)
		}
	}
	if o.Action == "" || o.Country+o.ASN != "" {
		if _, err := sessionwarden.NewTrust(o.Country, o.ASN, o.Network, o.Address); err != nil {
			return o, err
		}
	}
	until, err := sessionwarden.ParseUntil(o.Until, now)
	if err != nil {
		return o, fmt.Errorf("--until: %w", err)
	}
	o.Until = until.Format(time.RFC3339)
	return o, nil
}

// printTrusted says what was trusted, until when, and what that does.
func (c *command) printTrusted(row web.TrustRow) error {
	does := "Rules about the country are silent on sessions from there; all others go on."
	switch {
	case row.Network != "":
		does = "No rule ends a session from there."
	case row.ASN != 0:
		does = "Rules about the place and the network are silent on sessions from there; all others go on."
	}
	text := fmt.Sprintf("Trust %s: %s on account %s, until %s.", row.ID, row.What(), row.Account, localTime(row.Until))
	fmt.Fprintln(c.out, wrap(text, c.out.width, "  "))
	fmt.Fprintln(c.out, wrap(does, c.out.width, "  "))
	_, err := fmt.Fprintln(c.out, "To end it before: sessionwarden trust remove "+row.ID)
	return err
}

func (c *command) trustListCommand() *cobra.Command {
	var account string
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list", Short: "What is trusted, and until when", Args: noArgs,
		Long: `What is trusted, and until when. What has ended stays in the list for 30 days.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.ask(cmd.Context(), func(client *web.Client) error {
				rows, err := client.Trusts(cmd.Context(), account)
				if err != nil {
					return err
				}
				if asJSON {
					return jsonRows(c, rows...)
				}
				return c.printTrusts(rows)
			})
		},
	}
	cmd.Flags().StringVar(&account, "account", "", "only the account with this `NAME`")
	cmd.Flags().BoolVar(&asJSON, "json", false, "one array of objects instead of a table")
	return cmd
}

func (c *command) printTrusts(rows []web.TrustRow) error {
	t := c.out.table(column{"ID", 0}, column{"ACCOUNT", 6}, column{"TRUSTED", 0}, column{"UNTIL", 0}, column{"STATE", 0})
	for _, row := range rows {
		below := ""
		if row.Note != "" {
			below = row.Note + "; "
		}
		below += "added " + localTime(row.Created)
		if row.By != "" {
			below += " by " + row.By
		}
		if !row.Removed.IsZero() {
			below += ", removed " + localTime(row.Removed)
		}
		if err := t.row(row.ID, row.Account, row.What(), localTime(row.Until), row.State, below); err != nil {
			return err
		}
	}
	return t.end("Nothing is trusted but what the configuration says.")
}

func (c *command) trustRemoveCommand() *cobra.Command {
	return &cobra.Command{
		Use: "remove ID", Short: "End a trust before its time", Args: wantArgs(1, 1, "the id of a trust (sessionwarden trust list shows them)"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := strconv.ParseUint(args[0], 10, 64)
			if err != nil || id == 0 {
				return &usageError{fmt.Errorf("%q is not the id of a trust; sessionwarden trust list shows them", args[0])}
			}
			return c.removeTrust(cmd.Context(), id)
		},
	}
}

func (c *command) removeTrust(ctx context.Context, id uint64) error {
	return c.ask(ctx, func(client *web.Client) error {
		row, err := client.RemoveTrust(ctx, id)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(c.out, wrap(fmt.Sprintf("Removed: %s is not trusted on account %s any more. What is signed in is judged without it.", row.What(), row.Account), c.out.width, "  "))
		return err
	})
}

// localTime is a time as the person at this machine reads it, with its zone.
func localTime(t time.Time) string { return t.Local().Format("2006-01-02 15:04 MST") }
