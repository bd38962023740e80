package monitor_test

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sessionwarden"
	"sessionwarden/monitor"
)

// hooked is a service whose Disconnect a test writes.
type hooked struct {
	*service
	end func(id sessionwarden.SessionID) error
}

func (h *hooked) Disconnect(_ context.Context, id sessionwarden.SessionID) error {
	h.mu.Lock()
	h.ended = append(h.ended, id)
	h.mu.Unlock()
	return h.end(id)
}

// ends makes end what the service does when a session is to be ended.
func (h *house) ends(end func(id sessionwarden.SessionID) error) {
	hk := &hooked{service: h.service, end: end}
	if err := h.m.Watch(context.Background(), []monitor.Watched{{Account: h.account, Lister: hk, Ender: hk}}); err != nil {
		h.t.Fatal(err)
	}
}

func later(d time.Duration) func(*sessionwarden.Session) {
	return func(s *sessionwarden.Session) { s.Started = s.Started.Add(d) }
}

// Decoys sign out at the moment of the call; the thief among them is ended.
func TestDecoysThatSignOutAtTheCall(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		h.ends(func(id sessionwarden.SessionID) error {
			if id == "78" || id == "79" { // signed out just before
				h.service.signOut(id)
				return errNotFound
			}
			h.service.signOut(id)
			return nil
		})
		h.service.signIn(session("77", "203.0.113.5"))
		h.service.signIn(session("78", "203.0.113.6", later(10*time.Second)))
		h.service.signIn(session("79", "203.0.113.7", later(20*time.Second)))
		pass(40 * time.Minute)
		for _, r := range h.service.all() {
			if r.ID == "77" {
				t.Error("the thief lives after 40 minutes")
			}
		}
		if _, n := h.journal.alertOf(sessionwarden.ServiceOdd); n > 0 {
			t.Error("told that the endpoint is missing")
		}
	})
}

// Refusals for being too fast are no disconnections: they use up nothing of the
// hour's budget.
func TestRateLimitSpendsNoBudget(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		h.service.set(func(s *service) {
			s.refuses = &sessionwarden.Fault{Kind: sessionwarden.FaultLimited, Doing: "ending", Message: "slow", RetryAfter: time.Second}
		})
		h.service.signIn(session("77", "203.0.113.5"))
		pass(40 * time.Second)
		h.service.set(func(s *service) { s.refuses = nil })
		pass(10 * time.Minute)
		wantStates(t, h.journal, "verified")
	}, func(a *sessionwarden.Account) { a.MaxDisconnects = 3; a.MaxDisconnectsStrangers = 3 })
}

// A poll that panics on what it reads is made again, and the intruder is ended.
func TestPollThatPanicsIsMadeAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		boom := true
		h.m = monitor.New(monitor.Options{Journal: h.journal, Locate: func(a netip.Addr) sessionwarden.Location {
			if boom && a == netip.MustParseAddr("203.0.113.5") {
				boom = false
				panic("once")
			}
			return h.where(a)
		}})
		h.watch()
		h.atHome()
		stop := h.run()
		defer stop()
		pass(61 * time.Second)
		h.service.signIn(session("77", "203.0.113.5"))
		pass(20 * time.Minute)
		wantCalls(t, h.service, "77")
	})
}

// Whoever was only noted in a dry run is ended once it is switched off.
func TestDryRunSwitchedOff(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		h.service.signIn(session("77", "203.0.113.5"))
		pass(61 * time.Second)
		wantStates(t, h.journal, "dry_run")
		h.account.DryRun = false
		h.watch()
		pass(10 * time.Minute)
		wantCalls(t, h.service, "77")
	}, func(a *sessionwarden.Account) { a.DryRun = true })
}

// The program ends between the call and its record: the next one proves it.
func TestKilledAfterCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.ends(func(id sessionwarden.SessionID) error {
			h.service.signOut(id)
			h.journal.set(func(j *journal) { j.fails = errDisk }) // the result is never recorded
			return nil
		})
		h.atHome()
		stop := h.run()
		pass(31 * time.Second)
		h.service.signIn(session("77", "203.0.113.5"))
		pass(30 * time.Second)
		stop()
		h.journal.set(func(j *journal) { j.fails = nil })
		h.restart()
		stop = h.run()
		defer stop()
		pass(2 * time.Minute)
		wantStates(t, h.journal, "verified")
	})
}

// A restart with other location data that moves a session asks first.
func TestRestartWithOtherLocationDataAsks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.atHome()
		stop := h.run()
		pass(61 * time.Second)
		stop()
		h.newData("VN", "192.0.2.1")
		h.restart()
		stop = h.run()
		defer stop()
		pass(5 * time.Minute)
		wantStates(t, h.journal, "held")
	})
}

// New location data is judged again where the commit about it failed.
func TestJudgedAgainWhereTheCommitFailed(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		h.newData("VN", "192.0.2.1")
		h.journal.set(func(j *journal) { j.fails = errDisk })
		pass(35 * time.Second)
		h.journal.set(func(j *journal) { j.fails = nil })
		pass(5 * time.Minute)
		wantStates(t, h.journal, "held")
	})
}

// A target that an incomplete list does not show is waited for without haste.
func TestWaitingForAWholeListIsQuiet(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		h.service.set(func(s *service) { s.refuses = errNet })
		h.service.signIn(session("77", "203.0.113.5"))
		pass(30 * time.Second)
		h.service.set(func(s *service) { s.partly = true; s.refuses = nil })
		h.service.signOut("77")
		lists, commits := h.service.reads(), h.journal.count()
		pass(10 * time.Minute)
		a, _ := h.journal.alertOf(sessionwarden.Intrusion)
		if n := h.service.reads() - lists; n > 120 {
			t.Errorf("%d lists in ten minutes of waiting", n)
		}
		if n := h.journal.count() - commits; n > 60 || a.Revision > 20 {
			t.Errorf("%d commits and %d revisions of the alert in ten minutes of waiting", n, a.Revision)
		}
	})
}

// Who is asked about does not escape the question by moving.
func TestMovingEscapesNoQuestion(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		h.service.signIn(session("77", "8.8.8.8")) // no known place: asked
		pass(61 * time.Second)
		wantStates(t, h.journal, "held")
		h.service.set(func(s *service) {
			for i := range s.rows {
				if s.rows[i].ID == "77" {
					s.rows[i].Addr = netip.MustParseAddr("192.0.2.200")
				}
			}
		})
		pass(30 * time.Minute)
		wantCalls(t, h.service, "77")
	}, func(a *sessionwarden.Account) { a.AskDefault = sessionwarden.DisconnectSession })
}

// Two minutes in which no session can be ended save nobody.
func TestTwoMinutesInWhichNobodyCanBeEnded(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		h.service.set(func(s *service) { s.refuses = errNet })
		h.service.signIn(session("77", "203.0.113.5"))
		pass(2 * time.Minute)
		h.service.set(func(s *service) { s.refuses = nil })
		pass(3 * time.Hour)
		wantStates(t, h.journal, "verified")
	})
}

// early is a service whose first list after a call was asked for before it.
type early struct {
	*hooked
	once sync.Once
}

func (e *early) Sessions(ctx context.Context, expired bool) (sessionwarden.Listing, error) {
	list, err := e.service.Sessions(ctx, expired)
	if !expired && len(e.service.calls()) > 0 {
		e.once.Do(func() { list.Asked = list.Asked.Add(-5 * time.Second) })
	}
	return list, err
}

// Who is missing already in a list that proves nothing yet, as it was asked for
// before the call, was ended by us all the same: when he comes back he is known.
func TestWhoIsMissedBeforeTheProofWasEndedByUs(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		e := &early{hooked: &hooked{service: h.service, end: func(id sessionwarden.SessionID) error {
			h.service.signOut(id)
			return nil
		}}}
		if err := h.m.Watch(context.Background(), []monitor.Watched{{Account: h.account, Lister: e, Ender: e}}); err != nil {
			t.Fatal(err)
		}
		h.service.signIn(session("77", "203.0.113.5"))
		pass(5 * time.Minute)
		wantStates(t, h.journal, "verified")
		if gone := h.journal.sightings(sessionwarden.Gone); len(gone) != 1 || gone[0].EndedAt.IsZero() {
			t.Errorf("gone: %+v", gone)
		}
		h.service.signIn(session("78", "203.0.113.5"))
		pass(time.Minute)
		if !slices.Contains(h.found(), "respawned alert") {
			t.Errorf("found: %v", h.found())
		}
	})
}

// One that fails is told, even where its message names no more than twelve.
func TestFailureBeyondTheNamedTwelveIsTold(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		h.ends(func(id sessionwarden.SessionID) error {
			if id == "100" {
				return nil // lies for ever
			}
			h.service.signOut(id)
			return nil
		})
		h.service.signIn(session("100", "203.0.113.5"))
		for i := range 13 {
			h.service.signIn(session(fmt.Sprint(101+i), fmt.Sprintf("203.0.113.%d", 10+i), later(time.Duration(i+1)*time.Second)))
		}
		pass(10 * time.Minute)
		a, _ := h.journal.alertOf(sessionwarden.Intrusion)
		if a.Correction == 0 {
			t.Error("people were never told that one failed")
		}
	})
}

// Between rare polls a retry goes on although a list fails.
func TestSlowScheduleRetry(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		h.service.signIn(session("77", "203.0.113.5"))
		h.service.set(func(s *service) { s.refuses = errNet })
		pass(6*time.Hour - 30*time.Second)
		h.service.set(func(s *service) { s.fails = errNet }) // one list fails
		pass(3 * time.Second)
		h.service.set(func(s *service) { s.fails = nil; s.refuses = nil })
		pass(2 * time.Hour)
		wantStates(t, h.journal, "verified")
	}, func(a *sessionwarden.Account) {
		a.Schedule = "@every 6h"
		a.Rules[sessionwarden.UnknownCountry] = sessionwarden.Ask
		a.AskDefault = sessionwarden.DisconnectSession
	})
}

// A question's deadline is kept between rare polls.
func TestSlowScheduleDeadline(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		h.service.signIn(session("77", "8.8.8.8"))
		pass(6 * time.Hour)
		wantStates(t, h.journal, "held")
		pass(2 * time.Hour)
		wantStates(t, h.journal, "verified")
	}, func(a *sessionwarden.Account) {
		a.Schedule = "@every 6h"
		a.AskDefault = sessionwarden.DisconnectSession
	})
}

// Since when the watch was blind is known after a restart.
func TestBlindSinceIsKnownAfterARestart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.atHome()
		stop := h.run()
		pass(31 * time.Second)
		h.service.set(func(s *service) { s.fails = errNet })
		began := time.Now()
		pass(10 * time.Minute)
		stop()
		pass(time.Hour)
		h.restart()
		stop = h.run()
		defer stop()
		pass(10 * time.Minute)
		h.service.set(func(s *service) { s.fails = nil })
		pass(time.Minute)
		a, _ := h.journal.alertOf(sessionwarden.Recovered)
		if want := began.Add(30 * time.Second).Truncate(time.Minute).UTC().Format("15:04"); len(a.Lines) == 0 || !strings.Contains(a.Lines[0], want) {
			t.Errorf("blind since %s, but told: %q", want, a.Lines)
		}
	})
}

// Two people who disconnect the same session both get its action.
func TestTwoPeopleDisconnectTheSameSession(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		h.ends(func(id sessionwarden.SessionID) error {
			time.Sleep(3 * time.Second)
			h.service.signOut(id)
			return nil
		})
		for range 2 {
			go func() {
				a, err := h.m.Disconnect(context.Background(), "main", []sessionwarden.SessionID{"1"})
				if err == nil && (len(a) != 1 || a[0].ID == 0) {
					t.Errorf("an action that is none: %+v", a)
				}
			}()
			time.Sleep(time.Second)
		}
		pass(time.Minute)
	})
}

// New location data and a changed configuration at once do not end a session.
func TestNewLocationDataAndConfigurationAtOnce(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		h.newData("VN", "192.0.2.1")
		h.account.Rules = map[sessionwarden.Rule]sessionwarden.Response{}
		for _, info := range sessionwarden.Rules() {
			h.account.Rules[info.Rule] = info.Response
		}
		h.account.Rules[sessionwarden.HostingNetwork] = sessionwarden.Log // an unrelated change
		h.watch()
		pass(2 * time.Minute)
		wantCalls(t, h.service)
	})
}

// That our own session ends with each disconnection is told, and blamed on
// nobody.
func TestOwnSessionEndsWithEachDisconnection(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		h.ends(func(id sessionwarden.SessionID) error {
			h.service.signOut(id)
			h.service.set(func(s *service) { s.loggedOut = 1 })
			return nil
		})
		for i := range 3 {
			h.service.signIn(session(fmt.Sprint(77+i), "203.0.113.5"))
			pass(60 * time.Second)
		}
		for _, f := range h.journal.findings() {
			if f.Rule == sessionwarden.WatcherLoggedOut {
				t.Errorf("our own doing is blamed on somebody: %s", f.Reason)
			}
		}
		if a, n := h.journal.alertOf(sessionwarden.OwnSession); n != 1 || !strings.Contains(a.Title, "twice") {
			t.Errorf("told %d times: %+v", n, a)
		}
	})
}

// A command that a person breaks off is no failed poll.
func TestCommandBrokenOffIsNoFailedPoll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, func(a *sessionwarden.Account) { a.Schedule = "@every 1h" })
		h.atHome()
		h.service.slow = 2 * time.Second
		stop := h.run()
		defer stop()
		pass(31 * time.Second)
		for range 3 {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			_, err := h.m.Disconnect(ctx, "main", []sessionwarden.SessionID{"1"})
			cancel()
			_ = err
		}
		if len(h.m.Blind()) > 0 {
			t.Error("blind because a person pressed Ctrl-C three times")
		}
	})
}

// An action that a stronger finding took over is not held any more in the first
// message.
func TestFirstMessageIsNotHeldAnyMore(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		h.service.signIn(session("77", "8.8.8.8"))
		pass(60 * time.Second)
		wantStates(t, h.journal, "held")
		h.account.Rules = map[sessionwarden.Rule]sessionwarden.Response{}
		for _, info := range sessionwarden.Rules() {
			h.account.Rules[info.Rule] = info.Response
		}
		h.account.Rules[sessionwarden.UnknownCountry] = sessionwarden.Disconnect
		h.watch()
		pass(2 * time.Minute)
		wantStates(t, h.journal, "verified")
		for _, a := range h.journal.told() {
			if len(a.Items) > 0 && a.Items[0].Action != nil && a.Items[0].Action.State == sessionwarden.Held {
				t.Errorf("a message still says that it is held: %+v", a)
			}
		}
	})
}

// Stopping ends between two actions: what is left is on disk anyway.
func TestStopWhileActing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.ends(func(id sessionwarden.SessionID) error {
			time.Sleep(300 * time.Millisecond)
			h.service.signOut(id)
			return nil
		})
		h.atHome()
		stop := h.run()
		pass(31 * time.Second)
		for i := range 90 {
			h.service.signIn(session(fmt.Sprint(101+i), fmt.Sprintf("203.0.113.%d", 10+i), later(time.Duration(i+1)*time.Second)))
		}
		pass(30 * time.Second)
		began := time.Now()
		stop()
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("stopping took %v although nothing hangs", took)
		}
	})
}

// Twenty sessions wait for a missing call: it is looked for once an hour.
func TestManyWaitForOneProbe(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		h.service.set(func(s *service) { s.refuses = errNotFound })
		for i := range 20 {
			h.service.signIn(session(fmt.Sprint(101+i), fmt.Sprintf("203.0.113.%d", 10+i), later(time.Duration(i+1)*time.Second)))
		}
		pass(5 * time.Minute)
		before := len(h.service.calls())
		pass(3 * time.Hour)
		if n := len(h.service.calls()) - before; n < 2 || n > 4 {
			t.Errorf("%d looks for the call in three hours, want three", n)
		}
	})
}

// The expired sessions are listed as often as was asked for.
func TestExpiredListsAreSpaced(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		before := h.service.reads()
		pass(time.Hour)
		if n := h.service.reads() - before; n < 120 || n > 130 {
			t.Errorf("%d lists in an hour, want 120 and six of expired ones", n)
		}
	}, func(a *sessionwarden.Account) { a.ExpiredEvery = 10 * time.Minute })
}

// A country that is expected from now on makes its sessions unsuspicious, and
// a change that has nothing to do with a session finds nothing on it again.
func TestChangedConfigurationForgetsWhatIsNotTrueAnyMore(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		h.service.signIn(session("77", "203.0.113.5"))
		pass(31 * time.Second)
		findings := len(h.journal.findings())
		h.account.Trusted = []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")} // elsewhere
		h.watch()
		pass(31 * time.Second)
		if n := len(h.journal.findings()) - findings; n != 0 {
			t.Errorf("%d findings again on what was found before", n)
		}
		if got := h.m.Status()[0].Suspicious; got != 1 {
			t.Fatalf("%d suspicious sessions, want 1", got)
		}
		h.account.Expected = []sessionwarden.Country{"DE", "VN"}
		h.watch()
		pass(31 * time.Second)
		if got := h.m.Status()[0].Suspicious; got != 0 {
			t.Errorf("%d suspicious sessions although the country is expected now", got)
		}
	}, func(a *sessionwarden.Account) {
		a.Rules[sessionwarden.UnexpectedCountry] = sessionwarden.Notify
		a.Rules[sessionwarden.NewCountry] = sessionwarden.Log
		a.Rules[sessionwarden.Stranger] = sessionwarden.Log
	})
}

// moveTo moves a session as a stolen cookie would.
func (h *house) moveTo(id, addr string, change ...func(*sessionwarden.Session)) {
	h.service.set(func(s *service) {
		for i := range s.rows {
			if string(s.rows[i].ID) == id {
				s.rows[i] = session(id, addr, append(change, old)...)
			}
		}
	})
}

// That a session moved is over and cannot be asked again: a changed
// configuration does not acquit it.
func TestChangedConfigurationDoesNotAcquitAMovedSession(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		h.moveTo("1", "192.0.2.200", phone)
		pass(61 * time.Second)
		h.account.Rules = maps.Clone(h.account.Rules)
		h.account.Rules[sessionwarden.HostingNetwork] = sessionwarden.Log
		h.watch()
		pass(25 * time.Hour)
		if _, bad := h.journal.histories()["main"].Profile.Networks[64501]; bad {
			t.Error("the profile has learned from the moved session")
		}
	}, func(a *sessionwarden.Account) { a.Rules[sessionwarden.SessionMoved] = sessionwarden.Notify })
}

func TestMovedInADryRunIsEndedAfterIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, func(a *sessionwarden.Account) {
			a.DryRun = true
			a.Rules[sessionwarden.UnexpectedCountry] = sessionwarden.Log
		})
		h.atHome()
		h.service.signIn(session("77", "198.51.100.5", old))
		stop := h.run()
		defer stop()
		pass(31 * time.Second)
		h.moveTo("77", "203.0.113.5")
		pass(61 * time.Second)
		wantStates(t, h.journal, "dry_run")
		h.account.DryRun = false
		h.watch()
		pass(3 * time.Minute)
		wantCalls(t, h.service, "77")
	})
}

func TestManyRefusedAreToldOnce(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		h.service.set(func(s *service) { s.refuses = errNotFound })
		for i := range 15 {
			h.service.signIn(session(fmt.Sprint(100+i), fmt.Sprintf("203.0.113.%d", 5+i)))
		}
		pass(10 * time.Minute)
		first, _ := h.journal.alertOf(sessionwarden.Intrusion)
		pass(8 * time.Hour)
		if later, _ := h.journal.alertOf(sessionwarden.Intrusion); later.Correction != first.Correction {
			t.Errorf("people are told again and again: correction %d, then %d", first.Correction, later.Correction)
		}
	})
}
