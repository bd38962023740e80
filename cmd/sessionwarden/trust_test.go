package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"sessionwarden"
	"sessionwarden/internal/owner"
	"sessionwarden/monitor"
)

// A trip that was announced while no watch ran is quiet when one does; what was
// asked about is taken back, and asked again when the trust is removed.
func TestTrustsByHandWithAndWithoutTheDaemon(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rules = append(w.rules, `unexpected_country = "ask"`)
	w.atHome()
	w.write()

	out := oneLine(w.must("trust", "add", "--account", "main", "--country", "VN", "--until", "14d", "--note", "trip"))
	if !strings.Contains(out, ": VN on account main, until "+time.Now().AddDate(0, 0, 14).Format("2006-01-02")) || !strings.Contains(out, "To end it before: sessionwarden trust remove ") {
		t.Errorf("added: %s", out)
	}
	w.start()
	w.polls(1)
	w.signIn(farAddr, chrome, time.Minute)
	traveller := w.signIn(otherAddr, chrome, time.Minute) // Brazil was not announced
	w.eventually("a question about Brazil", func() bool { return len(w.states()) > 0 })
	if got := w.states(); len(got) != 1 || got[0] != "held" {
		t.Fatalf("actions: %v", got)
	}
	trusts := w.printed("trust", "list", "--json")
	if len(trusts) != 1 || trusts[0]["country"] != "VN" || trusts[0]["state"] != "holds" || trusts[0]["note"] != "trip" || trusts[0]["by"] != owner.Me() {
		t.Errorf("listed: %v", trusts)
	}
	if accounts := w.status().Accounts; len(accounts[0].Trusts) != 1 || accounts[0].Trusts[0].What != "VN" {
		t.Errorf("status: %+v", accounts[0].Trusts)
	}
	if out := oneLine(w.must("status")); !strings.Contains(out, "trust: VN on main until ") || !strings.Contains(out, "(trip)") {
		t.Errorf("status: %s", out)
	}

	held := w.action("held")
	id, _ := held["id"].(string)
	if _, errs, status := w.cli("trust", "add", "--action", id, "--country", "VN", "--until", "1h"); status != 1 || !strings.Contains(oneLine(errs), "which is not in VN") {
		t.Errorf("the wrong country: %d %s", status, errs)
	}
	out = oneLine(w.must("trust", "add", "--action", id, "--country", "BR", "--until", "1h"))
	if !strings.Contains(out, ": BR on account main") {
		t.Errorf("from an action: %s", out)
	}
	w.eventually("the question is taken back", func() bool { return w.states()[0] == "moot" })
	trusts = w.printed("trust", "list", "--json", "--account", "main")
	removed, _ := trusts[1]["id"].(string)
	if out := oneLine(w.must("trust", "remove", removed)); !strings.Contains(out, "Removed: BR is not trusted on account main any more") {
		t.Errorf("removed: %s", out)
	}
	w.eventually("it is asked again", func() bool { states := w.states(); return len(states) == 2 && states[1] == "held" })
	if asked := w.action("held"); asked["session_id"] != traveller {
		t.Errorf("asked about %v, want %s", asked["session_id"], traveller)
	}
	if out := oneLine(w.must("trust", "list")); !strings.Contains(out, "removed") || !strings.Contains(out, "trip; added ") || !strings.Contains(out, "by "+owner.Me()) {
		t.Errorf("listed: %s", out)
	}
}

func TestTrustsThatCannotBeMeant(t *testing.T) {
	tooLongForTheRaceDetector(t)
	t.Parallel()
	w := newWorld(t)
	w.write()
	add := func(args ...string) []string { return append([]string{"trust", "add"}, args...) }
	for _, test := range []struct {
		args   []string
		status int
		says   string
	}{
		{add("--account", "main", "--country", "JAPAN", "--until", "14d"), 2, `"JAPAN" is not a country code: write "JP" for Japan`},
		{add("--account", "main", "--country", "JP"), 2, "needs an end"},
		{add("--account", "main", "--country", "JP", "--until", "2020-01-01"), 2, "is over already"},
		{add("--account", "main", "--country", "JP", "--until", "401d"), 2, "within 400 days"},
		{add("--account", "main", "--country", "JP", "--until", "soon"), 2, "is no end"},
		{add("--account", "main", "--until", "14d"), 2, "exactly one thing"},
		{add("--account", "main", "--country", "JP", "--asn", "AS1", "--until", "14d"), 2, "exactly one thing"},
		{add("--account", "main", "--network", "0.0.0.0/0", "--until", "14d"), 2, "every address there is"},
		{add("--country", "JP", "--until", "14d"), 2, "--account NAME"},
		{add("--action", "seven", "--until", "14d"), 2, "is not the id of an action"},
		{add("--action", "7", "--address", "203.0.113.7", "--until", "14d"), 2, "stands for an address itself"},
		{add("--account", "mian", "--country", "JP", "--until", "14d"), 1, "did you mean main?"},
		{add("--action", "7", "--until", "14d"), 1, "there is no action 7"},
		{[]string{"trust", "remove", "x"}, 2, "is not the id of a trust"},
		{[]string{"trust", "remove", "7"}, 1, "there is no trust 7"},
		{[]string{"trust", "lits"}, 2, `did you mean "list"?`},
	} {
		out, errs, status := w.cli(test.args...)
		if got := oneLine(out + errs); status != test.status || !strings.Contains(got, test.says) {
			t.Errorf("%v: status %d, want %d and %q: %s", test.args, status, test.status, test.says, got)
		}
	}
	if out := w.must("trust", "list"); !strings.Contains(out, "Nothing is trusted but what the configuration says.") {
		t.Errorf("listed: %s", out)
	}
}

// The whole program through a trip: quiet while it lasts, over a crash too, and
// judged anew when it is over.
func TestATripFromBeginningToEnd(t *testing.T) {
	tooLongForTheRaceDetector(t)
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.rules = []string{`short_lived = "log"`}
		b.atHome()
		b.start()
		b.pass(time.Minute)
		trip := sessionwarden.Trust{Account: "main", Country: "VN", Until: b.now().Add(24 * time.Hour), Note: "trip"}
		if _, err := b.app.monitor.AddTrust(t.Context(), trip, 0); err != nil {
			t.Fatal(err)
		}
		traveller := b.signIn(farAddr, iphone)
		b.pass(12 * time.Hour)
		b.wantEnded()
		b.restart()
		b.pass(11 * time.Hour)
		b.wantEnded()
		for _, f := range b.findings() {
			if f.Session == sessionwarden.SessionID(traveller) && (f.Response > sessionwarden.Log || !strings.Contains(f.Reason, "(VN until ")) {
				t.Errorf("%s asks for %s on a trip that was announced: %s", f.Rule, f.Response, f.Reason)
			}
		}
		b.pass(2 * time.Hour) // it is over
		b.wantEnded(traveller)
		if !b.found(sessionwarden.UnexpectedCountry, traveller) {
			t.Errorf("found %+v", b.findings())
		}
	})
}

// A trust that lets in more than its owner, or whom he has had ended, is asked back.
func TestTrustsThatAreHardlyMeant(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.rules = []string{`unexpected_country = "ask"`}
		b.atHome()
		b.start()
		thief := b.signIn(farAddr, chrome)
		b.pass(2 * polled)
		held, _ := b.actionOn(thief)
		m := b.app.monitor
		doubt := func(country, asn, network, address string, action uint64) string {
			t.Helper()
			trust, err := sessionwarden.Trust{}, error(nil)
			if country+asn+network+address != "" {
				trust, err = sessionwarden.NewTrust(country, asn, network, address)
			}
			if err != nil {
				t.Fatal(err)
			}
			if trust.Account = "main"; action != 0 {
				trust.Account = ""
			}
			err = m.Doubt(b.t.Context(), trust, action)
			var wish *monitor.WishError
			if err == nil {
				return ""
			}
			if !errors.As(err, &wish) || !strings.Contains(wish.Cure(), "--sure") {
				t.Errorf("no way out of %v", err)
			}
			return err.Error()
		}
		for what, got := range map[string]string{
			"as large as a whole provider": doubt("", "", "91.0.0.0/8", "", 0), "2000::/20 is as large": doubt("", "", "2000::/20", "", 0),
			"is in a hosting network": doubt("", "", "", hostingAddr, 0), "is a hosting network: whoever rents": doubt("", fmt.Sprint(b.asn(hostingAddr)), "", "", 0),
		} {
			if !strings.Contains(got, what) {
				t.Errorf("%q, want %q", got, what)
			}
		}
		for _, got := range []string{doubt("VN", "", "", "", 0), doubt("", fmt.Sprint(b.asn(farAddr)), "", "", 0), doubt("", "", "91.10.0.0/16", "", 0), doubt("", "", "", homeAddr, 0), doubt("", "", "", "", held.ID)} {
			if got != "" {
				t.Errorf("in doubt without need: %s", got)
			}
		}
		if _, err := m.Approve(b.t.Context(), held.ID); err != nil {
			t.Fatal(err)
		}
		if got := doubt("", "", "", "", held.ID); !strings.Contains(got, "was ended because a person wanted that") {
			t.Errorf("after approve: %q", got)
		}
	})
}
