package geo_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sessionwarden/geo"
)

// dated gives the file at path a time: so many days before the tests' own.
func dated(t testing.TB, path string, days int) string {
	t.Helper()
	at := on.AddDate(0, 0, -days)
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
	return path
}

// exits writes a list that is a day old, and returns its path.
func exits(t testing.TB, text string, path ...string) string {
	t.Helper()
	if path == nil {
		path = []string{t.TempDir(), "list.txt"}
	}
	return dated(t, put(t, []byte(text), path...), 1)
}

func TestWhatAListNames(t *testing.T) {
	t.Parallel()
	for what, test := range map[string]struct {
		text    string
		in, out []string
		entries int
	}{
		"addresses, as Tor lists its exits": {"203.0.113.7\n203.0.113.9\n2001:db8::7\n",
			[]string{"203.0.113.7", "203.0.113.9", "2001:db8::7", "::ffff:203.0.113.7", "64:ff9b::203.0.113.9"}, []string{"203.0.113.8", "2001:db8::8", "8.8.8.8"}, 3},
		"Tor's list with dates": {"ExitNode 0011BD2485AD45D984EC4159C88FC066E5E3300E\nPublished 2026-06-20 07:21:03\nLastStatus 2026-06-20 18:00:00\nExitAddress 203.0.113.7 2026-06-20 18:12:03\n",
			[]string{"203.0.113.7"}, []string{"203.0.113.8"}, 1},
		"networks":                 {"203.0.113.0/25\n2001:db8:1::/48", []string{"203.0.113.0", "203.0.113.127", "2001:db8:1:ffff::1"}, []string{"203.0.113.128", "2001:db8:2::1"}, 2},
		"a network by one of its":  {"203.0.113.77/25", []string{"203.0.113.1"}, []string{"203.0.113.200"}, 1},
		"networks in one another":  {"203.0.113.0/24\n203.0.113.7\n203.0.113.0/25\n203.0.113.7", []string{"203.0.113.250"}, []string{"8.8.4.4"}, 4},
		"mapped into IPv6":         {"::ffff:203.0.113.7\n::ffff:203.0.113.64/122", []string{"203.0.113.7", "203.0.113.66"}, []string{"203.0.113.8"}, 2},
		"autonomous systems":       {"AS15169\nas559 Some University # and a remark\n", []string{"8.8.8.8", "129.132.1.1"}, []string{"130.237.28.40", "203.0.113.7"}, 2},
		"comments and empty lines": {"\xef\xbb\xbf# a list\r\n\r\n  203.0.113.7  \t# one of them\r\n#203.0.113.8\r\n", []string{"203.0.113.7"}, []string{"203.0.113.8"}, 1},
		"no newline at the end":    {"203.0.113.7", []string{"203.0.113.7"}, nil, 1},
		"some lines that are none": {"203.0.113.7\n203.0.113.8\nhello\n203.0.113.9\n1.2.3\n0.0.0.0/0\n::/3\nfe80::1%eth0", []string{"203.0.113.9"}, []string{"1.2.3.4", "2001:db8::1"}, 3},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			if what == "some lines that are none" {
				test.text += strings.Repeat("\n203.0.113.7", 9)
				test.entries += 9
			}
			l := open(t, geo.Options{TorExits: exits(t, test.text)})
			other := open(t, geo.Options{VPNNetworks: exits(t, test.text)})
			for _, addr := range test.in {
				if got := at(l, addr); !got.Tor || got.VPN {
					t.Errorf("%s, listed as an exit, is %+v", addr, got)
				}
				if got := at(other, addr); got.Tor || !got.VPN {
					t.Errorf("%s, listed as a VPN, is %+v", addr, got)
				}
			}
			for _, addr := range test.out {
				if got := at(l, addr); got.Tor || got.VPN {
					t.Errorf("%s is not listed, but %+v", addr, got)
				}
			}
			lists := l.Status().Lists
			if len(lists) != 1 || lists[0].Entries != test.entries || !lists[0].Used || lists[0].Key != "geo.tor_exits" || lists[0].Problem != "" {
				t.Errorf("status: %+v", lists)
			}
		})
	}
}

func TestLinesThatAreNoneAreCounted(t *testing.T) {
	t.Parallel()
	l := open(t, geo.Options{VPNNetworks: exits(t, "203.0.113.7\n\nhello\n203.0.113.8\nworld\n203.0.113.9\n")})
	says(t, warned(l), "2 lines of the list of VPN networks, ", "the first of them line 3: they are passed over")
	if len(l.Troubles()) > 0 {
		t.Errorf("that is no trouble: %+v", l.Troubles())
	}
}

// notLists are files that must not be used, by why.
func notLists() map[string][2]string {
	var half, wide strings.Builder
	for i := range 128 {
		fmt.Fprintf(&half, "%d.0.0.0/8\n", i)
	}
	for i := range 0x2000 {
		fmt.Fprintf(&wide, "%x::/16\n", 0x2000+i)
	}
	return map[string][2]string{
		"nothing":             {"", "it is empty"},
		"only remarks":        {"# nothing yet\n\n", "it is empty"},
		"a web page":          {"<!doctype html>\n<title>Not Found</title>\n<p>You are\n203.0.113.7\n</p>", "it is no list: of its lines 1 are addresses"},
		"words":               {"hello\nworld", "it is no list: none of its 2 lines is an address"},
		"everybody":           {"0.0.0.0/0\n::/0", "it is no list"},
		"half of everybody":   {half.String(), "more than a quarter of all addresses"},
		"half of everybody 6": {wide.String(), "more than a quarter of all addresses"},
		"a database":          {string(in("DE")), "it is no list"},
		"too long":            {strings.Repeat("203.0.113.7\n", 500_001), "it has more than 500000 entries"},
		"too large":           {strings.Repeat("#", 16<<20+1), "it is larger than 16 MiB"},
		"one enormous line":   {strings.Repeat("203.0.113.7 ", 1<<16), "it is no list"},
	}
}

func TestWhatIsNoListIsNotUsed(t *testing.T) {
	t.Parallel()
	for what, test := range notLists() {
		t.Run(what, func(t *testing.T) {
			if testing.Short() && what == "too long" {
				t.Skip("it is about a size, and takes ten times as long under the race detector")
			}
			t.Parallel()
			path := exits(t, test[0])
			l := open(t, geo.Options{TorExits: path})
			got := l.Troubles()
			if len(got) != 1 || !got[0].Failed || got[0].List != "Tor exits" || got[0].Key != "geo.tor_exits" || got[0].Path != path {
				t.Fatalf("troubles: %+v", got)
			}
			says(t, got[0].Says, "geo.tor_exits names "+path+", but ", test[1], "the rule tor_network does without it until a good list is there")
			s := l.Status()
			says(t, warned(l), got[0].Says)
			if s.Failed != "" || l.Failed() != "" {
				t.Errorf("no place rests on a list, but: %q", s.Failed)
			}
			if len(s.Lists) != 1 || s.Lists[0].Used || s.Lists[0].Problem != got[0].Says || at(l, example).Tor {
				t.Errorf("it is used: %+v", s.Lists)
			}

			// The same where a good one lay.
			path = exits(t, example)
			l = open(t, geo.Options{TorExits: path})
			before := l.Generation()
			exits(t, test[0], path)
			l.Refresh()
			if got := l.Troubles(); len(got) > 0 {
				t.Errorf("after one look people are told: %+v", got)
			}
			l.Refresh()
			got = l.Troubles()
			if len(got) != 1 || got[0].Failed || !at(l, example).Tor || l.Generation() != before {
				t.Fatalf("troubles %+v, %+v", got, at(l, example))
			}
			says(t, got[0].Says, "was good on 2026-", ", but now ", test[1], "what was read before stays in use for 30 days")
			exits(t, "203.0.113.0/24", path)
			l.Refresh()
			l.Refresh()
			if len(l.Troubles()) > 0 || warned(l) != "" || !at(l, example).Tor {
				t.Errorf("a good one came: %+v %q", l.Troubles(), warned(l))
			}
		})
	}
}

func TestAListFileThatIsNotThere(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "late.txt")
	l := open(t, geo.Options{TorExits: path, VPNNetworks: t.TempDir()})
	got := l.Troubles()
	if len(got) != 2 || !got[0].Failed || !got[1].Failed {
		t.Fatalf("troubles: %+v", got)
	}
	says(t, got[0].Says, "there is no such file")
	says(t, got[1].Says, "it is a folder", "the rule vpn_network does without it")
	exits(t, example, path)
	l.Refresh()
	if !at(l, example).Tor || len(l.Troubles()) != 1 {
		t.Errorf("after it came: %+v, %+v", at(l, example), l.Troubles())
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	l.Refresh()
	l.Refresh()
	if got := l.Troubles(); len(got) != 2 || got[0].Failed || !at(l, example).Tor {
		t.Errorf("after it went: %+v, %+v", got, at(l, example))
	}
}

// Only what a list names counts, not how it is written or when.
func TestTheGenerationRisesWithTheContentOnly(t *testing.T) {
	t.Parallel()
	path := exits(t, "203.0.113.7\n203.0.113.9\nAS64500\n")
	l := open(t, geo.Options{TorExits: path})
	before := l.Generation()
	for _, same := range []string{
		"203.0.113.7\n203.0.113.9\nAS64500\n", "# new\nAS64500\n203.0.113.9\n203.0.113.7\n203.0.113.7\n", "203.0.113.7/32\n::ffff:203.0.113.9\nAS64500 Name",
	} {
		exits(t, same, path)
		l.Refresh()
		l.Refresh()
		if got := l.Generation(); got != before {
			t.Errorf("%q names the same, but the generation went from %d to %d", same, before, got)
		}
	}
	for _, other := range []string{"203.0.113.7\nAS64500", "203.0.113.7", "203.0.113.7\nAS64501"} {
		exits(t, other, path)
		l.Refresh()
		l.Refresh()
		if got := l.Generation(); got != before+1 {
			t.Errorf("%q is another list, but the generation went from %d to %d", other, before, got)
		}
		before = l.Generation()
	}
}

// A list that is written over in place is half a list for a while.
func TestAListOverwrittenInPlaceIsReadOnceItIsAtRest(t *testing.T) {
	t.Parallel()
	path := exits(t, "203.0.113.1\n203.0.113.2\n203.0.113.7\n")
	l := open(t, geo.Options{TorExits: path})
	for i, text := range []string{"203.0.113.1\n", "203.0.113.1\n203.0.113.2\n", "203.0.113.1\n203.0.113.2\n203.0.113.7\n203.0.113.9\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		dated(t, path, -i)
		l.Refresh()
		if !at(l, example).Tor {
			t.Fatalf("after %d lines the example is on no list", i+1)
		}
	}
	l.Refresh()
	if !at(l, example).Tor || !at(l, "203.0.113.9").Tor {
		t.Error("when it was written to its end the new list is not used")
	}
}

func TestAListOlderThan30DaysIsIgnored(t *testing.T) {
	t.Parallel()
	const dates = "ExitAddress 203.0.113.7 2026-05-01 18:12:03\nExitAddress 203.0.113.8 2026-05-15 18:12:03\n"
	for what, test := range map[string]struct {
		text string
		days int // of the file
		old  bool
	}{
		"a new file":                         {example, 29, false},
		"an old one":                         {example, 31, true},
		"a file of tomorrow":                 {example, -1, false},
		"a new file with old dates":          {dates, 1, true},
		"an old one with new dates":          {strings.ReplaceAll(dates, "2026-05", "2026-06"), 31, true},
		"new dates":                          {strings.ReplaceAll(dates, "2026-05", "2026-06"), 1, false},
		"an old date at the head":            {"# Tor exits\n# Last updated: 2026-04-01 12:00 UTC\n" + example, 1, true},
		"a new one":                          {"# Generated on 2026-06-20\n" + example, 1, false},
		"a date that is not of the list":     {"# (C) 2019-01-01 by somebody\n" + example, 1, false},
		"a date of an entry":                 {example + "\n# updated 2019-01-01\n203.0.113.9 # updated 2019-01-01\n", 1, false},
		"a date that is none":                {"# updated 2026-19-39\n" + example, 1, false},
		"a date in the far future is no age": {"# updated 2099-01-01\n" + example, 31, true},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			path := dated(t, put(t, []byte(test.text), t.TempDir(), "list.txt"), test.days)
			l := open(t, geo.Options{TorExits: path})
			if got := at(l, example).Tor; got == test.old {
				t.Errorf("used: %t", got)
			}
			got := l.Troubles()
			if !test.old {
				if len(got) > 0 || warned(l) != "" {
					t.Errorf("it is new, but %+v %q", got, warned(l))
				}
				return
			}
			if len(got) != 1 || !got[0].Failed {
				t.Fatalf("troubles: %+v", got)
			}
			says(t, got[0].Says, "the list of Tor exits, "+path+", is of 2026-0", "one that is older than 30 days is not used: the rule tor_network does without it")
			says(t, warned(l), got[0].Says)
			if s := l.Status(); s.Failed != "" || len(s.Lists) != 1 || s.Lists[0].Used || s.Lists[0].Entries == 0 {
				t.Errorf("status: %+v", s)
			}
		})
	}
}

// Nothing changes on the disk; only time goes by.
func TestAListGetsOldWhileItIsInUse(t *testing.T) {
	t.Parallel()
	var day atomic.Int64
	path := exits(t, example)
	registry := prometheus.NewRegistry()
	l := open(t, geo.Options{TorExits: path, Registerer: registry, Now: func() time.Time { return on.AddDate(0, 0, int(day.Load())) }})
	before := l.Generation()
	if n := gauge(t, registry, "sessionwarden_geo_list_entries"); n != 1 {
		t.Errorf("the metric says %v", n)
	}
	day.Store(28)
	l.Refresh()
	if !at(l, example).Tor || l.Generation() != before {
		t.Error("it is not old yet")
	}
	day.Store(30)
	l.Refresh()
	if at(l, example).Tor || l.Generation() != before+1 || len(l.Troubles()) != 1 || gauge(t, registry, "sessionwarden_geo_list_entries") != 0 {
		t.Errorf("it is old: %+v, generation %d after %d, troubles %+v", at(l, example), l.Generation(), before, l.Troubles())
	}
	l.Refresh()
	if l.Generation() != before+1 {
		t.Error("it is still the same")
	}
	dated(t, path, -29)
	l.Refresh()
	l.Refresh()
	if !at(l, example).Tor || l.Generation() != before+2 || len(l.Troubles()) > 0 {
		t.Error("somebody looked at it and found it right")
	}
}

func TestListsAreSwappedUnderLookups(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	both := [2]string{"203.0.113.7\n203.0.113.8\n", "203.0.113.7\n203.0.113.9\n"}
	path := exits(t, both[0], dir, "list.txt")
	l := open(t, geo.Options{TorExits: path, VPNNetworks: path})
	var stop atomic.Bool
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for !stop.Load() {
				if got := at(l, example); !got.Tor || !got.VPN {
					t.Errorf("it is on every list, but %+v", got)
					return
				}
				if at(l, "203.0.113.10").Tor {
					t.Error("it is on no list")
					return
				}
				_, _ = l.Status(), l.Troubles()
			}
		})
	}
	for i := range 100 {
		exits(t, both[i%2], dir, "list.txt")
		l.Refresh()
	}
	stop.Store(true)
	all.Wait()
}
