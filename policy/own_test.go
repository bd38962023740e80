package policy_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"sessionwarden"
	"sessionwarden/policy"
)

// own gives the account a rule of its owner's.
func own(name sessionwarden.Rule, when string, then sessionwarden.Response) func(*sessionwarden.Account) {
	return func(a *sessionwarden.Account) {
		a.Own = append(a.Own, sessionwarden.OwnRule{Name: name, When: when, Severity: sessionwarden.Warning, Why: "nobody does that."})
		a.Rules[name] = then
	}
}

// mine is what the rule "mine" says in a case: its response, "" for nothing, or
// why it abstained.
func mine(t *testing.T, when string, c policy.Case) string {
	t.Helper()
	c.Account = account(func(a *sessionwarden.Account) { *a = c.Account })
	own("mine", when, sessionwarden.Disconnect)(&c.Account)
	said := ""
	c.Abstained = func(rule sessionwarden.OwnRule, why string) { said = "abstains: " + why }
	for _, f := range policy.Judge(c) {
		if f.Rule == "mine" {
			said = f.Response.String()
		}
	}
	return said
}

// rememberedFrom has the account used from Vietnam and with a phone once, long
// ago, and from home until today.
func rememberedFrom(when time.Time) func(*policy.Case) {
	return func(c *policy.Case) {
		once := sessionwarden.Span{First: when, Last: when, Weight: 1}
		c.Profile = knownOwner()
		c.Profile.Active = now
		c.Profile.Countries["VN"], c.Profile.Networks[64510], c.Profile.Devices[onPhone] = once, once, once
	}
}

func TestOwnRules(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, when       string
		guilty, innocent policy.Case
	}{
		{"country", `location.country in ["VN"]`, about(seen(1, vietnam)), about(seen(1, home))},
		{"city, organization and network", `location.city == "Hanoi" and location.organization == "Far Net" and location.asn == 64510`,
			about(seen(1, vietnam, func(s *sessionwarden.Sighting) { s.Location.City = "Hanoi" })), about(seen(1, vietnam))},
		{"hosting", `location.hosting`, about(seen(1, cloudDE)), about(seen(1, home))},
		{"satellite", `location.satellite`, about(seen(1, satellite)), about(seen(1, home))},
		{"private", `location.private`, about(seen(1, intranet)), about(seen(1, home))},
		{"tor", `location.tor`, about(seen(1, home, func(s *sessionwarden.Sighting) { s.Location.Tor = true })), about(seen(1, home))},
		{"vpn", `location.vpn`, about(seen(1, home, func(s *sessionwarden.Sighting) { s.Location.VPN = true })), about(seen(1, home))},
		{"nowhere", `location.country == "" and location.asn == 0`, about(seen(1, nowhere)), about(seen(1, home))},
		{"network", `in_network("203.0.113.0/24")`, about(seen(1, vietnam)), about(seen(1, home))},
		{"odd hour", `time.hour % 5 == 2`, about(seen(1, home)), about(seen(1, home, func(s *sessionwarden.Sighting) { s.FirstSeen = now.Add(time.Hour) }))},
		{"device", `session.device == "Android, Chrome"`, about(seen(1, home, with(onPhone))), about(seen(1, home))},
		{"agent, isp and id", `session.user_agent contains "curl" and session.isp == "X" and session.id == "1001"`,
			about(seen(1, home, func(s *sessionwarden.Sighting) { s.UserAgent, s.ISP = "curl/8", "X" })), about(seen(1, home))},
		{"service", `session.service_country == "VN" and session.service_location startsWith "VN"`, about(seen(1, home, serviceSays("VN"))), about(seen(1, home))},
		{"age", `session.age == 1`, about(seen(1, home)), about(seen(1, home, func(s *sessionwarden.Sighting) { s.Started = now.Add(-3 * time.Hour) }))},
		{"night", `time.hour == 3 and time.minute == 20 and time.weekday == "sunday" and time.unix == 1795317600`,
			about(seen(1, home, func(s *sessionwarden.Sighting) {
				s.FirstSeen = time.Date(2026, 11, 22, 4, 20, 0, 0, time.FixedZone("", 3600))
			})), about(seen(1, home))},
		{"expected", `location.country not in account.expected and account.name == "main"`, about(seen(1, vietnam)), about(seen(1, home))},
		{"known country", `not history.known_country`, about(seen(1, vietnam)), about(seen(1, mobile))},
		{"known network", `not history.known_network`, about(seen(1, austria)), about(seen(1, mobile))},
		{"known device", `not history.known_device`, about(seen(1, home, with(onPhone))), about(seen(1, home))},
		{"an unknown place is not a known one", `not history.known_country and not history.known_network`, about(seen(1, nowhere)), about(seen(1, home))},
		{"live", `history.live > 1`, about(seen(1, home), beside(seen(2, home))), about(seen(1, home), beside(seen(2, home, owned(sessionwarden.Own))))},
		{"moved", `session.moved`, about(seen(2, vietnam), before(seen(1, home))), about(seen(2, at("192.0.2.11", "DE", 64500, "Home Net")), before(seen(1, home)))},
		{"what has faded", `not history.known_country and not history.known_network and not history.known_device`,
			about(seen(1, vietnam, with(onPhone)), rememberedFrom(now.AddDate(-3, 0, 0))), about(seen(1, vietnam, with(onPhone)), rememberedFrom(now.AddDate(0, -1, 0)))},
		{"first poll", `not history.first_poll`, about(seen(1, home)), about(seen(1, home, baseline), firstPoll)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := mine(t, test.when, test.guilty); got != "disconnect" {
				t.Errorf("the guilty: %q", got)
			}
			if got := mine(t, test.when, test.innocent); got != "" {
				t.Errorf("the innocent: %q", got)
			}
		})
	}
}

// TestOwnRulesKnowTheirPlace: what is never done for a rule of ours is never done
// for one of the owner's, and what nobody can know is not asked.
func TestOwnRulesKnowTheirPlace(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		when string
		c    policy.Case
		want string
	}{
		"late":                         {`session.late`, about(seen(1, vietnam), late), "alert"},
		"relocated":                    {`location.country == "VN"`, about(seen(1, vietnam), relocated), "ask"},
		"relocated is no new place":    {`not history.known_country`, about(seen(1, vietnam), relocated), ""},
		"trusted":                      {`account.trusted`, about(seen(1, vietnam), under(trusting("203.0.113.0/24"))), "log"},
		"no address":                   {`session.address == "not an address" and not in_network("0.0.0.0/0")`, about(seen(1, noAddress)), "ask"},
		"our own":                      {`true`, about(seen(1, vietnam, owned(sessionwarden.Own))), ""},
		"our own, by name":             {`session.own`, about(seen(1, vietnam, owned(sessionwarden.Own))), "alert"},
		"maybe our own":                {`not session.own`, about(seen(1, vietnam, owned(sessionwarden.Disputed))), "alert"},
		"claimed":                      {`true`, about(seen(1, vietnam, denied)), ""},
		"spoke before":                 {`true`, about(seen(1, vietnam, spoken("mine", sessionwarden.Disconnect))), ""},
		"at the first poll":            {`location.country == "VN"`, about(seen(1, vietnam, baseline), firstPoll), "disconnect"},
		"nothing to compare, country":  {`not history.known_country`, about(seen(1, vietnam), nothingKnown), ""},
		"nothing to compare, network":  {`not history.known_network`, about(seen(1, vietnam), nothingKnown), ""},
		"nothing to compare, device":   {`not history.known_device`, about(seen(1, vietnam), nothingKnown), ""},
		"there from the start":         {`not history.known_country`, about(seen(1, vietnam, baseline)), ""},
		"a live one vouches":           {`history.known_country`, about(seen(1, vietnam), nothingKnown, beside(seen(2, vietnam, baseline))), "disconnect"},
		"judged again, the same night": {`time.hour == 12`, about(seen(1, vietnam), func(c *policy.Case) { c.Now = now.Add(9 * time.Hour) }), "disconnect"},
		"cannot be worked out":         {`1 % session.age == 0`, about(seen(1, vietnam, func(s *sessionwarden.Sighting) { s.Started = now })), "abstains: it divides by zero"},
		"cannot be read":               {`location.nope`, about(seen(1, vietnam)), `abstains: there is no value "location.nope"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := mine(t, test.when, test.c); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// TestExplainKnowsOwnRules: each has its answer, whatever it is.
func TestExplainKnowsOwnRules(t *testing.T) {
	t.Parallel()
	var got []string
	for _, a := range policy.Explain(about(seen(1, home), under(
		own("matches", "true", sessionwarden.Log), own("is_off", "true", sessionwarden.Off), own("silent", `location.country == "VN"`, sessionwarden.Log),
		own("fails", "1 % (session.age - 1) == 0", sessionwarden.Log), own("knows_nothing", "history.known_device", sessionwarden.Log),
	), nothingKnown), policy.Beside{}) {
		if a.Rule.Own() {
			got = append(got, string(a.Rule)+": "+a.Why)
		}
	}
	want := []string{
		"matches: ", "is_off: it is switched off in the configuration", `silent: its expression is not true: country is "DE"`,
		"fails: it could not be worked out: it divides by zero", "knows_nothing: nothing is known yet that it could be compared with",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

// TestOwnRulesKnowTheHour: by the owner's clock, where the configuration says it.
func TestOwnRulesKnowTheHour(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("UTC+9", 9*3600)
	there := func(a *sessionwarden.Account) { a.Hours.Zone = zone }
	if got := mine(t, `time.hour == 21`, about(seen(1, home), under(there))); got != "disconnect" {
		t.Errorf("got %q", got)
	}
}

// TestOwnRulesWhileTheAccountIsLearned: what compares with the history is only
// recorded; what does not applies at once.
func TestOwnRulesWhileTheAccountIsLearned(t *testing.T) {
	t.Parallel()
	learning := func(c *policy.Case) { c.Learning = now.AddDate(0, 0, 7) }
	if got := mine(t, `not history.known_device`, about(seen(1, home, with(onPhone)), learning)); got != "log" {
		t.Errorf("a new device: %q", got)
	}
	if got := mine(t, `session.device == "Android, Chrome"`, about(seen(1, home, with(onPhone)), learning)); got != "disconnect" {
		t.Errorf("a device by its name: %q", got)
	}
}

func TestOwnRuleOffFindsNothing(t *testing.T) {
	t.Parallel()
	c := about(seen(1, home), under(own("mine", "1 % (session.age - 1) == 0", sessionwarden.Off)))
	c.Abstained = func(sessionwarden.OwnRule, string) { t.Error("it was asked") }
	if found := policy.Judge(c); len(found) > 0 {
		t.Errorf("found %s", said(found))
	}
}

func TestOwnRuleReason(t *testing.T) {
	t.Parallel()
	found := policy.Judge(about(seen(1, vietnam), under(
		own("far_night", `time.hour == 12 and location.country != "DE" and in_network("203.0.113.0/24")`, sessionwarden.Ask),
		own("plain", `not location.tor and location.asn != 1 and location.city == "" and not session.late and not session.moved and not session.own`, sessionwarden.Log),
		func(a *sessionwarden.Account) { a.Own[1].Why = ""; a.Own[0].Severity = sessionwarden.Critical },
	)))
	f := finding(t, found, "far_night")
	if want := `Own rule far_night: nobody does that (hour is 12, country is "VN", address is "203.0.113.5").`; f.Reason != want {
		t.Errorf("the reason is %s", f.Reason)
	}
	if f.Severity != sessionwarden.Critical || f.Response != sessionwarden.Ask || f.Silence != `far_night = "off" # in [account.rules] of main` {
		t.Errorf("the finding is %+v", f)
	}
	facts := []sessionwarden.Fact{
		{Name: policy.FactWhen, Value: `time.hour == 12 and location.country != "DE" and in_network("203.0.113.0/24")`},
		{Name: policy.FactValues, Value: `time.hour=12 location.country="VN" session.address="203.0.113.5"`},
	}
	for _, fact := range facts {
		if !slices.Contains(f.Facts, fact) {
			t.Errorf("the facts lack %v: %v", fact, f.Facts)
		}
	}
	if f := finding(t, found, "plain"); !strings.HasPrefix(f.Reason, "Own rule plain matched: tor is false,") || !strings.HasSuffix(f.Reason, ` and 1 more.`) {
		t.Errorf("the reason is %s", f.Reason)
	}
}

// TestOwnRulesAreHeldByTheRails: a mistaken one by the guard, and each while the
// location data cannot be relied on.
func TestOwnRulesAreHeldByTheRails(t *testing.T) {
	t.Parallel()
	a := account(own("mine", `location.country == "DE"`, sessionwarden.Disconnect))
	if got := stands(planned(a, true, seen(1, home), seen(2, home), seen(3, mobile))); got != "1003 held by guard, 1002 held by guard, 1001 held by guard" {
		t.Errorf("a mistaken rule: %s", got)
	}
	h := history()
	judged := judged(a, &h, false, seen(1, home))
	if got := stands(policy.Plan(a, h, judged, policy.Rails{Location: "the file is damaged"}, now)); !strings.HasPrefix(got, "1001 held by") {
		t.Errorf("without location data: %s", got)
	}
	if got := stands(planned(a, false, seen(1, home))); got != "1001 planned" {
		t.Errorf("with all well: %s", got)
	}
}

// TestOwnRulesHearOfTrusts: a trip that was announced is expected and known, as it
// is to the other rules, and the reason of what is found all the same says so.
func TestOwnRulesHearOfTrusts(t *testing.T) {
	t.Parallel()
	trip := func(grant sessionwarden.Trust) func(*policy.Case) {
		grant.Account, grant.Until = "main", now.Add(time.Hour)
		return under(func(a *sessionwarden.Account) { a.Granted = []sessionwarden.Trust{grant} })
	}
	country, network := sessionwarden.Trust{Country: "VN"}, sessionwarden.Trust{ASN: 64510}
	for _, test := range []struct {
		when string
		c    policy.Case
		want string
	}{
		{`location.country not in account.expected`, about(seen(1, vietnam), trip(country)), ""},
		{`not history.known_country`, about(seen(1, vietnam), trip(country)), ""},
		{`not history.known_network`, about(seen(1, vietnam), trip(country)), "disconnect"},
		{`not history.known_network`, about(seen(1, vietnam), trip(network)), ""},
		{`not history.known_country`, about(seen(1, brazil), trip(country)), "disconnect"},
		{`location.country not in account.expected`, about(seen(1, vietnam, serviceSays("BR")), trip(country)), "disconnect"},
		{`account.trusted`, about(seen(1, vietnam), trip(sessionwarden.Trust{Network: netip.MustParsePrefix("203.0.113.0/24")})), "log"},
	} {
		if got := mine(t, test.when, test.c); got != test.want {
			t.Errorf("%s, trusted %v: %q, want %q", test.when, test.c.Account.Granted, got, test.want)
		}
	}
}
