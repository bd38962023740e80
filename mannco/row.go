package mannco

import (
	"fmt"
	"math/bits"
	"net/netip"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"sessionwarden"
)

// Row is one row of a session list as the service sent it. Whose it is, is
// not decided yet: Ownership is zero.
type Row struct {
	sessionwarden.Session
	Current bool   // the service marks it as the session that asks
	User    string // whose session it is: a Steam id

	badID bool // there was an id, and it was none
}

// usable reports whether the row's address and id were understood. A row
// that never had an id is not bad, only unable to be ended.
func (r *Row) usable() bool { return r.Addr.IsValid() && !r.badID }

// field is a known field of a row; a set of them is the bitwise or.
type field uint16

const (
	fieldID field = 1 << iota
	fieldAddr
	fieldUser
	fieldLocation
	fieldISP
	fieldCurrent
	fieldAgent
	fieldStarted
	fieldExpires

	fieldCount = 9
)

func fieldByName(quoted []byte) field {
	switch string(quoted) {
	case `"id"`:
		return fieldID
	case `"ip"`:
		return fieldAddr
	case `"user"`:
		return fieldUser
	case `"location"`:
		return fieldLocation
	case `"isp"`:
		return fieldISP
	case `"current"`:
		return fieldCurrent
	case `"userAgent"`:
		return fieldAgent
	case `"timestamp"`:
		return fieldStarted
	case `"expire"`:
		return fieldExpires
	}
	return 0
}

func (f field) String() string {
	switch f {
	case fieldID:
		return "id"
	case fieldAddr:
		return "ip"
	case fieldUser:
		return "user"
	case fieldLocation:
		return "location"
	case fieldISP:
		return "isp"
	case fieldCurrent:
		return "current"
	case fieldAgent:
		return "userAgent"
	case fieldStarted:
		return "timestamp"
	case fieldExpires:
		return "expire"
	}
	return ""
}

// row reads one entry of the list. An entry that is no object is counted and
// left out.
func (r *pageReader) row(d *jsontext.Decoder) error {
	r.page.Listed++
	if d.PeekKind() != '{' {
		r.page.odd |= oddNoRow
		return d.SkipValue()
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	r.page.Rows = append(r.page.Rows, Row{})
	row := &r.page.Rows[len(r.page.Rows)-1]
	var seen field
	for d.PeekKind() == '"' {
		name, err := d.ReadValue()
		if err != nil {
			return err
		}
		f := fieldByName(name)
		if f == 0 {
			r.page.Unknown++
			if err := d.SkipValue(); err != nil {
				return err
			}
			continue
		}
		v, err := d.ReadValue()
		if err != nil {
			return err
		}
		if seen&f != 0 {
			r.twice(row, f, v)
			continue
		}
		seen |= f
		r.member(row, f, v)
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	if row.ID == "" && !row.badID {
		r.page.odd |= oddNoID
	}
	if seen&fieldAgent == 0 {
		r.page.odd |= oddNoAgent
	}
	if seen&fieldExpires == 0 {
		r.page.odd |= oddNoExpire
	}
	if seen&fieldAddr == 0 {
		row.flaw("ip is missing")
		r.page.odd |= oddRetypedAddr
	}
	return nil
}

// member understands one field.
func (r *pageReader) member(row *Row, f field, v jsontext.Value) {
	switch f {
	case fieldID:
		r.id(row, v)
	case fieldAddr:
		r.addr(row, v)
	case fieldUser:
		row.User = r.text(row, f, v)
	case fieldLocation:
		row.ServiceLocation = r.text(row, f, v)
		if row.ServiceLocation != r.place { // else it is that of a row above
			r.place, r.country = row.ServiceLocation, serviceCountry(row.ServiceLocation)
		}
		row.ServiceCountry = r.country
	case fieldISP:
		row.ISP = r.text(row, f, v)
	case fieldCurrent:
		yes, ok := looseBool(v)
		row.Current = yes
		if !ok && v.Kind() != 'n' {
			r.retyped(row, f, v, "is neither true nor false", oddRetypedCurrent)
		}
	case fieldAgent:
		row.UserAgent = r.text(row, f, v)
	case fieldStarted:
		row.Started = r.time(row, f, v, r.started)
	case fieldExpires:
		row.Expires = r.time(row, f, v, r.expires)
	}
}

// id takes decimal digits only, as the id becomes part of a path and decides
// which session is ended.
func (r *pageReader) id(row *Row, v jsontext.Value) {
	text := bare(v)
	if validID(text) {
		row.ID = sessionwarden.SessionID(text)
		return
	}
	if v.Kind() == 'n' || v.Kind() == '"' && len(text) == 0 {
		return // as good as missing
	}
	row.badID = true
	r.retyped(row, fieldID, v, "is not a whole number", oddRetypedID)
}

// validID reports whether id is what the service's ids are: a whole number
// above zero, in at most 20 decimal digits.
func validID[T ~string | ~[]byte](id T) bool {
	if len(id) == 0 || len(id) > 20 {
		return false
	}
	zeros := 0
	for i := range len(id) {
		if id[i] < '0' || id[i] > '9' {
			return false
		}
		if id[i] == '0' {
			zeros++
		}
	}
	return zeros < len(id)
}

func (r *pageReader) addr(row *Row, v jsontext.Value) {
	if v.Kind() != '"' {
		r.retyped(row, fieldAddr, v, "is not an address", oddRetypedAddr)
		row.RawAddr = sessionwarden.Clean(string(v[:min(len(v), 2*sessionwarden.MaxText)]), sessionwarden.MaxText)
		return
	}
	text := string(bare(v))
	addr, ok := parseAddr(text)
	if ok {
		row.Addr = addr
		return
	}
	row.RawAddr = cleanText(text)
	r.retyped(row, fieldAddr, v, "is not an address", oddRetypedAddr)
}

// parseAddr returns an address as the program compares it: unmapped, without
// a zone.
func parseAddr(text string) (netip.Addr, bool) {
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Addr{}, false
	}
	return addr.Unmap().WithZone(""), true
}

func (r *pageReader) text(row *Row, f field, v jsontext.Value) string {
	if v.Kind() != '"' {
		text, ok := looseText(v)
		if !ok {
			r.retyped(row, f, v, "is not a text", oddRetypedText)
		}
		return cleanText(text)
	}
	// The same few texts come again and again: they are made once a page.
	known := &r.recent[bits.TrailingZeros16(uint16(f))]
	for _, text := range known.texts {
		if string(v[1:len(v)-1]) == text {
			return text
		}
	}
	if tidy(v) {
		text := string(v[1 : len(v)-1])
		known.texts[known.next] = text
		known.next = (known.next + 1) % len(known.texts)
		return text
	}
	text := unquote(v)
	if len(text) > sessionwarden.MaxText {
		row.flaw(fmt.Sprintf("%s was cut: it had %d bytes", f, len(text)))
	}
	return cleanText(text)
}

func (r *pageReader) time(row *Row, f field, v jsontext.Value, w window) (at time.Time) {
	at, u := readTime(v, w)
	switch u {
	case notTime:
		if v.Kind() != 'n' && string(v) != `""` {
			r.retyped(row, f, v, "is not a plausible time", oddRetypedTime)
		}
	case inSeconds:
	default:
		r.page.odd |= oddUnit
	}
	return at
}

// retyped notes a field that was not understood, with what it was.
func (r *pageReader) retyped(row *Row, f field, v jsontext.Value, how string, o oddity) {
	r.page.odd |= o
	raw := sessionwarden.Clean(string(v[:min(len(v), 512)]), 120)
	row.flaw(f.String() + " " + how + ": " + raw)
}

// twice deals with a field that comes a second time: the first one counts,
// but an id that is not the same both times is none.
func (r *pageReader) twice(row *Row, f field, v jsontext.Value) {
	r.page.odd |= oddTwice
	row.flaw(f.String() + " comes twice")
	switch f {
	case fieldID:
		if sessionwarden.SessionID(bare(v)) != row.ID {
			row.ID, row.badID = "", true
		}
	case fieldCurrent:
		yes, _ := looseBool(v)
		row.Current = row.Current || yes // the careful reading: it may be our own
	}
}

func (r *Row) flaw(text string) {
	if len(r.Flaws) < 12 {
		r.Flaws = append(r.Flaws, text)
	}
}

// serviceCountry finds the country in what the service says of a place: "US:
// New York", "US", an English name, or nothing. Short words count only as
// capitals, as "no" and "in" are words too.
func serviceCountry(location string) sessionwarden.Country {
	place, _, _ := strings.Cut(location, ":")
	place = strings.TrimSpace(place)
	if len(place) <= 3 && place != strings.ToUpper(place) {
		return ""
	}
	country, _ := sessionwarden.CountryNamed(place)
	return country
}
