package monitor_test

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"sessionwarden"
	"sessionwarden/monitor"
)

func TestIntruderIsEndedAloneAndProvenGone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.atHome()
		stop := h.run()
		defer stop()
		pass(40 * time.Second)
		h.service.signIn(session("77", "203.0.113.5"))
		pass(31 * time.Second) // one poll plus a second
		wantCalls(t, h.service, "77")
		wantStates(t, h.journal, "verified")
		alert, n := h.journal.alertOf(sessionwarden.Intrusion)
		if n != 1 || alert.Severity != sessionwarden.Critical || alert.Waiting || alert.Revision == 0 {
			t.Errorf("want one critical alert, revised to the end, got %d: %+v", n, alert)
		}
		if got := alert.Items[0].Action.State; got != sessionwarden.Verified {
			t.Errorf("the alert says %v, want verified", got)
		}
		if !slices.Equal(h.journal.path(), []string{"planned 1", "done 1", "verified 1"}) {
			t.Errorf("states and attempts on disk: %v; the plan and the attempt must be there before the call, together", h.journal.path())
		}
	})
}

// TestAttemptCountedWithItsPlanIsTakenBack lets a rail fall between the commit
// of a plan and its last look: the attempt that was counted was not made.
func TestAttemptCountedWithItsPlanIsTakenBack(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		h.journal.mu.Lock()
		h.journal.after = func(a sessionwarden.Action) {
			if a.State == sessionwarden.Planned {
				h.mu.Lock()
				h.failed = "the file is damaged"
				h.mu.Unlock()
			}
		}
		h.journal.mu.Unlock()
		h.service.signIn(session("77", "203.0.113.5"))
		pass(31 * time.Second)
		wantCalls(t, h.service)
		if want := []string{"planned 1", "held 0"}; !slices.Equal(h.journal.path(), want) {
			t.Errorf("states and attempts on disk: %v, want %v", h.journal.path(), want)
		}
		if spent := h.journal.histories()["main"].Spent; len(spent) != 0 {
			t.Errorf("the hour's budget counts %v, and nothing was ended", spent)
		}
	})
}

func TestSeveralIntrudersCountTheirAttemptsOneByOne(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		h.service.signIn(session("77", "203.0.113.5"))
		h.service.signIn(session("78", "203.0.113.6"))
		pass(31 * time.Second)
		wantStates(t, h.journal, "verified", "verified")
		// What is not yet tried must not count as tried: a crash would spend it.
		if path := h.journal.path(); len(path) < 2 || path[0] != "planned 0" || path[1] != "planned 0" {
			t.Errorf("states and attempts on disk: %v", path)
		}
	})
}

func TestQuietPollsWriteNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.atHome()
		stop := h.run()
		pass(45 * time.Second)
		before := h.journal.count()
		pass(30 * 30 * time.Second)
		if got := h.journal.count(); got != before {
			t.Errorf("thirty quiet polls made %d commits", got-before)
		}
		if h.service.reads() < 30 {
			t.Errorf("only %d lists were read", h.service.reads())
		}
		stop()
		if got := h.journal.count(); got != before+1 {
			t.Errorf("stopping made %d commits, want one, for last seen", got-before)
		}
		if last := h.journal.histories()["main"].Live[0].LastSeen; time.Since(last) > time.Minute {
			t.Errorf("last seen on disk is %v", last)
		}
	})
}

func TestGoneNeedsTwoCompleteLists(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		h.service.set(func(s *service) { s.partly = true })
		h.service.signOut("1")
		pass(5 * 30 * time.Second)
		if gone := h.journal.sightings(sessionwarden.Gone); len(gone) != 0 {
			t.Fatalf("incomplete lists proved %d sessions gone", len(gone))
		}
		h.service.set(func(s *service) { s.partly = false })
		pass(30 * time.Second)
		if gone := h.journal.sightings(sessionwarden.Gone); len(gone) != 0 {
			t.Fatal("one complete list proved a session gone")
		}
		pass(30 * time.Second)
		gone := h.journal.sightings(sessionwarden.Gone)
		if len(gone) != 1 || gone[0].ID != "1" || gone[0].GoneAt.IsZero() {
			t.Fatalf("want session 1 gone, got %+v", gone)
		}
	})
}

func TestActsOnRowsOfAnIncompleteList(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		h.service.set(func(s *service) { s.partly = true })
		h.service.signIn(session("77", "203.0.113.5"))
		pass(40 * time.Second)
		wantCalls(t, h.service, "77")
		wantStates(t, h.journal, "done") // an incomplete list proves nothing
		h.service.set(func(s *service) { s.partly = false })
		pass(31 * time.Second)
		wantStates(t, h.journal, "verified")
	})
}

func TestIdThatComesBackElsewhereIsANewSession(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		h.service.signOut("1")
		pass(30 * time.Second) // absent once
		h.service.signIn(session("1", "203.0.113.5"))
		pass(30 * time.Second)
		if gone := h.journal.sightings(sessionwarden.Gone); len(gone) != 1 {
			t.Errorf("the old session 1 should be gone: %+v", gone)
		}
		if moved := h.journal.sightings(sessionwarden.Moved); len(moved) != 0 {
			t.Errorf("nothing moved, an id was used again: %+v", moved)
		}
		if _, n := h.journal.alertOf(sessionwarden.Intrusion); n != 1 {
			t.Errorf("%d alerts, want the new session 1 judged and told", n)
		}
	}, func(a *sessionwarden.Account) { a.Rules[sessionwarden.UnexpectedCountry] = sessionwarden.Notify })
}

func TestStolenCookieMovesTheSession(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		h.service.set(func(s *service) {
			for i := range s.rows {
				if s.rows[i].ID == "1" {
					s.rows[i].Addr = netip.MustParseAddr("203.0.113.5")
					phone(&s.rows[i])
				}
			}
		})
		pass(31 * time.Second)
		wantCalls(t, h.service, "1")
		if moved := h.journal.sightings(sessionwarden.Moved); len(moved) != 1 || moved[0].Location.Country != "DE" {
			t.Errorf("the facts before the move must stay in the history: %+v", moved)
		}
		if !slices.ContainsFunc(h.journal.findings(), func(f sessionwarden.Finding) bool { return f.Rule == sessionwarden.SessionMoved }) {
			t.Errorf("no finding session_moved: %+v", h.journal.finds)
		}
	}, func(a *sessionwarden.Account) { a.Expected = nil })
}

func TestDisconnectionThatLies(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		h.service.set(func(s *service) { s.lies = 1 })
		h.service.signIn(session("77", "203.0.113.5"))
		pass(45 * time.Second)
		wantCalls(t, h.service, "77", "77")
		wantStates(t, h.journal, "verified")
		alert, _ := h.journal.alertOf(sessionwarden.Intrusion)
		if alert.Correction == 0 {
			t.Error("people were not told that it was not ended at first")
		}
	})
}

func TestDisconnectionThatLiesForEver(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		h.service.set(func(s *service) { s.lies = 1000 })
		h.service.signIn(session("77", "203.0.113.5"))
		pass(10 * time.Minute)
		wantStates(t, h.journal, "failed")
		if n := len(h.service.calls()); n != 5 {
			t.Errorf("%d tries, want 5", n)
		}
	})
}

func TestCallThatTimesOutButWorks(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		h.service.set(func(s *service) { s.refuses = errNet })
		h.service.signIn(session("77", "203.0.113.5"))
		pass(30 * time.Second)
		h.service.set(func(s *service) { s.refuses = nil })
		h.service.signOut("77")
		pass(31 * time.Second)
		wantStates(t, h.journal, "verified")
		if _, n := h.journal.alertOf(sessionwarden.Intrusion); n != 1 {
			t.Errorf("%d alerts, want one", n)
		}
	})
}

func TestMissingEndpointIsToldOnceAndLookedForHourly(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		h.service.set(func(s *service) { s.refuses = errNotFound })
		h.service.signIn(session("77", "203.0.113.5"))
		h.service.signIn(session("78", "203.0.113.6"))
		pass(5 * time.Minute)
		wantStates(t, h.journal, "refused", "refused")
		if _, n := h.journal.alertOf(sessionwarden.ServiceOdd); n != 1 {
			t.Errorf("told %d times that the call is missing, want once", n)
		}
		calls := len(h.service.calls())
		pass(61 * time.Minute)
		if n := len(h.service.calls()) - calls; n == 0 || n > 2 {
			t.Errorf("%d looks for the call in an hour, want one", n)
		}
		h.service.set(func(s *service) { s.refuses = nil })
		pass(62 * time.Minute)
		wantStates(t, h.journal, "verified", "verified")
	})
}

func TestTargetGoneAnswers404(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		h.service.set(func(s *service) { s.refuses = errNotFound })
		h.service.signIn(session("77", "203.0.113.5"))
		pass(29 * time.Second)
		h.service.signOut("77")
		h.service.set(func(s *service) { s.refuses = nil })
		pass(62 * time.Second)
		for _, state := range h.journal.states() {
			if state != "verified" && state != "moot" {
				t.Errorf("a session that is gone is a success, not %s", state)
			}
		}
	})
}

func TestPlannedBeforeACrashIsDoneAfterIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.atHome()
		stop := h.run()
		pass(31 * time.Second)
		h.service.set(func(s *service) { s.refuses = errNet }) // the call never gets through
		h.service.signIn(session("77", "203.0.113.5"))
		pass(30 * time.Second)
		stop()
		h.service.set(func(s *service) { s.refuses, s.ended = nil, nil })
		h.restart()
		stop = h.run()
		defer stop()
		pass(20 * time.Second)
		wantCalls(t, h.service, "77")
		wantStates(t, h.journal, "verified")
		alert, n := h.journal.alertOf(sessionwarden.Intrusion)
		if n != 1 || alert.Items[0].Action.State != sessionwarden.Verified {
			t.Errorf("the matter must go on under its alert, got %d alerts, last %+v", n, alert)
		}
	})
}

func TestDiskFull(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		h.journal.set(func(j *journal) { j.fails = errDisk })
		h.service.signIn(session("77", "203.0.113.5"))
		pass(5 * time.Minute)
		wantCalls(t, h.service)
		if len(h.urgent) != 2 {
			t.Errorf("told %d times, want once that the disk fails and once of the intruder: %+v", len(h.urgent), h.urgent)
		}
		h.journal.set(func(j *journal) { j.fails = nil })
		pass(31 * time.Second)
		wantCalls(t, h.service, "77")
		wantStates(t, h.journal, "verified")
	})
}

// What a client says once only is told although the disk failed when it came.
func TestWhatIsSaidOnceOutlivesAFullDisk(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		h.journal.set(func(j *journal) { j.fails = errDisk })
		h.service.set(func(s *service) { s.notes, s.loggedOut = []string{"something is new"}, 1 })
		pass(5 * time.Minute)
		h.journal.set(func(j *journal) { j.fails = nil })
		pass(5 * time.Minute)
		if a, n := h.journal.alertOf(sessionwarden.ServiceOdd); n != 1 || a.Lines[0] != "something is new" {
			t.Errorf("told %d times: %+v", n, a)
		}
		found := slices.DeleteFunc(h.journal.findings(), func(f sessionwarden.Finding) bool { return f.Rule != sessionwarden.WatcherLoggedOut })
		if len(found) != 1 {
			t.Errorf("%d findings that our session was ended, want one", len(found))
		}
	}, func(a *sessionwarden.Account) { a.Rules[sessionwarden.WatcherLoggedOut] = sessionwarden.Notify })
}

// A session that comes and goes is one alert. A channel that cannot update what
// it sent hears of the first return only.
func TestASessionThatComesAndGoesIsOneAlert(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		visitor := session("77", "203.0.113.5")
		h.service.signIn(visitor)
		pass(time.Minute)
		for range 5 {
			h.service.signOut("77")
			pass(2 * time.Minute)
			h.service.signIn(visitor)
			pass(time.Minute)
		}
		a, n := h.journal.alertOf(sessionwarden.Intrusion)
		if n != 1 || a.Revision != 5 || a.Correction != 1 || len(a.Items) != 1 {
			t.Errorf("%d alerts, the last in revision %d, corrected in %d, with %d sessions", n, a.Revision, a.Correction, len(a.Items))
		}
		visitor.Addr = netip.MustParseAddr("203.0.113.77")
		h.service.signOut("77")
		pass(2 * time.Minute)
		h.service.signIn(visitor) // from elsewhere: somebody else
		pass(time.Minute)
		if a, n := h.journal.alertOf(sessionwarden.Intrusion); n != 1 || len(a.Items) != 2 || a.Correction != a.Revision {
			t.Errorf("%d alerts, the last with %d sessions: want another session in that of the incident, told anew", n, len(a.Items))
		}
		pass(2 * time.Hour)
		if n := len(h.journal.sightings(sessionwarden.Gone)); n != 6 {
			t.Errorf("%d sessions are gone, want 6", n)
		}
	}, func(a *sessionwarden.Account) { a.Rules[sessionwarden.UnexpectedCountry] = sessionwarden.Notify })
}

func TestBlindAndBack(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		h.service.set(func(s *service) { s.fails = errNet })
		pass(61 * time.Second)
		if _, n := h.journal.alertOf(sessionwarden.Blind); n != 0 {
			t.Fatal("told too early")
		}
		pass(20 * time.Minute)
		if _, n := h.journal.alertOf(sessionwarden.Blind); n != 1 {
			t.Fatalf("told %d times, want once", n)
		}
		if got := h.m.Blind(); !slices.Equal(got, []string{"main"}) {
			t.Errorf("blind accounts: %v", got)
		}
		h.service.signIn(session("77", "203.0.113.5"))
		h.service.signOut("77")
		h.service.set(func(s *service) { s.fails = nil })
		pass(31 * time.Second)
		if _, n := h.journal.alertOf(sessionwarden.Recovered); n != 1 {
			t.Errorf("recovery told %d times, want once", n)
		}
		late := h.journal.sightings(sessionwarden.Gone)
		if len(late) != 1 || !late[0].Late || late[0].ID != "77" {
			t.Fatalf("the session that came and went is not in the history: %+v", late)
		}
		if f := last(h.journal.findings()); !f.Late {
			t.Errorf("the finding is not marked late: %+v", f)
		}
		wantCalls(t, h.service)
	})
}

func TestRefusedKeyIsToldAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.service.set(func(s *service) { s.fails = errRefused })
		stop := h.run()
		defer stop()
		pass(time.Second)
		if alert, n := h.journal.alertOf(sessionwarden.Blind); n != 1 || alert.Severity != sessionwarden.Critical {
			t.Errorf("told %d times: %+v", n, alert)
		}
	})
}

func TestPanicEndsOnePoll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.atHome()
		h.service.set(func(s *service) { s.panics = true })
		stop := h.run()
		defer stop()
		pass(95 * time.Second)
		h.service.set(func(s *service) { s.panics = false })
		pass(31 * time.Second)
		if len(h.journal.histories()["main"].Live) != 2 {
			t.Error("the account did not go on")
		}
		if _, n := h.journal.alertOf(sessionwarden.ProgramError); n != 1 {
			t.Errorf("told %d times, want once", n)
		}
	})
}

func TestPollsOfOneTickShareACommit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		var accounts []monitor.Watched
		for i := range 40 {
			s := &service{}
			s.signIn(session("1", "192.0.2.1", old))
			accounts = append(accounts, monitor.Watched{Account: account(fmt.Sprintf("a%02d", i)), Lister: s, Ender: s})
		}
		if err := h.m.Watch(t.Context(), accounts); err != nil {
			t.Fatal(err)
		}
		stop := h.run()
		defer stop()
		pass(time.Second)
		if len(h.journal.histories()) != 40 {
			t.Fatalf("%d accounts recorded, want 40", len(h.journal.histories()))
		}
		if got := h.journal.count(); got != 1 {
			t.Errorf("%d commits for one tick, want 1", got)
		}
	})
}

func TestSlowServiceIsSkippedAndStopIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.atHome()
		h.service.slow = 10 * time.Minute
		stop := h.run()
		pass(5 * time.Minute)
		if h.service.reads() != 0 {
			t.Errorf("%d lists although none has answered", h.service.reads())
		}
		if _, n := h.journal.alertOf(sessionwarden.ServiceOdd); n != 1 {
			t.Errorf("slowness told %d times, want once", n)
		}
		began := time.Now()
		stop()
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("stopping took %v", took)
		}
	})
}

func TestNewLocationDataAsksAtMost(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		h.newData("VN", "192.0.2.1")
		pass(31 * time.Second)
		wantCalls(t, h.service)
		wantStates(t, h.journal, "held")
	})
}

func TestTheFirstAlertIsNotHeldUpByANeighbour(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.atHome()
		slow := &service{slow: 9 * time.Second}
		err := h.m.Watch(t.Context(), []monitor.Watched{
			{Account: h.account, Lister: h.service, Ender: h.service}, {Account: account("slow"), Lister: slow, Ender: slow}})
		if err != nil {
			t.Fatal(err)
		}
		stop := h.run()
		defer stop()
		pass(35 * time.Second)
		h.service.signIn(session("77", "203.0.113.5"))
		pass(27 * time.Second) // the next tick, and a second
		wantCalls(t, h.service, "77")
	})
}

// Two sessions of one alert on which more is found in one poll: the alert
// shows it of both.
func TestAnAlertGrowsByEachOfItsSessions(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		h.service.signIn(session("77", "203.0.113.5"))
		h.service.signIn(session("78", "203.0.113.6"))
		pass(31 * time.Second)
		wantStates(t, h.journal, "held", "held")
		h.service.set(func(s *service) {
			for i := range s.rows {
				switch s.rows[i].ID {
				case "77":
					s.rows[i].Addr = netip.MustParseAddr("198.51.100.5")
				case "78":
					s.rows[i].Addr = netip.MustParseAddr("198.51.100.6")
				}
			}
		})
		pass(31 * time.Second)
		alert, n := h.journal.alertOf(sessionwarden.Intrusion)
		if n != 1 || len(alert.Items) != 2 {
			t.Fatalf("%d alerts, the last with %d sessions", n, len(alert.Items))
		}
		for _, item := range alert.Items {
			if !slices.ContainsFunc(item.Findings, func(f sessionwarden.Finding) bool { return f.Rule == sessionwarden.SessionMoved }) {
				t.Errorf("session %s: the alert does not say that it moved: %+v", item.Sighting.ID, item.Findings)
			}
		}
	}, func(a *sessionwarden.Account) { a.Rules[sessionwarden.UnexpectedCountry] = sessionwarden.Ask })
}

// Who is held and moves on at each poll does not make the alert about him grow
// for ever.
func TestAHeldSessionThatMovesAllDayFillsNoAlert(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		h.service.signIn(session("77", "203.0.113.5"))
		pass(31 * time.Second)
		for n := range 50 {
			h.service.set(func(s *service) {
				for i := range s.rows {
					if s.rows[i].ID == "77" {
						s.rows[i].Addr = netip.MustParseAddr([]string{"203.0.113.5", "198.51.100.5"}[n%2])
					}
				}
			})
			pass(30 * time.Second)
		}
		alert, n := h.journal.alertOf(sessionwarden.Intrusion)
		if n != 1 || len(alert.Items) != 1 || len(alert.Items[0].Findings) > 6 || alert.Correction > 2 {
			t.Errorf("%d alerts, the last corrected in %d: %+v", n, alert.Correction, alert.Items)
		}
		if got := alert.Items[0].Sighting.Addr.String(); got != "198.51.100.5" {
			t.Errorf("the alert shows him at %s", got)
		}
	}, func(a *sessionwarden.Account) { a.MaxDisconnectsStrangers = 0 })
}
