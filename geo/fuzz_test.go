package geo

import (
	"net/netip"
	"strings"
	"testing"

	"sessionwarden/geo/geotest"
)

// FuzzDatabase opens hostile bytes as a file of the owner's: whatever they
// are, they are refused, or they can be asked anything.
func FuzzDatabase(f *testing.F) {
	seeds := [][]byte{
		geotest.Country(map[string]string{"203.0.113.0/24": "DE", "2001:db8::/32": "AT"}),
		geotest.City(map[string]geotest.Place{"203.0.113.0/24": {Country: "DE", City: "Bonn", Latitude: 50.7, Longitude: 7.1, RadiusKM: 20}}),
		geotest.ASN(map[string]geotest.Network{"203.0.113.0/24": {Number: 64500, Organization: "Example"}}),
	}
	for _, seed := range seeds {
		f.Add(seed)
		for _, bad := range geotest.Corrupt(seed) {
			f.Add(bad)
		}
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		for _, r := range []role{countries, networks} {
			d, err := proven(content, r)
			if err != nil {
				if d != nil {
					t.Errorf("refused, but there is a database")
				}
				continue
			}
			for _, addr := range []string{"203.0.113.1", "8.8.8.8", "2001:db8::1", "::", "255.255.255.255"} {
				a, err := d.ask(netip.MustParseAddr(addr))
				if err != nil {
					continue
				}
				if len(a.country) != 0 && len(a.country) != 2 || strings.ContainsAny(a.city+a.organization, "\x00\x1b\n") {
					t.Errorf("%s is %+v", addr, a)
				}
				if a.hasPoint && (!onEarth(a.latitude, a.longitude) || a.radiusKM <= 0) {
					t.Errorf("%s is at %+v", addr, a)
				}
			}
		}
	})
}

// FuzzNetworkList reads hostile lists of networks.
func FuzzNetworkList(f *testing.F) {
	f.Add("64500 Example # a comment\n\n# nothing\n64501\tTab\n")
	f.Add("0 Nobody")
	f.Add("99999999999 Too large")
	f.Add("64500 Twice\n64500 Twice")
	f.Fuzz(func(t *testing.T, list string) {
		kinds := make(networkKinds)
		err := kinds.add(list, 1)
		if _, ok := kinds[0]; ok {
			t.Error("network 0 is listed")
		}
		if err == nil && len(kinds) > strings.Count(list, "\n")+1 {
			t.Errorf("%d networks on %d lines", len(kinds), strings.Count(list, "\n")+1)
		}
	})
}

// FuzzList reads hostile lists of addresses: whatever they hold, they are refused,
// or they can be asked anything, and hold no more than they have lines.
func FuzzList(f *testing.F) {
	for _, seed := range []string{
		"203.0.113.7\n2001:db8::7\n", "203.0.113.0/24\n2001:db8::/32 # a comment\n", "AS64500\nas64501 Name\n", "\xef\xbb\xbf# head\r\n\r\n203.0.113.7\r\n",
		"ExitNode 0011BD2485AD45D984EC4159C88FC066E5E3300E\nPublished 2026-11-20 07:21:03\nLastStatus 2026-11-20 18:00:00\nExitAddress 203.0.113.7 2026-11-20 18:12:03\n",
		"# Last updated: 2026-11-20\n203.0.113.7", "::ffff:203.0.113.7\n::ffff:0:0/90", "0.0.0.0/0\n::/0", "fe80::1%eth0", "AS0\nAS4294967296\nAS", "ExitAddress 203.0.113.7", "<!doctype html>\n203.0.113.7\n<p>",
		"1.2.3\n01.2.3.4\n1.2.3.4/33\n1.2.3.4/-1", "\x00\n203.0.113.7\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		l, err := parseList(content)
		if err != nil {
			if l != nil {
				t.Error("refused, but there is a list")
			}
			return
		}
		lines := strings.Count(string(content), "\n") + 1
		if l.entries == 0 || l.entries+l.bad > lines || l.bad > l.entries || (l.bad > 0) != (l.badLine > 0) || l.badLine > lines {
			t.Errorf("of %d lines %d are good and %d bad, the first of them line %d", lines, l.entries, l.bad, l.badLine)
		}
		for _, r := range l.addrs.Ranges() {
			if !l.has(r.From(), 0) || !l.has(r.To(), 0) || r.From().Is4In6() {
				t.Errorf("%v is not as it is looked up", r)
			}
		}
		for number := range l.systems {
			if number == 0 || !l.has(netip.Addr{}, number) {
				t.Errorf("AS%d", number)
			}
		}
		if year := l.dated.Year(); !l.dated.IsZero() && (year < 0 || year > 9999) {
			t.Errorf("it is of %v", l.dated)
		}
		if !l.same(l) || l.same(nil) {
			t.Error("it is not itself")
		}
	})
}
