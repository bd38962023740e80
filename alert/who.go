package alert

import (
	"fmt"
	"time"

	"sessionwarden"
)

// address is where the session comes from.
func address(s sessionwarden.Sighting) string {
	text := outside(s.AddrText(), 64)
	switch {
	case text == "":
		return "none given"
	case !s.Addr.IsValid():
		return text + " (not an address)"
	}
	return text
}

// countryName is the country as people say it.
func countryName(c sessionwarden.Country) string {
	if c == "" {
		return ""
	}
	return outside(c.Name(), 60)
}

// unknownPlace is said of an address that no location data knows.
const unknownPlace = "unknown place"

// shortPlace is the country in a word or two.
func shortPlace(s sessionwarden.Sighting) string {
	switch {
	case s.Location.Network == sessionwarden.Private:
		return "a private network"
	case s.Location.Network == sessionwarden.Satellite:
		return "a satellite network"
	case s.Location.Country == "":
		return unknownPlace
	}
	return countryName(s.Location.Country)
}

// place is where the address lies, as we and as the service know it.
func place(s sessionwarden.Sighting) string {
	l := s.Location
	text := shortPlace(s)
	if text == unknownPlace {
		text = "unknown"
	}
	if l.Placed() && l.City != "" {
		text = outside(l.City, 60) + ", " + text
		if l.HasPoint && l.RadiusKM > 0 {
			text += fmt.Sprintf(" (within about %.0f km)", l.RadiusKM)
		}
	}
	if theirs := outside(s.ServiceLocation, 80); theirs != "" {
		text += "; the service says " + theirs
	}
	return text
}

// network is who runs the address.
func network(s sessionwarden.Sighting) string {
	l := s.Location
	name := outside(l.Organization, 80)
	if name == "" {
		name = outside(s.ISP, 80)
	}
	switch {
	case l.ASN != 0 && name != "":
		name = fmt.Sprintf("%s (AS%d)", name, l.ASN)
	case l.ASN != 0:
		name = fmt.Sprintf("AS%d", l.ASN)
	case name == "":
		name = "unknown"
	}
	switch l.Network {
	case sessionwarden.Hosting:
		name += ", a hosting network"
	case sessionwarden.Satellite:
		name += ", a satellite network"
	case sessionwarden.Private:
		name += ", a private network"
	}
	if l.Tor {
		name += ", an exit of the Tor network"
	}
	if l.VPN {
		name += ", a VPN or a proxy"
	}
	return name
}

// device is what the session says that it was opened with.
func device(s sessionwarden.Sighting) string {
	if s.Device != "" {
		return outside(s.Device, 80)
	}
	if s.UserAgent != "" {
		return "unknown; it calls itself " + outside(s.UserAgent, 120)
	}
	return "unknown"
}

// glance is a session in a few words, for a notification.
func glance(s sessionwarden.Sighting) string {
	text := address(s) + ", " + shortPlace(s)
	if name := outside(s.Location.Organization, 40); name != "" {
		text += ", " + name
	}
	if name := outside(s.Device, 40); name != "" {
		text += ", " + name
	}
	return text
}

// times is when the session began and was seen.
func (f Facts) times(s sessionwarden.Sighting, ref time.Time) string {
	var text string
	switch {
	case !s.Started.IsZero() && !s.FirstSeen.IsZero():
		text = "signed in " + f.moment(s.Started) + ", seen " + f.clockTime(s.FirstSeen, s.Started)
	case !s.Started.IsZero():
		text = "signed in " + f.moment(s.Started)
	case !s.FirstSeen.IsZero():
		text = "seen " + f.moment(s.FirstSeen) + "; the service does not say when it began"
	default:
		return "unknown"
	}
	if s.Baseline {
		text += "; it was there when the watch began"
	}
	if !s.GoneAt.IsZero() {
		text += ", gone " + f.clockTime(s.GoneAt, ref)
	}
	return text
}
