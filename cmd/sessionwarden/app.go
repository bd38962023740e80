package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
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
	"sessionwarden/policy/ownrule"
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
	socket   *alert.SlackSocket // for Slack's buttons; nil: there are none
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
	digests  *digests                 // what people are told at set times
	before   time.Time                // the last good poll on record when it was started; zero: none
	rounds   *rounds                  // how the watch stands, and the heartbeat that tells of it
	canary   *canary                  // the made-up thief
	starts   starts                   // how it was started before
	checking sync.Mutex               // one check of the database at a time
	issuing  sync.Mutex               // one file of evidence at a time

	steps []step
}

// outside is what the program has to do with beyond its own disk. The zero
// value is the real world; tests put another one in its place.
type outside struct {
	services  func(caFile string) (http.RoundTripper, error) // the way to the watched services
	alerts    http.RoundTripper                              // the way to Slack and the services of the other channels
	mail      dialer                                         // the way to mail servers
	heartbeat http.RoundTripper                              // the way to whoever waits for the heartbeat
	lists     http.RoundTripper                              // the way to the addresses of lists
	now       func() time.Time                               // the wall clock
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
	return config.Options{
		Getenv: c.getenv,
		CheckSchedule: func(text string) error {
			_, err := monitor.ParseSchedule(text)
			return err
		},
		CheckRule: func(when string) *config.RuleMistake {
			wrong := ownrule.Check(when)
			if wrong == nil {
				return nil
			}
			return &config.RuleMistake{Offset: wrong.Offset, Problem: wrong.Problem, Cure: wrong.Cure}
		},
	}
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

	places, err := openPlaces(cfg, func(o *geo.Options) {
		o.Logger, o.Registerer, o.Now, o.Way, o.OnlyReads = a.log, a.registry, a.outside.now, a.outside.lists, false
	})
	if err != nil {
		return fmt.Errorf("opening the location data: %w", err)
	}
	a.places = places
	a.onClose("location data", places.Close)

	channels, err := channels(cfg, a.outside)
	if err != nil {
		return err
	}
	if a.socket, err = a.listen(channels); err != nil {
		return err
	}
	a.teller = alert.New(alert.Options{
		Outbox: db, Channels: channels, Routes: routes(cfg), Escalation: alert.Escalation{After: cfg.Alert.Escalation.After, Channels: cfg.Alert.Escalation.Channels}, Instance: cfg.Instance,
		Incident: a.incident,
		Logger:   a.log, Registerer: a.registry, LocationData: places.Status,
		Now: a.outside.now,
	})
	if err := a.teller.Load(ctx); err != nil {
		return fmt.Errorf("loading what is still to be told: %w", err)
	}
	if err := mishap.At("start.outbox"); err != nil {
		return err
	}

	if a.rounds, err = newRounds(a); err != nil {
		return err
	}
	a.monitor = monitor.New(monitor.Options{
		Journal: db, Locate: places.Lookup, Distance: geo.Distance, Kind: places.Kind,
		LocationData: func() (uint64, string) { return places.Generation(), places.Failed() },
		Troubles:     func() []monitor.Trouble { return troubles(places.Troubles()) },
		OpenAlerts: func(ctx context.Context) ([]sessionwarden.Alert, error) {
			alerts, _, err := db.Outbox(ctx)
			return alerts, err
		},
		Tell:   a.teller.Add,
		Urgent: a.teller.Urgent, Polled: a.rounds.poke,
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
		Incident: a.incident,
		Usable:   db.Usable, Observing: db.Observing, Resume: db.Resume,
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
	for _, s := range a.monitor.Status() {
		if s.LastPoll.After(a.before) {
			a.before = s.LastPoll
		}
	}
	a.copies, a.digests, a.canary = newCopies(a), newDigests(a), newCanary(a)
	if a.starts, err = readStarts(cfg.DataDir); err != nil {
		a.log.Warn("how the daemon was stopped could not be read", "err", err)
	}
	a.watchStarts()
	a.api = web.NewAPI(web.APIOptions{
		Records: records{a.db, a}, Desk: a.monitor, Answers: a.monitor, Trust: a.monitor, Silences: a.teller, Muted: a.muted, OwnRules: a.monitor.OwnRules, Insight: insight{a}, Evidence: notary{a}.issue, Status: a.status, Backup: db.Backup, Alerts: tellings{a}, TestAlerts: a.testAlerts, Check: a.checkRunning,
		Logger: a.log, Registerer: a.registry, Now: a.outside.now,
	})
	return nil
}

// troubles puts what is wrong with location files and lists into words.
func troubles(files []geo.Trouble) []monitor.Trouble {
	var list []monitor.Trouble
	for _, f := range files {
		t := monitor.Trouble{Of: f.Key, Kind: sessionwarden.StaleData, Fact: "stale " + f.Path, Severity: sessionwarden.Warning,
			Title: "A location file is not good any more; the data from before it stays in use",
			Lines: []string{f.Says, "Mend it before the next start, which would find only the built-in data and hold what rests on places."},
		}
		if f.List != "" {
			t.Fact, t.Title = "stale list "+f.Path, "A list is not brought up to date: "+f.List
			t.Lines[1] = "The list from before stays in use. See how it is: sessionwarden check"
			if f.Failed {
				t.Fact, t.Title = "no list "+f.Path, "A list cannot be used: "+f.List
				t.Lines[1] = "Everything else goes on. See how it is: sessionwarden check"
			}
			list = append(list, t)
			continue
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

// routes says what each channel is told.
func routes(cfg *config.Config) map[string]alert.Route {
	routes := make(map[string]alert.Route)
	add := func(name string, r config.Routing) {
		routes[name] = alert.Route{MinSeverity: r.MinSeverity, Accounts: r.Accounts, Topics: r.Topics, Quiet: r.Quiet, Zone: r.Zone}
	}
	if cfg.Alert.Slack != nil {
		add("slack", cfg.Alert.Slack.Routing)
	}
	for _, c := range cfg.Alert.Channels {
		add(c.Name, c.Routing)
	}
	return routes
}
