package monitor_test

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"sessionwarden"
)

var errLimited = &sessionwarden.Fault{Kind: sessionwarden.FaultLimited, Doing: "asking", Message: "too many", RetryAfter: 30 * time.Second}

// A limit that lets us read no newer list does not keep us from a
// disconnection that is allowed again.
func TestPlannedActionGoesByTheLastListWhereNoOtherMayBeRead(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		h.service.set(func(s *service) { s.refuses = errLimited })
		h.service.signIn(session("77", "203.0.113.5"))
		pass(31 * time.Second)
		wantCalls(t, h.service, "77")
		h.service.set(func(s *service) { s.refuses, s.fails = nil, errLimited })
		pass(31 * time.Second)
		wantCalls(t, h.service, "77", "77")
		wantStates(t, h.journal, "done")
		h.service.set(func(s *service) { s.fails = nil })
		pass(31 * time.Second)
		wantStates(t, h.journal, "verified")
	})
}

// Any other failure to read a list leaves the action waiting: it may be about
// somebody else by now.
func TestPlannedActionWaitsForAListWhereReadingFails(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		h.service.set(func(s *service) { s.refuses = errLimited })
		h.service.signIn(session("77", "203.0.113.5"))
		pass(31 * time.Second)
		h.service.set(func(s *service) { s.refuses, s.fails = nil, errNet })
		pass(5 * time.Minute)
		wantCalls(t, h.service, "77")
		wantStates(t, h.journal, "planned")
	})
}

// One login that is left goes to the disconnection, not to another list.
func TestPlannedActionHasTheNextLogin(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		login := *errLimited
		login.Login = true
		h.service.set(func(s *service) { s.refuses = &login })
		h.service.signIn(session("77", "203.0.113.5"))
		pass(31 * time.Second)
		lists := h.service.reads()
		h.service.set(func(s *service) {
			s.refuses = nil
			s.ending = func() {
				if s.lists != lists {
					t.Error("a list was read first")
				}
			}
		})
		pass(31 * time.Second)
		wantCalls(t, h.service, "77", "77")
		wantStates(t, h.journal, "verified")
	})
}

// Ten minutes are the most that a list may serve.
func TestPlannedActionDoesNotGoByAnOldList(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		long := *errLimited
		long.RetryAfter = 20 * time.Minute
		h.service.set(func(s *service) { s.refuses = &long })
		h.service.signIn(session("77", "203.0.113.5"))
		pass(31 * time.Second)
		h.service.set(func(s *service) { s.refuses, s.fails = nil, errLimited })
		pass(time.Hour)
		wantCalls(t, h.service, "77")
	})
}

// A thousand strangers past the limit are held together: one commit, not a
// thousand.
func TestWhatIsOverTheLimitIsHeldTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, func(a *sessionwarden.Account) { a.MaxDisconnectsStrangers = 2 })
		h.atHome()
		stop := h.run()
		defer stop()
		pass(40 * time.Second)
		before := h.journal.count()
		for i := range 200 {
			h.service.signIn(session(fmt.Sprint(1000+i), fmt.Sprintf("203.0.113.%d", 1+i)))
		}
		pass(time.Minute)
		if n := len(h.service.calls()); n != 2 {
			t.Errorf("%d calls, the limit is 2", n)
		}
		held := 0
		for _, state := range h.journal.states() {
			if state == "held" {
				held++
			}
		}
		if commits := h.journal.count() - before; held != 198 || commits > 20 {
			t.Errorf("%d held with %d commits", held, commits)
		}
	})
}

// Who signs out before our call costs nothing of the hour's budget.
func TestLeaversDoNotUseUpTheBudget(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		h.service.set(func(s *service) { s.refuses, s.leaves = errNotFound, true })
		for i := range 5 {
			h.service.signIn(session(fmt.Sprint(100+i), "203.0.113.5"))
			pass(30 * time.Second)
		}
		h.service.set(func(s *service) { s.refuses, s.leaves = nil, false })
		h.service.signIn(session("200", "203.0.113.6"))
		pass(31 * time.Second)
		if calls := h.service.calls(); !slices.Contains(calls, "200") {
			t.Errorf("calls: %v, states: %v", calls, h.journal.states())
		}
	}, func(a *sessionwarden.Account) { a.MaxDisconnectsStrangers = 1 })
}

// A row that seemed to be ours, and is not, is judged like any other.
func TestSessionThatIsNotOursAfterAllIsEnded(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		h.service.signIn(session("77", "203.0.113.5", func(s *sessionwarden.Session) { s.Ownership = sessionwarden.Disputed }))
		pass(40 * time.Second)
		wantCalls(t, h.service)
		h.service.set(func(s *service) {
			for i := range s.rows {
				if s.rows[i].ID == "77" {
					s.rows[i].Ownership = sessionwarden.NotOwn
				}
			}
		})
		pass(31 * time.Second)
		wantCalls(t, h.service, "77")
	})
}

// Where the limit for strangers becomes none, those that are held for its sake
// stay so; that is no reason to ask the service all the time.
func TestStrangersHeldForGoodAreNoReasonToPollInAHurry(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		for i := range 3 {
			h.service.signIn(session(fmt.Sprint(77+i), "203.0.113.5"))
		}
		pass(time.Minute)
		wantStates(t, h.journal, "verified", "held", "held")
		h.account.MaxDisconnectsStrangers = 0
		h.watch()
		pass(2 * time.Hour)
		before := h.service.reads()
		pass(10 * time.Minute)
		if n := h.service.reads() - before; n > 35 { // every 30 s, and each minute the expired ones
			t.Errorf("%d lists in ten minutes", n)
		}
		wantStates(t, h.journal, "verified", "held", "held")
	}, func(a *sessionwarden.Account) { a.MaxDisconnectsStrangers = 1 })
}

// A limit of none never comes back: nobody is told that it will.
func TestALimitOfNoneForStrangersWaitsForAPerson(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		h.service.signIn(session("77", "203.0.113.5"))
		pass(time.Minute)
		alert, _ := h.journal.alertOf(sessionwarden.Intrusion)
		if a := alert.Items[0].Action; a.State != sessionwarden.Held || a.Hold != sessionwarden.HeldByLimit {
			t.Errorf("it is %s, held by %s: %s", a.State, a.Hold, a.Note)
		}
		wantCalls(t, h.service)
	}, func(a *sessionwarden.Account) { a.MaxDisconnectsStrangers = 0 })
}

// Where the key is refused while a limit keeps the lists back, people hear of it at once.
func TestARefusedKeyIsToldWhileAnActionWaitsForALimit(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		h.service.set(func(s *service) { s.refuses = errLimited })
		h.service.signIn(session("77", "203.0.113.5"))
		pass(31 * time.Second)
		h.service.set(func(s *service) { s.fails = errLimited })
		pass(15 * time.Second)
		h.service.set(func(s *service) { s.refuses, s.fails = errRefused, errLimited })
		pass(31 * time.Second)
		h.service.set(func(s *service) { s.fails = errRefused })
		pass(61 * time.Second)
		if _, n := h.journal.alertOf(sessionwarden.Blind); n != 1 {
			t.Errorf("%d alerts, calls %v, lists %d", n, h.service.calls(), h.service.reads())
		}
	})
}

// One answer that says "not now" is for all that is planned: it is no reason
// to look at the list between each of them and the next.
func TestALimitOnDisconnectionsPutsOffAllOfThem(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		long := *errLimited
		long.RetryAfter = 5 * time.Minute
		h.service.set(func(s *service) { s.refuses = &long })
		for i := range 50 {
			h.service.signIn(session(fmt.Sprint(1000+i), fmt.Sprintf("203.0.113.%d", 1+i)))
		}
		pass(31 * time.Second)
		before := h.service.reads()
		pass(2 * time.Minute)
		if calls, lists := len(h.service.calls()), h.service.reads()-before; calls != 1 || lists > 10 {
			t.Errorf("%d calls, and %d lists in two minutes", calls, lists)
		}
		h.service.set(func(s *service) { s.refuses = nil })
		pass(4 * time.Minute)
		if n := len(h.service.calls()); n != 51 {
			t.Errorf("%d calls when the limit was over", n)
		}
		for _, state := range h.journal.states() {
			if state != "verified" {
				t.Errorf("one is %s", state)
			}
		}
	})
}

// What the guard holds is ended all the same once its cookie is stolen.
func TestAStolenCookieIsEndedThoughTheGuardHoldsItsSession(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		for i := range 3 {
			h.service.signIn(session(fmt.Sprint(11+i), fmt.Sprintf("192.0.2.%d", 11+i)))
		}
		pass(31 * time.Second)
		h.account.Expected = []sessionwarden.Country{"AT"} // a mistake
		h.watch()
		pass(31 * time.Second)
		wantStates(t, h.journal, "held", "held", "held", "held")
		h.service.set(func(s *service) { s.rows[0].Addr = netip.MustParseAddr("192.0.2.140") }) // the owner's phone
		pass(31 * time.Second)
		wantCalls(t, h.service)
		stolen := h.service.all()[1].ID
		h.service.set(func(s *service) { s.rows[1].Addr = netip.MustParseAddr("203.0.113.5") })
		pass(31 * time.Second)
		wantCalls(t, h.service, stolen)
	})
}

// An incident that is too large to name all that waits for a person is not over
// while any of it waits.
func TestAFloodThatWaitsIsNotOver(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		h.service.set(func(s *service) {
			for i := range sessionwarden.MaxIncidentRows + 100 {
				s.rows = append(s.rows, session(fmt.Sprint(1000+i), fmt.Sprintf("203.0.113.%d", i%250)))
			}
		})
		pass(31 * time.Second)
		for _, row := range h.service.all() { // all that the incident names leave
			if len(row.ID) == 4 && row.ID >= "1100" {
				h.service.signOut(row.ID)
			}
		}
		pass(65 * time.Minute)
		if held := slices.Index(h.journal.states(), "held"); held < 0 {
			t.Fatal("nothing is held any more")
		}
		if i := h.journal.histories()["main"].Incident; i == nil {
			t.Error("the incident is over, and a hundred sessions wait for an answer")
		}
	}, func(a *sessionwarden.Account) { a.MaxDisconnectsStrangers = 0 })
}
