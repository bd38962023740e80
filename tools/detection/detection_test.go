package main

import (
	"os"
	"testing"

	"sessionwarden/policy/lives"
)

// TestDetection holds docs/detection.md, and what it may not fall below.
func TestDetection(t *testing.T) {
	t.Parallel()
	r, err := measure()
	if err != nil {
		t.Fatal(err)
	}
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
	page, err := os.ReadFile("../../docs/detection.md")
	if err != nil {
		t.Fatal(err)
	}
	again, err := measure()
	if err != nil {
		t.Fatal(err)
	}
	switch text := r.page(); text {
	case again.page():
		if string(page) != text {
			t.Error("docs/detection.md is not what go run ./tools/detection writes")
		}
	default:
		t.Error("a second run says something else")
	}
}
