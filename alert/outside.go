package alert

import (
	"strings"
	"unicode/utf8"

	"sessionwarden"
)

// home is the one address that may be a link in a message: the place where a
// person ends sessions by hand.
const home = "https://mannco.store"

// outside makes text that came from outside fit to be shown: clean, at most
// limit bytes before it is defused, and without anything that a channel might
// take for a link or a mention.
func outside(text string, limit int) string {
	return defuse(shorten(sessionwarden.Clean(text, 4*limit), limit))
}

// shorten cuts clean text to limit bytes on a rune boundary and marks the cut.
func shorten(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	return sessionwarden.Clean(text, max(limit-len("…"), 0)) + "…"
}

// cut shortens text to limit characters and marks the cut. An address at the
// cut goes whole, as half of ours would be the link of somebody else, and so
// does "@every".
func cut(text string, limit int) string {
	if utf8.RuneCountInString(text) <= limit {
		return text
	}
	n := 0
	for i := range text {
		if n == limit-1 {
			head := strings.TrimRight(text[:i], " ")
			word := strings.LastIndexByte(head, ' ') + 1
			if strings.Contains(head[word:], "://") || strings.Contains(head[word:], "@") {
				head = strings.TrimRight(head[:word], " ")
			}
			return head + "…"
		}
		n++
	}
	return text
}

// defuse breaks up what looks like a link, a name of a host or a mention, in
// a way that a person can still read. Our own address is left as it is.
func defuse(text string) string {
	if !strings.ContainsAny(text, ".:@") {
		return text
	}
	words := strings.Split(text, " ")
	for i, word := range words {
		if rest, ok := strings.CutPrefix(word, home); ok && ownPath(rest) {
			continue
		}
		words[i] = defuseWord(word)
	}
	return strings.Join(words, " ")
}

// ownPath reports whether what follows our own address keeps it our own: a
// path of small letters, and punctuation that ends a sentence.
func ownPath(rest string) bool {
	rest = strings.TrimRight(rest, ".,;:)")
	if rest == "" {
		return true
	}
	if rest[0] != '/' {
		return false
	}
	return strings.Trim(rest, "/abcdefghijklmnopqrstuvwxyz-") == ""
}

// defuseWord defuses one word.
func defuseWord(word string) string {
	word = strings.ReplaceAll(word, "://", "[:]//")
	if strings.Contains(word, "@") && word != "@every" && word != `"@every` {
		word = strings.ReplaceAll(word, "@", "(at)")
	}
	if !strings.Contains(word, ".") {
		return word
	}
	var b strings.Builder
	for i := 0; i < len(word); i++ {
		if word[i] == '.' && i > 0 && hostByte(word[i-1]) && topLevel(word[i+1:]) {
			b.WriteString("[.]")
			continue
		}
		b.WriteByte(word[i])
	}
	return b.String()
}

// hostByte reports whether c may stand in the name of a host. Bytes of longer
// characters count: there are such names.
func hostByte(c byte) bool {
	return c == '-' || c == '_' || letterOrDigit(c) || c >= utf8.RuneSelf
}

// topLevel reports whether rest begins with what may be a label of a host's
// name with a letter in front: not the digits of an address or a version, and
// not the ending of one of our own files.
func topLevel(rest string) bool {
	end := 0
	for end < len(rest) && hostByte(rest[end]) {
		end++
	}
	label := rest[:end]
	if len(label) < 2 || '0' <= label[0] && label[0] <= '9' {
		return false
	}
	switch label {
	case "toml", "mmdb", "json", "csv", "txt", "db", "key", "log", "service", "rules", "slack",
		"every", "dir", "keep", "level", "format", "listen", "database": // keys of our configuration
		return end < len(rest) && rest[end] == '.'
	}
	return true
}

// ours makes a line out of a sentence of the program that may hold text from
// outside: the command at its end and our own address are shown as such.
func ours(text string, limit int) Line {
	text = outside(text, limit)
	var line Line
	if i := strings.Index(text, ": sessionwarden "); i >= 0 {
		line = Line{{Text: text[i+2:], Style: Command}}
		text = text[:i+2]
	}
	return append(links(text), line...)
}

// links splits text at our own address.
func links(text string) Line {
	var line Line
	for {
		i := strings.Index(text, home)
		if i < 0 || i > 0 && text[i-1] != ' ' {
			break
		}
		if i > 0 {
			line = append(line, Span{Text: text[:i]})
		}
		line = append(line, Span{Text: home, Style: Link})
		text = text[i+len(home):]
	}
	if text != "" {
		line = append(line, Span{Text: text})
	}
	return line
}
