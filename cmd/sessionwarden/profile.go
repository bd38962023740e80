package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"sessionwarden/web"
)

func (c *command) profileCommand() *cobra.Command {
	var account string
	var asJSON bool
	cmd := &cobra.Command{
		Use: "profile", Short: "What is known of the accounts' owners", Args: noArgs,
		Long: `Shows what was learned of each account's owner from his sessions: countries,
networks, devices, and the hours of the day in which he uses it. What is not in
it is new to the rules.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.ask(cmd.Context(), func(client *web.Client) error {
				rows, err := client.Profiles(cmd.Context(), account)
				if err != nil {
					return err
				}
				if asJSON {
					return jsonRows(c, rows...)
				}
				for i, row := range rows {
					if i > 0 {
						fmt.Fprintln(c.out)
					}
					if err := c.printProfile(row); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&account, "account", "", "only the account with this `NAME`")
	cmd.Flags().BoolVar(&asJSON, "json", false, "one array of objects instead of text")
	cmd.AddCommand(c.profileResetCommand())
	return cmd
}

func (c *command) profileResetCommand() *cobra.Command {
	var account string
	var yes bool
	cmd := &cobra.Command{
		Use: "reset --account NAME", Short: "Forget what is known of an owner, and learn him anew", Args: noArgs,
		Long: `Forgets the account's profile and begins to learn it anew. Who is signed in for
more than a day and has nothing against him is learned from again at once: end
the sessions that are not yours first.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if account == "" {
				return &usageError{errors.New("profile reset wants --account NAME")}
			}
			if err := c.knows(cmd.Context(), account); err != nil {
				return err
			}
			if !yes && !c.confirm(c.resetQuestion(cmd.Context(), account)) {
				return &exitError{status: exitFailed, says: "Nothing was forgotten."}
			}
			return c.reach(cmd.Context(), true, false, func(client *web.Client) error {
				row, err := client.ResetProfile(cmd.Context(), account)
				if err != nil {
					return err
				}
				fmt.Fprintf(c.out, "Forgotten. The profile of account %s begins anew.\n", row.Account)
				if !row.Learning.IsZero() {
					fmt.Fprintln(c.out, wrap("It is learned until "+row.Learning.UTC().Format("2006-01-02")+" at the latest: what is new is only noted until then. What you wrote down (expected_countries) applies as ever.", c.out.width-2, "  "))
				}
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&account, "account", "", "the `NAME` of the account, as in the configuration")
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}

// resetQuestion asks whether a profile is to begin anew, with what that would teach.
func (c *command) resetQuestion(ctx context.Context, account string) string {
	live := "Who is signed in and has nothing against him is learned from: end the sessions that are not yours first."
	s, err := c.glance(ctx, true)
	for _, a := range s.Accounts {
		if err == nil && a.Account == account && a.Suspicious > 0 {
			live += " " + plural(a.Suspicious, "session is suspect now", "sessions are suspect now") + ": sessionwarden sessions --account " + account
		}
	}
	return wrap(live, c.out.width, "") + "\n" + fmt.Sprintf("Forget what is known of the owner of account %s?", account)
}

func (c *command) printProfile(p web.ProfileRow) error {
	since := "its first poll"
	if !p.Since.IsZero() {
		since = "it was begun anew on " + clock(p.Since)
	} else if !p.Baseline.IsZero() {
		since += " on " + clock(p.Baseline)
	}
	fmt.Fprintln(c.out, wrap("Account "+p.Account+", since "+since, c.out.width, "  "))
	c.tell("learned", learnedText(p))
	c.tell("hours", hoursBar(p.Hours))
	if len(p.Countries)+len(p.Networks)+len(p.Devices) == 0 {
		_, err := fmt.Fprintln(c.out, "  "+wrap("Nothing is known yet: a session teaches when it is a day old and no rule has found fault with it.", c.out.width-4, "  "))
		return err
	}
	t := c.out.table(column{"KNOWN", 20}, column{"NAME", 8}, column{"FIRST", 0}, column{"LAST", 0}, column{"USES", 0})
	for _, list := range [...][]web.KnownRow{p.Countries, p.Networks, p.Devices} {
		for i, r := range list {
			if i == mostKnown {
				if err := t.row("", fmt.Sprintf("and %d more: --json", len(list)-mostKnown), "", "", ""); err != nil {
					return err
				}
				break
			}
			if err := t.row(r.What, r.Name, day(r), r.Last.UTC().Format("2006-01-02"), fmt.Sprintf("%.0f", max(r.Weight, 1))); err != nil {
				return err
			}
		}
	}
	return t.end("")
}

// mostKnown is how many of each kind are shown.
const mostKnown = 20

func day(r web.KnownRow) string { return r.First.UTC().Format("2006-01-02") }

// hoursBar shows in which hours of the day an account is used.
func hoursBar(hours []float64) string {
	most := 0.0
	for _, n := range hours {
		most = max(most, n)
	}
	if most == 0 {
		return ""
	}
	steps := []rune("·▁▂▃▄▅▆▇█")
	var b strings.Builder
	for _, n := range hours {
		step := int(n / most * float64(len(steps)-1))
		if n > 0 && step == 0 {
			step = 1
		}
		b.WriteRune(steps[step])
	}
	return "0 h |" + b.String() + "| 24 h UTC"
}
