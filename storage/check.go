package storage

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"
)

// maxFaults is how many faults of one database are told.
const maxFaults = 10

// Check makes sure that the database file at path is whole: every page, every
// record, and what records say of each other. It changes nothing. It returns
// all that is wrong, ten things at most. It reads everything, and must not be
// called with a database that is open in a daemon: it is for copies.
func Check(ctx context.Context, path string) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return fmt.Errorf("checking the database: %w", err)
	}
	if err := checkFile(ctx, path, presentSchema()); err != nil {
		return fmt.Errorf("checking the database %s: %w", path, err)
	}
	return nil
}

func checkFile(ctx context.Context, path string, layout schema) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := waitLock(f, path, false, time.Second); err != nil {
		return err
	}
	m, err := preflight(f, path)
	if err != nil {
		return err
	}
	if err := checkPages(ctx, f, m); err != nil {
		if ctx.Err() != nil {
			return err
		}
		return &DamagedError{Path: path, Why: err.Error()}
	}
	db, err := newDB(path, Options{ReadOnly: true}.complete(), layout)
	if err != nil {
		return err
	}
	if err := db.openFile(time.Second); err != nil {
		return err
	}
	err = db.view(func(tx *bbolt.Tx) error { return db.check(ctx, tx) })
	return errors.Join(err, db.Close())
}

// check returns what is wrong with an open database.
func (db *DB) check(ctx context.Context, tx *bbolt.Tx) error {
	var faults []error
	for err := range tx.Check() {
		if len(faults) < maxFaults {
			faults = append(faults, err)
		}
	}
	if len(faults) > 0 {
		return &DamagedError{Path: db.path, Why: errors.Join(faults...).Error()}
	}
	version, err := db.schema.read(tx, db.path)
	if err != nil || version < db.schema.version() {
		return err // an older layout is looked at when it is brought up to date
	}
	for _, bucket := range rowBuckets() {
		read := db.reader(tx, bucket)
		rows := uint64(0)
		err := tx.Bucket([]byte(bucket)).ForEach(func(key, value []byte) error {
			if rows++; rows%pageRows == 0 && ctx.Err() != nil {
				return ctx.Err()
			}
			if err := read(key, value); err != nil {
				faults = append(faults, err)
			}
			if len(faults) >= maxFaults {
				return errors.Join(faults...)
			}
			return nil
		})
		if err != nil {
			return err
		}
		if counted := tx.Bucket([]byte(bucket)).Sequence(); counted != rows {
			faults = append(faults, fmt.Errorf("%s holds %d rows, and says that it holds %d", bucket, rows, counted))
		}
	}
	return errors.Join(faults...)
}

// errOrphan says that a row goes with an alert that is not there.
var errOrphan = errors.New("it is of an alert that is not there")

// reader returns what reads a row of bucket with all that it refers to.
func (db *DB) reader(tx *bbolt.Tx, bucket string) func(key, value []byte) error {
	return func(key, value []byte) (err error) {
		switch bucket {
		case bucketAccounts:
			_, err = db.readHistory(tx, string(key))
		case bucketSightings:
			_, err = db.readSighting(key, value)
		case bucketFindings:
			_, err = db.readFinding(key, value)
		case bucketActions:
			_, err = db.readAction(key, value)
		case bucketIncidents:
			_, err = db.readIncident(key, value)
		case bucketAlerts:
			_, err = db.readAlert(key, value)
		case bucketDeliveries:
			_, err = db.readDelivery(key, value)
			if err == nil && tx.Bucket([]byte(bucketAlerts)).Get(key[:8]) == nil {
				err = corrupt(bucket, key, errOrphan)
			}
		case bucketOffers:
			_, err = db.readOffer(key, value)
			if err == nil && tx.Bucket([]byte(bucketAlerts)).Get(key[:8]) == nil {
				err = corrupt(bucket, key, errOrphan)
			}
		case bucketSilences:
			_, err = db.readSilence(key, value)
		}
		return err
	}
}
