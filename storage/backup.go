package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"go.etcd.io/bbolt"

	"sessionwarden/internal/mishap"
	"sessionwarden/internal/owner"
)

// Backup writes a consistent copy of the database to path, mode 0600, while
// others go on using it. The copy gets its name only when it is on the disk and
// was checked. It never replaces a file.
func (db *DB) Backup(ctx context.Context, path string) error {
	db.backups.Lock()
	defer db.backups.Unlock()
	if err := db.backup(ctx, path); err != nil {
		return fmt.Errorf("writing the backup %s: %w", path, err)
	}
	return nil
}

func (db *DB) backup(ctx context.Context, path string) (err error) {
	path, err = filepath.Abs(path)
	if err != nil {
		return err
	}
	if there, err := exists(path); err != nil {
		return err
	} else if there {
		return errors.New("there is a file of that name already; choose another one, it is not replaced")
	}
	part := path + backupSuffix
	// One backup at a time is made: what is there was left by a crash.
	if err := ignoreMissing(os.Remove(part)); err != nil {
		return err
	}
	if err := mishap.At("backup.aside"); err != nil {
		return err
	}
	f, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, ignoreMissing(os.Remove(part)))
		}
	}()
	to := &writer{ctx: ctx, to: f, point: "backup.copy"}
	err = db.view(func(tx *bbolt.Tx) error {
		_, err := tx.WriteTo(to)
		return err
	})
	if to.err != nil {
		err = to.err // bbolt tells its words only
	}
	if err := errors.Join(err, owner.Adopt(f), mishap.At("backup.sync"), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := db.checkCopy(ctx, part); err != nil {
		return err
	}
	err = publish(part, path, "backup")
	if errors.Is(err, fs.ErrExist) {
		return errors.New("there is a file of that name by now; choose another one, it is not replaced")
	}
	return err
}

// checkCopy makes sure that a copy is whole. If it is not, then the database may
// not be whole either.
func (db *DB) checkCopy(ctx context.Context, part string) error {
	err := errors.Join(mishap.At("backup.check"), checkFile(ctx, part, db.schema))
	var damaged *DamagedError
	if errors.As(err, &damaged) {
		db.noteSuspect(err)
		return &DamagedError{Path: db.path, Why: "the copy that was made of it is not whole: " + damaged.Why}
	}
	db.suspect(err)
	return err
}

// writer ends when its context does, and remembers why it ended.
type writer struct {
	ctx   context.Context
	to    io.Writer
	point string // that each write passes
	err   error
}

// Write implements io.Writer.
func (w *writer) Write(b []byte) (n int, err error) {
	if err = w.ctx.Err(); err == nil {
		err = mishap.At(w.point)
	}
	if err == nil {
		n, err = w.to.Write(b)
	}
	w.err = err
	return n, err
}

// upgrade brings the database from an older layout to the present one, after a
// backup beside it.
func (db *DB) upgrade(from int) error {
	if db.readOnly {
		return fmt.Errorf("the database %s has the older layout %d: open it once for writing to bring it up to date", db.path, from)
	}
	backup, err := db.backupOfLayout(from)
	if err != nil {
		return fmt.Errorf("before the database is brought up to date: %w", err)
	}
	db.log.Info("bringing the database up to date", "from", from, "to", db.schema.version(), "backup", backup)
	err = db.update(func(tx *bbolt.Tx) error {
		return errors.Join(mishap.At("upgrade.migrate"), db.schema.migrate(tx, from, db.version), mishap.At("upgrade.commit"))
	})
	if err == nil {
		_ = mishap.At("upgrade.committed")
	}
	return err
}

// backupOfLayout makes a backup beside the database and returns its name. Where
// one is there that a crash left, of the very same state, it will do.
func (db *DB) backupOfLayout(layout int) (string, error) {
	name := fmt.Sprintf("%s%s%d-", db.path, asideLayout, layout)
	var state uint64
	if err := db.view(func(tx *bbolt.Tx) error { state = uint64(tx.ID()); return nil }); err != nil {
		return "", err
	}
	for _, before := range beside(name) {
		if strings.HasSuffix(before, backupSuffix) {
			continue
		}
		m, err := metaOf(before)
		if err == nil && m.txid == state && checkFile(context.Background(), before, db.schema) == nil {
			return before, nil
		}
	}
	backup := name + db.now().UTC().Format(stamp)
	return backup, db.Backup(context.Background(), backup)
}

// metaOf reads the meta page of a database that nobody has open.
func metaOf(path string) (metaPage, error) {
	f, err := os.Open(path)
	if err != nil {
		return metaPage{}, err
	}
	defer f.Close()
	return preflight(f, path)
}

// asideLayout is between the name of a database and the layout and time of the
// backup that was made before it was brought up to date.
const asideLayout = ".layout-"

// stamp is how a time stands in the name of a file.
const stamp = "20060102T150405Z"
