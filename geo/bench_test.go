package geo

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oschwald/maxminddb-golang/v2"
)

// addresses returns n public IPv4 addresses, as IPv6 maps them.
func addresses(n int) []netip.Addr {
	random := rand.New(rand.NewPCG(1, 2))
	all := make([]netip.Addr, 0, n)
	for len(all) < n {
		v4 := netip.AddrFrom4([4]byte{byte(1 + random.IntN(222)), byte(random.IntN(256)), byte(random.IntN(256)), byte(random.IntN(256))})
		if natureOf(v4) == public {
			all = append(all, netip.AddrFrom16(v4.As16()))
		}
	}
	return all
}

// BenchmarkLookup measures a whole answer (country, network and kind) over
// many addresses, and in the same run the floor: finding both records without
// reading them, and reading them with the plain reader.
func BenchmarkLookup(b *testing.B) {
	all := addresses(1 << 14)
	l, err := Open(Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	b.Run("locator", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			l.Lookup(all[i%len(all)])
		}
	})
	raw := func(b *testing.B, content []byte) *maxminddb.Reader {
		r, err := maxminddb.OpenBytes(content)
		if err != nil {
			b.Fatal(err)
		}
		return r
	}
	b.Run("floor=find", func(b *testing.B) {
		country, network := raw(b, builtinCountry), raw(b, builtinNetwork)
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			addr := all[i%len(all)].Unmap()
			_ = country.Lookup(addr).Found()
			_ = network.Lookup(addr).Found()
		}
	})
	b.Run("floor=read", func(b *testing.B) {
		country, network := raw(b, builtinCountry), raw(b, builtinNetwork)
		var place struct {
			Country struct {
				Code string `maxminddb:"iso_code"`
			} `maxminddb:"country"`
		}
		var owner struct {
			Number       uint32 `maxminddb:"autonomous_system_number"`
			Organization string `maxminddb:"autonomous_system_organization"`
		}
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			addr := all[i%len(all)].Unmap()
			if err := country.Lookup(addr).Decode(&place); err != nil {
				b.Fatal(err)
			}
			if err := network.Lookup(addr).Decode(&owner); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkHides measures what lists of a hundred thousand networks and fifteen
// hundred exits add to a lookup.
func BenchmarkHides(b *testing.B) {
	all := addresses(1 << 14)
	var vpn, tor strings.Builder
	for i, addr := range addresses(100_000) {
		fmt.Fprintf(&vpn, "%s/24\n", addr.Unmap())
		if i%64 == 0 {
			fmt.Fprintln(&tor, addr.Unmap())
		}
	}
	for i := range 300 {
		fmt.Fprintf(&vpn, "AS%d\n", 64500+i)
	}
	dir := b.TempDir()
	for name, list := range map[string]string{"vpn": vpn.String(), "tor": tor.String()} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(list), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	l, err := Open(Options{TorExits: filepath.Join(dir, "tor"), VPNNetworks: filepath.Join(dir, "vpn")})
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	s := l.current.Load()
	b.Run("lists", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			l.hides(s, all[i%len(all)].Unmap(), 64000)
		}
	})
	b.Run("locator", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			l.Lookup(all[i%len(all)])
		}
	})
	b.Run("parse", func(b *testing.B) {
		content := []byte(vpn.String())
		b.ReportAllocs()
		for b.Loop() {
			if _, err := parseList(content); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkOpen measures opening all built-in data.
func BenchmarkOpen(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		l, err := Open(Options{})
		if err != nil {
			b.Fatal(err)
		}
		l.Close()
	}
}

// BenchmarkDistance measures one distance between two countries.
func BenchmarkDistance(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, known := Distance("ZA", "DE"); !known {
			b.Fatal("no distance")
		}
	}
}
