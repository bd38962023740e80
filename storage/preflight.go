package storage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math/bits"
	"os"
)

// bbolt maps its file into memory and believes what it finds there: a file
// that is shorter than it says, or that names pages that do not exist, ends
// the process where no recover helps. So the file is read by plain reads first.

// DamagedError says that a database file cannot be used.
type DamagedError struct {
	Path string
	Why  string // what is wrong with it

	stumbled bool // bbolt found it while it was running
}

// Error implements error. It says what is wrong; what to do about it depends
// on where it was found.
func (e *DamagedError) Error() string {
	return fmt.Sprintf("the database %s cannot be used: %s", e.Path, e.Why)
}

// Cure is what a person can do about a database that was found damaged while it
// was in use.
func (e *DamagedError) Cure() string {
	return "Restart sessionwarden: the start reads the database, and puts the newest whole backup in its place if it is damaged."
}

const (
	pageHeader  = 16                 // id, flags, count, overflow
	metaLength  = 56                 // of what the checksum is made of
	metaMagic   = 0xED0CDAED         // says that a file is bbolt's
	metaVersion = 2                  // the one that bbolt has had since it began
	noFreelist  = 0xffffffffffffffff // the free pages are not on the disk
	minPage     = 1 << 10
	maxPage     = 1 << 24

	flagBranch   = 0x01
	flagLeaf     = 0x02
	flagMeta     = 0x04
	flagFreelist = 0x10
)

// metaPage is the page that says where everything is.
type metaPage struct {
	pageSize uint64
	root     uint64
	freelist uint64
	pages    uint64 // pages at and above this do not exist
	txid     uint64
}

// preflight reads both meta pages of an open database file and returns the one
// that counts. The caller holds the file's lock.
func preflight(f *os.File, path string) (metaPage, error) {
	info, err := f.Stat()
	if err != nil {
		return metaPage{}, fmt.Errorf("looking at the database: %w", err)
	}
	if !info.Mode().IsRegular() {
		return metaPage{}, fmt.Errorf("the database %s is not a file", path)
	}
	m, err := readMeta(f, info.Size())
	if err != nil {
		return metaPage{}, &DamagedError{Path: path, Why: err.Error()}
	}
	return m, nil
}

var (
	errEmptyFile = errors.New("it is empty")
	errNoMeta    = errors.New("it is not a database, or its beginning was overwritten")
)

func readMeta(f io.ReaderAt, size int64) (metaPage, error) {
	if size == 0 {
		return metaPage{}, errEmptyFile
	}
	first, ok0 := parseMeta(f, 0, 0)
	var second metaPage
	ok1 := false
	if ok0 {
		second, ok1 = parseMeta(f, int64(first.pageSize), first.pageSize)
	}
	for at := uint64(minPage); !ok0 && !ok1 && at <= maxPage; at <<= 1 {
		second, ok1 = parseMeta(f, int64(at), at)
	}
	newest := first
	switch {
	case !ok0 && !ok1:
		return metaPage{}, errNoMeta
	case !ok0 || ok1 && second.txid > first.txid:
		newest = second
	}
	high, length := bits.Mul64(newest.pages, newest.pageSize)
	if high != 0 || length > uint64(size) {
		return metaPage{}, fmt.Errorf("it is cut off (%d of %d bytes)", size, length)
	}
	if newest.pages < 4 || newest.root < 2 || newest.root >= newest.pages {
		return metaPage{}, errNoMeta
	}
	return newest, nil
}

// parseMeta reads the meta page at offset at. wantSize is the page size that
// it has to name; 0 for any.
func parseMeta(f io.ReaderAt, at int64, wantSize uint64) (metaPage, bool) {
	var b [pageHeader + metaLength + 8]byte
	if _, err := f.ReadAt(b[:], at); err != nil {
		return metaPage{}, false
	}
	order := binary.NativeEndian
	body := b[pageHeader:]
	sum := fnv.New64a()
	_, _ = sum.Write(body[:metaLength])
	m := metaPage{
		pageSize: uint64(order.Uint32(body[8:])),
		root:     order.Uint64(body[16:]),
		freelist: order.Uint64(body[32:]),
		pages:    order.Uint64(body[40:]),
		txid:     order.Uint64(body[48:]),
	}
	good := order.Uint32(body) == metaMagic && order.Uint32(body[4:]) == metaVersion &&
		order.Uint64(body[metaLength:]) == sum.Sum64() && order.Uint16(b[8:]) == flagMeta &&
		m.pageSize >= minPage && m.pageSize <= maxPage && bits.OnesCount64(m.pageSize) == 1 &&
		(wantSize == 0 || m.pageSize == wantSize)
	return m, good
}
