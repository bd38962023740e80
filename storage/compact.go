package storage

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"go.etcd.io/bbolt"

	"sessionwarden/internal/mishap"
	"sessionwarden/internal/owner"
)

// compactStep is how many bytes are copied in one transaction.
const compactStep = 4 << 20

// Compact makes the database at path as small as it can be, and returns its
// size in bytes before and after. A copy is made beside it and checked, and then
// takes its place; whatever goes wrong before leaves the database as it was.
// While another process has it open it is a *[LockedError].
func Compact(ctx context.Context, path string, o Options) (before, after int64, err error) {
	o.ReadOnly, o.New = false, false
	if _, err := os.Stat(path); err != nil {
		return 0, 0, fmt.Errorf("compacting the database: %w", err)
	}
	db, err := Open(path, o)
	if err != nil {
		return 0, 0, err
	}
	before, after, err = db.compact(ctx)
	if err := errors.Join(err, db.Close()); err != nil {
		return before, after, fmt.Errorf("compacting the database %s: %w", path, err)
	}
	return before, after, nil
}

// compact does it while the database is open, and so locked. Nothing may be
// done with db afterwards but closing it.
func (db *DB) compact(ctx context.Context) (before, after int64, err error) {
	before = db.measure()
	if err := mishap.At("compact.aside"); err != nil {
		return before, before, err
	}
	f, err := os.CreateTemp(filepath.Dir(db.path), filepath.Base(db.path)+".new-*")
	if err != nil {
		return before, before, err
	}
	part := f.Name()
	defer func() { err = errors.Join(err, ignoreMissing(os.Remove(part))) }()
	if err := errors.Join(owner.Adopt(f), f.Close()); err != nil {
		return before, before, err
	}
	if err := db.compactInto(ctx, part); err != nil {
		return before, before, err
	}
	if err := errors.Join(mishap.At("compact.check"), checkFile(ctx, part, db.schema)); err != nil {
		return before, before, err
	}
	info, err := os.Stat(part)
	if err != nil || info.Size() >= before {
		return before, before, err
	}
	if err := db.usable(); err != nil {
		return before, before, err
	}
	if err := takePlace(part, db.path, "compact"); err != nil {
		return before, before, err
	}
	return before, info.Size(), nil
}

// compactInto copies everything into the empty file part, and makes it last.
func (db *DB) compactInto(ctx context.Context, part string) error {
	return guard(db.path, func() error {
		to, err := bbolt.Open(part, 0o600, &bbolt.Options{NoSync: true, NoStatistics: true, PageSize: db.bolt.Info().PageSize})
		if err != nil {
			return err
		}
		to.AllocSize = growth
		err = errors.Join(mishap.At("compact.copy"), bbolt.Compact(to, db.bolt, compactStep), ctx.Err(), mishap.At("compact.sync"))
		return errors.Join(err, to.Sync(), to.Close())
	})
}
