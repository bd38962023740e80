package config

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	"sessionwarden"
)

// unread tells of a line that is not TOML. Neither the problem nor the excerpt
// shows anything of a line that may hold a secret.
func (doc *document) unread(offset int, message string) {
	line, column := doc.position(offset)
	m := &Mistake{Line: line, Column: column}
	m.Problem, m.Cure = readable(message)
	excerpt, whole := doc.excerpt(line)
	m.Excerpt = excerpt
	if key, value, ok := strings.Cut(strings.TrimSpace(excerpt), "="); ok && whole && strings.Contains(m.Problem, "no quotation") && !strings.ContainsAny(value, `"'#[]{}`) {
		m.Cure = "write " + strings.TrimSpace(key) + ` = "` + strings.TrimSpace(value) + `"`
	}
	if m.Problem == "" {
		m.Problem = "this line cannot be read"
		if whole {
			m.Problem += ": " + sessionwarden.Clean(message, 200)
		}
	}
	if whole && column <= len(excerpt)+1 && column <= 76 {
		m.Excerpt += "\n" + strings.Repeat(" ", utf8.RuneCountInString(excerpt[:column-1])) + "^"
	}
	if rest := doc.data[offset:]; len(bytes.TrimSpace(rest)) <= 1 && !bytes.HasSuffix(doc.data, []byte("\n")) {
		m.Cure += "; the file ends here: see whether it was only half written"
	}
	doc.errs.add(m)
}

// readable turns the parser's messages into what a person does about them.
func readable(message string) (problem, cure string) {
	for _, known := range []struct{ part, problem, cure string }{
		{"strings must be quoted", "the value has no quotation marks", `write key = "value"`},
		{"unexpected character U+000A", "there is no value", `write key = "value"`},
		{"at start of value", "the value has no quotation marks", `write key = "value"`},
		{"expected keyword", "the value has no quotation marks", `write key = "value"; only true, false and numbers go without`},
		{"expected value", "there is no value", `write key = "value"`},
		{"strings cannot have new lines", "the closing quotation mark is missing", `write key = "value" on one line`},
		{"unterminated", "the closing quotation mark is missing", `write key = "value" on one line`},
		{"not terminated", "the closing quotation marks are missing", `write key = "value" on one line`},
		{"expected '=' after key", "there is no = after the key", `write key = "value"`},
		{"after array value", "the list is not closed before this, or a comma is missing", `write key = ["one", "two"]`},
		{"array is incomplete", "the list is not closed", `write key = ["one", "two"]`},
		{"inline table", "the table in { } is not complete, or a comma is missing", "write it as a section of its own, as in config.example.toml"},
		{"close table name", "the closing ] is missing", "write [name]"},
		{"close array table name", "the closing ]] is missing", "write [[account]]"},
		{"expected newline", "there is something after the value that does not belong there", "write one key = value on each line; a comment starts with #"},
		{"escape", "a backslash does not go with what follows it", `write \\ for a backslash, or put the value into 'single' quotation marks`},
		{"leading zero", "a number starts with 0", "leave the 0 away"},
		{"carriage return", "there is a carriage return alone, without a new line", "save the file with the line ends of Unix"},
		{"control char", "there is a control character", "delete it: it may not be visible, so write the line again"},
		{"start of key", "a key cannot start like this", `write key = "value"; a comment starts with #`},
		{"expected key", "there is no key", `write key = "value"`},
	} {
		if strings.Contains(message, known.part) {
			return known.problem, known.cure
		}
	}
	return "", "compare the line with config.example.toml"
}

// excerpt returns what of a line may be shown: all of it where it starts with
// a section or with a key that holds no secret; only the key where it holds
// one; nothing of any other line, which may be the middle of a secret. whole
// says whether nothing was left out.
func (doc *document) excerpt(line int) (text string, whole bool) {
	const longest = 200
	text = strings.ReplaceAll(doc.line(line), "\t", " ")
	shown := strings.TrimSpace(text)
	if shown == "" || len(text) > longest || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return "", false
	}
	lower := strings.ToLower(text)
	for _, word := range []string{"key", "token", "webhook", "secret", "hook", "pass", "xox", "xapp", "bearer", "://"} {
		if strings.Contains(lower, word) {
			return keyOnly(shown), false
		}
	}
	if strings.HasPrefix(shown, "[") && !strings.ContainsAny(shown, `="'`) && isSection(shown) {
		return text, true
	}
	if key, value, ok := strings.Cut(shown, "="); ok && isHarmless(strings.TrimSpace(key)) {
		if strings.Contains(value, "=") || longRun(value) {
			return keyOnly(shown), false
		}
		return text, true
	}
	return keyOnly(shown), false
}

// keyOnly returns the known key or section that a line starts with, and dots.
func keyOnly(text string) string {
	if key, _, ok := strings.Cut(text, "="); ok {
		key = strings.TrimSpace(key)
		if isKnownKey(key) {
			return key + " = …"
		}
	}
	return ""
}

// longRun reports whether text has a word as long as keys and tokens are.
func longRun(text string) bool {
	run := 0
	for _, r := range text {
		if r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '-' || r == '_' || r == '+' || r == '/' {
			if run++; run >= 20 {
				return true
			}
			continue
		}
		run = 0
	}
	return false
}
