package mannco

import (
	"context"
	"hash/maphash"
	"strconv"
	"time"

	"sessionwarden"
)

// maxPasses is how often a list whose rows move while it is read is read.
const maxPasses = 3

// reading is what is remembered of the last reading of one kind of list, to
// know the next one as unchanged by its bytes. It is not changed once made.
type reading struct {
	token    *token
	sums     []sum // of each page
	rows     []sessionwarden.Session
	complete bool
	why      string
}

// sum recognizes the bytes of one page.
type sum struct {
	hash uint64
	size int
}

// recognize reports whether page n has the bytes that it had in the reading
// before, which may be nil.
func (c *Client) recognize(before *reading, t *token, n int, body []byte) (sum, bool) {
	s := sum{maphash.Bytes(c.seed, body), len(body)}
	return s, before != nil && t == before.token && n < len(before.sums) && s == before.sums[n]
}

// Sessions reads the account's session list: the live sessions, or with
// expired also those that have ended.
//
// An error means that nothing could be read, or that the list cannot be true.
// Where some of it was read, there is no error: the rows are there, Complete is
// false, and Why says what is missing.
//
// Unchanged is relative to the last listing of the same kind that this client
// returned, to whichever goroutine: a caller that shares the client with others
// should compare where its own last Rows began as well. LoggedIn and LoggedOut
// come with live listings only, and once each.
func (c *Client) Sessions(ctx context.Context, expired bool) (sessionwarden.Listing, error) {
	last := &c.live
	if expired {
		last = &c.expired
	}
	asked := c.now()
	before := last.Load()

	var passes []*pass // that read something
	size := pageSize
	for range maxPasses {
		p := c.read(ctx, expired, size, before)
		if p.same {
			return c.unchanged(before, p, asked, expired), nil
		}
		before = nil
		if len(p.pages) == 0 {
			if len(passes) == 0 {
				c.metrics.readings[readingFailed].Inc()
				return sessionwarden.Listing{}, p.failed
			}
			newest := passes[len(passes)-1]
			newest.failed, newest.why = p.failed, whyMoved+", and reading it again failed: "+p.failed.Error()
			break
		}
		settled := len(passes) > 0 && passes[len(passes)-1].sameBytes(p)
		passes = append(passes, p)
		if p.cut && size > smallPage && p.failed == nil {
			size = smallPage // nobody hides behind rows that are too large to read together
			continue
		}
		if !p.moving || p.failed != nil || settled {
			break
		}
		if len(passes) == maxPasses {
			p.stop(whyMoved)
		}
	}
	newest := passes[len(passes)-1]
	var all merger
	all.add(newest)
	if newest.why != "" { // what was decoded is judged, wherever it has moved to
		for _, p := range passes[:len(passes)-1] {
			all.add(p)
		}
	}
	newest.odd |= all.odd
	return c.listing(all.rows, newest, asked, expired)
}

// unchanged is the short way: every page had the same bytes as last time.
func (c *Client) unchanged(before *reading, p *pass, asked time.Time, expired bool) sessionwarden.Listing {
	c.metrics.readings[readingUnchanged].Inc()
	l := sessionwarden.Listing{
		Rows: before.rows, Complete: before.complete, Why: before.why, Unchanged: true,
		Asked: asked, ServerTime: p.date, Notes: c.notes.take(),
	}
	if !expired {
		l.LoggedIn, l.LoggedOut = c.auth.tell()
	}
	return l
}

// listing makes the result of what was read anew.
func (c *Client) listing(rows []Row, p *pass, asked time.Time, expired bool) (sessionwarden.Listing, error) {
	last := &c.live
	if expired {
		last = &c.expired
	}
	odd := p.odd | setOwners(rows, p.token.identity, c.auth.own(p.token.identity.Addr)) | setStrays(rows, p.token.identity.SteamID)
	if p.why != "" {
		odd &^= oddNoOwn // it may be among those that could not be read
	} else {
		p.why = unusable(rows, p)
	}
	if len(rows) == 0 && !expired && p.token.sawOwn.Load() {
		c.metrics.readings[readingFailed].Inc()
		return sessionwarden.Listing{}, fault(sessionwarden.FaultStrange, routeList,
			"the list is empty, although our own session was in it: it cannot be true")
	}
	l := sessionwarden.Listing{
		Rows: make([]sessionwarden.Session, len(rows)), Complete: p.why == "", Why: p.why,
		Asked: asked, ServerTime: p.date,
	}
	own := false
	for i := range rows {
		l.Rows[i] = rows[i].Session
		own = own || rows[i].Ownership == sessionwarden.Own
		if rows[i].Flaws != nil {
			c.metrics.flawed.Inc()
		}
	}
	if expired {
		odd &^= oddNoOwn | oddTwoOwn | oddWrongOwn
	} else {
		l.LoggedIn, l.LoggedOut = c.auth.tell()
		if own && p.token.sawOwn.CompareAndSwap(false, true) {
			c.save()
		}
	}
	c.notes.add(odd)
	l.Notes = c.notes.take()
	if p.failed == nil && p.oneToken {
		last.Store(&reading{token: p.token, sums: p.sums, rows: l.Rows, complete: l.Complete, why: l.Why})
	} else {
		last.Store(nil)
	}
	if l.Complete {
		c.metrics.readings[readingComplete].Inc()
	} else {
		c.metrics.readings[readingIncomplete].Inc()
	}
	return l, nil
}

// unusable says whether so little of the rows was understood that a session
// which seems to be gone may be there all the same.
func unusable(rows []Row, p *pass) string {
	if p.nothing > 0 {
		return strconv.Itoa(p.nothing) + " entries of the list are no sessions"
	}
	bad := 0
	for i := range rows {
		if !rows[i].usable() {
			bad++
		}
	}
	if 2*bad > len(rows) {
		return strconv.Itoa(bad) + " of " + strconv.Itoa(len(rows)) + " rows have no address or id that can be understood"
	}
	return ""
}

// listQuery asks for one page, with the page size under both its names.
func listQuery(page, size int, expired bool) string {
	n, s := strconv.Itoa(page), strconv.Itoa(size)
	q := "page=" + n + "&perpage=" + s + "&perPage=" + s
	if expired {
		q += "&expire=true"
	}
	return q
}

// merger puts rows together without duplicates.
type merger struct {
	rows []Row
	at   map[sessionwarden.Key]int
	odd  oddity
}

func (m *merger) add(p *pass) {
	if m.at == nil {
		m.at = make(map[sessionwarden.Key]int)
	}
	for _, page := range p.pages {
		for i := range page.Rows {
			row := &page.Rows[i]
			key := row.Key()
			at, known := m.at[key]
			if !known {
				m.at[key] = len(m.rows)
				m.rows = append(m.rows, *row)
				continue
			}
			kept := &m.rows[at]
			kept.Current = kept.Current || row.Current // the careful reading
			if kept.Addr != row.Addr && row.ID != "" {
				kept.flaw("the id is listed twice, also with the address " + row.AddrText())
				m.odd |= oddSameID
			}
		}
	}
}
