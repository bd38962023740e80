package storage

import (
	"fmt"

	"go.etcd.io/bbolt"
)

// Stats is what a database holds.
type Stats struct {
	Path   string
	Bytes  int64          // size of the file
	Used   int64          // of it in use, or free for reuse; the rest was never written
	Schema int            // version of the layout
	Rows   map[string]int // by bucket: accounts, sightings, findings, actions, alerts, deliveries
}

// Stats returns what the database holds. It reads a few counters, however
// large the database is.
func (db *DB) Stats() (Stats, error) {
	s := Stats{Path: db.path, Bytes: db.measure(), Rows: make(map[string]int)}
	err := db.view(func(tx *bbolt.Tx) (err error) {
		for _, name := range rowBuckets() {
			s.Rows[name] = int(tx.Bucket([]byte(name)).Sequence())
		}
		s.Used = tx.Size()
		s.Schema, err = db.schema.read(tx, db.path)
		return err
	})
	if err != nil {
		return s, fmt.Errorf("counting what the database holds: %w", err)
	}
	return s, nil
}
