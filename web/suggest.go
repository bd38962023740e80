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
		if d := sessionwarden.EditDistance(word, k); d < bestAt {
			best, bestAt = k, d
		}
	}
	return best
}
