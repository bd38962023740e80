package alert

import (
	"context"
	"fmt"
	"strings"
	"time"

	"sessionwarden"
)

// ResendError says that an alert cannot be sent once more, and why.
type ResendError struct{ Text, Do string }

// Error implements error.
func (e *ResendError) Error() string { return e.Text }

// Cure is what a person can do about it.
func (e *ResendError) Cure() string { return e.Do }

// NotFound says that what was named is not there.
func (e *ResendError) NotFound() bool { return true }

// Resend has the newest state of an alert sent once more, marked as a repeat: on
// one channel, or on all ("" names all), also where it was sent, silenced or
// passed over. When it returns nil that is on the disk and will be done after any
// crash; [Teller.Await] waits for the outcome. An alert or a channel that is not
// there is a *[ResendError].
func (t *Teller) Resend(ctx context.Context, id uint64, channel string) error {
	lanes, err := t.named(channel)
	if err != nil {
		return err
	}
	told, kept, err := t.outbox.Telling(ctx, id)
	if err != nil {
		return fmt.Errorf("reading alert %d: %w", id, err)
	}
	if !kept {
		return &ResendError{
			fmt.Sprintf("there is no alert %d: there never was, or it was forgotten with the history of its time", id),
			"sessionwarden alert list --all shows those that are kept",
		}
	}
	t.mu.Lock()
	m := t.recall(told)
	for _, l := range lanes {
		d := l.state[id]
		d.Alert, d.Channel, d.Again, d.NotTill = id, l.name, true, time.Time{}
		if d.Attempts == 0 || leftOut(d) {
			d.Error = "" // why it was not sent is no reason any more
		}
		l.state[id], l.owed[id], l.asked[id] = d, d, true
		if l.broken || time.Until(l.notTill) > longestRetry { // broken, before a restart too: who asks has mended it, or wants to know
			l.notTill = time.Time{}
		}
		l.consider(t, m)
	}
	t.settle(m)
	t.mu.Unlock()
	for _, l := range lanes {
		if err = t.save(context.WithoutCancel(ctx), l, nil); err != nil {
			break
		}
	}
	t.mu.Lock()
	t.notify()
	t.mu.Unlock()
	return err
}

// named returns the lane of a channel, or all of them.
func (t *Teller) named(channel string) ([]*lane, error) {
	if len(t.lanes) == 0 {
		return nil, &ResendError{"no alert channel is configured", "see [alert.slack] and [[alert.channel]] in config.example.toml"}
	}
	if channel == "" {
		return t.lanes, nil
	}
	var names []string
	for _, l := range t.lanes {
		if l.name == channel {
			return []*lane{l}, nil
		}
		names = append(names, l.name)
	}
	e := &ResendError{fmt.Sprintf("there is no channel %q", sessionwarden.Clean(channel, 64)), "there are: " + strings.Join(names, ", ")}
	if len(names) == 1 {
		e.Do = "the only one is " + names[0]
	}
	return nil, e
}

// recall brings an alert back into memory, whole, with what became of it on every
// channel. The caller holds t.mu.
func (t *Teller) recall(told sessionwarden.Telling) *matter {
	id := told.Alert.ID
	m := t.known[id]
	if m == nil {
		m = &matter{}
		t.known[id] = m
		for _, d := range told.Deliveries {
			for _, l := range t.lanes {
				if l.name == d.Channel {
					l.state[id] = d
				}
			}
		}
	}
	if m.alert.Revision <= told.Alert.Revision { // what is in memory may be only what a bundle says
		m.alert, m.asks = told.Alert, asks(told.Alert)
	}
	return m
}

// Await waits until what [Teller.Resend] asked for has come to an outcome on the
// channel ("": on all), until ctx ends, or until it is certain that nothing is
// tried before that. [Teller.Run] has to be running.
func (t *Teller) Await(ctx context.Context, id uint64, channel string) []TestResult {
	begun := time.Now()
	lanes, err := t.named(channel)
	if err != nil {
		return nil
	}
	for {
		t.mu.Lock()
		changed := t.changed
		results, hope := make([]TestResult, 0, len(lanes)), false
		for _, l := range lanes {
			r, waits := l.came(ctx, id)
			r.Took = time.Since(begun)
			results, hope = append(results, r), hope || waits
		}
		t.mu.Unlock()
		if !hope {
			return results
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return results
		}
	}
}

// came says what came of a resend so far, and whether it may yet change before
// ctx ends.
func (l *lane) came(ctx context.Context, id uint64) (r TestResult, waits bool) {
	r = TestResult{Channel: l.name}
	d := l.state[id]
	if !d.Again {
		r.OK, r.Outcome = true, "delivered"
		return r, false
	}
	r.Outcome = "not sent yet; it is kept, and goes out as soon as it can"
	if d.Attempts > 0 && d.Error != "" {
		r.Outcome = "not delivered yet: " + d.Error
	} else if l.failure != "" {
		r.Outcome = "not sent yet: the channel failed before: " + l.failure
	}
	if l.broken {
		r.Cure = "A person has to mend the channel: sessionwarden alert test tries it."
	}
	deadline, ok := ctx.Deadline()
	pause := max(time.Until(l.notTill), 0)
	if pause > 0 {
		r.Outcome += fmt.Sprintf(" (tried again in %s)", (pause + time.Second - 1).Truncate(time.Second))
	}
	return r, !ok || pause < time.Until(deadline)
}
