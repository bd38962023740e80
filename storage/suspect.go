package storage

import (
	"errors"
	"os"

	"go.etcd.io/bbolt"

	"sessionwarden/internal/mishap"
)

// A large database is not read whole at each start. So what is found damaged
// while it is in use is noted beside it: the next start then reads everything
// that the daemon cannot do without, and either finds the damage or that there
// is none any more.

func suspectPath(path string) string { return path + ".suspect" }

func suspected(path string) bool {
	there, err := exists(suspectPath(path))
	return there || err != nil
}

// suspect notes that err tells of damage, if it does.
func (db *DB) suspect(err error) {
	var damaged *DamagedError
	var corrupt *CorruptError
	if errors.Is(err, errOverwritten) {
		db.met(err)
	}
	if errors.As(err, &damaged) && damaged.stumbled || errors.As(err, &corrupt) {
		db.noteSuspect(err)
	}
}

func (db *DB) noteSuspect(err error) {
	db.met(err)
	if db.readOnly || suspected(db.path) {
		return
	}
	err = writeWhole("suspect", suspectPath(db.path), []byte(err.Error()+"\nBecause of this the next start reads the whole database, and removes this file when nothing is wrong.\n"))
	if err != nil {
		db.log.Warn("what is wrong with the database could not be noted beside it", "path", db.path, "err", err)
	}
}

// met remembers the first damage that was met, whoever met it.
func (db *DB) met(err error) {
	db.meeting.Do(func() {
		db.harm = err
		close(db.harmed)
	})
}

// Damaged returns a channel that is closed when damage is first met while the
// database is in use, whoever met it: a reader, a writer or a backup.
func (db *DB) Damaged() <-chan struct{} { return db.harmed }

// Damage is the first damage that was met since the database was opened; nil:
// none yet. Some of it may still be readable, and writable.
func (db *DB) Damage() error {
	select {
	case <-db.harmed:
		return db.harm
	default:
		return nil
	}
}

func unsuspect(path string) {
	if mishap.At("suspect.remove") == nil {
		_ = os.Remove(suspectPath(path))
	}
}

// essential reads what the daemon cannot do without: the state of every account
// and what is to be told. A single row of the history may be damaged; that is
// said when it is listed.
func (db *DB) essential() error {
	err := db.view(func(tx *bbolt.Tx) error {
		for _, bucket := range []string{bucketAccounts, bucketAlerts, bucketDeliveries, bucketSilences} {
			if err := tx.Bucket([]byte(bucket)).ForEach(db.reader(tx, bucket)); err != nil {
				return err
			}
		}
		return nil
	})
	var corrupt *CorruptError
	if errors.As(err, &corrupt) {
		return &DamagedError{Path: db.path, Why: err.Error()}
	}
	return err
}
