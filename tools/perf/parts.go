package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// part is what is measured in one go.
type part struct {
	name    string
	measure func(context.Context, *measuring) error
}

// parts returns all parts, in the order of the table.
func parts() []part {
	return []part{
		{"unchanged", unchanged}, {"decode", decode}, {"judge", judge}, {"own", ownRules}, {"batch", batch}, {"commit", commitOne},
		{"act", act}, {"cpu", quietCPU}, {"memory", idleMemory}, {"tell", tell}, {"flood", floods}, {"size", size},
		{"fleet", fleet}, {"forget", forget}, {"replay", replays}, {"growth", growth},
	}
}

// figures picks figures out of results and remembers the first that is missing.
type figures struct {
	results
	err error
}

func (f *figures) get(name, unit string) float64 {
	figure, err := f.results.get(name, unit)
	f.err = errors.Join(f.err, err)
	return figure
}

func unchanged(ctx context.Context, m *measuring) error {
	r, err := m.benchmark(ctx, "./mannco", "^BenchmarkUnchanged$", "0.5s", 5)
	if err != nil {
		return err
	}
	f := figures{results: r}
	reached, floor, allocs := f.get("Unchanged/page", "rows/s"), f.get("Unchanged/floor", "rows/s"), f.get("Unchanged/page", "allocs/op")
	m.rows = append(m.rows, row{
		what: "rows of a known, unchanged list recognized, a second and core, over 2,000 accounts", goal: "≥ 8 M, no allocation",
		floor: number(floor) + " (the hash alone)", reached: fmt.Sprintf("%s, %.0f allocations", number(reached), allocs), ratio: times(reached / floor),
		command: "go test ./mannco -run - -bench Unchanged", met: reached >= 8e6 && allocs == 0,
		would: "this is the hash of the bytes and little else; the ratio to the floor says what is left, the rest is the memory's speed.",
	})
	return f.err
}

func decode(ctx context.Context, m *measuring) error {
	r, err := m.benchmark(ctx, "./mannco", "^BenchmarkDecode$/^usual$", "0.3s", 5)
	if err != nil {
		return err
	}
	f := figures{results: r}
	reached, floor := f.get("Decode/usual/page", "rows/s"), f.get("Decode/usual/floor", "rows/s")
	m.rows = append(m.rows, row{
		what: "rows of a changed page decoded strictly, a second and core", goal: "≥ 0.8 of json/v2",
		floor: number(floor) + " (json/v2 into exact types)", reached: number(reached), ratio: times(reached / floor),
		command: "go test ./mannco -run - -bench Decode/usual", met: reached >= 0.8*floor,
		would: "reading the fields of a row without a token each.",
	})
	return f.err
}

func judge(ctx context.Context, m *measuring) error {
	r, err := m.benchmark(ctx, "./monitor", "^BenchmarkNewSessions$", "0.5s", 5)
	if err != nil {
		return err
	}
	f := figures{results: r}
	reached, floor := f.get("NewSessions/all", "sessions/s"), f.get("NewSessions/floor", "sessions/s")
	m.rows = append(m.rows, row{
		what: "new sessions located and judged by all rules, a second and core", goal: "≥ 300 k",
		floor: number(floor) + " (located, three comparisons)", reached: number(reached), ratio: times(reached / floor),
		command: "go test ./monitor -run - -bench NewSessions", met: reached >= 300_000,
		would: "half of it is the reading of the user agent: remembering the device of each text would double it.",
	})
	return f.err
}

func ownRules(ctx context.Context, m *measuring) error {
	r, err := m.benchmark(ctx, "./policy", "^BenchmarkJudge$", "0.5s", 5)
	if err != nil {
		return err
	}
	f := figures{results: r}
	reached, without, floor := f.get("Judge/own", "ns/op"), f.get("Judge/mixed", "ns/op"), f.get("Judge/floor", "ns/op")
	if f.err != nil {
		return f.err
	}
	m.rows = append(m.rows, row{
		what: "new sessions judged by all rules and three of one's own, a second and core", goal: "≥ 300 k",
		floor:   fmt.Sprintf("%s (without one's own; three comparisons: %s)", number(1e9/without), number(1e9/floor)),
		reached: number(1e9 / reached), ratio: times(without / reached),
		command: "go test ./policy -run - -bench Judge", met: 1e9/reached >= 300_000,
		would: "working out what several rules ask for once.",
	})
	return nil
}

func batch(ctx context.Context, m *measuring) error {
	r, err := m.benchmark(ctx, "./storage", "^BenchmarkBatch$", "50x", 1)
	if err != nil {
		return err
	}
	f := figures{results: r}
	reached, floor, bytes := f.get("Batch", "sessions/s"), f.get("Batch", "floor/s"), f.get("Batch", "bytes/session")
	history := "1 M"
	if m.short {
		history = "100 k"
	}
	m.rows = append(m.rows, row{
		what: "new sessions recorded durably, a second, in batches of 1,000, at " + history + " of history", goal: "≥ 150 k",
		floor: number(floor) + " (bbolt, rising keys)", reached: number(reached), ratio: times(reached / floor),
		command: "go test ./storage -run - -bench Batch -benchtime 50x", met: reached >= 150_000,
		would: "encoding the records of one batch on several cores.",
	})
	m.laws = append(m.laws, law{
		what: "disk, a session that is gone", goal: "≤ 400 bytes", found: number(bytes) + " bytes",
		command: "go test ./storage -run - -bench Batch -benchtime 1x", met: bytes <= 400, would: "a shorter record.",
	})
	return f.err
}

func commitOne(ctx context.Context, m *measuring) error {
	r, err := m.benchmark(ctx, "./storage", "^BenchmarkOneSession$", "300x", 5)
	if err != nil {
		return err
	}
	f := figures{results: r}
	reached, floor, ratio := f.get("OneSession", "µs/p50"), f.get("OneSession", "µs/two-syncs"), f.get("OneSession", "x-floor")
	m.rows = append(m.rows, row{
		what: "one new session durable, p50", goal: "≤ 1.3 × two fdatasyncs",
		floor: number(floor) + " µs (two fdatasyncs)", reached: number(reached) + " µs", ratio: times(ratio),
		command: "go test ./storage -run - -bench OneSession -benchtime 300x", met: ratio <= 1.3,
		would: "writing fewer pages a commit: bbolt writes the path to every bucket that changed, and its list of free pages.",
	})
	return f.err
}

func act(ctx context.Context, m *measuring) error {
	r, err := m.benchmark(ctx, "./cmd/sessionwarden", "^BenchmarkIntruder$", "400x", 3)
	if err != nil {
		return err
	}
	f := figures{results: r}
	p50, p99 := f.get("Intruder", "µs/p50"), f.get("Intruder", "µs/p99")
	floor50, floor99 := f.get("Intruder", "µs/floor-p50"), f.get("Intruder", "µs/floor-p99")
	m.rows = append(m.rows, row{
		what: "list received → disconnect request sent, recorded first, p50 / p99", goal: "≤ 0.8 / 2.5 ms",
		floor:   fmt.Sprintf("%s / %s (two fdatasyncs, one request)", duration(1e3*floor50), duration(1e3*floor99)),
		reached: fmt.Sprintf("%s / %s", duration(1e3*p50), duration(1e3*p99)), ratio: times(p50/floor50) + " / " + times(p99/floor99),
		command: "go test ./cmd/sessionwarden -run - -bench Intruder -benchtime 400x", met: p50 <= 800 && p99 <= 2500,
		would: "one commit and one request are the least; what is above the floor is decoding, judging and the larger commit, and the wake-ups between them.",
	})
	return f.err
}

func tell(ctx context.Context, m *measuring) error {
	r, err := m.benchmark(ctx, "./alert", "^BenchmarkDecisionToRequest$", "500x", 5)
	if err != nil {
		return err
	}
	f := figures{results: r}
	p50, p99 := f.get("DecisionToRequest", "µs/p50"), f.get("DecisionToRequest", "µs/p99")
	floor50, floor99 := f.get("DecisionToRequest", "µs/floor-p50"), f.get("DecisionToRequest", "µs/floor-p99")
	m.rows = append(m.rows, row{
		what: "decision committed → request to Slack, without the disk, p50 / p99", goal: "≤ 0.4 / 1.5 ms",
		floor:   fmt.Sprintf("%s / %s (a message that stands ready)", duration(1e3*floor50), duration(1e3*floor99)),
		reached: fmt.Sprintf("%s / %s", duration(1e3*p50), duration(1e3*p99)), ratio: times(p50/floor50) + " / " + times(p99/floor99),
		command: "go test ./alert -run - -bench Decision -benchtime 500x", met: p50 <= 400 && p99 <= 1500,
		would: "making the message's blocks while the commit is under way.",
	})
	if r, err = m.benchmark(ctx, "./cmd/sessionwarden", "^BenchmarkTold$", "300x", 3); err != nil {
		return err
	}
	f = figures{results: r, err: f.err}
	p50, p99 = f.get("Told", "µs/p50"), f.get("Told", "µs/p99")
	floor50, floor99 = f.get("Told", "µs/floor-p50"), f.get("Told", "µs/floor-p99")
	m.rows = append(m.rows, row{
		what: "decision committed → request to Slack, attempt and buttons recorded first, p50 / p99", goal: "≤ 1.5 / 4 ms",
		floor:   fmt.Sprintf("%s / %s (two fdatasyncs, one request)", duration(1e3*floor50), duration(1e3*floor99)),
		reached: fmt.Sprintf("%s / %s", duration(1e3*p50), duration(1e3*p99)), ratio: times(p50/floor50) + " / " + times(p99/floor99),
		command: "go test ./cmd/sessionwarden -run - -bench Told -benchtime 300x", met: p50 <= 1500 && p99 <= 4000,
		would: "telling before the attempt is recorded, which a crash in between would tell twice, unmarked.",
	})
	return f.err
}

// size measures the program's file.
func size(_ context.Context, m *measuring) error {
	program, err := os.Stat(m.program)
	if err != nil {
		return err
	}
	data := int64(0)
	files, err := filepath.Glob("geo/data/*")
	if err != nil {
		return err
	}
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil {
			return err
		}
		if filepath.Base(file) != "SHA256SUMS" {
			data += info.Size()
		}
	}
	bare := program.Size() - data
	m.rows = append(m.rows, row{
		what: "the program without its data", goal: "≤ 20 MB, and 18.6 MB of location data",
		floor: fmt.Sprintf("%.1f MB (the data)", float64(data)/1e6), reached: fmt.Sprintf("%.1f MB", float64(bare)/1e6), ratio: "–",
		command: "go run ./tools/perf -only size", met: bare <= 20e6 && data <= 18.7e6,
		would: "fewer libraries: Slack's, Prometheus's and the command line's are the largest.",
	})
	return nil
}

func forget(ctx context.Context, m *measuring) error {
	r, err := m.benchmark(ctx, "./storage", "^BenchmarkForget$", "1x", 1)
	if err != nil {
		return err
	}
	f := figures{results: r}
	between, after, step := f.get("Forget", "x-between"), f.get("Forget", "x-after"), f.get("Forget", "µs/step")
	history := "1 M"
	if m.short {
		history = "200 k"
	}
	m.rows = append(m.rows, row{
		what: "a commit while and after half of a history of " + history + " is forgotten, p50", goal: "≤ 2 × a database that forgets nothing",
		floor: "1 (its neighbour's)", reached: fmt.Sprintf("%s while, %s after (a step of 500 rows takes %s)", times(between), times(after), duration(1e3*step)), ratio: times(max(between, after)),
		command: "go test ./storage -run - -bench 'Forget$' -benchtime 1x", met: between <= 2 && after <= 2,
		would: "smaller steps; the list of free pages is written with each commit.",
	})
	return f.err
}
