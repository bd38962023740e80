package alert

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sessionwarden"
)

// Options is what a [Teller] is made of.
type Options struct {
	Outbox     Outbox
	Channels   []Channel        // each with a name of its own; none: nothing is sent
	Routes     map[string]Route // what each is told, by its name; without one: everything
	Escalation Escalation
	Instance   string                // which daemon speaks, in every message
	Logger     *slog.Logger          // nil: silent
	Registerer prometheus.Registerer // nil: no metrics
	Now        func() time.Time      // nil: time.Now

	// LocationData says what location data is in use, for the footer; nil is
	// allowed.
	LocationData func() sessionwarden.LocationStatus
	// Incident returns an incident with its timeline, for the thread of its
	// message; false: there is none of that id. Nil: there are no threads.
	Incident func(ctx context.Context, id uint64) (sessionwarden.Incident, bool, error)
	// Random is where the ids of buttons come from; nil: crypto/rand.
	Random io.Reader
}

const (
	// maxKnown is how many alerts are held in memory; what is beyond waits on
	// the disk until there is room.
	maxKnown = 8192
	// maxWhole is how many of them are held with all their sessions; of the
	// others only what a bundle says.
	maxWhole = 256
	// maxDone is how many of them may be done with: they are remembered to
	// update what was sent.
	maxDone = 2048
	// maxUrgent is how many alerts that are on no disk wait in memory.
	maxUrgent = 64
	// maxCommitted is the highest id that the database gives; those above are
	// of alerts on no disk.
	maxCommitted = 1<<63 - 1
)

// Teller delivers alerts to people: at least once to every channel, in order
// within a severity, the critical ones first. Its methods may be called from
// any goroutine.
type Teller struct {
	outbox   Outbox
	lanes    []*lane
	instance string
	escalate Escalation
	incident func(ctx context.Context, id uint64) (sessionwarden.Incident, bool, error)
	random   io.Reader
	log      *slog.Logger
	metrics  *metrics
	now      func() time.Time
	location func() sessionwarden.LocationStatus

	changing sync.Mutex // one change of the silences at a time; taken before mu

	mu       sync.Mutex
	known    map[uint64]*matter
	waitsFor map[uint64]bool // those of them that are escalated until somebody answers
	silences []sessionwarden.Silence
	offered  map[uint64]map[offerKey]sessionwarden.OfferID // the buttons that the disk knows, by alert
	done     map[uint64]bool                               // those of them that may be forgotten: sent, and recorded as such
	urgent   uint64                                        // ids given to alerts on no disk
	shed     int                                           // alerts on no disk that were given up, not told yet
	stale    bool                                          // the outbox holds more than the memory does
	forgot   uint64                                        // the highest id that was dropped from memory
	flushing int                                           // how many callers wait in Flush
	running  bool                                          // Run is
	changed  chan struct{}                                 // closed, and made anew, at each change
	refill   chan struct{}                                 // asks Run to read the outbox again
}

// matter is one alert in its newest revision.
type matter struct {
	alert  sessionwarden.Alert
	urgent bool // on no disk
	asks   bool // a person has to answer something
}

// New returns a Teller. It does nothing until [Teller.Run].
func New(o Options) *Teller {
	t := &Teller{
		outbox: o.Outbox, instance: o.Instance, escalate: o.Escalation, incident: o.Incident, random: o.Random, waitsFor: make(map[uint64]bool), offered: make(map[uint64]map[offerKey]sessionwarden.OfferID), log: o.Logger, now: o.Now, location: o.LocationData,
		known: make(map[uint64]*matter), done: make(map[uint64]bool), changed: make(chan struct{}), refill: make(chan struct{}, 1),
	}
	if t.log == nil {
		t.log = slog.New(slog.DiscardHandler)
	}
	if t.now == nil {
		t.now = time.Now
	}
	if t.random == nil {
		t.random = rand.Reader
	}
	t.metrics = newMetrics(o.Registerer)
	for _, c := range o.Channels {
		l := newLane(c, o.Routes[c.Name()], o.Escalation.place(c.Name()))
		if threader, ok := c.(Threader); ok && t.incident != nil {
			l.threads = threader
		}
		t.lanes = append(t.lanes, l)
		t.metrics.broken.WithLabelValues(c.Name()).Set(0)
		t.metrics.pending.WithLabelValues(c.Name()).Set(0)
	}
	return t
}

// Load reads the outbox, once, at the start: what was not recorded as
// delivered is pending again.
func (t *Teller) Load(ctx context.Context) error {
	alerts, deliveries, err := t.outbox.Outbox(ctx)
	if err != nil {
		return fmt.Errorf("reading the outbox: %w", err)
	}
	silences, err := t.outbox.Silences(ctx)
	if err != nil {
		return fmt.Errorf("reading the outbox: %w", err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.silences = silences
	t.merge(alerts, deliveries, true)
	t.notify()
	return nil
}

// Add takes committed alerts, new ones or such with a higher revision. It
// never blocks.
func (t *Teller) Add(alerts []sessionwarden.Alert) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, a := range alerts {
		if a.Revision == 0 {
			t.metrics.told.WithLabelValues(string(a.Kind)).Inc()
		}
		t.take(a, false)
	}
	t.notify()
}

// take takes one alert. The caller holds t.mu.
func (t *Teller) take(a sessionwarden.Alert, urgent bool) {
	m := t.known[a.ID]
	switch {
	case m == nil:
		if !urgent && (a.Revision > 0 && a.ID <= t.forgot || !t.room()) {
			t.stale = true // its deliveries, or it itself, are on the disk
			return
		}
		m = &matter{urgent: urgent}
		t.known[a.ID] = m
	case m.urgent && !urgent:
		m.urgent = false // it is on the disk after all: so is what became of it
		for _, l := range t.lanes {
			if d, ok := l.state[a.ID]; ok {
				l.owed[a.ID] = d
			}
		}
		if a.Revision < m.alert.Revision {
			return
		}
	case a.Revision <= m.alert.Revision:
		return
	}
	m.alert, m.asks = a, asks(a)
	if n := t.waiting(); n >= 2*maxWhole || n >= maxWhole && a.Severity < sessionwarden.Critical {
		m.alert = slim(a)
	}
	for _, l := range t.lanes {
		l.consider(t, m)
	}
	delete(t.waitsFor, a.ID)
	if t.awaits(m) {
		t.waitsFor[a.ID] = true
	}
	t.settle(m)
}

// awaits reports whether somebody is to be told of an alert until it is answered.
func (t *Teller) awaits(m *matter) bool {
	return t.escalate.set() && !m.urgent && m.alert.Unanswered()
}

// slim returns what a bundle says of an alert.
func slim(a sessionwarden.Alert) sessionwarden.Alert {
	if len(a.Items) == 0 {
		return a
	}
	pretended := dryRun(a)
	a.Title = headline(a)
	a.More += len(a.Items)
	a.Items, a.Lines = nil, nil
	if pretended {
		a.Lines = []string{"DRY RUN: nothing was ended."}
	}
	return a
}

// settle lets go of what is not needed any more of an alert that no channel
// has to do with. The caller holds t.mu.
func (t *Teller) settle(m *matter) {
	id := m.alert.ID
	delete(t.done, id)
	if t.pending(id) || t.awaits(m) {
		return
	}
	if m.urgent {
		t.drop(id)
		return
	}
	m.alert.Items, m.alert.Lines, m.alert.Title, m.alert.Digest = nil, nil, "", nil
	if !t.owes(id) {
		t.done[id] = true
	}
}

// room makes sure that one more alert may be held, and reports whether it may.
func (t *Teller) room() bool {
	if len(t.done) >= maxDone {
		t.forgetOldest()
	}
	return len(t.known) < maxKnown
}

// pending reports whether a channel still has to do something about an alert.
func (t *Teller) pending(id uint64) bool {
	for _, l := range t.lanes {
		if l.pending[id] != nothing {
			return true
		}
	}
	return false
}

// owes reports whether a delivery of the alert is not on the disk yet.
func (t *Teller) owes(id uint64) bool {
	for _, l := range t.lanes {
		if _, ok := l.owed[id]; ok {
			return true
		}
	}
	return false
}

// waiting returns how many alerts the fullest channel has to do with.
func (t *Teller) waiting() int {
	n := 0
	for _, l := range t.lanes {
		n = max(n, len(l.pending))
	}
	return n
}

// drop forgets an alert.
func (t *Teller) drop(id uint64) {
	delete(t.known, id)
	delete(t.done, id)
	delete(t.waitsFor, id)
	delete(t.offered, id)
	for _, l := range t.lanes {
		delete(l.state, id)
		delete(l.pending, id)
		delete(l.owed, id)
		delete(l.replied, id)
		delete(l.rang, id)
		delete(l.stale, id)
	}
}

// notify wakes the channels and whoever waits for a change.
func (t *Teller) notify() {
	for _, l := range t.lanes {
		select {
		case l.wake <- struct{}{}:
		default:
		}
		t.metrics.pending.WithLabelValues(l.name).Set(float64(l.untold()))
	}
	if t.stale && len(t.known)-len(t.done) < maxKnown/2 {
		select {
		case t.refill <- struct{}{}:
		default:
		}
	}
	close(t.changed)
	t.changed = make(chan struct{})
}

// errRunning says that a Teller runs already.
var errRunning = errors.New("alerts are being delivered already")

// Run delivers until ctx ends, with one worker for each channel. It returns
// nil then: what is not delivered stays in the outbox.
func (t *Teller) Run(ctx context.Context) error {
	t.mu.Lock()
	if t.running {
		t.mu.Unlock()
		return errRunning
	}
	t.running = true
	t.mu.Unlock()
	var workers sync.WaitGroup
	for _, l := range t.lanes {
		workers.Go(func() { t.work(ctx, l) })
	}
	workers.Go(func() { t.keepFilled(ctx) })
	workers.Wait()
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	for _, l := range t.lanes {
		if err := t.save(last, l, nil); err != nil {
			t.log.Warn("some deliveries are not recorded: their alerts are sent again after the next start", "channel", l.name, "err", err)
		}
	}
	t.mu.Lock()
	t.running = false
	t.mu.Unlock()
	return nil
}
