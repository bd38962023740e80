package policy

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"sessionwarden"
)

// The names of the facts that findings rest on: a closed set.
const (
	FactAddress         = "address"            // as the service lists it
	FactCountry         = "country"            // by our location data, with its source and build date
	FactCity            = "city"               // by our location data
	FactServiceCountry  = "service_country"    // as the service says
	FactServiceLocation = "service_location"   // the service's own words
	FactASN             = "asn"                // by our location data
	FactOrganization    = "organization"       // who runs the network, by our location data
	FactNetworkKind     = "network_kind"       // hosting, satellite or private; Tor exit; VPN
	FactISP             = "isp"                // as the service says
	FactDevice          = "device"             // from the user agent, which can be copied
	FactStarted         = "started"            // as the service says
	FactFirstSeen       = "first_seen"         // by our clock
	FactExpected        = "expected_countries" // from the configuration
	FactCountries       = "profile_countries"  // what the account was used from
	FactDevices         = "profile_devices"    // what the account was used with lately
	FactBeforeAddress   = "before_address"     // of the same session, until it changed
	FactBeforeCountry   = "before_country"
	FactBeforeASN       = "before_asn"
	FactBeforeDevice    = "before_device"
	FactLocationFailed  = "location_failed" // why location data cannot be relied on
	FactTimesInHour     = "times_in_hour"   // how often it happened in the last hour
	FactDistance        = "distance"        // how far the two places are from each other, at least
	FactBetween         = "between"         // the time between the two
	FactMaxSpeed        = "max_speed"       // what a traveller makes, from the configuration
	FactLastActive      = "last_active"     // when the account was used before
	FactUsualHours      = "usual_hours"     // when the owner uses the account
	FactLive            = "live_sessions"   // how many live
	FactNewInHour       = "new_in_hour"     // how many began within the last hour
	FactMostLive        = "most_live"       // how many of the owner's lived at a time at most
	FactEnded           = "ended"           // when the session before it was disconnected
	FactTrust           = "trust"           // the trust with an end that counted
	FactWhen            = "when"            // the expression of an own rule
	FactValues          = "values"          // what its names stood for
	FactBefore          = "before"          // of a fact of the account, in full
	FactAfter           = "after"           // likewise
	FactReadBefore      = "read_before"     // when it was read as before for the last time; of the balance: when it was the highest
	FactChange          = "account_change"  // a change of the account that belongs to the session, shortened
)

// maxFact is how many bytes of a value from outside a fact keeps.
const maxFact = 200

// sightingFacts returns what was seen, for every finding on it.
func sightingFacts(c *Case) []sessionwarden.Fact {
	s := &c.Sighting
	facts := make([]sessionwarden.Fact, 0, 12)
	add := func(name, value string) {
		if value != "" {
			facts = append(facts, sessionwarden.Fact{Name: name, Value: value})
		}
	}
	add(FactAddress, sessionwarden.Clean(s.AddrText(), maxFact))
	add(FactCountry, countryFact(s.Location))
	add(FactCity, sessionwarden.Clean(s.Location.City, maxFact))
	if s.ServiceCountry != "" {
		add(FactServiceCountry, string(s.ServiceCountry))
	}
	add(FactServiceLocation, sessionwarden.Clean(s.ServiceLocation, maxFact))
	add(FactASN, asnText(s.Location.ASN))
	add(FactOrganization, sessionwarden.Clean(s.Location.Organization, maxFact))
	add(FactNetworkKind, s.Location.Kind())
	add(FactISP, sessionwarden.Clean(s.ISP, maxFact))
	add(FactDevice, sessionwarden.Clean(s.Device, maxFact))
	add(FactStarted, timeText(s.Started))
	add(FactFirstSeen, timeText(s.FirstSeen))
	add(FactLocationFailed, sessionwarden.Clean(c.LocationFailed, maxFact))
	return facts
}

// beforeFacts returns what the session was until it changed.
func beforeFacts(was *sessionwarden.Sighting) []sessionwarden.Fact {
	facts := make([]sessionwarden.Fact, 0, 4)
	for _, f := range [...]sessionwarden.Fact{
		{Name: FactBeforeAddress, Value: sessionwarden.Clean(was.AddrText(), maxFact)},
		{Name: FactBeforeCountry, Value: countryFact(was.Location)},
		{Name: FactBeforeASN, Value: asnText(was.Location.ASN)},
		{Name: FactBeforeDevice, Value: sessionwarden.Clean(was.Device, maxFact)},
	} {
		if f.Value != "" {
			facts = append(facts, f)
		}
	}
	return facts
}

// expectedFact is what the owner wrote down.
func expectedFact(a sessionwarden.Account) sessionwarden.Fact {
	return sessionwarden.Fact{Name: FactExpected, Value: join(a.Expected)}
}

// profileCountries is what the account was used from, and profileDevices what
// it was used with lately.
func profileCountries(p sessionwarden.Profile) sessionwarden.Fact {
	return sessionwarden.Fact{Name: FactCountries, Value: join(slices.Sorted(maps.Keys(p.Countries)))}
}

func profileDevices(p sessionwarden.Profile) sessionwarden.Fact {
	return sessionwarden.Fact{Name: FactDevices, Value: sessionwarden.Clean(strings.Join(lately(p.Devices), "; "), maxFact)}
}

// countryFact is a country with where we know it from.
func countryFact(l sessionwarden.Location) string {
	if l.Country == "" {
		return ""
	}
	text := string(l.Country)
	if l.Source != "" {
		text += ", by " + sessionwarden.Clean(l.Source, maxFact)
	}
	if !l.Built.IsZero() {
		text += " of " + l.Built.UTC().Format("2006-01-02")
	}
	return text
}

func asnText(asn uint32) string {
	if asn == 0 {
		return ""
	}
	return "AS" + strconv.FormatUint(uint64(asn), 10)
}

func timeText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func join(countries []sessionwarden.Country) string {
	var b strings.Builder
	for i, country := range countries {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(string(country))
	}
	return b.String()
}
