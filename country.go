package sessionwarden

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Country is an ISO 3166-1 alpha-2 code in upper case, or XK for Kosovo. The
// zero value means unknown.
type Country string

// CountryError says that a text is no country code, and which was probably
// meant.
type CountryError struct {
	Text  string  // what was written, cleaned and cut
	Meant Country // "" where there is nothing to suggest
}

// Error implements error.
func (e *CountryError) Error() string {
	if e.Meant != "" {
		return fmt.Sprintf("%q is not a country code: write %q for %s", e.Text, string(e.Meant), e.Meant.Name())
	}
	return fmt.Sprintf("%q is not a country code: write two capital letters of ISO 3166-1, such as \"DE\"", e.Text)
}

// ParseCountry reads what a person wrote into the configuration: exactly a
// code of ISO 3166-1 alpha-2 in upper case, or XK. Anything else is a
// *CountryError, which suggests a code where the text is another way to name a
// country ("de", "UK", "DEU", "germany").
func ParseCountry(s string) (Country, error) {
	if _, ok := countryByCode(s); ok {
		return Country(s), nil
	}
	meant, _ := CountryNamed(s)
	return "", &CountryError{Text: Clean(s, 64), Meant: meant}
}

// CountryNamed reads what the service writes: a code of two or three letters
// or an English name, in any case, with or without accents and hyphens. It is
// false where the text names no country.
func CountryNamed(s string) (Country, bool) {
	s = strings.TrimSpace(s)
	if len(s) < 2 || len(s) > 64 {
		return "", false
	}
	if len(s) <= 3 {
		return countryByShort(strings.ToUpper(s))
	}
	for _, c := range countryTable {
		if sameName(s, c.name) {
			return c.code, true
		}
	}
	for _, other := range countryAliases {
		if sameName(s, other.name) {
			return other.code, true
		}
	}
	return "", false
}

// Name returns the country's English name: the code itself where it is none of
// ISO 3166-1, and "unknown country" for the zero value.
func (c Country) Name() string {
	if c == "" {
		return "unknown country"
	}
	if entry, ok := countryByCode(string(c)); ok {
		return entry.name
	}
	return string(c)
}

// Countries returns every country that the configuration may name, by code.
func Countries() []Country {
	list := make([]Country, 0, len(countryTable))
	for _, c := range countryTable {
		list = append(list, c.code)
	}
	return list
}

// countryEntry is one line of the table.
type countryEntry struct {
	code  Country
	three string // alpha-3
	name  string
}

// countryByCode finds a code in the table, which is sorted by it.
func countryByCode(code string) (countryEntry, bool) {
	i, ok := slices.BinarySearchFunc(countryTable[:], code, func(c countryEntry, code string) int {
		return strings.Compare(string(c.code), code)
	})
	if !ok {
		return countryEntry{}, false
	}
	return countryTable[i], true
}

// countryByShort reads a text of two or three letters in upper case.
func countryByShort(s string) (Country, bool) {
	if _, ok := countryByCode(s); ok {
		return Country(s), true
	}
	for _, c := range countryTable {
		if c.three == s {
			return c.code, true
		}
	}
	for _, other := range countryAliases {
		if other.name == s {
			return other.code, true
		}
	}
	return "", false
}

// sameName compares the letters of two names: case, accents, spaces, hyphens
// and apostrophes do not count, nor does a "the" in front.
func sameName(a, b string) bool {
	a, b = withoutThe(a), withoutThe(b)
	for {
		x, restA := nextLetter(a)
		y, restB := nextLetter(b)
		if x != y {
			return false
		}
		if x == 0 {
			return true
		}
		a, b = restA, restB
	}
}

func withoutThe(s string) string {
	if len(s) > 4 && strings.EqualFold(s[:4], "the ") {
		return s[4:]
	}
	return s
}

// nextLetter returns the first letter of s in lower case and without its
// accent, and what follows it; 0 where there is none left.
func nextLetter(s string) (letter rune, rest string) {
	for s != "" {
		r, size := utf8.DecodeRuneInString(s)
		s = s[size:]
		if !unicode.IsLetter(r) {
			continue
		}
		r = unicode.ToLower(r)
		if i := strings.IndexRune(accented, r); i >= 0 {
			r = rune(unaccented[utf8.RuneCountInString(accented[:i])])
		}
		return r, s
	}
	return 0, ""
}

// Letters of country names with their accents, and without.
const (
	accented   = "áâãäåàçéèêëíîïıóôõöúüñ"
	unaccented = "aaaaaaceeeeiiiioooouun"
)
