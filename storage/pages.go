package storage

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
)

// checkPages reads every page that the database uses, by plain reads, and
// makes sure that each is what the others take it for: no page is used twice,
// none lies outside the file, and no entry reaches out of its page.
func checkPages(ctx context.Context, f io.ReaderAt, m metaPage) error {
	return (&pageWalk{ctx: ctx, f: f, m: m}).walk()
}

// checkBranches does the same without reading the leaves of the buckets, which
// are nearly all there is. It is enough to know that no way through the tree
// goes in a circle, and that no page in use passes for a free one.
func checkBranches(ctx context.Context, f io.ReaderAt, m metaPage) error {
	return (&pageWalk{ctx: ctx, f: f, m: m, leaveLeaves: true}).walk()
}

func (w *pageWalk) walk() error {
	w.used = make([]uint64, w.m.pages/64+1)
	if err := w.freePages(); err != nil {
		return err
	}
	return w.visit(w.m.root, spot{})
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
	used []uint64 // one bit a page; all walks of one file have the same

	leaveLeaves bool
	leafDepth   int // how deep the leaves of the present bucket lie; 0: not known yet

	others []pageWalk // what reads at the same time; see together

	pages [maxDepth + 2][]byte // the page of each depth that is being looked at
}

// use marks the pages from id to id+overflow as used.
func (w *pageWalk) use(id, overflow uint64) error {
	for p := id; p <= id+overflow; p++ {
		if bit := uint64(1) << (p % 64); atomic.OrUint64(&w.used[p/64], bit)&bit != 0 {
			return fmt.Errorf("page %d is used twice", p)
		}
	}
	return nil
}

// head is what stands at the beginning of a page.
type head struct {
	flags    uint16
	count    int
	overflow uint64 // how many pages belong to it beside the first
}

// read reads the beginning of a page into b.
func (w *pageWalk) read(id uint64, b []byte) (head, error) {
	if err := w.ctx.Err(); err != nil {
		return head{}, err
	}
	if id < 2 || id >= w.m.pages {
		return head{}, fmt.Errorf("page %d does not exist", id)
	}
	if _, err := w.f.ReadAt(b, int64(id*w.m.pageSize)); err != nil {
		return head{}, fmt.Errorf("reading page %d: %w", id, err)
	}
	order := binary.NativeEndian
	h := head{flags: order.Uint16(b[8:]), count: int(order.Uint16(b[10:])), overflow: uint64(order.Uint32(b[12:]))}
	if order.Uint64(b) != id || h.overflow >= w.m.pages-id {
		return head{}, fmt.Errorf("page %d is not what it should be", id)
	}
	if (h.overflow+1)*w.m.pageSize > maxRun {
		return head{}, fmt.Errorf("page %d is too long", id)
	}
	return h, nil
}

// page reads one page with what overflows from it. It is there until another one
// of that depth is read.
func (w *pageWalk) page(id uint64, depth int) (head, []byte, error) {
	if w.pages[depth] == nil {
		w.pages[depth] = make([]byte, w.m.pageSize)
	}
	page := w.pages[depth]
	h, err := w.read(id, page)
	if err == nil {
		err = w.use(id, h.overflow)
	}
	if err == nil && h.overflow > 0 {
		page = make([]byte, (h.overflow+1)*w.m.pageSize)
		_, err = w.read(id, page)
	}
	return h, page, err
}

// freePages checks the list of pages that are free, and marks them.
func (w *pageWalk) freePages() error {
	if w.m.freelist == noFreelist {
		return nil
	}
	h, page, err := w.page(w.m.freelist, 0)
	if err != nil {
		return err
	}
	if h.flags != flagFreelist {
		return fmt.Errorf("page %d is not the list of free pages", w.m.freelist)
	}
	order := binary.NativeEndian
	ids := page[pageHeader:]
	n := uint64(h.count)
	if h.count == 0xffff { // too many for the page's own counter
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

// spot is where a page lies.
type spot struct {
	depth    int    // pages above it
	buckets  int    // buckets around it
	from, to []byte // its keys lie between these, the first included; nil: open
}

// below is the spot of what lies below p, with keys between from and to.
func (p spot) below(from, to []byte) spot {
	return spot{depth: p.depth + 1, buckets: p.buckets, from: from, to: to}
}

// inOrder reports whether key may come after before, which is nil at first.
func (p spot) inOrder(before, key []byte, last bool) bool {
	if before == nil {
		before = p.from
		if len(key) == 0 || before != nil && bytes.Compare(before, key) > 0 {
			return false
		}
	} else if bytes.Compare(before, key) >= 0 {
		return false
	}
	return !last || p.to == nil || bytes.Compare(key, p.to) < 0
}

// visit checks the page id and everything below it.
func (w *pageWalk) visit(id uint64, p spot) error {
	if p.depth > maxDepth {
		return fmt.Errorf("page %d lies too deep", id)
	}
	h, page, err := w.page(id, p.depth)
	if err != nil {
		return err
	}
	switch h.flags {
	case flagLeaf:
		return w.leaf(id, page, h.count, p)
	case flagBranch:
		return w.branch(id, page, h.count, p)
	}
	return fmt.Errorf("page %d is of no known kind", id)
}

func (w *pageWalk) branch(id uint64, page []byte, count int, p spot) error {
	order := binary.NativeEndian
	if count == 0 || pageHeader+count*16 > len(page) {
		return fmt.Errorf("page %d is cut off", id)
	}
	entry := func(i int) (key []byte, child uint64, ok bool) {
		at := page[pageHeader+i*16:]
		key, ok = slice(at, order.Uint32(at), order.Uint32(at[4:]))
		return key, order.Uint64(at[8:]), ok
	}
	_, first, _ := entry(0)
	if err := w.findLeaves(first, p); err != nil {
		return err
	}
	leaves := p.depth+1 == w.leafDepth
	var before []byte
	for i := range count {
		key, child, ok := entry(i)
		if !ok || !p.inOrder(before, key, i == count-1) {
			return fmt.Errorf("page %d has a damaged entry", id)
		}
		before = key
		if leaves {
			if err := w.leave(child); err != nil {
				return err
			}
		}
	}
	visit := func(w *pageWalk, i int) error {
		key, child, _ := entry(i)
		to := p.to
		if i+1 < count {
			to, _, _ = entry(i + 1)
		}
		return w.visit(child, p.below(key, to))
	}
	for i := 0; i < count && !leaves; i++ {
		if w.leafDepth == p.depth+2 { // the leaves are not read, so below a child there is nothing to be found out
			return w.together(i, count, visit)
		}
		if err := visit(w, i); err != nil {
			return err
		}
	}
	return nil
}

// manyWalks is how many pages are read at a time where it does not matter in which
// order: a disk that was not read for long answers many as soon as one.
const manyWalks = 8

// together visits the entries of a page from the first to the one before the last, some
// at a time.
func (w *pageWalk) together(first, last int, visit func(*pageWalk, int) error) error {
	if w.others == nil {
		w.others = make([]pageWalk, manyWalks)
	}
	var next atomic.Int64
	next.Store(int64(first))
	var walks sync.WaitGroup
	errs := make([]error, manyWalks)
	for n := range w.others {
		other := &w.others[n]
		other.ctx, other.f, other.m, other.used, other.leaveLeaves, other.leafDepth = w.ctx, w.f, w.m, w.used, w.leaveLeaves, w.leafDepth
		walks.Go(func() {
			for errs[n] == nil {
				i := int(next.Add(1)) - 1
				if i >= last {
					return
				}
				errs[n] = visit(other, i)
			}
			next.Store(int64(last)) // one mistake is enough
		})
	}
	walks.Wait()
	return cmp.Or(errs...)
}

// findLeaves finds out, where leaves are not to be read, whether those of the
// present bucket lie right below p: they all lie as deep as the first.
func (w *pageWalk) findLeaves(first uint64, p spot) error {
	if !w.leaveLeaves || p.buckets == 0 || w.leafDepth != 0 {
		return nil
	}
	h, err := w.read(first, make([]byte, pageHeader))
	if err == nil && h.flags == flagLeaf {
		w.leafDepth = p.depth + 1
	}
	return err
}

// leave marks a page as used that is not read.
func (w *pageWalk) leave(id uint64) error {
	if id < 2 || id >= w.m.pages {
		return fmt.Errorf("page %d does not exist", id)
	}
	return w.use(id, 0)
}

func (w *pageWalk) leaf(id uint64, page []byte, count int, p spot) error {
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
		if !ok || kind > 1 || !p.inOrder(before, key, i == count-1) {
			return fmt.Errorf("page %d has a damaged entry", id)
		}
		before = key
		value, ok := slice(page[at:], pos+keyLength, length)
		if !ok {
			return fmt.Errorf("page %d has a damaged entry", id)
		}
		if kind == 1 {
			if err := w.bucket(id, value, spot{depth: p.depth + 1, buckets: p.buckets + 1}); err != nil {
				return err
			}
		}
	}
	return nil
}

// bucket checks a bucket: its pages, or what lies inline in its entry.
func (w *pageWalk) bucket(id uint64, value []byte, p spot) error {
	order := binary.NativeEndian
	if len(value) < 16 || p.buckets > 4 {
		return fmt.Errorf("page %d has a damaged bucket", id)
	}
	if root := order.Uint64(value); root != 0 {
		w.leafDepth = 0
		return w.visit(root, p)
	}
	inline := value[16:]
	if len(inline) < pageHeader || order.Uint16(inline[8:]) != flagLeaf {
		return fmt.Errorf("page %d has a damaged bucket", id)
	}
	return w.leaf(id, inline, int(order.Uint16(inline[10:])), p)
}

// slice returns length bytes of b from pos on, if b has them.
func slice(b []byte, pos, length uint32) ([]byte, bool) {
	if uint64(pos)+uint64(length) > uint64(len(b)) {
		return nil, false
	}
	return b[pos : pos+length], true
}
