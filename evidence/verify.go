package evidence

import (
	"bytes"
	"fmt"
	"html"
	"strings"

	"sessionwarden"
)

// MaxFile is the most bytes that a file can have.
const MaxFile = 64 << 20

// Report is what a check of a file says.
type Report struct {
	Header   Header // what the file says of itself; hostile, but clean
	Head     string // the head of its chain, as it was worked out
	Records  int
	Problems []string // what was changed, a sentence each, ten at most; none: it is whole
}

// Whole reports whether nothing was changed since the file was made.
func (r Report) Whole() bool { return len(r.Problems) == 0 }

// problem adds what is wrong.
func (r *Report) problem(format string, args ...any) {
	switch len(r.Problems) {
	case maxProblems:
		r.Problems = append(r.Problems, "More is wrong than is listed here.")
	case maxProblems + 1:
	default:
		r.Problems = append(r.Problems, sessionwarden.Shorten(fmt.Sprintf(format, args...), maxReason))
	}
}

const maxProblems = 10

// The borders of the records within a file.
const (
	recordsBegin = "<pre id=\"records\">\n"
	recordsEnd   = "</pre>"
	fileEnd      = "</html>\n"
)

// Verify works out the chain of a file anew, draws the page anew, and says what
// is not as it was made. The file may be anything.
func Verify(file []byte) Report {
	var r Report
	if len(file) > MaxFile {
		r.problem("This is no evidence file of sessionwarden: it is larger than one can be.")
		return r
	}
	lines, ok := r.read(file)
	if !ok {
		return r
	}
	chainWhole := r.chain(lines)
	if r.header(lines) {
		r.page(file, lines, chainWhole)
	}
	return r
}

// read takes the records out of a file.
func (r *Report) read(file []byte) (lines []line, ok bool) {
	begin := bytes.Index(file, []byte(recordsBegin))
	if begin < 0 {
		r.problem("There are no records in it: it is no evidence file of sessionwarden, or it is cut off before them.")
		return nil, false
	}
	rest := string(file[begin+len(recordsBegin):])
	text, _, closed := strings.Cut(rest, recordsEnd)
	if !closed {
		r.problem("The file is not whole: it ends within its records.")
	} else if !bytes.HasSuffix(file, []byte(fileEnd)) {
		r.problem("The file is not whole: its end is missing, or something stands behind it.")
	}
	for one := range strings.Lines(text) {
		hash, record, _ := strings.Cut(strings.TrimSuffix(one, "\n"), " ")
		lines = append(lines, line{html.UnescapeString(hash), html.UnescapeString(record)})
	}
	r.Records = len(lines)
	return lines, true
}

// chain works out the chain anew, each link from the hash that the file gives
// the record before: so what was changed is found where it was changed.
func (r *Report) chain(lines []line) (whole bool) {
	whole = true
	before, worked := genesis, genesis
	for i, l := range lines {
		worked = link(worked, l.Text)
		if link(before, l.Text) != l.Hash {
			whole = false
			r.problem("Record %d (%s) was changed, or its hash or the one before it was, or a record before it was put in or taken out.", i+1, name(l.Text))
		}
		before = l.Hash
	}
	r.Head = worked
	return whole
}

// name says what a record is of, as far as that can be read.
func name(text string) string {
	r, err := decode(text)
	if err != nil {
		return "unreadable: " + err.Error()
	}
	kind := r.kind()
	switch {
	case r.Session != nil:
		kind += ", row " + r.Session.Row
	case r.Finding != nil:
		kind += ", number " + r.Finding.ID
	case r.Action != nil:
		kind += ", number " + r.Action.ID
	case r.Event != nil:
		kind += ", " + shown(r.Event.Time)
	}
	return sessionwarden.Clean(kind, 100)
}

// header looks at what the file says of itself, and reports whether its page can
// be drawn.
func (r *Report) header(lines []line) bool {
	if len(lines) == 0 {
		r.problem("There is not one record in it.")
		return false
	}
	first, err := decode(lines[0].Text)
	if first.Header == nil {
		r.problem("It does not begin with a record that says what it is.")
		return false
	}
	r.Header = cleanHeader(*first.Header)
	if first.Header.Format != Format {
		r.problem("It is of format %d, and this version of sessionwarden knows format %d only. It was made by %s: check it with that version or a newer one.", first.Header.Format, Format, r.Header.Program)
		return false
	}
	if err != nil {
		r.problem("Record 1 is not written as a header is: %v.", err)
		return false
	}
	if n := first.Header.Records; n != len(lines) {
		r.problem("It had %d records when it was made, and has %d.", n, len(lines))
	}
	return true
}

// cleanHeader makes what a file says of itself fit for a terminal.
func cleanHeader(h Header) Header {
	for _, text := range []*string{&h.Program, &h.Instance, &h.Account, &h.Service, &h.Incident, &h.Made} {
		*text = words(*text)
	}
	return h
}

// page draws the page anew from the records and compares.
func (r *Report) page(file []byte, lines []line, chainWhole bool) {
	for i, l := range lines {
		if _, err := decode(l.Text); err != nil {
			if chainWhole {
				r.problem("Record %d cannot be read: %v.", i+1, err)
			}
			return // no page can come of it
		}
	}
	want := render(lines)
	if bytes.Equal(want, file) {
		return
	}
	if bytes.Equal(want, bytes.ReplaceAll(file, []byte("\r\n"), []byte("\n"))) {
		r.problem("Only the ends of its lines were changed (from LF to CR LF), as some mail programs do: ask for the file once more, packed.")
		return
	}
	n, have, should := difference(file, want)
	r.problem("The visible page does not say what its records say, first in line %d: it has %s, the records give %s.", n, have, should)
}

// difference returns the first line in which two texts differ, and what is there
// around the first byte that does.
func difference(have, want []byte) (n int, a, b string) {
	n = 1
	for {
		x, restX, moreX := bytes.Cut(have, []byte("\n"))
		y, restY, moreY := bytes.Cut(want, []byte("\n"))
		if !bytes.Equal(x, y) || moreX != moreY {
			at := 0
			for at < min(len(x), len(y)) && x[at] == y[at] {
				at++
			}
			from := max(0, at-20)
			return n, around(x, from), around(y, from)
		}
		have, want = restX, restY
		n++
	}
}

func around(text []byte, from int) string {
	piece := text[min(from, len(text)):]
	if len(piece) == 0 {
		return "nothing"
	}
	seen := sessionwarden.Shorten(string(piece[:min(len(piece), 400)]), 120)
	if seen == "" {
		return "white space, or what cannot be seen"
	}
	return "“" + seen + "”"
}
