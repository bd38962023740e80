package config

import (
	"errors"
	"fmt"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"

	"sessionwarden"
)

// builder grows the tree expression by expression.
type builder struct {
	doc    *document
	parser unstable.Parser
	base   int    // where the data of the parser starts in the document
	table  *node  // that key = value lines belong to
	name   string // of the table, with a dot behind; "" for the root
}

// run parses from base on. It returns where a line could not be read, or -1 at
// the end of the file.
func (b *builder) run(base int) int {
	b.base = base
	data := b.doc.data[base:]
	b.parser.Reset(data)
	for b.parser.NextExpression() {
		e := b.parser.Expression()
		switch e.Kind {
		case unstable.Table, unstable.ArrayTable:
			b.openTable(e)
		case unstable.KeyValue:
			b.keyValue(e, b.table)
		}
	}
	err := b.parser.Error()
	if err == nil {
		return -1
	}
	at := base
	var bad *unstable.ParserError
	if errors.As(err, &bad) {
		if offset := cap(data) - cap(bad.Highlight); offset >= 0 && offset <= len(data) {
			at = base + offset
		}
	}
	at = min(at, len(b.doc.data)-1)
	b.doc.unread(at, err.Error())
	if line, _ := b.doc.position(at); strings.HasPrefix(strings.TrimSpace(b.doc.line(line)), "[") {
		b.table = &node{kind: unstable.Table} // nobody knows whose keys follow
	}
	return at
}

// place sets where n stands.
func (b *builder) place(n *node, r unstable.Range) {
	n.line, n.column = b.doc.position(b.base + int(r.Offset))
	n.keyAt = spot{n.line, n.column}
}

// path returns the parts of a dotted key.
func path(it unstable.Iterator) []*unstable.Node {
	var parts []*unstable.Node
	for it.Next() {
		parts = append(parts, it.Node())
	}
	return parts
}

// openTable handles [a.b] and [[a.b]]: what follows belongs to that table.
func (b *builder) openTable(e *unstable.Node) {
	parts := path(e.Key())
	parent := b.descend(b.doc.root, parts[:len(parts)-1])
	last := parts[len(parts)-1]
	table := &node{key: string(last.Data), kind: unstable.Table, header: true}
	b.place(table, parts[0].Raw)
	b.table = table // where it cannot be put, its keys are read and forgotten
	b.name = dotted(parts) + "."
	if parent == nil {
		return
	}
	old := parent.get(table.key)
	switch {
	case e.Kind == unstable.ArrayTable && old == nil:
		array := &node{key: table.key, kind: unstable.Array, header: true, list: []*node{table}}
		b.place(array, parts[0].Raw)
		parent.put(array)
	case e.Kind == unstable.ArrayTable && old.kind == unstable.Array && old.header:
		old.list = append(old.list, table)
	case old == nil:
		parent.put(table)
	case e.Kind == unstable.Table && old.kind == unstable.Table && !old.header:
		old.header = true
		b.place(old, parts[0].Raw)
		b.table = old
	case e.Kind == unstable.Table && old.kind == unstable.Table:
		b.twice(table, dotted(parts), old, "put the keys of both under one ["+dotted(parts)+"]")
		b.table = old
	case old.kind == unstable.Array && old.header:
		b.twice(table, dotted(parts), old, "write [["+dotted(parts)+"]] with two brackets here too")
	case e.Kind == unstable.ArrayTable && old.kind == unstable.Table:
		b.twice(table, dotted(parts), old, "write [["+dotted(parts)+"]] with two brackets there too")
	default:
		b.twice(table, dotted(parts), old, "keep one of the two")
	}
}

// twice tells that a table or a key stands in the file already.
func (b *builder) twice(n *node, name string, old *node, cure string) {
	b.doc.errs.add(&Mistake{
		Line: n.line, Column: n.column, Key: name,
		Problem: fmt.Sprintf("this stands on line %d already", old.line), Cure: cure,
	})
}

func dotted(parts []*unstable.Node) string {
	names := make([]string, 0, len(parts))
	for _, p := range parts {
		names = append(names, sessionwarden.Clean(string(p.Data), maxShown))
	}
	return strings.Join(names, ".")
}

// maxShown is how much of a key or value a mistake shows.
const maxShown = 64

// descend walks down to the table that parts lead to and makes what is not
// there; nil, with a mistake, where a value is in the way.
func (b *builder) descend(table *node, parts []*unstable.Node) *node {
	for i, p := range parts {
		next := table.get(string(p.Data))
		if next == nil {
			next = &node{key: string(p.Data), kind: unstable.Table}
			b.place(next, p.Raw)
			table.put(next)
		}
		if next.kind == unstable.Array && next.header {
			next = next.list[len(next.list)-1]
		}
		if !next.isTable() {
			n := &node{}
			b.place(n, p.Raw)
			b.twice(n, dotted(parts[:i+1]), next, "it is a value there and cannot be a table here: keep one of the two")
			return nil
		}
		table = next
	}
	return table
}

// keyValue puts one key = value into table.
func (b *builder) keyValue(e *unstable.Node, table *node) {
	parts := path(e.Key())
	parent := b.descend(table, parts[:len(parts)-1])
	n := b.value(e.Value(), parts[0].Raw)
	n.key = string(parts[len(parts)-1].Data)
	key := &node{}
	b.place(key, parts[0].Raw)
	n.keyAt = key.keyAt
	if parent == nil {
		return
	}
	if old := parent.get(n.key); old != nil {
		name := dotted(parts)
		if table == b.table {
			name = b.name + name
		}
		b.twice(key, name, old, "keep one of the two")
		return
	}
	parent.put(n)
}

// value turns a value into a node; where stands in for its place where the
// parser does not tell it.
func (b *builder) value(v *unstable.Node, where unstable.Range) *node {
	n := &node{kind: v.Kind, text: string(v.Data)}
	if v.Raw.Length > 0 {
		where = v.Raw
	}
	b.place(n, where)
	switch v.Kind {
	case unstable.Array:
		for it := v.Children(); it.Next(); {
			n.list = append(n.list, b.value(it.Node(), where))
		}
	case unstable.InlineTable:
		for it := v.Children(); it.Next(); {
			if it.Node().Kind == unstable.KeyValue {
				b.keyValue(it.Node(), n)
			}
		}
	}
	return n
}
