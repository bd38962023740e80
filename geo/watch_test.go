package geo_test

import (
	"bytes"
	"context"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sessionwarden"
	"sessionwarden/geo"
	"sessionwarden/geo/geotest"
)

func TestAChangedFileIsTakenUp(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		const every = time.Minute
		path := put(t, in("DE"), dir, "places.mmdb")
		l := open(t, geo.Options{Database: path})
		ctx, stop := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- l.Watch(ctx, every) }()
		first := l.Generation()

		time.Sleep(3 * every)
		synctest.Wait()
		if got := l.Generation(); got != first {
			t.Errorf("nothing changed, but the generation went from %d to %d", first, got)
		}

		newer := geotest.Built.AddDate(0, 1, 0)
		put(t, in("AT", geotest.BuiltAt(newer)), dir, "places.mmdb")
		if got := at(l, example).Country; got != "DE" {
			t.Errorf("before anyone looked, the example is in %q", got)
		}
		time.Sleep(every)
		synctest.Wait()
		if got := at(l, example); got.Country != "AT" || !got.Built.Equal(newer) {
			t.Errorf("after the change the example is %+v", got)
		}
		if got := l.Generation(); got <= first {
			t.Errorf("the data changed, but the generation is %d, before %d", got, first)
		}
		if text := warned(l); text != "" {
			t.Errorf("all is well, but it warns: %s", text)
		}

		stop()
		synctest.Wait()
		if err := <-ended; err != nil {
			t.Errorf("stopping is no failure: %v", err)
		}
	})
}

func TestCloseEndsWatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, err := geo.Open(geo.Options{})
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- l.Watch(t.Context(), time.Second) }()
		synctest.Wait()
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		select {
		case err := <-ended:
			if err != nil {
				t.Error(err)
			}
		default:
			t.Fatal("Watch goes on after Close")
		}
		if err := l.Close(); err != nil {
			t.Errorf("a second Close: %v", err)
		}
		if got := at(l, "8.8.8.8").Country; got != "US" {
			t.Errorf("after Close 8.8.8.8 is in %q", got)
		}
		if err := l.Watch(t.Context(), 0); err == nil {
			t.Error("Watch without an interval did not fail")
		}
	})
}

func TestAFileThatGoesBadLeavesTheOldDataInUse(t *testing.T) {
	t.Parallel()
	for what, refusal := range refusals() {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			dir := t.TempDir()
			path := put(t, in("DE"), dir, "places.mmdb")
			l := open(t, geo.Options{Database: path, Logger: slog.New(slog.NewTextHandler(&log, nil))})
			before := l.Generation()

			put(t, refusal.content, dir, "places.mmdb")
			for range 3 {
				l.Refresh()
			}
			if got := at(l, example).Country; got != "DE" {
				t.Errorf("the example is in %q", got)
			}
			says(t, warned(l), path+" was read before, but now it", "what was read before stays in use until a good City or Country file lies there")
			if s := l.Status(); s.Failed != "" || s.Country != "places.mmdb (DBIP-Country-Lite)" {
				t.Errorf("in use is %q, failed %q", s.Country, s.Failed)
			}
			if got := l.Generation(); got != before {
				t.Errorf("the same data has generation %d and %d", before, got)
			}
			if n := strings.Count(log.String(), "location file not used"); n != 1 {
				t.Errorf("told %d times in the log:\n%s", n, log.String())
			}

			put(t, in("AT"), dir, "places.mmdb")
			l.Refresh()
			if got := at(l, example).Country; got != "AT" || warned(l) != "" {
				t.Errorf("after a good file came the example is in %q, warnings %q", got, warned(l))
			}
		})
	}
}

func TestAFileOverwrittenInPlaceHarmsNothing(t *testing.T) {
	t.Parallel()
	good := in("DE")
	path := put(t, good, t.TempDir(), "places.mmdb")
	var log bytes.Buffer
	l := open(t, geo.Options{Database: path, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if err := os.WriteFile(path, bytes.Repeat([]byte{0xff}, len(good)), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := at(l, example).Country; got != "DE" {
		t.Errorf("overwritten, before anyone looked: %q", got)
	}
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	l.Refresh() // it may still be being written
	l.Refresh()
	if got := at(l, example).Country; got != "DE" {
		t.Errorf("cut to nothing: %q", got)
	}
	says(t, warned(l), "it is empty")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		l.Refresh()
	}
	if got := at(l, example).Country; got != "DE" {
		t.Errorf("removed: %q", got)
	}
	says(t, warned(l), "there is no such file")
	if n := strings.Count(log.String(), "there is no such file"); n != 1 {
		t.Errorf("told %d times in the log:\n%s", n, log.String())
	}
}

func TestAFileThatComesLateEndsTheFailure(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "late.mmdb")
	l := open(t, geo.Options{Database: path})
	if l.Status().Failed == "" || at(l, example).Country != "" {
		t.Fatal("a missing file did not fail")
	}
	put(t, in("DE"), path)
	l.Refresh()
	if s := l.Status(); s.Failed != "" || len(s.Warnings) > 0 || at(l, example).Country != "DE" {
		t.Errorf("after it came: %+v, %+v", s, at(l, example))
	}
}

func TestAnOlderFileIsTakenAndTold(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := open(t, geo.Options{Database: put(t, in("DE"), dir, "places.mmdb")})
	put(t, in("AT", geotest.BuiltAt(geotest.Built.AddDate(0, -1, 0))), dir, "places.mmdb")
	l.Refresh()
	if got := at(l, example).Country; got != "AT" {
		t.Errorf("the example is in %q", got)
	}
	says(t, warned(l), "built on 2026-05-01, before the data used until then (2026-06-01)")
	put(t, in("CH"), dir, "places.mmdb")
	l.Refresh()
	if text := warned(l); text != "" {
		t.Errorf("the newer one came back, but it warns: %s", text)
	}
}

func TestAutoLooksInTheFolders(t *testing.T) {
	t.Parallel()
	first, second := t.TempDir(), t.TempDir()
	var log bytes.Buffer
	l := open(t, geo.Options{
		Database: "auto", ASNDatabase: "auto", AutoDirs: []string{first, second},
		Logger: slog.New(slog.NewTextHandler(&log, nil)),
	})
	if s := l.Status(); s.Failed != "" || len(s.Warnings) > 0 || s.Country != "built-in DBIP-Country-Lite" || log.Len() > 0 {
		t.Fatalf("nothing is there, and that is well: %+v\n%s", s, log.String())
	}
	steps := []struct {
		what          string
		put           func()
		country, used string
		asn           uint32
	}{
		{"a Country file in the second folder", func() { put(t, in("DE"), second, "GeoLite2-Country.mmdb") },
			"DE", "GeoLite2-Country.mmdb (DBIP-Country-Lite)", 0},
		{"a Country file in the first", func() { put(t, in("AT"), first, "GeoLite2-Country.mmdb") },
			"AT", "GeoLite2-Country.mmdb (DBIP-Country-Lite)", 0},
		{"a bad City file changes nothing", func() { put(t, []byte("bad"), first, "GeoLite2-City.mmdb") },
			"AT", "GeoLite2-Country.mmdb (DBIP-Country-Lite)", 0},
		{"a City file in the second is better than any Country file", func() { put(t, in("CH", geotest.Type("GeoIP2-City")), second, "GeoLite2-City.mmdb") },
			"CH", "GeoLite2-City.mmdb (GeoIP2-City)", 0},
		{"an ASN file", func() { put(t, of(64500), second, "GeoLite2-ASN.mmdb") },
			"CH", "GeoLite2-City.mmdb (GeoIP2-City)", 64500},
	}
	for _, step := range steps {
		step.put()
		l.Refresh()
		got, status := at(l, example), l.Status()
		if string(got.Country) != step.country || got.ASN != step.asn || status.Country != step.used || status.Failed != "" {
			t.Errorf("%s: the example is %+v, in use is %q, failed %q", step.what, got, status.Country, status.Failed)
		}
	}
	says(t, warned(l), filepath.Join(first, "GeoLite2-City.mmdb")+" would be used, but it is not a whole database")
	if err := os.Remove(filepath.Join(first, "GeoLite2-City.mmdb")); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(second, "GeoLite2-City.mmdb")); err != nil {
		t.Fatal(err)
	}
	l.Refresh()
	if got := at(l, example).Country; got != "CH" {
		t.Errorf("a file that vanishes for a moment, as while it is replaced, gave way to a worse one: %q", got)
	}
	says(t, warned(l), "was read before, but now there is no such file")
}

func TestLookupsGoOnWhileDataIsSwapped(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := put(t, in("DE"), dir, "places.mmdb")
	l := open(t, geo.Options{Database: path})
	done := make(chan struct{})
	answers := make(chan map[sessionwarden.Country]int)
	for range 4 {
		go func() {
			seen := make(map[sessionwarden.Country]int)
			for {
				select {
				case <-done:
					answers <- seen
					return
				default:
					seen[at(l, example).Country]++
					_ = l.Status()
				}
			}
		}()
	}
	for i := range 50 {
		put(t, in([]string{"AT", "DE"}[i%2]), dir, "places.mmdb")
		l.Refresh()
	}
	close(done)
	for range 4 {
		for country := range maps.Keys(<-answers) {
			if !slices.Contains([]sessionwarden.Country{"DE", "AT"}, country) {
				t.Errorf("an answer between two files: %q", country)
			}
		}
	}
	if got := l.Generation(); got != 52 { // the built-in data, the first file, fifty changes
		t.Errorf("the generation is %d", got)
	}
}
