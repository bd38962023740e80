package main

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/maxmind/mmdbwriter/mmdbtype"
	"github.com/oschwald/geoip2-golang/v2"

	"sessionwarden/geo/geotest"
)

var germany = map[string]name{"DE": {country: "Germany", continentCode: "EU", continent: "Europe"}}

func blocks(t *testing.T, codes map[string]string) *tarball {
	t.Helper()
	records := make(map[string]mmdbtype.DataType)
	for prefix, code := range codes {
		records[prefix] = mmdbtype.Map{"country_code": mmdbtype.String(code)}
	}
	return pack(t, map[string]string{"dbip-country.mmdb": string(geotest.Records("country ipvAll", records))})
}

func TestCountriesAreConverted(t *testing.T) {
	t.Parallel()
	source := blocks(t, map[string]string{"8.0.0.0/8": "DE", "192.168.0.0/16": "DE", "203.0.112.0/22": "DE", "2a00::/16": "DE"})
	made, err := makeCountries(source, germany)
	if err != nil {
		t.Fatal(err)
	}
	again, err := makeCountries(source, germany)
	if err != nil || !bytes.Equal(made, again) {
		t.Errorf("the same blocks twice are not the same bytes, %v", err)
	}
	r, err := geoip2.OpenBytes(made)
	if err != nil {
		t.Fatal(err)
	}
	if m := r.Metadata(); m.DatabaseType != "DBIP-Country-Lite" || !m.BuildTime().Equal(geotest.Built) || m.RecordSize != 24 || m.Description["en"] == "" {
		t.Errorf("it says of itself: %+v", m)
	}
	for addr, known := range map[string]bool{
		"8.8.8.8": true, "203.0.112.1": true, "2a00::1": true, "::ffff:8.8.8.8": true,
		"192.168.1.1": false, "203.0.113.1": false, "9.9.9.9": false,
	} {
		c, err := r.Country(netip.MustParseAddr(addr))
		if err != nil || c.HasData() != known {
			t.Errorf("%s: known %v, expected %v, %v", addr, c.HasData(), known, err)
			continue
		}
		if known && (c.Country.ISOCode != "DE" || c.Country.Names.English != "Germany" || c.Continent.Code != "EU" || c.Continent.Names.English != "Europe") {
			t.Errorf("%s is %+v", addr, c)
		}
	}
	_, err = makeCountries(blocks(t, map[string]string{"8.0.0.0/8": "QQ"}), germany)
	fails(t, "no country", err, `is of "QQ", which is no country`)
	_, err = makeCountries(pack(t, map[string]string{"dbip-country.mmdb": "bad"}), germany)
	fails(t, "no database", err, "opening the country blocks")
}

func TestNetworksAreConverted(t *testing.T) {
	t.Parallel()
	good := map[string]string{
		"asn-ipv4.csv": "8.8.8.0,8.8.9.255,64500,\"Example, Inc.\"\n10.0.0.0,10.0.0.255,64501,Private\n9.9.9.0,9.9.9.2,64502,\n",
		"asn-ipv6.csv": "2a00::,2a00:0:ffff:ffff:ffff:ffff:ffff:ffff,64503,Six\n",
	}
	made, err := makeNetworks(pack(t, good))
	if err != nil {
		t.Fatal(err)
	}
	r, err := geoip2.OpenBytes(made)
	if err != nil {
		t.Fatal(err)
	}
	for addr, want := range map[string]string{
		"8.8.8.8": "64500 Example, Inc.", "8.8.9.9": "64500 Example, Inc.", "8.8.10.1": "0 ", "10.0.0.1": "0 ",
		"9.9.9.2": "64502 ", "9.9.9.3": "0 ", "2a00::1": "64503 Six",
	} {
		n, err := r.ASN(netip.MustParseAddr(addr))
		if got := fmt.Sprintf("%d %s", n.AutonomousSystemNumber, n.AutonomousSystemOrganization); err != nil || got != want {
			t.Errorf("%s belongs to %q, expected %q, %v", addr, got, want, err)
		}
	}
	for row, words := range map[string]string{
		"8.8.8.0,8.8.9.255,64500\n":            "wrong number of fields",
		"8.8.8.0,8.8.9.255,64500,A\nx,y,1,B\n": "line 2",
		"8.8.8.0,nowhere,64500,A\n":            "line 1",
		"8.8.8.0,8.8.9.255,many,A\n":           "line 1",
	} {
		_, err := makeNetworks(pack(t, map[string]string{"asn-ipv4.csv": row, "asn-ipv6.csv": ""}))
		fails(t, row, err, "reading asn-ipv4.csv", words)
	}
}

func TestCompareMarksWhatIsAbsurd(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "country.mmdb")
	old := geotest.Country(map[string]string{"8.0.0.0/16": "DE", "9.0.0.0/16": "AT", "11.0.0.0/16": "CH", "2a00::/16": "DE"})
	if err := os.WriteFile(path, old, 0o600); err != nil {
		t.Fatal(err)
	}
	var report bytes.Buffer
	now := geotest.Country(map[string]string{"8.0.0.0/15": "DE", "9.0.0.0/16": "AT", "9.1.0.0/18": "AT", "11.0.0.0/16": "CH", "12.0.0.0/24": "FR"})
	if err := compare(&report, path, now); err != nil {
		t.Fatal(err)
	}
	want := "AT  65536 -> 81920 addresses\nDE  65536 -> 131072 addresses\nFR  0 -> 256 addresses  LOOK AT THIS\n"
	if report.String() != want {
		t.Errorf("it reports\n%sexpected\n%s", report.String(), want)
	}
	fails(t, "nothing to compare with", compare(&report, path+".not", now), "to compare with")
}

func TestNetworksHaveTheDateOfTheirPackage(t *testing.T) {
	t.Parallel()
	spec := sources[networkBlocks].spec
	if want := networksBuilt.Format("2006010215"); !strings.HasSuffix(spec, "."+want) || networksBuilt.Location() != time.UTC {
		t.Errorf("%s is not of %s", spec, networksBuilt)
	}
}
