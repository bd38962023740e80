package geo_test

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/maxmind/mmdbwriter/mmdbtype"
	"github.com/prometheus/client_golang/prometheus"

	"sessionwarden/geo"
	"sessionwarden/geo/geotest"
)

// example is an address that only the files of these tests know.

const example = "203.0.113.7"

// in returns a Country database in which the example lies there.

func in(country string, options ...geotest.Option) []byte {
	return geotest.Country(map[string]string{"203.0.113.0/24": country}, options...)
}

// of returns an ASN database in which the example belongs to that network.

func of(number uint32, options ...geotest.Option) []byte {
	return geotest.ASN(map[string]geotest.Network{"203.0.113.0/24": {Number: number, Organization: "Example"}}, options...)
}

// says fails unless text has all the words.

func says(t *testing.T, text string, words ...string) {
	t.Helper()
	for _, word := range words {
		if !strings.Contains(text, word) {
			t.Errorf("%q does not say %q", text, word)
		}
	}
}

// warned returns all warnings in one text.

func warned(l *geo.Locator) string { return strings.Join(l.Status().Warnings, "\n") }

// refusals are files that must not be used, by why, with words of the

// sentence that says so.

func refusals() map[string]struct {
	content []byte
	words   string
} {
	all := map[string]struct {
		content []byte
		words   string
	}{
		"a network database":      {of(64500), `holds data of type "DBIP-ASN-Lite`},
		"a type nobody knows":     {in("DE", geotest.Type("Mine\x1b[2J")), `holds data of type "Mine[2J", not City or Country data`},
		"no records":              {geotest.Country(nil), "has no records"},
		"built before there was":  {in("DE", geotest.BuiltAt(time.Unix(1, 0))), "build date, 1970-01-01, makes no sense"},
		"built in the far future": {in("DE", geotest.BuiltAt(time.Unix(1<<40, 0))), "build date makes no sense"},
		"other records": {geotest.Records("GeoLite2-Country", map[string]mmdbtype.DataType{
			"203.0.113.0/24": mmdbtype.Map{"country": mmdbtype.Map{"iso_code": mmdbtype.Uint32(49)}},
		}), "records are not those of City or Country data"},
		"wrong about the world": {geotest.Country(map[string]string{"0.0.0.0/0": "FR"}), "wrong about addresses that everybody knows"},
	}
	for what, content := range geotest.Corrupt(in("DE")) {
		refusal := all[what]
		refusal.content, refusal.words = content, "but it"
		all[what] = refusal
	}
	return all
}

func TestAFileThatIsNotGoodIsNotUsed(t *testing.T) {
	t.Parallel()
	for what, refusal := range refusals() {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			registry := prometheus.NewRegistry()
			path := put(t, refusal.content, t.TempDir(), "bad.mmdb")
			l := open(t, geo.Options{Database: path, Logger: slog.New(slog.NewTextHandler(&log, nil)), Registerer: registry})
			status := l.Status()
			says(t, status.Failed, "geo.database names "+path+", but ", refusal.words, "the built-in country data is used until a good City or Country file lies there")
			if strings.ContainsAny(status.Failed, "\n\x1b") {
				t.Errorf("not one clean sentence: %q", status.Failed)
			}
			if status.Country != "built-in DBIP-Country-Lite" {
				t.Errorf("in use is %q", status.Country)
			}
			if got := at(l, "8.8.8.8").Country; got != "US" {
				t.Errorf("8.8.8.8 is in %q", got)
			}
			says(t, log.String(), "location file not used")
			if n := gauge(t, registry, "sessionwarden_geo_failed"); n != 1 {
				t.Errorf("sessionwarden_geo_failed is %v", n)
			}
			if taken, refused := counted(t, registry, "taken"), counted(t, registry, "refused"); taken != 0 || refused != 1 {
				t.Errorf("counted are %v files taken and %v refused", taken, refused)
			}
		})
	}
}

// gauge returns the value of the only metric of that name.

// counted returns how many country files had that outcome.

// gathered returns the metrics of that name.

func TestWhatIsNotAnOrdinaryFileIsNotUsed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe.mmdb")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	huge := put(t, nil, dir, "huge.mmdb")
	if err := os.Truncate(huge, 512<<20+1); err != nil { // takes no room on the disk
		t.Fatal(err)
	}
	for path, words := range map[string]string{
		filepath.Join(dir, "missing.mmdb"): "there is no such file",
		dir:                                "it is a folder",
		pipe:                               "it is not an ordinary file",
		huge:                               "it is larger than 512 MiB",
		filepath.Join(huge, "below"):       "it cannot be read: not a directory",
		"a\x00b":                           "it cannot be read: invalid argument",
	} {
		status := open(t, geo.Options{ASNDatabase: path}).Status()
		says(t, status.Failed, "geo.asn_database names ", words, "the built-in network data is used until a good ASN file lies there, or geo.asn_database is set to \"\"")
		if status.ASN != "built-in DBIP-ASN-Lite" {
			t.Errorf("in use is %q", status.ASN)
		}
	}
	both := open(t, geo.Options{Database: "/nowhere/1", ASNDatabase: "/nowhere/2"}).Status().Failed
	says(t, both, "geo.database names /nowhere/1", "; geo.asn_database names /nowhere/2")
}
