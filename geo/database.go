package geo

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"net/netip"
	"path/filepath"
	"strings"
	"time"

	"github.com/oschwald/geoip2-golang/v2"
	"github.com/oschwald/maxminddb-golang/v2"

	"sessionwarden"
)

// role is what a database is asked for.
type role uint8

const (
	countries   role = iota // where an address lies
	networks                // whose it is
	anonymizers             // whether it hides who is behind it
)

// String returns a word from a closed set: it may be a metric's label.
func (r role) String() string {
	switch r {
	case networks:
		return "network"
	case anonymizers:
		return "anonymizer"
	}
	return "country"
}

// instead says what is done without a good file.
func (r role) instead() string {
	if r == anonymizers {
		return "the rules tor_network and vpn_network do without it"
	}
	return fmt.Sprintf("the built-in %s data is used", r)
}

// wants says which files serve the role.
func (r role) wants() string {
	switch r {
	case networks:
		return "ASN"
	case anonymizers:
		return "Anonymous-IP or Anonymous-Plus"
	}
	return "City or Country"
}

// database is one opened database. It does not change.
type database struct {
	role   role
	reader *maxminddb.Reader
	kind   string // database type, cleaned
	cities bool   // its records may have a city and a point
	source string // what it is called in a location
	built  time.Time

	path string      // of the file it was read from; "" built-in
	seen fs.FileInfo // what that file looked like
}

// The years in which a database can have been built. What is outside has a
// broken header.
const (
	firstYear = 2000
	lastYear  = 2200
)

// openDatabase opens content, which is kept and must not change. Errors are
// worded to follow "but ".
func openDatabase(content []byte, r role) (*database, error) {
	if err := serves(content, r); err != nil {
		return nil, err
	}
	reader, err := maxminddb.OpenBytes(content)
	if err != nil {
		return nil, fmt.Errorf("it is not a whole database: %w", err)
	}
	d := &database{role: r, reader: reader, kind: sessionwarden.Clean(reader.Metadata.DatabaseType, 64)}
	d.cities = !strings.Contains(d.kind, "Country")
	if reader.Metadata.BuildEpoch > math.MaxUint32*2 { // no date of ours
		return nil, errors.New("its build date makes no sense")
	}
	d.built = reader.Metadata.BuildTime().UTC()
	if year := d.built.Year(); year < firstYear || year >= lastYear {
		return nil, fmt.Errorf("its build date, %s, makes no sense", d.built.Format(time.DateOnly))
	}
	name, _, _ := strings.Cut(d.kind, " (")
	d.source = "built-in " + name
	return d, nil
}

// serves asks the GeoIP2 library, which knows the types of databases and what
// each is good for, whether content serves the role. The records are then read
// by the plain reader: the library's own record types hold a hundred fields
// that are of no use here and make a lookup three times as long.
func serves(content []byte, r role) error {
	reader, err := geoip2.OpenBytes(content)
	var unknown geoip2.UnknownDatabaseTypeError
	if err != nil && !errors.As(err, &unknown) {
		return fmt.Errorf("it is not a whole database: %w", err)
	}
	defer reader.Close() // it is there even where its type is not known
	if err != nil {
		return wrongKind(unknown.DatabaseType, r)
	}
	switch r {
	case networks:
		_, err = reader.ASN(landmarks[0].addr)
	case anonymizers:
		if _, err = reader.AnonymousIP(landmarks[0].addr); errors.As(err, new(geoip2.InvalidMethodError)) {
			_, err = reader.AnonymousPlus(landmarks[0].addr)
		}
	default:
		_, err = reader.City(landmarks[0].addr) // Country data answers to this, too
	}
	if errors.As(err, new(geoip2.InvalidMethodError)) {
		return wrongKind(reader.Metadata().DatabaseType, r)
	}
	return nil // a record that cannot be read is found out later
}

// wrongKind says that a database of that type does not serve the role.
func wrongKind(kind string, r role) error {
	return fmt.Errorf("it holds data of type %q, not %s data", sessionwarden.Clean(kind, 64), r.wants())
}

// loadDatabase reads the database at path into memory and puts it to the
// test. seen is what the file looked like, nil where there is none; errors
// are worded to follow "but ".
func loadDatabase(path string, r role) (d *database, seen fs.FileInfo, err error) {
	content, seen, err := readWhole(path, maxFile)
	if err != nil {
		return nil, seen, err
	}
	d, err = proven(content, r)
	if err != nil {
		return nil, seen, err
	}
	d.path, d.seen = path, seen
	d.source = fmt.Sprintf("%s (%s)", sessionwarden.Clean(filepath.Base(path), 64), d.kind)
	return d, seen, nil
}

// proven opens content and refuses what is broken, empty or absurd.
func proven(content []byte, r role) (*database, error) {
	d, err := openDatabase(content, r)
	if err != nil {
		return nil, err
	}
	if err := d.reader.Verify(); err != nil {
		return nil, fmt.Errorf("it is damaged: %s", sessionwarden.Clean(err.Error(), 200))
	}
	if err := d.sample(); err != nil {
		return nil, err
	}
	if err := d.landmarks(); err != nil {
		return nil, err
	}
	return d, nil
}

// sampled is how many records of a file are read before it is used.
const sampled = 64

// sample reads the first records, as Verify knows nothing of their fields.
//
// A search tree may be a maze, in which few nodes make more ways than can ever
// be walked. A real one has a way more than nodes, and a handful of times that
// where networks are aliases of others; so all ways are counted, those to
// nothing and to aliases too, and a maze is left.
func (d *database) sample() error {
	ways := 16 * (uint64(d.reader.Metadata.NodeCount) + 1)
	found := 0
	for network := range d.reader.Networks(maxminddb.IncludeNetworksWithoutData(), maxminddb.IncludeAliasedNetworks()) {
		if err := network.Err(); err != nil {
			return fmt.Errorf("it is damaged: %s", sessionwarden.Clean(err.Error(), 200))
		}
		if ways--; ways == 0 {
			return errors.New("it is damaged: its records cannot be found in it")
		}
		if !network.Found() {
			continue
		}
		if _, err := d.ask(network.Prefix().Addr()); err != nil {
			return fmt.Errorf("its records are not those of %s data: %s", d.role.wants(), sessionwarden.Clean(err.Error(), 200))
		}
		if found++; found == sampled {
			return nil
		}
	}
	if found == 0 {
		return errors.New("it has no records")
	}
	return nil
}

// landmark is an address whose place and network have been the same for
// decades and which everybody knows.
type landmark struct {
	addr    netip.Addr
	country sessionwarden.Country
	asn     uint32
}

var landmarks = [...]landmark{
	{netip.AddrFrom4([4]byte{8, 8, 8, 8}), "US", 15169},      // Google's resolver
	{netip.AddrFrom4([4]byte{129, 132, 1, 1}), "CH", 559},    // ETH Zurich
	{netip.AddrFrom4([4]byte{130, 237, 28, 40}), "SE", 1653}, // KTH Stockholm
	{netip.AddrFrom4([4]byte{133, 11, 0, 1}), "JP", 2501},    // University of Tokyo
	{netip.AddrFrom4([4]byte{200, 160, 2, 3}), "BR", 22548},  // the registry of Brazil
}

// landmarks refuses a database that has most landmarks and places most of
// those wrongly. A small one, such as a company's own, has none of them.
func (d *database) landmarks() error {
	here, wrong := 0, 0
	for _, l := range landmarks {
		a, err := d.ask(l.addr)
		if err != nil {
			return fmt.Errorf("its record of %s cannot be read: %s", l.addr, sessionwarden.Clean(err.Error(), 200))
		}
		if !a.found {
			continue
		}
		here++
		if a.country != l.country && d.role == countries || a.asn != l.asn && d.role == networks || d.role == anonymizers && (a.tor || a.vpn) {
			wrong++
		}
	}
	if here > len(landmarks)/2 && wrong > here/2 {
		return errors.New("it is wrong about addresses that everybody knows")
	}
	return nil
}
