package monitor

import (
	"context"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/robfig/cron/v3"

	"sessionwarden"
)

// Lister reads an account's session list.
type Lister interface {
	// Sessions returns the live sessions or, with expired, the ended ones as
	// well. A list that could be read in part comes without an error and says
	// that it is not complete. Errors are [sessionwarden.Fault].
	Sessions(ctx context.Context, expired bool) (sessionwarden.Listing, error)
}

// Ender ends sessions of an account. A dry run has none, so that nothing it
// calls could end anything.
type Ender interface {
	// Disconnect ends one session. Nil says that the service answered that it
	// is done, which is not yet a proof.
	Disconnect(ctx context.Context, id sessionwarden.SessionID) error
	// DisconnectAll ends every session, our own included, after it proved
	// that we can log in again.
	DisconnectAll(ctx context.Context) error
}

// Journal keeps what must outlast the process.
type Journal interface {
	// History returns what is remembered of account.
	History(ctx context.Context, account string) (sessionwarden.History, error)
	// Commit writes all changes to the disk in one transaction, or none.
	Commit(ctx context.Context, changes []sessionwarden.Change) error
	// NextID returns a number that no row has yet. Numbers rise.
	NextID() uint64
}

// Watched is an account with the service that it lives on.
type Watched struct {
	Account sessionwarden.Account
	Lister  Lister
	Ender   Ender      // nil where Account.DryRun
	Facts   FactReader // nil: the account's facts are not watched
}

// Options are what a Monitor needs. Journal and Locate are required.
type Options struct {
	Journal Journal
	// Locate says where an address lies.
	Locate func(netip.Addr) sessionwarden.Location
	// Distance returns the least distance of two countries in kilometres, and
	// whether it is known. Nil: no journey is judged.
	Distance func(a, b sessionwarden.Country) (km float64, known bool)
	// Kind returns what kind of network an autonomous system is. Nil: nobody knows.
	Kind func(asn uint32) sessionwarden.NetworkKind
	// LocationData returns a number that changes when the location data does,
	// and why the data cannot be relied on ("" if it can). Nil: it never
	// changes and can be relied on.
	LocationData func() (generation uint64, failed string)
	// Troubles returns what else is wrong with what the watch rests on. Each is
	// told once, also over restarts, and once when it is over. Nil: nothing.
	Troubles func() []Trouble
	// OpenAlerts returns the alerts that may be told of again: after a start,
	// matters that are still open go on under the same alert.
	OpenAlerts func(context.Context) ([]sessionwarden.Alert, error)
	// Tell hands over committed alerts. It must not block.
	Tell func([]sessionwarden.Alert)
	// Urgent hands over an alert that could not be committed, since the disk
	// failed. It must not block.
	Urgent func(sessionwarden.Alert)
	// Action returns an action that is on the disk, open or not; false: there is
	// none of that id. Nil: only open ones are known.
	Action func(ctx context.Context, id uint64) (sessionwarden.Action, bool, error)
	// Incident returns an incident that is on the disk, open or not; false: there
	// is none of that id. Nil: only open ones are known.
	Incident func(ctx context.Context, id uint64) (sessionwarden.Incident, bool, error)
	// Polled is told of each poll that came to its end, well or not: see
	// [Monitor.Round]. It must not block. Nil: nobody wants to know.
	Polled func()
	// Usable says why nothing could be committed now, at little cost; nil: that
	// is found out by committing.
	Usable func() error
	// Observing says since when and why nothing that a rule wants is ended,
	// and whether that is so; Resume ends it, on the disk. Nil: never so.
	Observing func() (sessionwarden.Observing, bool)
	Resume    func(context.Context) error
	// Forget removes a little of what is older than the history is kept. It
	// returns how many rows it removed, and whether there are more to be removed
	// soon. Nil: everything is kept.
	Forget func(context.Context) (rows int, more bool, err error)

	Parallel   int              // polls at once; 0: 32
	Now        func() time.Time // the wall clock; nil: time.Now
	Earliest   time.Time        // no clock that was ever set says less; zero: not known
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Monitor watches accounts. Its methods may be called from several goroutines.
type Monitor struct {
	opts     Options
	log      *slog.Logger
	metrics  *metrics
	polls    chan struct{}           // a slot for each poll that may run at once
	askSlots chan struct{}           // a slot for each look at an account that may run at once
	changed  chan struct{}           // the set of accounts or a schedule changed
	unsaved  atomic.Pointer[unsaved] // the commit that failed, as people were told; nil: none
	ending   atomic.Bool             // no work is begun any more
	lost     bool                    // the journal cannot be used, as people were told; only Run uses it
	based    time.Time               // [Monitor.base] when Run looked last at what is due; only Run uses it
	began    time.Time               // by the steady clock
	forgot   atomic.Bool             // people know that forgetting panics
	high     atomic.Int64            // how many accounts are under heightened watch
	worked   atomic.Uint64           // polls that worked
	turned   atomic.Int64            // when Run began its last turn, since began; 0: it does not run

	mu      sync.Mutex
	watches map[string]*watch
	sorted  []*watch // by name; replaced as a whole, never changed
	working sync.WaitGroup

	failing failing // own rules that could not be worked out

	telling sync.Mutex
	told    map[string]string // the troubles that people were told of and that are not over; nil: not read yet
}

// watch is one account under watch. polling, acting and asking serialize whole
// polls, rounds of actions and looks at the account itself; mu guards the rest and is never held while the
// service is called. It is held while the disk is waited for, so what the loop
// over all accounts looks at has a lock of its own, taken last.
type watch struct {
	polling sync.Mutex
	acting  sync.Mutex
	asking  sync.Mutex

	timing   sync.Mutex
	schedule cron.Schedule
	next     time.Time // of the schedule
	doubt    string    // why the clock cannot be relied on, by the last good poll
	facts    asking    // when the account's facts are read
	name     string
	timeout  time.Duration // of one request
	turn     turn          // how the last poll went

	mu      sync.Mutex
	account sessionwarden.Account
	stamp   string // of account
	lister  Lister
	ender   Ender

	h      sessionwarden.History
	alerts map[uint64]sessionwarden.Alert // of matters that go on
	list   sessionwarden.Listing          // the last one
	read   time.Time                      // when it had been read; zero: none in this process
	base   time.Time                      // [Monitor.base] of the clock that what waits in h is by
	unsure bool                           // the clock was set since the last good poll
	gen    uint64                         // generation of the location data that the live sessions were located with

	expired    time.Time // when expired sessions were listed last
	owed       bool      // they were read, but could not be looked through or recorded
	unrecorded bool      // a list was read, or something was found, that could not be recorded: the next poll looks at every row
	high       bool      // under heightened watch
	lesson     time.Time // when the profile can learn next; zero: nothing to wait for
	flushed    time.Time // when the state record was written last
	misses     int       // polls that failed in a row
	limited    bool      // a limit on how often we may ask, or log in, leaves us no list beside what is planned
	skips      int       // polls that were skipped in a row
	missError  string
	missCure   string
	untold     []string  // what is new in the service's answers, until it is on disk that it was told
	factless   time.Time // since when the account's facts cannot be read whole
	logout     bool      // our own session was ended, until that is on disk
	partly     int       // lists in a row that could not be read whole
	notices    []sessionwarden.Notice
	faces      map[face]uint64         // who people were told of within the hour, by the alert's id
	refused404 sessionwarden.SessionID // the last target that answered 404 though listed
	unknown    map[uint64]bool         // actions whose call answered 404: the next list tells what that meant
	rivals     map[rival]*contest      // who comes back after being ended
	selfEnded  int                     // how often a disconnection cost us our own session
	begun      uint64                  // the action whose attempt was counted with its plan, until it is made
	acted      bool                    // a session was ended since the last list
	unsavedFor map[sessionwarden.Key]bool
	followed   map[uint64]sessionwarden.Action // actions that a person waits for
}

// New returns a Monitor that watches nothing yet: see [Monitor.Watch].
func New(opts Options) *Monitor {
	if opts.Parallel <= 0 {
		opts.Parallel = 32
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	if opts.LocationData == nil {
		opts.LocationData = func() (uint64, string) { return 0, "" }
	}
	if opts.Observing == nil {
		opts.Observing = func() (sessionwarden.Observing, bool) { return sessionwarden.Observing{}, false }
	}
	if opts.Tell == nil {
		opts.Tell = func([]sessionwarden.Alert) {}
	}
	if opts.Polled == nil {
		opts.Polled = func() {}
	}
	if opts.Urgent == nil {
		opts.Urgent = func(sessionwarden.Alert) {}
	}
	m := &Monitor{
		opts:     opts,
		log:      opts.Logger,
		metrics:  newMetrics(opts.Registerer),
		polls:    make(chan struct{}, opts.Parallel),
		askSlots: make(chan struct{}, max(1, opts.Parallel/4)),
		changed:  make(chan struct{}, 1),
		watches:  make(map[string]*watch),
		began:    time.Now(),
	}
	m.watchStates(opts.Registerer)
	return m
}

// Watch sets what is watched: accounts that are new are loaded from the
// journal, those that are not in the list any more are left alone from now on,
// and the others go on under their new configuration from their next poll.
// With an error nothing has changed.
func (m *Monitor) Watch(ctx context.Context, accounts []Watched) error {
	var open []sessionwarden.Alert
	if m.opts.OpenAlerts != nil {
		var err error
		if open, err = m.opts.OpenAlerts(ctx); err != nil {
			return err
		}
	}
	m.recallTroubles(open)
	m.mu.Lock()
	defer m.mu.Unlock()
	fresh := make(map[string]*watch, len(accounts))
	now := m.clock()
	type update struct {
		w        *watch
		to       Watched
		schedule cron.Schedule
	}
	var updates []update
	for i, a := range accounts {
		schedule, err := ParseSchedule(a.Account.Schedule)
		if err != nil {
			return err
		}
		w := m.watches[a.Account.Name]
		if w == nil {
			h, err := m.opts.Journal.History(ctx, a.Account.Name)
			if err != nil {
				return err
			}
			m.failing.recall(h)
			// First polls of many accounts are spread over seconds, in bursts.
			w = &watch{h: believable(h, a.Account, now, m.opts.Earliest), base: m.base(), next: now.Add(time.Duration(i/firstBurst) * time.Second), flushed: now, alerts: openMatters(h, open)}
			w.schedule = schedule
			w.configure(a)
			w.notices = recent(notices(a.Account.Name, open), now)
			for _, alert := range open {
				if alert.Account == a.Account.Name && now.Sub(alert.Created) < flapFor {
					w.remember(alert)
				}
			}
		} else {
			updates = append(updates, update{w, a, schedule})
		}
		fresh[a.Account.Name] = w
	}
	for _, u := range updates {
		u.w.mu.Lock()
		u.w.timing.Lock()
		if u.w.account.Schedule != u.to.Account.Schedule {
			u.w.next = now
		}
		u.w.schedule = u.schedule
		u.w.timing.Unlock()
		u.w.configure(u.to)
		u.w.mu.Unlock()
	}
	if u := m.unsaved.Load(); u != nil && fresh[u.account] == nil {
		m.unsaved.CompareAndSwap(u, &unsaved{why: u.why}) // the next commit of any account tells
	}
	m.watches, m.sorted = fresh, make([]*watch, 0, len(fresh))
	high := int64(0)
	for _, name := range slices.Sorted(maps.Keys(fresh)) {
		w := fresh[name]
		m.sorted = append(m.sorted, w)
		w.mu.Lock()
		if w.high {
			high++
		}
		w.mu.Unlock()
	}
	m.high.Store(high)
	select {
	case m.changed <- struct{}{}:
	default:
	}
	return nil
}

// configure takes a configuration, but for its schedule. The caller holds w.mu
// where others know w.
func (w *watch) configure(to Watched) {
	w.account, w.stamp, w.lister, w.ender = to.Account, to.Account.Stamp(), to.Lister, to.Ender
	w.timing.Lock()
	w.facts.reader, w.facts.every = to.Facts, to.Account.AccountEvery
	w.name, w.timeout = to.Account.Name, to.Account.Timeout
	w.timing.Unlock()
}

// firstBurst is how many accounts are polled in the same second after a start.
const firstBurst = 50

// openMatters picks the alerts that the account's open actions and its open
// incident are told in.
func openMatters(h sessionwarden.History, open []sessionwarden.Alert) map[uint64]sessionwarden.Alert {
	matters := make(map[uint64]sessionwarden.Alert)
	for _, a := range open {
		if tellsOfIncident(h, a) {
			matters[a.ID] = a
		}
		for _, action := range h.Actions {
			if action.AlertID == a.ID {
				matters[a.ID] = a
			}
		}
	}
	return matters
}

// all returns the watches, by name. The list is not to be changed.
func (m *Monitor) all() []*watch {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.sorted
}

// byName returns the watch of an account; nil if there is none.
func (m *Monitor) byName(name string) *watch {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.watches[name]
}

// clock is the wall clock in UTC, without the monotonic reading: a machine
// that slept must see that time went by.
func (m *Monitor) clock() time.Time { return m.opts.Now().Round(0).UTC() }
