package geotest

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
)

// Built is the build date of a database where no option says otherwise.
var Built = time.Date(2026, time.June, 1, 0, 0, 0, 0, time.UTC)

// Place is a record of a City database. What is zero is left out of it.
type Place struct {
	Country             string // ISO 3166-1 alpha-2
	City                string
	Latitude, Longitude float64 // both zero: no point
	RadiusKM            uint16
}

// Network is a record of an ASN database. What is zero is left out of it.
type Network struct {
	Number       uint32
	Organization string
}

// Option changes what a database is.
type Option func(*mmdbwriter.Options)

// Type sets the database type, such as "GeoLite2-City".
func Type(name string) Option {
	return func(o *mmdbwriter.Options) { o.DatabaseType = name }
}

// BuiltAt sets the build date.
func BuiltAt(t time.Time) Option {
	return func(o *mmdbwriter.Options) { o.BuildEpoch = t.Unix() }
}

// Country returns a database that gives each prefix its country; the longest
// prefix wins. Its type is DBIP-Country-Lite.
func Country(countries map[string]string, options ...Option) []byte {
	records := make(map[string]mmdbtype.DataType, len(countries))
	for prefix, code := range countries {
		records[prefix] = mmdbtype.Map{"country": countryRecord(code)}
	}
	return Records("DBIP-Country-Lite", records, options...)
}

// City returns a database that gives each prefix its place; the longest prefix
// wins. Its type is GeoIP2-City.
func City(places map[string]Place, options ...Option) []byte {
	records := make(map[string]mmdbtype.DataType, len(places))
	for prefix, p := range places {
		record, point := mmdbtype.Map{}, mmdbtype.Map{}
		if p.Country != "" {
			record["country"] = countryRecord(p.Country)
		}
		if p.City != "" {
			record["city"] = mmdbtype.Map{"names": mmdbtype.Map{"en": mmdbtype.String(p.City)}}
		}
		if p.Latitude != 0 || p.Longitude != 0 {
			point["latitude"], point["longitude"] = mmdbtype.Float64(p.Latitude), mmdbtype.Float64(p.Longitude)
		}
		if p.RadiusKM != 0 {
			point["accuracy_radius"] = mmdbtype.Uint16(p.RadiusKM)
		}
		if len(point) > 0 {
			record["location"] = point
		}
		records[prefix] = record
	}
	return Records("GeoIP2-City", records, options...)
}

// ASN returns a database that gives each prefix its network; the longest
// prefix wins. Its type is DBIP-ASN-Lite (compat=GeoLite2-ASN).
func ASN(networks map[string]Network, options ...Option) []byte {
	records := make(map[string]mmdbtype.DataType, len(networks))
	for prefix, n := range networks {
		record := mmdbtype.Map{}
		if n.Number != 0 {
			record["autonomous_system_number"] = mmdbtype.Uint32(n.Number)
		}
		if n.Organization != "" {
			record["autonomous_system_organization"] = mmdbtype.String(n.Organization)
		}
		records[prefix] = record
	}
	return Records("DBIP-ASN-Lite (compat=GeoLite2-ASN)", records, options...)
}

// countryRecord returns the part of a record that names the country.
func countryRecord(code string) mmdbtype.Map {
	return mmdbtype.Map{"iso_code": mmdbtype.String(code)}
}

// Records returns a database of any type with any records: for those that no
// reader expects.
func Records(kind string, records map[string]mmdbtype.DataType, options ...Option) []byte {
	o := mmdbwriter.Options{
		BuildEpoch:              Built.Unix(),
		DatabaseType:            kind,
		Description:             map[string]string{"en": "made for a test"},
		Languages:               []string{"en"},
		IncludeReservedNetworks: true,
		IPVersion:               6,
		RecordSize:              24,
	}
	for _, option := range options {
		option(&o)
	}
	tree, err := mmdbwriter.New(o)
	if err != nil {
		panic(fmt.Sprintf("geotest: starting a database: %v", err))
	}
	prefixes := make(map[netip.Prefix]mmdbtype.DataType, len(records))
	for text, record := range records {
		prefixes[netip.MustParsePrefix(text).Masked()] = record
	}
	// Short prefixes first, so that a longer one replaces its part of them.
	for _, p := range slices.SortedFunc(maps.Keys(prefixes), func(a, b netip.Prefix) int {
		return cmp.Or(cmp.Compare(a.Bits(), b.Bits()), strings.Compare(a.String(), b.String()))
	}) {
		network := &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
		if err := tree.Insert(network, prefixes[p]); err != nil {
			panic(fmt.Sprintf("geotest: writing %s: %v", p, err))
		}
	}
	var b bytes.Buffer
	if _, err := tree.WriteTo(&b); err != nil {
		panic(fmt.Sprintf("geotest: writing a database: %v", err))
	}
	return b.Bytes()
}
