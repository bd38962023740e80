package config

import (
	"fmt"
	"strings"

	"sessionwarden"
)

// closest returns the candidate that text was probably meant to be, or "".
func closest(text string, candidates []string) string {
	text = strings.ReplaceAll(strings.ToLower(strings.TrimSpace(text)), "-", "_")
	if text == "" || len(text) > maxShown {
		return ""
	}
	allowed := 1 + len(text)/4
	best, bestAt := "", allowed+1
	for _, c := range candidates {
		if d := sessionwarden.EditDistance(text, strings.ToLower(c)); d < bestAt && d < len(c) {
			best, bestAt = c, d
		}
	}
	if best != "" || len(text) < 4 {
		return best
	}
	for _, c := range candidates {
		if strings.HasPrefix(text, c) && len(c) >= 4 {
			return c
		}
		if strings.HasPrefix(c, text) && (best == "" || len(c) < len(best)) {
			best = c
		}
	}
	return best
}

// oneOf lists words as a person would.
func oneOf(words []string) string {
	if len(words) == 1 {
		return words[0]
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}

// didYouMean is the cure for a word that is none of words.
func didYouMean(text string, words []string) string {
	quoted := make([]string, 0, len(words))
	for _, w := range words {
		quoted = append(quoted, fmt.Sprintf("%q", w))
	}
	meant := closest(text, words)
	switch {
	case len(words) == 1:
		return "write " + quoted[0]
	case meant != "" && len(words) == 2:
		return fmt.Sprintf("did you mean %q?", meant)
	case meant != "":
		return fmt.Sprintf("did you mean %q? One can write %s", meant, oneOf(quoted))
	}
	return "write " + oneOf(quoted)
}
