package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"sessionwarden"
	"sessionwarden/web"
)

func (c *command) disconnectCommand() *cobra.Command {
	var account string
	var all, yes bool
	cmd := &cobra.Command{
		Use:   "disconnect ID... --account NAME",
		Short: "End sessions by hand",
		Long: `Ends sessions by their ids, or with --all every session of the account but
our own. The rails that hold rules do not hold you; our own session is never
ended. Each is looked for once more before it is ended, and its end is proven.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case account == "":
				return &usageError{errors.New("disconnect wants --account NAME")}
			case all == (len(args) > 0):
				return &usageError{errors.New("disconnect wants ids of sessions, or --all")}
			}
			if err := c.knows(cmd.Context(), account); err != nil {
				return err
			}
			if all && !yes && !c.confirm(fmt.Sprintf("End every session of account %s but our own?", account)) {
				return &exitError{status: exitFailed, says: "Nothing was ended."}
			}
			return c.withActions(cmd.Context(), true, func(client *web.Client) ([]web.ActionRow, error) {
				if all {
					return client.DisconnectAll(cmd.Context(), account)
				}
				ids := make([]sessionwarden.SessionID, 0, len(args))
				for _, arg := range args {
					ids = append(ids, sessionwarden.SessionID(arg))
				}
				return client.Disconnect(cmd.Context(), account, ids)
			})
		},
	}
	cmd.Flags().StringVar(&account, "account", "", "the `NAME` of the account, as in the configuration")
	cmd.Flags().BoolVar(&all, "all", false, "every session but our own")
	cmd.Flags().BoolVar(&yes, "yes", false, "with --all: do not ask")
	return cmd
}

func (c *command) approveCommand() *cobra.Command {
	return c.answerCommand("approve", "Carry out a held action", (*web.Client).Approve)
}

func (c *command) denyCommand() *cobra.Command {
	return c.answerCommand("deny", "Cancel a held action and trust exactly that session", (*web.Client).Deny)
}

func (c *command) resumeCommand() *cobra.Command {
	return &cobra.Command{
		Use: "resume", Short: "Confirm a restored history: sessions are disconnected again",
		Long: `When a damaged database was replaced by a backup, nothing is disconnected until
you confirm it here: what the backup knows may be old. Look first at what is
held (sessionwarden actions) and deny what is yours. What is held then is looked
at once more, and ended.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var r web.Resumed
			running := false
			err := c.ask(cmd.Context(), func(client *web.Client) error {
				s, err := client.Status(cmd.Context())
				if err != nil {
					return err
				}
				running = s.Running
				r, err = client.Resume(cmd.Context())
				return err
			})
			if err != nil {
				return err
			}
			return c.printResumed(r, running)
		},
	}
}

func (c *command) printResumed(r web.Resumed, running bool) error {
	if !r.Resumed {
		_, err := fmt.Fprintln(c.out, "There is nothing to resume: rules disconnect as the configuration says.")
		return err
	}
	fmt.Fprintf(c.out, "Resumed: rules disconnect again.\n  %s\n", wrap(r.Observing.Why, c.out.width-4, "  "))
	if len(r.Actions) == 0 {
		_, err := fmt.Fprintln(c.out, "Nothing was held meanwhile.")
		return err
	}
	next, how := "Held meanwhile; each is looked at once more now, and ended", "See what becomes of them: sessionwarden actions"
	if !running {
		next, how = "Held meanwhile; the next start looks at each once more, and ends it", "Start it: sessionwarden run"
	}
	fmt.Fprintf(c.out, "%s: %d\n", next, len(r.Actions))
	for _, a := range r.Actions {
		fmt.Fprintln(c.out, "  "+wrap(fmt.Sprintf("action %s, account %s, session %s from %s: %s", a.ID, a.Account, dash(a.SessionID), dash(a.Address), a.Reason), c.out.width-4, "    "))
	}
	_, err := fmt.Fprintln(c.out, how)
	return err
}

// mostAnswers is how many actions are answered at once.
const mostAnswers = 100

func (c *command) answerCommand(name, short string, answer func(*web.Client, context.Context, uint64) (web.ActionRow, error)) *cobra.Command {
	return &cobra.Command{
		Use: name + " ID...", Short: short, Args: wantArgs(1, mostAnswers, "the ids of held actions (sessionwarden actions shows them)"),
		RunE: func(cmd *cobra.Command, args []string) error {
			var ids []uint64
			for _, arg := range args {
				id, err := strconv.ParseUint(arg, 10, 64)
				if err != nil {
					return &usageError{fmt.Errorf("%q is not the id of an action; sessionwarden actions shows them", arg)}
				}
				if !slices.Contains(ids, id) {
					ids = append(ids, id)
				}
			}
			var wrong error // one that waits for no answer keeps the others from none
			err := c.withActions(cmd.Context(), false, func(client *web.Client) (rows []web.ActionRow, _ error) {
				for _, id := range ids {
					row, err := answer(client, cmd.Context(), id)
					if err != nil {
						wrong = errors.Join(wrong, err)
						continue
					}
					rows = append(rows, row)
				}
				if len(rows) == 0 {
					return nil, wrong
				}
				return rows, nil
			})
			return cmp.Or(wrong, err)
		},
	}
}

// withActions does something about actions and says what came of each; begin as
// for reach.
func (c *command) withActions(ctx context.Context, begin bool, do func(*web.Client) ([]web.ActionRow, error)) error {
	var rows []web.ActionRow
	err := c.reach(ctx, begin, true, func(client *web.Client) (err error) {
		rows, err = do(client)
		return err
	})
	if err != nil {
		return err
	}
	open, unwell := 0, 0
	for _, r := range rows {
		session := "session " + dash(r.SessionID)
		if r.Kind == sessionwarden.EndAll.String() {
			session = "all sessions"
		}
		fmt.Fprintln(c.out, wrap(fmt.Sprintf("action %s, account %s, %s: %s. %s", r.ID, r.Account, session, r.State, r.Note), c.out.width, "  "))
		switch r.State {
		case sessionwarden.Failed.String(), sessionwarden.Refused.String():
			unwell++
		case sessionwarden.Planned.String(), sessionwarden.Done.String():
			open++
		}
	}
	if len(rows) == 0 {
		fmt.Fprintln(c.out, "There is no session to end.")
	}
	switch {
	case unwell > 0:
		return &exitError{status: exitFailed, says: fmt.Sprintf("Not ended: %d of %d.", unwell, len(rows))}
	case open > 0:
		return &exitError{status: exitFailed, says: fmt.Sprintf("Not proven yet: %d of %d; it goes on, see sessionwarden actions.", open, len(rows))}
	}
	return nil
}

// knows returns an error where account is not one of the watched ones.
func (c *command) knows(ctx context.Context, account string) error {
	s, err := c.glance(ctx, true)
	if err != nil {
		return err
	}
	var names []string
	for _, a := range s.Accounts {
		if a.Account == account {
			return nil
		}
		names = append(names, a.Account)
	}
	return fmt.Errorf("no account is called %s; there is %s", account, strings.Join(names, ", "))
}

// confirm asks a question; anything but "y" or "yes" is a no.
func (c *command) confirm(question string) bool {
	fmt.Fprintf(c.err, "%s [y/N] ", question)
	line, _ := bufio.NewReader(io.LimitReader(c.stdin, 256)).ReadString('\n')
	answer := strings.ToLower(strings.TrimSpace(line))
	return answer == "y" || answer == "yes"
}
