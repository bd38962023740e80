package main

import (
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"slices"

	"github.com/oschwald/maxminddb-golang/v2"
)

// absurd is by which factor a country's share of IPv4 may change between two
// releases before it is marked: free sources have shipped mistakes that way.
const absurd = 2.0

// compare reports how many IPv4 addresses every country has now and had in
// the database at path, where that differs by more than a tenth.
func compare(report io.Writer, path string, now []byte) error {
	before, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("reading the database to compare with: %w", err)
	}
	had, err := sizes(before)
	if err != nil {
		return fmt.Errorf("counting in %s: %w", path, err)
	}
	has, err := sizes(now)
	if err != nil {
		return fmt.Errorf("counting in the new database: %w", err)
	}
	all := maps.Clone(had)
	maps.Copy(all, has)
	for _, code := range slices.Sorted(maps.Keys(all)) {
		factor := (has[code] + 1) / (had[code] + 1)
		if math.Abs(math.Log(factor)) < math.Log(1.1) {
			continue
		}
		mark := ""
		if math.Abs(math.Log(factor)) > math.Log(absurd) {
			mark = "  LOOK AT THIS"
		}
		fmt.Fprintf(report, "%s  %.0f -> %.0f addresses%s\n", code, had[code], has[code], mark)
	}
	return nil
}

// sizes counts the IPv4 addresses of every country.
func sizes(database []byte) (map[string]float64, error) {
	r, err := maxminddb.OpenBytes(database)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	addresses := make(map[string]float64)
	for block := range r.Networks() {
		if !block.Prefix().Addr().Is4() {
			continue
		}
		var code string
		if err := block.DecodePath(&code, "country", "iso_code"); err != nil {
			return nil, fmt.Errorf("reading block %s: %w", block.Prefix(), err)
		}
		addresses[code] += math.Exp2(float64(32 - block.Prefix().Bits()))
	}
	return addresses, nil
}
