package storage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"go.etcd.io/bbolt"

	"sessionwarden"
	"sessionwarden/internal/mishap"
)

// Outbox returns every alert that is kept, each in its newest revision, and
// what is known of their deliveries, both in the order of the alerts. A record
// that cannot be read is a *[CorruptError]: an alert is not lost in silence.
func (db *DB) Outbox(ctx context.Context) ([]sessionwarden.Alert, []sessionwarden.Delivery, error) {
	var alerts []sessionwarden.Alert
	var deliveries []sessionwarden.Delivery
	err := ctx.Err()
	if err == nil {
		err = db.view(func(tx *bbolt.Tx) error {
			err := tx.Bucket([]byte(bucketAlerts)).ForEach(func(key, value []byte) error {
				alert, err := db.readAlert(key, value)
				alerts = append(alerts, alert)
				return err
			})
			if err != nil {
				return err
			}
			return tx.Bucket([]byte(bucketDeliveries)).ForEach(func(key, value []byte) error {
				delivery, err := db.readDelivery(key, value)
				deliveries = append(deliveries, delivery)
				return err
			})
		})
	}
	if err != nil {
		return nil, nil, fmt.Errorf("reading the alerts: %w", err)
	}
	return alerts, deliveries, nil
}

// Alerts returns the alerts that q chooses, each in its newest revision and with
// what is known of its deliveries, in the order of their making and in the manner
// of [DB.Sightings]. With Since, those that were made or went on at or after it.
func (db *DB) Alerts(ctx context.Context, q sessionwarden.Query) iter.Seq2[sessionwarden.Telling, error] {
	rows := table[sessionwarden.Telling]{
		db: db, bucket: bucketAlerts,
		read: func(tx *bbolt.Tx) func(key, value []byte) (sessionwarden.Telling, error) {
			deliveries := tx.Bucket([]byte(bucketDeliveries)).Cursor()
			return func(key, value []byte) (told sessionwarden.Telling, err error) {
				if told.Alert, err = db.readAlert(key, value); err != nil {
					return told, err
				}
				for key, value := deliveries.Seek(key); bytes.HasPrefix(key, idKey(told.Alert.ID)); key, value = deliveries.Next() {
					d, err := db.readDelivery(key, value)
					if err != nil {
						return told, err
					}
					told.Deliveries = append(told.Deliveries, d)
				}
				return told, nil
			}
		},
		wanted: func(told *sessionwarden.Telling) bool {
			a := &told.Alert
			return (q.Account == "" || a.Account == q.Account) && reaches(q.Since, a.Created, a.Updated)
		},
	}
	return rows.list(ctx, q)
}

// Telling returns one alert with its deliveries, and whether it is kept.
func (db *DB) Telling(ctx context.Context, id uint64) (sessionwarden.Telling, bool, error) {
	for told, err := range db.Alerts(ctx, sessionwarden.Query{ID: id}) {
		return told, err == nil, err
	}
	return sessionwarden.Telling{}, false, nil
}

// Deliveries returns what is known of every alert's deliveries, in the order of the
// alerts and in the manner of [DB.Sightings].
func (db *DB) Deliveries(ctx context.Context) iter.Seq2[sessionwarden.Delivery, error] {
	rows := table[sessionwarden.Delivery]{
		db: db, bucket: bucketDeliveries,
		read:   func(*bbolt.Tx) func(key, value []byte) (sessionwarden.Delivery, error) { return db.readDelivery },
		wanted: func(*sessionwarden.Delivery) bool { return true },
	}
	return rows.list(ctx, sessionwarden.Query{})
}

// Delivered records what became of alerts, and the buttons that are new with
// that, all of it in one transaction, or nothing. What is known of an alert that is
// no longer kept is passed over.
func (db *DB) Delivered(ctx context.Context, deliveries []sessionwarden.Delivery, offers ...sessionwarden.Offer) error {
	if err := db.told(ctx, deliveries, offers); err != nil {
		db.metrics.failed.Inc()
		return fmt.Errorf("saving what became of alerts: %w", err)
	}
	return nil
}

// Offered records buttons, new ones and those that were pressed, all of it in
// one transaction, or nothing. The buttons of an alert that is no longer kept
// are passed over.
func (db *DB) Offered(ctx context.Context, offers []sessionwarden.Offer) error {
	if err := db.told(ctx, nil, offers); err != nil {
		db.metrics.failed.Inc()
		return fmt.Errorf("saving buttons: %w", err)
	}
	return nil
}

// told writes what belongs to alerts that are kept.
func (db *DB) told(ctx context.Context, deliveries []sessionwarden.Delivery, offers []sessionwarden.Offer) error {
	if err := ctx.Err(); err != nil || len(deliveries)+len(offers) == 0 {
		return err
	}
	records := make(batch)
	for _, d := range deliveries {
		if d.Channel == "" || len(d.Channel) > maxName {
			return fmt.Errorf("the name of a channel has %d bytes: 1 to %d are possible", len(d.Channel), maxName)
		}
		if err := records.add(db.codec, bucketDeliveries, deliveryKey(d), packDelivery(d)); err != nil {
			return err
		}
	}
	for _, o := range offers {
		if o.ID.Alert() == 0 || o.ID.Alert() != o.Alert {
			return errors.New("a button has no id, or that of another alert's")
		}
		if err := records.add(db.codec, bucketOffers, offerKey(o), packOffer(o)); err != nil {
			return err
		}
	}
	point, passed := "storage.deliver", "storage.delivered"
	if len(offers) > 0 {
		point, passed = "storage.offer", "storage.offered"
	}
	err := db.update(func(tx *bbolt.Tx) error {
		alerts := tx.Bucket([]byte(bucketAlerts))
		for bucket, writes := range records {
			records[bucket] = slices.DeleteFunc(writes, func(w write) bool { return alerts.Get(w.key[:8]) == nil })
		}
		return errors.Join(records.put(tx), mishap.At(point))
	})
	if err == nil {
		_ = mishap.At(passed)
	}
	return err
}
