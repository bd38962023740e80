// Command sessionwarden watches accounts on a marketplace, disconnects the
// sessions that should not be there, and tells people.
//
// The commands: run.go, check.go, demo.go, simulate.go, status.go, tables.go
// (sessions, history, findings, actions), byhand.go (disconnect, approve, deny,
// resume), backup.go (with restore and export), database.go (db check and
// compact), trust.go, silence.go (over muted.go), explain.go and profile.go (over insight.go), replay.go, evidence.go (over
// notary.go),
// alerts.go (alert list, resend and test), geo.go, version.go. What they share:
// app.go puts the packages together (recover.go where the database is damaged,
// copies.go makes the daemon's own backups, digests.go its digests, starts.go
// counts its crashes), client.go
// reaches the daemon or, where none runs, the database; print.go is the one door
// to the terminal.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	_ "time/tzdata" // a schedule may name a zone on a machine without the zone database

	"github.com/spf13/cobra"

	"sessionwarden/web"
)

// version is set at build time: -ldflags "-X main.version=1.2.3".
var version = "0.1.0-dev"

// Exit statuses, as the contract fixes them.
const (
	exitDone    = 0
	exitFailed  = 1
	exitUsage   = 2
	exitFinding = 3
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Getenv))
}

// run is the whole program but for the exit: it returns the exit status. The
// first SIGTERM or SIGINT ends ctx, the second ends the process.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer, getenv func(string) string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	context.AfterFunc(ctx, stop) // from now on a signal does what it does by itself
	// Nobody reads on ("| head"): end as for SIGTERM, and leave nothing behind.
	signal.Ignore(syscall.SIGPIPE)

	c := &command{stdin: stdin, out: newPrinter(stdout, getenv), err: newPrinter(stderr, getenv), getenv: getenv}
	ctx, c.out.unread = context.WithCancel(ctx)
	defer c.out.unread()
	root := c.root()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(c.out)
	root.SetErr(c.err)
	err := root.ExecuteContext(ctx)
	if ferr := c.out.Flush(); err == nil {
		err = ferr
	}
	return c.status(err)
}

// command is what all commands share.
type command struct {
	stdin  io.Reader
	out    *printer
	err    *printer
	getenv func(string) string

	configFile string
	within     *web.Client // the watch that this very process is; nil: it is reached from outside
}

// status says what went wrong and returns the exit status.
func (c *command) status(err error) int {
	var usage *usageError
	var exit *exitError
	switch {
	case err == nil || c.out.broken && errors.Is(err, syscall.EPIPE):
		return exitDone
	case errors.As(err, &exit):
		if exit.says != "" {
			c.complain(exit.says)
		}
		_ = c.err.Flush()
		return exit.status
	case errors.As(err, &usage):
		c.complain("sessionwarden: " + err.Error())
		_ = c.err.Flush()
		return exitUsage
	default:
		c.complain("sessionwarden: " + err.Error())
		dir, _ := c.dataDir()
		for _, cure := range cures(err, dir) {
			c.complain("  " + cure)
		}
		_ = c.err.Flush()
		return exitFailed
	}
}

// complain writes lines to standard error. On a terminal none is wider than that;
// in a file each stays one.
func (c *command) complain(text string) {
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if c.err.fits && columnsOf(line) > c.err.width {
			words := strings.TrimLeft(line, " ")
			indent := line[:len(line)-len(words)]
			line = indent + wrap(words, c.err.width-len(indent)-2, indent+"  ")
		}
		fmt.Fprintln(c.err, line)
	}
}

// usageError is wrong usage or a wrong configuration: exit status 2.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// exitError ends with a status, and with a line if there is one to say.
type exitError struct {
	status int
	says   string
}

func (e *exitError) Error() string { return e.says }

// root puts the command tree together.
func (c *command) root() *cobra.Command {
	root := &cobra.Command{
		Use:     "sessionwarden",
		Version: version,
		Short:   "Watches your marketplace accounts and disconnects whoever should not be there",
		Long: `Watches your marketplace accounts, disconnects whoever should not be there,
proves that he is gone, and tells you.

The configuration is looked for at --config, $SESSIONWARDEN_CONFIG,
$XDG_CONFIG_HOME/sessionwarden/config.toml, /etc/sessionwarden/config.toml.
Start with: sessionwarden demo`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return cmd.Help()
		},
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &usageError{err} })
	root.SuggestionsMinimumDistance = 2
	root.PersistentFlags().StringVar(&c.configFile, "config", "", "the configuration `FILE`")
	root.AddCommand(
		c.runCommand(), c.checkCommand(), c.demoCommand(), c.simulateCommand(), c.statusCommand(),
		c.sessionsCommand(), c.historyCommand(), c.findingsCommand(), c.actionsCommand(), c.incidentsCommand(), c.evidenceCommand(),
		c.disconnectCommand(), c.approveCommand(), c.denyCommand(), c.trustCommand(), c.silenceCommand(), c.explainCommand(), c.profileCommand(), c.replayCommand(), c.alertCommand(), c.geoCommand(),
		c.resumeCommand(), c.backupCommand(), c.restoreCommand(), c.exportCommand(), c.dbCommand(), c.versionCommand(),
	)
	root.SetUsageTemplate(strings.NewReplacer(
		".FlagUsages ", ".FlagUsagesWrapped 80 ",
		`Use "{{.CommandPath}} [command] --help" for more information about a command.`, "More about one of them: {{.CommandPath}} [command] --help",
	).Replace(root.UsageTemplate()))
	root.SetHelpCommand(&cobra.Command{Use: "help [command]", Short: "Help about any command", RunE: func(cmd *cobra.Command, args []string) error {
		target, _, err := cmd.Root().Find(args)
		if err != nil {
			return &usageError{err}
		}
		return target.Help()
	}})
	return root
}

// noArgs refuses arguments that the command would not look at.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if cmd.HasSubCommands() {
		text := fmt.Sprintf("unknown command %q", args[0])
		if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
			text += fmt.Sprintf("; did you mean %q?", near[0])
		}
		return &usageError{errors.New(text + " (sessionwarden help lists the commands)")}
	}
	return &usageError{fmt.Errorf("%s takes no argument, but got %q", cmd.Name(), args[0])}
}

// wantArgs asks for between least and most arguments, called what.
func wantArgs(least, most int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < least || len(args) > most {
			return &usageError{fmt.Errorf("%s wants %s; see: %s --help", strings.TrimPrefix(cmd.CommandPath(), cmd.Root().Name()+" "), what, cmd.CommandPath())}
		}
		return nil
	}
}
