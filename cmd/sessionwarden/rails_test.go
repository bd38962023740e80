package main

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"sessionwarden/mannco/manncotest"
)

// Promise 2 of the contract, rail by rail, through the program itself: never
// the wrong session.

func TestRailIntruderAloneIsEnded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	owner := w.atHome()
	w.start()
	thief := w.signIn(farAddr, chrome, 0)
	w.eventually("the thief is proven gone", func() bool { return w.action("verified") != nil })
	if got := w.ended("main"); !slices.Equal(got, []string{thief}) {
		t.Errorf("ended %v, want only %s (the owner is %s)", got, thief, owner)
	}
	w.eventually("one message, updated to the proof", func() bool {
		m := w.messages()
		return len(m) == 1 && strings.Contains(m[0], "verified gone")
	})
}

func TestRailOwnSessionInAnUnexpectedCountry(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.service.SetEgress(netip.MustParseAddr(farAddr), "VN: Hanoi", "Provider") // our server is abroad
	w.atHome()
	w.start()
	w.eventually("it is told", func() bool { return len(w.messages()) > 0 })
	w.polls(3)
	if got := w.ended("main"); len(got) != 0 {
		t.Errorf("ended %v: our own session is never ended", got)
	}
	if !w.found("unexpected_country", "") {
		t.Error("the finding on our own session is not recorded")
	}
	if states := w.states(); len(states) != 0 {
		t.Errorf("actions on our own session: %v", states)
	}
}

func TestRailOtherAccountsAreLeftAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.alsoWatch("second")
	w.addAccount("stranger") // on the service, not ours
	w.atHome()
	for _, account := range []string{"second", "stranger"} {
		w.signInTo(account, homeAddr, chrome, 72*time.Hour)
	}
	w.signInTo("stranger", farAddr, chrome, 72*time.Hour)
	w.start()
	thief := w.signIn(farAddr, chrome, 0)
	w.eventually("the thief is proven gone", func() bool { return w.action("verified") != nil })
	if got := w.ended("main"); !slices.Equal(got, []string{thief}) {
		t.Errorf("ended %v of main, want %s", got, thief)
	}
	for _, account := range []string{"second", "stranger"} {
		if got := w.ended(account); len(got) != 0 {
			t.Errorf("ended %v of %s", got, account)
		}
	}
}

func TestRailTrustedNetwork(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.defaults = append(w.defaults, fmt.Sprintf("trusted_networks = [%q]", "113.160.10.0/24"))
	w.rules = []string{`unexpected_country = "disconnect_all"`}
	w.atHome()
	w.start()
	trusted := w.signIn(farAddr, chrome, 0)
	w.polls(2)
	thief := w.signIn(otherAddr, iphone, 0)
	w.eventually("the thief is proven gone", func() bool { return w.action("verified") != nil })
	w.polls(2)
	if slices.Contains(w.ended("main"), trusted) {
		t.Errorf("ended the session %s from a trusted network", trusted)
	}
	if !slices.Contains(w.ended("main"), thief) {
		t.Errorf("did not end %s", thief)
	}
}

func TestRailUnknownPlaceIsAsked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.atHome()
	w.start()
	id := w.signIn(privateAddr, chrome, 0)
	w.eventually("it is held", func() bool { return w.action("held") != nil })
	w.polls(2)
	if got := w.ended("main"); len(got) != 0 {
		t.Fatalf("ended %v without asking", got)
	}
	held := w.action("held")["id"].(string)
	w.eventually("the message names the command", func() bool {
		m := w.messages()
		return len(m) == 1 && strings.Contains(m[0], "sessionwarden approve "+held)
	})
	w.must("approve", held)
	if got := w.ended("main"); !slices.Equal(got, []string{id}) {
		t.Errorf("approved, but ended %v", got)
	}
	if out, _, status := w.cli("approve", held); status != 1 {
		t.Errorf("approving twice: status %d\n%s", status, out)
	}
}

func TestRailUnknownPlaceIsEndedWhereTheRuleSaysSo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rules = []string{`unknown_country = "disconnect"`}
	w.atHome()
	w.start()
	id := w.signIn(privateAddr, chrome, 0)
	w.eventually("it is ended", func() bool { return slices.Equal(w.ended("main"), []string{id}) })
}

func TestRailDisputedPlaceIsAsked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.atHome()
	w.start()
	w.service.SignIn("main", manncotest.SessionSpec{Address: farAddr, Location: "DE: Berlin", UserAgent: chrome})
	w.eventually("it is held", func() bool { return w.action("held") != nil })
	w.polls(2)
	if got := w.ended("main"); len(got) != 0 {
		t.Errorf("ended %v although only one of two witnesses says abroad", got)
	}
	if !w.found("location_mismatch", "") {
		t.Error("no finding location_mismatch")
	}
}

func TestRailDisputedPlaceIsEndedWhereTheRuleSaysSo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rules = []string{`location_mismatch = "disconnect"`}
	w.atHome()
	w.start()
	w.service.SignIn("main", manncotest.SessionSpec{Address: farAddr, Location: "DE: Berlin", UserAgent: chrome})
	w.eventually("it is ended", func() bool { return len(w.ended("main")) == 1 })
}

func TestRailHourlyLimitHoldsTiedSessionsAlsoAfterARestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.defaults = append(w.defaults, "max_disconnects = 1", `learning = "off"`)
	w.rules = []string{`new_device = "disconnect"`, `session_roamed = "off"`}
	w.atHome()
	p := w.start()
	first := w.signIn(homeAddr2, iphone, 0) // same network and country: tied to the profile
	w.eventually("the first is ended", func() bool { return slices.Equal(w.ended("main"), []string{first}) })
	p.kill()
	w.start()
	w.signIn(homeAddr2, "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", 0)
	w.eventually("the second is held", func() bool { return w.action("held") != nil })
	w.polls(3)
	if got := w.ended("main"); !slices.Equal(got, []string{first}) {
		t.Errorf("ended %v past the limit", got)
	}
	if hold := w.action("held")["hold"]; hold != "limit" {
		t.Errorf("held by %v, want limit", hold)
	}
	w.eventually("the hold is told", func() bool {
		return strings.Contains(strings.Join(w.messages(), "\n"), "approve "+w.action("held")["id"].(string))
	})
}

func TestRailStrangersHaveALimitOfTheirOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.defaults = append(w.defaults, "max_disconnects_strangers = 2", "max_disconnects = 0")
	w.atHome()
	w.start()
	for i := range 4 {
		w.signIn(fmt.Sprintf("113.160.10.%d", 20+i), chrome, 0)
	}
	w.eventually("two ended, two held", func() bool {
		n := 0
		for _, s := range w.states() {
			if s == "held" {
				n++
			}
		}
		return len(w.ended("main")) == 2 && n == 2
	})
	w.polls(2)
	if got := w.ended("main"); len(got) != 2 {
		t.Errorf("ended %v, the limit is 2", got)
	}
	held := w.action("held")
	if held["hold"] != "limit_strangers" {
		t.Errorf("held by %v, want limit_strangers", held["hold"])
	}
	w.must("approve", held["id"].(string)) // at once, by a person
	if got := w.ended("main"); len(got) != 3 || got[2] != held["session_id"] {
		t.Errorf("approved %v, but ended %v", held["session_id"], got)
	}
}

func TestRailDisconnectAllGoesOneByOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rules = []string{`unexpected_country = "disconnect_all"`}
	owner := w.atHome()
	phone := w.signIn(homeAddr2, iphone, 80*time.Hour)
	w.start()
	thief := w.signIn(farAddr, chrome, 0)
	w.eventually("three ended", func() bool { return len(w.ended("main")) == 3 })
	got := w.ended("main")
	slices.Sort(got)
	want := []string{owner, phone, thief}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("ended %v, want %v one by one", got, want)
	}
	if w.service.Logins("main") != 1 {
		t.Errorf("%d logins: our own session was ended too", w.service.Logins("main"))
	}
}

func TestRailMissingIDsAreToldNotGuessed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.variant(manncotest.VariantRowFields, "no_id")
	w.atHome()
	w.start()
	w.signIn(farAddr, chrome, 0)
	w.eventually("it is refused", func() bool { return w.action("refused") != nil })
	w.eventually("it is told", func() bool { return strings.Contains(strings.Join(w.messages(), "\n"), "113.160.10.20") })
	w.polls(2)
	if got := w.ended("main"); len(got) != 0 {
		t.Errorf("ended %v without an id", got)
	}
}

func TestRailCallForAllOnlyWhereIDsAreMissing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rules = []string{`unexpected_country = "disconnect_all"`}
	w.variant(manncotest.VariantRowFields, "no_id")
	w.atHome()
	w.start()
	logins := w.service.Logins("main")
	w.signIn(farAddr, chrome, 0)
	w.eventually("the call for all, proven", func() bool { return w.action("verified") != nil })
	if got := w.ended("main"); !slices.Equal(got, []string{"all"}) {
		t.Errorf("ended %v, want the call for all, once", got)
	}
	if got := w.service.Logins("main"); got < logins+1 {
		t.Errorf("%d logins before and %d after: the way back in was not proven", logins, got)
	}
}

func TestRailCallForAllNeverWhileATrustedSessionLives(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rules = []string{`unexpected_country = "disconnect_all"`}
	w.defaults = append(w.defaults, `trusted_networks = ["91.10.20.0/24"]`)
	w.variant(manncotest.VariantRowFields, "no_id")
	w.atHome()
	w.start()
	w.signIn(farAddr, chrome, 0)
	w.eventually("it is refused", func() bool { return w.action("refused") != nil })
	w.polls(2)
	if got := w.ended("main"); len(got) != 0 {
		t.Errorf("ended %v although a trusted session lives", got)
	}
}

func TestRailDryRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.defaults = append(w.defaults, "dry_run = true")
	w.atHome()
	w.start()
	thief := w.signIn(farAddr, chrome, 0)
	w.eventually("it is noted", func() bool { return w.action("dry_run") != nil })
	w.polls(2)
	if got := w.ended("main"); len(got) != 0 {
		t.Errorf("ended %v in a dry run", got)
	}
	w.eventually("the message says so", func() bool { return strings.Contains(strings.ToLower(strings.Join(w.messages(), "")), "dry run") })
	if out := w.must("status"); !strings.Contains(out, "DRY RUN") {
		t.Errorf("status does not say so:\n%s", out)
	}
	w.signIn(privateAddr, chrome, 0) // who is asked about
	w.eventually("it is held", func() bool { return w.action("held") != nil })
	asked := fmt.Sprint(w.action("held")["id"])
	for _, args := range [][]string{{"disconnect", thief, "--account", "main"}, {"disconnect", "--all", "--yes", "--account", "main"}, {"approve", asked}} {
		_, problem, status := w.cli(args...)
		if status != 1 || len(w.ended("main")) != 0 || !strings.Contains(problem, "dry run") || !strings.Contains(problem, "dry_run = false, reload") || !strings.Contains(problem, "own pages") {
			t.Errorf("%v in a dry run: exit status %d, ended %v\n%s", args, status, w.ended("main"), problem)
		}
	}
	if held := w.action("held"); held == nil || fmt.Sprint(held["id"]) != asked {
		t.Errorf("the question was used up: %v", w.rows("actions"))
	}
}

func TestRailBadLocationDataHolds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.geo = []string{`database = "/nonexistent/city.mmdb"`}
	w.atHome()
	w.start()
	w.signIn(farAddr, chrome, 0)
	w.eventually("it is held", func() bool { return w.action("held") != nil })
	if hold := w.action("held")["hold"]; hold != "location_data" {
		t.Errorf("held by %v, want location_data", hold)
	}
	if out := w.must("status"); !strings.Contains(out, "city.mmdb") {
		t.Errorf("status does not say what is wrong:\n%s", out)
	}
}

func TestRailImplausibleClockHolds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.fault(manncotest.Fault{Kind: manncotest.FaultClockSkew, Value: "72h"})
	w.atHome()
	w.start()
	w.signIn(farAddr, chrome, 0)
	w.eventually("it is held", func() bool { return w.action("held") != nil })
	if hold := w.action("held")["hold"]; hold != "clock" {
		t.Errorf("held by %v, want clock", hold)
	}
}

// Promise 4: proven, not assumed.

func TestDisconnectionThatLiesIsTriedAgainAndTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.atHome()
	w.start()
	w.fault(manncotest.Fault{Kind: manncotest.FaultDisconnectLies, Times: 1})
	thief := w.signIn(farAddr, chrome, 0)
	w.eventually("tried again, and proven", func() bool { return w.action("verified") != nil })
	if got := w.ended("main"); !slices.Equal(got, []string{thief, thief}) {
		t.Errorf("ended %v, want %s twice", got, thief)
	}
	w.eventually("one message, which tells of it", func() bool {
		m := w.messages()
		return len(m) == 1 && strings.Contains(m[0], "verified gone")
	})
	if tries := w.action("verified")["attempts"]; tries != 2.0 {
		t.Errorf("%v tries on record, want 2", tries)
	}
}

func TestDisconnectionThatLiesForEverAsksForAPerson(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.atHome()
	w.start()
	w.fault(manncotest.Fault{Kind: manncotest.FaultDisconnectLies})
	w.signIn(farAddr, chrome, 0)
	w.eventually("a person is told that it is still there", func() bool {
		return strings.Contains(strings.Join(w.messages(), "\n"), "still")
	})
	if w.action("verified") != nil {
		t.Error("verified, although it is still listed")
	}
}
