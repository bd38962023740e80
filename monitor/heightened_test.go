package monitor_test

import (
	"testing"
	"time"

	"sessionwarden"
)

func heightened(a *sessionwarden.Account) {
	a.Schedule, a.Heightened, a.ExpiredEvery = "@every 5m", 15*time.Minute, time.Hour
}

// Who was ended is looked for every few seconds, for a while, and then no more.
func TestAfterAnIntruderTheAccountIsLookedAtEveryFewSeconds(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		pass(5 * time.Minute)
		h.service.signIn(session("77", "203.0.113.5"))
		pass(5 * time.Minute)
		wantCalls(t, h.service, "77")
		if until := h.m.Status()[0].Heightened; until.IsZero() {
			t.Error("the status does not tell")
		}
		before := h.service.reads()
		pass(5 * time.Minute)
		if n := h.service.reads() - before; n < 80 || n > 130 {
			t.Errorf("%d lists in five minutes of heightened watch, want one in three seconds", n)
		}
		h.service.signIn(session("78", "203.0.113.6"))
		pass(5 * time.Second)
		wantCalls(t, h.service, "77", "78")
		pass(20 * time.Minute)
		before = h.service.reads()
		pass(30 * time.Minute)
		if n := h.service.reads() - before; n > 9 {
			t.Errorf("%d lists in half an hour afterwards, want six", n)
		}
		if until := h.m.Status()[0].Heightened; !until.IsZero() {
			t.Errorf("still heightened, until %v", until)
		}
	}, heightened)
}

// The heightened watch goes on after a restart, and ends where it would have.
func TestTheHeightenedWatchOutlastsARestart(t *testing.T) {
	t.Parallel()
	synctestHouse(t, func(t *testing.T, h *house) {
		stop := h.run()
		pass(31 * time.Second)
		h.service.signIn(session("77", "203.0.113.5"))
		pass(5 * time.Minute)
		stop()
		h.restart()
		stop = h.run()
		defer stop()
		pass(time.Minute)
		before := h.service.reads()
		pass(time.Minute)
		if n := h.service.reads() - before; n < 15 {
			t.Errorf("%d lists a minute after a restart, want twenty", n)
		}
	}, heightened)
}

// While the service refuses for being asked too often nobody looks more often
// than the schedule says.
func TestNoHeightenedWatchUnderARateLimit(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		h.service.signIn(session("77", "203.0.113.5"))
		pass(6 * time.Minute)
		wantCalls(t, h.service, "77")
		h.service.set(func(s *service) {
			s.fails = &sessionwarden.Fault{Kind: sessionwarden.FaultLimited, Doing: "listing", Message: "slow", RetryAfter: time.Second}
		})
		pass(10 * time.Second)
		before := h.service.reads()
		pass(4 * time.Minute)
		if n := h.service.reads() - before; n > 4 {
			t.Errorf("%d lists in four minutes of refusals", n)
		}
	}, heightened)
}

// Where it is off there is none.
func TestHeightenedWatchCanBeOff(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		h.service.signIn(session("77", "203.0.113.5"))
		pass(6 * time.Minute)
		before := h.service.reads()
		pass(10 * time.Minute)
		if n := h.service.reads() - before; n > 3 {
			t.Errorf("%d lists in ten minutes", n)
		}
	}, func(a *sessionwarden.Account) { heightened(a); a.Heightened = 0 })
}
