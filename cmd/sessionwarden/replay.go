package main

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sessionwarden"
	"sessionwarden/config"
	"sessionwarden/geo"
	"sessionwarden/policy"
	"sessionwarden/policy/replay"
	"sessionwarden/web"
)

func (c *command) replayCommand() *cobra.Command {
	var files []string
	var account, since string
	var asJSON bool
	cmd := &cobra.Command{
		Use: "replay --config NEW", Short: "What a changed configuration would have found and done", Args: noArgs,
		Long: `Plays the recorded history twice, under the present configuration and under NEW,
and compares what the rules find and do. Nothing is sent and nothing is ended.

The record is what it is: who would have been ended under NEW stays until he was
recorded as gone. With --since, what came before is learned from all the same.
Where the present configuration is in no usual place, name both:
  sessionwarden --config PRESENT replay --config NEW`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			from, err := sinceFlag(since)
			if err != nil {
				return err
			}
			if len(files) == 0 || len(files) > 2 {
				return &usageError{errors.New("replay wants the new configuration: --config NEW")}
			}
			if len(files) == 2 {
				c.configFile = files[0]
			}
			if _, err := config.Find(c.configFile, c.getenv); err != nil && len(files) == 1 {
				return &usageError{fmt.Errorf("replay wants two configurations, and %s is the only one: say which is the present one and which the new one: sessionwarden --config PRESENT replay --config NEW", files[0])}
			}
			r, err := c.replays(files[len(files)-1], account, from)
			if err != nil {
				return err
			}
			if c.getenv("GOGC") == "" {
				// Most of what there is lives on, and rows leave little behind: a quarter of
				// the memory costs hardly any time.
				defer debug.SetGCPercent(debug.SetGCPercent(50))
			}
			if err := c.ask(cmd.Context(), func(client *web.Client) error { return r.play(cmd.Context(), client) }); err != nil {
				return err
			}
			if asJSON {
				return jsonRows(c, r.row())
			}
			return r.print()
		},
	}
	// The flag is the new configuration's. Said twice, the first is the present
	// one: before the command's name it is that of all commands.
	cmd.Flags().StringArrayVar(&files, "config", nil, "the new configuration `FILE`")
	cmd.Flags().StringVar(&account, "account", "", "only the account with this `NAME`")
	cmd.Flags().StringVar(&since, "since", "", "only what came after `TIME` counts: 24h, 7d, 2026-11-02, 2026-11-02T10:00:00Z")
	cmd.Flags().BoolVar(&asJSON, "json", false, "one array of one object instead of text")
	return cmd
}

// mostDifferent is how many sessions are shown that come to something else.
const mostDifferent = 20

// replaying is a comparison of two configurations.
type replaying struct {
	c        *command
	now, new []sessionwarden.Account // the same accounts in the same order
	account  string
	since    time.Time
	left     []string // accounts that only one of the two has

	result   *replay.Comparison
	recorded replay.Side
	first    time.Time // when the first session that counts came
}

// replays reads the two configurations.
func (c *command) replays(file, account string, since time.Time) (*replaying, error) {
	options := c.configOptions()
	options.SecretsLater = true
	path, err := config.Find(c.configFile, c.getenv)
	if err != nil {
		return nil, &usageError{fmt.Errorf("the present configuration: %w", err)}
	}
	present, err := config.LoadFile(path, options)
	if err != nil {
		return nil, &usageError{err}
	}
	changed, err := config.LoadFile(file, options)
	if err != nil {
		return nil, &usageError{err}
	}
	r := &replaying{c: c, account: account, since: since}
	var names []string
	for _, a := range present.Accounts {
		names = append(names, a.Name)
		i := slices.IndexFunc(changed.Accounts, func(b config.Account) bool { return b.Name == a.Name })
		switch {
		case account != "" && account != a.Name:
		case i < 0:
			r.left = append(r.left, "account "+a.Name+" is not in "+file)
		default:
			r.now, r.new = append(r.now, a.Account), append(r.new, changed.Accounts[i].Account)
		}
	}
	for _, b := range changed.Accounts {
		if !slices.Contains(names, b.Name) && (account == "" || account == b.Name) {
			r.left = append(r.left, "account "+b.Name+" is only in "+file+", so it has no history")
		}
	}
	if len(r.now) == 0 {
		if account != "" && !slices.Contains(names, account) {
			return nil, fmt.Errorf("no account is called %s; there is %s", account, strings.Join(names, ", "))
		}
		return nil, errors.New("the two configurations have no account in common: an account is known by its name")
	}
	return r, nil
}

// play plays the history under both.
func (r *replaying) play(ctx context.Context, client *web.Client) error {
	accounts, err := r.known(ctx, client)
	if err != nil {
		return err
	}
	options := func(configured []sessionwarden.Account) replay.Options {
		o := replay.Options{Distance: geo.Distance}
		for _, a := range configured {
			known := accounts[a.Name]
			known.Account = a
			o.Accounts = append(o.Accounts, *known)
		}
		return o
	}
	r.result = replay.Compare(options(r.now), options(r.new), r.since, mostDifferent)
	told := time.Now()
	rows := 0
	for s, err := range client.Record(ctx, r.account) {
		if err != nil {
			return err
		}
		r.result.Add(s)
		if accounts[s.Account] != nil && r.first.IsZero() && !s.FirstSeen.Before(r.since) {
			r.first = s.FirstSeen
		}
		if rows++; rows%1000 == 0 && r.c.err.terminal && time.Since(told) >= 2*time.Second {
			told = time.Now()
			fmt.Fprintf(r.c.err, "%d sessions played, up to %s\n", rows, s.FirstSeen.UTC().Format(time.DateOnly))
		}
	}
	r.result.Finish(time.Now())
	return r.done(ctx, client, accounts)
}

// known reads what the record says of the accounts beside their sessions, and
// counts what was found.
func (r *replaying) known(ctx context.Context, client *web.Client) (map[string]*replay.Account, error) {
	accounts := make(map[string]*replay.Account, len(r.now))
	for _, a := range r.now {
		accounts[a.Name] = &replay.Account{}
	}
	status, err := client.Status(ctx)
	if err != nil {
		return nil, err
	}
	for _, s := range status.Accounts {
		if a := accounts[s.Account]; a != nil {
			a.Baseline, a.Reset = s.Baseline, s.Learned
		}
	}
	trusts, err := client.Trusts(ctx, "")
	if err != nil {
		return nil, err
	}
	for _, row := range trusts {
		if a := accounts[row.Account]; a != nil {
			a.Trusts = append(a.Trusts, row.Trust())
		}
	}
	const found, alerted = 1, 2
	counted := make(map[string]int) // each session counts once
	for row, err := range client.Findings(ctx, web.Query{Account: r.account}) {
		if err != nil {
			return nil, err
		}
		a := accounts[row.Account]
		if a == nil {
			continue
		}
		f := row.Finding()
		if !policy.AsksSessions(f.Rule) {
			a.Told = append(a.Told, f)
		}
		if f.Time.Before(r.since) {
			continue
		}
		r.recorded.Tally(f.Rule, f.Response)
		if row.Seq == "" || counted[row.Seq]&found == 0 {
			r.recorded.All.Matches++
			counted[row.Seq] |= found
		}
		if f.Response >= sessionwarden.Notify && (row.Seq == "" || counted[row.Seq]&alerted == 0) {
			r.recorded.All.Alerts++
			counted[row.Seq] |= alerted
		}
	}
	return accounts, nil
}

// done counts what was recorded as ended and held.
func (r *replaying) done(ctx context.Context, client *web.Client, accounts map[string]*replay.Account) error {
	for row, err := range client.Actions(ctx, web.Query{Account: r.account}) {
		switch {
		case err != nil:
			return err
		case accounts[row.Account] == nil || row.Created.Before(r.since) || row.ByHand && len(row.FindingIDs) == 0:
		case row.State == sessionwarden.Done.String() || row.State == sessionwarden.Verified.String():
			r.recorded.All.Disconnects++
		case row.State == sessionwarden.Held.String() || row.State == sessionwarden.Denied.String() || row.State == sessionwarden.Moot.String():
			r.recorded.All.Asks++
		}
	}
	return nil
}
