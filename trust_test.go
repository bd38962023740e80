package sessionwarden_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"sessionwarden"
)

func TestTrustIsReadAsAPersonWritesIt(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ country, asn, network, address, want string }{
		{country: "JP", want: "JP"},
		{asn: "AS2516", want: "AS2516"},
		{asn: "as2516", want: "AS2516"},
		{asn: "2516", want: "AS2516"},
		{network: "203.0.113.0/24", want: "203.0.113.0/24"},
		{network: "2001:db8::1/128", want: "2001:db8::1/128"},
		{address: "203.0.113.7", want: "203.0.113.7/32"},
		{address: "::ffff:203.0.113.7", want: "203.0.113.7/32"},
		{address: "2001:db8:1:2:3::4", want: "2001:db8:1:2::/64"},
		{country: "JAPAN", want: `"JAPAN" is not a country code: write "JP" for Japan`},
		{country: "jp", want: "JP"}, {country: "uk", want: `"UK" is not a country code: write "GB"`},
		{asn: "0", want: "is not the number of a network"},
		{asn: "AS99999999999", want: "is not the number of a network"},
		{network: "0.0.0.0/0", want: "every address there is"},
		{network: "203.0.113.7/24", want: `write "203.0.113.0/24" for the network`},
		{address: "fe80::1%eth0", want: "has a zone"},
		{want: "exactly one"},
		{country: "JP", asn: "1", want: "exactly one"},
		{network: "203.0.113.0/24", address: "203.0.113.7", want: "exactly one"},
	} {
		trust, err := sessionwarden.NewTrust(test.country, test.asn, test.network, test.address)
		got := trust.What()
		if err != nil {
			got = err.Error()
		}
		if got != test.want && (err == nil || !strings.Contains(got, test.want)) {
			t.Errorf("%+v: %s", test, got)
		}
	}
}

func TestTrustCovers(t *testing.T) {
	t.Parallel()
	s := sessionwarden.Sighting{Location: sessionwarden.Location{Country: "JP", ASN: 2516}}
	s.Addr = netip.MustParseAddr("203.0.113.7")
	in := func(country, asn, network, address string) sessionwarden.Trust {
		trust, err := sessionwarden.NewTrust(country, asn, network, address)
		if err != nil {
			t.Fatal(err)
		}
		return trust
	}
	for _, trust := range []sessionwarden.Trust{in("JP", "", "", ""), in("", "2516", "", ""), in("", "", "203.0.113.0/24", ""), in("", "", "", "203.0.113.7")} {
		if !trust.Covers(s) {
			t.Errorf("%s does not cover %+v", trust, s)
		}
		if trust.Covers(sessionwarden.Sighting{}) {
			t.Errorf("%s covers what nothing is known of", trust)
		}
	}
	for _, trust := range []sessionwarden.Trust{{}, in("KR", "", "", ""), in("", "2517", "", ""), in("", "", "203.0.114.0/24", ""), in("", "", "", "203.0.113.8")} {
		if trust.Covers(s) {
			t.Errorf("%s covers %+v", trust, s)
		}
	}
	for _, kind := range []sessionwarden.NetworkKind{sessionwarden.Private, sessionwarden.Satellite} {
		elsewhere := s
		elsewhere.Location.Network = kind
		if in("JP", "", "", "").Covers(elsewhere) {
			t.Errorf("a country covers a %s network, which has no place", kind)
		}
	}
}

func TestTrustHasAState(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	trust := sessionwarden.Trust{ID: 12, Country: "JP", Until: now.Add(time.Hour), Note: "trip\nto \u202eTokyo"}
	if got := trust.State(now); got != "holds" || !trust.Ended().Equal(trust.Until) {
		t.Errorf("%s until %s", got, trust.Ended())
	}
	if got := trust.State(trust.Until); got != "expired" {
		t.Errorf("%s at its end", got)
	}
	trust.Removed = now
	if got := trust.State(now); got != "removed" || !trust.Ended().Equal(now) {
		t.Errorf("%s since %s", got, trust.Ended())
	}
	if got, want := trust.String(), "trust 12 (JP until 2026-12-01 13:00 UTC, trip to Tokyo)"; got != want {
		t.Errorf("says %s, want %s", got, want)
	}
}

func TestEndsOfTrusts(t *testing.T) {
	t.Parallel()
	tokyo := time.FixedZone("JST", 9*60*60)
	now := time.Date(2026, 12, 1, 12, 0, 0, 0, tokyo)
	for text, want := range map[string]string{
		"2026-12-20":                "2026-12-20T23:59:59+09:00",
		"2026-12-01":                "2026-12-01T23:59:59+09:00",
		"2026-12-20T12:00:00Z":      "2026-12-20T12:00:00Z",
		"2026-12-20T12:00:00+01:00": "2026-12-20T12:00:00+01:00",
		"14d":                       "2026-12-15T12:00:00+09:00",
		"2w":                        "2026-12-15T12:00:00+09:00",
		"36h":                       "2026-12-03T00:00:00+09:00",
		"400d":                      "2028-01-05T12:00:00+09:00",
		"":                          "needs an end",
		"401d":                      "within 400 days",
		"2029-01-01":                "within 400 days",
		"2026-11-30":                `"2026-11-30" is over already: it is 2026-12-01 12:00 JST`,
		"2026-12-01T11:59:59+09:00": "over already",
		"-14d":                      "is no end",
		"0d":                        "is no end",
		"tomorrow":                  "is no end",
		"2026-02-30":                "is no end",
		"20.12.2026":                "is no end",
	} {
		until, err := sessionwarden.ParseUntil(text, now)
		got := until.Format(time.RFC3339)
		if err != nil {
			got = err.Error()
		}
		if got != want && (err == nil || !strings.Contains(got, want)) {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

func FuzzParseUntil(f *testing.F) {
	for _, text := range []string{"2026-12-20", "2026-12-20T12:00:00Z", "14d", "2w", "1h30m", "", "9999999h", "0000-00-00", "\x1b[31m1d"} {
		f.Add(text, int64(1_780_000_000))
	}
	f.Fuzz(func(t *testing.T, text string, at int64) {
		now := time.Unix(at%(1<<35), 0).UTC()
		until, err := sessionwarden.ParseUntil(text, now)
		if err != nil {
			if !until.IsZero() && until.After(now) && until.Sub(now) <= sessionwarden.MaxTrust {
				t.Fatalf("%q is refused and comes with the end %s", text, until)
			}
			if said := err.Error(); sessionwarden.Clean(said, len(said)) != said && !strings.Contains(said, `\`) {
				t.Fatalf("the error carries what it should not: %q", said)
			}
			return
		}
		if !until.After(now) || until.Sub(now) > sessionwarden.MaxTrust {
			t.Fatalf("%q at %s is %s", text, now, until)
		}
		if again, err := sessionwarden.ParseUntil(until.Format(time.RFC3339), now); err != nil || until.Sub(again).Abs() >= time.Second {
			if until.Sub(now) >= time.Second { // else its whole second is now
				t.Fatalf("%s is read as %s, %v", until, again, err)
			}
		}
	})
}
