package web

import (
	"strconv"
	"strings"

	"sessionwarden"
)

// maxSaid is how many bytes of a stranger's text an answer repeats.
const maxSaid = 80

// quote returns text cleaned, cut and in quotation marks.
func quote(text string) string {
	return strconv.Quote(sessionwarden.Clean(text, maxSaid))
}

// list returns words as a person would list them.
func list(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}

// nearest returns the one of known that word most likely means: at most a
// third of its letters differ. It returns "" where none is near.
func nearest(word string, known []string) string {
	if len(word) > maxSaid {
		return ""
	}
	best, bestAt := "", 1+max(1, len(word)/3)
	for _, k := range known {
		if d := distance(word, k); d < bestAt {
			best, bestAt = k, d
		}
	}
	return best
}

// distance returns how many bytes must be put in, taken out, changed or swapped
// with the next one to make b of a.
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			change := last[j]
			if a[i] != b[j] {
				change++
			}
			row[j+1] = min(change, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
