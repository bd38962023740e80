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
