package sessionwarden_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"sessionwarden"
)

func TestCleanTakesTheHarmOut(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ text, want string }{
		"plain text stays":         {"Deutsche Telekom AG", "Deutsche Telekom AG"},
		"nothing stays nothing":    {"", ""},
		"other scripts stay":       {"Công ty VNPT · 日本", "Công ty VNPT · 日本"},
		"terminal escape":          {"a\x1b[31mred\x1b[0m", "a[31mred[0m"},
		"clipboard escape":         {"\x1b]52;c;aGk=\x07x", "]52;c;aGk=x"},
		"C1 control":               {"a\u009bb", "ab"},
		"bidirectional override":   {"abc\u202Efed", "abcfed"},
		"zero width":               {"pay\u200Bpal", "paypal"},
		"NUL":                      {"a\x00b", "ab"},
		"line breaks become space": {"a\r\n\tb", "a b"},
		"space is folded":          {"  a   b  ", "a b"},
		"line separator":           {"a\u2028b", "a b"},
		"not UTF-8":                {"a\xff\xfeb", "a\uFFFD\uFFFDb"},
		"private use":              {"a\uE000b", "ab"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := sessionwarden.Clean(test.text, 100); got != test.want {
				t.Errorf("Clean(%q) = %q, want %q", test.text, got, test.want)
			}
		})
	}
}

func TestCleanCutsOnARune(t *testing.T) {
	t.Parallel()
	if got := sessionwarden.Clean(strings.Repeat("ä", 100), 7); got != "äää" {
		t.Errorf("got %q", got)
	}
	if got := sessionwarden.Clean(strings.Repeat("x", 64<<10), sessionwarden.MaxText); len(got) != sessionwarden.MaxText {
		t.Errorf("%d bytes, want %d", len(got), sessionwarden.MaxText)
	}
}

func FuzzClean(f *testing.F) {
	f.Add("plain", 10)
	f.Add("a\x1b]52;c;x\x07\u202E  \u200B", 5)
	f.Add("\xff\xfe", 3)
	f.Add("äöü 日本", 4)
	for _, text := range []string{
		strings.Repeat("\u202e", 5000), strings.Repeat("é", 600) + "x", "\xed\xa0\x80", "\xf4\x90\x80\x80", "a\ufe0fb\U000e0100c", "\U000e0001tag", "\u00ad\u061c\u180e",
		" \u00a0\u3000x\u0085y", "\ufffd\ufffe\uffff", "\x1bP+q\x1b\\", "\u009d8;;http://evil\u009c", "=cmd|' /C calc'!A0", "<!channel> *x* `y` <http://evil|z>", "\r\n\r\nX-Header: 1",
	} {
		for _, limit := range []int{0, 1, 7, 1024} {
			f.Add(text, limit)
		}
	}
	f.Fuzz(func(t *testing.T, text string, limit int) {
		limit = max(0, min(limit, 4096))
		got := sessionwarden.Clean(text, limit)
		if len(got) > limit || !utf8.ValidString(got) {
			t.Fatalf("%q: %d bytes of at most %d, or not UTF-8", got, len(got), limit)
		}
		for _, r := range got {
			if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
				t.Fatalf("%q holds %U", got, r)
			}
		}
		if again := sessionwarden.Clean(got, limit); again != got {
			t.Fatalf("cleaning twice: %q, then %q", got, again)
		}
	})
}

func TestShortenCutsBetweenWords(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		text  string
		limit int
		want  string
	}{
		{"as it is", 8, "as it is"},
		{"restore a backup (sessionwarden restore FILE)", 40, "restore a backup (sessionwarden…"},
		{"the end of a word, here", 21, "the end of a word…"},
		{strings.Repeat("x", 30), 10, "xxxxxxx…"},
		{"ü" + strings.Repeat("ä", 30), 10, "üää…"},
		{"two\nlines \x1b[31mred", 40, "two lines [31mred"},
		{"", 10, ""},
	} {
		got := sessionwarden.Shorten(row.text, row.limit)
		if got != row.want || len(got) > row.limit {
			t.Errorf("Shorten(%q, %d) = %q, want %q", row.text, row.limit, got, row.want)
		}
	}
}
