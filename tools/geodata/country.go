package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
	"github.com/oschwald/maxminddb-golang/v2"
)

// makeCountries converts the country blocks to the record layout that GeoIP2
// readers know. Reserved networks are left out.
func makeCountries(p *tarball, names map[string]name) ([]byte, error) {
	content, err := p.read("dbip-country.mmdb")
	if err != nil {
		return nil, err
	}
	blocks, err := maxminddb.OpenBytes(content)
	if err != nil {
		return nil, fmt.Errorf("opening the country blocks: %w", err)
	}
	defer blocks.Close()

	tree, err := mmdbwriter.New(mmdbwriter.Options{
		BuildEpoch:   blocks.Metadata.BuildTime().Unix(),
		DatabaseType: "DBIP-Country-Lite",
		Description:  map[string]string{"en": "IP to Country Lite by DB-IP (https://db-ip.com), CC BY 4.0, converted to the GeoIP2 layout"},
		Languages:    []string{"en"},
		IPVersion:    6,
		RecordSize:   24,
	})
	if err != nil {
		return nil, fmt.Errorf("starting the country database: %w", err)
	}
	records := make(map[string]mmdbtype.DataType, len(names))
	for code, n := range names {
		records[code] = mmdbtype.Map{
			"continent": mmdbtype.Map{"code": mmdbtype.String(n.continentCode), "names": mmdbtype.Map{"en": mmdbtype.String(n.continent)}},
			"country":   mmdbtype.Map{"iso_code": mmdbtype.String(code), "names": mmdbtype.Map{"en": mmdbtype.String(n.country)}},
		}
	}
	for block := range blocks.Networks() {
		var row struct {
			Code string `maxminddb:"country_code"`
		}
		if err := block.Decode(&row); err != nil {
			return nil, fmt.Errorf("reading country block %s: %w", block.Prefix(), err)
		}
		record, ok := records[row.Code]
		if !ok {
			return nil, fmt.Errorf("country block %s is of %q, which is no country", block.Prefix(), row.Code)
		}
		if err := unlessReserved(tree.Insert(ipNet(block.Prefix()), record)); err != nil {
			return nil, fmt.Errorf("writing country block %s: %w", block.Prefix(), err)
		}
	}
	return serialize(tree)
}

// unlessReserved returns err unless it only says that a network is reserved
// or an alias of another.
func unlessReserved(err error) error {
	var reserved *mmdbwriter.ReservedNetworkError
	var aliased *mmdbwriter.AliasedNetworkError
	if errors.As(err, &reserved) || errors.As(err, &aliased) {
		return nil
	}
	return err
}

// ipNet returns prefix in the older type that the writer takes.
func ipNet(prefix netip.Prefix) *net.IPNet {
	return &net.IPNet{
		IP:   prefix.Addr().AsSlice(),
		Mask: net.CIDRMask(prefix.Bits(), prefix.Addr().BitLen()),
	}
}

// serialize returns the bytes of the database that tree holds.
func serialize(tree *mmdbwriter.Tree) ([]byte, error) {
	var b bytes.Buffer
	if _, err := tree.WriteTo(&b); err != nil {
		return nil, fmt.Errorf("writing a database: %w", err)
	}
	return b.Bytes(), nil
}
