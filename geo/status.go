package geo

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"sessionwarden"
)

// oldAfter is the age from which location data is warned about. Of all
// addresses one in a thousand changes its country in a month.
const oldAfter = 180 * 24 * time.Hour

// licenceAfter is the age at which MaxMind's licence for the free databases
// wants a copy replaced and destroyed.
const licenceAfter = 30 * 24 * time.Hour

// Status returns which data is in use, how old it is, and what a person
// should do about it.
func (l *Locator) Status() sessionwarden.LocationStatus {
	s, now := l.current.Load(), l.now()
	country, network := s.first(countries), s.first(networks)
	status := sessionwarden.LocationStatus{
		Country: country.source, CountryBuilt: country.built,
		ASN: network.source, ASNBuilt: network.built,
		Warnings: slices.Clone(s.warnings),
		Failed:   s.failed,
	}
	for _, d := range []*database{country, network} {
		status.Warnings = append(status.Warnings, d.aged(now)...)
	}
	status.Lists = slices.Clone(s.listed)
	return status
}

// aged returns what has to be said of the age of d.
func (d *database) aged(now time.Time) []string {
	age := now.Sub(d.built)
	days := int(age / (24 * time.Hour))
	var all []string
	if strings.HasPrefix(d.kind, "GeoLite2") && age > licenceAfter {
		all = append(all, fmt.Sprintf("%s is %d days old: its licence wants it replaced, and the old copy destroyed, within 30 days of a newer release; run geoipupdate",
			d.source, days))
	}
	if age > oldAfter {
		cure := "put a newer file in its place"
		if d.path == "" {
			cure = "install a newer release of the program, or name a file of your own in the configuration"
		}
		all = append(all, fmt.Sprintf("the %s data, %s, is %d days old: %s", d.role, d.source, days, cure))
	}
	return all
}
