package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Restore puts a copy of the backup in place of the database at path. The copy
// is checked first. What was there is kept beside it, with the time in its
// name. While another process has the database open it is a *[LockedError],
// and nothing changes. Of the options, Timeout and Now are used.
func Restore(ctx context.Context, backup, path string, o Options) error {
	path, err := filepath.Abs(path)
	if err == nil {
		err = restore(ctx, backup, path, o.complete())
	}
	if err != nil {
		return fmt.Errorf("restoring %s: %w", backup, err)
	}
	return nil
}

func restore(ctx context.Context, backup, path string, o Options) (err error) {
	from, err := os.Open(backup)
	if err != nil {
		return err
	}
	defer from.Close()
	source, err := from.Stat()
	if err != nil {
		return err
	}
	if !source.Mode().IsRegular() {
		return errors.New("it is not a file")
	}
	present, err := os.OpenFile(path, os.O_RDWR, 0)
	there := err == nil
	if !there && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if there {
		defer present.Close()
		if err := waitLock(present, path, true, o.Timeout); err != nil {
			return err
		}
		if info, err := present.Stat(); err == nil && os.SameFile(info, source) {
			return errors.New("it is the database itself")
		}
	}
	to, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new-*")
	if err != nil {
		return err
	}
	part := to.Name()
	defer func() { err = errors.Join(err, ignoreMissing(os.Remove(part))) }()
	_, err = io.Copy(&writer{ctx: ctx, to: to}, from)
	if err := errors.Join(err, to.Sync(), to.Close()); err != nil {
		return err
	}
	if err := Check(ctx, part); err != nil {
		return err
	}
	if !there {
		return publish(part, path)
	}
	if err := keepAside(path, o); err != nil {
		return fmt.Errorf("keeping the present database: %w", err)
	}
	if err := os.Rename(part, path); err != nil {
		return err
	}
	return syncDir(path)
}

// keepAside gives the present database a second name.
func keepAside(path string, o Options) error {
	aside := path + ".before-restore-" + o.Now().UTC().Format(stamp)
	for n := 2; ; n++ {
		err := os.Link(path, aside)
		switch {
		case err == nil:
			return nil
		case !errors.Is(err, fs.ErrExist): // the file system knows no hard links
			return os.Rename(path, aside)
		case n > 100:
			return err
		}
		aside = fmt.Sprintf("%s.before-restore-%s-%d", path, o.Now().UTC().Format(stamp), n)
	}
}
