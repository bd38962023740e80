package policy

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"sessionwarden"
)

// The sentences of findings, for a tired person on a phone.

// came is how a sentence about where a session comes from begins.
func came(c *Case) string {
	switch {
	case c.Sighting.Ownership == sessionwarden.Own:
		return "The watch's own session signed in "
	case c.Late:
		return "Was signed in for a while "
	case c.Relocated:
		return "By new location data, signed in "
	}
	return "Signed in "
}

func unexpectedReason(c *Case, ours, theirs sessionwarden.Country) string {
	var b strings.Builder
	b.WriteString(came(c))
	b.WriteString("from ")
	b.WriteString(ours.Name())
	b.WriteString(inBrackets(c.Sighting.Location))
	if theirs != "" && theirs != ours {
		b.WriteString(", or from ")
		b.WriteString(theirs.Name())
		b.WriteString(" as the service says")
	}
	b.WriteString("; you expect ")
	b.WriteString(expectedText(c.Account))
	b.WriteString(".")
	switch {
	case theirs == ours:
		b.WriteString(" The service says ")
		b.WriteString(ours.Name())
		b.WriteString(" too.")
	case theirs == "" && c.Sighting.Location.Network == sessionwarden.Hosting:
		b.WriteString(" It is a hosting network, so our country alone is weak evidence.")
	}
	return b.String()
}

func unknownReason(c *Case, theirs sessionwarden.Country) string {
	s := &c.Sighting
	text := came(c) + "from " + addrText(c.Sighting) + ", "
	switch {
	case !s.Addr.IsValid():
		text = came(c) + "from what is no address (" + addrText(c.Sighting) + "), "
		if s.RawAddr == "" {
			text = came(c) + "from an address that the service does not name, "
		}
		text += "so nobody can say from where"
	case s.Location.Network == sessionwarden.Private:
		text += "an address of a private network, which has no place"
	case s.Location.Network == sessionwarden.Satellite:
		text += "a satellite network" + inBrackets(s.Location) + ", which tells the ground station"
		if s.Location.Country != "" {
			text += " in " + s.Location.Country.Name()
		}
		text += " and not the place"
	default:
		text += "an address" + inBrackets(s.Location) + " that our location data knows no place for"
	}
	if theirs != "" {
		text += "; the service says " + theirs.Name()
	}
	return text + "."
}

func mismatchReason(c *Case, ours, theirs sessionwarden.Country, expectOurs, expectTheirs bool) string {
	text := came(c) + "from " + ours.Name() + inBrackets(c.Sighting.Location) + " by our location data, from " + theirs.Name() + " as the service says"
	if len(c.Account.Expected) == 0 {
		return text + "."
	}
	switch {
	case expectOurs && expectTheirs:
		text += "; you expect both."
	case !expectOurs && !expectTheirs:
		text += "; you expect neither."
	default:
		text += "; you expect " + expectedText(c.Account) + ", so its place is disputed."
	}
	if c.Sighting.Location.Network == sessionwarden.Hosting {
		text += " It is a hosting network, where our country is weak evidence."
	}
	return text
}

func newCountryReason(c *Case) string {
	text := came(c) + "from " + c.Sighting.Location.Country.Name() + inBrackets(c.Sighting.Location) + ", a country new to this account"
	if known := lately(c.Profile.Countries); len(known) > 0 {
		names := make([]string, len(known))
		for i, country := range known {
			names[i] = country.Name()
		}
		text += "; so far it was used from " + few(names, len(c.Profile.Countries))
	}
	return text + "."
}

func newNetworkReason(c *Case) string {
	return came(c) + "through " + networkText(c.Sighting.Location) + ", a network new to this account."
}

func newDeviceReason(c *Case) string {
	text := came(c) + "with " + deviceText(c.Sighting.Device) + ", a device new to this account"
	if known := lately(c.Profile.Devices); len(known) > 0 {
		for i := range known {
			known[i] = deviceText(known[i])
		}
		text += "; so far it was used with " + few(known, len(c.Profile.Devices))
	}
	return text + "."
}

func strangerReason(c *Case, newDevice bool) string {
	text := came(c) + "from " + c.Sighting.Location.Country.Name() + inBrackets(c.Sighting.Location) + ": country and network are both new to this account"
	if newDevice {
		text += ", and so is the device (" + deviceText(c.Sighting.Device) + ")"
	}
	if known := lately(c.Profile.Countries); len(known) > 0 {
		names := make([]string, len(known))
		for i, country := range known {
			names[i] = country.Name()
		}
		text += "; so far it was used from " + few(names, len(c.Profile.Countries))
	}
	return text + "."
}

func hostingReason(c *Case) string {
	text := came(c) + "through a hosting network" + inBrackets(c.Sighting.Location) + ", where programs and VPN exits live and people do not."
	if country := placed(c.Sighting.Location); country != "" {
		text += " That it lies in " + country.Name() + " is weak evidence there."
	}
	return text
}

func torReason(c *Case) string {
	text := came(c) + "through an exit of the Tor network" + inBrackets(c.Sighting.Location) + ", which hides who is behind it."
	if country := placed(c.Sighting.Location); country != "" {
		text += " That it lies in " + country.Name() + " says nothing about the person."
	}
	return text
}

func vpnReason(c *Case) string {
	text := came(c) + "through a VPN or a proxy" + inBrackets(c.Sighting.Location) + "."
	if country := placed(c.Sighting.Location); country != "" {
		text += " " + country.Name() + " is where its exit lies, and not where the person is."
	}
	return text
}

func movedReason(c *Case, m moves) string {
	text := "The same session was in " + whereText(c.Before.Location) + " and is now in " + whereText(c.Sighting.Location)
	if m.toNewCountry {
		text += ", a country new to this account"
	}
	if m.device {
		text += ", and on another device (" + deviceText(c.Before.Device) + " before, " + deviceText(c.Sighting.Device) + " now)"
	}
	return text + ": that is how a stolen cookie looks."
}

func roamedReason(c *Case, m moves) string {
	if m.device {
		return "The same session, on the same network, is on another device: " + deviceText(c.Before.Device) + " before, " +
			deviceText(c.Sighting.Device) + " now."
	}
	return "The same session went from " + networkText(c.Before.Location) + " to " + networkText(c.Sighting.Location) + "."
}

// inBrackets names the network in brackets, with a space before; "" where
// nothing is known of it.
func inBrackets(l sessionwarden.Location) string {
	organization, asn := sessionwarden.Clean(l.Organization, 60), asnText(l.ASN)
	switch {
	case organization == "" && asn == "":
		return ""
	case organization == "" || asn == "":
		return " (" + organization + asn + ")"
	}
	return " (" + organization + ", " + asn + ")"
}

// networkText names the network: "VNPT (AS45899)".
func networkText(l sessionwarden.Location) string {
	organization, asn := sessionwarden.Clean(l.Organization, 60), asnText(l.ASN)
	switch {
	case organization == "" && asn == "":
		return "an unknown network"
	case organization == "" || asn == "":
		return organization + asn
	}
	return organization + " (" + asn + ")"
}

// whereText names the country and the network.
func whereText(l sessionwarden.Location) string {
	if country := placed(l); country != "" {
		return country.Name() + inBrackets(l)
	}
	return "an unknown place" + inBrackets(l)
}

func deviceText(device string) string {
	if device == "" {
		return "an unknown device"
	}
	return sessionwarden.Clean(device, maxDevice)
}

func addrText(s sessionwarden.Sighting) string {
	return sessionwarden.Clean(s.AddrText(), 48)
}

// expectedText is what follows "you expect".
func expectedText(a sessionwarden.Account) string {
	names := make([]string, min(len(a.Expected), fewNames))
	for i := range names {
		names[i] = a.Expected[i].Name()
	}
	return "only " + few(names, len(a.Expected))
}

// fewNames is how many names a sentence lists.
const fewNames = 3

// few lists names and says how many more there are of all.
func few(names []string, all int) string {
	switch n := len(names); {
	case n == 0:
		return "nothing"
	case all > n:
		return strings.Join(names, ", ") + " and " + strconv.Itoa(all-n) + " more"
	case n == 1:
		return names[0]
	default:
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1]
	}
}

// lately returns the keys of a profile's map that were seen last, as many as a
// sentence lists, the latest first.
func lately[K cmp.Ordered](spans map[K]sessionwarden.Span) []K {
	var keys []K
	for key, span := range spans {
		i := len(keys)
		for i > 0 {
			last := spans[keys[i-1]].Last
			if span.Last.Before(last) || span.Last.Equal(last) && key > keys[i-1] {
				break
			}
			i--
		}
		if i == fewNames {
			continue
		}
		keys = slices.Insert(keys, i, key)
		keys = keys[:min(len(keys), fewNames)]
	}
	return keys
}
