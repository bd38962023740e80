package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sessionwarden"
	"sessionwarden/alert"
	"sessionwarden/config"
	"sessionwarden/geo"
	"sessionwarden/storage"
	"sessionwarden/web"
)

func (c *command) checkCommand() *cobra.Command {
	var offline bool
	cmd := &cobra.Command{
		Use: "check", Short: "Try everything that the configuration names",
		Long: `Reads the configuration, then tries for real: the data directory, the database
(all of it), the location data, each account's login and session list, each
alert channel, the heartbeat's address. A made-up thief goes through a watch in
memory. One line for each check, with a cure for each failure. Nothing is
disconnected.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := c.loadConfig()
			if err != nil {
				return err
			}
			k := &checker{c: c}
			k.ok("configuration", "%s, accounts: %d", cfg.Path, len(cfg.Accounts))
			for _, notice := range cfg.Notices {
				k.note("configuration", notice)
			}
			k.dataDir(cfg)
			k.database(cmd.Context(), cfg)
			k.backups(cfg)
			k.places(cmd.Context(), cfg, offline)
			for _, account := range cfg.Accounts {
				if _, err := account.Key.Read(); err != nil {
					k.fail("key of "+account.Name, err.Error(), "put the account's API key there: https://mannco.store, settings, API")
				} else {
					k.ok("key of "+account.Name, "read from %s", account.Key.Source())
				}
			}
			k.addresses(cfg)
			k.heartbeat(cmd.Context(), cfg, offline)
			if !offline {
				if err := k.online(cmd.Context(), cfg); err != nil {
					return err
				}
			}
			if k.failed > 0 {
				return &exitError{status: exitFailed, says: fmt.Sprintf("Checks that failed: %d", k.failed)}
			}
			k.conclude()
			return nil
		},
	}
	cmd.Flags().BoolVar(&offline, "offline", false, "only the configuration and the files")
	return cmd
}

// checker prints one line for each check.
type checker struct {
	c         *command
	failed    int
	running   bool // the daemon
	observing bool // nothing is disconnected
}

// conclude says what to do next, where nothing failed.
func (k *checker) conclude() {
	says := "All is well. Start the watch: sessionwarden run"
	switch {
	case k.observing && k.running:
		says = "All of it works, but nothing is disconnected until you confirm the history: look at sessionwarden actions, then sessionwarden resume"
	case k.observing:
		says = "All of it works, but nothing will be disconnected until you confirm the history. Look at what is held (sessionwarden actions), confirm it (sessionwarden resume), and start the watch: sessionwarden run"
	case k.running:
		says = "All is well, and the watch is running."
	}
	fmt.Fprintln(k.c.out, wrap(says, k.c.out.width-2, "  "))
}

func (k *checker) say(word, what, text string) {
	fmt.Fprintln(k.c.out, wrap(fmt.Sprintf("%-5s %s: %s", word, what, text), k.c.out.width-6, "      "))
}

func (k *checker) ok(what, format string, args ...any) {
	k.say("ok", what, fmt.Sprintf(format, args...))
}
func (k *checker) note(what, text string) { k.say("note", what, text) }
func (k *checker) fail(what, text, cure string) {
	k.failed++
	k.say("FAIL", what, text)
	if cure != "" {
		for line := range strings.Lines(cure) {
			fmt.Fprintln(k.c.out, "      "+wrap(line, k.c.out.width-6, "      "))
		}
	}
}

func (k *checker) dataDir(cfg *config.Config) {
	const what = "data directory"
	info, err := os.Stat(cfg.DataDir)
	if errors.Is(err, os.ErrNotExist) {
		parent := filepath.Dir(cfg.DataDir)
		if info, err := os.Stat(parent); err != nil || !info.IsDir() {
			k.fail(what, cfg.DataDir+" does not exist, nor does the folder it would be in", "make it: install -d -m 700 "+cfg.DataDir)
			return
		}
		k.ok(what, "%s does not exist yet; it is made at the first start", cfg.DataDir)
		return
	}
	if err != nil || !info.IsDir() {
		k.fail(what, cfg.DataDir+" is not a folder that can be used", "name another one in data_dir")
		return
	}
	f, err := os.CreateTemp(cfg.DataDir, ".check-*")
	if err != nil {
		k.fail(what, cfg.DataDir+" cannot be written to", "give it to the user that runs sessionwarden: chown USER "+cfg.DataDir)
		return
	}
	_ = f.Close()
	_ = os.Remove(f.Name())
	if info.Mode().Perm()&0o077 != 0 {
		k.note(what, fmt.Sprintf("%s may be looked into by others (mode %04o): chmod 700 %s", cfg.DataDir, info.Mode().Perm(), cfg.DataDir))
		return
	}
	k.ok(what, "%s can be written to", cfg.DataDir)
}

// database reads all of the database, or has the daemon do it where it runs.
func (k *checker) database(ctx context.Context, cfg *config.Config) {
	const what = "database"
	client, err := web.DialSocket(web.SocketPath(cfg.DataDir, web.RuntimeDir(k.c.getenv)))
	if err == nil {
		defer client.Close()
		k.running = true
	}
	path := databasePath(cfg)
	if begun, err := storage.Begun(path); err == nil && !begun {
		k.ok(what, "none yet; it is made at the first start")
		return
	}
	d, err := k.c.checkDatabase(ctx, nil)
	var locked *storage.LockedError
	switch {
	case errors.As(err, &locked):
		k.note(what, err.Error()+", so it was not read")
		return
	case err != nil:
		k.fail(what, err.Error(), strings.Join(cures(err, cfg.DataDir), "\n"))
		return
	case !d.Whole:
		k.fail(what, strings.Join(d.Faults, "; "), strings.Join(k.c.checkCures(ctx, d), "\n"))
		return
	}
	k.ok(what, "whole, %s", size(d.Bytes))
	o, err := k.observed(ctx, client, path)
	if err != nil {
		k.fail(what, err.Error(), "")
	}
	if o != nil {
		k.observing = true
		k.note(what, notDisconnected(*o))
	}
}

// observed says since when and why nothing is disconnected; nil where that is
// not so.
func (k *checker) observed(ctx context.Context, client *web.Client, path string) (*sessionwarden.Observing, error) {
	if client != nil {
		s, err := client.Status(ctx)
		return s.Observing, err
	}
	db, err := storage.Open(path, storage.Options{ReadOnly: true, Version: version})
	if err != nil {
		return nil, err
	}
	if o, observing := db.Observing(); observing {
		return &o, db.Close()
	}
	return nil, db.Close()
}

// backups looks at the folder of the daemon's own backups, and makes nothing.
func (k *checker) backups(cfg *config.Config) {
	const what = "backups"
	list, err := storage.Backups(cfg.Backup.Dir)
	switch {
	case err != nil:
		k.fail(what, err.Error(), "give the folder to the user that runs sessionwarden, or name another one in [backup] dir")
	case cfg.Backup.Every == 0:
		k.note(what, fmt.Sprintf("none is made by itself, as [backup] every says; there are %d in %s", len(list), cfg.Backup.Dir))
	case len(list) == 0:
		k.ok(what, "none yet in %s; one is made every %s while the daemon runs", cfg.Backup.Dir, shortSpan(cfg.Backup.Every))
	default:
		k.ok(what, "%d in %s, the newest of %s", len(list), cfg.Backup.Dir, list[0].Time.Format("2006-01-02 15:04 MST"))
	}
}

func (k *checker) places(ctx context.Context, cfg *config.Config, offline bool) {
	const what = "location data"
	places, err := openPlaces(cfg)
	if err != nil {
		k.fail(what, err.Error(), "")
		return
	}
	defer places.Close()
	if !offline {
		places.Fetch(ctx)
	}
	s := places.Status()
	if s.Failed != "" {
		k.fail(what, s.Failed, "until then the built-in data is used, and what the country rules would disconnect is held")
	} else {
		k.ok(what, "%s of %s; networks: %s of %s", s.Country, s.CountryBuilt.Format("2006-01-02"), s.ASN, s.ASNBuilt.Format("2006-01-02"))
	}
	for _, warning := range s.Warnings {
		if !slices.ContainsFunc(s.Lists, func(l sessionwarden.ListStatus) bool { return l.Problem == warning }) {
			k.note(what, warning)
		}
	}
	k.lists(cfg, s.Lists, offline)
	k.canary(ctx, places)
}

// canary has a made-up thief go through a watch in memory, over this location
// data.
func (k *checker) canary(ctx context.Context, places *geo.Locator) {
	const what = "canary"
	h := hatch{locate: places.Lookup, judged: madeUpAccount, answer: madeUpAnswer, words: alert.Compose, now: time.Now}
	err := h.rehearse(ctx)
	var wrong *failure
	switch {
	case err == nil:
		k.ok(what, "a made-up thief is noticed, would be ended, and would be told of")
	case errors.As(err, &wrong):
		k.fail(what, err.Error(), wrong.cure)
	default:
		k.fail(what, err.Error(), "")
	}
}

// heartbeat tries the address of the heartbeat.
func (k *checker) heartbeat(ctx context.Context, cfg *config.Config, offline bool) {
	const what = "heartbeat"
	url := cfg.Heartbeat.URL
	if !url.Set() {
		k.note(what, "none is configured, so nobody would notice that this machine has stopped: see [heartbeat] in config.example.toml")
		return
	}
	if _, err := url.Read(); err != nil {
		k.fail(what, err.Error(), "put the address there that the service shows which waits for the heartbeat")
		return
	}
	if offline {
		k.ok(what, "its address is read from %s", url.Source())
		return
	}
	h, err := newHeartbeat(cfg, nil)
	if err != nil {
		k.fail(what, err.Error(), "")
		return
	}
	plain, err := h.Try(ctx)
	var failed *alert.SendError
	switch {
	case errors.As(err, &failed):
		k.fail(what, failed.Error(), failed.Cure)
	case err != nil:
		k.fail(what, err.Error(), "")
	case plain:
		k.ok(what, "its address answered; it knows no /start and /fail, so it will notice trouble by silence alone")
	default:
		k.ok(what, "its address answered that it heard of a start")
	}
}

// lists says what is used of the lists that are named, and how to get one for a
// rule that has none.
func (k *checker) lists(cfg *config.Config, lists []sessionwarden.ListStatus, offline bool) {
	for _, l := range lists {
		switch {
		case l.Used:
			k.ok(l.Key, "%s", listText(l))
			if l.Problem != "" {
				k.note(l.Key, l.Problem)
			}
		case offline && strings.Contains(l.Source, "://"):
			k.note(l.Key, l.Problem)
		default:
			k.fail(l.Key, l.Problem, "")
		}
	}
	judges := func(rule sessionwarden.Rule) bool {
		return slices.ContainsFunc(cfg.Accounts, func(a config.Account) bool { return a.Response(rule) != sessionwarden.Off })
	}
	if cfg.Geo.Anonymous == "" && cfg.Geo.TorExits == "" && judges(sessionwarden.TorNetwork) {
		k.note("tor_network", `it finds nothing, as no list of Tor exits is named. There is one for everybody: [geo] tor_exits = "https://check.torproject.org/torbulkexitlist"`)
	}
	if cfg.Geo.Anonymous == "" && cfg.Geo.VPNNetworks == "" && judges(sessionwarden.VPNNetwork) {
		k.note("vpn_network", "it finds nothing, as no list of VPN networks is named: [geo] vpn_networks, a file or an https address")
	}
}

// listText says which list is used, and of when it is.
func listText(l sessionwarden.ListStatus) string {
	text := l.Source + " of " + l.Date.Format("2006-01-02 15:04 MST")
	if l.Entries > 0 {
		text = fmt.Sprintf("%s, from %s", plural(l.Entries, "entry", "entries"), text)
	}
	return text
}
