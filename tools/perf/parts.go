package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"sessionwarden/mannco/manncotest"
	"sessionwarden/storage"
	"sessionwarden/storage/storagetest"
)

// part is what is measured in one go.
type part struct {
	name    string
	measure func(context.Context, *measuring) error
}

// parts returns all parts, in the order of the table.
func parts() []part {
	return []part{
		{"unchanged", unchanged}, {"decode", decode}, {"judge", judge}, {"batch", batch}, {"commit", commitOne},
		{"act", act}, {"cpu", quietCPU}, {"memory", idleMemory}, {"tell", tell}, {"size", size},
		{"fleet", fleet}, {"forget", forget}, {"growth", growth},
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

// quietCPU measures what a quiet poll costs the whole process: 200 accounts are
// polled every second. The floor asks for the same lists half a second later.
func quietCPU(ctx context.Context, m *measuring) (err error) {
	const accounts, seconds = 200, 20
	w, err := newWorld(ctx, accounts, 25)
	if err != nil {
		return err
	}
	defer w.close()
	floor := polling{Seconds: seconds, Phase: 500 * time.Millisecond}
	for _, name := range w.names {
		token, err := w.logIn(ctx, name)
		if err != nil {
			return err
		}
		floor.Tokens = append(floor.Tokens, token)
		floor.URLs = append(floor.URLs, w.url+"/user/ipList?page=0&perpage=50&perPage=50")
	}
	dir, err := m.dataDir()
	if err != nil {
		return err
	}
	d, err := m.start(ctx, w, dir, "@every 1s")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.stop()) }()
	if err := wait(ctx, 5*time.Second); err != nil { // what follows a first poll is over
		return err
	}
	var burst, spread float64
	var floors sync.WaitGroup
	var floorErr error
	floors.Go(func() { burst, floorErr = floorPoller(ctx, floor) })
	polls, err := d.metric("sessionwarden_polls_total")
	if err != nil {
		return err
	}
	before, err := cpu(d.cmd.Process.Pid)
	if err != nil {
		return err
	}
	if err := wait(ctx, seconds*time.Second); err != nil {
		return err
	}
	after, err := cpu(d.cmd.Process.Pid)
	if err != nil {
		return err
	}
	now, err := d.metric("sessionwarden_polls_total")
	if err != nil {
		return err
	}
	floors.Wait()
	if floorErr != nil {
		return floorErr
	}
	floor.Spread, floor.Seconds = true, 10
	if spread, err = floorPoller(ctx, floor); err != nil {
		return err
	}
	reached := float64((after - before).Microseconds()) / (now - polls)
	m.rows = append(m.rows, row{
		what: "CPU of a quiet poll of 25 rows, all in, 200 accounts a second (they go in bursts)", goal: "≤ 220 µs",
		floor:   fmt.Sprintf("%s µs (bare requests in bursts; %s µs where they are spread)", number(burst), number(spread)),
		reached: number(reached) + " µs", ratio: times(reached / burst),
		command: "go run ./tools/perf -only cpu", met: reached <= 220,
		would: "the floor is the HTTP client and the kernel's sockets; fewer wake-ups, or HTTP/2 with many lists on one connection, would lower both.",
	})
	return nil
}

// idleMemory measures the memory of an idle watch, and how long it takes to its
// first poll, at histories of several sizes.
func idleMemory(ctx context.Context, m *measuring) error {
	sizes := []int{0, 1_000_000, 10_000_000}
	if m.short {
		sizes = []int{0, 1_000_000}
	}
	type idle struct {
		resident
		start float64 // nanoseconds
	}
	var all []idle
	for _, size := range sizes {
		i, err := func() (i idle, err error) {
			w, err := newWorld(ctx, 20, 10)
			if err != nil {
				return i, err
			}
			defer w.close()
			dir, err := m.dataDir()
			if err != nil {
				return i, err
			}
			defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
			begin := time.Now()
			if err = fill(ctx, dir, w.names, size); err != nil {
				return i, err
			}
			m.say("made a history of %s sessions in %s", number(float64(size)), since(begin))
			var starts []float64
			for range 5 {
				d, err := m.start(ctx, w, dir, "@every 2s")
				if err != nil {
					return i, err
				}
				starts = append(starts, float64(w.first.Load()-d.begun.UnixNano()))
				if len(starts) == 5 {
					err = wait(ctx, 15*time.Second)
					if err == nil {
						i.resident, err = memory(d.cmd.Process.Pid)
					}
				}
				if err = errors.Join(err, d.stop()); err != nil {
					return i, err
				}
			}
			i.start = median(starts[1:]) // the first one logs in, and what it needs is on no page yet
			return i, nil
		}()
		if err != nil {
			return err
		}
		all = append(all, i)
	}
	first, last := all[0], all[len(all)-1]
	met := true
	rss, anonymous, histories := "", "", ""
	for n, i := range all {
		met = met && i.all <= 24 && i.anonymous <= 12
		if n > 0 {
			rss, anonymous, histories = rss+" / ", anonymous+" / ", histories+" / "
		}
		rss, anonymous, histories = rss+number(i.all), anonymous+number(i.anonymous), histories+number(float64(sizes[n]))
	}
	m.rows = append(m.rows, row{
		what: "memory of an idle watch of 20 accounts, at a history of " + histories + " sessions", goal: "≤ 24 MiB, of it anonymous ≤ 12, at each",
		floor: number(first.all) + " (an empty history)", reached: fmt.Sprintf("%s MiB, anonymous %s", rss, anonymous), ratio: times(last.all / first.all),
		command: "go run ./tools/perf -only memory", met: met,
		would: "what is resident beyond the anonymous part is the program's own pages and those of the location data that were used; the system takes them back when it needs them.",
	}, row{
		what: "start to first poll with " + number(float64(sizes[len(sizes)-1])) + " sessions of history", goal: "≤ 30 ms",
		floor: duration(first.start) + " (an empty history)", reached: duration(last.start), ratio: times(last.start / first.start),
		command: "go run ./tools/perf -only memory", met: last.start <= 30e6,
		would: "most of it is the start of a process of this size; the history adds the opening of its file.",
	})
	m.laws = append(m.laws, law{
		what: "memory, in sessions of history", goal: "exponent 0", found: fmt.Sprintf("%s MiB at none, %s at %s", number(first.all), number(last.all), number(float64(sizes[len(sizes)-1]))),
		command: "go run ./tools/perf -only memory", met: last.all <= 1.15*first.all, would: "finding what touches old pages.",
	})
	return nil
}

// fill makes a history of so many sessions in dir.
func fill(ctx context.Context, dir string, accounts []string, sessions int) (err error) {
	if sessions == 0 {
		return nil
	}
	db, err := storage.Open(filepath.Join(dir, "sessionwarden.db"), storage.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return storagetest.Fill(ctx, db, storagetest.History{Sessions: sessions, Accounts: accounts})
}

func tell(ctx context.Context, m *measuring) error {
	r, err := m.benchmark(ctx, "./alert", "^Benchmark(DecisionToRequest|Floor)$", "500x", 5)
	if err != nil {
		return err
	}
	f := figures{results: r}
	reached, floor := f.get("DecisionToRequest", "ns/op"), f.get("Floor", "ns/op")
	m.rows = append(m.rows, row{
		what: "decision committed → request to Slack", goal: "≤ 0.4 ms",
		floor: duration(floor) + " (a message that stands ready)", reached: duration(reached), ratio: times(reached / floor),
		command: "go test ./alert -run - -bench 'Decision|Floor' -benchtime 500x", met: reached <= 400e3,
		would: "making the message's blocks while the commit is under way.",
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

// fleet measures a watch of many accounts: memory, CPU of a poll, and how many
// commits it makes when something changes in all of them.
func fleet(ctx context.Context, m *measuring) (err error) {
	const accounts, sessions = 300, 50
	w, err := newWorld(ctx, accounts, sessions-1) // and our own
	if err != nil {
		return err
	}
	defer w.close()
	dir, err := m.dataDir()
	if err != nil {
		return err
	}
	d, err := m.start(ctx, w, dir, "@every 5s")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.stop()) }()
	if err := wait(ctx, 12*time.Second); err != nil {
		return err
	}
	read := func() (polls, commits float64, used time.Duration, err error) {
		polls, err = d.metric("sessionwarden_polls_total")
		if err == nil {
			commits, err = d.metric("sessionwarden_storage_commit_seconds_count")
		}
		if err == nil {
			used, err = cpu(d.cmd.Process.Pid)
		}
		return polls, commits, used, err
	}
	polls, commits, used, err := read()
	if err != nil {
		return err
	}
	if err := wait(ctx, 20*time.Second); err != nil {
		return err
	}
	pollsQuiet, commitsQuiet, usedQuiet, err := read()
	if err != nil {
		return err
	}
	r, err := memory(d.cmd.Process.Pid)
	if err != nil {
		return err
	}
	perPoll := float64((usedQuiet - used).Microseconds()) / (pollsQuiet - polls)
	m.rows = append(m.rows, row{
		what: "300 accounts of 50 sessions every 5 s: CPU of a quiet poll", goal: "≤ 220 µs", floor: "–",
		reached: number(perPoll) + " µs, " + number(100*float64((usedQuiet-used).Microseconds())/20e6) + " % of a core", ratio: "–",
		command: "go run ./tools/perf -only fleet", met: perPoll <= 220,
		would: "a list that just fills its page is asked for its next page too: two requests a poll.",
	}, row{
		what: "300 accounts of 50 sessions: memory", goal: "grows with live sessions alone", floor: "–",
		reached: fmt.Sprintf("%s MiB, anonymous %s", number(r.all), number(r.anonymous)), ratio: "–",
		command: "go run ./tools/perf -only fleet", met: r.anonymous*1024 <= 8*accounts*sessions,
		would: "keeping the facts of live sessions once: the live list, the expired list and the history hold them each.",
	})
	m.laws = append(m.laws, law{
		what: "commits of quiet polls", goal: "none", found: fmt.Sprintf("%.0f in %.0f polls", commitsQuiet-commits, pollsQuiet-polls),
		command: "go run ./tools/perf -only fleet", met: commitsQuiet == commits, would: "finding what writes.",
	})
	ticks, made, err := everywhereAtOnce(ctx, w, d)
	if err != nil {
		return err
	}
	m.laws = append(m.laws, law{
		what: "commits a tick, when all 300 accounts change at once", goal: "≤ 1", found: fmt.Sprintf("%d commits in %d ticks", made, ticks),
		command: "go run ./tools/perf -only fleet", met: made <= ticks,
		would: "a tick that waits longer than a quarter of a second for its last answers.",
	})
	return nil
}

// everywhereAtOnce lets the owner sign in to every account and counts the ticks
// until the watch has seen it in all, and the commits it made of it.
func everywhereAtOnce(ctx context.Context, w *world, d *daemon) (ticks, commits int, err error) {
	var mu sync.Mutex
	var last time.Time
	seen := make(map[string]bool)
	counting := func(c manncotest.Call) {
		if c.Route != manncotest.RouteList {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		if seen[c.Account] {
			return
		}
		seen[c.Account] = true
		if time.Since(last) > 400*time.Millisecond { // polls of one tick follow each other
			ticks++
		}
		last = time.Now()
	}
	before, err := d.metric("sessionwarden_storage_commit_seconds_count")
	if err != nil {
		return 0, 0, err
	}
	for _, name := range w.names {
		w.signIn(name, homeAddr, 0)
	}
	w.after.Store(&counting)
	err = until(ctx, 30*time.Second, "all accounts are polled", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(seen) == len(w.names)
	})
	w.after.Store(nil)
	if err != nil {
		return 0, 0, err
	}
	if err := wait(ctx, time.Second); err != nil {
		return 0, 0, err
	}
	after, err := d.metric("sessionwarden_storage_commit_seconds_count")
	return ticks, int(after - before), err
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
