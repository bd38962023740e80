package storage

import (
	"context"
	"fmt"

	"go.etcd.io/bbolt"

	"sessionwarden"
)

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
