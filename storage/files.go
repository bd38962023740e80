package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"sessionwarden/internal/mishap"
	"sessionwarden/internal/owner"
)

// syncDir makes what happened to the names in a directory last.
func syncDir(path string) error {
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// publish gives the finished file at from its name, and makes that last. It
// never replaces a file. doing is the first word of the points it passes.
func publish(from, path, doing string) error {
	if err := mishap.At(doing + ".publish"); err != nil {
		return err
	}
	err := os.Link(from, path)
	switch {
	case errors.Is(err, fs.ErrExist):
		return err
	case err != nil: // the file system knows no hard links
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s: %w", path, fs.ErrExist)
		}
		if err := os.Rename(from, path); err != nil {
			return err
		}
	default:
		if err := os.Remove(from); err != nil {
			return err
		}
	}
	_ = mishap.At(doing + ".published")
	return syncDir(path)
}

// writeWhole replaces the small file at path, so that nobody reads half of it.
// what is the first word of the points it passes.
func writeWhole(what, path string, text []byte) error {
	if err := mishap.At(what + ".write"); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new-*")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, owner.Adopt(f), mishap.At(what+".rename"), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// exists reports whether there is something at path.
func exists(path string) (bool, error) {
	_, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
