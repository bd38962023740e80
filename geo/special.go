package geo

import "net/netip"

// nature says what an address is before any database is asked.
type nature uint8

const (
	public        nature = iota
	documentation        // set aside for examples
	placeless            // private, shared, link-local or otherwise reserved
	noAddress            // not an address at all
)

// The ranges that the registries have set aside, each by its prefix. Of IPv6
// only 2000::/3 is given out at all, so only ranges inside it are listed.
var (
	placelessRanges = [...]netip.Prefix{
		netip.MustParsePrefix("0.0.0.0/8"),      // "this network"
		netip.MustParsePrefix("10.0.0.0/8"),     // private
		netip.MustParsePrefix("100.64.0.0/10"),  // shared by carriers (CGNAT)
		netip.MustParsePrefix("127.0.0.0/8"),    // loopback
		netip.MustParsePrefix("169.254.0.0/16"), // link-local
		netip.MustParsePrefix("172.16.0.0/12"),  // private
		netip.MustParsePrefix("192.0.0.0/24"),   // protocols
		netip.MustParsePrefix("192.88.99.0/24"), // relays that are no more
		netip.MustParsePrefix("192.168.0.0/16"), // private
		netip.MustParsePrefix("198.18.0.0/15"),  // benchmarks
		netip.MustParsePrefix("224.0.0.0/3"),    // multicast, reserved, broadcast
		netip.MustParsePrefix("2001:2::/48"),    // benchmarks
		netip.MustParsePrefix("2001:10::/28"),   // identifiers, not addresses
		netip.MustParsePrefix("2001:20::/28"),   // identifiers, not addresses
	}
	documentationRanges = [...]netip.Prefix{
		netip.MustParsePrefix("192.0.2.0/24"),
		netip.MustParsePrefix("198.51.100.0/24"),
		netip.MustParsePrefix("203.0.113.0/24"),
		netip.MustParsePrefix("2001:db8::/32"),
		netip.MustParsePrefix("3fff::/20"),
	}
	givenOut   = netip.MustParsePrefix("2000::/3")
	translated = netip.MustParsePrefix("64:ff9b::/96") // NAT64: the last four bytes are an IPv4 address
)

// plain returns the address that addr stands for: without zone, an IPv4
// address as such where it came inside an IPv6 one, mapped or translated.
func plain(addr netip.Addr) netip.Addr {
	addr = addr.WithZone("").Unmap()
	if translated.Contains(addr) {
		inside := addr.As16()
		return netip.AddrFrom4([4]byte(inside[12:]))
	}
	return addr
}

// natureOf says what addr is. It must be plain.
func natureOf(addr netip.Addr) nature {
	if !addr.IsValid() {
		return noAddress
	}
	for _, r := range documentationRanges {
		if r.Contains(addr) {
			return documentation
		}
	}
	if addr.Is6() && !givenOut.Contains(addr) {
		return placeless
	}
	for _, r := range placelessRanges {
		if r.Contains(addr) {
			return placeless
		}
	}
	return public
}
