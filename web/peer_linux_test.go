package web

import "testing"

func TestOnlyTheDaemonsUserAndRootMayControlIt(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		peer    uint32
		own     int
		trusted bool
	}{
		{1000, 1000, true},
		{0, 1000, true},
		{0, 0, true},
		{1001, 1000, false},
		{1000, 0, false},
		{^uint32(0), -1, false},
	} {
		if got := trustedUser(test.peer, test.own); got != test.trusted {
			t.Errorf("user %d at a daemon of user %d: %v", test.peer, test.own, got)
		}
	}
}
