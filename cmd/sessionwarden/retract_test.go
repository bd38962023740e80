package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sessionwarden/mannco/manncotest"
)

// What was held because of our own mistake is no question any more once the
// mistake is mended. Who is foreign under the right configuration too stays held.
func TestACorrectedConfigurationTakesBackWhatItHeld(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.defaults[0] = `expected_countries = ["JP"]`
		var owner []string
		for i := range 4 {
			owner = append(owner, b.signIn(fmt.Sprintf("91.10.20.%d", 30+i), chrome))
		}
		thief, runaway := b.signIn(farAddr, chrome), b.signIn(farAddr2, chrome)
		b.start()
		b.pass(time.Minute)
		for _, id := range append(slices.Clone(owner), thief, runaway) {
			if got := b.stateOf(id); got != "held" {
				t.Fatalf("%s is %s, want held", id, got)
			}
		}
		// He looks like one of the owner's from now on: that is how a stolen cookie
		// looks, and what holds his session does not save him.
		b.service.Move("main", number(runaway), manncotest.SessionSpec{Address: homeAddr2})
		b.pass(time.Minute)
		b.defaults[0] = `expected_countries = ["DE"]`
		b.reload()
		b.pass(time.Minute)
		for _, id := range owner {
			if a, _ := b.actionOn(id); a.State.String() != "moot" || !strings.Contains(a.Note, "no rule asks about this session any more") {
				t.Errorf("%s of the owner's: %s %q", id, a.State, a.Note)
			}
		}
		if got := b.stateOf(thief); got != "held" {
			t.Errorf("the thief's %s is %s, want held", thief, got)
		}
		if got := b.stateOf(runaway); got != "verified" {
			t.Errorf("the thief's %s, who moved, is %s, want verified", runaway, got)
		}
		b.wantEnded(runaway)
		if !b.told("4 held disconnections are dropped") {
			t.Errorf("not told: %q", b.messages())
		}
		// Taken back, the mistake holds them again.
		b.defaults[0] = `expected_countries = ["JP"]`
		b.reload()
		b.pass(time.Minute)
		for _, id := range owner {
			if got := b.stateOf(id); got != "held" {
				t.Errorf("under the mistake again: %s is %s", id, got)
			}
		}
		b.wantEnded(runaway)
	})
}

func TestLocationDataThatIsGoodAgainTakesBackWhatItHeld(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		file := filepath.Join(t.TempDir(), "places.mmdb")
		swap(t, file, []byte("<!doctype html>"))
		b.geo = []string{fmt.Sprintf("database = %q", file)}
		b.defaults[0] = `expected_countries = ["JP"]`
		owner, thief := b.atHome(), b.signIn(farAddr, chrome)
		b.start()
		b.pass(time.Minute)
		if b.stateOf(owner) != "held" || b.stateOf(thief) != "held" {
			t.Fatalf("owner: %s, thief: %s, want both held", b.stateOf(owner), b.stateOf(thief))
		}
		swap(t, file, places("JP")) // the owner's home is there
		b.pass(3 * time.Minute)
		if a, _ := b.actionOn(owner); a.State.String() != "moot" {
			t.Errorf("owner: %s %q", a.State, a.Note)
		}
		if b.stateOf(thief) != "held" || !b.told("1 held disconnection is dropped") {
			t.Errorf("thief: %s, told %q", b.stateOf(thief), b.messages())
		}
		b.wantEnded()
	})
}

// Whatever the session or the service does, and whatever else is changed in the
// configuration, a question stays.
func TestNothingASessionDoesTakesBackWhatIsHeld(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.rules = []string{`unexpected_country = "ask"`, `session_moved = "log"`}
		b.atHome()
		b.start()
		thief := b.signIn(farAddr, chrome)
		b.pass(time.Minute)
		if got := b.stateOf(thief); got != "held" {
			t.Fatalf("%s, want held", got)
		}
		for i, step := range []func(){
			func() { b.service.Move("main", number(thief), manncotest.SessionSpec{Address: homeAddr2}) },
			func() { b.rules = append(b.rules, `new_device = "alert"`); b.reload() },
			func() { b.service.Move("main", number(thief), manncotest.SessionSpec{Address: farAddr}) },
			func() { b.service.Move("main", number(thief), manncotest.SessionSpec{Address: homeAddr}) },
			func() { b.defaults[0] = `expected_countries = ["DE", "AT"]`; b.reload() },
			b.restart,
		} {
			step()
			b.pass(time.Minute)
			if got := b.stateOf(thief); got != "held" {
				t.Fatalf("after step %d he is %s, want held", i, got)
			}
		}
	})
}
