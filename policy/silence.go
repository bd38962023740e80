package policy

import (
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
	if trip := tripCommand(c); trip != "" {
		b.WriteString(" # or, for a trip: " + trip)
	}
	return b.String()
}

// tripCommand is the command that trusts the country of a session for a while:
// better than a line of the configuration that nobody takes out again. "" where
// that would not make the rules about the country quiet.
func tripCommand(c *Case) string {
	country := placed(c.Sighting.Location)
	if country == "" || c.Sighting.Ownership != sessionwarden.NotOwn || c.Account.Expects(country) || !undisputed(&c.Account, &c.Sighting) {
		return ""
	}
	return "sessionwarden trust add --account " + c.Account.Name + " --country " + string(country) + " --until 14d"
}

// countryRuleLine turns a rule about a new country down, or trusts the country.
func countryRuleLine(c *Case, rule sessionwarden.Rule) string {
	line := ruleLine(c.Account, rule, sessionwarden.Log)
	if trip := tripCommand(c); trip != "" {
		line += "; or, for a trip: " + trip
	}
	return line
}

// trustLine is the configuration line that trusts the sighting's address, or
// turns rule down where there is none to trust.
func trustLine(c *Case, rule sessionwarden.Rule) string {
	network, ok := sessionwarden.NarrowNetwork(c.Sighting.Addr)
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

// ruleLine is the configuration line that gives rule another response, with
// the table that it belongs into as a comment.
func ruleLine(a sessionwarden.Account, rule sessionwarden.Rule, response sessionwarden.Response) string {
	return string(rule) + " = " + strconv.Quote(response.String()) + " # in [account.rules] of " + a.Name
}
