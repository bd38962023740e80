package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sessionwarden/alert"
	"sessionwarden/config"
)

const (
	// roundLook is how long nobody looks how the watch stands, where no poll
	// comes to its end: what hangs makes no noise.
	roundLook = 15 * time.Second
	// roundPause is how soon again it is looked: many accounts end their polls
	// one after the other.
	roundPause = time.Second
	// muteAfter is how long no channel may deliver before that is told elsewhere.
	muteAfter = 2 * time.Minute
)

// rounds looks how the watch stands, after each poll, and has the heartbeat tell
// of it. The whole of it is a good round: the last poll of every account worked,
// what it saw can be written down, somebody can be told, and the canary came
// through.
type rounds struct {
	app    *app
	out    *alert.Heartbeat // nil: no address is configured
	last   prometheus.Gauge
	turned chan struct{}

	// Of look alone.
	polls uint64    // when it was looked last
	mute  time.Time // since when, by the steady clock, no channel delivers; zero: one does
}

func newRounds(a *app) (*rounds, error) {
	r := &rounds{app: a, turned: make(chan struct{}, 1), last: prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "sessionwarden_last_good_round_timestamp_seconds",
		Help: "When the last poll of every account had worked, what it saw could be saved, a channel could be told and the canary had come through; 0: never since the start.",
	})}
	a.registry.MustRegister(r.last)
	if !a.cfg.Heartbeat.URL.Set() {
		return r, nil
	}
	out, err := newHeartbeat(a.cfg, a.outside.heartbeat, func(o *alert.HeartbeatOptions) {
		o.Logger, o.Registerer, o.Now = a.log, a.registry, a.outside.now
	})
	r.out = out
	return r, err
}

// newHeartbeat makes the heartbeat of a configuration that has one.
func newHeartbeat(cfg *config.Config, way http.RoundTripper, change ...func(*alert.HeartbeatOptions)) (*alert.Heartbeat, error) {
	o := alert.HeartbeatOptions{URL: cfg.Heartbeat.URL.Read, Instance: cfg.Instance, Transport: way}
	for _, f := range change {
		f(&o)
	}
	return alert.NewHeartbeat(o)
}

// poke says that something may have changed. It never blocks.
func (r *rounds) poke() {
	select {
	case r.turned <- struct{}{}:
	default:
	}
}

// run looks until ctx ends. Beside it the heartbeat tells of what it sees.
func (r *rounds) run(ctx context.Context) {
	for ctx.Err() == nil {
		timer := time.NewTimer(roundLook)
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-r.turned:
		}
		timer.Stop()
		if ctx.Err() != nil {
			return
		}
		p := r.look()
		if r.out != nil {
			r.out.Take(p)
		}
		rest := time.NewTimer(roundPause)
		select {
		case <-ctx.Done():
		case <-rest.C:
		}
		rest.Stop()
	}
}

// look gathers how the watch stands.
func (r *rounds) look() alert.Pulse {
	a := r.app
	round := a.monitor.Round()
	sings, silent := a.canary.sings()
	p := alert.Pulse{Rounds: round.Polls, Good: round.Good && sings}
	wrong := func(format string, args ...any) {
		p.Good, p.Wrong = false, append(p.Wrong, fmt.Sprintf(format, args...))
	}
	if round.Stuck {
		wrong("The watch hangs: no account is polled any more.")
	}
	for _, name := range round.Blind {
		wrong("Account %s is not being watched.", name)
	}
	for _, name := range round.Overdue {
		wrong("A poll of account %s has been hanging for minutes.", name)
	}
	if a.monitor.Unsaved() != "" {
		wrong("The history cannot be saved, so nothing is disconnected.")
	}
	if r.isMute() {
		wrong("No alert channel works, so nobody is told of anything.")
	}
	if silent != "" {
		wrong("The canary, a made-up thief, did not come through as it should: %s.", silent)
	}
	if p.Good && round.Polls > r.polls {
		r.last.Set(float64(a.outside.now().Unix()))
	}
	r.polls = round.Polls
	return p
}

// isMute reports whether there are channels and none of them delivers: all are
// refused for good, or have failed for a while.
func (r *rounds) isMute() bool {
	channels := r.app.teller.Status()
	broken, failing := 0, 0
	for _, c := range channels {
		if c.Broken {
			broken++
		}
		if c.Broken || c.Error != "" {
			failing++
		}
	}
	if len(channels) == 0 || failing < len(channels) {
		r.mute = time.Time{}
		return false
	}
	if r.mute.IsZero() {
		r.mute = time.Now()
	}
	return broken == len(channels) || time.Since(r.mute) >= muteAfter
}

// once tells how a program stands that polled once and ends; polled is what came
// of the polls.
func (r *rounds) once(ctx context.Context, polled error) {
	if r.out == nil {
		return
	}
	p := r.look()
	if polled != nil && len(p.Wrong) == 0 {
		p.Good, p.Wrong = false, []string{"An account could not be polled."}
	}
	if err := r.out.Once(ctx, p); err != nil {
		r.app.log.Warn("the heartbeat did not arrive", "err", err)
	}
}
