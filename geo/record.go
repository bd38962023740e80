package geo

import (
	"math"
	"net/netip"

	"sessionwarden"
)

// answer is what one database says of an address.
type answer struct {
	found   bool // it has a record
	country sessionwarden.Country
	city    string

	hasPoint            bool
	latitude, longitude float64
	radiusKM            float64

	asn          uint32
	organization string

	tor, vpn bool
}

// countryRecord is the part of a Country record that is of use.
type countryRecord struct {
	Country struct {
		Code string `maxminddb:"iso_code"`
	} `maxminddb:"country"`
}

// cityRecord is the part of a City record that is of use.
type cityRecord struct {
	Country struct {
		Code string `maxminddb:"iso_code"`
	} `maxminddb:"country"`
	City struct {
		Names struct {
			English string `maxminddb:"en"`
		} `maxminddb:"names"`
	} `maxminddb:"city"`
	Location struct {
		Latitude  float64 `maxminddb:"latitude"`
		Longitude float64 `maxminddb:"longitude"`
		Radius    uint16  `maxminddb:"accuracy_radius"`
	} `maxminddb:"location"`
}

// networkRecord is an ASN record.
type networkRecord struct {
	Number       uint32 `maxminddb:"autonomous_system_number"`
	Organization string `maxminddb:"autonomous_system_organization"`
}

// anonymizerRecord is the part of an Anonymous-IP or Anonymous-Plus record that
// is of use. That an address is a data centre's is none of it: companies live
// there, too.
type anonymizerRecord struct {
	Tor              bool `maxminddb:"is_tor_exit_node"`
	VPN              bool `maxminddb:"is_anonymous_vpn"`
	PublicProxy      bool `maxminddb:"is_public_proxy"`
	ResidentialProxy bool `maxminddb:"is_residential_proxy"`
}

// ask returns what d says of addr.
func (d *database) ask(addr netip.Addr) (answer, error) {
	switch {
	case d.role == networks:
		return d.askNetwork(addr)
	case d.role == anonymizers:
		return d.askAnonymizer(addr)
	case d.cities:
		return d.askCity(addr)
	}
	return d.askCountry(addr)
}

func (d *database) askNetwork(addr netip.Addr) (answer, error) {
	var r networkRecord
	result := d.reader.Lookup(addr)
	if err := result.Decode(&r); err != nil || !result.Found() {
		return answer{}, err
	}
	return answer{
		found:        true,
		asn:          r.Number,
		organization: sessionwarden.Clean(r.Organization, sessionwarden.MaxText),
	}, nil
}

func (d *database) askAnonymizer(addr netip.Addr) (answer, error) {
	var r anonymizerRecord
	result := d.reader.Lookup(addr)
	if err := result.Decode(&r); err != nil || !result.Found() {
		return answer{}, err
	}
	return answer{found: true, tor: r.Tor, vpn: r.VPN || r.PublicProxy || r.ResidentialProxy}, nil
}

func (d *database) askCountry(addr netip.Addr) (answer, error) {
	var r countryRecord
	result := d.reader.Lookup(addr)
	if err := result.Decode(&r); err != nil || !result.Found() {
		return answer{}, err
	}
	return answer{found: true, country: countryOf(r.Country.Code)}, nil
}

func (d *database) askCity(addr netip.Addr) (answer, error) {
	var r cityRecord
	result := d.reader.Lookup(addr)
	if err := result.Decode(&r); err != nil || !result.Found() {
		return answer{}, err
	}
	a := answer{
		found:   true,
		country: countryOf(r.Country.Code),
		city:    sessionwarden.Clean(r.City.Names.English, sessionwarden.MaxText),
	}
	// A point without a radius, as DB-IP gives it, may be anywhere in the
	// country: it is no better than the country. MaxMind's radius holds for two
	// addresses of three, twice of it for most.
	if p := r.Location; p.Radius > 0 && onEarth(p.Latitude, p.Longitude) {
		a.hasPoint, a.latitude, a.longitude = true, p.Latitude, p.Longitude
		a.radiusKM = 2 * float64(p.Radius)
	}
	return a, nil
}

// onEarth reports whether there is such a place with people. It is false for
// what is no number, and for 0, 0 in the ocean: that is what databases say
// when they know of no point.
func onEarth(latitude, longitude float64) bool {
	return math.Abs(latitude) <= 90 && math.Abs(longitude) <= 180 && (latitude != 0 || longitude != 0)
}

// countryOf returns the country with that code, or "" where there is none:
// databases also have codes for continents and for "nowhere in particular".
func countryOf(code string) sessionwarden.Country {
	if _, ok := countryIndex(sessionwarden.Country(code)); !ok {
		return ""
	}
	return sessionwarden.Country(code)
}
