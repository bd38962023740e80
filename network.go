package sessionwarden

import (
	"fmt"
	"net/netip"
)

// NetworkError says that a text is no network that can be trusted, and what to
// write instead.
type NetworkError struct {
	Text string // what is wrong
	Cure string // what to write
}

// Error implements error. The cure is not in it.
func (e *NetworkError) Error() string { return e.Text }

// ParseNetwork reads what a person wrote: a network in CIDR notation, or a
// single address as a network of its own. What is no network, has bits set
// behind its prefix, or is so wide that trusting it would trust everybody is a
// *NetworkError. IPv4 in IPv6 comes back as IPv4.
func ParseNetwork(text string) (netip.Prefix, error) {
	const cure = `write a network such as "203.0.113.0/24" or an address such as "2001:db8::1"`
	const ownOnly = "name the networks of the owner only: a thief in a trusted network is never disconnected"
	wrong := func(cure, problem string) (netip.Prefix, error) {
		return netip.Prefix{}, &NetworkError{Text: fmt.Sprintf(problem, shown(text)), Cure: cure}
	}
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		addr, err := netip.ParseAddr(text)
		if err != nil {
			return wrong(cure, "%q is neither a network nor an address")
		}
		if addr.Zone() != "" {
			return wrong(cure, "%q has a zone, which means something on one machine only")
		}
		prefix = netip.PrefixFrom(addr, addr.BitLen())
	}
	if addr := prefix.Addr(); addr.Is4In6() {
		if prefix.Bits() < 96 {
			return wrong(cure, "%q is half an IPv4 network and half an IPv6 one")
		}
		prefix = netip.PrefixFrom(addr.Unmap(), prefix.Bits()-96)
	}
	if prefix.Bits() == 0 {
		return wrong(ownOnly, "%q is every address there is")
	}
	if masked := prefix.Masked(); masked != prefix {
		return wrong(fmt.Sprintf("write %q for the network, or %q for the address", masked, prefix.Addr()),
			"%q is an address in a network, not a network")
	}
	if prefix.Bits() < widest(prefix.Addr()) {
		return wrong(ownOnly, "%q is a large part of the whole Internet")
	}
	return prefix, nil
}

// widest is how short a trusted network's prefix may be.
func widest(addr netip.Addr) int {
	switch {
	case addr.Is4():
		return 8
	case addr.IsPrivate() || addr.IsLinkLocalUnicast():
		return 1
	}
	return 16
}

// shown is a person's text as an error repeats it.
func shown(text string) string {
	const most = 64
	if len(text) > most {
		return Clean(text, most-3) + "…"
	}
	return Clean(text, most)
}

// NarrowNetwork returns the smallest network that is worth trusting around an
// address: an IPv4 address itself, or the /64 around an IPv6 one, which is what
// one customer is given. It is false for no address.
func NarrowNetwork(addr netip.Addr) (netip.Prefix, bool) {
	addr = addr.Unmap().WithZone("")
	if !addr.IsValid() {
		return netip.Prefix{}, false
	}
	bits := 32
	if addr.Is6() {
		bits = 64
	}
	network, err := addr.Prefix(bits)
	return network, err == nil
}

// SamePlace reports whether two addresses count as one: the same, or in the same
// IPv6 /64, which is what one customer is given.
func SamePlace(a, b netip.Addr) bool {
	if a == b {
		return true
	}
	if !a.Is6() || !b.Is6() {
		return false
	}
	network, err := a.Prefix(64)
	return err == nil && network.Contains(b)
}
