package alert

import (
	"strings"

	"github.com/slack-go/slack/slackutilsx"
)

// slackText makes plain text fit for the text field of a Slack message, which
// Slack reads as its markup: &, < and > are escaped, and what would format or
// become a picture is replaced by a look-alike that does not.
func slackText(text string) string {
	if strings.ContainsAny(text, "*~`_:") {
		text = unformat(text)
	}
	return slackutilsx.EscapeMessage(text)
}

// unformat replaces the signs that Slack formats by.
func unformat(text string) string {
	var b strings.Builder
	b.Grow(len(text))
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '*':
			b.WriteString("∗")
		case c == '~':
			b.WriteString("∼")
		case c == '`':
			b.WriteString("'")
		case c == '_' && !(inside(text, i-1) && inside(text, i+1)):
			b.WriteString("ˍ") // at the edge of a word it would begin or end italics
		case c == ':' && picture(text[i+1:]) && (i == 0 || !letterOrDigit(text[i-1])):
			b.WriteString("∶")
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// inside reports whether the byte at i belongs to a word.
func inside(text string, i int) bool {
	return i >= 0 && i < len(text) && (hostByte(text[i]) && text[i] != '-')
}

// letterOrDigit reports whether c is an ASCII letter or digit.
func letterOrDigit(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z'
}

// picture reports whether rest is the name of an emoji and its closing colon.
func picture(rest string) bool {
	end := strings.IndexByte(rest, ':')
	if end < 1 || end > 64 {
		return false
	}
	for i := range end {
		if c := rest[i]; !hostByte(c) && c != '+' && c != '\'' {
			return false
		}
	}
	return true
}
