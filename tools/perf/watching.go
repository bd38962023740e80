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

// idleMemory measures the memory of an idle watch that has made a backup, and how
// long it takes to its first poll, at histories of several sizes.
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
					i.resident, err = d.idleAfterBackup(ctx)
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
		would: "most of it is the start of a process of this size, which a smaller one would shorten; the history adds the reading of the pages that lead to its rows, by which damage is found before it is used.",
	})
	m.laws = append(m.laws, law{
		what: "memory, in sessions of history", goal: "exponent 0", found: fmt.Sprintf("%s MiB at none, %s at %s", number(first.all), number(last.all), number(float64(sizes[len(sizes)-1]))),
		command: "go run ./tools/perf -only memory", met: last.all <= 1.15*first.all, would: "finding what touches old pages.",
	})
	return nil
}

// idleAfterBackup waits until the watch has made its first own backup, and for
// some quiet seconds behind, and returns the memory that it then has.
func (d *daemon) idleAfterBackup(ctx context.Context) (resident, error) {
	err := until(ctx, 5*time.Minute, "the watch has made a backup", func() bool {
		made, err := d.metric("sessionwarden_backup_last_good_timestamp_seconds")
		return err == nil && made > 0
	})
	if err != nil {
		return resident{}, err
	}
	if err := wait(ctx, 15*time.Second); err != nil {
		return resident{}, err
	}
	return memory(d.cmd.Process.Pid)
}

// fill makes a history of so many sessions in dir.
func fill(ctx context.Context, dir string, accounts []string, sessions int) error {
	if sessions == 0 {
		return nil
	}
	return fillWith(ctx, dir, storagetest.History{Sessions: sessions, Accounts: accounts})
}

func fillWith(ctx context.Context, dir string, h storagetest.History) (err error) {
	db, err := storage.Open(filepath.Join(dir, "sessionwarden.db"), storage.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return storagetest.Fill(ctx, db, h)
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
