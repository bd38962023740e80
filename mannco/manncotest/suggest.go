package manncotest

import "fmt"

// suggest returns `: did you mean "x"?` for the candidate nearest to text, ""
// where none is near.
func suggest(text string, candidates []string) string {
	best, least := "", 4
	for _, candidate := range candidates {
		if d := distance(cut(text, 64), candidate); d < least && d <= max(1, len(candidate)/2) {
			best, least = candidate, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(": did you mean %q?", best)
}

// distance returns how many bytes must be inserted, removed or replaced to
// make b of a.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			before, row[j+1] = row[j+1], min(before+cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
