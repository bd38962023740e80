package storage

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"sessionwarden"
	"sessionwarden/internal/mishap"
)

// NextID returns a number that no sighting, finding, action or alert has yet,
// on the disk or in memory. Numbers rise, over restarts as well; they start
// at 1.
func (db *DB) NextID() uint64 { return db.lastID.Add(1) }

// raiseLastID makes sure that id is not given out any more.
func (db *DB) raiseLastID(id uint64) {
	for {
		last := db.lastID.Load()
		if last >= id || db.lastID.CompareAndSwap(last, id) {
			return
		}
	}
}

// findLastID reads the greatest id that was ever used.
func (db *DB) findLastID(tx *bbolt.Tx) error {
	last, err := lastID(tx, db.path)
	db.raiseLastID(last)
	return err
}

func lastID(tx *bbolt.Tx, path string) (uint64, error) {
	// What was forgotten left its last id as the sequence of meta.
	last := tx.Bucket([]byte(bucketMeta)).Sequence()
	if last > maxID {
		return 0, &DamagedError{Path: path, Why: "its last id is out of range"}
	}
	for _, name := range []string{bucketSightings, bucketFindings, bucketActions, bucketIncidents, bucketAlerts, bucketSilences} {
		key, _ := tx.Bucket([]byte(name)).Cursor().Last()
		if key == nil {
			continue
		}
		id, err := keyID(name, key)
		if err != nil {
			return 0, err
		}
		last = max(last, id)
	}
	return last, nil
}

// maxRecord bounds one record, in bytes. It is far beyond what the limits of the
// nouns add up to.
const maxRecord = 16 << 20

// write is one record on its way to the disk.
type write struct {
	key, value []byte
}

// batch is the records on their way to the disk, by bucket.
type batch map[string][]write

func (b batch) add(c *codec, bucket string, key []byte, record any) error {
	value, err := c.encode(record)
	if err != nil {
		return fmt.Errorf("preparing the record %s of %s: %w", keyText(bucket, key), bucket, err)
	}
	if len(value) > maxRecord {
		return fmt.Errorf("the record %s of %s would have %d bytes: %d are possible", keyText(bucket, key), bucket, len(value), maxRecord)
	}
	b[bucket] = append(b[bucket], write{key: key, value: value})
	return nil
}

// Commit writes all changes to the disk in one transaction, or none of them.
// When it returns nil they outlast a crash. A change whose History has no
// Account may hold alerts that belong to no account, and nothing else.
//
// Of a live sighting whose row is not among Sightings only LastSeen, Missing,
// Started and Expires are written. An error leaves everything as it was, and
// the database usable.
func (db *DB) Commit(ctx context.Context, changes []sessionwarden.Change) error {
	begin := time.Now()
	err := db.commit(ctx, changes)
	if err != nil {
		db.metrics.failed.Inc()
		return fmt.Errorf("saving the history: %w", err)
	}
	db.metrics.seconds.Observe(time.Since(begin).Seconds())
	return nil
}

func (db *DB) commit(ctx context.Context, changes []sessionwarden.Change) error {
	if err := ctx.Err(); err != nil || len(changes) == 0 {
		return err
	}
	records := make(batch)
	var live []uint64 // that have to have rows
	last := uint64(0)
	for _, c := range changes {
		if err := records.addChange(db.codec, c, &last); err != nil {
			return err
		}
		for _, s := range c.History.Live {
			live = append(live, s.Seq)
		}
		for _, s := range c.History.Recent {
			live = append(live, s.Seq)
		}
	}
	trust := lastTrust(changes)
	last = max(last, trust)
	err := db.update(func(tx *bbolt.Tx) error {
		if err := errors.Join(records.put(tx), useUp(tx, trust)); err != nil {
			return err
		}
		return errors.Join(rowsExist(tx, live, records[bucketSightings]), mishap.At("storage.commit"))
	})
	if err != nil {
		return err
	}
	_ = mishap.At("storage.committed")
	db.raiseLastID(last)
	for _, writes := range records {
		db.metrics.rows.Add(float64(len(writes)))
	}
	db.measure()
	return nil
}

// lastTrust returns the greatest id of a trust: trusts have no rows of their own
// that would keep their ids from being used again.
func lastTrust(changes []sessionwarden.Change) (last uint64) {
	for _, c := range changes {
		for _, t := range c.History.Trusts {
			last = max(last, t.ID)
		}
	}
	return last
}

// useUp notes that no id up to id is given out any more.
func useUp(tx *bbolt.Tx, id uint64) error {
	meta := tx.Bucket([]byte(bucketMeta))
	if id <= meta.Sequence() {
		return nil
	}
	if id > maxID {
		return fmt.Errorf("a trust has the id %d", id)
	}
	return meta.SetSequence(id)
}

// addChange adds the records of one change. last rises to its greatest id.
func (b batch) addChange(c *codec, change sessionwarden.Change, last *uint64) error {
	account := change.History.Account
	add := func(bucket string, id uint64, of string, record any) error {
		if id == 0 || id > maxID {
			return fmt.Errorf("a row of %s has the id %d", bucket, id)
		}
		if of != account {
			return fmt.Errorf("the row %d of %s is of account %q, in a change of %q", id, bucket, of, account)
		}
		*last = max(*last, id)
		return b.add(c, bucket, idKey(id), record)
	}
	if account != "" {
		if len(account) > maxName {
			return fmt.Errorf("the account's name is longer than %d bytes", maxName)
		}
		if err := b.add(c, bucketAccounts, []byte(account), packHistory(change.History)); err != nil {
			return err
		}
	} else if len(change.Sightings)+len(change.Findings)+len(change.Actions)+len(change.Incidents)+len(change.History.Live)+len(change.History.Recent) > 0 {
		return errors.New("a change without an account holds rows of one")
	}
	for _, s := range change.Sightings {
		if err := add(bucketSightings, s.Seq, s.Account, c.packSighting(s)); err != nil {
			return err
		}
	}
	for _, f := range change.Findings {
		if err := add(bucketFindings, f.ID, f.Account, packFinding(f)); err != nil {
			return err
		}
	}
	for _, a := range change.Actions {
		if err := add(bucketActions, a.ID, a.Account, packAction(a)); err != nil {
			return err
		}
	}
	for _, i := range change.Incidents {
		if err := add(bucketIncidents, i.ID, i.Account, packIncident(i)); err != nil {
			return err
		}
	}
	for _, a := range change.Alerts {
		if err := add(bucketAlerts, a.ID, a.Account, c.packAlert(a)); err != nil {
			return err
		}
	}
	return nil
}

// put writes the records, in the order of their keys, and counts the rows.
func (b batch) put(tx *bbolt.Tx) error {
	for bucket, writes := range b {
		into := tx.Bucket([]byte(bucket))
		if bucket != bucketAccounts && bucket != bucketDeliveries && bucket != bucketOffers {
			into.FillPercent = fill
		}
		slices.SortStableFunc(writes, func(a, b write) int { return bytes.Compare(a.key, b.key) })
		last, _ := into.Cursor().Last()
		last = bytes.Clone(last)
		rows := into.Sequence()
		for i, w := range writes {
			again := i > 0 && bytes.Equal(writes[i-1].key, w.key)
			if !again && (last == nil || bytes.Compare(w.key, last) > 0 || into.Get(w.key) == nil) {
				rows++
			}
			if err := into.Put(w.key, w.value); err != nil {
				return fmt.Errorf("writing the record %s of %s: %w", keyText(bucket, w.key), bucket, err)
			}
		}
		if err := into.SetSequence(rows); err != nil {
			return err
		}
	}
	return nil
}

// rowsExist makes sure that every live sighting, and each that ended lately, has a row: what is joined on
// load has to be there. written are the rows of this very transaction, sorted.
func rowsExist(tx *bbolt.Tx, live []uint64, written []write) error {
	sightings := tx.Bucket([]byte(bucketSightings))
	var key [8]byte
	for _, seq := range live {
		binary.BigEndian.PutUint64(key[:], seq)
		_, found := slices.BinarySearchFunc(written, key[:], func(w write, key []byte) int { return bytes.Compare(w.key, key) })
		if !found && sightings.Get(key[:]) == nil {
			return fmt.Errorf("the session %d has no row in the history", seq)
		}
	}
	return nil
}
