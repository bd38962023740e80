// Package owner keeps the data directory in one hand. Root may use it too, to
// restore a backup or to look: what root makes there belongs to the owner of the
// directory, so that the daemon, who is usually somebody else, can use it.
// Nothing changes for anybody but root.
package owner

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Adopt gives a file that was just made the owner of the directory it is in.
func Adopt(f *os.File) error { return adopt(f, filepath.Dir(f.Name())) }

// MkdirAll makes a directory and those above it that are missing, each with
// the owner of the one above it.
func MkdirAll(path string, mode fs.FileMode) error {
	path = filepath.Clean(path)
	above := filepath.Dir(path)
	if _, err := os.Stat(path); err == nil || above == path {
		return os.MkdirAll(path, mode) // which says what is wrong where it is no directory
	}
	if err := MkdirAll(above, mode); err != nil {
		return err
	}
	err := os.Mkdir(path, mode)
	if errors.Is(err, fs.ErrExist) {
		return os.MkdirAll(path, mode)
	}
	if err != nil {
		return err
	}
	return adoptDir(path)
}

// Name returns the name of whoever owns path, or his number; "" where that
// cannot be known.
func Name(path string) string { return name(path) }

// User returns the name of the user with a number, or that number; "" where that
// cannot be known.
func User(uid int) string { return nameOf(uid) }

// Me returns the name of the user that this program runs as, or his number; ""
// where that cannot be known.
func Me() string { return me() }
