package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Mistake is one thing that is wrong in a configuration. No field holds a
// secret.
type Mistake struct {
	File    string
	Line    int    // from 1; 0 where the mistake is about the whole file
	Column  int    // from 1, in bytes; 0 where the line is all there is to say
	Key     string // such as `log.level` or `account "main": timeout`; "" where the line could not be read
	Problem string
	Excerpt string // the line, only where it is known to hold no secret and it could not be read or is an expression
	Cure    string // what to write or to do instead
}

// Error implements error: the place, the key and the problem on one line, the
// excerpt and the cure indented below it.
func (m *Mistake) Error() string {
	var b strings.Builder
	b.WriteString(m.File)
	if m.Line > 0 {
		fmt.Fprintf(&b, ":%d", m.Line)
		if m.Column > 0 {
			fmt.Fprintf(&b, ":%d", m.Column)
		}
	}
	b.WriteString(": ")
	if m.Key != "" {
		b.WriteString(m.Key + ": ")
	}
	b.WriteString(m.Problem)
	for _, below := range []string{m.Excerpt, m.Cure} {
		if below != "" {
			b.WriteString("\n    " + strings.ReplaceAll(below, "\n", "\n    "))
		}
	}
	return b.String()
}

// Errors are all mistakes of one configuration, in the order of its lines.
type Errors struct {
	File     string
	Mistakes []*Mistake
	More     int // how many were left out beyond maxMistakes
}

// maxMistakes bounds what a file full of rubbish can make us say.
const maxMistakes = 100

// Error implements error: the number of mistakes where there is more than one,
// then each.
func (e *Errors) Error() string {
	lines := make([]string, 0, len(e.Mistakes)+2)
	if n := len(e.Mistakes) + e.More; n > 1 {
		lines = append(lines, fmt.Sprintf("%d mistakes in %s", n, e.File))
	}
	for _, m := range e.Mistakes {
		lines = append(lines, m.Error())
	}
	if e.More > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", e.More))
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns the mistakes one by one.
func (e *Errors) Unwrap() []error {
	errs := make([]error, 0, len(e.Mistakes))
	for _, m := range e.Mistakes {
		errs = append(errs, m)
	}
	return errs
}

func (e *Errors) add(m *Mistake) {
	if len(e.Mistakes) == maxMistakes {
		e.More++
		return
	}
	m.File = e.File
	e.Mistakes = append(e.Mistakes, m)
}

// result returns e in order, or nil where there is no mistake.
func (e *Errors) result() error {
	if len(e.Mistakes) == 0 {
		return nil
	}
	slices.SortStableFunc(e.Mistakes, func(a, b *Mistake) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return e
}

// wrongValue is what a check of one value returns: the decoder knows where.
type wrongValue struct{ problem, cure string }

// Error implements error.
func (w *wrongValue) Error() string { return w.problem + ": " + w.cure }

// wrong returns a problem and its cure as an error.
func wrong(cure, problem string, args ...any) error {
	return &wrongValue{problem: fmt.Sprintf(problem, args...), cure: cure}
}
