package manncotest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"

	"sessionwarden"
)

// document is a TOML file in reading: its values, where each stands, and what
// was found wrong so far. Reading goes on after a mistake, so that all are
// told at once.
type document struct {
	root     map[string]any
	lines    map[string]int // path → line
	problems []Problem
}

// parse reads TOML. The document is nil when it is not TOML at all; then
// problem says why.
func parse(data []byte) (*document, Problem) {
	d := &document{root: make(map[string]any)}
	if err := toml.Unmarshal(data, &d.root); err != nil {
		var at *toml.DecodeError
		if errors.As(err, &at) {
			line, _ := at.Position()
			return nil, Problem{Line: line, Message: strings.TrimPrefix(at.Error(), "toml: ")}
		}
		return nil, Problem{Message: strings.TrimPrefix(err.Error(), "toml: ")}
	}
	d.lines = lines(data)
	return d, Problem{}
}

// lines finds the line of every key of a TOML document. Elements of arrays of
// tables have their number in the path, from 0: "event[2].kind".
func lines(data []byte) map[string]int {
	var (
		found  = make(map[string]int)
		count  = make(map[string]int) // array of tables → elements so far
		prefix string
		p      unstable.Parser
	)
	p.Reset(data)
	join := func(start string, keys unstable.Iterator, header bool) (string, int) {
		path, line := start, 0
		for keys.Next() {
			node := keys.Node()
			if line == 0 {
				line = p.Shape(node.Raw).Start.Line
			}
			if path != "" {
				path += "."
			}
			path += string(node.Data)
			if n := count[path]; header && n > 0 && !keys.IsLast() {
				path += "[" + strconv.Itoa(n-1) + "]"
			}
		}
		return path, line
	}
	var value func(path string, node *unstable.Node)
	value = func(path string, node *unstable.Node) {
		if node.Kind != unstable.InlineTable {
			return
		}
		children := node.Children()
		for children.Next() {
			child := children.Node()
			inner, line := join(path, child.Key(), false)
			found[inner] = line
			value(inner, child.Value())
		}
	}
	for p.NextExpression() {
		node := p.Expression()
		switch node.Kind {
		case unstable.Table:
			path, line := join("", node.Key(), true)
			prefix = path
			found[path] = line
		case unstable.ArrayTable:
			path, line := join("", node.Key(), true)
			prefix = path + "[" + strconv.Itoa(count[path]) + "]"
			count[path]++
			found[prefix] = line
			if _, known := found[path]; !known {
				found[path] = line
			}
		case unstable.KeyValue:
			path, line := join(prefix, node.Key(), false)
			found[path] = line
			value(path, node.Value())
		}
	}
	return found
}

// table is one table of a document. Each key is to be asked for once; done
// complains about those that nobody asked for.
type table struct {
	doc    *document
	path   string
	values map[string]any
	known  []string
}

func (d *document) top() *table { return &table{doc: d, values: d.root} }

// key returns the path of a key in the table.
func (t *table) key(name string) string {
	if t.path == "" {
		return name
	}
	return t.path + "." + name
}

// wrong notes a mistake. A key without a line of its own has its table's.
func (t *table) wrong(name, format string, args ...any) {
	key := t.path
	if name != "" {
		key = t.key(name)
	}
	line, ok := t.doc.lines[key]
	if !ok {
		line = t.doc.lines[t.path]
	}
	t.doc.problems = append(t.doc.problems, Problem{line, sessionwarden.Clean(key, 128), fmt.Sprintf(format, args...)})
}

// get returns a value and whether it is there.
func (t *table) get(name string) (any, bool) {
	t.known = append(t.known, name)
	value, ok := t.values[name]
	return value, ok
}

// has reports whether a key is there, without asking for it.
func (t *table) has(name string) bool {
	_, ok := t.values[name]
	return ok
}

// done complains about the keys that nobody asked for.
func (t *table) done() {
	for _, name := range slices.Sorted(maps.Keys(t.values)) {
		if !slices.Contains(t.known, name) {
			t.wrong(name, "there is no such key here%s", suggest(name, t.known))
		}
	}
}

// text reads a string of at most 1024 bytes.
func (t *table) text(name string) string {
	value, ok := t.get(name)
	if !ok {
		return ""
	}
	text, ok := value.(string)
	switch {
	case !ok:
		t.wrong(name, "it must be a text in quotes")
	case len(text) > sessionwarden.MaxText:
		t.wrong(name, "it is longer than %d bytes", sessionwarden.MaxText)
	default:
		return text
	}
	return ""
}

// line reads a text that people are shown.
func (t *table) line(name string) string {
	return sessionwarden.Clean(t.text(name), sessionwarden.MaxText)
}

// needed reads a string that must be there.
func (t *table) needed(name string) string {
	text := t.text(name)
	if value, there := t.values[name]; !there {
		t.wrong(name, "%s is missing", name)
	} else if value == "" {
		t.wrong(name, "it is empty")
	}
	return text
}

// number reads a whole number from low to high.
func (t *table) number(name string, low, high int64) int {
	value, ok := t.get(name)
	if !ok {
		return 0
	}
	n, ok := value.(int64)
	if !ok || n < low || n > high {
		t.wrong(name, "it must be a whole number from %d to %d", low, high)
		return 0
	}
	return int(n)
}

// tables reads an array of tables of at most limit elements.
func (t *table) tables(name string, limit int) []*table {
	value, ok := t.get(name)
	if !ok {
		return nil
	}
	list, ok := value.([]any)
	if !ok {
		t.wrong(name, "it must be written as [[%s]]", name)
		return nil
	}
	if len(list) > limit {
		t.wrong(name, "there are %d of them; more than %d are not read", len(list), limit)
		list = list[:limit]
	}
	out := make([]*table, 0, len(list))
	for i, item := range list {
		if values, ok := item.(map[string]any); ok {
			out = append(out, &table{doc: t.doc, path: fmt.Sprintf("%s[%d]", t.key(name), i), values: values})
		} else {
			t.wrong(name, "it must be written as [[%s]]", name)
		}
	}
	return out
}

// table reads a table; it is empty where there is none.
func (t *table) table(name string) *table {
	out := &table{doc: t.doc, path: t.key(name)}
	value, ok := t.get(name)
	if !ok {
		return out
	}
	values, ok := value.(map[string]any)
	if !ok {
		t.wrong(name, "it must be a table")
		return out
	}
	out.values = values
	return out
}
