package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"reflect"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/spf13/cobra"

	"sessionwarden"
	"sessionwarden/config"
	"sessionwarden/internal/mishap"
	"sessionwarden/web"
)

func (c *command) runCommand() *cobra.Command {
	var once, startEmpty bool
	var failOn string
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Watch until stopped",
		Long: `Watches every account on its schedule until SIGTERM or SIGINT.
SIGHUP reads the configuration again; a bad one is told and the old one kept.
A damaged database is kept aside, and its newest whole backup takes its place;
nothing is disconnected then until you confirm it with sessionwarden resume.

With --once it polls every account once, acts, looks again until that is
proven (10 s at most), delivers its alerts (30 s at most) and ends.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			worst := sessionwarden.Severity(255)
			if failOn != "" {
				if err := worst.UnmarshalText([]byte(failOn)); err != nil {
					return &usageError{fmt.Errorf("--fail-on: %w", err)}
				}
				if !once {
					return &usageError{errors.New("--fail-on goes with --once")}
				}
			}
			cfg, err := c.loadConfig()
			if err != nil {
				return err
			}
			if once {
				return c.once(cmd.Context(), cfg, startEmpty, worst)
			}
			return c.watch(cmd.Context(), cfg, startEmpty)
		},
	}
	cmd.Flags().BoolVar(&once, "once", false, "poll every account once, act, verify, tell, and end")
	cmd.Flags().StringVar(&failOn, "fail-on", "", "with --once: exit 3 on a finding of this `SEVERITY` or worse (info, warning, critical)")
	cmd.Flags().BoolVar(&startEmpty, "new", false, "start with an empty history although there was one before")
	return cmd
}

// watch is the daemon.
func (c *command) watch(ctx context.Context, cfg *config.Config, startEmpty bool) error {
	reload := make(chan os.Signal, 1)
	signal.Notify(reload, syscall.SIGHUP)
	defer signal.Stop(reload)
	a, err := openOrRecover(ctx, cfg, c.err, startEmpty, outside{})
	if err != nil {
		return refusedStart(ctx, cfg, c.err, err, outside{})
	}
	a.running = true
	a.noteStart()
	a.log.Info("sessionwarden starts", "version", version, "config", cfg.Path, "accounts", len(cfg.Accounts), "data_dir", cfg.DataDir)
	for _, notice := range a.status().Warnings {
		a.log.Warn("take note", "notice", notice)
	}
	served, err := a.serve(ctx, web.RuntimeDir(c.getenv))
	if err != nil {
		return refusedStart(ctx, cfg, c.err, errors.Join(err, a.Close()), outside{})
	}
	a.hasStarted(ctx)
	tidying, stop := context.WithCancel(ctx)
	go giveBack(tidying)
	a.copies.made = func() { giveBackOver(idleMost / 4) } // a whole history went through the memory
	err = a.run(ctx, reload, func() (*config.Config, error) { return config.LoadFile(cfg.Path, c.configOptions()) }, served)
	stop()
	a.log.Info("sessionwarden has stopped")
	return errors.Join(err, a.Close())
}

// serve opens the daemon's two doors: health on loopback, and the API on its
// socket. They close when ctx of the returned function ends.
func (a *app) serve(ctx context.Context, runtimeDir string) (func(context.Context) error, error) {
	socket, path, err := web.ListenSocket(a.cfg.DataDir, runtimeDir)
	if err != nil {
		return nil, err
	}
	a.log.Debug("commands are answered", "socket", path)
	serves := []func(context.Context) error{func(ctx context.Context) error {
		return web.Serve(ctx, "API", socket, a.api, a.log)
	}}
	if a.cfg.Web.Listen != "" {
		listener, err := web.Listen(ctx, a.cfg.Web.Listen)
		if err != nil {
			return nil, errors.Join(err, socket.Close())
		}
		a.opsAddr = listener.Addr().String()
		ops := web.NewOps(web.OpsOptions{Health: a.health, Gatherer: a.registry, Registerer: a.registry, Logger: a.log})
		serves = append(serves, func(ctx context.Context) error { return web.Serve(ctx, "health", listener, ops, a.log) })
	}
	return func(ctx context.Context) error {
		errs := make([]error, len(serves))
		var all sync.WaitGroup
		for i, serve := range serves {
			all.Go(func() { errs[i] = serve(ctx) })
		}
		all.Wait()
		return errors.Join(errs...)
	}, nil
}

const (
	geoEvery     = 20 * time.Second // how often location files are looked at
	lastTellings = 3 * time.Second  // for alerts that are on their way when we stop
)

// run runs every part until ctx ends. The watch stops first, then the telling,
// then the doors close.
func (a *app) run(ctx context.Context, reload <-chan os.Signal, load func() (*config.Config, error), serve func(context.Context) error) error {
	helpers, stopHelpers := context.WithCancel(context.WithoutCancel(ctx))
	telling, stopTelling := context.WithCancel(context.WithoutCancel(ctx))
	defer stopHelpers()
	defer stopTelling()
	watching, stopWatching := context.WithCancel(ctx)
	defer stopWatching()

	var parts sync.WaitGroup
	var errs [3]error
	parts.Go(func() {
		if errs[0] = serve(helpers); errs[0] != nil {
			stopWatching() // a daemon without its doors is not what was asked for
		}
	})
	parts.Go(func() { errs[1] = quietly(a.places.Watch(helpers, geoEvery)) })
	parts.Go(func() { a.copies.run(helpers) })
	parts.Go(func() { a.digests.run(helpers) })
	parts.Go(func() { a.canary.run(helpers) })
	parts.Go(func() { a.rounds.run(helpers) })
	if a.rounds.out != nil {
		parts.Go(func() { a.rounds.out.Run(helpers) })
	}
	parts.Go(func() { a.tellDamage(helpers) })
	if a.socket != nil {
		parts.Go(func() {
			if err := a.socket.Run(watching); err != nil {
				a.log.Error("Slack's buttons are not listened to", "err", err)
			}
		})
	}
	told := make(chan struct{})
	go func() {
		defer close(told)
		errs[2] = quietly(a.teller.Run(telling))
	}()
	parts.Go(func() {
		for {
			select {
			case <-helpers.Done():
				return
			case <-reload:
				a.reload(watching, load)
			}
		}
	})
	notify(a.log, daemon.SdNotifyReady)
	_ = mishap.At("start.serving")
	err := a.monitor.Run(watching)
	_ = mishap.At("stop.watched")
	notify(a.log, daemon.SdNotifyStopping)
	a.log.Info("stopping")
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastTellings)
	if ferr := a.teller.Flush(last); ferr != nil {
		a.log.Warn("some alerts are not delivered yet; they are kept and go out with the next start", "err", ferr)
	}
	cancel()
	stopTelling()
	<-told
	_ = mishap.At("stop.told")
	stopHelpers()
	parts.Wait()
	return errors.Join(err, errs[0], errs[1], errs[2])
}

// quietly drops the error that says that somebody was asked to stop.
func quietly(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// notify tells systemd, where it listens.
func notify(log *slog.Logger, state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		log.Warn("systemd could not be told", "err", err)
	}
}

// reload takes a new configuration, or keeps the old one and tells why.
// The location files are looked at again too.
func (a *app) reload(ctx context.Context, load func() (*config.Config, error)) {
	a.places.Refresh()
	cfg, err := load()
	if err == nil {
		watched, made, werr := a.watched(cfg)
		if err = werr; err == nil {
			if err = a.monitor.Watch(ctx, watched); err != nil {
				made.close()
			} else {
				a.ways.close()
				a.ways = made
			}
		}
	}
	if ctx.Err() != nil {
		return // it came while the program stops: the next start reads it
	}
	if err != nil {
		a.log.Error("the new configuration is not taken; the old one stays", "err", err)
		a.mistakes.Store(true)
		if a.refused == err.Error() {
			return // told already
		}
		a.refused = err.Error()
		now := a.outside.now().UTC()
		a.teller.Urgent(sessionwarden.Alert{
			Kind: sessionwarden.ConfigBad, Severity: sessionwarden.Warning, Created: now, Updated: now,
			Title: "The new configuration has mistakes; the old one stays in use",
			Lines: append(mistakeLines(err), "Mend it, try it, and reload again. All that is wrong: sessionwarden check --offline"),
		})
		return
	}
	a.mistakes.Store(false)
	a.refused = ""
	restarts := needRestart(a.cfg, cfg)
	a.restarts.Store(&restarts)
	for _, name := range restarts {
		a.log.Warn("this change takes effect with the next start only", "key", name)
	}
	a.log.Info("the configuration was read again", "config", cfg.Path, "accounts", len(cfg.Accounts))
}

// mistakeLines tells the first mistakes of a configuration, a line each.
func mistakeLines(err error) []string {
	const most = 3
	var all *config.Errors
	if !errors.As(err, &all) {
		return []string{sessionwarden.Shorten(err.Error(), 400)}
	}
	var lines []string
	for _, m := range all.Mistakes[:min(len(all.Mistakes), most)] {
		line := m.Problem
		if m.Key != "" {
			line = m.Key + ": " + line
		}
		if m.Line > 0 {
			line = fmt.Sprintf("Line %d: %s", m.Line, line)
		}
		lines = append(lines, sessionwarden.Shorten(line, 300))
	}
	if more := len(all.Mistakes) + all.More - len(lines); more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", more))
	}
	return lines
}

// needRestart lists the keys that differ and that a reload does not change.
func needRestart(old, cfg *config.Config) []string {
	var keys []string
	for key, same := range map[string]bool{
		"data_dir":  old.DataDir == cfg.DataDir,
		"log":       old.Log == cfg.Log,
		"web":       old.Web == cfg.Web,
		"geo":       old.Geo == cfg.Geo,
		"history":   old.History == cfg.History,
		"backup":    old.Backup == cfg.Backup,
		"instance":  old.Instance == cfg.Instance,
		"heartbeat": old.Heartbeat == cfg.Heartbeat,
		"alert":     reflect.DeepEqual(old.Alert, cfg.Alert),
	} {
		if !same {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

const (
	onceFetch   = 5 * time.Second // for lists that are an hour old
	onceSettle  = 10 * time.Second
	onceDeliver = 30 * time.Second
)

// once polls every account once.
func (c *command) once(ctx context.Context, cfg *config.Config, startEmpty bool, failOn sessionwarden.Severity) error {
	a, err := openOrRecover(ctx, cfg, c.err, startEmpty, outside{})
	if err != nil {
		return refusedStart(ctx, cfg, c.err, err, outside{})
	}
	defer a.Close()
	a.hasStarted(ctx)
	before := a.db.NextID()
	fetch, fetched := context.WithTimeout(ctx, onceFetch)
	a.places.Fetch(fetch)
	fetched()
	polled := a.monitor.Once(ctx, onceSettle)
	if !a.digests.off() {
		a.digests.look(ctx)
	}
	if cfg.Heartbeat.Canary > 0 {
		a.canary.look(ctx)
	}
	deliver, cancel := context.WithTimeout(ctx, onceDeliver)
	defer cancel()
	told := a.deliver(deliver)
	if cfg.Backup.Every > 0 {
		a.copies.look(ctx)
	}
	a.rounds.once(ctx, polled)

	found := 0
	reached := false
	for f, err := range a.db.Findings(ctx, sessionwarden.Query{}) {
		if err != nil {
			return err
		}
		if f.ID > before {
			found++
			reached = reached || f.Severity >= failOn
			fmt.Fprintf(c.out, "%s  %-8s %s: %s\n", f.Account, f.Severity, f.Rule, f.Reason)
		}
	}
	fmt.Fprintf(c.out, "%d accounts polled, %d new findings\n", len(cfg.Accounts), found)
	if o, observing := a.db.Observing(); observing {
		fmt.Fprintln(c.out, wrap(notDisconnected(o), c.out.width-2, "  "))
	}
	err = errors.Join(polled, told, a.Close())
	if reached { // what was found matters more than what else went wrong
		says := ""
		if err != nil {
			says = "sessionwarden: " + err.Error()
		}
		return &exitError{status: exitFinding, says: says}
	}
	return err
}
