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
// these speak of. Deliveries and buttons go with their alerts and are not counted. Where
// nothing is old enough, nothing is written.
//
// However large the history is, a call looks at 20 times as many rows at most,
// and the next one goes on where it stopped: what began long ago and ended late
// is looked at again only when all that is old was looked at. It looks while
// others write, and holds them up only for what it removes.
func (db *DB) Forget(ctx context.Context, before time.Time, most int) (int, error) {
	if err := ctx.Err(); err != nil || most <= 0 {
		return 0, err
	}
	db.forgetting.Lock()
	defer db.forgetting.Unlock()
	var old []oldRow
	var seen int // the transaction that old was found in
	next := db.forgetFrom
	err := db.view(func(tx *bbolt.Tx) (err error) {
		seen = tx.ID()
		old, next, err = db.findOld(tx, before, next, most)
		return err
	})
	if err == nil && len(old) > 0 {
		err = db.update(func(tx *bbolt.Tx) (err error) {
			if tx.ID() != seen+1 { // somebody wrote in between
				if old, err = db.stillOld(tx, before, old); err != nil {
					return err
				}
			}
			return errors.Join(db.remove(tx, old), mishap.At("storage.forget"))
		})
	}
	if err != nil {
		return 0, fmt.Errorf("forgetting old history: %w", err)
	}
	_ = mishap.At("storage.forgot")
	db.forgetFrom = next
	n := 0
	for _, row := range old {
		if row.bucket != bucketDeliveries && row.bucket != bucketOffers {
			n++
		}
	}
	db.metrics.forgot.Add(float64(n))
	return n, nil
}

// looksPerRow is how many rows are looked at for each that may be removed.
const looksPerRow = 20

// place is where the search for old rows goes on: a part of the history, and a
// key in it. The zero value is the beginning.
type place struct {
	part int
	key  []byte
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
	var open, incidents []uint64
	err := db.eachIndex(tx, func(_ string, index liveIndex) {
		for _, live := range index.Live {
			k.add(bucketSightings, live.Seq)
		}
		for _, seq := range index.Recent {
			k.add(bucketSightings, seq)
		}
		open = append(open, index.Open...)
		if index.Incident != 0 {
			incidents = append(incidents, index.Incident)
		}
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
	for _, id := range incidents {
		key := idKey(id)
		i, err := db.readIncident(key, tx.Bucket([]byte(bucketIncidents)).Get(key))
		if err != nil {
			return nil, err
		}
		k.add(bucketIncidents, id)
		k.add(bucketAlerts, i.AlertID)
		for _, finding := range i.Findings {
			k.add(bucketFindings, finding)
		}
		for _, action := range i.Actions {
			k.add(bucketActions, action)
		}
		for _, seq := range i.Sessions {
			k.add(bucketSightings, seq)
		}
	}
	return k, nil
}

// part is one bucket that grows old. look says when a row began and ended: one
// that has to stay ended never, or not before the time that was asked for.
// Rows that go together with it come beside.
type part struct {
	bucket string
	look   func(key, value []byte) (began, ended time.Time, with []oldRow, err error)
}

// parts returns what grows old. Within each, rows lie in the order in which they
// began, but for what a clock that ran ahead wrote.
func (db *DB) parts(tx *bbolt.Tx) []part {
	never := time.Unix(wholeSeconds, 0)
	return []part{
		{bucketSightings, func(key, value []byte) (time.Time, time.Time, []oldRow, error) {
			s, err := db.readSighting(key, value)
			if s.State == sessionwarden.Live {
				return s.FirstSeen, never, nil, err
			}
			return s.FirstSeen, latest(s.LastSeen, s.GoneAt), nil, err
		}},
		{bucketFindings, func(key, value []byte) (time.Time, time.Time, []oldRow, error) {
			f, err := db.readFinding(key, value)
			return f.Time, f.Time, nil, err
		}},
		{bucketActions, func(key, value []byte) (time.Time, time.Time, []oldRow, error) {
			a, err := db.readAction(key, value)
			if a.State.Open() {
				return a.Created, never, nil, err
			}
			return a.Created, latest(a.Created, a.Updated), nil, err
		}},
		{bucketIncidents, func(key, value []byte) (time.Time, time.Time, []oldRow, error) {
			i, err := db.readIncident(key, value)
			if i.Open() {
				return i.Opened, never, nil, err
			}
			return i.Opened, latest(i.Updated, i.Resolved), nil, err
		}},
		{bucketSilences, func(key, value []byte) (time.Time, time.Time, []oldRow, error) {
			s, err := db.readSilence(key, value)
			if s.Holds(db.now()) {
				return s.Created, never, nil, err
			}
			return s.Created, s.Ended().Add(sessionwarden.KeepEndedSilence), nil, err
		}},
		{bucketAlerts, func(key, value []byte) (time.Time, time.Time, []oldRow, error) {
			a, err := db.readAlert(key, value)
			if err != nil {
				return a.Created, never, nil, err
			}
			known, waiting, err := db.deliveriesOf(tx, a)
			if waiting {
				return a.Created, never, nil, err
			}
			return a.Created, latest(a.Created, a.Updated), known, err
		}},
	}
}

// findOld looks for rows that may be forgotten, from a place on: at most `most`,
// not counting deliveries. It returns where to go on. A record that cannot be
// read stays: it may be evidence.
func (db *DB) findOld(tx *bbolt.Tx, before time.Time, from place, most int) (old []oldRow, next place, err error) {
	keep, err := db.findKept(tx)
	if err != nil {
		return nil, from, err
	}
	var with []oldRow
	now := db.now()
	looks := looksPerRow * most
	parts := db.parts(tx)
	for i := from.part; i < len(parts); i++ {
		cursor := tx.Bucket([]byte(parts[i].bucket)).Cursor()
		for key, value := cursor.Seek(from.key); key != nil; key, value = cursor.Next() {
			if most == 0 || looks == 0 {
				return append(old, with...), place{i, bytes.Clone(key)}, nil
			}
			looks--
			began, ended, mine, err := parts[i].look(key, value)
			if err != nil {
				continue
			}
			if began.After(now) {
				continue // the clock ran ahead when it came
			}
			if !began.Before(before) {
				break // what comes after arrived later still
			}
			id, err := keyID(parts[i].bucket, key)
			if err != nil || keep[parts[i].bucket][id] || !ended.Before(before) {
				continue
			}
			old = append(old, oldRow{parts[i].bucket, bytes.Clone(key)})
			with = append(with, mine...)
			most--
		}
		from.key = nil
	}
	return append(old, with...), place{}, nil
}

// stillOld returns those of the rows that may be forgotten still.
func (db *DB) stillOld(tx *bbolt.Tx, before time.Time, rows []oldRow) (old []oldRow, err error) {
	keep, err := db.findKept(tx)
	if err != nil {
		return nil, err
	}
	var with []oldRow
	for _, part := range db.parts(tx) {
		bucket := tx.Bucket([]byte(part.bucket))
		for _, row := range rows {
			if row.bucket != part.bucket {
				continue
			}
			value := bucket.Get(row.key)
			if value == nil {
				continue
			}
			_, ended, mine, err := part.look(row.key, value)
			id, idErr := keyID(part.bucket, row.key)
			if err != nil || idErr != nil || keep[part.bucket][id] || !ended.Before(before) {
				continue
			}
			old, with = append(old, row), append(with, mine...)
		}
	}
	return append(old, with...), nil
}

// deliveriesOf returns the rows that say what became of an alert and what its
// buttons ask for, and whether it is still to be delivered. It is where nobody ever tried: people may not
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
	cursor = tx.Bucket([]byte(bucketOffers)).Cursor()
	for key, _ := cursor.Seek(prefix); bytes.HasPrefix(key, prefix); key, _ = cursor.Next() {
		rows = append(rows, oldRow{bucketOffers, bytes.Clone(key)})
	}
	return rows, waiting, nil
}

// owed reports whether a channel tried, did not succeed, and goes on trying, or
// was asked to send an alert once more. A channel that left an alert out on
// purpose says why, and tries no more.
func owed(a sessionwarden.Alert, d sessionwarden.Delivery) bool {
	switch {
	case d.Again:
		return true
	case d.Sent > a.Revision:
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
