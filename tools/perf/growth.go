package main

import (
	"context"
	"fmt"
	"time"
)

// growth fits the laws by which costs grow.
func growth(ctx context.Context, m *measuring) error {
	r, err := m.benchmark(ctx, "./monitor", "^BenchmarkQuietPoll$", "0.2s", 3)
	if err != nil {
		return err
	}
	const command = "go test ./monitor -run - -bench QuietPoll"
	f := figures{results: r}
	curve := func(name, unit, by string, sizes ...int) (x, y []float64) {
		for _, n := range sizes {
			x, y = append(x, float64(n)), append(y, f.get(fmt.Sprintf("%s/%s=%d", name, by, n), unit))
		}
		return x, y
	}
	x, y := curve("QuietPoll", "ns/poll", "rows", 10, 25, 50, 100, 200, 400)
	k := slope(x, y)
	_, perRow := line(x, y)
	m.laws = append(m.laws, law{
		what: "a quiet poll, in rows on the page", goal: "exponent ≤ 1", found: fmt.Sprintf("%.2f (%s a row more, without the network)", k, duration(perRow)),
		command: command, met: k <= 1.1, would: "finding what looks at rows more than once.",
	})
	for _, by := range []struct {
		what, name string
		sizes      []int
		most       float64
	}{
		{"in sessions of history", "history", []int{100, 1000, 10_000, 100_000}, 0.1},
		{"in accounts", "accounts", []int{1, 10, 100, 1000}, 0.2},
	} {
		x, y := curve("QuietPoll", "ns/poll", by.name, by.sizes...)
		k := slope(x, y)
		m.laws = append(m.laws, law{
			what: "a quiet poll, " + by.what, goal: "exponent 0", found: fmt.Sprintf("%.2f (%s at %s, %s at %s)", k, duration(y[0]), number(x[0]), duration(y[len(y)-1]), number(x[len(x)-1])),
			command: command, met: k <= by.most, would: "memory that fits the processor's caches: many accounts push each other out of them.",
		})
	}
	off, on := f.get("QuietPoll/rules=false", "ns/poll"), f.get("QuietPoll/rules=true", "ns/poll")
	m.laws = append(m.laws, law{
		what: "a quiet poll, in rules", goal: "the same with none and with all", found: times(on / off), command: command,
		met: on <= 1.25*off, would: "finding what asks the rules.",
	})
	if r, err = m.benchmark(ctx, "./storage", "^Benchmark(AtHistory|ForgetNothing)$", "200x", 3); err != nil {
		return err
	}
	f.results = r
	x, y = curve("AtHistory", "x-floor", "sessions", 1000, 10_000, 100_000, 300_000)
	k = slope(x, y)
	m.laws = append(m.laws, law{
		what: "one new session durable, in sessions of history", goal: "logarithmic: exponent ≤ 0.1", found: fmt.Sprintf("%.2f (%s two fdatasyncs at %s, %s at %s)", k, times(y[0]), number(x[0]), times(y[len(y)-1]), number(x[len(x)-1])),
		command: "go test ./storage -run - -bench AtHistory -benchtime 200x", met: k <= 0.1, would: "finding what reads more than its path through the tree.",
	})
	_, y = curve("ForgetNothing", "ns/op", "kept", 10_000, 100_000)
	m.laws = append(m.laws, law{
		what: "a look for what is to be forgotten, in old sessions that stay", goal: "bounded", found: fmt.Sprintf("%s at 10 k, %s at 100 k", duration(y[0]), duration(y[1])),
		command: "go test ./storage -run - -bench ForgetNothing -benchtime 200x", met: y[1] <= 1.5*y[0], would: "a smaller step.",
	})
	if r, err = m.benchmark(ctx, "./cmd/sessionwarden", "^BenchmarkStart$", "10x", 3); err != nil {
		return err
	}
	f.results = r
	x, y = curve("Start", "ns/op", "accounts", 10, 100, 1000)
	k = slope(x, y)
	m.laws = append(m.laws, law{
		what: "start, in accounts", goal: "exponent ≤ 1", found: fmt.Sprintf("%.2f (%s at 10, %s at 1,000)", k, duration(y[0]), duration(y[2])),
		command: "go test ./cmd/sessionwarden -run - -bench Start -benchtime 10x", met: k <= 1.1, would: "finding what looks at accounts more than once.",
	})
	if f.err != nil {
		return f.err
	}
	return memoryOfSessions(ctx, m)
}

// memoryOfSessions fits the anonymous memory of the watch over its live sessions.
func memoryOfSessions(ctx context.Context, m *measuring) error {
	var x, y []float64
	for _, accounts := range []int{20, 80, 320} {
		r, err := func() (r resident, err error) {
			w, err := newWorld(ctx, accounts, 49)
			if err != nil {
				return r, err
			}
			defer w.close()
			dir, err := m.dataDir()
			if err != nil {
				return r, err
			}
			d, err := m.start(ctx, w, dir, "@every 5s")
			if err != nil {
				return r, err
			}
			if err = wait(ctx, 10*time.Second); err == nil {
				r, err = memory(d.cmd.Process.Pid)
			}
			if stopped := d.stop(); err == nil {
				err = stopped
			}
			return r, err
		}()
		if err != nil {
			return err
		}
		x, y = append(x, float64(50*accounts)), append(y, r.anonymous*1024*1024)
	}
	base, each := line(x, y)
	k := slope(x, y)
	m.laws = append(m.laws, law{
		what: "anonymous memory, in live sessions", goal: "exponent ≤ 1", found: fmt.Sprintf("%.2f (%.1f MiB and %.1f KiB a session)", k, base/1024/1024, each/1024),
		command: "go run ./tools/perf -only growth", met: k <= 1.05, would: "finding what keeps more than the sessions.",
	})
	return nil
}
