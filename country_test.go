package sessionwarden_test

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sessionwarden"
)

func TestCountriesAreISO3166(t *testing.T) {
	t.Parallel()
	countries := sessionwarden.Countries()
	if want := 249 + 1; len(countries) != want {
		t.Errorf("%d countries, want the 249 of ISO 3166-1 and Kosovo", len(countries))
	}
	if !slices.IsSorted(countries) {
		t.Error("the table is not sorted by code, so that lookups miss")
	}
	code := regexp.MustCompile(`^[A-Z]{2}$`)
	names := make(map[string]sessionwarden.Country)
	for i, c := range countries {
		if i > 0 && c == countries[i-1] {
			t.Errorf("%s stands there twice", c)
		}
		if !code.MatchString(string(c)) {
			t.Errorf("%q is no code", c)
		}
		if got, err := sessionwarden.ParseCountry(string(c)); got != c || err != nil {
			t.Errorf("ParseCountry(%q) = %q, %v", c, got, err)
		}
		name := c.Name()
		if other, ok := names[strings.ToLower(name)]; ok {
			t.Errorf("%s and %s are both called %s", c, other, name)
		}
		names[strings.ToLower(name)] = c
		for _, text := range []string{name, strings.ToUpper(name), "the " + name, string(c), strings.ToLower(string(c)), " " + string(c) + " "} {
			if got, ok := sessionwarden.CountryNamed(text); got != c || !ok {
				t.Errorf("CountryNamed(%q) = %q, %t, want %s", text, got, ok, c)
			}
		}
	}
}

func TestParseCountrySuggests(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]sessionwarden.Country{
		"UK": "GB", "uk": "GB", "de": "DE", "De": "DE", " DE": "DE", "DEU": "DE", "usa": "US", "germany": "DE", "Deutschland": "DE",
		"GREAT BRITAIN": "GB", "England": "GB", "EL": "GR", "Cote d Ivoire": "CI", "Turkey": "TR", "guinea bissau": "GW",
		"": "", "XX": "", "ZZ": "", "EU": "", "A1": "", "T1": "", "D": "", "Atlantis": "", "DE,AT": "", "D\x00E": "", "ＤＥ": "",
	} {
		got, err := sessionwarden.ParseCountry(text)
		var bad *sessionwarden.CountryError
		if got != "" || !errors.As(err, &bad) {
			t.Errorf("ParseCountry(%q) = %q, %v, want a CountryError", text, got, err)
			continue
		}
		if bad.Meant != want {
			t.Errorf("ParseCountry(%q) suggests %q, want %q", text, bad.Meant, want)
		}
		if want != "" && !strings.Contains(err.Error(), `write "`+string(want)+`" for `+want.Name()) {
			t.Errorf("ParseCountry(%q): %v", text, err)
		}
	}
}

func TestCountryNamedReadsWhatServicesWrite(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]sessionwarden.Country{
		"US": "US", "us": "US", "UK": "GB", "USA": "US", "Russian Federation": "RU", "Viet Nam": "VN", "Korea, Republic of": "KR",
		"United States of America": "US", "Czech Republic": "CZ", "Curacao": "CW", "Türkiye": "TR", "TURKIYE": "TR", "Niger": "NE", "Nigeria": "NG",
	} {
		if got, ok := sessionwarden.CountryNamed(text); got != want || !ok {
			t.Errorf("CountryNamed(%q) = %q, %t, want %s", text, got, ok, want)
		}
	}
	for _, text := range []string{"", " ", "U", "??", "N/A", "Unknown", "New York", "US: New York", "Anonymous Proxy", "Europe", "&", "1234", strings.Repeat("a", 1<<16)} {
		if got, ok := sessionwarden.CountryNamed(text); ok {
			t.Errorf("CountryNamed(%.20q) = %q, want none", text, got)
		}
	}
}

func TestCountryName(t *testing.T) {
	t.Parallel()
	for country, want := range map[sessionwarden.Country]string{"DE": "Germany", "XK": "Kosovo", "QQ": "QQ", "": "unknown country"} {
		if got := country.Name(); got != want {
			t.Errorf("%q is called %q, want %q", country, got, want)
		}
	}
}

func FuzzCountryNamed(f *testing.F) {
	for _, text := range []string{"", "DE", "uk", "Côte d'Ivoire", "the ", "\xff\xfe", "İstanbul"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, ok := sessionwarden.CountryNamed(text)
		if ok != slices.Contains(sessionwarden.Countries(), c) {
			t.Errorf("CountryNamed(%q) = %q, %t", text, c, ok)
		}
		if got, err := sessionwarden.ParseCountry(text); (err == nil) != (string(got) == text && got != "") {
			t.Errorf("ParseCountry(%q) = %q, %v", text, got, err)
		}
	})
}
