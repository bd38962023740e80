package storage

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"go.etcd.io/bbolt"

	"sessionwarden"
)

// The buckets. The package comment draws them.
const (
	bucketMeta       = "meta"
	bucketAccounts   = "accounts"
	bucketSightings  = "sightings"
	bucketFindings   = "findings"
	bucketActions    = "actions"
	bucketIncidents  = "incidents"
	bucketAlerts     = "alerts"
	bucketDeliveries = "deliveries"
	bucketOffers     = "offers"
	bucketSilences   = "silences"
)

// The keys in the bucket meta.
const (
	keySchema    = "schema"    // the version of the layout, in decimal
	keyNeeds     = "needs"     // the version of the program that made this layout
	keyCreated   = "created"   // when the database was created, RFC 3339
	keyObserving = "observing" // since when and why nothing is disconnected; absent: it is
)

// rowBuckets returns the buckets that hold rows. The sequence of each is how
// many rows it holds.
func rowBuckets() []string {
	return []string{bucketAccounts, bucketSightings, bucketFindings, bucketActions, bucketIncidents, bucketAlerts, bucketDeliveries, bucketOffers, bucketSilences}
}

// fill is how full pages are left of buckets whose keys only rise. The rest is
// room for rows that grow once they are known to be gone.
const fill = 0.9

// migration brings a database from one layout to the next.
type migration struct {
	what string // in words
	run  func(tx *bbolt.Tx) error
}

// schema is the layout that the program knows: its version is one more than
// the number of ways to it.
type schema struct {
	migrations []migration
}

// presentSchema is the layout that the package comment draws: version 3.
func presentSchema() schema {
	return schema{migrations: []migration{
		{"incidents have rows", func(tx *bbolt.Tx) error {
			_, err := tx.CreateBucket([]byte(bucketIncidents))
			return err
		}},
		{"buttons and silences have rows", func(tx *bbolt.Tx) error {
			_, err := tx.CreateBucket([]byte(bucketOffers))
			_, err2 := tx.CreateBucket([]byte(bucketSilences))
			return errors.Join(err, err2)
		}},
	}}
}

func (s schema) version() int { return len(s.migrations) + 1 }

// NewerError says that a database was last used by a newer version.
type NewerError struct {
	Path   string
	Schema int    // the version of its layout
	Known  int    // the newest that this version knows
	Needs  string // the version of the program that it needs; may be empty
}

// Error implements error.
func (e *NewerError) Error() string {
	needs := e.Needs
	if needs == "" {
		needs = "a newer version"
	}
	return fmt.Sprintf("the database %s has layout %d and this version knows layouts up to %d: it needs sessionwarden %s or newer, or restore a backup from before the upgrade",
		e.Path, e.Schema, e.Known, needs)
}

// create makes the buckets of an empty database.
func (s schema) create(tx *bbolt.Tx, version string, now time.Time) error {
	meta, err := tx.CreateBucket([]byte(bucketMeta))
	if err != nil {
		return err
	}
	for _, name := range rowBuckets() {
		if _, err := tx.CreateBucket([]byte(name)); err != nil {
			return err
		}
	}
	return errors.Join(s.stamp(tx, version), meta.Put([]byte(keyCreated), []byte(now.UTC().Format(time.RFC3339))))
}

// stamp writes down which layout the database has.
func (s schema) stamp(tx *bbolt.Tx, version string) error {
	meta := tx.Bucket([]byte(bucketMeta))
	return errors.Join(
		meta.Put([]byte(keySchema), []byte(strconv.Itoa(s.version()))),
		meta.Put([]byte(keyNeeds), []byte(sessionwarden.Clean(version, 64))),
	)
}

// read returns the version of the layout of a database. Every bucket of the
// present layout is there when it returns the present version without error.
func (s schema) read(tx *bbolt.Tx, path string) (int, error) {
	meta := tx.Bucket([]byte(bucketMeta))
	if meta == nil {
		return 0, &DamagedError{Path: path, Why: "it is a database, but not one of sessionwarden's"}
	}
	text := sessionwarden.Clean(string(meta.Get([]byte(keySchema))), 16)
	version, err := strconv.Atoi(text)
	if err != nil || version < 1 {
		return 0, &DamagedError{Path: path, Why: fmt.Sprintf("its layout has no known version: %q", text)}
	}
	if version > s.version() {
		return version, &NewerError{Path: path, Schema: version, Known: s.version(), Needs: sessionwarden.Clean(string(meta.Get([]byte(keyNeeds))), 64)}
	}
	if version == s.version() {
		for _, name := range rowBuckets() {
			if tx.Bucket([]byte(name)) == nil {
				return version, &DamagedError{Path: path, Why: "it has no bucket " + name}
			}
		}
	}
	return version, nil
}

// migrate brings the database from version from to the present layout, in one
// transaction.
func (s schema) migrate(tx *bbolt.Tx, from int, version string) error {
	for i, m := range s.migrations[from-1:] {
		if err := m.run(tx); err != nil {
			return fmt.Errorf("bringing the database from layout %d to %d (%s): %w", from+i, from+i+1, m.what, err)
		}
	}
	return s.stamp(tx, version)
}
