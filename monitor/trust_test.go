package monitor_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"sessionwarden"
	"sessionwarden/monitor"
)

// lend adds a trust to the account, until an age from now.
func (h *house) lend(what string, d time.Duration) sessionwarden.Trust {
	h.t.Helper()
	trust, err := sessionwarden.Trust{Country: sessionwarden.Country(what)}, error(nil)
	if len(what) != 2 {
		trust, err = sessionwarden.NewTrust("", "", what, "")
	}
	if err != nil {
		h.t.Fatal(err)
	}
	trust.Account, trust.Until, trust.Note = "main", time.Now().Add(d), "trip"
	if trust, err = h.m.AddTrust(h.t.Context(), trust, 0); err != nil {
		h.t.Fatal(err)
	}
	return trust
}

func TestATripIsQuietAndEndsByItself(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		h.lend("VN", 48*time.Hour)
		pass(time.Second)
		h.service.signIn(session("77", "203.0.113.5"))
		pass(47 * time.Hour)
		wantCalls(t, h.service)
		if _, n := h.journal.alertOf(sessionwarden.Intrusion); n != 0 {
			t.Errorf("%d alerts on a trip that was announced", n)
		}
		commits := h.journal.count()
		pass(30 * time.Minute)
		if n := h.journal.count(); n != commits {
			t.Errorf("%d commits while nothing happened", n-commits)
		}
		pass(40 * time.Minute) // it is over
		wantCalls(t, h.service, "77")
		wantStates(t, h.journal, "verified")
		if _, learned := h.journal.histories()["main"].Profile.Countries["VN"]; learned {
			t.Error("the country of the trip is known for good")
		}
	})
}

func TestATrustThatIsRemovedCountsNoMore(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		trust := h.lend("203.0.113.0/24", 48*time.Hour)
		pass(time.Second)
		h.service.signIn(session("77", "203.0.113.5"))
		pass(2 * time.Hour)
		wantCalls(t, h.service)
		if removed, err := h.m.RemoveTrust(t.Context(), trust.ID); err != nil || removed.State(time.Now()) != "removed" {
			t.Fatalf("removed: %v, %v", removed, err)
		}
		pass(5 * time.Second) // not only at the next time of the schedule
		wantCalls(t, h.service, "77")
		var wish *monitor.WishError
		if _, err := h.m.RemoveTrust(t.Context(), trust.ID); !errors.As(err, &wish) || !wish.Conflict() || !strings.Contains(err.Error(), "was removed at") {
			t.Errorf("removed twice: %v", err)
		}
		if _, err := h.m.RemoveTrust(t.Context(), 4711); !errors.As(err, &wish) || !wish.NotFound() {
			t.Errorf("removed what is not there: %v", err)
		}
		h.account.Schedule = "@every 12h"
		h.watch()
		pass(31 * 24 * time.Hour)
		if left := h.m.Trusts("main"); len(left) != 0 {
			t.Errorf("a trust is listed a month after its end: %v", left)
		}
	})
}

// Whoever uses Tor comes from its exits, so none of them is the owner's.
func TestNoExitOfTorIsTrusted(t *testing.T) {
	t.Parallel()
	const torAddr = "192.0.2.222"
	watched(t, func(t *testing.T, h *house) {
		h.newList(torAddr)
		h.service.signIn(session("77", torAddr))
		pass(31 * time.Second)
		id := heldID(t, h.journal)
		until := time.Now().Add(time.Hour)
		exit, err := sessionwarden.NewTrust("", "", "", torAddr)
		if err != nil {
			t.Fatal(err)
		}
		exit.Account, exit.Until = "main", until
		var wish *monitor.WishError
		for _, trust := range []sessionwarden.Trust{exit, {Until: until}, {Until: until, Country: "DE"}, {Until: until, ASN: 64501}} {
			action := id
			if trust.Account != "" {
				action = 0
			}
			if _, err := h.m.AddTrust(t.Context(), trust, action); !errors.As(err, &wish) || !strings.Contains(err.Error(), "Tor") {
				t.Errorf("%v: %v", trust, err)
			}
		}
	})
}

// The guard against a mistaken rule holds when a trust ends: who stayed longer is
// asked about, and not thrown out with everything that is there.
func TestTheGuardHoldsWhenATrustEnds(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		h.lend("VN", time.Hour)
		pass(time.Second)
		for _, id := range []string{"77", "78", "79"} {
			h.service.signIn(session(id, "203.0.113."+id))
		}
		pass(59 * time.Minute)
		h.service.signIn(session("66", "198.51.100.9")) // a thief meanwhile
		pass(time.Minute)
		wantCalls(t, h.service, "66")
		pass(2 * time.Minute)
		wantCalls(t, h.service, "66")
		wantStates(t, h.journal, "verified", "held", "held", "held")
		h.service.signIn(session("80", "203.0.113.80")) // after the trip, and no acquaintance
		pass(time.Minute)
		wantCalls(t, h.service, "66", "80")
	})
}

func TestATrustTakesBackWhatIsAsked(t *testing.T) {
	t.Parallel()
	for _, what := range []string{"VN", "203.0.113.5"} {
		watched(t, func(t *testing.T, h *house) {
			h.service.signIn(session("77", "203.0.113.5"))
			pass(31 * time.Second)
			wantStates(t, h.journal, "held")
			h.lend(what, time.Hour)
			pass(5 * time.Second)
			wantStates(t, h.journal, "moot")
			pass(time.Hour)
			wantStates(t, h.journal, "moot", "held") // the trust is over, and it is asked again
			wantCalls(t, h.service)
		}, asks)
	}
}

func TestATrustFromAHeldAction(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		h.service.signIn(session("77", "203.0.113.5"))
		pass(31 * time.Second)
		id := heldID(t, h.journal)
		until := time.Now().Add(time.Hour)
		var wish *monitor.WishError
		for _, test := range []struct {
			trust  sessionwarden.Trust
			action uint64
			want   string
		}{
			{sessionwarden.Trust{Until: until}, 4711, "there is no action 4711"},
			{sessionwarden.Trust{Until: until, Country: "BR"}, id, "came from 203.0.113.5 (VN, AS64510), which is not in BR"},
			{sessionwarden.Trust{Until: until, Account: "other"}, id, "is of account main, not of other"},
			{sessionwarden.Trust{Until: until, Account: "other", Country: "VN"}, 0, "no account of the configuration is called other"},
			{sessionwarden.Trust{Until: time.Now().Add(-time.Hour)}, id, "would be over already"},
		} {
			if _, err := h.m.AddTrust(t.Context(), test.trust, test.action); !errors.As(err, &wish) || !strings.Contains(err.Error(), test.want) || wish.Cure() == "" {
				t.Errorf("%v: %v, want %q", test.trust, err, test.want)
			}
		}
		trust, err := h.m.AddTrust(t.Context(), sessionwarden.Trust{Until: until}, id)
		if err != nil || trust.What() != "203.0.113.5/32" || trust.Account != "main" {
			t.Fatalf("%v, %v", trust, err)
		}
		wantStates(t, h.journal, "denied")
		pass(30 * time.Minute)
		wantStates(t, h.journal, "denied")
		h.restart() // it is on the disk
		if got := h.m.Trusts(""); len(got) != 1 || got[0].ID != trust.ID {
			t.Errorf("after a start: %v", got)
		}
	}, asks)
}

func TestTrustsAreBounded(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		var ids []uint64
		for range sessionwarden.MaxTrusts {
			ids = append(ids, h.lend("VN", time.Hour).ID)
		}
		trust := sessionwarden.Trust{Account: "main", Country: "VN", Until: time.Now().Add(time.Hour)}
		if _, err := h.m.AddTrust(t.Context(), trust, 0); err == nil || !strings.Contains(err.Error(), "may have no more") {
			t.Errorf("one too many: %v", err)
		}
		for range 3 * sessionwarden.MaxTrusts {
			if _, err := h.m.RemoveTrust(t.Context(), ids[0]); err != nil {
				t.Fatal(err)
			}
			ids = append(ids[1:], h.lend("VN", time.Hour).ID)
		}
		if n := len(h.m.Trusts("main")); n > 2*sessionwarden.MaxTrusts {
			t.Errorf("%d trusts are kept", n)
		}
	})
}

// What a session may not gain by a trust: one that is added while the disk fails
// is none.
func TestATrustThatIsNotOnTheDiskDoesNotCount(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		h.journal.set(func(j *journal) { j.fails = errDisk })
		trust := sessionwarden.Trust{Account: "main", Country: "VN", Until: time.Now().Add(time.Hour)}
		if _, err := h.m.AddTrust(t.Context(), trust, 0); !errors.Is(err, errDisk) {
			t.Fatalf("added: %v", err)
		}
		h.journal.set(func(j *journal) { j.fails = nil })
		h.service.signIn(session("77", "203.0.113.5"))
		pass(time.Minute)
		wantCalls(t, h.service, "77")
		if got := h.m.Trusts("main"); len(got) != 0 {
			t.Errorf("there is %v", got)
		}
	})
}
