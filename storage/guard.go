package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime/debug"

	"go.etcd.io/bbolt"
)

// errReadOnly says that a write was asked of a database opened for reading.
var errReadOnly = errors.New("the database is open for reading only")

// view reads in one transaction. Nothing read may be used after it, unless it
// was copied.
func (db *DB) view(f func(*bbolt.Tx) error) error {
	if err := db.usable(); err != nil {
		return err
	}
	before := db.lastTx.Load()
	err := guard(db.path, func() error {
		return db.bolt.View(func(tx *bbolt.Tx) error {
			if int64(tx.ID()) < before {
				return db.overwritten()
			}
			return f(tx)
		})
	})
	db.suspect(err)
	return err
}

// update writes in one transaction, all or nothing, and returns when it is on
// the disk.
func (db *DB) update(f func(*bbolt.Tx) error) error {
	if db.readOnly {
		return errReadOnly
	}
	db.writing.Lock()
	defer db.writing.Unlock()
	if err := db.usable(); err != nil {
		return err
	}
	before, id := db.lastTx.Load(), int64(0)
	// Where the commit fails, nobody knows which of the two it is.
	db.lastTx.Store(0)
	err := guard(db.path, func() error {
		return db.bolt.Update(func(tx *bbolt.Tx) error {
			id = int64(tx.ID())
			if before != 0 && id != before+1 {
				id = before
				return db.overwritten()
			}
			return f(tx)
		})
	})
	if err == nil || errors.Is(err, errOverwritten) {
		db.lastTx.Store(id)
	}
	var damage *DamagedError
	if errors.As(err, &damage) && damage.stumbled {
		// bbolt may have kept its locks: the next write could wait for ever.
		db.damage.Store(damage)
	}
	db.suspect(err)
	return err
}

// Usable says why nothing can be read or written at present; nil where it can.
// It asks only for the file's place and size.
func (db *DB) Usable() error { return db.usable() }

// usable makes sure that the database may be used: bbolt did not stumble over
// it, and its file is still the one that was opened. What is written to a
// deleted file is gone with the process.
func (db *DB) usable() error {
	if damage := db.damage.Load(); damage != nil {
		return damage
	}
	return db.inPlace()
}

func (db *DB) inPlace() error {
	least := db.size.Load() // before the look: a commit may let the file grow at any time
	now, err := os.Stat(db.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &strangeError{text: fmt.Sprintf("the database file %s was deleted or moved away while it is in use", db.path)}
	case err != nil:
		return fmt.Errorf("the database file cannot be looked at: %w", err)
	case !os.SameFile(now, db.file):
		return &strangeError{text: fmt.Sprintf("the database file %s was replaced while it is in use", db.path)}
	case now.Size() < least:
		return &strangeError{text: fmt.Sprintf("the database file %s was cut off while it is in use", db.path)}
	}
	return nil
}

// strangeError says that what is on the disk is not the database any more that
// was opened.
type strangeError struct {
	text string
	err  error
}

func (e *strangeError) Error() string { return e.text }
func (e *strangeError) Unwrap() error { return e.err }

// Cure is what a person can do about it: the disk itself is well.
func (e *strangeError) Cure() string {
	return "Restart sessionwarden: the start says what it finds there, and which backup would do."
}

// overwritten says that what is in the file is not what was there after the last
// transaction: somebody copied another database over it. What is known in memory
// of its pages does not hold any more.
func (db *DB) overwritten() error {
	return &strangeError{text: fmt.Sprintf("the database file %s was overwritten while it is in use", db.path), err: errOverwritten}
}

var errOverwritten = errors.New("overwritten")

// guard runs f, which calls into bbolt. Where a damaged file makes bbolt panic,
// or read where nothing is mapped, it returns a *DamagedError.
func guard(path string, f func() error) (err error) {
	before := debug.SetPanicOnFault(true)
	defer func() {
		debug.SetPanicOnFault(before)
		if r := recover(); r != nil {
			err = &DamagedError{Path: path, Why: fmt.Sprint(r), stumbled: true}
		}
	}()
	return f()
}
