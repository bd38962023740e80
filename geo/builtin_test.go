package geo_test

import (
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/oschwald/geoip2-golang/v2"
	"github.com/oschwald/maxminddb-golang/v2"

	"sessionwarden"
	"sessionwarden/geo"
)

// sums reads data/SHA256SUMS: file name to hash.
func sums(t *testing.T) map[string]string {
	t.Helper()
	list, err := os.ReadFile(filepath.Join("data", "SHA256SUMS"))
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]string)
	for line := range strings.Lines(string(list)) {
		sum, name, ok := strings.Cut(strings.TrimSpace(line), "  ")
		if !ok {
			t.Fatalf("data/SHA256SUMS has the line %q", line)
		}
		all[name] = sum
	}
	return all
}

func TestDataIsWhatWasRecorded(t *testing.T) {
	t.Parallel()
	recorded := sums(t)
	entries, err := os.ReadDir("data")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		name := entry.Name()
		if name == "SHA256SUMS" {
			continue
		}
		content, err := os.ReadFile(filepath.Join("data", name))
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(content)
		if got := hex.EncodeToString(sum[:]); got != recorded[name] {
			t.Errorf("data/%s has the sha256 %s, recorded is %q: run go run ./tools/geodata and look at what changed", name, got, recorded[name])
		}
		delete(recorded, name)
	}
	for name := range recorded {
		t.Errorf("data/%s is recorded, but not there", name)
	}
}

func TestBuiltInDatabasesAreWhole(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"country.mmdb", "asn.mmdb"} {
		content, err := os.ReadFile(filepath.Join("data", name))
		if err != nil {
			t.Fatal(err)
		}
		raw, err := maxminddb.OpenBytes(content)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := raw.Verify(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := geoip2.OpenBytes(content); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		// What is private is not even in the data.
		for _, addr := range []string{"10.0.0.1", "100.64.0.1", "192.0.2.1", "192.168.1.1", "203.0.113.1", "fd00::1"} {
			if raw.Lookup(netip.MustParseAddr(addr)).Found() {
				t.Errorf("%s has a record for %s", name, addr)
			}
		}
	}
}

func TestKnownAddresses(t *testing.T) {
	t.Parallel()
	l := open(t, geo.Options{})
	for _, test := range []struct {
		addr    string
		country sessionwarden.Country
		asn     uint32
		network sessionwarden.NetworkKind
	}{
		{"8.8.8.8", "US", 15169, sessionwarden.Hosting},
		{"1.1.1.1", "AU", 13335, sessionwarden.Hosting},
		{"129.132.1.1", "CH", 559, sessionwarden.UnknownNetwork},    // ETH Zurich
		{"130.237.28.40", "SE", 1653, sessionwarden.UnknownNetwork}, // KTH Stockholm
		{"133.11.0.1", "JP", 2501, sessionwarden.UnknownNetwork},    // University of Tokyo
		{"200.160.2.3", "BR", 22548, sessionwarden.UnknownNetwork},  // registry of Brazil
		{"193.0.6.139", "NL", 3333, sessionwarden.UnknownNetwork},   // RIPE
		{"84.128.0.1", "DE", 3320, sessionwarden.UnknownNetwork},    // Deutsche Telekom
		{"88.198.0.1", "DE", 24940, sessionwarden.Hosting},          // Hetzner
		{"98.97.32.1", "US", 14593, sessionwarden.Satellite},        // Starlink
		{"2001:638::1", "DE", 680, sessionwarden.UnknownNetwork},    // German research network
		{"2a01:4f8::1", "DE", 24940, sessionwarden.Hosting},         // Hetzner
	} {
		got := at(l, test.addr)
		if got.Country != test.country || got.ASN != test.asn || got.Network != test.network {
			t.Errorf("%s is in %q, AS%d (%s), %s; expected %q, AS%d, %s",
				test.addr, got.Country, got.ASN, got.Organization, got.Network, test.country, test.asn, test.network)
		}
		if got.HasPoint || got.City != "" || got.Source != "built-in DBIP-Country-Lite" || got.Built.IsZero() || got.Organization == "" {
			t.Errorf("%s is %+v", test.addr, got)
		}
	}
}

// list returns the numbers of a list of networks.
func list(t *testing.T, name string) []uint32 {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("data", name))
	if err != nil {
		t.Fatal(err)
	}
	var numbers []uint32
	for line := range strings.Lines(string(content)) {
		line, _, _ = strings.Cut(line, "#")
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		n, err := strconv.ParseUint(fields[0], 10, 32)
		if err != nil || len(fields) < 2 {
			t.Fatalf("%s has the line %q", name, line)
		}
		numbers = append(numbers, uint32(n))
	}
	return numbers
}

func TestListedNetworksExist(t *testing.T) {
	t.Parallel()
	hosting, satellite := list(t, "hosting.txt"), list(t, "satellite.txt")
	if len(hosting) < 100 || len(hosting) > 200 || len(satellite) != 8 {
		t.Errorf("there are %d hosting and %d satellite networks", len(hosting), len(satellite))
	}
	raw, err := maxminddb.Open(filepath.Join("data", "asn.mmdb"))
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	used := make(map[uint32]bool)
	for network := range raw.Networks() {
		var number uint32
		if err := network.DecodePath(&number, "autonomous_system_number"); err != nil {
			t.Fatal(err)
		}
		used[number] = true
	}
	for _, number := range slices.Concat(hosting, satellite) {
		if !used[number] {
			t.Errorf("AS%d is listed, but has no address", number)
		}
	}
}

func TestAttributionIsCarried(t *testing.T) {
	t.Parallel()
	notice, err := os.ReadFile(filepath.Join("..", "NOTICE"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(notice), geo.Attribution) {
		t.Error("NOTICE does not have the text of geo.Attribution")
	}
	month := open(t, geo.Options{}).Status().CountryBuilt.Format("January 2006")
	if !strings.Contains(geo.Attribution, month) {
		t.Errorf("the data is of %s, but the attribution says otherwise", month)
	}
	if !strings.Contains(geo.AttributionLink, "https://db-ip.com") {
		t.Error("the link does not lead to the source")
	}
}
