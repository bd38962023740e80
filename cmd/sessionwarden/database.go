package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"sessionwarden/config"
	"sessionwarden/storage"
	"sessionwarden/web"
)

func (c *command) dbCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "db", Short: "Look after the database", Args: noArgs, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	cmd.AddCommand(c.dbCheckCommand(), c.dbCompactCommand())
	return cmd
}

func (c *command) dbCheckCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "check [FILE]", Short: "Read a whole database or backup, and say what is wrong",
		Long: `Reads every page and every record of the database, or of the backup FILE, and
what they say of each other. It changes nothing. While the daemon runs, a
consistent copy of its database is made, checked and removed again.`,
		Args: wantArgs(0, 1, "one backup at most"),
		RunE: func(cmd *cobra.Command, args []string) error {
			d, err := c.checkDatabase(cmd.Context(), args)
			if err != nil {
				return err
			}
			if err := c.printCheck(d, asJSON); err != nil {
				return err
			}
			if d.Whole {
				return nil
			}
			says := []string{"This file is of no use as a backup."}
			if len(args) == 0 {
				says = c.checkCures(cmd.Context(), d)
			}
			for i := range says {
				says[i] = wrap(says[i], c.err.width-2, "  ")
			}
			return &exitError{status: exitFailed, says: strings.Join(says, "\n")}
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "one array with one object instead of text")
	return cmd
}

// checkDatabase checks the file that args name, or the database: a copy of the
// daemon's, where it runs.
func (c *command) checkDatabase(ctx context.Context, args []string) (web.DatabaseCheck, error) {
	if len(args) > 0 {
		if info, err := os.Stat(args[0]); err == nil && info.IsDir() {
			return web.DatabaseCheck{}, fmt.Errorf("%s is a folder; name a file", args[0])
		} else if errors.Is(err, fs.ErrNotExist) {
			return web.DatabaseCheck{}, fmt.Errorf("there is no file %s", args[0])
		}
		return checkFile(ctx, args[0])
	}
	dir, err := c.dataDir()
	if err != nil {
		return web.DatabaseCheck{}, err
	}
	client, err := web.DialSocket(web.SocketPath(dir, web.RuntimeDir(c.getenv)))
	if errors.Is(err, web.ErrNotRunning) {
		return c.checkStopped(ctx, dir)
	}
	if err != nil {
		return web.DatabaseCheck{}, err
	}
	defer client.Close()
	return client.Check(ctx)
}

// checkStopped checks the database of a data directory where no daemon runs.
func (c *command) checkStopped(ctx context.Context, dir string) (web.DatabaseCheck, error) {
	path := filepath.Join(dir, databaseName)
	if begun, err := storage.Begun(path); err != nil {
		return web.DatabaseCheck{}, err
	} else if !begun {
		return web.DatabaseCheck{}, nothingYet(dir)
	}
	d, err := checkFile(ctx, path)
	if errors.Is(err, fs.ErrNotExist) {
		err = &wayOut{fmt.Errorf("the database %s is gone", path), func() []string { return waysOut(ctx, path, c.backupDirs(dir), false) }}
	}
	return d, err
}

// checkCures say what to do about a database that is not whole.
func (c *command) checkCures(ctx context.Context, d web.DatabaseCheck) []string {
	ways := waysOut(ctx, d.Path, c.backupDirs(filepath.Dir(d.Path)), false)
	if info, err := os.Stat(d.Path); err != nil || info.Size() == 0 {
		return append([]string{"The daemon does not start with this."}, ways...)
	}
	return append([]string{"Stop the daemon, if it runs, and start it again. If it starts as usual, only old rows are damaged: it goes on without them, but can make no whole backup any more; then stop it and choose one: sessionwarden restore FILE", "If it cannot work with this:"}, ways...)
}

// backupDirs are the folders of backups of the configuration, whatever else is
// wrong with that.
func (c *command) backupDirs(dataDir string) []string {
	options := c.configOptions()
	options.SecretsLater = true
	if path, err := config.Find(c.configFile, c.getenv); err == nil {
		if cfg, err := config.LoadFile(path, options); err == nil {
			return backupDirs(cfg)
		}
	}
	return []string{filepath.Join(dataDir, "backups")}
}

// dataDir reads the data directory alone from the configuration, whatever else
// is wrong with that.
func (c *command) dataDir() (string, error) {
	path, err := config.Find(c.configFile, c.getenv)
	if err != nil {
		return "", &usageError{err}
	}
	dir, err := config.DataDir(path, c.configOptions())
	if err != nil {
		return "", &usageError{err}
	}
	return dir, nil
}

// checkFile checks a database that no daemon has open.
func checkFile(ctx context.Context, path string) (web.DatabaseCheck, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return web.DatabaseCheck{}, err
	}
	err = storage.Check(ctx, path)
	if faults := damaged(err); faults != nil {
		return web.DatabaseCheck{Path: path, Faults: faults}, nil
	}
	if err != nil {
		return web.DatabaseCheck{}, err
	}
	db, err := storage.Open(path, storage.Options{ReadOnly: true, Version: version})
	if err != nil {
		return web.DatabaseCheck{}, err
	}
	stats, err := db.Stats()
	return web.DatabaseCheck{Path: path, Whole: err == nil, Bytes: stats.Bytes, Rows: stats.Rows}, errors.Join(err, db.Close())
}

// checkRunning checks the database of the running daemon.
func (a *app) checkRunning(ctx context.Context) (web.DatabaseCheck, error) {
	d := web.DatabaseCheck{Path: databasePath(a.cfg)}
	err := a.checkCopy(ctx)
	if d.Faults = damaged(err); d.Faults != nil {
		return d, nil
	}
	if err != nil {
		return d, err
	}
	stats, err := a.db.Stats()
	d.Whole, d.Bytes, d.Rows = err == nil, stats.Bytes, stats.Rows
	return d, err
}

func (c *command) printCheck(d web.DatabaseCheck, asJSON bool) error {
	if asJSON {
		text, err := json.MarshalIndent([]web.DatabaseCheck{d}, "", "  ")
		if err == nil {
			_, err = fmt.Fprintf(c.out, "%s\n", text)
		}
		return err
	}
	if !d.Whole {
		fmt.Fprintf(c.out, "DAMAGED: %s\n", d.Path)
		for _, fault := range d.Faults {
			fmt.Fprintln(c.out, "  "+wrap(fault, c.out.width-4, "  "))
		}
		return nil
	}
	var rows []string
	for _, kind := range [][2]string{{"accounts", "accounts"}, {"sightings", "sessions"}, {"findings", "findings"}, {"actions", "actions"}, {"alerts", "alerts"}} {
		rows = append(rows, fmt.Sprintf("%s: %d", kind[1], d.Rows[kind[0]]))
	}
	fmt.Fprintf(c.out, "Whole: %s\n  %s\n", d.Path, wrap(size(d.Bytes)+"; "+strings.Join(rows, ", "), c.out.width-4, "  "))
	return nil
}

func (c *command) dbCompactCommand() *cobra.Command {
	return &cobra.Command{
		Use: "compact", Short: "Make the database file as small as it can be",
		Long: `Copies the database into a new file without the room that forgotten history
left, checks it and puts it in place of the old one. The daemon must not run
meanwhile. The room is used again anyway: this is for a disk that is short.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := c.dataDir()
			if err != nil {
				return err
			}
			before, after, err := storage.Compact(cmd.Context(), filepath.Join(dir, databaseName), storage.Options{Version: version})
			if err != nil {
				return err
			}
			if after >= before {
				fmt.Fprintf(c.out, "It is as small as it can be: %s.\n", size(before))
				return nil
			}
			fmt.Fprintf(c.out, "Compacted: %s before, %s after.\n", size(before), size(after))
			return nil
		},
	}
}
