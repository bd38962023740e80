package main

import (
	"math"
	"strings"
	"testing"
	"time"
)

func TestParsesWhatBenchmarksPrint(t *testing.T) {
	t.Parallel()
	all := parse([]byte(`goos: linux
cpu: a processor
BenchmarkUnchanged/page-2         	  300	      2511 ns/op	3000 MB/s	   9.957e+06 rows/s	       0 B/op	       0 allocs/op
BenchmarkOneSession
BenchmarkOneSession-16   	 100	   1 ns/op	  287.5 µs/p50
PASS
`))
	for _, want := range []struct {
		name, unit string
		figure     float64
	}{
		{"Unchanged/page", "rows/s", 9.957e6}, {"Unchanged/page", "allocs/op", 0}, {"OneSession", "µs/p50", 287.5},
	} {
		if got, err := all.get(want.name, want.unit); err != nil || got != want.figure {
			t.Errorf("%s %s: %v, %v", want.name, want.unit, got, err)
		}
	}
	if _, err := all.get("OneSession", "x-floor"); err == nil {
		t.Error("a figure that nobody printed was found")
	}
}

func TestFits(t *testing.T) {
	t.Parallel()
	var x, square, flat, straight []float64
	for n := 1.0; n <= 1000; n *= 10 {
		x, square, flat, straight = append(x, n), append(square, 7*n*n), append(flat, 7), append(straight, 3+2*n)
	}
	if k := slope(x, square); math.Abs(k-2) > 1e-9 {
		t.Errorf("the slope of a square is %v", k)
	}
	if k := slope(x, flat); math.Abs(k) > 1e-9 {
		t.Errorf("the slope of a constant is %v", k)
	}
	if a, b := line(x, straight); math.Abs(a-3) > 1e-9 || math.Abs(b-2) > 1e-9 {
		t.Errorf("the line is %v + %v x", a, b)
	}
	if m := median([]float64{9, 1, 5, 7}); m != 6 {
		t.Errorf("the median is %v", m)
	}
}

func TestPageTellsWhatWasMissedOnly(t *testing.T) {
	t.Parallel()
	m := &measuring{begun: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)}
	m.rows = []row{{what: "good", met: true, would: "nothing"}, {what: "bad", would: "a miracle"}}
	m.laws = []law{{what: "steep", would: "a shovel"}}
	page := m.page()
	for _, want := range []string{"- bad: a miracle", "- steep: a shovel", "**missed**", "2026-11-01 00:00 UTC"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q:\n%s", want, page)
		}
	}
	if strings.Contains(page, "nothing") {
		t.Error("the page tells what a goal would take that is met")
	}
}

// Lines that are measured anew take the place of those about the same; the others
// stay.
func TestMergesLines(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	whole := &measuring{begun: at}
	whole.rows = []row{{what: "one", reached: "1", would: "a miracle"}, {what: "two", reached: "2", met: true}}
	whole.laws = []law{{what: "steep", found: "3", met: true}}
	again := &measuring{begun: at.AddDate(0, 0, 1)}
	again.rows = []row{{what: "one", reached: "11", met: true}, {what: "three", reached: "33", would: "a shovel"}}
	page := again.merged(whole.page())
	for _, want := range []string{
		"| one |  |  | 11 |  | `` |\n| two |  |  | 2 |  | `` |\n| three |  |  | 33 **missed** |  | `` |\n\n## How", "| steep |  | 3 | `` |",
		missedHeading + "\n\n- three: a shovel\n\nMeasured on ", "2026-11-01 00:00 UTC", "Measured anew on ", "2026-11-02 00:00 UTC. These lines:\n\n- one\n- three\n",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q:\n%s", want, page)
		}
	}
	if strings.Contains(page, "a miracle") {
		t.Errorf("a goal that is met by now is still missed:\n%s", page)
	}
	none := &measuring{begun: at, rows: []row{{what: "three", met: true}}}
	if page = none.merged(page); strings.Contains(page, missedHeading) || strings.Count(page, "Measured anew") != 2 || !strings.Contains(page, "These lines:\n\n- one\n\nMeasured anew") {
		t.Errorf("nothing is missed any more, and each line was measured once:\n%s", page)
	}
	if page = again.merged(page); !strings.Contains(page, missedHeading+"\n\n- three: a shovel\n\nMeasured on ") || strings.Count(page, "Measured anew") != 1 {
		t.Errorf("it is missed again:\n%s", page)
	}
}

func TestChoosesParts(t *testing.T) {
	t.Parallel()
	if all, err := chosen(""); err != nil || len(all) != len(parts()) {
		t.Errorf("%d parts, %v", len(all), err)
	}
	if two, err := chosen("cpu,size"); err != nil || len(two) != 2 || two[0].name != "cpu" {
		t.Errorf("%v, %v", two, err)
	}
	if _, err := chosen("cup"); err == nil {
		t.Error("a part that is not there was chosen")
	}
}
