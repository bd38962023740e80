package monitor

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/robfig/cron/v3"

	"sessionwarden"
)

// ParseSchedule reads a cron expression (five fields, or a word such as
// @hourly) or "@every 30s". Unlike the library's own parser it refuses what
// would panic there, never come, or come more than once a second.
func ParseSchedule(text string) (schedule cron.Schedule, err error) {
	defer func() {
		if r := recover(); r != nil { // "TZ=UTC" with no fields panics in cron 3.0.1
			schedule, err = nil, fmt.Errorf("%q is not a schedule: write \"@every 30s\" or five cron fields such as \"*/5 * * * *\"", text)
		}
	}()
	if rest, ok := strings.CutPrefix(text, "@every "); ok {
		every, err := time.ParseDuration(strings.TrimSpace(rest))
		if err != nil {
			return nil, fmt.Errorf("%q is not a schedule: %q is not a duration such as 30s or 5m", text, rest)
		}
		if every < time.Second || every > 24*time.Hour {
			return nil, fmt.Errorf("%q is not a sensible schedule: use something between 1s and 24h", text)
		}
	}
	schedule, err = cron.ParseStandard(text)
	if err != nil {
		return nil, fmt.Errorf("%q is not a schedule: %s; write \"@every 30s\" or five cron fields such as \"*/5 * * * *\"", text, sessionwarden.Clean(err.Error(), 200))
	}
	if schedule.Next(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return nil, fmt.Errorf("%q is a date that never comes", text)
	}
	return schedule, nil
}

const (
	// maxWait is how long the loop trusts its timer before it looks at the
	// clock again: a machine that slept, or whose clock was set, is noticed
	// within this time.
	maxWait = 30 * time.Second
	// together is how close polls must be due to be made in one burst: waking
	// up is what costs, and a burst wakes up once.
	together = time.Second
	// grace is how long polls and actions under way may go on after a stop.
	grace = 10 * time.Second
	// forgetEvery is how often a little old history is forgotten, and forgetMore
	// how soon again while there is more of it: with 500 rows at a time that
	// keeps pace with two million new ones a day.
	forgetEvery = 10 * time.Minute
	forgetMore  = 20 * time.Second
)

// Run polls every account on its schedule and carries out what is planned,
// until ctx ends; it then lets what is under way finish, for 10 seconds at
// most, writes what was only kept in memory, and returns.
func (m *Monitor) Run(ctx context.Context) error {
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	m.ending.Store(false)
	if m.opts.Forget != nil {
		m.working.Go(func() { m.forget(ctx) })
	}
	for ctx.Err() == nil {
		m.turns()
		now := m.clock()
		m.lookAtJournal(now)
		m.tellTroubles(work, now)
		due, wait := m.due(now)
		if len(due) > 0 {
			m.burst(work, due)
			continue
		}
		alone, soon := m.asks(now)
		for _, w := range alone {
			m.askSoon(work, w)
		}
		timer := time.NewTimer(min(wait, soon))
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-m.changed:
		}
		timer.Stop()
	}
	m.ending.Store(true)
	m.turned.Store(0)
	cut := time.AfterFunc(grace, stop)
	m.working.Wait()
	cut.Stop()
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return m.flush(last)
}

// due returns the accounts whose time has come, and how long to wait when
// there are none. An account is due once however many of its times went by.
func (m *Monitor) due(now time.Time) (due []*watch, wait time.Duration) {
	watches := m.all()
	wait = maxWait
	base := m.base()
	step := base.Sub(m.based)
	first := m.based.IsZero()
	back := !first && step <= -stepSlack // the clock was set back
	if first || step.Abs() >= stepSlack {
		m.based = base
	}
	for _, w := range watches {
		w.timing.Lock()
		if back {
			w.next = w.next.Add(step)
		}
		if first || back {
			if fresh := w.schedule.Next(now); fresh.Before(w.next) {
				w.next = fresh
			}
		}
		wait = min(wait, w.next.Sub(now))
		w.timing.Unlock()
	}
	if wait > 0 {
		return nil, wait
	}
	for _, w := range watches {
		w.timing.Lock()
		if w.next.Before(now.Add(together)) {
			due = append(due, w)
			w.isDue()
			w.next = w.schedule.Next(now.Add(max(0, w.next.Sub(now)))).Round(0).UTC()
		}
		w.timing.Unlock()
	}
	return due, 0
}

// burst starts the polls of one tick. It does not wait for them: an account
// whose poll still runs is skipped at its next tick.
func (m *Monitor) burst(ctx context.Context, due []*watch) {
	t := newTick(m.opts.Journal, len(due))
	for _, w := range due {
		if m.actsFirst(w) {
			t.leave()
			m.working.Go(func() { // it looks at the list afterwards
				m.guarded(ctx, w, "act", func() { m.act(ctx, w) })
				m.askSoon(ctx, w)
			})
			continue
		}
		if !w.polling.TryLock() {
			t.leave()
			m.skipped(ctx, w)
			continue
		}
		m.working.Go(func() {
			defer w.polling.Unlock()
			m.guarded(ctx, w, "poll", func() { m.poll(ctx, w, t) })
			t.leave()
			m.actSoon(ctx, w)
			m.askSoon(ctx, w)
		})
	}
}

// hurry has the account polled at t, if its schedule does not do so earlier.
func (m *Monitor) hurry(w *watch, t time.Time) {
	w.timing.Lock()
	sooner := t.Before(w.next)
	if sooner {
		w.next = t
	}
	w.timing.Unlock()
	if sooner {
		select {
		case m.changed <- struct{}{}:
		default:
		}
	}
}

// actSoon carries out what is planned for w, beside the polls.
func (m *Monitor) actSoon(ctx context.Context, w *watch) {
	w.mu.Lock()
	idle := !m.hasWork(w, m.ownClock(w))
	w.mu.Unlock()
	if idle {
		m.comeBack(w)
		return
	}
	m.working.Go(func() {
		m.guarded(ctx, w, "act", func() { m.act(ctx, w) })
	})
}

// guarded runs one poll or one round of actions; a panic ends only that.
func (m *Monitor) guarded(ctx context.Context, w *watch, what string, f func()) {
	defer func() {
		if r := recover(); r != nil {
			m.panicked(ctx, w, what, r)
		}
	}()
	f()
}

// forget removes a little old history now and then, beside the polls, until ctx
// ends.
func (m *Monitor) forget(ctx context.Context) {
	timer := time.NewTimer(forgetEvery)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		if m.forgetNow(ctx) {
			timer.Reset(forgetMore)
		} else {
			timer.Reset(forgetEvery)
		}
	}
}

// forgetNow removes a little old history, where the clock can be relied on, and
// reports whether there is more to be removed soon.
func (m *Monitor) forgetNow(ctx context.Context) bool {
	if !m.mayForget() {
		return false
	}
	rows, more, err := m.forgetSome(ctx)
	switch {
	case err != nil && ctx.Err() == nil:
		m.log.Warn("could not forget old history", "err", err)
	case rows > 0:
		m.log.Debug("old history forgotten", "rows", rows)
	}
	return more && err == nil
}

// forgetSome is Options.Forget with its panics contained: the watch does not end
// because old history cannot be forgotten.
func (m *Monitor) forgetSome(ctx context.Context) (rows int, more bool, err error) {
	defer func() {
		r := recover()
		if r == nil {
			return
		}
		m.metrics.panics.Inc()
		m.log.Error("panicked; the watch goes on", "while", "forgetting old history", "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
		err = fmt.Errorf("the program made a mistake: %v", r)
		if !m.forgot.Swap(true) {
			m.opts.Urgent(sessionwarden.Alert{
				Kind: sessionwarden.ProgramError, Severity: sessionwarden.Warning, Created: m.clock(), Updated: m.clock(),
				Title: "The program made a mistake while forgetting old history",
				Lines: []string{"The watch goes on, and it is tried again; meanwhile the database grows.", "Please report it with the lines of the log that follow \"panicked\"."},
			})
		}
	}()
	return m.opts.Forget(ctx)
}

// Once polls every account once, carries out what is planned and looks again
// until it is proven, for settle at most; the accounts themselves are looked at
// meanwhile. Then it forgets a little of what is old. The error joins those of
// the polls.
func (m *Monitor) Once(ctx context.Context, settle time.Duration) error {
	m.tellTroubles(ctx, m.clock())
	watches := m.all()
	errs := make([]error, len(watches))
	t := newTick(m.opts.Journal, len(watches))
	var polls sync.WaitGroup
	for i, w := range watches {
		polls.Go(func() {
			w.polling.Lock()
			defer w.polling.Unlock()
			m.guarded(ctx, w, "poll", func() { errs[i] = m.poll(ctx, w, t) })
			t.leave()
		})
	}
	polls.Wait()
	bounded, cancel := context.WithTimeout(ctx, settle)
	defer cancel()
	for _, w := range watches {
		polls.Go(func() { m.guarded(ctx, w, "act", func() { m.awaitProof(bounded, w) }) })
		polls.Go(func() {
			w.asking.Lock()
			defer w.asking.Unlock()
			m.guarded(ctx, w, "look at the account", func() { m.ask(bounded, w) })
		})
	}
	polls.Wait()
	for _, w := range watches { // what the looks at the accounts brought to light
		polls.Go(func() { m.guarded(ctx, w, "act", func() { m.awaitProof(bounded, w) }) })
	}
	polls.Wait()
	m.tellTroubles(ctx, m.clock())
	if m.opts.Forget != nil {
		m.forgetNow(ctx) // who runs us now and then only has an old history too
	}
	return errors.Join(joinNamed(watches, errs), m.flush(context.WithoutCancel(ctx)))
}
