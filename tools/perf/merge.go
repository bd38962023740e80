package main

import (
	"slices"
	"strings"
)

const (
	missedHeading = "## Goals that were not met in this run, and what it would take"
	rowsHead      = "| what | goal | floor | reached |" // the tables begin so
	lawsHead      = "| what | goal | found |"
)

// merged returns a page with the lines of this run in the place of those that say
// the same, or behind the others of their table, and with a word of when they were
// measured.
func (m *measuring) merged(page string) string {
	lines := strings.Split(strings.TrimRight(page, "\n"), "\n")
	var names []string
	for _, r := range m.rows {
		lines = put(lines, rowsHead, r.what, r.line())
		names = append(names, r.what)
	}
	for _, l := range m.laws {
		lines = put(lines, lawsHead, l.what, l.line())
		names = append(names, l.what)
	}
	lines = slices.DeleteFunc(lines, func(line string) bool {
		return slices.ContainsFunc(names, func(what string) bool { return strings.HasPrefix(line, "- "+what+": ") })
	})
	lines = noteMissed(lines, m.missed())
	lines = unsigned(lines, names)
	lines = append(lines, "", "Measured anew "+m.where()+" These lines:", "")
	for _, what := range names {
		lines = append(lines, "- "+what)
	}
	return strings.Join(lines, "\n") + "\n"
}

// unsigned takes names out of what was measured anew before.
func unsigned(lines, names []string) []string {
	begin := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, "Measured anew ") })
	if begin < 0 {
		return lines
	}
	kept := slices.DeleteFunc(slices.Clone(lines[begin:]), func(l string) bool { return strings.HasPrefix(l, "- ") && slices.Contains(names, l[2:]) })
	lines = slices.Clip(lines[:begin-1]) // and the empty line
	for i := 0; i < len(kept); {
		end := i + 1
		for end < len(kept) && !strings.HasPrefix(kept[end], "Measured anew ") {
			end++
		}
		if slices.ContainsFunc(kept[i:end], func(l string) bool { return strings.HasPrefix(l, "- ") }) {
			lines = append(append(lines, ""), kept[i:end]...)
		}
		for len(lines) > 0 && lines[len(lines)-1] == "" {
			lines = lines[:len(lines)-1]
		}
		i = end
	}
	return lines
}

// put writes a line into the table with that head: in the place of the one about
// the same, or as its last.
func put(lines []string, head, what, line string) []string {
	at := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, head) })
	if at < 0 {
		return lines // that page has no such table
	}
	for at < len(lines) && strings.HasPrefix(lines[at], "|") {
		if strings.HasPrefix(lines[at], "| "+what+" |") {
			lines[at] = line
			return lines
		}
		at++
	}
	return slices.Insert(lines, at, line)
}

// noteMissed writes down what was missed, in a list that there is or a new one in
// front of where it was measured, and drops a list that is empty.
func noteMissed(lines, missed []string) []string {
	at := slices.Index(lines, missedHeading)
	if at < 0 {
		if len(missed) == 0 {
			return lines
		}
		if at = slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, "Measured on ") }); at < 0 {
			at = len(lines)
		}
		lines = slices.Insert(lines, at, missedHeading, "", "")
	}
	end := at + 2
	for end < len(lines) && strings.HasPrefix(lines[end], "- ") {
		end++
	}
	if end == at+2 && len(missed) == 0 {
		return slices.Delete(lines, at, min(end+1, len(lines)))
	}
	return slices.Insert(lines, end, missed...)
}
