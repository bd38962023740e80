package storage

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"sessionwarden"
)

// LockedError says that another process has the database open.
type LockedError struct {
	Path  string
	PID   int       // the process that holds it; 0 unknown
	Since time.Time // since when; zero: unknown
}

// Error implements error. It names the holder as far as it is known.
func (e *LockedError) Error() string {
	holder := "another process"
	if e.PID != 0 {
		holder = fmt.Sprintf("another sessionwarden, process %d", e.PID)
		if !e.Since.IsZero() {
			holder += ", since " + e.Since.UTC().Format("2006-01-02 15:04:05 MST")
		}
	}
	return fmt.Sprintf("the database %s is in use by %s", e.Path, holder)
}

// errWouldBlock says that a file's lock is taken.
var errWouldBlock = errors.New("the lock is taken")

// lockRetry is how long to wait between two tries for a lock.
const lockRetry = 25 * time.Millisecond

// waitLock takes the lock of f within timeout. It ends when f is closed.
func waitLock(f *os.File, path string, exclusive bool, timeout time.Duration) error {
	deadline := time.Now().Add(timeout)
	for {
		err := tryLock(f, exclusive)
		switch {
		case err == nil:
			return nil
		case !errors.Is(err, errWouldBlock):
			return fmt.Errorf("locking the database %s: %w", path, err)
		case time.Now().After(deadline):
			return lockedBy(path)
		}
		time.Sleep(lockRetry)
	}
}

// holder is what the file beside the database says of who has it open.
type holder struct {
	PID     int       `json:"pid"`
	Since   time.Time `json:"since"`
	Version string    `json:"version,omitempty"`
}

func holderPath(path string) string { return path + ".holder" }

// lockedBy returns the error for a lock that is taken. What is written beside
// the database is a hint only: it may be missing, or left by a process that
// is long gone.
func lockedBy(path string) *LockedError {
	e := &LockedError{Path: path}
	f, err := os.Open(holderPath(path))
	if err != nil {
		return e
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 4096))
	var h holder
	if err != nil || json.Unmarshal(text, &h) != nil || h.PID <= 0 || !alive(h.PID) {
		return e
	}
	e.PID, e.Since = h.PID, h.Since
	return e
}

// alive reports whether a process runs under pid, as far as can be known.
func alive(pid int) bool {
	p, err := os.FindProcess(pid)
	if err != nil {
		return false
	}
	err = p.Signal(syscall.Signal(0))
	return err == nil || errors.Is(err, os.ErrPermission)
}

// writeHolder says beside the database who has it open.
func (db *DB) writeHolder() error {
	text, err := json.Marshal(holder{PID: os.Getpid(), Since: db.now().UTC().Truncate(time.Second), Version: sessionwarden.Clean(db.version, 64)})
	if err != nil {
		return err
	}
	return writeWhole("holder", holderPath(db.path), append(text, '\n'))
}
