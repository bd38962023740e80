package mannco

import (
	"errors"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"sessionwarden"
)

// Bounds of one reading of a list. They are far above what an account can
// have, and there so that nothing the service sends is read for ever.
const (
	pageSize  = 50
	smallPage = 5 // where so many rows are larger than maxBody
	maxPages  = 200
	maxRows   = maxPages * pageSize
	maxBody   = 8 << 20 // bytes of one answer
)

// Page is one decoded page of a session list.
type Page struct {
	Rows    []Row
	Listed  int    // entries on the page, with those that are no sessions
	Count   int64  // how many sessions there are, as the page says; -1 if it does not
	Broken  string // why the page was not read to its end; "" if it was
	Unknown int    // fields that the program does not know
	Notes   []string

	odd oddity
}

var (
	errNoList  = errors.New("the answer holds no session list")
	errTooMany = errors.New("the page has too many rows")
)

// DecodePage decodes an answer of the session list, in any edition. It is
// pure: now only bounds which times are believed. Rows that stand before a
// fault in the answer are returned with Broken saying what it is. An error
// means that there is nothing to be had: the answer is not JSON, is no list,
// or is the service's own refusal.
func DecodePage(body []byte, now time.Time) (Page, error) {
	p, e, err := decodePage(body, now)
	switch {
	case err != nil:
		return Page{}, errors.New(unreadable(err))
	case e.failed && cleanText(e.message) == "":
		return Page{}, errors.New("the service refused")
	case e.failed:
		return Page{}, errors.New("the service refused: " + cleanText(e.message))
	}
	p.Notes = sentences(p.odd)
	return p, nil
}

// decodePage is DecodePage with the envelope, which may say that the service
// refused.
func decodePage(body []byte, now time.Time) (Page, envelope, error) {
	r := pageReader{
		page:    Page{Count: -1, Rows: make([]Row, 0, min(len(body)/256+1, pageSize))},
		started: windowAt(now, clockSlack),
		expires: windowAt(now, longestLife),
	}
	e, err := readEnvelope(body, r.content)
	p := r.page
	p.Unknown += e.unknown
	if e.failed {
		if e.message == "" {
			e, _ = messageOf(body)
		}
		return Page{}, e, nil
	}
	if err != nil {
		if len(p.Rows) == 0 {
			return Page{}, e, err
		}
		p.Broken = unreadable(err)
		return p, e, nil
	}
	if e.holds == holdsValue && !r.found && p.Count != 0 {
		return Page{}, e, errNoList
	}
	if p.Count < 0 {
		p.odd |= oddNoCount
	}
	return p, e, nil
}

// pageReader decodes the content of one answer.
type pageReader struct {
	page             Page
	found            bool // a list was there
	started, expires window

	recent [fieldCount]struct { // by field: texts of the rows above
		texts [8]string // as they stood there
		next  int       // the oldest
	}

	place   string // the last location, and the country in it
	country sessionwarden.Country
}

// content reads the content: an object with the list in values, or the list
// itself.
func (r *pageReader) content(d *jsontext.Decoder) error {
	if d.PeekKind() == '[' {
		return r.values(d)
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	for d.PeekKind() == '"' {
		name, err := d.ReadValue()
		if err != nil {
			return err
		}
		switch string(name) {
		case `"values"`:
			if r.found {
				return errTwice
			}
			err = r.values(d)
		case `"count"`:
			var v jsontext.Value
			if v, err = d.ReadValue(); err == nil {
				if n, ok := looseInt(v); ok && n >= 0 {
					r.page.Count = n
				}
			}
		default:
			r.page.Unknown++
			err = d.SkipValue()
		}
		if err != nil {
			return err
		}
	}
	_, err := d.ReadToken()
	return err
}

func (r *pageReader) values(d *jsontext.Decoder) error {
	r.found = true
	kind := d.PeekKind()
	switch kind {
	case '[':
	case '{': // a list with gaps, as some languages write it
		r.page.odd |= oddValuesObject
	case 'n':
		r.page.odd |= oddValuesNull
		return d.SkipValue()
	default:
		return errNoList
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	for {
		next := d.PeekKind()
		if next == ']' || next == '}' {
			_, err := d.ReadToken()
			return err
		}
		if kind == '{' {
			if err := d.SkipValue(); err != nil { // the key
				return err
			}
		}
		if r.page.Listed >= maxRows {
			return errTooMany
		}
		whole := len(r.page.Rows)
		if err := r.row(d); err != nil {
			r.page.Rows = r.page.Rows[:whole] // half a session is none
			return err
		}
	}
}
