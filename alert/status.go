package alert

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"sessionwarden"
)

// Status returns each channel at one glance.
func (t *Teller) Status() []sessionwarden.ChannelStatus {
	t.mu.Lock()
	defer t.mu.Unlock()
	var list []sessionwarden.ChannelStatus
	for _, l := range t.lanes {
		s := sessionwarden.ChannelStatus{
			Channel: l.name, Pending: l.untold(), LastSent: l.lastSent, Broken: l.broken, Error: l.failure,
		}
		if s.Error == "" && l.unsaved {
			s.Error = "what was delivered cannot be recorded on disk"
		}
		list = append(list, s)
	}
	return list
}

// RaisedSince reports whether something critical came into an alert after a time,
// and nobody has answered it. It is false of an alert that the Teller has done with.
func (t *Teller) RaisedSince(id uint64, at time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	m := t.known[id]
	return m != nil && m.alert.Unanswered() && m.alert.Raised.After(at)
}

// Flush waits until nothing is pending on any channel, or until ctx ends, or
// until it is certain that no channel with something pending is tried again
// before. Its error says what is still undelivered and why. [Teller.Run] has
// to be running.
func (t *Teller) Flush(ctx context.Context) error {
	t.mu.Lock()
	t.flushing++
	t.notify()
	t.mu.Unlock()
	defer func() {
		t.mu.Lock()
		t.flushing--
		t.mu.Unlock()
	}()
	for {
		t.mu.Lock()
		changed, left, hope := t.changed, t.undelivered(), t.hope(ctx)
		t.mu.Unlock()
		if left == nil || !hope {
			return left
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return left
		}
	}
}

// undelivered says what is pending; nil if nothing is. The caller holds t.mu.
func (t *Teller) undelivered() error {
	var errs []error
	for _, l := range t.lanes {
		if l.untold() == 0 {
			continue
		}
		text := fmt.Sprintf("channel %s: %s not delivered", l.name, count(l.untold(), "alert", "alerts"))
		if l.failure != "" {
			text += ": " + l.failure
		}
		errs = append(errs, errors.New(text))
	}
	if t.stale {
		errs = append(errs, errors.New("more alerts wait in the outbox"))
	}
	return errors.Join(errs...)
}

// hope reports whether a channel with something pending is tried before ctx
// ends. The caller holds t.mu.
func (t *Teller) hope(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	if !ok || t.stale {
		return true
	}
	left := time.Until(deadline)
	now := time.Now()
	for _, l := range t.lanes {
		if l.untold() > 0 && l.notTill.Sub(now) < left {
			return true
		}
	}
	return false
}

// TestResult is what became of a test alert on one channel.
type TestResult struct {
	Channel string
	OK      bool
	Outcome string        // what happened, in words, without secrets
	Cure    string        // what to do about it; "" where there is nothing to be done
	Took    time.Duration // until the answer
}

// Test sends a test alert, marked as such, to every channel at once and waits
// for the answers. Nothing of it goes to the disk, and nothing is tried twice.
func (t *Teller) Test(ctx context.Context) []TestResult {
	now := t.now()
	f := Facts{Now: now, Instance: t.instance}
	m := Compose(sessionwarden.Alert{Kind: sessionwarden.TestAlert, Severity: sessionwarden.Info, Created: now, Updated: now}, f)
	results := make([]TestResult, len(t.lanes))
	var sends sync.WaitGroup
	for i, l := range t.lanes {
		sends.Go(func() {
			limited, cancel := context.WithTimeout(ctx, sendLimit)
			defer cancel()
			began := time.Now()
			_, err := guarded(func() (string, error) { return l.channel.Send(limited, m, "") })
			results[i] = TestResult{Channel: l.name, OK: err == nil, Outcome: "delivered", Took: time.Since(began)}
			if err != nil {
				e := asSendError(err)
				results[i].Outcome, results[i].Cure = e.Error(), e.Cure
			}
		})
	}
	sends.Wait()
	return results
}
