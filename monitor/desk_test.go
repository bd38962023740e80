package monitor_test

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode"

	"sessionwarden"
	"sessionwarden/monitor"
)

func asks(a *sessionwarden.Account) { a.Rules[sessionwarden.UnexpectedCountry] = sessionwarden.Ask }

// heldID returns the id of the newest held action.
func heldID(t *testing.T, j *journal) uint64 {
	t.Helper()
	j.mu.Lock()
	defer j.mu.Unlock()
	var id uint64
	for _, a := range j.acts {
		if a.State == sessionwarden.Held {
			id = max(id, a.ID)
		}
	}
	if id == 0 {
		t.Fatal("nothing is held")
	}
	return id
}

func TestApproveCarriesOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, asks)
		h.atHome()
		stop := h.run()
		defer stop()
		pass(31 * time.Second)
		h.service.signIn(session("77", "203.0.113.5"))
		pass(31 * time.Second)
		id := heldID(t, h.journal)
		a, err := h.m.Approve(t.Context(), id)
		if err != nil || a.State != sessionwarden.Verified {
			t.Fatalf("approved: %v, %v", a.State, err)
		}
		wantCalls(t, h.service, "77")
		var wish *monitor.WishError
		if _, err := h.m.Approve(t.Context(), id); !errors.As(err, &wish) || wish.Cure() == "" {
			t.Errorf("a second time: %v", err)
		}
		if _, err := h.m.Deny(t.Context(), 99999); !errors.As(err, &wish) || !wish.NotFound() {
			t.Errorf("an action that is not there: %v", err)
		}
	})
}

func TestDenyTrustsExactlyThatSession(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, asks)
		h.atHome()
		stop := h.run()
		defer stop()
		pass(31 * time.Second)
		h.service.signIn(session("77", "203.0.113.5"))
		pass(31 * time.Second)
		if a, err := h.m.Deny(t.Context(), heldID(t, h.journal)); err != nil || a.State != sessionwarden.Denied {
			t.Fatalf("denied: %v, %v", a.State, err)
		}
		pass(10 * time.Minute)
		wantStates(t, h.journal, "denied")
		h.service.set(func(s *service) { s.rows[0].Addr = netip.MustParseAddr("203.0.113.99") })
		pass(31 * time.Second)
		wantStates(t, h.journal, "denied", "held") // another address, and the word is void
		wantCalls(t, h.service)
	})
}

func TestQuestionsEndAsConfigured(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		fallback sessionwarden.AskDefault
		calls    []sessionwarden.SessionID
		state    string
	}{{sessionwarden.KeepSession, nil, "denied"}, {sessionwarden.DisconnectSession, []sessionwarden.SessionID{"77"}, "verified"}} {
		t.Run(string(test.fallback), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h := newHouse(t, asks, func(a *sessionwarden.Account) { a.AskDefault = test.fallback })
				h.atHome()
				stop := h.run()
				defer stop()
				pass(31 * time.Second)
				h.service.signIn(session("77", "203.0.113.5"))
				pass(9 * time.Minute)
				wantStates(t, h.journal, "held")
				pass(3 * time.Minute)
				wantStates(t, h.journal, test.state)
				wantCalls(t, h.service, test.calls...)
			})
		})
	}
}

func TestStrangersGoOnWhenTheBudgetIsBackNewestFirst(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		for i := range 5 {
			h.service.signIn(session(fmt.Sprint(70+i), fmt.Sprintf("203.0.113.%d", 5+i)))
			pass(30 * time.Second)
		}
		if n := len(h.service.calls()); n != 2 {
			t.Fatalf("%d ended within the hour, the limit is 2", n)
		}
		pass(50 * time.Minute)
		if n := len(h.service.calls()); n != 2 {
			t.Fatalf("%d ended within the hour, the limit is 2", n)
		}
		pass(12 * time.Minute)
		if got := h.service.calls(); len(got) != 4 || got[2] != "74" || got[3] != "73" {
			t.Errorf("ended %v, want 74 and 73 once the budget is back", got)
		}
	}, func(a *sessionwarden.Account) { a.MaxDisconnectsStrangers = 2 })
}

func TestTiedSessionsPastTheLimitWaitForAPerson(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		h.service.signIn(session("70", "192.0.2.30", phone))
		h.service.signIn(session("71", "192.0.2.31", phone))
		pass(5 * time.Hour)
		if n := len(h.service.calls()); n != 1 {
			t.Errorf("%d ended; past the limit only a person lets go on", n)
		}
	}, func(a *sessionwarden.Account) {
		a.MaxDisconnects = 1
		a.Rules[sessionwarden.NewDevice] = sessionwarden.Disconnect
	})
}

func TestOurOwnSessionIsNotEndedByHand(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		actions, err := h.m.Disconnect(t.Context(), "main", []sessionwarden.SessionID{"2"})
		if err != nil || len(actions) != 1 || actions[0].State != sessionwarden.Refused {
			t.Errorf("%+v, %v", actions, err)
		}
		wantCalls(t, h.service)
		if _, err := h.m.DisconnectAll(t.Context(), "main"); err != nil {
			t.Error(err)
		}
		wantCalls(t, h.service, "1")
	})
}

func TestThiefWhoMovesWhileTheCallIsMissingIsStillEnded(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		h.service.set(func(s *service) { s.refuses = errNotFound })
		h.service.signIn(session("77", "203.0.113.5"))
		h.service.signIn(session("78", "203.0.113.6"))
		pass(5 * time.Minute)
		h.service.set(func(s *service) { s.rows[0].Addr = netip.MustParseAddr("203.0.113.66") })
		pass(time.Minute)
		h.service.set(func(s *service) { s.refuses = nil })
		pass(2 * time.Hour)
		if left := h.service.count(); left != 2 {
			t.Errorf("%d sessions are left, want the owner and us; ended %v, states %v", left, h.service.calls(), h.journal.states())
		}
	})
}

func TestClockInDoubtHolds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.service.skew = 72 * time.Hour
		h.atHome()
		stop := h.run()
		defer stop()
		pass(31 * time.Second)
		h.service.signIn(session("77", "203.0.113.5"))
		pass(31 * time.Second)
		wantStates(t, h.journal, "held")
		wantCalls(t, h.service)
	})
}

func TestOurSessionEndedThreeTimesIsTold(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		for i := range 4 {
			h.service.set(func(s *service) { s.loggedOut = 1 })
			pass(30 * time.Second)
			if _, n := h.journal.alertOf(sessionwarden.OwnSession); (i < 2) != (n == 0) || n > 1 {
				t.Errorf("after %d times: %d alerts", i+1, n)
			}
		}
		n := 0
		for _, f := range h.journal.findings() {
			if f.Rule == sessionwarden.WatcherLoggedOut {
				n++
			}
		}
		if n != 4 {
			t.Errorf("%d findings, want each time one", n)
		}
	})
}

func TestReloadAppliesToTheNextPoll(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		h.service.signIn(session("77", "203.0.113.5"))
		pass(31 * time.Second)
		wantCalls(t, h.service)
		h.account.Rules = map[sessionwarden.Rule]sessionwarden.Response{}
		for _, info := range sessionwarden.Rules() {
			h.account.Rules[info.Rule] = info.Response
		}
		h.watch()
		pass(31 * time.Second)
		wantCalls(t, h.service, "77") // one bad one of two is no mistaken rule
	}, func(a *sessionwarden.Account) { a.Rules[sessionwarden.UnexpectedCountry] = sessionwarden.Notify })
}

func TestSchedules(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"@every 30s", "@every 1s", "*/5 * * * *", "@hourly", "CRON_TZ=Europe/Berlin 0 6 * * *"} {
		if _, err := monitor.ParseSchedule(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{"", "TZ=UTC", "CRON_TZ=Mars/Base * * * * *", "@every -1s", "@every 10ms", "@every 48h", "@every soon", "0 0 30 2 *", "* * * *", "@never"} {
		if _, err := monitor.ParseSchedule(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// FuzzParseSchedule: a schedule that is taken comes again and again, not more
// than once a second; a mistake is told in words that can be shown.
func FuzzParseSchedule(f *testing.F) {
	for _, seed := range []string{
		"@every 30s", "TZ=UTC", "*/5 * * * *", "0 0 30 2 *", "@every -1s", "@every 1e9h", "@every 999999999999999999s", "@every 1s1ns", "@reboot", "@hourly", "@yearly",
		"CRON_TZ=Europe/Berlin 30 2 * * *", "CRON_TZ=America/Sao_Paulo 0 0 * * 0", "TZ=../../etc/passwd * * * * *", "TZ=\x00 * * * * *", "0 0 29 2 *", "0 0 31 4,6,9,11 *",
		"* * * * 7", "60 * * * *", "*/0 * * * *", "0-59/7,3,*/9 1-23/99 ? jan-DEC MON-fri", "1-0 * * * *", "* * * * * *", "\u00a0* * * * *", "@every\t30s", "@every  30s", "@EVERY 30s",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 200 {
			return
		}
		s, err := monitor.ParseSchedule(text)
		if err != nil {
			for _, r := range err.Error() {
				if unicode.In(r, unicode.Cc, unicode.Cf) {
					t.Errorf("%U in %q", r, err)
				}
			}
			return
		}
		for _, now := range []time.Time{time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC), time.Date(2027, 3, 28, 0, 59, 59, 999, time.UTC), time.Date(2027, 10, 31, 0, 59, 0, 0, time.UTC)} {
			for range 5 {
				next := s.Next(now)
				if !next.After(now) || next.Sub(now) > 9*366*24*time.Hour {
					t.Fatalf("%q comes at %v after %v", text, next, now)
				}
				now = next
			}
		}
	})
}

func TestOnceWaitsForTheProof(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.atHome()
		h.service.signIn(session("77", "203.0.113.5"))
		h.service.lies = 2
		began := time.Now()
		if err := h.m.Once(t.Context(), 10*time.Second); err != nil {
			t.Fatal(err)
		}
		wantStates(t, h.journal, "verified")
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("took %v", took)
		}
		if !slices.Equal(h.service.calls(), []sessionwarden.SessionID{"77", "77", "77"}) {
			t.Errorf("calls %v", h.service.calls())
		}
	})
}

// Whoever answers has read of a session where it was. A thief who takes it
// elsewhere meanwhile gains nothing by the answer.
func TestAnAnswerIsAboutWhatWasAsked(t *testing.T) {
	t.Parallel()
	asksMoved := func(a *sessionwarden.Account) { a.Rules[sessionwarden.SessionMoved] = sessionwarden.Ask }
	moved := func(t *testing.T, h *house) uint64 {
		t.Helper()
		h.service.signIn(session("77", "203.0.113.5"))
		pass(31 * time.Second)
		id := heldID(t, h.journal)
		h.service.set(func(s *service) { s.rows[0].Addr = netip.MustParseAddr("198.51.100.9") })
		pass(31 * time.Second)
		wantStates(t, h.journal, "held")
		return id
	}
	watched(t, func(t *testing.T, h *house) {
		id := moved(t, h)
		var wish *monitor.WishError
		if _, err := h.m.Deny(t.Context(), id); !errors.As(err, &wish) || !wish.Conflict() || !strings.Contains(err.Error(), "from 203.0.113.5") || !strings.Contains(err.Error(), "198.51.100.9") {
			t.Fatalf("denied: %v", err)
		}
		wantStates(t, h.journal, "held")
		if alert, _ := h.journal.alertOf(sessionwarden.Intrusion); !alert.Answered.IsZero() {
			t.Error("a question that is asked anew counts as answered")
		}
		if a, err := h.m.Deny(t.Context(), id); err != nil || a.State != sessionwarden.Denied { // he has read where it is now
			t.Errorf("denied again: %v, %v", a.State, err)
		}
		live := last(h.journal.sightings(sessionwarden.Live))
		if !live.Denied || live.AddrText() != "198.51.100.9" {
			t.Errorf("%s, claimed: %t", live.AddrText(), live.Denied)
		}
	}, asks, asksMoved)
	watched(t, func(t *testing.T, h *house) {
		id := moved(t, h)
		trust, err := h.m.AddTrust(t.Context(), sessionwarden.Trust{Until: time.Now().Add(time.Hour)}, id)
		if err != nil || trust.What() != "203.0.113.5/32" {
			t.Fatalf("%v, %v", trust, err)
		}
		pass(time.Minute)
		wantStates(t, h.journal, "held")
	}, asks, asksMoved)
}

// An incident that waits for an answer for days calls people again for who comes
// then: a change of a message of last week is seen by nobody.
func TestALongIncidentIsToldAgain(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		h.service.signIn(session("77", "203.0.113.5"))
		pass(30 * time.Minute)
		h.service.signIn(session("78", "203.0.113.6"))
		pass(time.Minute)
		first, n := h.journal.alertOf(sessionwarden.Intrusion)
		if n != 1 || len(first.Items) != 2 {
			t.Fatalf("%d alerts, the last with %d sessions", n, len(first.Items))
		}
		pass(3 * 24 * time.Hour)
		h.service.signIn(session("79", "203.0.113.7"))
		pass(time.Minute)
		second, n := h.journal.alertOf(sessionwarden.Intrusion)
		if n != 2 || second.Incident != first.Incident || len(second.Items) != 1 || second.Items[0].Sighting.ID != "79" {
			t.Fatalf("%d alerts, the last of incident %d: %v", n, second.Incident, second.Items)
		}
		if _, err := h.m.Acknowledge(t.Context(), first.Incident); err != nil {
			t.Fatal(err)
		}
		for id, a := range h.journal.told() {
			if a.Answered.IsZero() {
				t.Errorf("alert %d is not acknowledged with its incident", id)
			}
		}
		for range 3 {
			if _, err := h.m.Deny(t.Context(), heldID(t, h.journal)); err != nil {
				t.Fatal(err)
			}
		}
		pass(2 * time.Hour)
		for id, a := range h.journal.told() {
			for _, item := range a.Items {
				if item.Action.State != sessionwarden.Denied {
					t.Errorf("alert %d: session %s is %s", id, item.Sighting.ID, item.Action.State)
				}
			}
		}
	}, asks, func(a *sessionwarden.Account) { a.AskTimeout = 0 })
}

// Nor does a decoy every half hour keep one message going for ever.
func TestAnIncidentThatNeverRestsIsToldOnceADay(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		for i := range 100 {
			h.service.signIn(session(fmt.Sprint(100+i), fmt.Sprintf("203.0.113.%d", 1+i)))
			pass(30 * time.Minute)
		}
		if _, n := h.journal.alertOf(sessionwarden.Intrusion); n != 3 {
			t.Errorf("%d messages in 50 hours", n)
		}
	})
}

// A session that goes on elsewhere stays in its incident, with what is only noted
// of it then; and a phone that goes to and fro keeps no incident open.
func TestASessionThatMovesStaysInItsIncident(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		move := func(addr string) {
			h.service.set(func(s *service) { s.rows[0].Addr = netip.MustParseAddr(addr) })
			pass(31 * time.Second)
		}
		incident := func() *sessionwarden.Incident { return h.journal.histories()["main"].Incident }
		h.service.signIn(session("77", "192.0.2.140"))
		pass(31 * time.Second)
		move("192.0.2.5")
		i := incident()
		live := last(h.journal.sightings(sessionwarden.Live))
		if i == nil || !slices.Contains(i.Sessions, live.Seq) || len(i.Sessions) != 2 {
			t.Fatalf("the incident is of %+v, and the session goes on as %d", i, live.Seq)
		}
		noted := last(h.journal.findings())
		if noted.Rule != sessionwarden.SessionRoamed || !slices.Contains(i.Findings, noted.ID) {
			t.Errorf("found last: %s, which is not in it", noted.Rule)
		}
		if text := i.Events[len(i.Events)-2].Text; !strings.Contains(text, "went on elsewhere: 192.0.2.5") {
			t.Errorf("the timeline: %s", text)
		}
		for range 5 {
			pass(10 * time.Minute)
			move("192.0.2.140")
			move("192.0.2.5")
		}
		pass(25 * time.Minute)
		if incident() != nil {
			t.Errorf("still open: %+v", incident().Events)
		}
	}, func(a *sessionwarden.Account) { a.Rules[sessionwarden.NewNetwork] = sessionwarden.Notify })
}
