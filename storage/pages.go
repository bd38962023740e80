package storage

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// checkPages reads every page that the database uses, by plain reads, and
// makes sure that each is what the others take it for: no page is used twice,
// none lies outside the file, and no entry reaches out of its page.
func checkPages(ctx context.Context, f io.ReaderAt, m metaPage) error {
	w := &pageWalk{ctx: ctx, f: f, m: m, used: make([]uint64, m.pages/64+1)}
	if err := w.freePages(); err != nil {
		return err
	}
	return w.visit(m.root, 0, 0)
}

// maxDepth bounds how deep a tree of pages may be: with two entries a page it
// would hold more than any disk.
const maxDepth = 48

// maxRun bounds how many bytes one page may have with all that overflows from
// it: four records of the greatest size, or a list of eight million free pages.
const maxRun = 4 * maxRecord

type pageWalk struct {
	ctx  context.Context
	f    io.ReaderAt
	m    metaPage
	used []uint64 // one bit a page
}

// use marks the pages from id to id+overflow as used.
func (w *pageWalk) use(id, overflow uint64) error {
	for p := id; p <= id+overflow; p++ {
		if w.used[p/64]&(1<<(p%64)) != 0 {
			return fmt.Errorf("page %d is used twice", p)
		}
		w.used[p/64] |= 1 << (p % 64)
	}
	return nil
}

// page reads one page with what overflows from it.
func (w *pageWalk) page(id uint64) (flags uint16, count int, page []byte, err error) {
	if err := w.ctx.Err(); err != nil {
		return 0, 0, nil, err
	}
	if id < 2 || id >= w.m.pages {
		return 0, 0, nil, fmt.Errorf("page %d does not exist", id)
	}
	var head [pageHeader]byte
	if _, err := w.f.ReadAt(head[:], int64(id*w.m.pageSize)); err != nil {
		return 0, 0, nil, fmt.Errorf("reading page %d: %w", id, err)
	}
	order := binary.NativeEndian
	overflow := uint64(order.Uint32(head[12:]))
	if order.Uint64(head[:]) != id || overflow >= w.m.pages-id {
		return 0, 0, nil, fmt.Errorf("page %d is not what it should be", id)
	}
	if (overflow+1)*w.m.pageSize > maxRun {
		return 0, 0, nil, fmt.Errorf("page %d is too long", id)
	}
	if err := w.use(id, overflow); err != nil {
		return 0, 0, nil, err
	}
	page = make([]byte, (overflow+1)*w.m.pageSize)
	if _, err := w.f.ReadAt(page, int64(id*w.m.pageSize)); err != nil {
		return 0, 0, nil, fmt.Errorf("reading page %d: %w", id, err)
	}
	return order.Uint16(head[8:]), int(order.Uint16(head[10:])), page, nil
}

// freePages checks the list of pages that are free, and marks them.
func (w *pageWalk) freePages() error {
	if w.m.freelist == noFreelist {
		return nil
	}
	flags, count, page, err := w.page(w.m.freelist)
	if err != nil {
		return err
	}
	if flags != flagFreelist {
		return fmt.Errorf("page %d is not the list of free pages", w.m.freelist)
	}
	order := binary.NativeEndian
	ids := page[pageHeader:]
	n := uint64(count)
	if count == 0xffff { // too many for the page's own counter
		n = order.Uint64(ids)
		ids = ids[8:]
	}
	if n > uint64(len(ids)/8) {
		return errors.New("the list of free pages is cut off")
	}
	before := uint64(1)
	for i := range n {
		id := order.Uint64(ids[i*8:])
		if id <= before || id >= w.m.pages {
			return errors.New("the list of free pages is damaged")
		}
		if err := w.use(id, 0); err != nil {
			return err
		}
		before = id
	}
	return nil
}

// visit checks the page id and everything below it. buckets says how deep
// buckets lie in each other there.
func (w *pageWalk) visit(id uint64, depth, buckets int) error {
	if depth > maxDepth {
		return fmt.Errorf("page %d lies too deep", id)
	}
	flags, count, page, err := w.page(id)
	if err != nil {
		return err
	}
	switch flags {
	case flagLeaf:
		return w.leaf(id, page, count, depth, buckets)
	case flagBranch:
		return w.branch(id, page, count, depth, buckets)
	}
	return fmt.Errorf("page %d is of no known kind", id)
}

func (w *pageWalk) branch(id uint64, page []byte, count, depth, buckets int) error {
	order := binary.NativeEndian
	if count == 0 {
		return fmt.Errorf("page %d is empty", id)
	}
	var before []byte
	for i := range count {
		at := pageHeader + i*16
		if at+16 > len(page) {
			return fmt.Errorf("page %d is cut off", id)
		}
		key, ok := slice(page[at:], order.Uint32(page[at:]), order.Uint32(page[at+4:]))
		if !ok || len(key) == 0 || i > 0 && bytes.Compare(before, key) >= 0 {
			return fmt.Errorf("page %d has a damaged entry", id)
		}
		before = key
		if err := w.visit(order.Uint64(page[at+8:]), depth+1, buckets); err != nil {
			return err
		}
	}
	return nil
}

func (w *pageWalk) leaf(id uint64, page []byte, count, depth, buckets int) error {
	order := binary.NativeEndian
	var before []byte
	for i := range count {
		at := pageHeader + i*16
		if at+16 > len(page) {
			return fmt.Errorf("page %d is cut off", id)
		}
		kind, pos := order.Uint32(page[at:]), order.Uint32(page[at+4:])
		keyLength, length := order.Uint32(page[at+8:]), order.Uint32(page[at+12:])
		key, ok := slice(page[at:], pos, keyLength)
		if !ok || len(key) == 0 || kind > 1 || i > 0 && bytes.Compare(before, key) >= 0 {
			return fmt.Errorf("page %d has a damaged entry", id)
		}
		before = key
		value, ok := slice(page[at:], pos+keyLength, length)
		if !ok {
			return fmt.Errorf("page %d has a damaged entry", id)
		}
		if kind == 1 {
			if err := w.bucket(id, value, depth, buckets+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// bucket checks a bucket: its pages, or what lies inline in its entry.
func (w *pageWalk) bucket(id uint64, value []byte, depth, buckets int) error {
	order := binary.NativeEndian
	if len(value) < 16 || buckets > 4 {
		return fmt.Errorf("page %d has a damaged bucket", id)
	}
	if root := order.Uint64(value); root != 0 {
		return w.visit(root, depth+1, buckets)
	}
	inline := value[16:]
	if len(inline) < pageHeader || order.Uint16(inline[8:]) != flagLeaf {
		return fmt.Errorf("page %d has a damaged bucket", id)
	}
	return w.leaf(id, inline, int(order.Uint16(inline[10:])), depth+1, buckets)
}

// slice returns length bytes of b from pos on, if b has them.
func slice(b []byte, pos, length uint32) ([]byte, bool) {
	if uint64(pos)+uint64(length) > uint64(len(b)) {
		return nil, false
	}
	return b[pos : pos+length], true
}
