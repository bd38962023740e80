package lives

import (
	"fmt"
	"net/netip"
	"time"

	"sessionwarden"
)

// Where things are, and how far from UTC, is invented, but for the countries.
// Addresses are documentation ranges.

// start is when each life begins to be watched: a Monday. Summer time begins in
// Europe on its fourth Sunday.
var start = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)

// built is when the location data was made.
var built = start.AddDate(0, -1, 0)

// place is an address, where our location data puts it, and what the service
// says of it.
type place struct {
	addr netip.Addr
	loc  sessionwarden.Location
	says sessionwarden.Country // "" says nothing
}

// net4 is a place in a network of which the location data knows the country.
func net4(n byte, country sessionwarden.Country, asn uint32, organization string) place {
	return place{
		addr: netip.AddrFrom4([4]byte{203, 0, 113, n}), says: country,
		loc: sessionwarden.Location{Country: country, ASN: asn, Organization: organization, Source: "built-in", Built: built},
	}
}

// Everyday networks.
var (
	homeDE    = net4(1, "DE", 64500, "Home Net DE")
	homeDE2   = net4(2, "DE", 64501, "Cable DE")
	officeDE  = net4(3, "DE", 64502, "Office DE")
	mobileDE  = net4(4, "DE", 64503, "Mobile One DE")
	mobileDE2 = net4(5, "DE", 64504, "Mobile Two DE")
	trainDE   = net4(6, "DE", 64505, "Train Wi-Fi DE")
	cafeDE    = net4(7, "DE", 64506, "Café Wi-Fi DE")
	otherDE   = net4(8, "DE", 64507, "Residential DE")
	homeAT    = net4(20, "AT", 64510, "Home Net AT")
	officeAT  = net4(21, "AT", 64511, "Office AT")
	homeUS    = net4(22, "US", 64512, "Home Net US")
	hotelES   = net4(23, "ES", 64513, "Hotel ES")
	mobileES  = net4(24, "ES", 64514, "Mobile ES")
	hotelJP   = net4(25, "JP", 64515, "Hotel JP")
	hotelUS   = net4(26, "US", 64516, "Hotel US")
	hotelFR   = net4(27, "FR", 64517, "Hotel FR")
	hotelGB   = net4(28, "GB", 64518, "Hotel GB")
	hotelIT   = net4(29, "IT", 64519, "Hotel IT")
	hotelPL   = net4(30, "PL", 64520, "Hotel PL")
	homeVN    = net4(40, "VN", 64530, "Residential VN")
	homeBR    = net4(41, "BR", 64531, "Residential BR")
	homeID    = net4(42, "ID", 64532, "Residential ID")
	homeUA    = net4(43, "UA", 64533, "Residential UA")
	homeNL    = net4(44, "NL", 64534, "Residential NL")
)

// Networks of another kind.
var (
	hostUS  = kind(net4(60, "US", 64540, "Cloud One"), sessionwarden.Hosting)
	hostNL  = kind(net4(61, "NL", 64541, "Cloud Two"), sessionwarden.Hosting)
	hostSG  = kind(net4(63, "SG", 64543, "Cloud Four"), sessionwarden.Hosting)
	vpnDE   = vpn(kind(net4(64, "DE", 64544, "VPN House"), sessionwarden.Hosting))
	vpnSE   = vpn(net4(65, "SE", 64545, "VPN Ring"))
	torNL   = tor(net4(66, "NL", 64546, "Exit Friends"))
	skyUS   = kind(net4(67, "US", 64547, "Sky Net"), sessionwarden.Satellite)
	skyDE   = kind(net4(68, "DE", 64547, "Sky Net"), sessionwarden.Satellite)
	nowhere = place{addr: netip.AddrFrom4([4]byte{203, 0, 113, 69}), loc: sessionwarden.Location{Source: "built-in", Built: built}}
	inside  = place{addr: netip.AddrFrom4([4]byte{10, 0, 0, 5}), loc: sessionwarden.Location{Network: sessionwarden.Private, Built: built}}
)

func kind(p place, k sessionwarden.NetworkKind) place {
	p.loc.Network = k
	return p
}

func vpn(p place) place {
	p.loc.VPN = true
	return p
}

func tor(p place) place {
	p.loc.Tor = true
	return p
}

// called is a place that the service puts into another country.
func called(p place, says sessionwarden.Country) place {
	p.says = says
	return p
}

// in is a place of which the location data knows the town.
func in(p place, t town) place {
	p.loc.City, p.loc.HasPoint = t.name, true
	p.loc.Latitude, p.loc.Longitude, p.loc.RadiusKM = t.latitude, t.longitude, t.radius
	p.loc.Source = "GeoLite2-City"
	return p
}

// town is a point with its radius, as location files give it.
type town struct {
	name                string
	latitude, longitude float64
	radius              float64 // kilometres
}

var (
	hamburg   = town{"Hamburg", 53.55, 10, 40}
	berlin    = town{"Berlin", 52.52, 13.4, 40}
	frankfurt = town{"Frankfurt", 50.11, 8.68, 100}
	munich    = town{"Munich", 48.14, 11.58, 40}
	kassel    = town{"Kassel", 51.31, 9.5, 100}
)

// host is another address of the same network.
func host(p place, n byte) place {
	p.addr = netip.AddrFrom4([4]byte{198, 51, 100, n})
	return p
}

// six is an IPv6 address of the same network: one of many in a /64.
func six(p place, net64, n uint16) place {
	p.addr = netip.MustParseAddr(fmt.Sprintf("2001:db8:%x:%x::%x", p.loc.ASN-64000, net64, n))
	return p
}

// User agents.
const (
	chromeWindows  = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
	chromeWindows2 = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/132.0.0.0 Safari/537.36"
	firefoxWindows = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:133.0) Gecko/20100101 Firefox/133.0"
	firefoxLinux   = "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0"
	chromeAndroid  = "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36"
	safariIPhone   = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1"
	safariMac      = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15"
	edgeWindows    = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0"
	pythonScript   = "python-requests/2.32.3"
)
