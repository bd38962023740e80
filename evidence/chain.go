package evidence

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// line is one record with the hash that the file gives it.
type line struct {
	Hash string
	Text string
}

// genesis stands in the place of the hash before the first record.
var genesis = strings.Repeat("0", 2*sha256.Size)

// link returns the hash of a record: SHA-256 over the hash before it, as 64
// hexadecimal digits, and the record's line. So it can be worked out without this
// program: printf '%s%s' BEFORE LINE | sha256sum
func link(before, text string) string {
	sum := sha256.Sum256([]byte(before + text))
	return hex.EncodeToString(sum[:])
}

// chained returns the lines of records, each with its hash.
func chained(records []record) []line {
	lines := make([]line, 0, len(records))
	before := genesis
	for _, r := range records {
		text := r.encode()
		before = link(before, text)
		lines = append(lines, line{before, text})
	}
	return lines
}

// head is the last hash of a chain.
func head(lines []line) string {
	if len(lines) == 0 {
		return genesis
	}
	return lines[len(lines)-1].Hash
}
