package storage

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.etcd.io/bbolt"

	"sessionwarden"
	"sessionwarden/internal/mishap"
)

// maxWhy bounds the reason of observing, in bytes.
const maxWhy = 1024

// Observing returns since when and why nothing is to be disconnected, and
// whether that is so. It reads no disk.
func (db *DB) Observing() (sessionwarden.Observing, bool) {
	if o := db.observing.Load(); o != nil {
		return *o, true
	}
	return sessionwarden.Observing{}, false
}

// SetObserving writes down that nothing is to be disconnected until
// [DB.Resume], over restarts. Where that is so already, only the reason changes.
func (db *DB) SetObserving(ctx context.Context, why string) error {
	o := sessionwarden.Observing{Since: db.now().UTC().Truncate(time.Second), Why: sessionwarden.Clean(why, maxWhy)}
	if before, set := db.Observing(); set {
		o.Since = before.Since
	}
	if err := db.writeObserving(ctx, &o); err != nil {
		return fmt.Errorf("writing down that nothing is to be disconnected: %w", err)
	}
	return nil
}

// Resume ends observing. Where nothing is observed it does nothing.
func (db *DB) Resume(ctx context.Context) error {
	if _, set := db.Observing(); !set {
		return nil
	}
	if err := db.writeObserving(ctx, nil); err != nil {
		return fmt.Errorf("writing down that sessions may be disconnected again: %w", err)
	}
	return nil
}

// writeObserving writes o, or that there is none, to the disk and then to
// memory.
func (db *DB) writeObserving(ctx context.Context, o *sessionwarden.Observing) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	db.settings.Lock()
	defer db.settings.Unlock()
	err := db.update(func(tx *bbolt.Tx) error { return errors.Join(putObserving(tx, o), mishap.At("storage.observe")) })
	if err != nil {
		return err
	}
	_ = mishap.At("storage.observed")
	db.observing.Store(o)
	return nil
}

func putObserving(tx *bbolt.Tx, o *sessionwarden.Observing) error {
	meta := tx.Bucket([]byte(bucketMeta))
	if o == nil {
		return meta.Delete([]byte(keyObserving))
	}
	return meta.Put([]byte(keyObserving), []byte(o.Since.UTC().Format(time.RFC3339)+"\n"+o.Why))
}

// readObserving reads it into memory. What cannot be read counts all the same:
// to disconnect nothing is the safe side.
func (db *DB) readObserving(tx *bbolt.Tx) error {
	value := tx.Bucket([]byte(bucketMeta)).Get([]byte(keyObserving))
	if value == nil {
		return nil
	}
	since, why, _ := strings.Cut(string(value), "\n")
	o := &sessionwarden.Observing{Why: sessionwarden.Clean(why, maxWhy)}
	o.Since, _ = time.Parse(time.RFC3339, since)
	db.observing.Store(o)
	return nil
}
