package storage_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"sessionwarden"
	"sessionwarden/storage"
	"sessionwarden/storage/storagetest"
)

// BenchmarkOneSession records one new session durably, and in the same run
// what two fdatasyncs of that disk cost, which no commit can do without.
func BenchmarkOneSession(b *testing.B) {
	db := open(b, dbPath(b))
	at := past(b, db, 10_000)
	sync := floorFile(b)
	var commits, floors []time.Duration
	for b.Loop() {
		seq := db.NextID()
		s := session(seq, "main", at.Add(time.Second))
		begin := time.Now()
		commit(b, db, arrival("main", s))
		commits = append(commits, time.Since(begin))
		floors = append(floors, sync())
	}
	floor := median(floors)
	b.ReportMetric(float64(median(commits).Microseconds()), "µs/p50")
	b.ReportMetric(float64(floor.Microseconds()), "µs/two-syncs")
	b.ReportMetric(float64(median(commits))/float64(floor), "x-floor")
}

// BenchmarkAtHistory is BenchmarkOneSession at histories of several sizes.
func BenchmarkAtHistory(b *testing.B) {
	for _, size := range []int{1000, 10_000, 100_000, 300_000} {
		b.Run(fmt.Sprintf("sessions=%d", size), func(b *testing.B) {
			db := open(b, dbPath(b))
			if err := storagetest.Fill(b.Context(), db, storagetest.History{Sessions: size, To: day}); err != nil {
				b.Fatal(err)
			}
			sync := floorFile(b)
			var commits, floors []time.Duration
			for b.Loop() {
				s := storagetest.Session(db.NextID(), "main", day)
				begin := time.Now()
				commit(b, db, arrival("main", s))
				commits = append(commits, time.Since(begin))
				floors = append(floors, sync())
			}
			b.ReportMetric(float64(median(commits))/float64(median(floors)), "x-floor")
		})
	}
}

// floorFile returns what measures how long it takes to write two pages durably
// one after the other.
func floorFile(b *testing.B) func() time.Duration {
	b.Helper()
	f, err := os.Create(filepath.Join(b.TempDir(), "floor"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = f.Close() })
	page := make([]byte, 4096)
	for at := range int64(256) {
		if _, err := f.WriteAt(page, at*4096); err != nil {
			b.Fatal(err)
		}
	}
	if err := f.Sync(); err != nil {
		b.Fatal(err)
	}
	turn := int64(0)
	return func() time.Duration {
		begin := time.Now()
		for at := range int64(2) {
			turn++
			page[0] = byte(turn)
			if _, err := f.WriteAt(page, (turn%100+at*128)*4096); err != nil {
				b.Fatal(err)
			}
			if err := datasync(f); err != nil {
				b.Fatal(err)
			}
		}
		return time.Since(begin)
	}
}

func median(list []time.Duration) time.Duration {
	slices.Sort(list)
	return list[len(list)/2]
}

// past brings n sessions that are gone into a database, and returns when
// the last one ended.
func past(b *testing.B, db *storage.DB, n int) time.Time {
	b.Helper()
	at := day
	for left := n; left > 0; left -= 1000 {
		var list []sessionwarden.Sighting
		for range min(left, 1000) {
			at = at.Add(time.Second)
			list = append(list, session(db.NextID(), "main", at))
		}
		commit(b, db, departure("main", at, list...))
	}
	return at
}

// BenchmarkBatch records 1,000 new sessions in one commit, spread over 50
// accounts, at a history of 1,000,000 (100,000 with -short), and in the same
// run what bbolt takes for the same bytes under rising keys.
func BenchmarkBatch(b *testing.B) {
	size := 1_000_000
	if testing.Short() {
		size = 100_000
	}
	path := dbPath(b)
	db := open(b, path)
	at := past(b, db, size)
	stats, err := db.Stats()
	if err != nil {
		b.Fatal(err)
	}
	changes := make([][]sessionwarden.Change, b.N)
	for i := range changes {
		for account := range 50 {
			name := fmt.Sprintf("account-%d", account)
			var list []sessionwarden.Sighting
			for range 20 {
				list = append(list, session(db.NextID(), name, at))
			}
			changes[i] = append(changes[i], arrival(name, list...))
		}
	}
	b.ResetTimer()
	for i := range b.N {
		commit(b, db, changes[i]...)
	}
	took := b.Elapsed()
	b.StopTimer()
	floor := batchFloor(b, size, b.N)
	b.ReportMetric(float64(b.N)*1000/took.Seconds(), "sessions/s")
	b.ReportMetric(float64(b.N)*1000/floor.Seconds(), "floor/s")
	b.ReportMetric(float64(stats.Used)/float64(size), "bytes/session")
}

// batchFloor puts n batches of 1,000 values under rising keys into a bucket
// that holds size of them.
func batchFloor(b *testing.B, size, n int) time.Duration {
	b.Helper()
	db, err := bbolt.Open(filepath.Join(b.TempDir(), "floor"), 0o600, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	value := make([]byte, 330)
	next := uint64(0)
	put := func(rows int) {
		err := db.Update(func(tx *bbolt.Tx) error {
			bucket, err := tx.CreateBucketIfNotExists([]byte("rows"))
			if err != nil {
				return err
			}
			bucket.FillPercent = 0.9
			for range rows {
				next++
				if err := bucket.Put(binary.BigEndian.AppendUint64(nil, next), value); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	for range size / 10_000 {
		put(10_000)
	}
	begin := time.Now()
	for range n {
		put(1000)
	}
	return time.Since(begin)
}

// BenchmarkSizeOverALife measures the disk for sessions that arrive one by one
// and go one by one, each in a commit of its own, as in life.
func BenchmarkSizeOverALife(b *testing.B) {
	const n = 3000
	for b.Loop() {
		db := open(b, dbPath(b))
		var live []sessionwarden.Sighting
		for i := range n {
			at := day.Add(time.Duration(i) * time.Minute)
			s := session(db.NextID(), "main", at)
			s.Verdicts = []sessionwarden.Verdict{{Rule: sessionwarden.NewNetwork, Response: sessionwarden.Log}}
			live = append(live, s)
			c := arrival("main", live...)
			c.Sightings = []sessionwarden.Sighting{s}
			if len(live) > 20 {
				c.Sightings = append(c.Sightings, departure("main", at, live[0]).Sightings...)
				live = live[1:]
				c.History.Live = live
			}
			commit(b, db, c)
		}
		stats, err := db.Stats()
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(stats.Used)/n, "bytes/session")
	}
}

// BenchmarkHistory loads the state of an account with 20 live sessions.
func BenchmarkHistory(b *testing.B) {
	db := open(b, dbPath(b))
	var list []sessionwarden.Sighting
	for range 20 {
		list = append(list, session(db.NextID(), "main", day))
	}
	commit(b, db, arrival("main", list...))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := db.History(context.Background(), "main"); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOpen opens a database of 100,000 sessions.
func BenchmarkOpen(b *testing.B) {
	path := dbPath(b)
	db := open(b, path)
	past(b, db, 100_000)
	if err := db.Close(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		db, err := storage.Open(path, storage.Options{})
		if err != nil {
			b.Fatal(err)
		}
		if err := db.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkList reads a history row by row.
func BenchmarkList(b *testing.B) {
	db := open(b, dbPath(b))
	past(b, db, 10_000)
	b.ReportAllocs()
	for b.Loop() {
		for _, err := range db.Sightings(context.Background(), sessionwarden.Query{}) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/10_000, "ns/row")
}

// BenchmarkForget measures what forgetting does to others, at a history of
// 1,000,000 (200,000 with -short) of which half grows old: the median commit of one new session between
// the steps and after all of them, as a ratio to the commits that a database
// beside it makes at the same time, which forgets nothing.
func BenchmarkForget(b *testing.B) {
	const step = 500
	size := 1_000_000
	if testing.Short() {
		size = 200_000
	}
	h := storagetest.History{Sessions: size, From: day.AddDate(0, 0, -400), To: day}
	for b.Loop() {
		b.StopTimer()
		var both [2]*storage.DB // the second one forgets
		for i := range both {
			both[i] = open(b, filepath.Join(b.TempDir(), "history.db"))
			if err := storagetest.Fill(b.Context(), both[i], h); err != nil {
				b.Fatal(err)
			}
		}
		var commits [2][]time.Duration
		one := func() {
			for i, db := range both {
				s := storagetest.Session(db.NextID(), "other", h.To)
				begin := time.Now()
				commit(b, db, arrival("other", s))
				commits[i] = append(commits[i], time.Since(begin))
			}
		}
		var steps []time.Duration
		for n := step; n == step; {
			b.StartTimer()
			begin := time.Now()
			var err error
			if n, err = both[1].Forget(b.Context(), day.AddDate(0, 0, -200), step); err != nil {
				b.Fatal(err)
			}
			b.StopTimer()
			steps = append(steps, time.Since(begin))
			one()
		}
		b.ReportMetric(float64(median(commits[1]))/float64(median(commits[0])), "x-between")
		commits = [2][]time.Duration{}
		for range 200 {
			one()
		}
		b.ReportMetric(float64(median(commits[1]))/float64(median(commits[0])), "x-after")
		b.ReportMetric(float64(median(steps))/1e3, "µs/step")
		b.StartTimer()
	}
}

// BenchmarkForgetNothing measures a look for old rows that finds none, where
// all began long ago and ended late: it must not grow with them.
func BenchmarkForgetNothing(b *testing.B) {
	for _, size := range []int{1000, 10_000, 100_000} {
		b.Run(fmt.Sprintf("kept=%d", size), func(b *testing.B) {
			db := open(b, dbPath(b))
			h := storagetest.History{Sessions: size, From: day.AddDate(0, 0, -400), To: day, Lasting: 1000 * 24 * time.Hour}
			if err := storagetest.Fill(b.Context(), db, h); err != nil {
				b.Fatal(err)
			}
			forget := func() int {
				n, err := db.Forget(b.Context(), day, 500)
				if err != nil {
					b.Fatal(err)
				}
				return n
			}
			left := size / 10 // the findings go
			for range 1 + size/500 {
				left -= forget()
			}
			if left != 0 {
				b.Fatalf("%d findings are left", left)
			}
			for b.Loop() {
				forget()
			}
		})
	}
}
