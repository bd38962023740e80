package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"sessionwarden/alert/slacktest"
	"sessionwarden/mannco/manncotest"
)

// anotherWatch makes a second watch of the same accounts, on another machine:
// with its own disk, its own Slack and the address addr.
func (b *bubble) anotherWatch(instance string) *bubble {
	return &bubble{t: b.t, hooks: b.hooks, dir: b.t.TempDir(), instance: instance, service: b.service, slack: slacktest.New(),
		accounts: b.accounts, defaults: slices.Clone(b.defaults)}
}

// Two watches of one account, each at an address that the other's
// configuration does not expect: each ends the other's session. That is told
// by both, with the cure, holds nothing, and ends with the cure.
func TestTwoWatchesThatEndEachOtherAreTold(t *testing.T) {
	tooLongForTheRaceDetector(t)
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.instance = "attic"
		b.service.SetEgress(hostAddr(farAddr), "", "Provider")
		b.atHome()
		cellar := b.anotherWatch("cellar")
		b.start()
		cellar.startWith(b.service.TransportFrom(hostAddr(otherAddr)))
		defer cellar.stop()
		b.pass(5 * time.Minute)
		for _, w := range []struct {
			*bubble
			itself, rival string
		}{{b, farAddr, otherAddr}, {cellar, otherAddr, farAddr}} {
			i := slices.IndexFunc(w.messages(), func(m string) bool {
				return strings.Contains(m, "The watch and "+w.rival+" keep ending each other's session")
			})
			if i < 0 {
				t.Fatalf("%s does not tell that it and %s end each other: %q", w.instance, w.rival, w.messages())
			}
			if m := strings.Join(strings.Fields(w.messages()[i]), " "); !strings.Contains(m, "trusted_networks") || !strings.Contains(m, "("+w.itself+")") {
				t.Errorf("the cure is missing: %q", m)
			}
			for _, m := range w.messages() {
				if !strings.Contains(m, "sessionwarden on "+w.instance) {
					t.Errorf("which watch says so? %q", m)
				}
			}
		}
		thief := b.signIn("177.32.99.9", iphone)
		b.pass(4 * polled)
		if b.alive(thief) {
			t.Error("a thief lives while the watches are at each other")
		}
		if n := len(b.ended()); n > 200 {
			t.Errorf("%d disconnections", n)
		}

		b.defaults = append(b.defaults, fmt.Sprintf("trusted_networks = [%q]", otherAddr+"/32"))
		cellar.defaults = append(cellar.defaults, fmt.Sprintf("trusted_networks = [%q]", farAddr+"/32"))
		b.reload()
		cellar.reload()
		b.pass(time.Minute)
		before := len(b.ended())
		b.pass(time.Hour)
		if n := len(b.ended()) - before; n != 0 {
			t.Errorf("%d disconnections within an hour although each trusts the other", n)
		}
		last := b.signIn("177.32.99.10", iphone)
		b.pass(2 * polled)
		if b.alive(last) {
			t.Error("a plain intruder lives")
		}
	})
}

// A thief who does just what another watch does is ended each time all the
// same: see TestAttack/imitates_another_watch. One who is not comes back is
// told of as no other watch.
func TestOneLogoutIsNoOtherWatch(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.atHome()
		b.start()
		for range 5 {
			thief := b.signIn(farAddr, chrome)
			b.pass(2 * polled)
			if b.alive(thief) {
				t.Error("the thief lives")
			}
			b.service.EndWatcher("main") // while nobody is there
			b.pass(2 * polled)
		}
		if b.told("keep ending each other") {
			t.Errorf("nobody who was ended was there when our session was: %q", b.messages())
		}
		if got := b.service.Count("main", manncotest.RouteLogin); got != 6 {
			t.Errorf("%d logins", got)
		}
	})
}
