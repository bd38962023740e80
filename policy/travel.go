package policy

import (
	"math"
	"strconv"
	"time"

	"sessionwarden"
)

const (
	// airport is what a journey takes beside the way itself.
	airport = 30 * time.Minute
	// nearby is the distance in kilometres up to which nobody speaks of a
	// journey: location data is wrong by that much, above all for phones.
	nearby = 300
	// farthest is half of the way around the earth.
	farthest = 20_038
)

// travelRules ask whether one person can have been in two places. Each sign of
// use is held against each other that is near in time: a session that goes on, or
// one that ended lately. impossible_travel speaks where it may be one device or
// one session after the other; concurrent_countries where two sessions on two
// devices are used at the same time.
//
// A place counts only where it is a person's: an address of a hosting, VPN, Tor,
// satellite or private network tells an exit. Sessions that the rules have
// found fault with, or that we ended, vouch for nobody's whereabouts. Within one
// country only a new session on the same device is a journey: the addresses of a
// carrier lie wherever its exits do, so a phone that goes out of the house, or is
// used beside a computer, seems to fly.
func (j *judgement) travelRules() {
	c, s := &j.c, &j.c.Sighting
	both := [...]sessionwarden.Rule{sessionwarden.ImpossibleTravel, sessionwarden.ConcurrentCountries}
	switch {
	case c.First || s.Baseline && c.Before == nil:
		j.abstain("it was there at the first poll: nobody knows when it was used where", both[:]...)
	case s.Ownership == sessionwarden.Own:
		j.abstain("it is the watch's own session", both[:]...)
	case c.Relocated:
		j.abstain("only our location data changed: that is no journey", both[:]...)
	case c.Account.MaxSpeed <= 0:
		j.abstain("max_speed_kmh is 0: no journey is impossible", both[:]...)
	case !tells(s):
		j.abstain(tellsNot(s), both[:]...)
	default:
		j.travel()
	}
}

// travel looks for the most impossible journeys to the judged sighting.
func (j *judgement) travel() {
	c, s := &j.c, &j.c.Sighting
	var travel, concurrent journey
	if c.Before != nil && c.Before.Location.Country != s.Location.Country {
		travel.longer(c.journey(c.Before))
	}
	for i := range c.Live {
		w := &c.Live[i]
		if w.Seq == s.Seq || w.Ownership.Untouchable() || c.Before != nil && w.Seq == c.Before.Seq {
			continue
		}
		switch twoDevices := w.Device != "" && s.Device != "" && w.Device != s.Device && w.Missing.IsZero() && !c.Late; {
		case !twoDevices:
			travel.longer(c.journey(w))
		case w.Location.Country != s.Location.Country:
			concurrent.longer(c.journey(w))
		}
	}
	for i := range c.Recent {
		if w := &c.Recent[i]; w.Seq != s.Seq && !w.Ownership.Untouchable() {
			travel.longer(c.journey(w))
		}
	}
	for _, found := range [...]struct {
		rule sessionwarden.Rule
		way  journey
	}{{sessionwarden.ImpossibleTravel, travel}, {sessionwarden.ConcurrentCountries, concurrent}} {
		switch {
		case !j.asks(found.rule):
		case found.way.from == nil:
			j.silent(found.rule, noJourney)
		case found.rule == sessionwarden.ImpossibleTravel && j.vouchedPlace():
			j.silent(found.rule, j.speaker.why())
		default:
			j.record(j.says(found.rule, found.way.reason(c, found.rule), trustLine(c, found.rule), found.way.facts(c)...))
		}
	}
}

const noJourney = "nothing that the account was used from lately is farther away than one can travel in the time between, or nothing tells where that was"

// tells reports whether the place of s is that of the person who uses it.
func tells(s *sessionwarden.Sighting) bool {
	return placed(s.Location) != "" && s.Location.Network == sessionwarden.UnknownNetwork && !s.Location.Tor && !s.Location.VPN
}

// tellsNot says why the place of s is not that of the person who uses it.
func tellsNot(s *sessionwarden.Sighting) string {
	l, kind := &s.Location, ""
	switch {
	case l.Tor:
		kind = "is an exit of Tor"
	case l.VPN:
		kind = "is of a VPN"
	case l.Network == sessionwarden.Hosting:
		kind = "is in a hosting network"
	case l.Network == sessionwarden.Satellite:
		kind = "is of a satellite network"
	default:
		return "our location data knows no place for its address"
	}
	return "its address " + kind + ": whoever uses it may sit anywhere, so no journey can be told from it"
}

// journey is the way between two signs of use, where nobody could have made it.
type journey struct {
	from *sessionwarden.Sighting
	km   float64       // as the crow flies, at least
	in   time.Duration // between the two
	need time.Duration // what a traveller takes at least
}

// longer keeps the more impossible of two journeys.
func (y *journey) longer(other journey) {
	if other.from != nil && (y.from == nil || other.need-other.in > y.need-y.in) {
		*y = other
	}
}

// journey returns the way from the last use of w to that of the judged sighting;
// its from is nil where it can be made, or where nobody can say.
func (c *Case) journey(w *sessionwarden.Sighting) (y journey) {
	s := &c.Sighting
	if w.Location.Country == s.Location.Country && !points(w, s) {
		return y
	}
	y.in = s.Used().Sub(w.Used()).Abs()
	if y.in > c.travelTime(farthest) || !tells(w) || !clean(w) || !w.EndedAt.IsZero() || w.Account != s.Account ||
		sessionwarden.SamePlace(w.Addr, s.Addr) || w.Location.ASN == s.Location.ASN && s.Location.ASN != 0 {
		return journey{}
	}
	y.km = c.distance(w, s)
	if y.km < nearby {
		return journey{}
	}
	if y.need = c.travelTime(y.km); y.in < y.need {
		y.from = w
	}
	return y
}

// travelTime is what a traveller takes for so many kilometres at least.
func (c *Case) travelTime(km float64) time.Duration {
	return time.Duration(km/float64(c.Account.MaxSpeed)*float64(time.Hour)) + airport
}

// points reports whether both places are points with a radius.
func points(a, b *sessionwarden.Sighting) bool { return isPoint(a.Location) && isPoint(b.Location) }

func isPoint(l sessionwarden.Location) bool { return l.HasPoint && l.RadiusKM > 0 }

// distance returns how far two places are from each other at least, in
// kilometres; 0 where nobody can say. Two points are as far as the way between
// them less both radii; countries as far as their borders, which two points in
// them cannot be nearer than.
func (c *Case) distance(a, b *sessionwarden.Sighting) float64 {
	km := 0.0
	if c.Distance != nil {
		if least, known := c.Distance(a.Location.Country, b.Location.Country); known {
			km = least
		}
	}
	if !points(a, b) {
		return km
	}
	return math.Max(0, crow(a.Location, b.Location)-a.Location.RadiusKM-b.Location.RadiusKM)
}

// crow is the great-circle distance of two points in kilometres.
func crow(a, b sessionwarden.Location) float64 {
	const radius, degree = 6371, math.Pi / 180
	sinLat := math.Sin((b.Latitude - a.Latitude) * degree / 2)
	sinLon := math.Sin((b.Longitude - a.Longitude) * degree / 2)
	h := sinLat*sinLat + math.Cos(a.Latitude*degree)*math.Cos(b.Latitude*degree)*sinLon*sinLon
	return 2 * radius * math.Asin(math.Sqrt(math.Min(1, h)))
}

func (y journey) reason(c *Case, rule sessionwarden.Rule) string {
	between := "within " + spanText(y.in)
	if y.in < time.Minute {
		between = "at the same time"
	}
	text := "Used from " + whereText(c.Sighting.Location) + " and from " + whereText(y.from.Location) + " " + between +
		": at least " + strconv.Itoa(int(y.km)) + " km, for which a traveller takes " + spanText(y.need) + "."
	switch {
	case rule == sessionwarden.ConcurrentCountries:
		text = "Two sessions in far countries are used at once: " + deviceText(c.Sighting.Device) + " in " + whereText(c.Sighting.Location) + " and " +
			deviceText(y.from.Device) + " in " + whereText(y.from.Location) + ", " + between + " and at least " + strconv.Itoa(int(y.km)) + " km apart."
	case c.Sighting.Device != "" && c.Sighting.Device == y.from.Device:
		text += " The device is of the same kind: a VPN that was switched on looks like this, and so does a copied cookie."
	}
	return text
}

func (y journey) facts(c *Case) []sessionwarden.Fact {
	return append(beforeFacts(y.from),
		sessionwarden.Fact{Name: FactDistance, Value: strconv.Itoa(int(y.km)) + " km"},
		sessionwarden.Fact{Name: FactBetween, Value: y.in.Round(time.Second).String()},
		sessionwarden.Fact{Name: FactMaxSpeed, Value: strconv.Itoa(c.Account.MaxSpeed) + " km/h"},
	)
}

// spanText is a duration as people say it.
func spanText(d time.Duration) string {
	minutes := int(d.Round(time.Minute).Minutes())
	switch {
	case d < time.Minute:
		return strconv.Itoa(int(d.Seconds())) + " seconds"
	case minutes < 120:
		return strconv.Itoa(minutes) + " minutes"
	case minutes < 48*60:
		return strconv.Itoa((minutes+30)/60) + " hours"
	}
	return strconv.Itoa((minutes+12*60)/(24*60)) + " days"
}
