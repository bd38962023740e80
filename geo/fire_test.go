package geo_test

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sessionwarden"
	"sessionwarden/geo"
	"sessionwarden/geo/geotest"
)

// lookups asks for the example from several goroutines until the returned
// function is called, which fails the test unless every answer was allowed.
func lookups(t *testing.T, l *geo.Locator, allowed ...sessionwarden.Country) (end func()) {
	t.Helper()
	var stop atomic.Bool
	var all sync.WaitGroup
	var mu sync.Mutex
	wrong := make(map[sessionwarden.Country]int)
	answers := 0
	for range 4 {
		all.Go(func() {
			mine := make(map[sessionwarden.Country]int)
			for more := true; more; more = !stop.Load() {
				mine[at(l, example).Country]++
				_ = l.Status()
				_ = l.Troubles()
			}
			mu.Lock()
			defer mu.Unlock()
			for country, n := range mine {
				answers += n
				wrong[country] += n
			}
		})
	}
	return func() {
		t.Helper()
		stop.Store(true)
		all.Wait()
		for _, country := range allowed {
			delete(wrong, country)
		}
		if len(wrong) > 0 || answers == 0 {
			t.Errorf("of %d answers these were none of %v: %v", answers, allowed, wrong)
		}
	}
}

// A file that is written over in place passes through every mixture of the two
// databases, and "DE" on its way to "AT" through "AE". None of that is ever an
// answer, however often the file is looked at.
func TestAFileOverwrittenByteByByteIsOneOrTheOther(t *testing.T) {
	t.Parallel()
	before, after := in("DE"), in("AT")
	if len(before) != len(after) {
		t.Fatal("the two databases have to be of one size")
	}
	path := put(t, before, t.TempDir(), "places.mmdb")
	registry := prometheus.NewRegistry()
	l := open(t, geo.Options{Database: path, Registerer: registry})
	end := lookups(t, l, "DE", "AT")
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for i := range after {
		if before[i] == after[i] && i%16 != 0 {
			continue // the same byte again, but for some
		}
		if _, err := f.WriteAt(after[i:i+1], int64(i)); err != nil {
			t.Fatal(err)
		}
		// Disks that count time in steps may not tell two writes apart.
		if err := os.Chtimes(path, time.Time{}, geotest.Built.Add(time.Duration(i)*time.Second)); err != nil {
			t.Fatal(err)
		}
		l.Refresh()
		if got := at(l, example).Country; got != "DE" {
			t.Fatalf("after byte %d of %d the example is in %q", i, len(after), got)
		}
	}
	l.Refresh()
	l.Refresh()
	if got := at(l, example).Country; got != "AT" {
		t.Errorf("when it was written to its end the example is in %q", got)
	}
	end()
	if n := counted(t, registry, "taken"); n != 2 {
		t.Errorf("%v files were taken", n)
	}
}

// What may lie where a good file lay. All of it leaves the old data in use,
// and is said in status, in the log, in a metric and, from the second look on,
// among the troubles that people are told of; a good file ends it.
func TestWhateverTakesThePlaceOfAGoodFile(t *testing.T) {
	t.Parallel()
	write := func(content []byte) func(*testing.T, string) {
		return func(t *testing.T, path string) { put(t, content, path) }
	}
	must := func(t *testing.T, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for what, test := range map[string]struct {
		put   func(t *testing.T, path string)
		words string
	}{
		"cut off in place": {func(t *testing.T, path string) { must(t, os.Truncate(path, 100)) }, "not a whole database"},
		"0 bytes":          {func(t *testing.T, path string) { must(t, os.Truncate(path, 0)) }, "it is empty"},
		"a folder":         {func(t *testing.T, path string) { must(t, os.Remove(path)); must(t, os.Mkdir(path, 0o700)) }, "it is a folder"},
		"a pipe":           {func(t *testing.T, path string) { must(t, os.Remove(path)); must(t, syscall.Mkfifo(path, 0o600)) }, "it is not an ordinary file"},
		"a loop of links": {func(t *testing.T, path string) {
			must(t, os.Remove(path))
			must(t, os.Symlink(filepath.Base(path), path))
		}, "too many levels of symbolic links"},
		"a link to nothing":  {func(t *testing.T, path string) { must(t, os.Remove(path)); must(t, os.Symlink("nowhere", path)) }, "there is no such file"},
		"nothing":            {func(t *testing.T, path string) { must(t, os.Remove(path)) }, "there is no such file"},
		"a text":             {write([]byte("<!doctype html><title>Not Found</title>")), "not a whole database"},
		"a network database": {write(of(64500)), "not City or Country data"},
		"an enormous file": {func(t *testing.T, path string) {
			put(t, nil, path)
			must(t, os.Truncate(path, 2<<30)) // takes no room on the disk
		}, "larger than 512 MiB"},
		"a file nobody may read": {func(t *testing.T, path string) {
			put(t, in("AT"), path)
			must(t, os.Chmod(path, 0))
			if f, err := os.Open(path); err == nil { // root may read everything
				must(t, f.Close())
				must(t, os.Remove(path))
				must(t, os.Symlink("/proc/self/mem/none", path))
			}
		}, "it "},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			registry := prometheus.NewRegistry()
			path := put(t, in("DE"), t.TempDir(), "places.mmdb")
			l := open(t, geo.Options{Database: path, Registerer: registry, Logger: slog.New(slog.NewTextHandler(&log, nil))})
			end := lookups(t, l, "DE")
			test.put(t, path)
			l.Refresh()
			if got := l.Troubles(); len(got) > 0 {
				t.Errorf("after one look people are told: %+v", got)
			}
			for range 3 {
				l.Refresh()
			}
			end()
			got := l.Troubles()
			if len(got) != 1 || got[0].Key != "geo.database" || got[0].Path != path || got[0].Failed {
				t.Fatalf("troubles: %+v", got)
			}
			says(t, got[0].Says, path+" was read before, but now ", test.words, "what was read before stays in use until a good City or Country file lies there")
			says(t, warned(l), got[0].Says)
			if n := strings.Count(log.String(), "location file not used"); n != 1 {
				t.Errorf("%d times in the log:\n%s", n, log.String())
			}
			if bad, refused := gauge(t, registry, "sessionwarden_geo_files_bad"), counted(t, registry, "refused"); bad != 1 || refused != 1 {
				t.Errorf("metrics: %v bad, %v refused", bad, refused)
			}
			end = lookups(t, l, "DE", "AT")
			if err := os.RemoveAll(path); err != nil {
				t.Fatal(err)
			}
			put(t, in("AT"), path)
			l.Refresh()
			l.Refresh() // where the disk gave it the old one's place it looks like one written over
			end()
			if at(l, example).Country != "AT" || len(l.Troubles()) > 0 || warned(l) != "" || gauge(t, registry, "sessionwarden_geo_files_bad") != 0 {
				t.Errorf("a good file came back: %+v, troubles %v, warnings %q", at(l, example), l.Troubles(), warned(l))
			}
		})
	}
}

// An older build is taken, as an owner may want it, and said in status.
func TestAnOlderFileIsNoTrouble(t *testing.T) {
	t.Parallel()
	path := put(t, in("DE"), t.TempDir(), "places.mmdb")
	l := open(t, geo.Options{Database: path})
	end := lookups(t, l, "DE", "AT")
	put(t, in("AT", geotest.BuiltAt(geotest.Built.AddDate(0, -1, 0))), path)
	for range 3 {
		l.Refresh()
	}
	end()
	if got := at(l, example).Country; got != "AT" || len(l.Troubles()) > 0 {
		t.Errorf("the example is in %q, troubles %v", got, l.Troubles())
	}
	says(t, warned(l), "before the data used until then")
}

func TestAFailedFileIsATroubleAtOnce(t *testing.T) {
	t.Parallel()
	l := open(t, geo.Options{Database: "/nowhere/1", ASNDatabase: "/nowhere/2"})
	got := l.Troubles()
	if len(got) != 2 || !got[0].Failed || !got[1].Failed || got[0].Key != "geo.database" || got[1].Key != "geo.asn_database" {
		t.Errorf("troubles: %+v", got)
	}
}
