package manncotest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// ScenarioError is everything that is wrong with a scenario file.
type ScenarioError struct {
	File     string
	Problems []Problem // by line; at most maxProblems
}

// Problem is one mistake in a scenario file.
type Problem struct {
	Line    int    // from 1; 0 where it belongs to no line
	Key     string // such as "event[3].kind"; "" for the file as a whole
	Message string // what is wrong and, where that is known, its cure
}

// maxProblems is how many mistakes are told at once.
const maxProblems = 100

// Error returns one line per mistake: file, line, key, message.
func (e *ScenarioError) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		place := e.File
		if p.Line > 0 {
			place = fmt.Sprintf("%s:%d", e.File, p.Line)
		}
		if p.Key != "" {
			place += ": " + p.Key
		}
		lines[i] = place + ": " + p.Message
	}
	return strings.Join(lines, "\n")
}

// sorted returns the problems by line, at most as many as are told.
func sorted(problems []Problem) []Problem {
	slices.SortStableFunc(problems, func(a, b Problem) int { return cmp.Compare(a.Line, b.Line) })
	if len(problems) > maxProblems {
		rest := len(problems) - maxProblems
		problems = append(problems[:maxProblems:maxProblems], Problem{Message: fmt.Sprintf("and %d more mistakes", rest)})
	}
	return problems
}
