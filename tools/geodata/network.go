package main

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
)

// makeNetworks converts the tables of autonomous systems to a database.
func makeNetworks(p *tarball) ([]byte, error) {
	tree, err := mmdbwriter.New(mmdbwriter.Options{
		BuildEpoch:   networksBuilt.Unix(),
		DatabaseType: "DBIP-ASN-Lite (compat=GeoLite2-ASN)",
		Description:  map[string]string{"en": "IP to ASN by Route Views, NRO and DB-IP (https://db-ip.com), each CC BY 4.0, compiled by ip-location-db, converted"},
		Languages:    []string{"en"},
		IPVersion:    6,
		RecordSize:   24,
	})
	if err != nil {
		return nil, fmt.Errorf("starting the network database: %w", err)
	}
	for _, table := range []string{"asn-ipv4.csv", "asn-ipv6.csv"} {
		content, err := p.read(table)
		if err != nil {
			return nil, err
		}
		if err := insertTable(tree, content); err != nil {
			return nil, fmt.Errorf("reading %s of %s: %w", table, p.name, err)
		}
	}
	return serialize(tree)
}

// insertTable puts the rows start, end, number, organization into tree.
func insertTable(tree *mmdbwriter.Tree, table []byte) error {
	rows := csv.NewReader(bytes.NewReader(table))
	rows.FieldsPerRecord = 4
	rows.ReuseRecord = true
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		line, _ := rows.FieldPos(0)
		first, err := netip.ParseAddr(row[0])
		if err != nil {
			return fmt.Errorf("line %d: %w", line, err)
		}
		last, err := netip.ParseAddr(row[1])
		if err != nil {
			return fmt.Errorf("line %d: %w", line, err)
		}
		number, err := strconv.ParseUint(row[2], 10, 32)
		if err != nil {
			return fmt.Errorf("line %d: %w", line, err)
		}
		record := mmdbtype.Map{"autonomous_system_number": mmdbtype.Uint32(number)}
		if organization := strings.TrimSpace(row[3]); organization != "" {
			record["autonomous_system_organization"] = mmdbtype.String(organization)
		}
		if err := unlessReserved(tree.InsertRange(first.AsSlice(), last.AsSlice(), record)); err != nil {
			return fmt.Errorf("line %d: %w", line, err)
		}
	}
}
