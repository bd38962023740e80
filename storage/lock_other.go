//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package storage

import "os"

// tryLock does nothing here: bbolt's own lock is the only one.
func tryLock(*os.File, bool) error { return nil }
