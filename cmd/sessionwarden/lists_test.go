package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// exits puts a list of Tor exits of that age in the place of the file at path.
func (b *bubble) exits(path string, age time.Duration, addrs ...string) {
	b.t.Helper()
	swap(b.t, path, []byte(strings.Join(addrs, "\n")+"\n"))
	at := b.now().Add(-age)
	if err := os.Chtimes(path, at, at); err != nil {
		b.t.Fatal(err)
	}
}

// holding returns how many messages hold each of the words.
func (b *bubble) holding(words ...string) []int {
	var n []int
	for _, word := range words {
		n = append(n, holding(b.messages(), word))
	}
	return n
}

// A list that gets old, comes back and goes bad is told each time, and holds
// nothing up: what rests on places is done meanwhile.
func TestAListThatCannotBeUsedIsToldOnce(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		file := filepath.Join(t.TempDir(), "exits.txt")
		b.exits(file, 30*24*time.Hour-10*time.Minute, hostingAddr)
		b.geo = []string{fmt.Sprintf("tor_exits = %q", file)}
		want := func(when string, old, stale, good int) {
			t.Helper()
			b.pass(2 * time.Minute)
			if got := b.holding("A list cannot be used: Tor exits", "A list is not brought up to date: Tor exits", "A list that a rule rests on is in use again"); !slices.Equal(got, []int{old, stale, good}) {
				t.Fatalf("%s: told %v, want %v\n%q", when, got, []int{old, stale, good}, b.messages())
			}
		}
		b.atHome()
		b.start()
		want("all is well", 0, 0, 0)
		b.pass(20 * time.Minute)
		want("it is older than 30 days", 1, 0, 0)
		if s := b.app.status().Location; len(s.Lists) != 1 || s.Lists[0].Used || !strings.Contains(strings.Join(s.Warnings, "\n"), "older than 30 days is not used") || s.Failed != "" {
			t.Errorf("status: %+v", s)
		}
		tor := b.signIn(hostingAddr, chrome)
		thief := b.signIn(farAddr, chrome)
		b.pass(2 * polled)
		b.wantEnded(thief)
		b.restart()
		want("no start tells it again", 1, 0, 0)
		for _, f := range b.findings() {
			if f.Rule == "tor_network" {
				t.Errorf("an old list is used: %+v", f)
			}
		}
		b.exits(file, 0, hostingAddr)
		want("a new one came", 1, 0, 1)
		if a, ok := b.actionOn(tor); !ok || a.Hold.String() != "ask" {
			t.Errorf("the session that the new list names is not asked about: %+v", a)
		}
		swap(t, file, []byte("<!doctype html>"))
		want("it went bad", 1, 1, 1)
		b.exits(file, 0, otherAddr)
		want("good again", 1, 1, 2)
		b.wantEnded(thief)
	})
}

// The list is fetched every hour. Its answers change the judgement, and one that
// changes no session writes nothing.
func TestAFetchedListIsJudgedBy(t *testing.T) {
	tooLongForTheRaceDetector(t)
	t.Parallel()
	inBubble(t, func(b *bubble) {
		var list atomic.Pointer[string]
		put := func(text string) { list.Store(&text) }
		put(otherAddr)
		b.lists = func(req *http.Request) *http.Response {
			w := httptest.NewRecorder()
			_, _ = w.WriteString(*list.Load())
			return w.Result()
		}
		b.geo = []string{`tor_exits = "https://lists.example.com/exits"`}
		b.rules = []string{`tor_network = "disconnect"`}
		home := b.atHome()
		b.start()
		b.pass(3 * time.Hour)
		before := b.app.db.NextID()
		put(otherAddr + "\n" + hostingAddr)
		b.pass(3 * time.Hour)
		if n := b.app.db.NextID() - before; n != 1 {
			t.Errorf("a list that changes no session gave %d ids away", n-1)
		}
		tor := b.signIn(hostingAddr, chrome)
		b.pass(2 * polled)
		b.wantEnded(tor)
		put(otherAddr + "\n" + homeAddr)
		b.pass(2 * time.Hour)
		b.wantEnded(tor) // the owner's own is asked about at most
		if a, ok := b.actionOn(home); !ok || a.Hold.String() != "ask" && a.State.String() != "denied" {
			t.Errorf("the owner was not asked: %+v", a)
		}
	})
}

// The rules through the real program, from a file and from an address.
func TestTorAndVPNThroughTheRealProgram(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	vpn := filepath.Join(w.dir, "vpn.txt")
	swap(t, vpn, []byte("# mine\n"+homeAddr2+"\n"))
	fetched := serving(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Header.Get("If-None-Match") != "" {
			rw.WriteHeader(http.StatusNotModified)
			return
		}
		rw.Header().Set("ETag", `"one"`)
		fmt.Fprintf(rw, "%s\n2001:db8::1\n", hostingAddr)
	}))
	w.geo = []string{fmt.Sprintf("tor_exits = %q", fetched+"/exits"), fmt.Sprintf("vpn_networks = %q", vpn)}
	w.rules = []string{`hosting_network = "off"`, `new_network = "off"`}
	w.atHome()
	p := w.start()
	w.eventually("the list is fetched", func() bool {
		info, err := os.Stat(filepath.Join(w.dir, "data", "lists", "tor_exits"))
		return err == nil && info.Mode().Perm() == 0o600
	})
	w.signIn(hostingAddr, chrome, 0)
	w.signIn(homeAddr2, chrome, 0)
	w.eventually("both are found", func() bool { return len(w.rows("findings")) == 2 })
	var rules []string
	for _, row := range w.rows("findings") {
		rules = append(rules, fmt.Sprint(row["rule"], " ", row["response"], " ", row["severity"]))
	}
	slices.Sort(rules)
	if !slices.Equal(rules, []string{"tor_network ask critical", "vpn_network log info"}) {
		t.Errorf("findings: %v", rules)
	}
	if hold := w.action("held")["hold"]; hold != "ask" {
		t.Errorf("held by %v", hold)
	}
	w.eventually("people are told", func() bool { return holding(w.messages(), "exit of the Tor network") > 0 })
	for command, words := range map[string][]string{
		"sessions": {"(Tor)", "(VPN)"},
		"status":   {"list geo.tor_exits: 2 entries, ", "list geo.vpn_networks: 1 entry, "},
		"check":    {"geo.tor_exits: 2 entries, from " + fetched + "/exits of ", "geo.vpn_networks: 1 entry, from "},
	} {
		out := strings.Join(strings.Fields(w.must(command)), " ")
		for _, word := range words {
			if !strings.Contains(out, word) {
				t.Errorf("%s does not say %q:\n%s", command, word, out)
			}
		}
	}
	if out := w.must("geo", "lookup", hostingAddr, homeAddr2, homeAddr); !strings.Contains(out, "hosting, Tor exit") || strings.Count(out, "VPN") != 1 {
		t.Errorf("geo lookup:\n%s", out)
	}
	if code := p.stop(); code != 0 {
		t.Errorf("stopped with %d", code)
	}
}

func TestCheckSaysHowToGetAList(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write()
	out := strings.Join(strings.Fields(w.must("check", "--offline")), " ")
	for _, word := range []string{"note tor_network: it finds nothing, as no list of Tor exits is named", `tor_exits = "https://check.torproject.org/torbulkexitlist"`, "note vpn_network: it finds nothing"} {
		if !strings.Contains(out, word) {
			t.Errorf("check does not say %q:\n%s", word, out)
		}
	}
	w.rules = []string{`tor_network = "off"`, `vpn_network = "off"`}
	w.write()
	if out := w.must("check", "--offline"); strings.Contains(out, "tor_network") || strings.Contains(out, "vpn_network") {
		t.Errorf("nobody asks for it:\n%s", out)
	}
	w.geo = []string{`tor_exits = "/nonexistent/exits.txt"`, `vpn_networks = "https://lists.example.com/vpn?key=canary-list"`}
	w.write()
	out, _, status := w.cli("check", "--offline")
	out = strings.Join(strings.Fields(out), " ")
	for _, word := range []string{"FAIL geo.tor_exits: geo.tor_exits names /nonexistent/exits.txt, but there is no such file", "note geo.vpn_networks: the list of VPN networks at https://lists.example.com/vpn was not fetched yet"} {
		if status != 1 || !strings.Contains(out, word) {
			t.Errorf("%d: check does not say %q:\n%s", status, word, out)
		}
	}
	if strings.Contains(out, "canary-list") {
		t.Errorf("a secret is shown:\n%s", out)
	}
}

// Who runs the program from a timer has no daemon that fetches.
func TestRunOnceFetchesTheList(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var asked atomic.Int64
	fetched := serving(t, http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		fmt.Fprintln(rw, hostingAddr)
	}))
	w.geo = []string{fmt.Sprintf("tor_exits = %q", fetched+"/exits")}
	w.atHome()
	w.signIn(hostingAddr, chrome, time.Hour)
	w.write()
	if out := w.must("run", "--once"); !strings.Contains(out, "tor_network: ") {
		t.Errorf("nothing was found:\n%s", out)
	}
	w.must("run", "--once")
	if n := asked.Load(); n != 1 {
		t.Errorf("the list was fetched %d times within an hour", n)
	}
}
