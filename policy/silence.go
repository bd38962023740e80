package policy

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"sessionwarden"
)

// maxListed is how many entries of a list a line repeats, to be copied whole.
const maxListed = 24

// expectLine is the configuration line that adds countries to those that are
// expected. It belongs into the account's own block. For our own session it is
// the address that is to be trusted, and not all who live in its country.
func expectLine(c *Case, countries ...sessionwarden.Country) string {
	if c.Sighting.Ownership == sessionwarden.Own {
		return trustLine(c, sessionwarden.UnexpectedCountry)
	}
	all := slices.Clone(c.Account.Expected)
	for _, country := range countries {
		if country != "" && !slices.Contains(all, country) {
			all = append(all, country)
		}
	}
	var b strings.Builder
	b.WriteString("expected_countries = [")
	for i, country := range all {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(strconv.Quote(string(country)))
	}
	b.WriteString("]")
	return b.String()
}

// trustLine is the configuration line that trusts the sighting's address, or
// turns rule down where there is none to trust.
func trustLine(c *Case, rule sessionwarden.Rule) string {
	network, ok := narrow(c.Sighting.Addr)
	if !ok {
		return ruleLine(c.Account, rule, sessionwarden.Log)
	}
	if len(c.Account.Trusted) > maxListed {
		return "trusted_networks: add " + strconv.Quote(network.String())
	}
	var b strings.Builder
	b.WriteString("trusted_networks = [")
	for _, known := range c.Account.Trusted {
		b.WriteString(strconv.Quote(known.String()))
		b.WriteString(", ")
	}
	b.WriteString(strconv.Quote(network.String()))
	b.WriteString("]")
	return b.String()
}

// narrow is the smallest network that is worth trusting: an IPv4 address, or
// the /64 around an IPv6 one.
func narrow(addr netip.Addr) (netip.Prefix, bool) {
	if !addr.IsValid() {
		return netip.Prefix{}, false
	}
	bits := 32
	if addr.Is6() {
		bits = 64
	}
	network, err := addr.WithZone("").Prefix(bits)
	return network, err == nil
}

// ruleLine is the configuration line that gives rule another response, with
// the table that it belongs into as a comment.
func ruleLine(a sessionwarden.Account, rule sessionwarden.Rule, response sessionwarden.Response) string {
	return string(rule) + " = " + strconv.Quote(response.String()) + " # in [account.rules] of " + a.Name
}
