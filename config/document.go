package config

import (
	"bytes"
	"errors"
	"slices"
	"sort"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"

	"sessionwarden"
)

// document is a file as a tree of values that know their place.
type document struct {
	data   []byte
	starts []int // where each line starts
	root   *node
	errs   *Errors
}

// node is one value, or one table.
type node struct {
	key    string
	keyAt  spot // of a table: its header
	line   int  // of the value; of the key where the parser does not tell
	column int

	kind    unstable.Kind
	text    string  // of a scalar: the decoded text or, where it is no text, as written
	list    []*node // of an array, in order
	entries []*node // of a table, in order
	index   map[string]*node
	header  bool // of a table: [it] stands in the file
}

// spot is a place in the file, from 1.
type spot struct{ line, column int }

// get returns the table's entry called key, or nil.
func (n *node) get(key string) *node { return n.index[key] }

// put adds an entry to the table.
func (n *node) put(e *node) {
	if n.index == nil {
		n.index = make(map[string]*node)
	}
	n.index[e.key] = e
	n.entries = append(n.entries, e)
}

// isTable reports whether n is a table of either form.
func (n *node) isTable() bool { return n.kind == unstable.Table || n.kind == unstable.InlineTable }

// maxSyntax is how many unreadable lines are told before the rest of the file
// is taken to be no TOML at all.
const maxSyntax = 10

// parse reads data. Lines that cannot be read are mistakes, and parsing goes
// on with the line after them.
func parse(data []byte, errs *Errors) *document {
	data = slices.Clip(data)
	doc := &document{data: data, errs: errs, starts: []int{0}, root: &node{kind: unstable.Table, line: 1}}
	for i, c := range data {
		if c == '\n' {
			doc.starts = append(doc.starts, i+1)
		}
	}
	b := &builder{doc: doc, table: doc.root}
	for base, unread := 0, 0; base < len(data); {
		at := b.run(base)
		if at < 0 {
			break
		}
		if unread++; unread == maxSyntax {
			line, _ := doc.position(at)
			errs.add(&Mistake{Line: line + 1, Problem: "too many lines cannot be read; the rest of the file was not looked at", Cure: "see whether this is the right file"})
			break
		}
		base = doc.lineEnd(at)
	}
	return doc
}

// checkWhole asks the library about what the tree does not know of TOML, such
// as tables that are opened twice in other ways.
func (doc *document) checkWhole() {
	var into map[string]any
	err := toml.Unmarshal(doc.data, &into)
	if err == nil {
		return
	}
	m := &Mistake{Problem: "this is not correct TOML", Cure: "write every section once, as in config.example.toml"}
	var bad *toml.DecodeError
	if errors.As(err, &bad) {
		m.Line, m.Column = bad.Position()
		var whole bool
		if m.Excerpt, whole = doc.excerpt(m.Line); whole {
			m.Problem = sessionwarden.Clean(strings.TrimPrefix(bad.Error(), "toml: "), 200)
		}
	}
	doc.errs.add(m)
}

// position returns the line and column of an offset, both from 1.
func (doc *document) position(offset int) (line, column int) {
	line = sort.Search(len(doc.starts), func(i int) bool { return doc.starts[i] > offset })
	return line, offset - doc.starts[line-1] + 1
}

// lineEnd returns where the line after that of offset starts.
func (doc *document) lineEnd(offset int) int {
	if i := bytes.IndexByte(doc.data[offset:], '\n'); i >= 0 {
		return offset + i + 1
	}
	return len(doc.data)
}

// line returns a line's text, from 1.
func (doc *document) line(line int) string {
	if line < 1 || line > len(doc.starts) {
		return ""
	}
	start := doc.starts[line-1]
	return strings.TrimRight(string(doc.data[start:doc.lineEnd(start)]), "\r\n")
}
