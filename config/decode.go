package config

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/pelletier/go-toml/v2/unstable"

	"sessionwarden"
)

// decoder turns the tree of a file into a Config and collects what is wrong.
type decoder struct {
	opts    Options
	errs    *Errors
	doc     *document
	folder  string // where relative paths start
	broken  bool   // some lines could not be read: what is missing may stand there
	notices []string
	own     []ownRule // in the file's order

	routes     []*routing // what each channel is told
	byUTC      bool       // [alert] names no time zone
	escalating *node      // the channels of [alert.escalation]; nil: not there
}

// field is one key of the schema.
type field struct {
	name   string
	read   func(n *node, where string) // where is the key's path without its name
	secret bool                        // no value of it may be shown
	keys   []field                     // of a table
}

// table reads the entries of n: each has to be one of fields.
func (d *decoder) table(n *node, where string, fields []field) {
	for _, e := range n.entries {
		if f, ok := fieldByName(fields, e.key); ok {
			f.read(e, where)
			continue
		}
		d.unknown(e, where, fields)
	}
}

func fieldByName(fields []field, name string) (field, bool) {
	for _, f := range fields {
		if f.name == name {
			return f, true
		}
	}
	return field{}, false
}

// wrong tells of a value. Errors of the checks carry problem and cure.
func (d *decoder) wrong(n *node, key string, err error) {
	m := &Mistake{Line: n.line, Column: n.column, Key: key, Problem: err.Error()}
	var w *wrongValue
	if errors.As(err, &w) {
		m.Problem, m.Cure = w.problem, w.cure
	}
	d.errs.add(m)
}

// missing tells of a key that a table needs. It says nothing where lines could
// not be read, as the key may stand there.
func (d *decoder) missing(n *node, key, problem, cure string) {
	if !d.broken {
		d.errs.add(&Mistake{Line: n.line, Key: key, Problem: problem, Cure: cure})
	}
}

func (d *decoder) notice(format string, args ...any) {
	d.notices = append(d.notices, fmt.Sprintf(format, args...))
}

// sub is a field that is a table.
func (d *decoder) sub(name string, fields ...field) field {
	return field{name: name, keys: fields, read: func(n *node, where string) {
		if d.isTable(n, where+name, sectionName(where, name)) {
			d.table(n, where+name+".", fields)
		}
	}}
}

func (d *decoder) isTable(n *node, key, write string) bool {
	if n.isTable() {
		return true
	}
	d.wrong(n, key, wrong("write it as a section: "+write, "this is %s, but it has to be a section", kindName(n)))
	return false
}

// text is a field whose value is text that parse understands.
func text[T any](d *decoder, name string, into *T, parse func(string) (T, error)) field {
	return field{name: name, read: func(n *node, where string) {
		if v, ok := readText(d, n, where+name, parse); ok {
			*into = v
		}
	}}
}

// readText reads one text that parse understands, or tells what is wrong.
func readText[T any](d *decoder, n *node, key string, parse func(string) (T, error)) (v T, ok bool) {
	v, err := parse(n.text)
	if n.kind != unstable.String {
		err = notText(n, err)
	}
	if err != nil {
		d.wrong(n, key, err)
		return v, false
	}
	return v, true
}

// notText is what is wrong with a value that is no text; asText is what would
// be wrong with it in quotation marks.
func notText(n *node, asText error) error {
	switch n.kind {
	case unstable.Integer, unstable.Float, unstable.Bool, unstable.LocalDate, unstable.LocalTime, unstable.LocalDateTime, unstable.DateTime:
		cure := fmt.Sprintf("write it in quotation marks: \"%s\"", shown(n.text))
		var w *wrongValue
		if errors.As(asText, &w) {
			cure = w.cure
		}
		return wrong(cure, "this is %s, but it has to be text", kindName(n))
	case unstable.Array:
		if len(n.list) == 1 && n.list[0].kind == unstable.String {
			return wrong("write it without the [ ]", "this is a list, but there can be one only")
		}
	}
	return wrong(`write key = "text"`, "this is %s, but it has to be text", kindName(n))
}

// list is a field whose value is a list of texts.
func list[T comparable](d *decoder, name string, into *[]T, parse func(string) (T, error)) field {
	return field{name: name, read: func(n *node, where string) {
		if n.kind != unstable.Array || n.header {
			cure := `write ["one", "two"]`
			if n.kind == unstable.String {
				cure = fmt.Sprintf("write it as a list: [%q]", shown(n.text))
			}
			d.wrong(n, where+name, wrong(cure, "this is %s, but it has to be a list", kindName(n)))
			return
		}
		var values []T
		seen := make(map[T]bool)
		for _, e := range n.list {
			v, ok := readText(d, e, where+name, parse)
			if !ok {
				continue
			}
			if seen[v] {
				d.wrong(e, where+name, wrong("leave one of them out", "%q stands in the list twice", shown(e.text)))
				continue
			}
			seen[v] = true
			values = append(values, v)
		}
		*into = values
	}}
}

// span is a field whose value is a duration between two bounds.
func (d *decoder) span(name string, into *time.Duration, least, most time.Duration) field {
	return field{name: name, read: func(n *node, where string) {
		if n.kind == unstable.Integer || n.kind == unstable.String && isDigits(n.text) {
			d.wrong(n, where+name, wrong(fmt.Sprintf("write \"%s%s\", if that is what you mean; there are s, m, h and d", shown(n.text), unitOf(n.text, least, most)), "%s has no unit, but it has to be a duration", shown(n.text)))
			return
		}
		text(d, name, into, func(text string) (time.Duration, error) {
			v, err := parseDuration(text)
			if err == nil && (v < least || v > most) {
				err = wrong(fmt.Sprintf("write something from %q to %q", formatDuration(least), formatDuration(most)), "%q makes no sense here", shown(text))
			}
			return v, err
		}).read(n, where)
	}}
}

// unitOf is the smallest unit with which a bare number is from least to most, and
// days where people think in days.
func unitOf(number string, least, most time.Duration) string {
	if least >= day {
		return "d"
	}
	for _, unit := range []string{"s", "m", "h", "d"} {
		if v, err := parseDuration(number + unit); err == nil && v >= least && v <= most {
			return unit
		}
	}
	return "s"
}

// spanOrOff is a span that "off" turns off: it is 0 then.
func (d *decoder) spanOrOff(name string, into *time.Duration, least, most time.Duration) field {
	span := d.span(name, into, least, most)
	return field{name: name, read: func(n *node, where string) {
		if n.kind == unstable.String && n.text == "off" {
			*into = 0
			return
		}
		if v, err := parseDuration(n.text); n.text == "0" || err == nil && v == 0 {
			d.wrong(n, where+name, wrong(`write "off"`, "%s turns nothing off here", shown(n.text)))
			return
		}
		before := len(d.errs.Mistakes)
		span.read(n, where)
		for _, m := range d.errs.Mistakes[before:] {
			m.Cure += `; "off" turns it off`
		}
	}}
}

// count is a field whose value is a whole number from least to most.
func (d *decoder) count(name string, into *int, least, most int) field {
	return field{name: name, read: func(n *node, where string) {
		cure := fmt.Sprintf("write a whole number from %d to %d, without quotation marks", least, most)
		if n.kind != unstable.Integer {
			d.wrong(n, where+name, wrong(cure, "this is %s, but it has to be a whole number", kindName(n)))
			return
		}
		v, err := strconv.ParseInt(n.text, 0, 64) // TOML's forms of integers are Go's
		if err != nil || v < int64(least) || v > int64(most) {
			d.wrong(n, where+name, wrong(cure, "%s makes no sense here", shown(n.text)))
			return
		}
		*into = int(v)
	}}
}

// flag is a field whose value is true or false.
func (d *decoder) flag(name string, into *bool) field {
	return field{name: name, read: func(n *node, where string) {
		if n.kind != unstable.Bool {
			d.wrong(n, where+name, wrong("write true or false, without quotation marks", "this is %s, but it has to be true or false", kindName(n)))
			return
		}
		*into = n.text == "true"
	}}
}

// word is a field whose value is one of a few words.
func word[T ~string](d *decoder, name string, into *T, words ...string) field {
	return text(d, name, into, func(text string) (T, error) {
		for _, w := range words {
			if w == text {
				return T(w), nil
			}
		}
		return "", wrong(didYouMean(text, words), "%q is not one of the words that can stand here", shown(text))
	})
}

func kindName(n *node) string {
	switch n.kind {
	case unstable.String:
		return "text"
	case unstable.Integer:
		return "a whole number"
	case unstable.Float:
		return "a number"
	case unstable.Bool:
		return "true or false"
	case unstable.Array:
		return "a list"
	case unstable.Table, unstable.InlineTable:
		return "a section"
	}
	return "a date or a time"
}

// shown is how a key or a value appears in a mistake. White space around it stays,
// as one space: it may be what is wrong.
func shown(text string) string {
	if len(text) > maxShown {
		return sessionwarden.Clean(text, maxShown-3) + "…"
	}
	clean := sessionwarden.Clean(text, maxShown)
	if clean == "" {
		return clean
	}
	if strings.TrimLeftFunc(text, unicode.IsSpace) != text {
		clean = " " + clean
	}
	if strings.TrimRightFunc(text, unicode.IsSpace) != text {
		clean += " "
	}
	return clean
}
