package manncotest

import (
	"fmt"

	"sessionwarden"
)

// suggest returns `: did you mean "x"?` for the candidate nearest to text, ""
// where none is near.
func suggest(text string, candidates []string) string {
	best, least := "", 4
	for _, candidate := range candidates {
		if d := sessionwarden.EditDistance(cut(text, 64), candidate); d < least && d <= max(1, len(candidate)/2) {
			best, least = candidate, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(": did you mean %q?", best)
}
