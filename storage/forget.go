package storage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"sessionwarden"
	"sessionwarden/internal/mishap"
)

// Forget removes at most `most` of the oldest rows that ended before a time,
// in one small transaction, and returns how many. It never forgets a live
// session, an open action, an alert that is still to be delivered, or what
// these speak of. Deliveries go with their alerts and are not counted. Where
// nothing is old enough, nothing is written.
func (db *DB) Forget(ctx context.Context, before time.Time, most int) (int, error) {
	if err := ctx.Err(); err != nil || most <= 0 {
		return 0, err
	}
	n := 0
	any := false
	err := db.view(func(tx *bbolt.Tx) error {
		old, err := db.findOld(tx, before, 1)
		any = len(old) > 0
		return err
	})
	if err == nil && any {
		err = db.update(func(tx *bbolt.Tx) error {
			old, err := db.findOld(tx, before, most)
			if err != nil {
				return err
			}
			n = 0
			for _, row := range old {
				if row.bucket != bucketDeliveries {
					n++
				}
			}
			return errors.Join(db.remove(tx, old), mishap.At("storage.forget"))
		})
	}
	if err != nil {
		return 0, fmt.Errorf("forgetting old history: %w", err)
	}
	_ = mishap.At("storage.forgot")
	db.metrics.forgot.Add(float64(n))
	return n, nil
}

// oldRow is a row to be forgotten.
type oldRow struct {
	bucket string
	key    []byte
}

// remove deletes rows. Their ids are not given out again.
func (db *DB) remove(tx *bbolt.Tx, rows []oldRow) error {
	if err := tx.Bucket([]byte(bucketMeta)).SetSequence(db.lastID.Load()); err != nil {
		return err
	}
	for _, row := range rows {
		bucket := tx.Bucket([]byte(row.bucket))
		if err := bucket.Delete(row.key); err != nil {
			return err
		}
		if err := bucket.SetSequence(bucket.Sequence() - 1); err != nil {
			return err
		}
	}
	return nil
}

// kept is what must not be forgotten.
type kept map[string]map[uint64]bool

func (k kept) add(bucket string, id uint64) {
	if k[bucket] == nil {
		k[bucket] = make(map[uint64]bool)
	}
	k[bucket][id] = true
}

// findKept returns what lives, what is open, and what that speaks of.
func (db *DB) findKept(tx *bbolt.Tx) (kept, error) {
	k := make(kept)
	var open []uint64
	err := db.eachIndex(tx, func(_ string, index liveIndex) {
		for _, live := range index.Live {
			k.add(bucketSightings, live.Seq)
		}
		open = append(open, index.Open...)
	})
	if err != nil {
		return nil, err
	}
	actions := tx.Bucket([]byte(bucketActions))
	for _, id := range open {
		key := idKey(id)
		a, err := db.readAction(key, actions.Get(key))
		if err != nil {
			return nil, err
		}
		k.add(bucketActions, id)
		k.add(bucketSightings, a.Seq)
		k.add(bucketAlerts, a.AlertID)
		for _, finding := range a.Findings {
			k.add(bucketFindings, finding)
		}
	}
	return k, nil
}

// findOld returns at most `most` rows that may be forgotten, not counting
// deliveries. A record that cannot be read stays: it may be evidence.
func (db *DB) findOld(tx *bbolt.Tx, before time.Time, most int) ([]oldRow, error) {
	keep, err := db.findKept(tx)
	if err != nil {
		return nil, err
	}
	var old []oldRow
	scan := func(bucket string, look func(key, value []byte) (began, ended time.Time, err error)) {
		cursor := tx.Bucket([]byte(bucket)).Cursor()
		for key, value := cursor.First(); key != nil && most > 0; key, value = cursor.Next() {
			began, ended, err := look(key, value)
			if err != nil {
				continue
			}
			if !began.Before(before) {
				return // what comes after arrived later still
			}
			id, err := keyID(bucket, key)
			if err != nil || keep[bucket][id] || !ended.Before(before) {
				continue
			}
			old = append(old, oldRow{bucket, bytes.Clone(key)})
			most--
		}
	}
	scan(bucketSightings, func(key, value []byte) (time.Time, time.Time, error) {
		s, err := db.readSighting(key, value)
		if s.State == sessionwarden.Live {
			return s.FirstSeen, before, err // it did not end
		}
		return s.FirstSeen, latest(s.LastSeen, s.GoneAt), err
	})
	scan(bucketFindings, func(key, value []byte) (time.Time, time.Time, error) {
		f, err := db.readFinding(key, value)
		return f.Time, f.Time, err
	})
	scan(bucketActions, func(key, value []byte) (time.Time, time.Time, error) {
		a, err := db.readAction(key, value)
		if a.State.Open() {
			return a.Created, before, err
		}
		return a.Created, latest(a.Created, a.Updated), err
	})
	var deliveries []oldRow
	scan(bucketAlerts, func(key, value []byte) (time.Time, time.Time, error) {
		a, err := db.readAlert(key, value)
		if err != nil || keep[bucketAlerts][a.ID] {
			return a.Created, before, err
		}
		known, waiting, err := db.deliveriesOf(tx, a)
		ended := latest(a.Created, a.Updated)
		if err != nil || waiting {
			return a.Created, before, err
		}
		if a.Created.Before(before) && ended.Before(before) {
			deliveries = append(deliveries, known...)
		}
		return a.Created, ended, nil
	})
	return append(old, deliveries...), nil
}

// deliveriesOf returns the rows that say what became of an alert, and whether
// it is still to be delivered. It is where nobody ever tried: people may not
// know of it yet.
func (db *DB) deliveriesOf(tx *bbolt.Tx, a sessionwarden.Alert) (rows []oldRow, waiting bool, err error) {
	waiting = true
	prefix := idKey(a.ID)
	cursor := tx.Bucket([]byte(bucketDeliveries)).Cursor()
	for key, value := cursor.Seek(prefix); bytes.HasPrefix(key, prefix); key, value = cursor.Next() {
		d, err := db.readDelivery(key, value)
		if err != nil {
			return nil, true, err
		}
		if owed(a, d) {
			return nil, true, nil
		}
		waiting = false
		rows = append(rows, oldRow{bucketDeliveries, bytes.Clone(key)})
	}
	return rows, waiting, nil
}

// owed reports whether a channel tried, did not succeed, and goes on trying. A
// channel that left an alert out on purpose says why, and tries no more.
func owed(a sessionwarden.Alert, d sessionwarden.Delivery) bool {
	if d.Sent > a.Revision {
		return false
	}
	trying := d.Attempts > 0 || !d.NotTill.IsZero()
	return trying || d.Sent == 0 && d.Error == ""
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
