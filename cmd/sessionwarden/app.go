package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"sessionwarden"
	"sessionwarden/alert"
	"sessionwarden/config"
	"sessionwarden/geo"
	"sessionwarden/internal/mishap"
	"sessionwarden/internal/owner"
	"sessionwarden/mannco"
	"sessionwarden/monitor"
	"sessionwarden/storage"
	"sessionwarden/web"
)

// app is the whole program put together: what run runs, and what the other
// commands use when no daemon runs.
type app struct {
	cfg      *config.Config
	outside  outside
	log      *slog.Logger
	registry *prometheus.Registry
	db       *storage.DB
	places   *geo.Locator
	monitor  *monitor.Monitor
	teller   *alert.Teller
	metrics  *mannco.Metrics
	ways     ways          // to the services, as the configuration in use has them
	bulk     chan struct{} // how many large answers may be in hand at a time
	api      http.Handler
	started  time.Time
	running  bool
	opsAddr  string                   // where health and metrics are served
	mistakes atomic.Bool              // the configuration on disk was not taken
	refused  string                   // why, as people were told; only reload uses it
	restarts atomic.Pointer[[]string] // the keys that were changed and wait for a restart; nil: none
	copies   *copies                  // the daemon's own backups
	starts   starts                   // how it was started before
	checking sync.Mutex               // one check of the database at a time

	steps []step
}

// outside is what the program has to do with beyond its own disk. The zero
// value is the real world; tests put another one in its place.
type outside struct {
	services func(caFile string) (http.RoundTripper, error) // the way to the watched services
	slack    http.RoundTripper                              // the way to Slack
	now      func() time.Time                               // the wall clock
}

func (o outside) complete() outside {
	if o.services == nil {
		o.services = func(caFile string) (http.RoundTripper, error) { return mannco.NewTransport(caFile) }
	}
	if o.now == nil {
		o.now = time.Now
	}
	return o
}

// step is something to be closed at the end, by name.
type step struct {
	name  string
	close func() error
}

// loadConfig finds and reads the configuration.
func (c *command) loadConfig() (*config.Config, error) {
	path, err := config.Find(c.configFile, c.getenv)
	if err != nil {
		return nil, &usageError{err}
	}
	cfg, err := config.LoadFile(path, c.configOptions())
	if err != nil {
		return nil, &usageError{err}
	}
	return cfg, nil
}

// configOptions are what a configuration is checked with.
func (c *command) configOptions() config.Options {
	return config.Options{Getenv: c.getenv, CheckSchedule: func(text string) error {
		_, err := monitor.ParseSchedule(text)
		return err
	}}
}

// newLogger returns a logger as the configuration wants it.
func newLogger(cfg *config.Config, w io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: cfg.Log.Level}
	if cfg.Log.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// open puts the program together: nothing runs yet. The caller closes it.
func open(ctx context.Context, cfg *config.Config, logTo io.Writer, startEmpty bool, o outside) (*app, error) {
	a := &app{cfg: cfg, outside: o.complete(), bulk: make(chan struct{}, 4), log: newLogger(cfg, logTo), registry: prometheus.NewRegistry()}
	a.started = a.outside.now().UTC()
	if err := noCore(); err != nil {
		a.log.Warn("core files could not be forbidden; one would hold keys and tokens", "err", err)
	}
	a.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	a.registry.MustRegister(refusedGauge(&a.mistakes))
	a.metrics = mannco.NewMetrics(a.registry)
	if err := a.open(ctx, startEmpty); err != nil {
		return nil, errors.Join(withWayOut(ctx, cfg, err), a.Close())
	}
	return a, nil
}

func (a *app) open(ctx context.Context, startEmpty bool) error {
	cfg := a.cfg
	if err := owner.MkdirAll(cfg.DataDir, 0o700); err != nil {
		return fmt.Errorf("making the data directory: %w", err)
	}
	db, err := storage.Open(databasePath(cfg), storage.Options{Logger: a.log, Registerer: a.registry, Version: version, New: startEmpty, Now: a.outside.now})
	if err != nil {
		return err
	}
	a.db = db
	a.onClose("database", db.Close)
	if err := mishap.At("start.database"); err != nil {
		return err
	}

	places, err := geo.Open(geo.Options{Database: cfg.Geo.Database, ASNDatabase: cfg.Geo.ASNDatabase, Logger: a.log, Registerer: a.registry, Now: a.outside.now})
	if err != nil {
		return fmt.Errorf("opening the location data: %w", err)
	}
	a.places = places
	a.onClose("location data", places.Close)

	channels, err := channels(cfg, a.outside.slack)
	if err != nil {
		return err
	}
	a.teller = alert.New(alert.Options{
		Outbox: db, Channels: channels, MinSeverity: cfg.Alert.MinSeverity, Instance: cfg.Instance,
		Logger: a.log, Registerer: a.registry, LocationData: places.Status,
		Now: a.outside.now,
	})
	if err := a.teller.Load(ctx); err != nil {
		return fmt.Errorf("loading what is still to be told: %w", err)
	}
	if err := mishap.At("start.outbox"); err != nil {
		return err
	}

	a.monitor = monitor.New(monitor.Options{
		Journal: db, Locate: places.Lookup,
		LocationData: func() (uint64, string) { return places.Generation(), places.Failed() },
		Troubles:     func() []monitor.Trouble { return troubles(places.Troubles()) },
		OpenAlerts: func(ctx context.Context) ([]sessionwarden.Alert, error) {
			alerts, _, err := db.Outbox(ctx)
			return alerts, err
		},
		Tell:   a.teller.Add,
		Urgent: a.teller.Urgent,
		Forget: func(ctx context.Context) (int, bool, error) {
			n, err := db.Forget(ctx, a.outside.now().Add(-cfg.History.Keep), forgetStep)
			return n, n == forgetStep, err
		},
		Action: func(ctx context.Context, id uint64) (sessionwarden.Action, bool, error) {
			for action, err := range db.Actions(ctx, sessionwarden.Query{}) {
				if err != nil || action.ID == id {
					return action, err == nil, err
				}
			}
			return sessionwarden.Action{}, false, nil
		},
		Usable: db.Usable, Observing: db.Observing, Resume: db.Resume,
		Earliest: places.Made().AddDate(0, 0, -1), Logger: a.log, Registerer: a.registry, Now: a.outside.now,
	})
	watched, ways, err := a.watched(cfg)
	if err != nil {
		return err
	}
	a.ways = ways
	if err := a.monitor.Watch(ctx, watched); err != nil {
		return err
	}
	a.copies = newCopies(a)
	if a.starts, err = readStarts(cfg.DataDir); err != nil {
		a.log.Warn("how the daemon was stopped could not be read", "err", err)
	}
	a.watchStarts()
	a.api = web.NewAPI(web.APIOptions{
		Records: records{a.db, a}, Desk: a.monitor, Answers: a.monitor, Status: a.status, Backup: db.Backup, TestAlerts: a.testAlerts, Check: a.checkRunning,
		Logger: a.log, Registerer: a.registry, Now: a.outside.now,
	})
	return nil
}

// troubles puts what is wrong with location files into words.
func troubles(files []geo.Trouble) []monitor.Trouble {
	var list []monitor.Trouble
	for _, f := range files {
		t := monitor.Trouble{Of: f.Key, Kind: sessionwarden.StaleData, Fact: "stale " + f.Path, Severity: sessionwarden.Warning,
			Title: "A location file is not good any more; the data from before it stays in use",
			Lines: []string{f.Says, "Mend it before the next start, which would find only the built-in data and hold what rests on places."},
		}
		if f.Failed {
			t.Fact, t.Severity, t.Title = "failed "+f.Path, sessionwarden.Critical, "The location data cannot be relied on"
			t.Lines[1] = "Watching goes on with the built-in data. What a rule would disconnect by its place is held for you meanwhile: sessionwarden actions"
		}
		list = append(list, t)
	}
	return list
}

// forgetStep is how many old rows are forgotten at a time: a mass deletion
// would slow down every commit after it.
const forgetStep = 500

// onClose registers a stop step, right after the thing was made.
func (a *app) onClose(name string, close func() error) { a.steps = append(a.steps, step{name, close}) }

// Close closes everything, the newest first.
func (a *app) Close() error {
	var errs []error
	for i := len(a.steps) - 1; i >= 0; i-- {
		if err := a.steps[i].close(); err != nil {
			errs = append(errs, fmt.Errorf("closing the %s: %w", a.steps[i].name, err))
		}
	}
	a.steps = nil
	return errors.Join(errs...)
}

// databaseName is the name of the database in the data directory.
const databaseName = "sessionwarden.db"

func databasePath(cfg *config.Config) string { return filepath.Join(cfg.DataDir, databaseName) }

// watched makes the clients of the configured accounts. An account in dry run
// gets nothing that could end a session.
//
// The ways there are new ones, as certificates may have changed; those before
// are closed by whoever has put the new ones in use.
func (a *app) watched(cfg *config.Config) (list []monitor.Watched, _ ways, err error) {
	transports := make(ways)
	defer func() {
		if err != nil {
			transports.close()
		}
	}()
	for _, account := range cfg.Accounts {
		transport := transports[account.CAFile]
		if transport == nil {
			made, err := a.outside.services(account.CAFile)
			if err != nil {
				return nil, nil, fmt.Errorf("account %s: %w", account.Name, err)
			}
			transport = made
			transports[account.CAFile] = made
		}
		client, err := newClient(a.cfg.DataDir, account, transport, a.bulk, a.log, a.metrics, a.outside.now)
		if err != nil {
			return nil, nil, err
		}
		w := monitor.Watched{Account: account.Account, Lister: client, Ender: client}
		if account.DryRun {
			w.Lister, w.Ender = onlyLists{client}, nil
		}
		list = append(list, w)
	}
	return list, transports, nil
}

// ways are the connection pools to the services, by their CA file.
type ways map[string]http.RoundTripper

// close lets the connections go that nobody uses; the others follow when their
// answer is there.
func (w ways) close() {
	for _, way := range w {
		if pool, ok := way.(interface{ CloseIdleConnections() }); ok {
			pool.CloseIdleConnections()
		}
	}
}

// onlyLists is what a dry run has of a client.
type onlyLists struct{ monitor.Lister }

// newClient makes the client of one account. Its token is kept in a file of
// its own, so that no backup of the database holds it; without a data
// directory it is kept in memory only.
func newClient(dataDir string, account config.Account, transport http.RoundTripper, bulk chan struct{}, log *slog.Logger, metrics *mannco.Metrics, now func() time.Time) (*mannco.Client, error) {
	file := ""
	if dataDir != "" {
		tokens := filepath.Join(dataDir, "tokens")
		if err := owner.MkdirAll(tokens, 0o700); err != nil {
			return nil, fmt.Errorf("making the directory for tokens: %w", err)
		}
		file = filepath.Join(tokens, account.Name+".json")
	}
	client, err := mannco.New(mannco.Options{
		Account: account.Name, BaseURL: account.BaseURL, Key: account.Key.Read, Timeout: account.Timeout,
		TokenFile: file,
		Transport: transport, Bulk: bulk, Logger: log, Metrics: metrics, UserAgent: "sessionwarden/" + version, Now: now,
	})
	if err != nil {
		return nil, fmt.Errorf("account %s: %w", account.Name, err)
	}
	return client, nil
}

// channels makes the ways to people that the configuration names.
func channels(cfg *config.Config, transport http.RoundTripper) ([]alert.Channel, error) {
	slack := cfg.Alert.Slack
	if slack == nil {
		return nil, nil
	}
	if slack.BotToken.Set() {
		bot, err := alert.NewSlackBot(alert.SlackBotOptions{Token: slack.BotToken.Read, Channel: slack.Channel, APIURL: slack.APIURL, Transport: transport})
		return []alert.Channel{bot}, err
	}
	hook, err := alert.NewSlackWebhook(alert.SlackWebhookOptions{URL: slack.WebhookURL.Read, Transport: transport})
	return []alert.Channel{hook}, err
}

// status is the whole watch at one glance.
func (a *app) status() sessionwarden.Status {
	s := sessionwarden.Status{
		Version: version, Instance: a.cfg.Instance, Running: a.running, Time: a.outside.now().UTC(),
		Accounts: a.monitor.Status(), Channels: a.teller.Status(), Location: a.places.Status(),
	}
	if a.running {
		s.Started = a.started
	}
	s.Crashes, s.LastCrash = a.starts.Crashes, a.starts.Last
	if o, observing := a.db.Observing(); observing {
		s.Observing = &o
	}
	if why := a.monitor.Unsaved(); why != "" {
		s.Warnings = append(s.Warnings, unsavedNote+why)
	} else if a.db.Damage() != nil {
		s.Warnings = append(s.Warnings, damageNote)
	}
	var warning string
	if s.Backup, warning = a.copies.status(); warning != "" {
		s.Warnings = append(s.Warnings, warning)
	}
	if len(s.Channels) == 0 {
		s.Warnings = append(s.Warnings, "no alert channel is configured: findings are only logged; see [alert.slack] in config.example.toml")
	}
	if a.mistakes.Load() {
		s.Warnings = append(s.Warnings, "the configuration on disk has mistakes, and the one before it is in use: sessionwarden check --offline tells them")
	}
	if keys := a.restarts.Load(); keys != nil && len(*keys) > 0 {
		s.Warnings = append(s.Warnings, "changed in the configuration, and in effect only after a restart: "+strings.Join(*keys, ", "))
	}
	if s.Location.Failed != "" {
		s.Warnings = append(s.Warnings, "what a rule would disconnect by its place is held for you, as the location data cannot be relied on")
	}
	s.Warnings = append(s.Warnings, a.cfg.Notices...)
	return s
}

// health is what /healthz and /readyz say.
func (a *app) health() web.Health {
	h := web.Health{Ready: a.monitor.Ready(), Blind: a.monitor.Blind()}
	if _, observing := a.db.Observing(); observing {
		h.Notes = append(h.Notes, "the history was restored from a backup: nothing is disconnected until a person confirms with sessionwarden resume")
	}
	if why := a.monitor.Unsaved(); why != "" {
		h.Notes = append(h.Notes, unsavedNote+why)
	} else if a.db.Damage() != nil {
		h.Notes = append(h.Notes, damageNote)
	}
	return h
}

// testAlerts sends a test alert to every channel.
func (a *app) testAlerts(ctx context.Context) []web.ChannelTest {
	return testRows(a.teller.Test(ctx))
}

func testRows(results []alert.TestResult) []web.ChannelTest {
	var rows []web.ChannelTest
	for _, r := range results {
		rows = append(rows, web.ChannelTest{Channel: r.Channel, OK: r.OK, Outcome: r.Outcome, Cure: r.Cure})
	}
	return rows
}

// records are the rows of the database. While the daemon runs, "last seen" is
// newer in memory than on the disk, as a quiet poll writes nothing.
type records struct {
	*storage.DB
	app *app
}

// Sightings implements web.Records.
func (r records) Sightings(ctx context.Context, q sessionwarden.Query) iter.Seq2[sessionwarden.Sighting, error] {
	return func(yield func(sessionwarden.Sighting, error) bool) {
		for s, err := range r.DB.Sightings(ctx, q) {
			if err == nil && s.State == sessionwarden.Live && s.Missing.IsZero() {
				if seen := r.app.monitor.LastSeen(s.Account); seen.After(s.LastSeen) {
					s.LastSeen = seen
				}
			}
			if !yield(s, err) {
				return
			}
		}
	}
}
