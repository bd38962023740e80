package main

import (
	"fmt"
	"net/netip"

	"github.com/oschwald/geoip2-golang/v2"
	"github.com/oschwald/maxminddb-golang/v2"
)

// landmarks are addresses whose country and network everybody knows.
var landmarks = []struct {
	addr    string
	country string
	asn     uint
}{
	{"8.8.8.8", "US", 15169},      // Google's resolver
	{"129.132.1.1", "CH", 559},    // ETH Zurich
	{"130.237.28.40", "SE", 1653}, // KTH Stockholm
	{"133.11.0.1", "JP", 2501},    // University of Tokyo
	{"200.160.2.3", "BR", 22548},  // registry of Brazil
	{"2001:638::1", "DE", 680},    // German research network
}

// verify checks the two databases as a reader sees them.
func verify(countries, networks []byte) error {
	for what, content := range map[string][]byte{"country": countries, "network": networks} {
		r, err := maxminddb.OpenBytes(content)
		if err != nil {
			return fmt.Errorf("opening the %s database just made: %w", what, err)
		}
		if err := r.Verify(); err != nil {
			return fmt.Errorf("verifying the %s database just made: %w", what, err)
		}
	}
	country, err := geoip2.OpenBytes(countries)
	if err != nil {
		return fmt.Errorf("reading the country database just made: %w", err)
	}
	network, err := geoip2.OpenBytes(networks)
	if err != nil {
		return fmt.Errorf("reading the network database just made: %w", err)
	}
	for _, l := range landmarks {
		addr := netip.MustParseAddr(l.addr)
		c, err := country.Country(addr)
		if err != nil {
			return fmt.Errorf("looking up the country of %s: %w", l.addr, err)
		}
		n, err := network.ASN(addr)
		if err != nil {
			return fmt.Errorf("looking up the network of %s: %w", l.addr, err)
		}
		if c.Country.ISOCode != l.country || n.AutonomousSystemNumber != l.asn {
			return fmt.Errorf("%s is in %s, AS%d, but the databases say %q, AS%d",
				l.addr, l.country, l.asn, c.Country.ISOCode, n.AutonomousSystemNumber)
		}
	}
	return nil
}
