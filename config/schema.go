package config

import (
	"slices"
	"strings"
)

// key is one key of the schema and the section that it belongs to.
type key struct {
	section string // "" the top of the file, "alert.slack", "account"
	name    string
	secret  bool
}

// schema lists every key that a configuration may have, sections left out.
func schema() []key {
	d := &decoder{}
	var cfg Config
	var accounts *node
	var keys []key
	var walk func(section string, fields []field)
	walk = func(section string, fields []field) {
		for _, f := range fields {
			if f.keys != nil {
				walk(strings.TrimPrefix(section+"."+f.name, "."), f.keys)
				continue
			}
			keys = append(keys, key{section, f.name, f.secret})
		}
	}
	walk("", d.fields(&cfg, &Account{}, &accounts))
	return keys
}

// placesOf returns the sections that are called so, or that a key of this name
// belongs into, as a person would say it.
func placesOf(name string, isSection bool) []string {
	var places []string
	for _, k := range schema() {
		if section := bracketed(k.section); strings.HasSuffix(k.section, "."+name) && !slices.Contains(places, section) {
			places = append(places, section)
		}
		if k.name != name || isSection && name == "accounts" { // [[account]] was meant
			continue
		}
		switch k.section {
		case "":
			places = append(places, "the top of the file, before the first [section]")
		default:
			places = append(places, bracketed(k.section))
		}
	}
	return places
}

// bracketed is the line that opens a section.
func bracketed(section string) string {
	switch section {
	case "account", "rule", "alert.channel":
		return "[[" + section + "]]"
	}
	return "[" + section + "]"
}

// isKnownKey reports whether some section has a key of this name.
func isKnownKey(name string) bool {
	return slices.ContainsFunc(schema(), func(k key) bool { return k.name == name })
}

// isHarmless reports whether it is a key whose value may be shown.
func isHarmless(name string) bool {
	return isKnownKey(name) && !slices.ContainsFunc(schema(), func(k key) bool { return k.name == name && k.secret })
}

// isSection reports whether a line opens a section of the schema, if perhaps
// without all of its brackets.
func isSection(line string) bool {
	name, _, _ := strings.Cut(line, "#")
	name = strings.Trim(name, "[] ")
	return slices.ContainsFunc(schema(), func(k key) bool {
		return k.section == name || strings.HasPrefix(k.section, name+".") && name != ""
	})
}
