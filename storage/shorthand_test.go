package storage

import (
	"strings"
	"testing"
)

func TestShorthandIsShort(t *testing.T) {
	t.Parallel()
	s := newShorthand()
	agent := "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
	if got := s.pack(agent); len(got) != 6 || s.unpack(got) != agent {
		t.Errorf("%q became %q", agent, got)
	}
}

// TestTheShortTextsCanBeToldApart holds the rules that the list says.
func TestTheShortTextsCanBeToldApart(t *testing.T) {
	t.Parallel()
	texts := shortTexts()
	if len(texts) > 31 {
		t.Errorf("%d pieces of text, and 31 characters", len(texts))
	}
	for i, text := range texts {
		if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' }) {
			t.Errorf("%q holds a control character", text)
		}
		for _, before := range texts[:i] {
			if strings.HasPrefix(text, before) {
				t.Errorf("%q never counts: %q comes first", text, before)
			}
		}
	}
}

func FuzzShorthand(f *testing.F) {
	for _, text := range append(shortTexts(), "", "plain", "\x00", "\x01", "\x1f\x00", "Mozilla/5.0 (\x07", strings.Join(shortTexts(), "")) {
		f.Add(text)
	}
	s := newShorthand()
	f.Fuzz(func(t *testing.T, text string) {
		if got := s.unpack(s.pack(text)); got != text {
			t.Errorf("%q became %q", text, got)
		}
		s.unpack(text)
	})
}
