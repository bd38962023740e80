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
	"time"

	"go.etcd.io/bbolt"

	"sessionwarden"
	"sessionwarden/internal/mishap"
	"sessionwarden/internal/owner"
)

// Restore puts a copy of the backup in place of the database at path. The copy
// is checked first. What was there is kept beside it, with the time in its
// name. While another process has the database open it is a *[LockedError],
// and nothing changes. Ids that were given out since the backup was made are
// not given out again. Of the options, Timeout and Now are used.
func Restore(ctx context.Context, backup, path string, o Options) (Restored, error) {
	path, err := filepath.Abs(path)
	var r Restored
	if err == nil {
		r.Kept, err = restore(ctx, backup, path, o.complete())
	}
	if err != nil {
		return Restored{}, fmt.Errorf("restoring %s: %w", backup, err)
	}
	r.Made = madeAt(backup)
	return r, nil
}

// Restored says what [Restore] did.
type Restored struct {
	Made time.Time // when the backup was made, by its name or else by its file; zero: unknown
	Kept string    // where the database is that was there before; "" there was none
}

// madeAt is when a backup was made, as well as can be known.
func madeAt(backup string) time.Time {
	if parts := backupName.FindStringSubmatch(filepath.Base(backup)); parts != nil {
		if at, err := time.Parse(stamp, parts[1]); err == nil {
			return at
		}
	}
	info, err := os.Stat(backup)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime().UTC()
}

func restore(ctx context.Context, backup, path string, o Options) (kept string, err error) {
	present, err := lockPresent(path, o.Timeout)
	if err != nil {
		return "", err
	}
	if present != nil {
		defer present.Close()
	}
	part, err := copyBackup(ctx, backup, path, present)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, ignoreMissing(os.Remove(part))) }()
	// That it observed, if it did, was another day's matter.
	if err := settleCopy(part, path, nil, o); err != nil {
		return "", err
	}
	if present == nil {
		unsuspect(path)
		return "", publish(part, path, "restore")
	}
	if kept, err = keepAside(path, asideRestored, "restore", o); err != nil {
		return "", fmt.Errorf("keeping the present database: %w", err)
	}
	return kept, takePlace(part, path, "restore")
}

// lockPresent opens and locks the database at path; nil where there is none.
func lockPresent(path string, timeout time.Duration) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := waitLock(f, path, true, timeout); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// copyBackup copies a backup beside the database, makes sure that the copy is
// whole, and returns its name.
func copyBackup(ctx context.Context, backup, path string, present *os.File) (part string, err error) {
	from, err := os.Open(backup)
	if err != nil {
		return "", err
	}
	defer from.Close()
	source, err := from.Stat()
	if err != nil {
		return "", err
	}
	if !source.Mode().IsRegular() {
		return "", errors.New("it is not a file")
	}
	if present != nil {
		if info, err := present.Stat(); err == nil && os.SameFile(info, source) {
			return "", errors.New("it is the database itself")
		}
	}
	to, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new-*")
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, ignoreMissing(os.Remove(to.Name())))
		}
	}()
	_, err = io.Copy(&writer{ctx: ctx, to: to, point: "restore.copy"}, from)
	if err := errors.Join(err, owner.Adopt(to), mishap.At("restore.sync"), to.Sync(), to.Close()); err != nil {
		return "", err
	}
	err = errors.Join(mishap.At("restore.check"), checkFile(ctx, to.Name(), presentSchema()))
	var damaged *DamagedError
	if errors.As(err, &damaged) {
		err = &DamagedError{Path: backup, Why: damaged.Why} // its own name, not the copy's
	}
	return to.Name(), err
}

// idGap is how many ids are left out at a restore. Those that were given out
// since the backup was made stand in messages that people still answer: they
// must not come to mean something else.
const idGap = 1_000_000

// settleCopy makes a whole copy of a backup ready to be the database at path.
func settleCopy(part, path string, observing *sessionwarden.Observing, o Options) error {
	if err := mishap.At("restore.settle"); err != nil {
		return err
	}
	return guard(part, func() error {
		bolt, err := bbolt.Open(part, 0o600, &bbolt.Options{Timeout: time.Second})
		if err != nil {
			return err
		}
		err = bolt.Update(func(tx *bbolt.Tx) error {
			last, err := lastID(tx, part)
			if err != nil {
				return err
			}
			if last, err = leaveOut(path, last, "a backup was restored", o.Now()); err != nil {
				return err
			}
			return errors.Join(tx.Bucket([]byte(bucketMeta)).SetSequence(last), putObserving(tx, observing))
		})
		return errors.Join(err, bolt.Close())
	})
}

// leaveOut returns the id that the ids of a restored or a new database come
// after, and notes it in the marker, with what happened: the next one goes
// beyond it.
func leaveOut(path string, last uint64, what string, now time.Time) (uint64, error) {
	text, err := os.ReadFile(markerPath(path))
	if err := ignoreMissing(err); err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		var noted uint64
		if n, _ := fmt.Sscanf(line, markerIDs, &noted); n == 1 && noted < maxID/2 {
			last = max(last, noted)
		}
	}
	last += idGap
	if len(text) == 0 {
		text = markerText(now)
	}
	text = fmt.Appendf(text, markerIDs+" on: %s on %s.\n", last+1, what, now.UTC().Format(time.RFC3339))
	return last, writeWhole("marker", markerPath(path), text)
}

const markerIDs = "Ids from %d"

// takePlace puts the finished file part in place of the database at path, which
// has another name by now.
func takePlace(part, path, doing string) error {
	err := mishap.At(doing + ".rename")
	if err == nil {
		err = os.Rename(part, path)
	}
	if err != nil {
		removeSecondNames(path)
		return err
	}
	unsuspect(path)
	return errors.Join(mishap.At(doing+".renamed"), syncDir(path))
}

// keepAside gives the present database a second name, which it returns.
func keepAside(path, suffix, doing string, o Options) (aside string, err error) {
	if err := mishap.At(doing + ".aside"); err != nil {
		return "", err
	}
	removeSecondNames(path) // a crash may have left one
	first := path + suffix + o.Now().UTC().Format(stamp)
	aside = first
	for n := 2; n < 1000; n++ {
		there, err := exists(aside)
		if err != nil {
			return "", err
		}
		if !there {
			if os.Link(path, aside) == nil {
				return aside, syncDir(path)
			}
			return aside, os.Rename(path, aside) // the file system knows no hard links
		}
		aside = fmt.Sprintf("%s-%d", first, n)
	}
	return "", fmt.Errorf("%s: %w", first, fs.ErrExist)
}

// removeSecondNames removes the names beside the database that are the very
// file itself: a crash left them before another one took its place.
func removeSecondNames(path string) {
	present, err := os.Stat(path)
	if err != nil {
		return
	}
	for _, suffix := range []string{asideRestored, asideDamaged} {
		for _, name := range beside(path + suffix) {
			if info, err := os.Lstat(name); err == nil && os.SameFile(info, present) {
				_ = os.Remove(name)
			}
		}
	}
}

// Databases that another one took the place of are kept under these names,
// with the time behind.
const (
	asideRestored = ".before-restore-"
	asideDamaged  = ".damaged-"
)
