package storage

import "strings"

// shorthand makes texts shorter that are alike in nearly every row: browsers
// call themselves by the same long names everywhere. Each piece of text in the
// list stands on the disk as one control character, which cleaned texts do not
// have. It is immutable and safe for concurrent use.
type shorthand struct {
	shorten, expand *strings.Replacer
}

// asIs begins a text that is on the disk as it is.
const asIs = "\x00"

// shortTexts returns the pieces of text by their characters: the first is
// \x01. Their order is part of the layout: what is on the disk depends on it, so
// that new ones come at the end, and at most 31 are possible. Of two pieces
// that begin alike, the longer one has to come first.
func shortTexts() []string {
	return []string{
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64",
		"Mozilla/5.0 (X11; Linux x86_64",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7",
		"Mozilla/5.0 (Linux; Android ",
		"Mozilla/5.0 (iPhone; CPU iPhone OS ",
		"Mozilla/5.0 (iPad; CPU OS ",
		"Mozilla/5.0 (",
		") AppleWebKit/537.36 (KHTML, like Gecko) Chrome/",
		" like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/",
		") AppleWebKit/605.1.15 (KHTML, like Gecko) Version/",
		") Gecko/20100101 Firefox/",
		".0.0.0 Safari/537.36",
		".0.0.0 Mobile Safari/537.36",
		" Safari/537.36",
		" Mobile/15E148 Safari/604.1",
		" Safari/605.1.15",
		"; rv:",
		"built-in DBIP-Country-Lite",
	}
}

func newShorthand() shorthand {
	var there, back []string
	for i, text := range shortTexts() {
		char := string(rune(i + 1))
		there = append(there, text, char)
		back = append(back, char, text)
	}
	return shorthand{shorten: strings.NewReplacer(there...), expand: strings.NewReplacer(back...)}
}

// pack returns the short form of text.
func (s shorthand) pack(text string) string {
	if strings.IndexFunc(text, func(r rune) bool { return r < ' ' }) >= 0 {
		return asIs + text
	}
	return s.shorten.Replace(text)
}

// unpack returns what pack was given.
func (s shorthand) unpack(text string) string {
	if whole, ok := strings.CutPrefix(text, asIs); ok {
		return whole
	}
	return s.expand.Replace(text)
}
