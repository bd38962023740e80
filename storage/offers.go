package storage

import (
	"context"
	"errors"
	"fmt"

	"go.etcd.io/bbolt"

	"sessionwarden"
	"sessionwarden/internal/mishap"
)

// Offered records buttons, new ones and those that were pressed, all of it in
// one transaction, or nothing. The buttons of an alert that is no longer kept
// are passed over.
func (db *DB) Offered(ctx context.Context, offers []sessionwarden.Offer) error {
	if err := db.offered(ctx, offers); err != nil {
		db.metrics.failed.Inc()
		return fmt.Errorf("saving buttons: %w", err)
	}
	return nil
}

func (db *DB) offered(ctx context.Context, offers []sessionwarden.Offer) error {
	if err := ctx.Err(); err != nil || len(offers) == 0 {
		return err
	}
	records := make(batch)
	for _, o := range offers {
		if o.ID.Alert() == 0 || o.ID.Alert() != o.Alert {
			return errors.New("a button has no id, or that of another alert's")
		}
		if err := records.add(db.codec, bucketOffers, offerKey(o), packOffer(o)); err != nil {
			return err
		}
	}
	err := db.update(func(tx *bbolt.Tx) error {
		alerts := tx.Bucket([]byte(bucketAlerts))
		kept := make(batch)
		for _, w := range records[bucketOffers] {
			if alerts.Get(w.key[:8]) != nil {
				kept[bucketOffers] = append(kept[bucketOffers], w)
			}
		}
		return errors.Join(kept.put(tx), mishap.At("storage.offer"))
	})
	if err == nil {
		_ = mishap.At("storage.offered")
	}
	return err
}

// Offer returns a button by its id, and whether there is one.
func (db *DB) Offer(ctx context.Context, id sessionwarden.OfferID) (o sessionwarden.Offer, there bool, err error) {
	if err = ctx.Err(); err == nil && id.Alert() != 0 {
		err = db.view(func(tx *bbolt.Tx) error {
			key := offerKey(sessionwarden.Offer{Alert: id.Alert(), ID: id})
			value := tx.Bucket([]byte(bucketOffers)).Get(key)
			if there = value != nil; !there {
				return nil
			}
			o, err = db.readOffer(key, value)
			return err
		})
	}
	if err != nil {
		return sessionwarden.Offer{}, false, fmt.Errorf("looking for a button: %w", err)
	}
	return o, there, nil
}
