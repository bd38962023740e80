package config

import (
	"fmt"
	"slices"
	"strings"
)

// unknown tells of a key that does not exist here.
func (d *decoder) unknown(n *node, where string, fields []field) {
	if len(d.errs.Mistakes) == maxMistakes {
		d.errs.More++ // looking for what was meant is not for nothing
		return
	}
	names := fieldNames(fields)
	problem := "there is no such key here"
	if n.header {
		problem = "there is no such section"
	}
	cure := "config.example.toml shows every key and where it belongs"
	places := slices.DeleteFunc(placesOf(n.key, n.header), func(place string) bool { // here it stands already
		return standsIn(where, strings.Trim(place, "[]"))
	})
	meant := closest(n.key, names)
	if i := slices.IndexFunc(names, func(name string) bool { return strings.HasSuffix(name, "_"+n.key) }); i >= 0 {
		meant, places = names[i], nil // "severity" is min_severity here, whatever it is elsewhere
	}
	if n.header && meant != "" {
		places = nil
	}
	if len(places) > 0 {
		cure = "it belongs into " + oneOf(places)
	} else if meant != "" {
		if n.header {
			meant = sectionName(where, meant)
		}
		cure = fmt.Sprintf("did you mean %s?", meant)
	} else if len(names) <= 6 {
		cure = "here one can write " + oneOf(names)
	}
	d.errs.add(&Mistake{Line: n.keyAt.line, Column: n.keyAt.column, Key: where + shown(n.key), Problem: problem, Cure: cure})
}

// standsIn reports whether where, the beginning of a key's name in mistakes, is that of
// a section itself, and not of one below it.
func standsIn(where, section string) bool {
	named := section[strings.LastIndex(section, ".")+1:] + " " // followed by the name in quotation marks
	return where == section+"." || strings.HasPrefix(where, named) && strings.HasSuffix(where, ": ")
}

func fieldNames(fields []field) []string {
	names := make([]string, 0, len(fields))
	for _, f := range fields {
		names = append(names, f.name)
	}
	return names
}

// sectionName writes a section as it stands in a file.
func sectionName(where, name string) string {
	switch {
	case strings.HasPrefix(where, "account "):
		return "[account." + name + "]"
	}
	return bracketed(where + name)
}

// misspelt reports whether n has an entry that is no field, but was probably
// meant to be one whose name starts with name.
func misspelt(n *node, fields []field, name string) bool {
	for _, e := range n.entries {
		if _, ok := fieldByName(fields, e.key); !ok && strings.HasPrefix(closest(e.key, fieldNames(fields)), name) {
			return true
		}
	}
	return false
}
