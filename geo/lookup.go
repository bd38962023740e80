package geo

import (
	"net/netip"

	"sessionwarden"
)

// Lookup returns what is known of addr. It takes no locks. An address inside
// another (IPv4 mapped into IPv6, or translated by NAT64) is judged as itself,
// and a zone means nothing.
//
// An address that is private, shared by carriers, link-local or reserved has
// Network [sessionwarden.Private] and no place, whatever a file says. Addresses
// set aside for documentation are like those, unless a file has a record for
// them. What is no address, or unknown to all data, has no country.
func (l *Locator) Lookup(addr netip.Addr) sessionwarden.Location {
	addr = plain(addr)
	nature := natureOf(addr)
	switch nature {
	case noAddress:
		return sessionwarden.Location{}
	case placeless:
		return sessionwarden.Location{Network: sessionwarden.Private}
	}
	s := l.current.Load()
	place, from := l.first(s.databases[countries], addr)
	owner, _ := l.first(s.databases[networks], addr)
	tor, vpn := l.hides(s, addr, owner.asn)
	if nature == documentation && !place.found && !owner.found && !tor && !vpn {
		return sessionwarden.Location{Network: sessionwarden.Private}
	}
	return sessionwarden.Location{
		Country: place.country, City: place.city,
		HasPoint: place.hasPoint, Latitude: place.latitude, Longitude: place.longitude, RadiusKM: place.radiusKM,
		ASN: owner.asn, Organization: owner.organization, Network: l.kinds[owner.asn], Tor: tor, VPN: vpn,
		Source: from.source, Built: from.built,
	}
}

// hides reports whether addr is an exit of Tor, or a VPN, by the lists or the
// database that the owner named.
func (l *Locator) hides(s *snapshot, addr netip.Addr, asn uint32) (tor, vpn bool) {
	tor, vpn = s.lists[torExits].has(addr, asn), s.lists[vpnNetworks].has(addr, asn)
	for _, d := range s.databases[anonymizers] {
		a, err := d.ask(addr)
		if err != nil {
			l.metrics.broken.Inc()
			continue
		}
		tor, vpn = tor || a.tor, vpn || a.vpn
	}
	return tor, vpn
}

// first asks one database after the other until one names a country, or a
// network where that is their role. Where none has, it returns what the first that has a record said, or
// nothing in the name of the first database.
func (l *Locator) first(databases []*database, addr netip.Addr) (answer, *database) {
	best, from := answer{}, databases[0]
	for _, d := range databases {
		a, err := d.ask(addr)
		if err != nil {
			l.metrics.broken.Inc()
			continue
		}
		if a.country != "" || a.asn != 0 {
			return a, d
		}
		if a.found && !best.found {
			best, from = a, d
		}
	}
	return best, from
}
