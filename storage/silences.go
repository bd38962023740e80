package storage

import (
	"context"
	"errors"
	"fmt"

	"go.etcd.io/bbolt"

	"sessionwarden"
	"sessionwarden/internal/mishap"
)

// silenceRecord is a [sessionwarden.Silence]; its ID is the key.
type silenceRecord struct {
	Account  string `cbor:"1,keyasint,omitempty"`
	Rule     string `cbor:"2,keyasint,omitempty"`
	Topic    string `cbor:"3,keyasint,omitempty"`
	Critical bool   `cbor:"4,keyasint,omitempty"`
	Until    int64  `cbor:"5,keyasint,omitempty"`
	Reason   string `cbor:"6,keyasint,omitempty"`
	By       string `cbor:"7,keyasint,omitempty"`
	Created  int64  `cbor:"8,keyasint,omitempty"`
	Removed  int64  `cbor:"9,keyasint,omitempty"`
}

func packSilence(s sessionwarden.Silence) silenceRecord {
	return silenceRecord{
		Account: s.Account, Rule: string(s.Rule), Topic: string(s.Topic), Critical: s.Critical, Until: packTime(s.Until),
		Reason: s.Reason, By: s.By, Created: packTime(s.Created), Removed: packTime(s.Removed),
	}
}

func (r silenceRecord) unpack(id uint64) sessionwarden.Silence {
	return sessionwarden.Silence{
		ID: id, Account: r.Account, Rule: sessionwarden.Rule(r.Rule), Topic: sessionwarden.Topic(r.Topic), Critical: r.Critical,
		Until: unpackTime(r.Until), Reason: r.Reason, By: r.By, Created: unpackTime(r.Created), Removed: unpackTime(r.Removed),
	}
}

func (db *DB) readSilence(key, value []byte) (sessionwarden.Silence, error) {
	id, err := keyID(bucketSilences, key)
	if err != nil {
		return sessionwarden.Silence{}, err
	}
	var r silenceRecord
	if err := db.codec.decode(bucketSilences, key, value, &r); err != nil {
		return sessionwarden.Silence{}, err
	}
	return r.unpack(id), nil
}

// Silences returns every silence that is kept, those that have ended too, in the
// order of their making.
func (db *DB) Silences(ctx context.Context) ([]sessionwarden.Silence, error) {
	var list []sessionwarden.Silence
	err := ctx.Err()
	if err == nil {
		err = db.view(func(tx *bbolt.Tx) error {
			return tx.Bucket([]byte(bucketSilences)).ForEach(func(key, value []byte) error {
				s, err := db.readSilence(key, value)
				list = append(list, s)
				return err
			})
		})
	}
	if err != nil {
		return nil, fmt.Errorf("reading the silences: %w", err)
	}
	return list, nil
}

// PutSilence writes a silence, a new one or a changed one, by its ID.
func (db *DB) PutSilence(ctx context.Context, s sessionwarden.Silence) error {
	err := ctx.Err()
	records := make(batch)
	if err == nil && (s.ID == 0 || s.ID > maxID) {
		err = fmt.Errorf("a silence has the id %d", s.ID)
	}
	if err == nil {
		err = records.add(db.codec, bucketSilences, idKey(s.ID), packSilence(s))
	}
	if err == nil {
		err = db.update(func(tx *bbolt.Tx) error { return errors.Join(records.put(tx), mishap.At("storage.silence")) })
	}
	if err != nil {
		db.metrics.failed.Inc()
		return fmt.Errorf("saving a silence: %w", err)
	}
	_ = mishap.At("storage.silenced")
	db.raiseLastID(s.ID)
	return nil
}
