package mannco

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"time"

	"sessionwarden"
)

// maxPending is how many bytes of pages that look unchanged are kept until
// the last page has shown whether they are.
const maxPending = 4 << 20

// pass is one reading of a list from its first page to its last.
type pass struct {
	client  *Client
	expired bool
	size    int      // rows that a page is asked to have
	before  *reading // what the pages are compared with; nil: nothing

	same     bool            // every page has the bytes of before
	sums     []sum           // of each page
	pending  []*bytes.Buffer // pages that had the bytes of before, not decoded
	pages    []Page          // decoded
	token    *token          // that the last page was read with
	oneToken bool            // all pages were
	date     time.Time       // the service's clock at the first page

	count   int64 // how many sessions there are, as the newest page that says it says; -1
	listed  int   // entries so far
	nothing int   // entries that are no sessions
	keys    map[sessionwarden.Key]struct{}
	odd     oddity

	cut    bool   // a page was larger than we read
	moving bool   // something does not fit: rows moved, or the service is wrong
	shift  bool   // it was rows that are known by their id, or the count: some may be missing
	why    string // why the list is not complete
	failed error  // the call that failed
}

// read reads all pages once, with so many rows on each.
func (c *Client) read(ctx context.Context, expired bool, size int, before *reading) *pass {
	p := &pass{client: c, expired: expired, size: size, before: before, same: before != nil, oneToken: true, count: -1}
	defer func() {
		for _, b := range p.pending {
			c.release(b)
		}
	}()
	for n := 0; ; n++ {
		if p.same && n == len(before.sums) {
			return p
		}
		if n == maxPages {
			p.endless("the list has more than " + strconv.Itoa(maxPages) + " pages")
			break
		}
		if p.listed > maxRows {
			p.endless("the list has more than " + strconv.Itoa(maxRows) + " rows")
			break
		}
		err := c.call(ctx, request{route: routeList, query: listQuery(n, p.size, expired), read: func(a *answer) *sessionwarden.Fault {
			return p.take(n, a)
		}})
		if err != nil {
			p.unsame()
			p.failed = err
			if n > 0 {
				p.stop("page " + strconv.Itoa(n+1) + " could not be read: " + err.Error())
			}
			break
		}
		if !p.same && !p.more(n) {
			break
		}
	}
	return p
}

// stop ends the pass before the list's end.
func (p *pass) stop(why string) {
	if p.why == "" {
		p.why = why
	}
}

// endless stops the pass at a bound, and for good: reading so much again would
// only use up the service's patience.
func (p *pass) endless(why string) {
	p.stop(why)
	p.moving = false
}

// take takes the answer with page n: it is either known by its bytes, or
// decoded.
func (p *pass) take(n int, a *answer) *sessionwarden.Fault {
	c := p.client
	if n == 0 {
		p.date = a.date
	} else if a.token != p.token {
		p.oneToken = false
	}
	p.token = a.token
	s, known := c.recognize(p.before, a.token, n, a.body)
	if p.same && known && !a.cut && p.held()+s.size <= maxPending {
		p.sums = append(p.sums, s)
		p.pending = append(p.pending, a.keep())
		return nil
	}
	p.unsame()
	page, f := c.decodeList(a, c.serviceTime(a))
	if f != nil {
		return f
	}
	p.cut = p.cut || a.cut
	p.sums = append(p.sums, s)
	p.pages = append(p.pages, page)
	return nil
}

func (p *pass) held() int {
	size := 0
	for _, b := range p.pending {
		size += b.Len()
	}
	return size
}

// unsame gives up on the list being unchanged: what was only compared is
// decoded now.
func (p *pass) unsame() {
	if !p.same {
		return
	}
	p.same = false
	for n, b := range p.pending {
		page, f := p.client.decodeList(&answer{body: b.Bytes(), token: p.token}, p.client.serviceNow())
		if f != nil { // it was decoded before
			p.stop("page " + strconv.Itoa(n+1) + " could not be read again")
			continue
		}
		p.pages = append(p.pages, page)
		p.more(n)
	}
}

// decodeList decodes one page, or makes a fault of what it is instead.
func (c *Client) decodeList(a *answer, now time.Time) (Page, *sessionwarden.Fault) {
	page, e, err := decodePage(a.body, now)
	q := request{route: routeList, token: a.token}
	switch {
	case err != nil:
		return Page{}, fault(sessionwarden.FaultStrange, routeList, unreadable(err))
	case e.failed:
		return Page{}, c.failed(q, a, e)
	case e.holds == holdsText, e.holds == holdsNull:
		return Page{}, c.saidNo(sessionwarden.FaultBusiness, q, envelope{message: e.text}, "the answer is empty where the list should be")
	case e.holds == holdsNothing:
		return Page{}, fault(sessionwarden.FaultStrange, routeList, "the answer has neither content nor data")
	}
	if a.cut {
		page.Broken = fmt.Sprintf("the answer was larger than %d MiB", maxBody>>20)
	}
	if page.Unknown > 0 {
		c.metrics.unknown.Add(float64(page.Unknown))
	}
	return page, nil
}

// more looks at page n, just decoded, and says whether there is another. It
// also finds out what does not fit.
func (p *pass) more(n int) bool {
	page := &p.pages[len(p.pages)-1]
	p.listed += page.Listed
	p.nothing += page.Listed - len(page.Rows)
	odd := page.odd
	if n == 0 {
		p.count = page.Count
	} else {
		odd &^= oddNoCount
		switch {
		case page.Count < 0 || page.Count == p.count:
		case p.count < 0:
			p.count = page.Count
		default:
			p.moving, p.shift, p.count = true, true, page.Count
		}
	}
	p.odd |= odd
	if page.Broken != "" {
		p.stop("page " + strconv.Itoa(n+1) + " is broken: " + page.Broken)
		return false
	}
	repeated := p.compare(n, page)
	switch {
	case repeated:
		p.stop("page " + strconv.Itoa(n+1) + " repeats what was there before")
		return false
	case page.Listed == 0:
	case p.count >= 0 && int64(p.listed) < p.count:
		if page.Listed < p.size {
			p.odd |= oddPageSize
		}
		return true
	case p.full(n, page):
		return true
	}
	switch {
	case p.count >= 0 && int64(p.listed) != p.count:
		p.moving = true
		p.stop(fmt.Sprintf("the service says that there are %d sessions and lists %d", p.count, p.listed))
	case p.shift:
		p.stop(whyMoved)
	}
	return false
}

// whyMoved is why a list is not complete whose rows move from page to page.
const whyMoved = "the list changed while it was read"

// full reports whether a page may not be the last one, going by its length
// alone.
func (p *pass) full(n int, page *Page) bool {
	switch {
	case page.Listed >= p.size:
		return true // also where the count says that this is all: it may be that of the page
	case int64(p.listed) == p.count:
		return false
	case n == 0:
		return page.Listed%10 == 0 // the service's own page size
	}
	return page.Listed >= p.pages[0].Listed
}

// compare looks for rows that were there on earlier pages. It reports whether
// there is nothing else on the page.
func (p *pass) compare(n int, page *Page) (repeated bool) {
	if n == 0 && int64(page.Listed) == p.count && page.Listed < p.size {
		return false // the only page
	}
	if p.keys == nil {
		p.keys = make(map[sessionwarden.Key]struct{})
	}
	known := 0
	mine := make(map[sessionwarden.Key]struct{}, len(page.Rows))
	for i := range page.Rows {
		key := page.Rows[i].Key()
		if _, there := p.keys[key]; there {
			known++
			p.shift = p.shift || page.Rows[i].ID != ""
		}
		mine[key] = struct{}{}
	}
	for key := range mine {
		p.keys[key] = struct{}{}
	}
	if known > 0 {
		p.moving = true
	}
	return known > 0 && known == len(page.Rows)
}

// sameBytes reports whether both passes read the same.
func (p *pass) sameBytes(q *pass) bool {
	if len(p.sums) != len(q.sums) {
		return false
	}
	for i := range p.sums {
		if p.sums[i] != q.sums[i] {
			return false
		}
	}
	return true
}
