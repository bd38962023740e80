package alert

import (
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"sessionwarden"
)

// medium is how a service takes text.
type medium struct {
	limit int               // how long a text may be, with all its notation
	size  func(string) int  // how the service counts
	span  func(Span) string // a span in the service's notation, in which nothing from outside means anything; nil: as it is
}

// The ways in which services count.
func inBytes(text string) int      { return len(text) }
func inCharacters(text string) int { return utf8.RuneCountInString(text) }

// inUnits counts as JavaScript and Java do.
func inUnits(text string) int {
	n := 0
	for _, r := range text {
		n += max(utf16.RuneLen(r), 1)
	}
	return n
}

// row is one line of a message on its way into a medium.
type row struct {
	text  string
	rank  rank
	opens bool // the first of its section: an empty line stands before it
}

// write writes a message in at most limit, after a head that is in the medium's
// notation already ("" where the title has a place of its own). What is too long
// loses whole lines: particulars first, then how to quiet it, and what was done
// last; it says so, and where to see the rest.
func (md medium) write(m Message, head string) string {
	rows := md.rows(m)
	more := "…" + shortened
	if m.More != "" {
		more += ": " + md.notation(Span{Text: m.More, Style: Command})
	}
	cost := func(r row) int {
		n := md.size(r.text) + 1
		if r.opens {
			n++
		}
		return n
	}
	total := md.size(head)
	for _, r := range rows {
		total += cost(r)
	}
	if total <= md.limit {
		return page(head, rows)
	}
	order := make([]int, len(rows))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return int(rows[a].rank) - int(rows[b].rank) })
	left := md.limit - md.size(head) - md.size(more) - 2
	kept := make([]bool, len(rows))
	for _, i := range order {
		// An empty line is reckoned with for each: what opens a section may be left out.
		if left -= md.size(rows[i].text) + 2; left < 0 {
			break
		}
		kept[i] = true
	}
	var some []row
	opens := false
	for i, r := range rows {
		opens = opens || r.opens
		if kept[i] {
			r.opens = opens
			some, opens = append(some, r), false
		}
	}
	return page(head, append(some, row{text: more, opens: true}))
}

// page joins lines.
func page(head string, rows []row) string {
	var b strings.Builder
	b.WriteString(head)
	for _, r := range rows {
		if b.Len() > 0 {
			b.WriteByte('\n')
			if r.opens {
				b.WriteByte('\n')
			}
		}
		b.WriteString(r.text)
	}
	return b.String()
}

// rows returns the lines of a message in the medium's notation.
func (md medium) rows(m Message) []row {
	var rows []row
	if m.Plain || len(m.Sections) == 0 {
		for line := range strings.SplitSeq(m.Text, "\n") {
			rows = append(rows, row{text: md.notation(Span{Text: line})})
		}
		return rows
	}
	for _, s := range m.Sections {
		opens := true
		add := func(line Line, r rank) {
			var b strings.Builder
			for _, span := range line {
				b.WriteString(md.notation(span))
			}
			rows = append(rows, row{text: b.String(), rank: r, opens: opens})
			opens = false
		}
		if s.Title != "" {
			add(Line{{Text: s.Title, Style: Strong}}, s.rank)
		}
		for i, line := range s.Lines {
			r := s.rank
			if s.facts > 0 && i >= s.facts {
				r = max(r, particular)
			}
			add(line, r)
		}
	}
	for i, line := range m.Footer {
		if line != "" {
			rows = append(rows, row{text: md.notation(Span{Text: line}), rank: origin, opens: i == 0})
		}
	}
	return rows
}

// notation writes one span.
func (md medium) notation(s Span) string {
	if md.span == nil {
		return s.Text
	}
	return md.span(s)
}

// loudTitle is the title of a message that shows its severity by itself.
func loudTitle(m Message) string {
	if m.Severity > sessionwarden.Info {
		return strings.ToUpper(m.Severity.String()) + " " + m.Title
	}
	return m.Title
}

// untag replaces the signs that make a word a tag, a room, a command or a number
// to be dialled by look-alikes that do not.
func untag(text string) string {
	if !strings.ContainsAny(text, "#$/+") {
		return text
	}
	var b strings.Builder
	b.Grow(len(text))
	for i := 0; i < len(text); i++ {
		c := text[i]
		first := i == 0 || !hostByte(text[i-1])
		followed := i+1 < len(text) && hostByte(text[i+1])
		switch {
		case c == '#' && first && followed:
			b.WriteString("＃")
		case c == '$' && first && followed:
			b.WriteString("＄")
		case c == '+' && first && followed:
			b.WriteString("＋")
		case c == '/' && first && followed && (i == 0 || text[i-1] != '/') && lastOfPath(text[i+1:]):
			b.WriteString("∕")
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// lastOfPath reports whether rest begins with a word that no slash ends.
func lastOfPath(rest string) bool {
	end := 0
	for end < len(rest) && hostByte(rest[end]) {
		end++
	}
	return end == len(rest) || rest[end] != '/'
}
