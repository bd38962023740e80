package storage

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"sessionwarden"
)

// pageRows is how many rows are looked at in one transaction. While one is
// open, the room of what others change meanwhile cannot be used again.
const pageRows = 1000

// Sightings returns the rows of the history that q chooses, in the order of
// their arrival; live ones account by account. With Since, those that arrived at or after it and those that
// ended at or after it. Of live sessions, LastSeen and what else changes often
// is as of the last commit.
//
// The rows are read little by little, so that a long list holds up nobody; it
// ends with the last row that was there when it began. A record that cannot be
// read comes as a *[CorruptError] beside a zero row, and the list goes on after
// it; any other error ends it.
func (db *DB) Sightings(ctx context.Context, q sessionwarden.Query) iter.Seq2[sessionwarden.Sighting, error] {
	wanted := func(s *sessionwarden.Sighting) bool {
		return (q.Account == "" || s.Account == q.Account) && (!q.Live || s.State == sessionwarden.Live) &&
			(q.Since.IsZero() || reaches(q.Since, s.FirstSeen, s.GoneAt) || s.State == sessionwarden.Moved && reaches(q.Since, s.LastSeen))
	}
	read := func(tx *bbolt.Tx) func(key, value []byte) (sessionwarden.Sighting, error) {
		live := &liveRows{db: db, tx: tx}
		return func(key, value []byte) (sessionwarden.Sighting, error) {
			s, err := db.readSighting(key, value)
			if err == nil && s.State == sessionwarden.Live {
				err = live.apply(&s)
			}
			return s, err
		}
	}
	rows := table[sessionwarden.Sighting]{db: db, bucket: bucketSightings, read: read, wanted: wanted}
	if q.Live && q.ID == 0 {
		return rows.some(ctx, func(tx *bbolt.Tx) ([]uint64, error) { return db.liveSeqs(tx, q.Account) })
	}
	return rows.list(ctx, q)
}

// Findings returns the findings that q chooses, in the order of their arrival,
// in the manner of [DB.Sightings].
func (db *DB) Findings(ctx context.Context, q sessionwarden.Query) iter.Seq2[sessionwarden.Finding, error] {
	rows := table[sessionwarden.Finding]{
		db: db, bucket: bucketFindings,
		read: func(*bbolt.Tx) func(key, value []byte) (sessionwarden.Finding, error) { return db.readFinding },
		wanted: func(f *sessionwarden.Finding) bool {
			return (q.Account == "" || f.Account == q.Account) && reaches(q.Since, f.Time)
		},
	}
	return rows.list(ctx, q)
}

// Actions returns the actions that q chooses, in the order of their arrival, in
// the manner of [DB.Sightings]. With Since, those that were planned or changed
// at or after it.
func (db *DB) Actions(ctx context.Context, q sessionwarden.Query) iter.Seq2[sessionwarden.Action, error] {
	rows := table[sessionwarden.Action]{
		db: db, bucket: bucketActions,
		read: func(*bbolt.Tx) func(key, value []byte) (sessionwarden.Action, error) { return db.readAction },
		wanted: func(a *sessionwarden.Action) bool {
			return (q.Account == "" || a.Account == q.Account) && reaches(q.Since, a.Created, a.Updated)
		},
	}
	return rows.list(ctx, q)
}

// Incidents returns the incidents that q chooses, in the order in which they were
// opened, in the manner of [DB.Sightings]. With Since, those that were opened or
// went on at or after it.
func (db *DB) Incidents(ctx context.Context, q sessionwarden.Query) iter.Seq2[sessionwarden.Incident, error] {
	rows := table[sessionwarden.Incident]{
		db: db, bucket: bucketIncidents,
		read: func(*bbolt.Tx) func(key, value []byte) (sessionwarden.Incident, error) { return db.readIncident },
		wanted: func(i *sessionwarden.Incident) bool {
			return (q.Account == "" || i.Account == q.Account) && reaches(q.Since, i.Opened, i.Updated, i.Resolved)
		},
	}
	return rows.list(ctx, q)
}

// reaches reports whether one of the times lies at or after since.
func reaches(since time.Time, times ...time.Time) bool {
	return slices.ContainsFunc(times, func(t time.Time) bool { return !t.Before(since) })
}

// table lists the rows of one bucket.
type table[Row any] struct {
	db     *DB
	bucket string
	read   func(*bbolt.Tx) func(key, value []byte) (Row, error) // within one transaction
	wanted func(*Row) bool
}

// found is a row, or why it could not be read.
type found[Row any] struct {
	row Row
	err error
}

// list returns the rows that q chooses: every wanted one, or the row of an id
// alone, in the order that q wants.
func (t table[Row]) list(ctx context.Context, q sessionwarden.Query) iter.Seq2[Row, error] {
	switch {
	case q.ID != 0:
		return t.some(ctx, func(*bbolt.Tx) ([]uint64, error) { return []uint64{q.ID}, nil })
	case q.Back:
		return t.back(ctx)
	}
	return t.all(ctx)
}

// all returns every wanted row.
func (t table[Row]) all(ctx context.Context) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		var next, last []byte
		var page []found[Row]
		for {
			page = page[:0]
			err := t.view(ctx, func(tx *bbolt.Tx) error {
				cursor := tx.Bucket([]byte(t.bucket)).Cursor()
				if last == nil {
					last, _ = cursor.Last()
					last = bytes.Clone(last)
				}
				read := t.read(tx)
				key, value := cursor.Seek(next)
				next = nil
				for n := 0; key != nil && bytes.Compare(key, last) <= 0; key, value = cursor.Next() {
					if n == pageRows {
						next = bytes.Clone(key)
						break
					}
					n++
					page = t.take(page, read, key, value)
				}
				return nil
			})
			if !t.yieldAll(page, err, yield) || next == nil {
				return
			}
		}
	}
}

// back returns the wanted rows, the newest first, until pageRows rows in a row
// are none.
func (t table[Row]) back(ctx context.Context) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		var next []byte // the last one that was looked at
		var page []found[Row]
		unwanted := 0
		for more := true; more; {
			page = page[:0]
			err := t.view(ctx, func(tx *bbolt.Tx) error {
				cursor := tx.Bucket([]byte(t.bucket)).Cursor()
				read := t.read(tx)
				key, value := cursor.Last()
				if next != nil {
					if at, _ := cursor.Seek(next); at != nil { // else all that came after was forgotten
						key, value = cursor.Prev()
					}
				}
				for n := 0; key != nil && n < pageRows && unwanted < pageRows; key, value = cursor.Prev() {
					n++
					unwanted++
					next = bytes.Clone(key)
					before := len(page)
					if page = t.take(page, read, key, value); len(page) > before && page[before].err == nil {
						unwanted = 0
					}
				}
				more = key != nil && unwanted < pageRows
				return nil
			})
			if !t.yieldAll(page, err, yield) {
				return
			}
		}
	}
}

// take reads a row into the page, if it is wanted.
func (t table[Row]) take(page []found[Row], read func(key, value []byte) (Row, error), key, value []byte) []found[Row] {
	n := len(page)
	page = append(page, found[Row]{})
	f := &page[n]
	if f.row, f.err = read(key, value); f.err == nil && !t.wanted(&f.row) {
		page = page[:n]
	}
	return page
}

// some returns the wanted ones of the rows that ids names. Those that are not
// there are passed over.
func (t table[Row]) some(ctx context.Context, ids func(*bbolt.Tx) ([]uint64, error)) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		var rest []uint64
		for started := false; !started || len(rest) > 0; started = true {
			var page []found[Row]
			err := t.view(ctx, func(tx *bbolt.Tx) (err error) {
				if !started {
					if rest, err = ids(tx); err != nil {
						return err
					}
				}
				bucket, read := tx.Bucket([]byte(t.bucket)), t.read(tx)
				now := rest[:min(len(rest), pageRows)]
				rest = rest[len(now):]
				for _, id := range now {
					key := idKey(id)
					value := bucket.Get(key)
					if value == nil {
						continue
					}
					page = t.take(page, read, key, value)
				}
				return nil
			})
			if !t.yieldAll(page, err, yield) {
				return
			}
		}
	}
}

func (t table[Row]) view(ctx context.Context, f func(*bbolt.Tx) error) error {
	err := ctx.Err()
	if err == nil {
		err = t.db.view(f)
	}
	if err != nil {
		return fmt.Errorf("reading the %s: %w", t.bucket, err)
	}
	return nil
}

// yieldAll hands over a page and reports whether to go on.
func (t table[Row]) yieldAll(page []found[Row], err error, yield func(Row, error) bool) bool {
	var none Row
	if err != nil {
		yield(none, err)
		return false
	}
	for i := range page {
		f := &page[i]
		if f.err != nil {
			f.row = none
			t.db.metrics.corrupt.Inc()
		}
		if !yield(f.row, f.err) {
			return false
		}
	}
	return true
}

// liveRows looks up what changes often of live sessions, within one
// transaction.
type liveRows struct {
	db       *DB
	tx       *bbolt.Tx
	accounts map[string]liveIndex
}

// apply puts into s what the account's record says of it.
func (l *liveRows) apply(s *sessionwarden.Sighting) error {
	index, ok := l.accounts[s.Account]
	if !ok {
		key := []byte(s.Account)
		if value := l.tx.Bucket([]byte(bucketAccounts)).Get(key); value != nil {
			if err := l.db.codec.decode(bucketAccounts, key, value, &index); err != nil {
				return err
			}
		}
		slices.SortFunc(index.Live, func(a, b liveRecord) int { return cmp.Compare(a.Seq, b.Seq) })
		if l.accounts == nil {
			l.accounts = make(map[string]liveIndex)
		}
		l.accounts[s.Account] = index
	}
	i, ok := slices.BinarySearchFunc(index.Live, s.Seq, func(r liveRecord, seq uint64) int { return cmp.Compare(r.Seq, seq) })
	if ok {
		index.Live[i].apply(s, index.LastPoll)
	}
	return nil
}

// liveSeqs returns the live sightings of one account, or of all, account by
// account.
func (db *DB) liveSeqs(tx *bbolt.Tx, account string) ([]uint64, error) {
	var seqs []uint64
	err := db.eachIndex(tx, func(name string, index liveIndex) {
		if account == "" || account == name {
			first := len(seqs)
			for _, live := range index.Live {
				seqs = append(seqs, live.Seq)
			}
			slices.Sort(seqs[first:])
		}
	})
	return slices.Compact(seqs), err
}

// eachIndex calls f with what lives in every account.
func (db *DB) eachIndex(tx *bbolt.Tx, f func(account string, index liveIndex)) error {
	return tx.Bucket([]byte(bucketAccounts)).ForEach(func(key, value []byte) error {
		var index liveIndex
		if err := db.codec.decode(bucketAccounts, key, value, &index); err != nil {
			return err
		}
		f(string(key), index)
		return nil
	})
}
