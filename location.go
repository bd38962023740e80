package sessionwarden

import (
	"strings"
	"time"
)

// Location is what the location data knows of an address.
type Location struct {
	Country Country // "" unknown
	City    string

	HasPoint  bool    // whether Latitude, Longitude and RadiusKM mean anything
	Latitude  float64 // degrees
	Longitude float64 // degrees
	RadiusKM  float64 // where the address really is, in most cases, around the point

	ASN          uint32 // autonomous system number; 0 unknown
	Organization string // who runs it
	Network      NetworkKind
	Tor          bool // an exit of the Tor network: who is behind it cannot be seen
	VPN          bool // a VPN or a proxy: the address tells its exit, not the person

	Source string    // the database that named the country, such as "built-in DBIP-Country-Lite"
	Built  time.Time // when that database was made
}

// NetworkKind says what kind of network an address belongs to.
type NetworkKind uint8

// The kinds of network.
const (
	// UnknownNetwork is the usual case: a residential, mobile or company
	// network, or one that nothing is known of.
	UnknownNetwork NetworkKind = iota
	Hosting                    // a data centre: programs and VPN exits live there, people do not
	Satellite                  // the address tells the ground station, not the place
	Private                    // private, shared (CGNAT), link-local or reserved: it has no place
)

var networkNames = [...]string{"unknown", "hosting", "satellite", "private"}

// String returns unknown, hosting, satellite or private.
func (k NetworkKind) String() string {
	if int(k) < len(networkNames) {
		return networkNames[k]
	}
	return "unknown"
}

// Kind says in a few words what kind of network the address belongs to, such as
// "hosting, Tor exit"; "" where nothing is known of it.
func (l Location) Kind() string {
	words := make([]string, 0, 3)
	if l.Network != UnknownNetwork {
		words = append(words, l.Network.String())
	}
	if l.Tor {
		words = append(words, "Tor exit")
	}
	if l.VPN {
		words = append(words, "VPN")
	}
	return strings.Join(words, ", ")
}

// Placed reports whether the location names a country that can be believed to
// be where the person is: not for private and satellite networks.
func (l Location) Placed() bool {
	return l.Country != "" && l.Network != Private && l.Network != Satellite
}
