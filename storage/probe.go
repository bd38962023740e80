package storage

import (
	"context"
	"errors"
	"fmt"

	"go.etcd.io/bbolt"

	"sessionwarden"
	"sessionwarden/internal/mishap"
)

// Probe tries whether the outbox can be written and read, and leaves nothing in
// it: in one transaction that goes to the disk, it writes what became of an alert
// that there is not, reads it, and takes it away again; a second one reads the
// database as it is then.
//
// It shows that the file is in its place, that a transaction comes to the disk,
// and that a row comes back as it was written. It says nothing of the rows that
// are there: Check reads those.
func (db *DB) Probe(ctx context.Context) error {
	if err := db.probe(ctx); err != nil {
		db.metrics.failed.Inc()
		return fmt.Errorf("trying to write to the database: %w", err)
	}
	return nil
}

func (db *DB) probe(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	d := sessionwarden.Delivery{Alert: maxID, Channel: "probe", Sent: 1, Error: "a probe", Time: db.now().UTC().Round(0)}
	key := deliveryKey(d)
	record, err := db.codec.encode(packDelivery(d))
	if err != nil {
		return err
	}
	err = db.update(func(tx *bbolt.Tx) error {
		rows := tx.Bucket([]byte(bucketDeliveries))
		if err := rows.Put(key, record); err != nil {
			return err
		}
		back, err := db.readDelivery(key, rows.Get(key))
		if err != nil {
			return err
		}
		if back.Time = back.Time.UTC(); back != d {
			return errors.New("a row came back as another one than was written")
		}
		return errors.Join(rows.Delete(key), mishap.At("storage.probe"))
	})
	if err != nil {
		return err
	}
	return db.view(func(tx *bbolt.Tx) error {
		if tx.Bucket([]byte(bucketDeliveries)).Get(key) != nil {
			return errors.New("a row that was taken away is still there")
		}
		return nil
	})
}
