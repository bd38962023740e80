package policy_test

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"sessionwarden"
	"sessionwarden/policy"
)

// TestLearnIntoIsLearn: in place or not, the same is learned from the same lives,
// and Learn leaves what it is given as it was.
func TestLearnIntoIsLearn(t *testing.T) {
	t.Parallel()
	places, agents := []place{home, mobile, austria, vietnam, cloudDE, nowhere}, []string{onWindows, onPhone, "", "Linux, Firefox"}
	learned := 0
	for seed := range uint64(50) {
		dice := rand.New(rand.NewPCG(seed, 2))
		a := account(trusting("192.0.2.140/32"))
		var plain, inPlace sessionwarden.Profile
		var live []sessionwarden.Sighting
		at := now
		for seq := range uint64(120) {
			at = at.Add(time.Duration(dice.IntN(30)) * time.Hour)
			s := seen(seq+1, places[dice.IntN(len(places))], with(agents[dice.IntN(len(agents))]))
			s.FirstSeen, s.Started, s.LastSeen = at, at, at
			s.Denied, s.Baseline = dice.IntN(20) == 0, dice.IntN(10) == 0
			if dice.IntN(5) == 0 {
				loud(&s)
			}
			if live = append(live, s); len(live) > 12 {
				live = slices.Delete(live, 0, 1)
			}
			if used := &live[dice.IntN(len(live))]; dice.IntN(2) == 0 {
				used.Active, used.LastSeen = at, at
			}
			before := sessionwarden.History{Profile: plain}.Clone().Profile
			next, seqs, _ := policy.Learn(a, plain, live, at)
			if !reflect.DeepEqual(plain, before) {
				t.Fatalf("seed %d: Learn changed what it was given", seed)
			}
			plain = next
			if mine := policy.LearnInto(&a, &inPlace, live, at); !slices.Equal(mine, seqs) || !reflect.DeepEqual(inPlace, plain) {
				t.Fatalf("seed %d, session %d: learned from %v, not %v\n%+v\n%+v", seed, seq, mine, seqs, inPlace, plain)
			}
			for i := range live {
				live[i].Learned = live[i].Learned || slices.Contains(seqs, live[i].Seq)
			}
			learned += len(seqs)
		}
	}
	if learned < 500 {
		t.Errorf("only %d sessions taught something", learned)
	}
}
