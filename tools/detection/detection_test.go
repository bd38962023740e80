package main

import (
	"os"
	"testing"

	"sessionwarden/policy/lives"
)

func judged(t *testing.T, all []*lives.Life, err error) results {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	r, err := measure(all)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestDetection holds docs/detection.md, byte by byte.
func TestDetection(t *testing.T) {
	if testing.Short() {
		t.Skip("it is about a size, and takes ten times as long under the race detector")
	}
	t.Parallel()
	all, err := lives.All()
	r := judged(t, all, err)
	bounds(t, r)
	page, err := os.ReadFile("../../docs/detection.md")
	if err != nil {
		t.Fatal(err)
	}
	if text := r.page(); string(page) != text {
		t.Error("docs/detection.md is not what go run ./tools/detection writes")
	}
	all, err = lives.All()
	if judged(t, all, err).page() != r.page() {
		t.Error("a second run says something else")
	}
}

// TestOtherSeeds holds the bounds for lives of other days and hours: the rules are
// not made for those of the page.
func TestOtherSeeds(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("-short: there is nothing here for a race detector to find")
	}
	for seed := range uint64(3) {
		all, err := lives.Made(seed)
		bounds(t, judged(t, all, err))
	}
}

// bounds is what the lives may not fall below.
func bounds(t *testing.T, r results) {
	t.Helper()
	attacks := 0
	for _, l := range r.all {
		if l.Attack {
			attacks++
		}
	}
	if innocent := len(r.all) - attacks; attacks < 24 || innocent < 24 {
		t.Errorf("%d attacks and %d innocent lives", attacks, innocent)
	}
	for _, s := range r.under {
		for i := range s.alone {
			for _, p := range []*lives.Played{&s.alone[i], &s.answers[i]} {
				if p.Life.Attack && (len(p.Rules()) < 2 || p.Signs() < 2) {
					t.Errorf("%s: the attack %q is found by %v alone", s.name, p.Life.Name, p.Rules())
				}
			}
		}
		if n := perMonth(s.answers, incidents); n > 1 {
			t.Errorf("%s: %.2f false alarms per account and month", s.name, n)
		}
	}
}
