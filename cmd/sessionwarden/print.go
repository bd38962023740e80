package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/term"
	"golang.org/x/text/width"
)

// printer writes for people and for other programs. It is the one door to the
// terminal: whatever passes loses its control and format characters, so that
// text from outside can neither move the cursor nor set the clipboard.
type printer struct {
	w      *bufio.Writer
	width  int    // of a table, in columns
	fits   bool   // what is printed is seen on something of that width
	unread func() // called when nobody reads what is written any more
	broken bool   // that has happened

	terminal bool // somebody watches it: progress may be shown
}

// newPrinter returns a printer; its tables fit the terminal, or 80 columns.
func newPrinter(w io.Writer, getenv func(string) string) *printer {
	p := &printer{w: bufio.NewWriter(w), width: 80, unread: func() {}}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.fits, p.terminal = true, getenv("NO_COLOR") == ""
		if columns, _, err := term.GetSize(int(f.Fd())); err == nil && columns >= 60 {
			p.width = columns
		}
	}
	if n, err := strconv.Atoi(getenv("COLUMNS")); err == nil && n >= 60 && n <= 500 {
		p.width, p.fits = n, true
	}
	return p
}

// Write implements io.Writer.
func (p *printer) Write(text []byte) (int, error) {
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRune(text[i:])
		switch {
		case r == '\n' || r == '\t':
			p.w.WriteByte(byte(r))
		case r == utf8.RuneError && size == 1:
			p.w.WriteRune(utf8.RuneError)
		case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp):
		default:
			p.w.WriteRune(r)
		}
		i += size
	}
	return len(text), p.Flush()
}

// Flush writes what is buffered.
func (p *printer) Flush() error {
	err := p.w.Flush()
	if errors.Is(err, syscall.EPIPE) {
		p.broken = true
		p.unread()
	}
	return err
}

// column is one column of a table. Those with a least width shrink to it when
// the table is too wide; the others are never cut.
type column struct {
	head  string
	least int
}

// sample is how many rows a table looks at before it fixes its columns.
const sample = 500

// table prints rows under heads, streaming: it holds sample rows at most.
type table struct {
	p       *printer
	columns []column
	widths  []int
	held    [][]string
	rows    int
}

func (p *printer) table(columns ...column) *table { return &table{p: p, columns: columns} }

// row adds a row. What stands behind the cells of the columns is a line of its
// own below them, as long as it needs to be.
func (t *table) row(cells ...string) error {
	t.rows++
	if t.widths != nil {
		return t.print(cells)
	}
	t.held = append(t.held, cells)
	if len(t.held) < sample {
		return nil
	}
	return t.fix()
}

// end prints what is held, or says that there is nothing.
func (t *table) end(nothing string) error {
	if t.rows == 0 {
		_, err := fmt.Fprintln(t.p, nothing)
		return err
	}
	if t.widths == nil {
		return t.fix()
	}
	return nil
}

// fix decides the widths and prints the head and what is held.
func (t *table) fix() error {
	t.widths = make([]int, len(t.columns))
	heads := make([]string, len(t.columns))
	for i, c := range t.columns {
		heads[i] = c.head
		t.widths[i] = columnsOf(c.head)
		for _, row := range t.held {
			t.widths[i] = max(t.widths[i], columnsOf(row[i]))
		}
	}
	total := 2 * (len(t.columns) - 1)
	for _, w := range t.widths {
		total += w
	}
	for total > t.p.width {
		widest := -1
		for i, c := range t.columns {
			if c.least > 0 && t.widths[i] > max(c.least, columnsOf(c.head)) && (widest < 0 || t.widths[i] > t.widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			break
		}
		t.widths[widest]--
		total--
	}
	if err := t.print(heads); err != nil {
		return err
	}
	for _, row := range t.held {
		if err := t.print(row); err != nil {
			return err
		}
	}
	t.held = nil
	return nil
}

func (t *table) print(cells []string) error {
	var b strings.Builder
	over := 0 // columns that a cell took more than the sample foresaw
	cells, below := cells[:len(t.columns)], cells[len(t.columns):]
	for i, cell := range cells {
		cell = strings.Join(strings.Fields(cell), " ")
		room := t.widths[i]
		if t.columns[i].least > 0 {
			room = max(1, room-over)
			over -= t.widths[i] - room
			cell = shorten(cell, room)
		}
		over += max(0, columnsOf(cell)-room)
		b.WriteString(cell)
		if i < len(cells)-1 {
			b.WriteString(strings.Repeat(" ", max(0, room-columnsOf(cell))+2))
		}
	}
	line := strings.TrimRight(b.String(), " ") + "\n"
	for _, text := range below {
		if text != "" {
			line += "    " + wrap(text, t.p.width-4, "    ") + "\n"
		}
	}
	_, err := io.WriteString(t.p, line)
	return err
}

// columnsOf is how many terminal columns text takes.
func columnsOf(text string) int {
	n := 0
	for _, r := range text {
		switch {
		case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cc, unicode.Cf):
		case width.LookupRune(r).Kind() == width.EastAsianWide || width.LookupRune(r).Kind() == width.EastAsianFullwidth || r >= 0x1F300 && r <= 0x1FAFF:
			n += 2
		default:
			n++
		}
	}
	return n
}

// shorten cuts text to at most columns, with an ellipsis.
func shorten(text string, columns int) string {
	if columnsOf(text) <= columns {
		return text
	}
	var b strings.Builder
	n := 0
	for _, r := range text {
		w := columnsOf(string(r))
		if n+w > columns-1 {
			break
		}
		b.WriteRune(r)
		n += w
	}
	return b.String() + "…"
}

// wrap breaks text into lines of at most columns; indent is put before each
// line but the first.
func wrap(text string, columns int, indent string) string {
	var b strings.Builder
	n := 0
	for i, word := range strings.Fields(text) {
		switch {
		case i == 0:
		case n+1+columnsOf(word) > columns:
			b.WriteString("\n" + indent)
			n = 0
		default:
			b.WriteByte(' ')
			n++
		}
		b.WriteString(word)
		n += columnsOf(word)
	}
	return b.String()
}

// at is a time as tables show it; "-" where it is not known.
func at(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("01-02 15:04Z")
}

// ago is how long t is past at now, in one unit.
func ago(t, now time.Time) string {
	d := now.Sub(t)
	switch {
	case t.IsZero():
		return "never"
	case d < 0:
		return "in " + span(-d)
	case d < 2*time.Second:
		return "now"
	default:
		return span(d) + " ago"
	}
}

func span(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	default:
		return fmt.Sprintf("%d days", int(d.Hours()/24))
	}
}
