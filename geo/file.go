package geo

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// maxFile is the size, in bytes, of the largest database file that is read
// into memory. The largest that are sold are smaller by half.
const maxFile = 512 << 20

// sameFile reports whether two looks at a path saw the same file, unchanged.
func sameFile(a, b fs.FileInfo) bool {
	return a != nil && b != nil && os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// readWhole reads the file at path into memory, so that what happens to the
// file afterwards changes nothing; it is refused where it is larger than most,
// in bytes. seen is what the file looked like; it is nil where there is none.
// Errors are worded to follow "but ".
func readWhole(path string, most int64) (content []byte, seen fs.FileInfo, err error) {
	// A look before the opening, as opening a pipe would wait for ever.
	seen, err = os.Stat(path)
	if err != nil {
		return nil, nil, fileError(err)
	}
	switch {
	case seen.IsDir():
		return nil, seen, errors.New("it is a folder")
	case !seen.Mode().IsRegular():
		return nil, seen, errors.New("it is not an ordinary file")
	case seen.Size() == 0:
		return nil, seen, errors.New("it is empty")
	case seen.Size() > most:
		return nil, seen, fmt.Errorf("it is larger than %d MiB", most>>20)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, seen, fileError(err)
	}
	defer f.Close()
	content = make([]byte, seen.Size())
	if _, err := io.ReadFull(f, content); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
			return nil, seen, errors.New("it was being changed while it was read")
		}
		return nil, seen, fileError(err)
	}
	after, err := f.Stat()
	if err != nil {
		return nil, seen, fileError(err)
	}
	if !sameFile(seen, after) {
		return nil, seen, errors.New("it was being changed while it was read")
	}
	return content, seen, nil
}

// fileError says in plain words why a file cannot be read.
func fileError(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("there is no such file%w", silent{err})
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("it may not be read by this user%w", silent{err})
	}
	var path *fs.PathError
	if errors.As(err, &path) {
		return fmt.Errorf("it cannot be read: %w", path.Err)
	}
	return fmt.Errorf("it cannot be read: %w", err)
}

// silent keeps an error to be looked at by errors.Is, without its words.
type silent struct{ error }

// Error implements error.
func (silent) Error() string { return "" }

// Unwrap returns the error itself.
func (s silent) Unwrap() error { return s.error }
