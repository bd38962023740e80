package monitor_test

import (
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sessionwarden"
	"sessionwarden/monitor"
)

// A round is good while the last poll of every account worked; it says who is
// blind as soon as people know.
func TestARoundIsGoodWhileEveryAccountsLastPollWorked(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		r := h.m.Round()
		if !r.Good || r.Polls == 0 {
			t.Errorf("after a good poll: %+v", r)
		}
		before := r.Polls
		pass(31 * time.Second)
		if r = h.m.Round(); r.Polls <= before {
			t.Errorf("a quiet poll is no round: %+v", r)
		}
		h.service.set(func(s *service) {
			s.fails = &sessionwarden.Fault{Kind: sessionwarden.FaultNetwork, Doing: "reading the session list", Err: errors.New("connection refused")}
		})
		pass(31 * time.Second)
		before = h.m.Round().Polls
		if r = h.m.Round(); r.Good || r.Blind != nil {
			t.Errorf("after one failure: %+v", r)
		}
		pass(2 * time.Minute)
		if r = h.m.Round(); r.Good || !slices.Equal(r.Blind, []string{"main"}) || r.Polls != before {
			t.Errorf("when people were told: %+v", r)
		}
		h.service.set(func(s *service) { s.fails = nil })
		pass(31 * time.Second)
		if r = h.m.Round(); !r.Good || r.Blind != nil || r.Polls <= before {
			t.Errorf("when it works again: %+v", r)
		}
	})
}

// What hangs is no good round, though nothing has failed.
func TestAPollThatHangsIsOverdue(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		h.service.set(func(s *service) { s.slow = 10 * time.Minute })
		pass(time.Minute)
		if r := h.m.Round(); r.Overdue != nil {
			t.Errorf("within a minute: %+v", r)
		}
		pass(3 * time.Minute)
		if r := h.m.Round(); r.Good || !slices.Equal(r.Overdue, []string{"main"}) || r.Stuck {
			t.Errorf("after minutes: %+v", r)
		}
		h.service.set(func(s *service) { s.slow = 0 })
		pass(20 * time.Minute)
		if r := h.m.Round(); !r.Good || r.Overdue != nil {
			t.Errorf("when it goes on: %+v", r)
		}
	})
}

// A loop that waits for something for ever polls nobody, and says so when asked.
func TestALoopThatHangsIsStuck(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := &house{t: t, journal: newJournal(), service: &service{}, account: account("main")}
		h.atHome()
		var hangs atomic.Bool
		free := make(chan struct{})
		h.m = monitor.New(monitor.Options{Journal: h.journal, Locate: h.where, Usable: func() error {
			if hangs.Load() {
				<-free
			}
			return nil
		}})
		h.watch()
		if r := h.m.Round(); r.Good || r.Stuck {
			t.Errorf("before it runs: %+v", r)
		}
		defer h.run()()
		pass(time.Minute)
		if r := h.m.Round(); !r.Good || r.Stuck {
			t.Errorf("at first: %+v", r)
		}
		hangs.Store(true)
		pass(4 * time.Minute)
		if r := h.m.Round(); r.Good || !r.Stuck {
			t.Errorf("while it hangs: %+v", r)
		}
		hangs.Store(false)
		close(free)
		pass(time.Minute)
		if r := h.m.Round(); !r.Good || r.Stuck {
			t.Errorf("when it goes on: %+v", r)
		}
	})
}
