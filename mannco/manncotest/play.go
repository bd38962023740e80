package manncotest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// Setup makes the service what the scenario says of its start: variants, the
// watcher's address where the service has none, accounts, and who is signed
// in. A service takes one scenario.
func (s *Service) Setup(sc Scenario) error {
	s.mu.Lock()
	again := s.staged
	s.staged = true
	s.mu.Unlock()
	if again {
		return errors.New("setting up the scenario: the service has one already")
	}
	for name, value := range sc.Variants {
		if err := s.SetVariant(name, value); err != nil {
			return fmt.Errorf("setting up the scenario: %w", err)
		}
	}
	for _, a := range sc.Accounts {
		if err := s.AddAccount(a); err != nil {
			return fmt.Errorf("setting up the scenario: %w", err)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.egress.addr.IsValid() && sc.Watcher.Address != "" {
		addr, err := netip.ParseAddr(sc.Watcher.Address)
		if err != nil {
			return fmt.Errorf("setting up the scenario: the watcher: %w", err)
		}
		s.egress = egress{addr, sc.Watcher.Location, sc.Watcher.ISP}
	}
	for _, opening := range sc.Sessions {
		one := s.signIn(s.account(opening.Account), opening.SessionSpec)
		if one == nil {
			return fmt.Errorf("setting up the scenario: there is no account %q", opening.Account)
		}
		if opening.Label != "" {
			s.cast[opening.Label] = one
		}
	}
	return nil
}

// Play lets the scenario happen, after setting it up where Setup was not
// called before. After each event it calls tell (which may be nil) from this
// goroutine. It returns nil when the last event has happened, or the cause of
// ctx's end.
func (s *Service) Play(ctx context.Context, sc Scenario, tell func(Event)) error {
	s.mu.Lock()
	staged := s.staged
	s.mu.Unlock()
	if !staged {
		if err := s.Setup(sc); err != nil {
			return err
		}
	}
	speed := sc.Speed
	if speed <= 0 {
		speed = 1
	}
	start := time.Now()
	for _, one := range timeline(sc.Events) {
		at := time.Duration(float64(one.at) / speed)
		if err := until(ctx, start.Add(at)); err != nil {
			return err
		}
		if one.over {
			s.mu.Lock()
			s.clear(one.event.Fault)
			s.mu.Unlock()
			continue
		}
		if err := s.happen(&one.event); err != nil {
			return fmt.Errorf("the event at %s: %w", one.event.At, err)
		}
		if tell != nil {
			tell(one.event)
		}
	}
	return nil
}

// step is an event, or the end of a fault that lasts for a while.
type step struct {
	at    time.Duration
	event Event
	over  bool
}

// timeline returns what is to be done, by time.
func timeline(events []Event) []step {
	steps := make([]step, 0, len(events))
	for _, e := range events {
		steps = append(steps, step{at: e.At, event: e})
		if e.Kind == EventFault && e.For > 0 {
			steps = append(steps, step{at: e.At + e.For, event: e, over: true})
		}
	}
	slices.SortStableFunc(steps, func(a, b step) int { return cmp.Compare(a.at, b.at) })
	return steps
}

// until waits for a point in time.
func until(ctx context.Context, at time.Time) error {
	timer := time.NewTimer(time.Until(at))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// happen lets one event happen and notes on it what came of it.
func (s *Service) happen(e *Event) error {
	s.mu.Lock()
	actor := s.cast[e.Who]
	if actor != nil {
		e.SessionID = actor.ID
	}
	live := actor != nil && actor.Live(s.now())
	s.mu.Unlock()
	if e.Who != "" && e.Kind != EventSignIn && !live {
		e.Skipped = true
		return nil
	}
	switch e.Kind {
	case EventFault:
		return s.SetFault(e.Fault)
	case EventClear:
		if e.Fault.Kind == "" {
			s.ClearFaults()
		} else {
			s.ClearFault(e.Fault.Kind)
		}
		return nil
	case EventVariant:
		return s.SetVariant(e.Variant, e.Value)
	case EventEgress:
		addr, err := netip.ParseAddr(e.Session.Address)
		if err != nil {
			return err
		}
		s.SetEgress(addr, e.Session.Location, e.Session.ISP)
		return nil
	case EventEndWatcher:
		s.EndWatcher(e.Account)
		return nil
	case EventRevokeKey:
		s.RevokeKey(e.Account)
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.act(e, actor)
}

// act does what concerns one session or one account. The lock is held.
func (s *Service) act(e *Event, actor *session) error {
	if e.Who != "" && e.Kind != EventSignIn && !actor.Live(s.now()) {
		e.Skipped = true // ended a moment ago
		return nil
	}
	a := s.account(e.Account)
	if a == nil && e.Kind != EventSay {
		return fmt.Errorf("there is no account %q", e.Account)
	}
	switch e.Kind {
	case EventSignIn:
		one := s.signIn(a, e.Session)
		s.cast[e.Who], e.SessionID = one, one.ID
	case EventSignOut:
		s.end(actor, EndSignedOut, 0)
	case EventMove:
		s.move(actor, e.Session)
	case EventLook:
		a.active = s.now()
	case EventChange:
		for name, value := range e.Changes {
			if err := a.facts.set(name, value); err != nil {
				return err
			}
		}
		a.active = s.now()
	case EventRestoreKey:
		a.revoked = false
	}
	return nil
}
