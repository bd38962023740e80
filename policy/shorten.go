package policy

import (
	"net/url"
	"strings"

	"sessionwarden"
)

// What the owner of an account knows by a few of its characters, and what a
// channel should not hand on whole. Each of these gives at most 64 bytes or so,
// whatever it is given; an empty text stays empty.

// shortMail shortens a mail address: "a…z@e….com". What is no mail address is
// shortened as a name that nobody need know.
func shortMail(text string) string {
	text = sessionwarden.Clean(text, sessionwarden.MaxText)
	at := strings.LastIndexByte(text, '@')
	if at <= 0 || at == len(text)-1 || strings.ContainsAny(text, " /") {
		return ends(text, 1, 1)
	}
	host, end := text[at+1:], ""
	if dot := strings.LastIndexByte(host, '.'); dot > 0 {
		host, end = host[:dot], sessionwarden.Clean(host[dot:], 12)
	}
	return ends(text[:at], 1, 1) + "@" + first(host, 1) + "…" + end
}

// shortURL shortens a web address to its host and its last characters:
// "steamcommunity.com…wxyz". What is none is shortened to its ends.
func shortURL(text string) string {
	text = sessionwarden.Clean(text, sessionwarden.MaxText)
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return ends(text, 4, 4)
	}
	host := sessionwarden.Clean(u.Hostname(), 40)
	rest := text[strings.Index(text, u.Host)+len(u.Host):]
	if len([]rune(rest)) < 12 { // four of few would be most of it
		return host + "…" + last(rest, 2)
	}
	return host + "…" + last(rest, 4)
}

// shortID shortens a number or a code to its last characters.
func shortID(text string) string {
	text = sessionwarden.Clean(text, sessionwarden.MaxText)
	if len([]rune(text)) < 8 {
		return ends(text, 1, 1)
	}
	return "…" + last(text, 4)
}

// shortName bounds a name, which everybody may read.
func shortName(text string) string { return sessionwarden.Shorten(text, 40) }

// ends keeps the first and the last characters of text, and never more than
// half of it.
func ends(text string, head, tail int) string {
	n := len([]rune(text))
	switch {
	case n == 0:
		return ""
	case n < 2*(head+tail):
		return first(text, min(head, (n+1)/4)) + "…"
	}
	return first(text, head) + "…" + last(text, tail)
}

func first(text string, n int) string {
	runes := []rune(text)
	return string(runes[:min(n, len(runes))])
}

func last(text string, n int) string {
	runes := []rune(text)
	return string(runes[max(0, len(runes)-n):])
}
