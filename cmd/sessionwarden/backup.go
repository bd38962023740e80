package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"sessionwarden/config"
	"sessionwarden/internal/owner"
	"sessionwarden/storage"
	"sessionwarden/web"
)

func (c *command) backupCommand() *cobra.Command {
	return &cobra.Command{
		Use: "backup FILE", Short: "Write a consistent, checked copy of the history",
		Long: "Writes a copy of the database while the daemon runs, and checks it before it\ncounts. The copy holds no secret: neither keys nor tokens are in the database.",
		Args: wantArgs(1, 1, "the file to write"),
		RunE: func(cmd *cobra.Command, args []string) error {
			path, err := filepath.Abs(args[0])
			if err != nil {
				return err
			}
			if info, err := os.Stat(path); err == nil && info.IsDir() {
				return &usageError{fmt.Errorf("%s is a folder; name a new file in it: %s", args[0], filepath.Join(args[0], "sessionwarden-copy.db"))}
			}
			err = c.ask(cmd.Context(), func(client *web.Client) error { return client.Backup(cmd.Context(), path) })
			if err != nil {
				return err
			}
			fmt.Fprintf(c.out, "Written and checked: %s\nThe way back: stop the daemon, then sessionwarden restore %s\n", path, args[0])
			return nil
		},
	}
}

func (c *command) restoreCommand() *cobra.Command {
	return &cobra.Command{
		Use: "restore FILE", Short: "Put a backup in place of the database",
		Long: "Checks the backup and puts it in place of the database; what was there is\nkept beside it. The daemon must not run meanwhile.",
		Args: wantArgs(1, 1, "the backup to restore"),
		RunE: func(cmd *cobra.Command, args []string) error {
			path, err := config.Find(c.configFile, c.getenv)
			if err != nil {
				return &usageError{err}
			}
			options := c.configOptions()
			options.SecretsLater = true
			cfg, err := config.LoadFile(path, options)
			if err != nil {
				return &usageError{err}
			}
			if err := owner.MkdirAll(cfg.DataDir, 0o700); err != nil {
				return fmt.Errorf("making the data directory: %w", err)
			}
			r, err := storage.Restore(cmd.Context(), args[0], databasePath(cfg), storage.Options{Version: version})
			if why := damaged(err); why != nil {
				return fmt.Errorf("%s was not restored: %s; what was there is as it was", args[0], why[0])
			}
			if err != nil {
				return fmt.Errorf("%w; what was there is as it was", err)
			}
			c.printRestored(args[0], r)
			return nil
		},
	}
}

func (c *command) printRestored(backup string, r storage.Restored) {
	made := ""
	if !r.Made.IsZero() {
		made = ", made " + r.Made.Format("2006-01-02 15:04:05 MST")
	}
	lines := []string{"Restored: " + backup + made + ".", "What was seen, held or answered after that is not in it."}
	if r.Kept != "" {
		lines = append(lines, "What was there before is kept: "+r.Kept)
	}
	lines = append(lines, "Rules disconnect again as soon as you start it: sessionwarden run")
	for _, line := range lines {
		fmt.Fprintln(c.out, wrap(line, c.out.width-2, "  "))
	}
}

func (c *command) exportCommand() *cobra.Command {
	var format, what string
	var flags tableFlags
	cmd := &cobra.Command{
		Use: "export --format json|csv", Short: "Write the history, findings, actions or incidents for other tools", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			q, err := flags.query()
			if err != nil {
				return err
			}
			if !slices.Contains([]string{"json", "csv"}, format) {
				return &usageError{errors.New("export wants --format json or --format csv")}
			}
			if !slices.Contains([]string{"history", "findings", "actions", "incidents"}, what) {
				return &usageError{errors.New("--what can be history, findings, actions or incidents")}
			}
			return c.ask(cmd.Context(), func(client *web.Client) error {
				return client.Export(cmd.Context(), c.out, web.ExportQuery{Query: q, What: what, Format: format})
			})
		},
	}
	cmd.Flags().StringVar(&format, "format", "json", "json or csv")
	cmd.Flags().StringVar(&what, "what", "history", "history, findings, actions or incidents")
	cmd.Flags().StringVar(&flags.account, "account", "", "only the account with this `NAME`")
	cmd.Flags().StringVar(&flags.since, "since", "", "only what came or changed after `TIME`: 24h, 7d, 2026-11-02, 2026-11-02T10:00:00Z")
	return cmd
}
