package storage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"sessionwarden/internal/mishap"
	"sessionwarden/internal/owner"
)

// BackupInfo is one backup in a directory of backups.
type BackupInfo struct {
	Path string
	Time time.Time // when it was made, as its name says; UTC
	Size int64     // in bytes
}

// A directory of backups holds those of one database. Their names tell when
// they were made; the number at the end tells those of one second apart.
var (
	backupName   = regexp.MustCompile(`^sessionwarden-(\d{8}T\d{6}Z)(?:-(\d{1,9}))?\.db$`)
	backupSuffix = ".part"
)

// BackupTo makes a backup as [DB.Backup] does, in a directory that it makes
// where it is missing, under a name that tells the time. Only when the backup is
// whole on the disk it removes the oldest of its own in that directory until keep
// are left (at least the new one), and what a crash left. Those from before the
// history was begun are of another one, and left to a person. A file with another name is
// never touched. An error beside a BackupInfo with a Path says that only the
// removing failed.
func (db *DB) BackupTo(ctx context.Context, dir string, keep int) (BackupInfo, error) {
	db.backups.Lock()
	defer db.backups.Unlock()
	info, err := db.backupTo(ctx, dir)
	if err != nil {
		return BackupInfo{}, fmt.Errorf("writing a backup into %s: %w", dir, err)
	}
	if err := prune(info, keep, db.created); err != nil {
		return info, fmt.Errorf("removing old backups from %s: %w", dir, err)
	}
	return info, nil
}

func (db *DB) backupTo(ctx context.Context, dir string) (BackupInfo, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return BackupInfo{}, err
	}
	if err := mishap.At("backups.dir"); err != nil {
		return BackupInfo{}, err
	}
	if err := owner.MkdirAll(dir, 0o700); err != nil {
		return BackupInfo{}, err
	}
	if err := removeParts(dir); err != nil {
		return BackupInfo{}, err
	}
	made := db.now().UTC().Truncate(time.Second)
	path, err := newName(dir, made)
	if err != nil {
		return BackupInfo{}, err
	}
	if err := db.backup(ctx, path); err != nil {
		return BackupInfo{}, err
	}
	file, err := os.Stat(path)
	if err != nil {
		return BackupInfo{}, err
	}
	return BackupInfo{Path: path, Time: made, Size: file.Size()}, nil
}

// newName returns the name of a backup that is made now.
func newName(dir string, made time.Time) (string, error) {
	list, err := numberedBackups(dir)
	if err != nil {
		return "", err
	}
	last := 0
	for _, b := range list {
		if b.Time.Equal(made) {
			last = max(last, b.n)
		}
	}
	if last == 0 {
		return filepath.Join(dir, "sessionwarden-"+made.Format(stamp)+".db"), nil
	}
	return filepath.Join(dir, fmt.Sprintf("sessionwarden-%s-%d.db", made.Format(stamp), last+1)), nil
}

// removeParts removes the unfinished backups that crashes left.
func removeParts(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if name, part := strings.CutSuffix(e.Name(), backupSuffix); part && backupName.MatchString(name) {
			if err := ignoreMissing(os.Remove(filepath.Join(dir, e.Name()))); err != nil {
				return err
			}
		}
	}
	return nil
}

// prune removes the oldest backups beside the new one until keep are left, of
// those since the history was begun.
func prune(made BackupInfo, keep int, created time.Time) error {
	list, err := Backups(filepath.Dir(made.Path))
	list = Since(list, created, made.Time)
	if err != nil {
		return err
	}
	// The clock may have been set back: then the new one is not the first.
	list = slices.DeleteFunc(list, func(b BackupInfo) bool { return b.Path == made.Path })
	for _, old := range list[min(len(list), max(keep-1, 0)):] {
		if err := mishap.At("backups.prune"); err != nil {
			return err
		}
		if err := ignoreMissing(os.Remove(old.Path)); err != nil {
			return err
		}
	}
	return nil
}

// Backups returns the backups that [DB.BackupTo] made in a directory, the
// newest first, by their names. A directory that is not there has none.
func Backups(dir string) ([]BackupInfo, error) {
	list, err := numberedBackups(dir)
	backups := make([]BackupInfo, 0, len(list))
	for _, b := range list {
		backups = append(backups, b.BackupInfo)
	}
	return backups, err
}

// Since returns those of the backups that were made since the history was begun:
// the others are of one before it. Where that seems to lie in the future at now,
// a wrong clock wrote it, and it says nothing.
func Since(backups []BackupInfo, created, now time.Time) []BackupInfo {
	if created.After(now) {
		return backups
	}
	return slices.DeleteFunc(slices.Clone(backups), func(b BackupInfo) bool { return b.Time.Before(created.Truncate(time.Second)) })
}

// numberedBackup is a backup, and which one of its second.
type numberedBackup struct {
	BackupInfo
	n int
}

func numberedBackups(dir string) ([]numberedBackup, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("looking for backups: %w", err)
	}
	var list []numberedBackup
	for _, e := range entries {
		parts := backupName.FindStringSubmatch(e.Name())
		if parts == nil {
			continue
		}
		made, err := time.Parse(stamp, parts[1])
		if err != nil {
			continue
		}
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() {
			continue // removed by now, or none of ours
		}
		n, err := strconv.Atoi(parts[2])
		if err != nil {
			n = 1
		}
		list = append(list, numberedBackup{BackupInfo{Path: filepath.Join(dir, e.Name()), Time: made, Size: info.Size()}, n})
	}
	slices.SortFunc(list, func(a, b numberedBackup) int { return cmp.Or(b.Time.Compare(a.Time), cmp.Compare(b.n, a.n)) })
	return list, nil
}
