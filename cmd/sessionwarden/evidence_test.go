package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sessionwarden"
	"sessionwarden/mannco/manncotest"
)

// An intrusion becomes a file, with the daemon running and without; checked, it is
// whole and was made here. Whatever is changed in it is found.
func TestEvidenceOfAnIntrusion(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.defaults = append(w.defaults, `account_every = "1s"`)
	home := w.atHome()
	p := w.start()
	w.eventually("the account was looked at", func() bool { return w.service.Count("main", manncotest.RouteNotifications) > 0 })
	w.polls(2)
	thief := w.signIn(farAddr, chrome, 0)
	w.service.Change("main", func(f *manncotest.Facts) { f.TradeURL = "https://steamcommunity.example/?partner=666&token=thief" })
	w.eventually("it is proven gone", func() bool { return w.action("verified") != nil && w.found("trade_url_changed", "") })
	id := w.rows("incidents")[0]["id"].(string)

	name := "evidence-main-" + id + "-" + time.Now().UTC().Format("20060102") + ".html"
	out := w.must("evidence", id)
	w.fits("evidence", out)
	path := filepath.Join(w.dir, name)
	page := readFile(t, path)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v: want mode 0600", info.Mode(), err)
	}
	for _, want := range []string{
		thief, home, farAddr, homeAddr, "Ended, and proven gone", "gone from the service&#39;s complete list", "partner=666&amp;token=thief",
		"IP Geolocation by DB-IP", "built-in DBIP-Country-Lite", "unexpected country", "trade URL", "sessionwarden " + version,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the file lacks %q", want)
		}
	}
	t.Log(out)
	verified := w.must("evidence", "verify", name)
	w.fits("evidence verify", verified)
	head := w.head(out)
	if !strings.Contains(verified, "Whole:") || !strings.Contains(verified, "this installation made it") || !strings.Contains(verified, head) || !strings.Contains(page, head) {
		t.Errorf("verified as\n%s", verified)
	}
	t.Log(verified)

	if _, said, status := w.cli("evidence", id); status != 1 || !strings.Contains(said, "nothing is overwritten") || readFile(t, path) != page {
		t.Errorf("a second time: status %d, %s", status, said)
	}
	if issued := w.rows("incidents")[0]["issued"].([]any); len(issued) != 1 || issued[0].(map[string]any)["head"] != head {
		t.Errorf("issued: %v", issued)
	}

	p.stop()
	second := w.must("evidence", id, "--out", "second.html")
	if w.head(second) == head {
		t.Error("two files have one head")
	}
	for _, file := range []string{name, "second.html"} { // what the daemon issued, and what a command did
		if out := w.must("evidence", "verify", file); !strings.Contains(out, "this installation made it") {
			t.Errorf("%s, without the daemon: %s", file, out)
		}
	}
	if text := readFile(t, filepath.Join(w.dir, "second.html")); !strings.Contains(text, head) {
		t.Error("the second file does not name the first one's head")
	}
	w.tampered(page, thief)
}

// tampered checks that what was changed is found, and what was made up, told.
func (w *world) tampered(page, thief string) {
	w.t.Helper()
	verify := func(text string, args ...string) (string, int) {
		file := filepath.Join(w.dir, "tampered.html")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			w.t.Fatal(err)
		}
		out, errs, status := w.cli(append([]string{"evidence", "verify", "tampered.html"}, args...)...)
		w.fits("evidence verify", out)
		return strings.Join(strings.Fields(out+errs), " "), status
	}
	visible, records, _ := strings.Cut(page, `<pre id="records">`)
	for name, c := range map[string][2]string{
		"a record":    {visible + `<pre id="records">` + strings.Replace(records, farAddr, homeAddr2, 1), "Record "},
		"the page":    {strings.Replace(visible, farAddr, homeAddr2, 1) + `<pre id="records">` + records, "The visible page"},
		"its end":     {page[:len(page)-2000], "not whole"},
		"all of it":   {"hello", "no evidence file"},
		"the session": {strings.ReplaceAll(page, thief, "4711"), "Record "},
	} {
		if out, status := verify(c[0]); status != 1 || !strings.Contains(out, "NOT AS IT WAS MADE") || !strings.Contains(out, c[1]) {
			w.t.Errorf("%s was changed: status %d, %s", name, status, out)
		}
	}
	// Another installation's file is whole, and was not made here.
	other := newWorld(w.t)
	other.atHome()
	other.start()
	other.signIn(farAddr, chrome, 0)
	other.eventually("it is proven gone", func() bool { return other.action("verified") != nil })
	other.must("evidence", other.rows("incidents")[0]["id"].(string), "--out", "theirs.html")
	theirs := readFile(w.t, filepath.Join(other.dir, "theirs.html"))
	if out, status := verify(theirs); status != 1 || strings.Contains(out, "Whole:") || !strings.HasPrefix(out, "NOT MADE HERE: ") {
		w.t.Errorf("another installation's: status %d, %s", status, out)
	}
	out, status := verify(theirs, "--offline")
	if status != 0 || strings.Contains(out, "Whole:") || !strings.HasPrefix(out, "COMPARE THE HEAD: ") || !strings.Contains(out, "not looked at") {
		w.t.Errorf("another installation's, offline: status %d, %s", status, out)
	}
	head := strings.Fields(out)[4]
	if out, status := verify(theirs, "--head", strings.ToUpper(head)); status != 0 || !strings.HasPrefix(out, "Whole: ") {
		w.t.Errorf("with its head: status %d, %s", status, out)
	}
	if out, status := verify(page, "--head", head); status != 1 || !strings.HasPrefix(out, "ANOTHER FILE: ") {
		w.t.Errorf("with the head of another one: status %d, %s", status, out)
	}
	for _, wrong := range []string{"", head[1:], head[1:] + "g"} {
		if out, status := verify(page, "--head", wrong); status != 2 || !strings.Contains(out, "wants the whole head") {
			w.t.Errorf("--head %q: status %d, %s", wrong, status, out)
		}
	}
}

// head is what the command said the head of the chain is.
func (w *world) head(out string) string {
	w.t.Helper()
	_, rest, ok := strings.Cut(out, "Head of its chain:\n  ")
	head, _, _ := strings.Cut(rest, "\n")
	if !ok || len(head) != 64 {
		w.t.Fatalf("no head is said: %s", out)
	}
	return head
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// On a machine that has no history, as the support's, a file is checked all the
// same. What cannot be is said; no file is left behind.
func TestEvidenceWhereNothingIsRecorded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write()
	golden, err := filepath.Abs("../../evidence/testdata/format1.html")
	if err != nil {
		t.Fatal(err)
	}
	if out := w.must("evidence", "verify", golden); !strings.HasPrefix(out, "COMPARE THE HEAD: ") || !strings.Contains(out, "not known: nothing has been recorded here") {
		t.Errorf("no history: %s", out)
	}
	if _, said, status := w.cli("evidence", "7"); status != 1 || !strings.Contains(said, "nothing has been recorded yet") {
		t.Errorf("no history: status %d, %s", status, said)
	}
	w.atHome()
	w.start()
	for _, c := range []struct {
		args   []string
		says   string
		status int
	}{
		{[]string{"evidence", "7000"}, "no incident 7000", 1},
		{[]string{"evidence", "x"}, "is no incident", 2},
		{[]string{"evidence"}, "wants the id", 2},
		{[]string{"evidence", "verify"}, "wants a file", 2},
		{[]string{"evidence", "verify", "nowhere.html"}, "nowhere.html", 1},
		{[]string{"evidence", "verify", "."}, "reading the file", 1},
		{[]string{"evidence", "verify", golden}, "", 1}, // this installation has not made it
	} {
		out, said, status := w.cli(c.args...)
		if status != c.status || !strings.Contains(out+said, c.says) {
			t.Errorf("%v: status %d, %s%s", c.args, status, out, said)
		}
	}
	left, err := filepath.Glob(filepath.Join(w.dir, "*.html"))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// A file of an incident that is over, and of one whose account is not in the
// configuration any more; both outlast a restart.
func TestEvidenceOfWhatIsOver(t *testing.T) {
	tooLongForTheRaceDetector(t)
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.atHome()
		b.start()
		b.pass(time.Minute)
		b.signIn(farAddr, chrome)
		b.pass(2 * time.Hour)
		over := b.incidents()[0]
		if over.Open() {
			t.Fatal("it is not over")
		}
		made, err := notary{b.app}.issue(t.Context(), over.ID)
		if err != nil {
			t.Fatal(err)
		}
		now := b.incidents()[0]
		if len(now.Issued) != 1 || now.Issued[0].Head != made.Head || !now.Issued[0].At.Equal(made.Made) || !now.Updated.Equal(over.Updated) || now.Open() {
			t.Errorf("issued: %+v", now)
		}
		if !strings.Contains(made.Page, "when the incident was over") {
			t.Error("the file does not say that it is over")
		}
		b.alsoWatch("other")
		b.accounts = []string{"other"} // main is watched no more
		b.restart()
		if _, err := (notary{b.app}).issue(t.Context(), over.ID); err != nil {
			t.Error(err)
		}
		for range sessionwarden.MaxIssues {
			if made, err = (notary{b.app}).issue(t.Context(), over.ID); err != nil {
				t.Fatal(err)
			}
		}
		b.accounts = []string{"main"}
		b.restart()
		last := b.incidents()[0]
		if n := len(last.Issued); n != sessionwarden.MaxIssues || last.Issued[n-1].Head != made.Head || last.Open() {
			t.Errorf("after all that %d files are remembered: %+v", n, last)
		}
		if n := len(b.incidents()); n != 1 {
			t.Errorf("%d incidents", n)
		}
		b.pass(time.Minute)
		if live := b.main().Live; live == 0 {
			t.Error("the account lost its sessions")
		}
	})
}

// A file of an open incident leaves it as it is: it goes on, and tells nobody.
func TestEvidenceOfWhatGoesOn(t *testing.T) {
	tooLongForTheRaceDetector(t)
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.atHome()
		b.start()
		b.pass(time.Minute)
		b.signIn(farAddr, chrome)
		b.pass(time.Minute)
		before, told := b.incidents()[0], len(b.messages())
		made, err := notary{b.app}.issue(t.Context(), before.ID)
		if err != nil {
			t.Fatal(err)
		}
		b.pass(10 * time.Minute)
		now := b.incidents()[0]
		if !now.Open() || !now.Updated.Equal(before.Updated) || len(now.Issued) != 1 || now.Issued[0].Head != made.Head || len(b.messages()) != told {
			t.Errorf("before %+v\nafter %+v\n%d messages, before %d", before, now, len(b.messages()), told)
		}
		b.pass(2 * time.Hour)
		if now := b.incidents()[0]; now.Open() || len(now.Issued) != 1 {
			t.Errorf("it did not end, or forgot its file: %+v", now)
		}
	})
}
