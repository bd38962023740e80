package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"sessionwarden"
	"sessionwarden/config"
	"sessionwarden/geo"
)

func (c *command) geoCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "geo", Short: "What is known of an address", Args: noArgs, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	var asJSON bool
	lookup := &cobra.Command{
		Use: "lookup IP...", Short: "What the program knows of an address, and from which database",
		Args: wantArgs(1, 1000, "one address or more"),
		RunE: func(cmd *cobra.Command, args []string) error {
			places, err := c.places()
			if err != nil {
				return err
			}
			defer places.Close()
			status := places.Status()
			for _, warning := range append([]string{status.Failed}, status.Warnings...) {
				if warning != "" {
					fmt.Fprintln(c.err, wrap("! "+warning, c.err.width, "  "))
				}
			}
			var rows []geoRow
			var wrong error
			for _, arg := range args {
				addr, err := netip.ParseAddr(strings.TrimSpace(arg))
				if err != nil {
					wrong = errors.Join(wrong, fmt.Errorf("%q is not an IP address", arg))
					continue
				}
				rows = append(rows, newGeoRow(addr, places.Lookup(addr), status))
			}
			if wrong != nil {
				wrong = &usageError{wrong}
			}
			if asJSON {
				return errors.Join(wrong, jsonRows(c, rows...))
			}
			for i, row := range rows {
				if i > 0 {
					fmt.Fprintln(c.out)
				}
				row.print(c.out)
			}
			return wrong
		},
	}
	lookup.Flags().BoolVar(&asJSON, "json", false, "one array of objects instead of text")
	cmd.AddCommand(lookup)
	return cmd
}

// listFolder is the folder in the data directory that fetched lists are kept in.
const listFolder = "lists"

// openPlaces opens the location data that the configuration names. It reads only,
// unless change says otherwise.
func openPlaces(cfg *config.Config, change ...func(*geo.Options)) (*geo.Locator, error) {
	o := geo.Options{
		Database: cfg.Geo.Database, ASNDatabase: cfg.Geo.ASNDatabase, AnonymousDatabase: cfg.Geo.Anonymous,
		TorExits: cfg.Geo.TorExits, VPNNetworks: cfg.Geo.VPNNetworks,
		ListDir: filepath.Join(cfg.DataDir, listFolder), OnlyReads: true,
	}
	for _, f := range change {
		f(&o)
	}
	return geo.Open(o)
}

// places opens the location data that the configuration names, or the built-in
// data where there is no configuration.
func (c *command) places() (*geo.Locator, error) {
	cfg := new(config.Config)
	path, err := config.Find(c.configFile, c.getenv)
	if err == nil {
		load := c.configOptions()
		load.SecretsLater = true
		if cfg, err = config.LoadFile(path, load); err != nil {
			return nil, &usageError{err}
		}
	} else if c.configFile != "" || c.getenv("SESSIONWARDEN_CONFIG") != "" {
		return nil, &usageError{err}
	}
	places, err := openPlaces(cfg)
	if err != nil {
		return nil, errors.Join(errors.New("the location data cannot be opened"), err)
	}
	return places, nil
}

// geoRow is what geo lookup knows of one address.
type geoRow struct {
	Address      string  `json:"address"`
	Country      string  `json:"country,omitempty"`
	CountryName  string  `json:"country_name,omitempty"`
	City         string  `json:"city,omitempty"`
	Latitude     float64 `json:"latitude,omitzero"`
	Longitude    float64 `json:"longitude,omitzero"`
	RadiusKM     float64 `json:"radius_km,omitzero"`
	ASN          uint32  `json:"asn,omitempty"`
	Organization string  `json:"organization,omitempty"`
	Network      string  `json:"network"`
	Tor          bool    `json:"tor,omitempty"`
	VPN          bool    `json:"vpn,omitempty"`
	Source       string  `json:"source,omitempty"`
	Built        string  `json:"built,omitempty"`
	ASNSource    string  `json:"asn_source,omitempty"`
	ASNBuilt     string  `json:"asn_built,omitempty"`

	kind string // of the network, in words
}

func newGeoRow(addr netip.Addr, l sessionwarden.Location, s sessionwarden.LocationStatus) geoRow {
	row := geoRow{
		Address: addr.String(), Country: string(l.Country), City: l.City, ASN: l.ASN, Organization: l.Organization,
		Network: l.Network.String(), Tor: l.Tor, VPN: l.VPN, kind: l.Kind(), Source: l.Source,
	}
	if l.Country != "" {
		row.CountryName = l.Country.Name()
	}
	if l.HasPoint {
		row.Latitude, row.Longitude, row.RadiusKM = l.Latitude, l.Longitude, l.RadiusKM
	}
	if !l.Built.IsZero() {
		row.Built = l.Built.UTC().Format("2006-01-02")
	}
	if l.ASN != 0 {
		row.ASNSource, row.ASNBuilt = s.ASN, s.ASNBuilt.UTC().Format("2006-01-02")
	}
	return row
}

func (r geoRow) print(w io.Writer) {
	fmt.Fprintf(w, "%s\n", r.Address)
	line := func(name, text string) {
		if text != "" {
			fmt.Fprintf(w, "  %-9s %s\n", name, text)
		}
	}
	switch {
	case r.Network == sessionwarden.Private.String():
		line("country", "none: a private or reserved address has no place")
	case r.Country == "":
		line("country", "unknown")
	default:
		line("country", r.CountryName+" ("+r.Country+")")
	}
	line("city", r.City)
	if r.RadiusKM > 0 {
		line("point", fmt.Sprintf("%.3f, %.3f within %.0f km", r.Latitude, r.Longitude, r.RadiusKM))
	}
	if r.ASN != 0 {
		line("network", fmt.Sprintf("AS%d %s", r.ASN, r.Organization))
	}
	line("kind", cmp.Or(r.kind, r.Network))
	if r.Source != "" {
		line("from", r.Source+" of "+r.Built)
	}
	if r.ASNSource != "" {
		line("", r.ASNSource+" of "+r.ASNBuilt)
	}
}
