package alert

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"

	"sessionwarden"
)

const (
	// beatEvery is how often at most it is said that all is well.
	beatEvery = time.Minute
	// moanEvery is how often it is said again that something is wrong, and
	// otherEvery how soon where it is something else by now.
	moanEvery  = 15 * time.Minute
	otherEvery = time.Minute
)

// Pulse is how the watch stands, as the whole program sees it.
type Pulse struct {
	Rounds uint64   // rises with each round; a beat tells of a new one
	Good   bool     // the last round was good
	Wrong  []string // what is wrong, a line each; none: nothing that a person has to know, though a round may have failed
}

// HeartbeatOptions is what a [Heartbeat] is made of. URL is required.
type HeartbeatOptions struct {
	URL        func() (string, error) // the address, which is a secret; asked for at each beat
	Instance   string                 // which daemon speaks, where something is wrong
	Transport  http.RoundTripper      // nil: its own, with HTTPS_PROXY honoured
	Logger     *slog.Logger           // nil: silent
	Registerer prometheus.Registerer  // nil: no metrics
	Now        func() time.Time       // the wall clock; nil: time.Now
}

// Heartbeat tells somebody else, whose business is to notice silence, that the
// watch is well, or what is wrong with it: by one request to an address, in the
// manner of healthchecks.io. It speaks of good rounds, at most once a minute; of
// trouble at once, and again every 15 minutes; and at once when that is over.
//
// What goes wrong with it is said in [Heartbeat.Status] and in the log, and holds
// up nobody. Its methods may be called from any goroutine.
type Heartbeat struct {
	url      func() (string, error)
	instance string
	client   *http.Client
	log      *slog.Logger
	now      func() time.Time
	last     prometheus.Gauge
	failed   prometheus.Counter
	wake     chan struct{}
	pace     *rate.Limiter // of all requests, whatever comes and goes

	mu     sync.Mutex
	pulse  Pulse
	status sessionwarden.HeartbeatStatus

	// Of Run alone; times by the steady clock.
	started  bool      // that the watch starts was said
	told     uint64    // the round that was told of last
	beat     time.Time // when that all is well was said last; zero: never
	moaned   time.Time // when that something is wrong was said last
	moan     string    // what was said then; "": that it is over was said since
	tried    signal    // the last attempt
	attempts int       // failed ones in a row
	notTill  time.Time // not tried again before this
	limited  bool      // because the service asked for it
	plain    bool      // the service knows the plain address only, as was logged
}

// NewHeartbeat returns a Heartbeat. It sends nothing until [Heartbeat.Run].
func NewHeartbeat(o HeartbeatOptions) (*Heartbeat, error) {
	if o.URL == nil {
		return nil, errors.New("a heartbeat needs its URL")
	}
	h := &Heartbeat{
		url: o.URL, instance: o.Instance, client: newHTTPClient(o.Transport, beatTimeout), log: o.Logger, now: o.Now,
		wake: make(chan struct{}, 1), pace: rate.NewLimiter(rate.Every(15*time.Second), 4),
	}
	if h.log == nil {
		h.log = slog.New(slog.DiscardHandler)
	}
	if h.now == nil {
		h.now = time.Now
	}
	h.last = register(o.Registerer, prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "sessionwarden_heartbeat_last_success_timestamp_seconds", Help: "When the heartbeat's address answered last that it heard that all is well; 0: never.",
	}))
	h.failed = register(o.Registerer, prometheus.NewCounter(prometheus.CounterOpts{
		Name: "sessionwarden_heartbeat_failures_total", Help: "Requests to the heartbeat's address that failed.",
	}))
	return h, nil
}

// Take takes how the watch stands now. It never blocks.
func (h *Heartbeat) Take(p Pulse) {
	h.mu.Lock()
	h.pulse = p
	h.status.Wrong = slices.Clone(p.Wrong)
	h.mu.Unlock()
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

// Status returns the heartbeat at one glance.
func (h *Heartbeat) Status() sessionwarden.HeartbeatStatus {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.status
	s.Wrong = slices.Clone(s.Wrong)
	return s
}

// Run says that the watch starts, and then how it stands, until ctx ends.
func (h *Heartbeat) Run(ctx context.Context) {
	for ctx.Err() == nil {
		h.mu.Lock()
		p := h.pulse
		h.mu.Unlock()
		what, wait := h.next(p, time.Now())
		if what != unsaid {
			h.attempt(ctx, what, p)
			continue
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-h.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// next decides what is said now; where that is nothing, it says for how long.
func (h *Heartbeat) next(p Pulse, now time.Time) (what signal, wait time.Duration) {
	what, wait = h.wants(p, now)
	if what == unsaid {
		return unsaid, wait
	}
	// What turns is tried at once, also where the last attempt failed.
	if wait = h.notTill.Sub(now); wait > 0 && (h.limited || what == h.tried) {
		return unsaid, min(wait, moanEvery)
	}
	if tokens := h.pace.TokensAt(now); tokens < 1 {
		return unsaid, time.Duration((1-tokens)*float64(15*time.Second)) + time.Millisecond
	}
	return what, 0
}

// wants is next without the pauses that failures and the pace ask for.
func (h *Heartbeat) wants(p Pulse, now time.Time) (signal, time.Duration) {
	if !h.started {
		return starts, 0
	}
	if len(p.Wrong) > 0 {
		again := moanEvery
		switch h.moan {
		case "":
			return fails, 0
		case h.words(p):
		default:
			again = otherEvery
		}
		if wait := h.moaned.Add(again).Sub(now); wait > 0 {
			return unsaid, wait
		}
		return fails, 0
	}
	if !p.Good || p.Rounds == h.told {
		return unsaid, moanEvery
	}
	if wait := h.beat.Add(beatEvery).Sub(now); wait > 0 && h.moan == "" {
		return unsaid, wait
	}
	return succeeds, 0
}

// words is what is said where something is wrong.
func (h *Heartbeat) words(p Pulse) string {
	var b strings.Builder
	b.WriteString("sessionwarden")
	if h.instance != "" {
		b.WriteString(" on " + outside(h.instance, 64))
	}
	b.WriteString("\n")
	for i, line := range p.Wrong {
		if i == mostWrong {
			b.WriteString(shortened + "\n")
			break
		}
		b.WriteString(outside(line, 300) + "\n")
	}
	return b.String()
}

// mostWrong is how many lines are sent of what is wrong.
const mostWrong = 12

// attempt says something, once, and notes what came of it.
func (h *Heartbeat) attempt(ctx context.Context, what signal, p Pulse) {
	now := time.Now()
	h.pace.AllowN(now, 1)
	words := h.words(p)
	known, err := h.say(ctx, what, words)
	if err != nil && ctx.Err() != nil {
		return // asked to stop
	}
	h.note(what, err)
	h.tried, h.started = what, true
	if err != nil {
		h.attempts++
		h.limited = err.Class == Limited
		pause := max(backOff(h.attempts+2), 3*time.Second)
		if h.limited {
			pause = max(err.RetryAfter, limitedPause)
		}
		h.notTill = now.Add(pause)
		return
	}
	h.attempts, h.notTill, h.limited = 0, time.Time{}, false
	switch what {
	case succeeds:
		h.beat, h.told, h.moan = now, p.Rounds, ""
	case fails:
		h.moaned, h.moan = now, words
	}
	if !known && !h.plain {
		h.plain = true
		h.log.Info("the service that waits for the heartbeat knows no /start and /fail: it will notice trouble by silence alone")
	}
}

// note writes down what came of an attempt, for people.
func (h *Heartbeat) note(what signal, err *SendError) {
	now := h.now()
	h.mu.Lock()
	before := h.status.Error
	h.status.Error, h.status.Cure = "", ""
	if err != nil {
		h.status.Error, h.status.Cure = err.Error(), err.Cure
	}
	if err == nil && what == succeeds {
		h.status.LastOK = now.UTC().Round(0)
	}
	h.mu.Unlock()
	switch {
	case err != nil && before == "":
		h.failed.Inc()
		h.log.Warn("the heartbeat did not arrive; it is tried again", "says", what.String(), "err", err, "cure", err.Cure)
	case err != nil:
		h.failed.Inc()
		h.log.Debug("the heartbeat did not arrive; it is tried again", "says", what.String(), "err", err)
	case before != "":
		h.log.Info("the heartbeat arrives again", "says", what.String())
	}
	if err == nil && what == succeeds {
		h.last.Set(float64(now.Unix()))
	}
}

// Once says how the watch stands, once, without [Heartbeat.Run]: for a program
// that ends. It says nothing where nothing is to be said.
func (h *Heartbeat) Once(ctx context.Context, p Pulse) error {
	h.Take(p)
	what := succeeds
	switch {
	case len(p.Wrong) > 0:
		what = fails
	case !p.Good:
		return nil
	}
	_, err := h.say(ctx, what, h.words(p))
	h.note(what, err)
	if err != nil {
		return err
	}
	return nil
}

// Try asks the address whether it is there, by saying that the watch starts. To
// a service that does not know that, it says that all is well: plain is true
// then.
func (h *Heartbeat) Try(ctx context.Context) (plain bool, err error) {
	known, failed := h.say(ctx, starts, "")
	if failed == nil && !known {
		plain = true
		_, failed = h.say(ctx, succeeds, "")
	}
	if failed != nil {
		return plain, failed
	}
	return plain, nil
}
