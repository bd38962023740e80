package storage

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"sessionwarden"
)

// Recovery says what [Recover] did.
type Recovery struct {
	Why         string    // what was wrong with the database
	Quarantined string    // where the damaged file is now
	Restored    string    // the backup that took its place
	BackupTime  time.Time // when that backup was made: what came after it is lost
	Tried       []string  // backups that were not whole, with the reason each
}

// String returns what happened, in sentences for people.
func (r Recovery) String() string {
	return fmt.Sprintf("The database was damaged (%s). The backup of %s took its place: what was recorded after that is lost. The damaged file is kept as %s.",
		r.Why, r.BackupTime.UTC().Format("2006-01-02 15:04:05 MST"), r.Quarantined)
}

// Recover puts the newest backup of dirs that is whole in place of the damaged
// database at path, and keeps the damaged file beside it. damage is what opening
// it said. The new database is observing: see [DB.Observing]. Ids that were given
// out since the backup was made are not given out again.
//
// Where no backup is whole, where the file is empty, or where something fails,
// nothing changes: the error wraps damage. While
// another process has the database open it is a *[LockedError]. Of the options,
// Timeout and Now are used.
func Recover(ctx context.Context, path string, dirs []string, damage error, o Options) (Recovery, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return Recovery{}, errors.Join(damage, err)
	}
	r, err := recoverFrom(ctx, path, dirs, damage, o.complete())
	if err != nil {
		return r, fmt.Errorf("%w; a backup could not take its place: %w", damage, err)
	}
	return r, nil
}

func recoverFrom(ctx context.Context, path string, dirs []string, damage error, o Options) (r Recovery, err error) {
	r.Why = reason(damage)
	present, err := lockPresent(path, o.Timeout)
	if err != nil {
		return r, err
	}
	if present == nil {
		return r, errors.New("it is gone")
	}
	defer present.Close()
	if info, err := present.Stat(); err != nil || info.Size() == 0 {
		return r, errors.Join(err, errors.New("an empty file is left to a person"))
	}
	backups, err := allBackups(dirs, o.Now())
	if err != nil {
		return r, err
	}
	for _, backup := range backups {
		err := Check(ctx, backup.Path)
		if err == nil {
			// What fails from here on is no fault of the backup's: an older one
			// would only lose more.
			err = r.use(ctx, backup, path, present, o)
			return r, err
		}
		if ctx.Err() != nil {
			return r, err
		}
		r.Tried = append(r.Tried, backup.Path+": "+reason(err))
	}
	if len(backups) == 0 {
		return r, fmt.Errorf("there is none in %s", strings.Join(dirs, ", "))
	}
	return r, fmt.Errorf("none of the %d is whole\n  %s", len(backups), strings.Join(r.Tried, "\n  "))
}

// reason is what is wrong with a database, without its name.
func reason(err error) string {
	var damaged *DamagedError
	if errors.As(err, &damaged) {
		return damaged.Why
	}
	return err.Error()
}

// allBackups returns the backups of all directories, the newest first. What
// seems to be of the future was named by a wrong clock, and comes last.
func allBackups(dirs []string, now time.Time) ([]BackupInfo, error) {
	var all []BackupInfo
	for _, dir := range dirs {
		list, err := Backups(dir)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	wrong := func(b BackupInfo) bool { return b.Time.After(now.AddDate(0, 0, 1)) }
	slices.SortStableFunc(all, func(a, b BackupInfo) int {
		if wrong(a) != wrong(b) {
			if wrong(a) {
				return 1
			}
			return -1
		}
		return b.Time.Compare(a.Time)
	})
	return all, nil
}

// use puts one backup in place of the damaged database.
func (r *Recovery) use(ctx context.Context, backup BackupInfo, path string, present *os.File, o Options) (err error) {
	part, err := copyBackup(ctx, backup.Path, path, present)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ignoreMissing(os.Remove(part))) }()
	kept, err := keepAside(path, asideDamaged, "recover", o)
	if err != nil {
		return err
	}
	done := *r
	done.Quarantined, done.Restored, done.BackupTime = kept, backup.Path, backup.Time
	// Whoever opens the new database learns what happened, even where we do
	// not live to tell.
	observing := sessionwarden.Observing{Since: o.Now().UTC(), Why: sessionwarden.Clean(done.String(), maxWhy)}
	err = settleCopy(part, path, &observing, o)
	if err != nil {
		removeSecondNames(path)
		return err
	}
	if err := takePlace(part, path, "recover"); err != nil {
		return err
	}
	*r = done
	return nil
}
