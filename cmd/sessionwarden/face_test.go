package main

import (
	"slices"
	"testing"
	"time"

	"sessionwarden"
	"sessionwarden/mannco/manncotest"
)

// A phone goes to and fro between its owner's home and a network that is worth
// telling of: people hear of it once, a restart in between or not, and a replay
// finds the same.
func TestAPhoneThatGoesToAndFroIsToldOfOnce(t *testing.T) {
	tooLongForTheRaceDetector(t)
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.level = "warn"
		b.override(`expected_countries = ["DE", "VN", "BR"]`)
		id := b.atHome()
		b.start()
		b.pass(time.Hour)
		for i := range 6 {
			b.service.Move("main", number(id), manncotest.SessionSpec{Address: hostingAddr, UserAgent: chrome})
			b.pass(5 * time.Hour)
			b.service.Move("main", number(id), manncotest.SessionSpec{Address: homeAddr, UserAgent: chrome})
			b.pass(5 * time.Hour)
			if i == 2 {
				b.restart()
			}
		}
		count := func(rule sessionwarden.Rule) (n int) {
			for _, f := range b.findings() {
				if f.Rule == rule {
					n++
				}
			}
			return n
		}
		if hosting, roamed := count(sessionwarden.HostingNetwork), count(sessionwarden.SessionRoamed); hosting != 1 || roamed != 2 {
			t.Errorf("told %d times of the network, %d times that it roams", hosting, roamed)
		}
		if got, want := replayedFindings(b), recordedFindings(b); !slices.Equal(got, want) {
			t.Errorf("replayed:\n%s\nrecorded:\n%s", lines(got), lines(want))
		}
	})
}
