package main

import (
	"testing"
	"time"

	"sessionwarden"
	"sessionwarden/mannco/manncotest"
)

// Who signs in again the moment he is disconnected, before the list is read that
// proves it, is seen to be back all the same.
func TestBackBeforeTheProof(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.atHome()
		b.start()
		b.pass(time.Minute)
		again := ""
		b.after = func(c manncotest.Call) {
			if c.Route == manncotest.RouteDisconnectOne && again == "" {
				again = b.signIn(farAddr2, chrome)
				time.Sleep(time.Second)
			}
		}
		first := b.signIn(farAddr, chrome)
		b.pass(time.Minute)
		if again == "" || !b.found(sessionwarden.Respawned, again) {
			t.Errorf("%q came the moment %q was ended, and is not seen to be back", again, first)
		}
		if got, want := replayedFindings(b), recordedFindings(b); len(got) != len(want) {
			t.Errorf("replayed:\n%s\nrecorded:\n%s", lines(got), lines(want))
		}
	})
}
