package sessionwarden_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"sessionwarden"
)

func TestWordsOfTheConfigurationRoundTrip(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"info", "warning", "critical"} {
		var s sessionwarden.Severity
		if err := s.UnmarshalText([]byte(name)); err != nil || s.String() != name {
			t.Errorf("severity %s: %v, %v", name, s, err)
		}
	}
	for _, name := range []string{"off", "log", "alert", "ask", "disconnect", "disconnect_all"} {
		var r sessionwarden.Response
		if err := r.UnmarshalText([]byte(name)); err != nil || r.String() != name {
			t.Errorf("response %s: %v, %v", name, r, err)
		}
	}
	var r sessionwarden.Response
	if r.UnmarshalText([]byte("Disconnect")) == nil || r.UnmarshalText(nil) == nil {
		t.Error("a wrong word is accepted")
	}
	if sessionwarden.Ask >= sessionwarden.Disconnect || sessionwarden.Info >= sessionwarden.Critical {
		t.Error("the words do not rise")
	}
}

func TestRulesHaveTheContractsDefaults(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"unexpected_country": "disconnect critical", "unknown_country": "ask critical", "location_mismatch": "log info",
		"new_country": "alert warning", "new_network": "log info", "new_device": "log info", "hosting_network": "alert warning",
		"tor_network": "ask critical", "vpn_network": "log info",
		"session_moved": "disconnect critical", "session_roamed": "log info", "watcher_logged_out": "log critical",
		"impossible_travel": "ask critical", "concurrent_countries": "ask critical", "stranger": "alert critical",
		"short_lived": "alert critical", "respawned": "alert critical",
		"many_sessions": "alert warning", "dormant_return": "alert warning", "odd_hours": "alert warning",
		"two_factor_off": "alert critical", "trade_url_changed": "alert critical", "payout_changed": "alert critical", "contact_changed": "alert critical",
		"discord_changed": "alert warning", "name_changed": "alert warning", "balance_drop": "alert warning", "payment_review": "alert warning",
		"takeover": "ask critical",
	}
	for name, defaults := range want {
		info, ok := sessionwarden.RuleByName(name)
		if got := info.Response.String() + " " + info.Severity.String(); !ok || !info.Judged || got != defaults {
			t.Errorf("%s: %s (judged %t), want %s", name, got, info.Judged, defaults)
		}
	}
	judged := 0
	for _, info := range sessionwarden.Rules() {
		if info.Judged {
			judged++
		}
	}
	if judged != len(want) {
		t.Errorf("%d rules are judged by, the table here has %d", judged, len(want))
	}
}

func TestStampChangesWithWhatDecides(t *testing.T) {
	t.Parallel()
	base := func() sessionwarden.Account {
		return sessionwarden.Account{
			Name: "main", Expected: []sessionwarden.Country{"DE", "AT"}, Schedule: "@every 30s",
			Rules: map[sessionwarden.Rule]sessionwarden.Response{sessionwarden.NewCountry: sessionwarden.Notify},
		}
	}
	stamp := base().Stamp()
	for name, change := range map[string]func(*sessionwarden.Account){
		"a country":          func(a *sessionwarden.Account) { a.Expected = append(a.Expected, "CH") },
		"no countries":       func(a *sessionwarden.Account) { a.Expected = nil },
		"a trusted network":  func(a *sessionwarden.Account) { a.Trusted = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} },
		"a rule":             func(a *sessionwarden.Account) { a.Rules[sessionwarden.NewCountry] = sessionwarden.Disconnect },
		"the learning":       func(a *sessionwarden.Account) { a.LearnFor = time.Hour },
		"a speed":            func(a *sessionwarden.Account) { a.MaxSpeed = 800 },
		"quiet days":         func(a *sessionwarden.Account) { a.Dormant = time.Hour },
		"hours":              func(a *sessionwarden.Account) { a.Hours = sessionwarden.DayHours{From: 1, Zone: time.UTC} },
		"an own rule":        func(a *sessionwarden.Account) { a.Own = []sessionwarden.OwnRule{{Name: "mine", When: "true"}} },
		"who answers late":   func(a *sessionwarden.Account) { a.AskDefault = sessionwarden.DisconnectSession },
		"the end of dry run": func(a *sessionwarden.Account) { a.DryRun = true },
	} {
		a := base()
		change(&a)
		if a.Stamp() == stamp {
			t.Errorf("%s does not change the stamp", name)
		}
	}
	same := base()
	same.Expected = []sessionwarden.Country{"AT", "DE"}
	same.Schedule, same.Timeout = "@every 5s", time.Minute
	if same.Stamp() != stamp {
		t.Error("the order of countries, or a schedule, changes the stamp")
	}
}

func TestKeysTellSessionsApart(t *testing.T) {
	t.Parallel()
	a := sessionwarden.Session{ID: "7", Addr: netip.MustParseAddr("192.0.2.1")}
	b := a
	b.Addr = netip.MustParseAddr("192.0.2.2")
	if a.Key() != b.Key() {
		t.Error("an id is the identity, wherever the session is")
	}
	a.ID, b.ID = "", ""
	if a.Key() == b.Key() {
		t.Error("without ids the facts are the identity")
	}
	if (sessionwarden.Session{ID: "~192.0.2.1|||"}).Key() == a.Key() {
		t.Error("an id can pass for a fingerprint")
	}
}

func TestTrustIsOfNetworks(t *testing.T) {
	t.Parallel()
	a := sessionwarden.Account{Trusted: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/64")}}
	for addr, want := range map[string]bool{"192.0.2.77": true, "::ffff:192.0.2.77": true, "192.0.3.1": false, "2001:db8::1": true, "2001:db8:1::1": false} {
		if _, got := a.Trusts(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s: %t, want %t", addr, got, want)
		}
	}
	if _, got := a.Trusts(netip.Addr{}); got {
		t.Error("no address is trusted")
	}
}

func TestCloneSharesNothing(t *testing.T) {
	t.Parallel()
	h := sessionwarden.History{
		Live:    []sessionwarden.Sighting{{Seq: 1, Verdicts: []sessionwarden.Verdict{{Rule: sessionwarden.NewCountry}}}},
		Actions: []sessionwarden.Action{{ID: 1}}, Told: map[string]time.Time{"x": {}},
		Profile: sessionwarden.Profile{Countries: map[sessionwarden.Country]sessionwarden.Span{"DE": {}}},
	}
	c := h.Clone()
	c.Live[0].Verdicts[0].Rule = sessionwarden.NewDevice
	c.Actions[0].ID = 2
	c.Told["y"] = time.Now()
	c.Profile.Countries["FR"] = sessionwarden.Span{}
	if h.Live[0].Verdicts[0].Rule != sessionwarden.NewCountry || h.Actions[0].ID != 1 || len(h.Told) != 1 || len(h.Profile.Countries) != 1 {
		t.Errorf("changing the copy changed the original: %+v", h)
	}
}

func TestFaultSaysWhatWasBeingDone(t *testing.T) {
	t.Parallel()
	cause := errors.New("connection refused")
	f := &sessionwarden.Fault{Kind: sessionwarden.FaultLimited, Doing: "reading the session list", RetryAfter: 90 * time.Second, Err: cause}
	if got := f.Error(); got != "reading the session list: connection refused (again in 1m30s)" {
		t.Errorf("%q", got)
	}
	if !errors.Is(f, cause) || !sessionwarden.IsFault(f, sessionwarden.FaultLimited) || sessionwarden.IsFault(cause, sessionwarden.FaultNetwork) {
		t.Error("the kinds are mixed up")
	}
}

func TestEditDistance(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"abc", "abc", 0}, {"", "abc", 3}, {"stauts", "status", 1}, {"lisn", "listen", 2}, {"kitten", "sitting", 3}} {
		if got := sessionwarden.EditDistance(test.a, test.b); got != test.want {
			t.Errorf("%q to %q: %d, want %d", test.a, test.b, got, test.want)
		}
	}
}

func TestOwnRulesHaveNamesOfTheirOwn(t *testing.T) {
	t.Parallel()
	for name, want := range map[sessionwarden.Rule]bool{
		"night_login": true, "x": true, "a2_b": true, sessionwarden.Rule(strings.Repeat("a", 32)): true,
		"": false, "new_device": false, "takeover": false, "Night": false, "_x": false, "2x": false, "a-b": false, "a b": false, "ü": false,
		sessionwarden.Rule(strings.Repeat("a", 33)): false,
	} {
		if name.Own() != want {
			t.Errorf("%q can be the name of an own rule: %v", name, !want)
		}
	}
}

func TestSamePlace(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		a, b string
		want bool
	}{
		{"192.0.2.1", "192.0.2.1", true}, {"192.0.2.1", "192.0.2.2", false},
		{"2001:db8::1", "2001:db8::ffff:1", true}, {"2001:db8::1", "2001:db8:0:1::1", false}, {"2001:db8::1", "192.0.2.1", false},
	} {
		a, b := netip.MustParseAddr(test.a), netip.MustParseAddr(test.b)
		if sessionwarden.SamePlace(a, b) != test.want || sessionwarden.SamePlace(b, a) != test.want {
			t.Errorf("%s and %s: %t", a, b, !test.want)
		}
	}
	if sessionwarden.SamePlace(netip.Addr{}, netip.MustParseAddr("2001:db8::1")) {
		t.Error("no address is a place")
	}
}
