package main

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sessionwarden"
	"sessionwarden/alert"
)

const (
	// canaryFirst is how long after the start the first canary goes.
	canaryFirst = 2 * time.Second
	// canaryAgain is how long after one that failed the next one goes; doubling to
	// canarySlow.
	canaryAgain = time.Minute
	canarySlow  = 15 * time.Minute
	// canaryTries is how many in a row have to fail for a reason that may pass by
	// itself before people are told.
	canaryTries = 3
	// canaryTime is how long one may take.
	canaryTime = time.Minute
	// canaryKey is the key of the alerts about it.
	canaryKey = "canary"
)

// canary sends a made-up thief through the whole watch now and then, to see
// whether he is noticed: stage by stage, as hatch.go plays it. What he does is
// written nowhere and told to nobody; that he was not noticed is.
type canary struct {
	app   *app
	every time.Duration // 0: never
	last  prometheus.Gauge
	fails prometheus.Counter
	hatch hatch // what a canary goes through; tests break it

	mu     sync.Mutex
	passed time.Time // when one came through last; zero: never
	beat   time.Time // when the last one came back, well or not, by the steady clock
	wrong  *failure  // why the last one did not; nil: it did
	tries  int       // that failed in a row
	notes  []string  // of the last one

	// Of look alone.
	told  bool // people know that it does not come through
	asked bool // told is known: from the disk, after a start
}

// failure is why a canary did not come through.
type failure struct {
	stage string // what does not work, in a few words that hold nothing from outside
	why   string
	cure  string
	fades bool // it may pass by itself

	innocent bool  // it is not the thief who was not noticed, but somebody else who was
	disk     error // nothing can be written down
}

// Error implements error.
func (f *failure) Error() string { return f.stage + ": " + f.why }

func newCanary(a *app) *canary {
	c := &canary{
		app: a, every: a.cfg.Heartbeat.Canary,
		last:  prometheus.NewGauge(prometheus.GaugeOpts{Name: "sessionwarden_canary_last_passed_timestamp_seconds", Help: "When the last canary came through the whole watch; 0: none since the start."}),
		fails: prometheus.NewCounter(prometheus.CounterOpts{Name: "sessionwarden_canary_failures_total", Help: "Canaries that did not come through."}),
	}
	a.registry.MustRegister(c.last, c.fails)
	c.hatch = newHatch(a)
	return c
}

// run sends canaries until ctx ends.
func (c *canary) run(ctx context.Context) {
	if c.every == 0 {
		return
	}
	for wait := canaryFirst; ctx.Err() == nil; wait = c.look(ctx) {
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// look sends one canary, tells people what they have to know, and returns when
// the next one goes.
func (c *canary) look(ctx context.Context) time.Duration {
	limited, cancel := context.WithTimeout(ctx, canaryTime)
	notes, wrong := c.send(limited)
	cancel()
	if ctx.Err() != nil {
		return c.every // broken off by whoever asked: it says nothing about the watch
	}
	now := c.app.outside.now().UTC()
	c.mu.Lock()
	c.beat, c.wrong, c.notes = time.Now(), wrong, notes
	if wrong == nil {
		c.tries, c.passed = 0, now
	} else {
		c.tries++
	}
	tries, certain := c.tries, c.certain()
	c.mu.Unlock()
	defer c.app.rounds.poke()
	if wrong == nil {
		c.last.Set(float64(now.Unix()))
		c.app.monitor.CanSave()
		c.app.log.Debug("the canary came through", "notes", strings.Join(notes, "; "))
		if c.wasTold(ctx) {
			c.told = false
			c.app.tell(ctx, sessionwarden.Alert{
				Key: canaryKey, Kind: sessionwarden.Recovered, Severity: sessionwarden.Warning, Created: now, Updated: now,
				Title: "The canary comes through again", Lines: []string{"A made-up thief went through the whole watch, and was noticed, ended and told of as he should be."},
			})
		}
		return c.every
	}
	c.fails.Inc()
	c.app.log.Error("the canary did not come through", "stage", wrong.stage, "err", wrong.why, "in_a_row", tries)
	if wrong.disk != nil { // that is told once, whoever notices it first, and from memory
		c.app.monitor.CannotSave(wrong.disk)
	} else if certain && !c.wasTold(ctx) {
		c.told, c.asked = true, true
		title := "The canary found that the watch would not notice a thief"
		if wrong.innocent {
			title = "The canary found that the watch takes others for thieves"
		}
		lines := []string{"What went wrong: " + sessionwarden.Shorten(wrong.why, 300)}
		if wrong.cure != "" {
			lines = append(lines, sentence(wrong.cure))
		}
		c.app.tell(ctx, sessionwarden.Alert{
			Key: canaryKey, Kind: sessionwarden.CanaryFailed, Severity: sessionwarden.Critical, Created: now, Updated: now,
			Title: title + ": " + wrong.stage,
			Lines: append(lines, "Until it is told that the canary comes through again, look at the sessions yourself: sessionwarden sessions"),
		})
	}
	return min(canaryAgain<<min(tries-1, 8), canarySlow, max(c.every, canaryAgain))
}

// send sends one canary and contains the program's own mistakes.
func (c *canary) send(ctx context.Context) (notes []string, wrong *failure) {
	defer func() {
		if r := recover(); r != nil {
			c.app.log.Error("panicked; the watch goes on", "while", "sending a canary", "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
			wrong = &failure{stage: "the program made a mistake", why: sessionwarden.Clean(fmt.Sprint(r), 200), cure: "Please report it with the lines of the log that follow \"panicked\"."}
		}
	}()
	notes, err := c.hatch.play(ctx)
	if err != nil && !errors.As(err, &wrong) {
		wrong = &failure{stage: "the program made a mistake", why: err.Error()}
	}
	return notes, wrong
}

// certain reports whether the failure is not one that passes by itself. The
// caller holds c.mu.
func (c *canary) certain() bool {
	return c.wrong != nil && (!c.wrong.fades || c.tries >= canaryTries)
}

// sings reports whether the last canary came through, lately enough; silent is
// what is wrong where it is certain that it does not.
func (c *canary) sings() (yes bool, silent string) {
	if c.every == 0 {
		return true, ""
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.certain() {
		silent = c.wrong.stage
	}
	lately := !c.beat.IsZero() && time.Since(c.beat) < c.every+canarySlow
	return c.wrong == nil && lately, silent
}

// wasTold reports whether the last that people were told of the canary is that
// it does not come through, over restarts.
func (c *canary) wasTold(ctx context.Context) bool {
	if c.asked {
		return c.told
	}
	alerts, _, err := c.app.db.Outbox(ctx)
	if err != nil {
		return c.told
	}
	c.asked = true
	for _, a := range alerts { // in the order of their ids
		if a.Key == canaryKey {
			c.told = a.Kind == sessionwarden.CanaryFailed
		}
	}
	return c.told
}

// status is the canary at one glance, with a warning where a person is needed;
// nil where there is none.
func (c *canary) status() (s *sessionwarden.CanaryStatus, warning string) {
	if c.every == 0 {
		return nil, ""
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	s = &sessionwarden.CanaryStatus{Every: shortSpan(c.every), Passed: c.passed, Notes: c.notes}
	if c.wrong == nil {
		return s, ""
	}
	s.Error, s.Cure = c.wrong.Error(), c.wrong.cure
	if c.certain() {
		warning = "the canary did not come through the watch as it should: " + s.Error
		if s.Cure != "" {
			warning += ". " + sentence(s.Cure)
		}
	}
	return s, warning
}

// sentence returns a cure as one stands by itself.
func sentence(cure string) string {
	if cure == "" {
		return ""
	}
	return strings.ToUpper(cure[:1]) + cure[1:] // the program's own words
}

// channelsTaken looks at what came of the dry tries: a channel that refuses for
// good fails the canary, and so does it where none would take a message. notes
// are the others that would not, and those that cannot be tried.
func channelsTaken(results []alert.DryResult) (notes []string, wrong *failure) {
	taken := 0
	for _, r := range results {
		what := "channel " + r.Channel + ": " + r.Outcome
		switch {
		case r.OK:
			taken++
			if !r.Tried {
				notes = append(notes, "channel "+r.Channel+" can only be tried by a message: sessionwarden alert test")
			}
		case r.Refused:
			return notes, &failure{stage: "nobody would be told on a channel", why: what, cure: r.Cure}
		default:
			notes = append(notes, what)
			if wrong == nil {
				wrong = &failure{stage: "nobody would be told", why: what, cure: r.Cure, fades: true}
			}
		}
	}
	if taken > 0 {
		wrong = nil
	}
	return notes, wrong
}
