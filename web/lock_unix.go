//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package web

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// lockDir makes sure that of several daemons only one at a time looks for a
// socket in dir and puts its own there, until unlock. It leaves no file behind.
// On a file system without locks it does nothing: the database's lock keeps a
// second daemon out there.
func lockDir(dir string) (unlock func(), err error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	unlock = func() { _ = f.Close() }
	for end := time.Now().Add(lockWithin); ; time.Sleep(lockEvery) {
		switch err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); {
		case errors.Is(err, syscall.EINTR):
		case !errors.Is(err, syscall.EWOULDBLOCK):
			return unlock, nil
		case time.Now().After(end):
			unlock()
			return nil, fmt.Errorf("%w, or is just starting: %s is locked", ErrRunning, dir)
		}
	}
}

// Opening a socket takes a millisecond, or a second where an old one does not
// answer at once.
const (
	lockWithin = 3 * time.Second
	lockEvery  = 10 * time.Millisecond
)
