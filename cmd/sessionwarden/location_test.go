package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"sessionwarden"
	"sessionwarden/geo/geotest"
)

// places returns a Country database that puts the owner's home there. What it
// does not know is looked up in the built-in data.
func places(country string, options ...geotest.Option) []byte {
	return geotest.Country(map[string]string{"91.10.20.0/24": country}, options...)
}

// swap puts content in the place of the file at path at once, as geoipupdate
// does.
func swap(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path+".new", content, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// holding counts the texts that hold part.
func holding(texts []string, part string) int {
	n := 0
	for _, text := range texts {
		if strings.Contains(text, part) {
			n++
		}
	}
	return n
}

func TestALocationFileThatGoesBadIsToldOnce(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		file := filepath.Join(t.TempDir(), "places.mmdb")
		swap(t, file, places("DE"))
		b.geo = []string{fmt.Sprintf("database = %q", file)}
		want := func(when string, stale, failed, good int) {
			t.Helper()
			b.pass(2 * time.Minute)
			var texts []string
			for _, a := range b.alerts() {
				texts = append(texts, a.Title)
			}
			got := [3]int{holding(texts, "is not good any more"), holding(texts, "The location data cannot be relied on"), holding(texts, "The location data can be relied on again")}
			if got != [3]int{stale, failed, good} || len(b.messages()) != len(texts) {
				t.Fatalf("%s: told %v, want %v\n%q\n%q", when, got, [3]int{stale, failed, good}, texts, b.messages())
			}
		}
		b.atHome()
		b.start()
		want("all is well", 0, 0, 0)
		swap(t, file, []byte("<!doctype html>"))
		want("the file went bad", 1, 0, 0)
		if s := b.app.status().Location; len(s.Warnings) != 1 || !strings.Contains(s.Warnings[0], "was read before, but now it is not a whole database") {
			t.Errorf("status: %+v", s)
		}
		swap(t, file, []byte("bad in another way"))
		want("it is still bad", 1, 0, 0)
		swap(t, file, places("DE"))
		want("a good one came", 1, 0, 1)
		swap(t, file, []byte("bad again"))
		want("bad again", 2, 0, 1)
		b.restart()
		want("the old data is lost with a restart", 2, 1, 1)
		b.restart()
		b.restart()
		want("no start tells it again", 2, 1, 1)
		thief := b.signIn(farAddr, chrome)
		b.pass(2 * polled)
		if a, _ := b.actionOn(thief); a.Hold != sessionwarden.HeldByGeo {
			t.Errorf("the intruder's action is %v by %v: what rests on places has to wait for a person", a.State, a.Hold)
		}
		swap(t, file, places("DE"))
		want("good at last", 2, 1, 2)
		b.restart()
		want("after a restart", 2, 1, 2)
		b.geo = []string{`database = "/nowhere/places.mmdb"`}
		b.restart()
		want("another file that is missing", 2, 2, 2)
		b.geo = nil
		b.restart()
		want("it is asked for no more", 2, 2, 3)
	})
}

func TestOldLocationDataIsWarnedAboutEverywhere(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		file := filepath.Join(t.TempDir(), "places.mmdb")
		swap(t, file, places("DE", geotest.BuiltAt(b.now().AddDate(0, 0, -181))))
		b.geo = []string{fmt.Sprintf("database = %q", file)}
		b.atHome()
		b.start()
		b.pass(time.Minute)
		if n := len(b.messages()); n != 0 {
			t.Errorf("age alone made %d messages: %q", n, b.messages())
		}
		thief := b.signIn(farAddr, chrome)
		b.pass(2 * polled)
		b.wantEnded(thief) // nothing else changes
		if !b.told("It is 181 days old: places may be wrong") {
			t.Errorf("no message says how old the data is: %q", b.messages())
		}
		s := b.app.status().Location
		if !slices.ContainsFunc(s.Warnings, func(w string) bool { return strings.Contains(w, "is 181 days old") }) || s.Failed != "" {
			t.Errorf("status: %+v", s)
		}
		families, err := b.app.registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, f := range families {
			for _, m := range f.GetMetric() {
				found = found || f.GetName() == "sessionwarden_geo_built_timestamp_seconds" && m.GetGauge().GetValue() == float64(s.CountryBuilt.Unix())
			}
		}
		if !found {
			t.Error("no metric says when the data was made")
		}
	})
}

// The location file of the real program is in memory and not mapped: what
// happens to the file cannot reach it. The builds move a session that is known,
// and back.
func TestLocationFileOfTheRealProgramUnderFire(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	file := filepath.Join(w.dir, "places-under-fire.mmdb")
	swap(t, file, places("DE"))
	w.geo = []string{fmt.Sprintf("database = %q", file)}
	owner := w.atHome()
	p := w.start()
	look := func() {
		t.Helper()
		const done = "the configuration was read again"
		before := strings.Count(p.stderr.String(), done)
		if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		w.eventually("the files are looked at", func() bool { return strings.Count(p.stderr.String(), done) > before })
	}
	country := func() string {
		for _, row := range w.rows("sessions") {
			if row["id"] == owner {
				return fmt.Sprint(row["country"])
			}
		}
		return ""
	}
	if runtime.GOOS == "linux" {
		maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", p.cmd.Process.Pid))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(maps), "places-under-fire") || !strings.Contains(string(maps), "sessionwarden.db") {
			t.Errorf("the location file is mapped, or the database is not:\n%s", maps)
		}
	}
	for _, size := range []int64{4096, 100, 0} {
		if err := os.Truncate(file, size); err != nil {
			t.Fatal(err)
		}
		look()
		look()
		if got := country(); got != "DE" {
			t.Fatalf("cut to %d bytes: the owner is in %q", size, got)
		}
	}
	w.eventually("people are told", func() bool { return holding(w.messages(), "is not good any more") > 0 })
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	look()
	look()
	if out := w.must("status"); !strings.Contains(out, "there is no such file") {
		t.Errorf("status does not say what is wrong:\n%s", out)
	}
	if code, page := p.get("/metrics"); code != 200 || !strings.Contains(page, "\nsessionwarden_geo_files_bad 1\n") {
		t.Errorf("%d: the metric does not say that a file is bad", code)
	}
	if !strings.Contains(p.stderr.String(), "location file not used") {
		t.Error("the log does not say it")
	}

	swap(t, file, places("VN"))
	look()
	w.eventually("the owner is asked about the session that the new data moves", func() bool { return w.action("held") != nil })
	if hold := w.action("held")["hold"]; hold != "ask" {
		t.Errorf("held by %v", hold)
	}
	if out := w.must("history"); !strings.Contains(out, "VN (reclassified, was DE)") {
		t.Errorf("the history has no note:\n%s", out)
	}
	if out := w.must("status"); !strings.Contains(strings.Join(strings.Fields(out), " "), "1 reclassified by new location data") {
		t.Errorf("status has no note:\n%s", out)
	}
	swap(t, file, places("DE"))
	look()
	w.eventually("back where it was", func() bool { return country() == "DE" })
	swap(t, file, places("VN"))
	look()
	w.eventually("and there again", func() bool { return country() == "VN" })
	w.polls(3)
	if got := w.ended("main"); len(got) != 0 {
		t.Errorf("new location data ended %v", got)
	}
	if got := w.states(); !slices.Equal(got, []string{"held"}) {
		t.Errorf("actions: %v", got)
	}
	var rules []string
	for _, row := range w.rows("findings") {
		rules = append(rules, fmt.Sprint(row["rule"], " ", row["response"]))
	}
	if !slices.Equal(rules, []string{"unexpected_country ask"}) {
		t.Errorf("findings: %v", rules)
	}
	if texts := w.messages(); holding(texts, "is not good any more") != 1 || holding(texts, "can be relied on again") != 1 {
		t.Errorf("messages: %q", texts)
	}
	if code := p.stop(); code != 0 {
		t.Errorf("stopped with %d", code)
	}
}
