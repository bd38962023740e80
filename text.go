package sessionwarden

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxText is how many bytes of any one string from outside are kept.
const MaxText = 1024

// Clean makes text from outside harmless to carry on: valid UTF-8, without
// control and format characters (terminal escapes, bidirectional overrides,
// zero-width marks), white space folded to single spaces, and cut on a rune
// boundary to at most limit bytes. It does not escape anything: what is
// special to a medium is that medium's matter.
func Clean(text string, limit int) string {
	if plain(text) && len(text) <= limit {
		return text
	}
	var b strings.Builder
	b.Grow(min(len(text), limit))
	space := false
fill:
	for _, r := range text {
		switch {
		case r == utf8.RuneError:
			r = '\uFFFD'
		case unicode.IsSpace(r):
			space = b.Len() > 0
			continue
		case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Cs, unicode.Co, unicode.Zl, unicode.Zp, unicode.Variation_Selector):
			continue
		}
		need := utf8.RuneLen(r)
		if space {
			need++
		}
		if b.Len()+need > limit {
			break fill
		}
		if space {
			b.WriteByte(' ')
			space = false
		}
		b.WriteRune(r)
	}
	return b.String()
}

// Shorten is [Clean], but what does not fit is cut between words, and the cut is
// marked: for texts that people read.
func Shorten(text string, limit int) string {
	text = Clean(text, max(len(text), limit))
	if len(text) <= limit {
		return text
	}
	const mark = "…"
	head := Clean(text, max(limit-len(mark), 0))
	if i := strings.LastIndexByte(head, ' '); i > len(head)/2 && text[len(head)] != ' ' {
		head = head[:i]
	}
	return strings.TrimRight(head, " ,;:(") + mark
}

// plain reports whether text is printable ASCII with single spaces inside:
// what nearly all text is, and what Clean leaves alone.
func plain(text string) bool {
	before := byte(' ')
	for i := range len(text) {
		c := text[i]
		if c < ' ' || c > '~' || c == ' ' && before == ' ' {
			return false
		}
		before = c
	}
	return text == "" || before != ' '
}

// EditDistance returns how many bytes must be put in, taken out, changed or
// swapped with the next one to make b of a: what "did you mean" goes by. It
// takes time in proportion to both lengths, so bound them first.
func EditDistance(a, b string) int {
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
