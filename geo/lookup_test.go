package geo_test

import (
	"math"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/maxmind/mmdbwriter/mmdbtype"

	"sessionwarden"
	"sessionwarden/geo"
	"sessionwarden/geo/geotest"
)

// on is a day on which the built-in data is fresh.
var on = time.Date(2026, time.July, 1, 12, 0, 0, 0, time.UTC)

// open opens a locator that is closed with the test.
func open(t testing.TB, o geo.Options) *geo.Locator {
	t.Helper()
	if o.Now == nil {
		o.Now = func() time.Time { return on }
	}
	l, err := geo.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// put writes a file that did not look like that before and returns its path.
func put(t testing.TB, content []byte, path ...string) string {
	t.Helper()
	name := filepath.Join(path...)
	beside := name + ".beside"
	if err := os.WriteFile(beside, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(beside, name); err != nil {
		t.Fatal(err)
	}
	return name
}

// at looks up an address that is written out; "" is the address that is none.
func at(l *geo.Locator, addr string) sessionwarden.Location {
	if addr == "" {
		return l.Lookup(netip.Addr{})
	}
	return l.Lookup(netip.MustParseAddr(addr))
}

func TestAddressesWithoutAPlace(t *testing.T) {
	t.Parallel()
	// A file that knows a country for all that has none.
	everywhere := make(map[string]string)
	for _, prefix := range []string{
		"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/16",
		"192.88.99.0/24", "192.168.0.0/16", "198.16.0.0/12", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3",
		"100::/16", "2001:2::/48", "2001:20::/28", "2001:db8::/32", "3fff::/20", "4000::/2", "fc00::/7", "fe80::/9", "ff00::/8",
	} {
		everywhere[prefix] = "FR"
	}
	lying := open(t, geo.Options{Database: put(t, geotest.Country(everywhere), t.TempDir(), "special.mmdb")})
	if failed := lying.Status().Failed; failed != "" {
		t.Fatal(failed)
	}
	builtin := open(t, geo.Options{})

	private := sessionwarden.Location{Network: sessionwarden.Private}
	for _, test := range []struct {
		what, addr string
		want       sessionwarden.Location
	}{
		{"no address", "", sessionwarden.Location{}},
		{"this network", "0.0.0.0", private},
		{"private", "10.1.2.3", private},
		{"private", "172.16.0.1", private},
		{"the last private one", "172.31.255.255", private},
		{"private", "192.168.1.1", private},
		{"shared by carriers", "100.64.0.1", private},
		{"the last shared one", "100.127.255.255", private},
		{"loopback", "127.0.0.1", private},
		{"link-local", "169.254.1.1", private},
		{"protocols", "192.0.0.8", private},
		{"dead relays", "192.88.99.1", private},
		{"benchmarks", "198.19.0.1", private},
		{"multicast", "224.0.0.1", private},
		{"reserved", "240.0.0.1", private},
		{"broadcast", "255.255.255.255", private},
		{"IPv6 unspecified", "::", private},
		{"IPv6 loopback", "::1", private},
		{"IPv6 private", "fd00::1", private},
		{"IPv6 link-local", "fe80::1", private},
		{"IPv6 link-local with a zone", "fe80::1%eth0", private},
		{"IPv6 multicast", "ff02::1", private},
		{"IPv6 site-local", "fec0::1", private},
		{"IPv6 discard", "100::1", private},
		{"IPv6 benchmarks", "2001:2::1", private},
		{"IPv6 identifier", "2001:20::1", private},
		{"IPv6 never given out", "4000::1", private},
		{"NAT64 of a local kind", "64:ff9b:1::808:808", private},
		{"a private one mapped into IPv6", "::ffff:192.168.1.1", private},
		{"a private one translated by NAT64", "64:ff9b::10.0.0.1", private},
	} {
		if diff := cmp.Diff(test.want, at(builtin, test.addr)); diff != "" {
			t.Errorf("%s, %q, built-in data (-want +got):\n%s", test.what, test.addr, diff)
		}
		if diff := cmp.Diff(test.want, at(lying, test.addr)); diff != "" {
			t.Errorf("%s, %q, a file that knows better (-want +got):\n%s", test.what, test.addr, diff)
		}
	}
	// Examples are placeless until a file has them.
	for _, addr := range []string{"192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff::1", "::ffff:203.0.113.1", "64:ff9b::203.0.113.1"} {
		if diff := cmp.Diff(private, at(builtin, addr)); diff != "" {
			t.Errorf("%s, built-in data (-want +got):\n%s", addr, diff)
		}
		if got := at(lying, addr); got.Country != "FR" || got.Network == sessionwarden.Private {
			t.Errorf("%s is in the file as FR, but the answer is %+v", addr, got)
		}
	}
}

func TestOneAddressInManyForms(t *testing.T) {
	t.Parallel()
	l := open(t, geo.Options{})
	want := at(l, "8.8.8.8")
	if want.Country != "US" {
		t.Fatalf("8.8.8.8 is in %q", want.Country)
	}
	for _, form := range []string{"::ffff:8.8.8.8", "::ffff:8.8.8.8%eth0", "64:ff9b::8.8.8.8", "64:ff9b::8.8.8.8%1"} {
		if diff := cmp.Diff(want, at(l, form)); diff != "" {
			t.Errorf("%s is 8.8.8.8 (-want +got):\n%s", form, diff)
		}
	}
}

// The records of the file that TestReading looks into.
var cities = map[string]geotest.Place{
	"203.0.113.0/26":   {Country: "DE", City: "Bonn", Latitude: 50.7, Longitude: 7.1, RadiusKM: 20},
	"203.0.113.64/26":  {Country: "AT", City: "Linz", Latitude: 48.3, Longitude: 14.3},
	"203.0.113.128/26": {Country: "EU"},
	"203.0.113.192/28": {Country: "CH", Latitude: 147, Longitude: 8, RadiusKM: 5},
	"203.0.113.208/28": {Country: "CH", Latitude: math.NaN(), Longitude: 8, RadiusKM: 5},
	"203.0.113.224/28": {Country: "ch", City: "Z\x1b[31mrich\u202e"},
	"203.0.113.240/28": {City: "Nowhere"},
	"8.8.8.0/24":       {City: "Springfield"},
	"2001:db8:1::/48":  {Country: "XK", City: "Prizren", Latitude: 42.2, Longitude: 20.7, RadiusKM: 1000},
}

func TestReading(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := put(t, geotest.City(cities), dir, "City.mmdb")
	asn := put(t, geotest.ASN(map[string]geotest.Network{
		"203.0.113.0/26":  {Number: 64500, Organization: "Example\u200b  Broadband\n"},
		"203.0.113.64/26": {Number: 24940, Organization: "a hosting network"},
		"198.51.100.0/24": {Number: 14593, Organization: "a satellite network"},
		"2001:db8:2::/48": {Organization: "no number"},
	}), dir, "Networks.mmdb")
	l := open(t, geo.Options{Database: path, ASNDatabase: asn})
	const source = "City.mmdb (GeoIP2-City)"

	for _, test := range []struct {
		what, addr string
		want       sessionwarden.Location
	}{
		{"a point's radius is doubled", "203.0.113.1", sessionwarden.Location{
			Country: "DE", City: "Bonn", HasPoint: true, Latitude: 50.7, Longitude: 7.1, RadiusKM: 40,
			ASN: 64500, Organization: "Example Broadband", Source: source, Built: geotest.Built,
		}},
		{"a point without a radius is none", "203.0.113.65", sessionwarden.Location{
			Country: "AT", City: "Linz", ASN: 24940, Organization: "a hosting network",
			Network: sessionwarden.Hosting, Source: source, Built: geotest.Built,
		}},
		{"a continent is no country", "203.0.113.129", sessionwarden.Location{Source: source, Built: geotest.Built}},
		{"a point off the earth is none", "203.0.113.193", sessionwarden.Location{Country: "CH", Source: source, Built: geotest.Built}},
		{"a point that is no number is none", "203.0.113.209", sessionwarden.Location{Country: "CH", Source: source, Built: geotest.Built}},
		{"a code in small letters is no country, a hostile name is cleaned", "203.0.113.225", sessionwarden.Location{
			City: "Z[31mrich", Source: source, Built: geotest.Built,
		}},
		{"a city without a country", "203.0.113.241", sessionwarden.Location{City: "Nowhere", Source: source, Built: geotest.Built}},
		{"IPv6", "2001:db8:1::7", sessionwarden.Location{
			Country: "XK", City: "Prizren", HasPoint: true, Latitude: 42.2, Longitude: 20.7, RadiusKM: 2000,
			Source: source, Built: geotest.Built,
		}},
		{"only the network is known, and it is a satellite one", "198.51.100.1", sessionwarden.Location{
			ASN: 14593, Organization: "a satellite network", Network: sessionwarden.Satellite, Source: source, Built: geotest.Built,
		}},
		{"a network without a number", "2001:db8:2::1", sessionwarden.Location{
			Organization: "no number", Source: source, Built: geotest.Built,
		}},
	} {
		if diff := cmp.Diff(test.want, at(l, test.addr)); diff != "" {
			t.Errorf("%s: %s (-want +got):\n%s", test.what, test.addr, diff)
		}
	}

	builtin := at(open(t, geo.Options{}), "8.8.8.8")
	if diff := cmp.Diff(builtin, at(l, "8.8.8.8")); diff != "" {
		t.Errorf("a file that names no country leaves it to the built-in data (-want +got):\n%s", diff)
	}
	if got := at(l, "129.132.1.1"); got.Country != "CH" || got.Source != "built-in DBIP-Country-Lite" || got.ASN != 559 {
		t.Errorf("what no file has is asked of the built-in data, but the answer is %+v", got)
	}
}

func TestCityDataOfDBIPHasNoPoint(t *testing.T) {
	t.Parallel()
	db := geotest.City(map[string]geotest.Place{
		"203.0.113.0/24": {Country: "DE", City: "Bonn", Latitude: 50.7, Longitude: 7.1},
	}, geotest.Type("DBIP-City-Lite"))
	l := open(t, geo.Options{Database: put(t, db, t.TempDir(), "dbip-city-lite.mmdb")})
	want := sessionwarden.Location{
		Country: "DE", City: "Bonn", Source: "dbip-city-lite.mmdb (DBIP-City-Lite)", Built: geotest.Built,
	}
	if diff := cmp.Diff(want, at(l, "203.0.113.9")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestCoordinatesMayBeOfEitherSize(t *testing.T) {
	t.Parallel()
	record := mmdbtype.Map{
		"country": mmdbtype.Map{"iso_code": mmdbtype.String("DE")},
		"location": mmdbtype.Map{
			"latitude": mmdbtype.Float32(50.5), "longitude": mmdbtype.Float32(7.25), "accuracy_radius": mmdbtype.Uint16(10),
		},
	}
	db := geotest.Records("DBIP-City-Lite", map[string]mmdbtype.DataType{"203.0.113.0/24": record})
	got := at(open(t, geo.Options{Database: put(t, db, t.TempDir(), "small.mmdb")}), "203.0.113.9")
	if !got.HasPoint || got.Latitude != 50.5 || got.Longitude != 7.25 || got.RadiusKM != 20 {
		t.Errorf("the point is %+v", got)
	}
}

func TestARecordThatCannotBeReadIsAskedOfTheBuiltInData(t *testing.T) {
	t.Parallel()
	records := map[string]mmdbtype.DataType{
		"8.8.8.0/24": mmdbtype.Map{"country": mmdbtype.String("not a map")},
	}
	// Enough good records before it that the test at loading does not see it.
	good := mmdbtype.Map{"country": mmdbtype.Map{"iso_code": mmdbtype.String("FR")}}
	for i := range 128 {
		p := netip.PrefixFrom(netip.AddrFrom4([4]byte{1, byte(2 * i), 0, 0}), 16)
		records[p.String()] = good
	}
	db := geotest.Records("DBIP-Country-Lite", records)
	l := open(t, geo.Options{Database: put(t, db, t.TempDir(), "odd.mmdb")})
	if failed := l.Status().Failed; failed == "" {
		t.Error("a file with an unreadable landmark was taken")
	}
	records["8.8.4.0/24"] = records["8.8.8.0/24"]
	delete(records, "8.8.8.0/24")
	l = open(t, geo.Options{Database: put(t, geotest.Records("DBIP-Country-Lite", records), t.TempDir(), "odd.mmdb")})
	if failed := l.Status().Failed; failed != "" {
		t.Fatal(failed)
	}
	if got := at(l, "8.8.4.4"); got.Country != "US" || got.Source != "built-in DBIP-Country-Lite" {
		t.Errorf("the answer is %+v", got)
	}
}
