package policy_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"sessionwarden"
	"sessionwarden/policy"
)

func fact(f sessionwarden.Finding, name string) string {
	for _, fact := range f.Facts {
		if fact.Name == name {
			return fact.Value
		}
	}
	return ""
}

// TestReasons reads every sentence once as a person does.
func TestReasons(t *testing.T) {
	t.Parallel()
	vnpt := at("203.0.113.5", "VN", 45899, "VNPT")
	tests := []struct {
		rule          sessionwarden.Rule
		c             policy.Case
		want, silence string
	}{
		{sessionwarden.UnexpectedCountry, about(seen(1, vnpt)),
			"Signed in from Vietnam (VNPT, AS45899); you expect only Germany.", `expected_countries = ["DE", "VN"] # or, for a trip: sessionwarden trust add --account main --country VN --until 14d`},
		{sessionwarden.UnexpectedCountry, about(seen(1, vnpt, serviceSays("VN")), under(expecting("DE", "AT"))),
			"Signed in from Vietnam (VNPT, AS45899); you expect only Germany and Austria. The service says Vietnam too.", `expected_countries = ["DE", "AT", "VN"] # or, for a trip: sessionwarden trust add --account main --country VN --until 14d`},
		{sessionwarden.UnexpectedCountry, about(seen(1, vnpt, serviceSays("CN"))),
			"Signed in from Vietnam (VNPT, AS45899), or from China as the service says; you expect only Germany.", `expected_countries = ["DE", "VN", "CN"]`},
		{sessionwarden.UnexpectedCountry, about(seen(1, cloudVN)),
			"Signed in from Vietnam (Cloud, AS64540); you expect only Germany. It is a hosting network, so our country alone is weak evidence.", `expected_countries = ["DE", "VN"] # or, for a trip: sessionwarden trust add --account main --country VN --until 14d`},
		{sessionwarden.UnexpectedCountry, about(seen(1, vnpt, owned(sessionwarden.Own))),
			"The watch's own session signed in from Vietnam (VNPT, AS45899); you expect only Germany.", `trusted_networks = ["203.0.113.5/32"]`},
		{sessionwarden.UnexpectedCountry, about(seen(1, vnpt), late),
			"Was signed in for a while from Vietnam (VNPT, AS45899); you expect only Germany.", `expected_countries = ["DE", "VN"] # or, for a trip: sessionwarden trust add --account main --country VN --until 14d`},
		{sessionwarden.UnexpectedCountry, about(seen(1, vnpt), func(c *policy.Case) { c.LocationFailed = "broken" }),
			"Signed in from Vietnam (VNPT, AS45899); you expect only Germany. The location data cannot be relied on at present.", `expected_countries = ["DE", "VN"] # or, for a trip: sessionwarden trust add --account main --country VN --until 14d`},
		{sessionwarden.UnknownCountry, about(seen(1, nowhere, serviceSays("VN")), under(trusting("192.0.2.0/24"))),
			"Signed in from 203.0.113.200, an address that our location data knows no place for; the service says Vietnam.", `trusted_networks = ["192.0.2.0/24", "203.0.113.200/32"]`},
		{sessionwarden.UnknownCountry, about(seen(1, intranet)),
			"Signed in from 10.0.0.5, an address of a private network, which has no place.", `trusted_networks = ["10.0.0.5/32"]`},
		{sessionwarden.UnknownCountry, about(seen(1, satellite)),
			"Signed in from 203.0.113.77, a satellite network (Sky Net, AS64530), which tells the ground station in United States and not the place.", `trusted_networks = ["203.0.113.77/32"]`},
		{sessionwarden.UnknownCountry, about(seen(1, noAddress)),
			"Signed in from what is no address (not an address), so nobody can say from where.", `unknown_country = "log" # in [account.rules] of main`},
		{sessionwarden.UnknownCountry, about(seen(1, at("2001:db8:1:2:3::4", "", 0, ""))),
			"Signed in from 2001:db8:1:2:3::4, an address that our location data knows no place for.", `trusted_networks = ["2001:db8:1:2::/64"]`},
		{sessionwarden.LocationMismatch, about(seen(1, vnpt, serviceSays("DE"))),
			"Signed in from Vietnam (VNPT, AS45899) by our location data, from Germany as the service says; you expect only Germany, so its place is disputed.", `expected_countries = ["DE", "VN"] # or, for a trip: sessionwarden trust add --account main --country VN --until 14d`},
		{sessionwarden.LocationMismatch, about(seen(1, home, serviceSays("AT")), under(expecting("DE", "AT"))),
			"Signed in from Germany (Home Net, AS64500) by our location data, from Austria as the service says; you expect both.", `location_mismatch = "off" # in [account.rules] of main`},
		{sessionwarden.NewCountry, about(seen(1, vnpt)),
			"Signed in from Vietnam (VNPT, AS45899), a country new to this account; so far it was used from Germany.", `new_country = "log" # in [account.rules] of main; or, for a trip: sessionwarden trust add --account main --country VN --until 14d`},
		{sessionwarden.NewNetwork, about(seen(1, vnpt)),
			"Signed in through VNPT (AS45899), a network new to this account.", `new_network = "off" # in [account.rules] of main`},
		{sessionwarden.NewDevice, about(seen(1, home, with(onPhone))),
			"Signed in with Android, Chrome, a device new to this account; so far it was used with Windows, Chrome.", `new_device = "off" # in [account.rules] of main`},
		{sessionwarden.HostingNetwork, about(seen(1, cloudDE)),
			"Signed in through a hosting network (Cloud, AS64540), where programs and VPN exits live and people do not. That it lies in Germany is weak evidence there.", `trusted_networks = ["198.51.100.66/32"]`},
		{sessionwarden.TorNetwork, about(seen(1, torCloud)),
			"Signed in through an exit of the Tor network (Cloud, AS64540), which hides who is behind it. That it lies in Germany says nothing about the person.", `tor_network = "log" # in [account.rules] of main`},
		{sessionwarden.TorNetwork, about(seen(1, torAlone), relocated),
			"By new location data, signed in through an exit of the Tor network, which hides who is behind it.", `tor_network = "log" # in [account.rules] of main`},
		{sessionwarden.VPNNetwork, about(seen(1, vpnDE)),
			"Signed in through a VPN or a proxy (Home Net, AS64500). Germany is where its exit lies, and not where the person is.", `vpn_network = "off" # in [account.rules] of main`},
		{sessionwarden.SessionMoved, about(seen(1, vnpt), before(seen(9, home))),
			"The same session was in Germany (Home Net, AS64500) and is now in Vietnam (VNPT, AS45899), a country new to this account: that is how a stolen cookie looks.", `trusted_networks = ["203.0.113.5/32"]`},
		{sessionwarden.SessionMoved, about(seen(1, mobile, with(onPhone)), before(seen(9, home))),
			"The same session was in Germany (Home Net, AS64500) and is now in Germany (Mobile Net, AS64501), and on another device (Windows, Chrome before, Android, Chrome now): that is how a stolen cookie looks.", `trusted_networks = ["192.0.2.140/32"]`},
		{sessionwarden.SessionRoamed, about(seen(1, mobile), before(seen(9, home))),
			"The same session went from Home Net (AS64500) to Mobile Net (AS64501).", `session_roamed = "off" # in [account.rules] of main`},
		{sessionwarden.SessionRoamed, about(seen(1, home, with(onPhone)), before(seen(9, home))),
			"The same session, on the same network, is on another device: Windows, Chrome before, Android, Chrome now.", `session_roamed = "off" # in [account.rules] of main`},
	}
	for _, test := range tests {
		t.Run(test.want, func(t *testing.T) {
			t.Parallel()
			f := finding(t, policy.Judge(test.c), test.rule)
			if f.Reason != test.want {
				t.Errorf("says   %s\nwanted %s", f.Reason, test.want)
			}
			if f.Silence != test.silence {
				t.Errorf("silence %s\nwanted  %s", f.Silence, test.silence)
			}
		})
	}
}

// TestSilenceIsTrue follows each finding's advice and looks whether it helps.
func TestSilenceIsTrue(t *testing.T) {
	t.Parallel()
	quieter := func(t *testing.T, s sessionwarden.Sighting, r sessionwarden.Rule, follow func(*sessionwarden.Account)) {
		t.Helper()
		before := finding(t, policy.Judge(about(s)), r)
		for _, f := range policy.Judge(about(s, under(follow))) {
			if f.Rule == r && f.Response >= before.Response {
				t.Errorf("%s still asks for %s", r, f.Response)
			}
		}
	}
	quieter(t, seen(1, vietnam), sessionwarden.UnexpectedCountry, expecting("DE", "VN"))
	quieter(t, seen(1, vietnam, serviceSays("CN")), sessionwarden.UnexpectedCountry, expecting("DE", "VN", "CN"))
	quieter(t, seen(1, vietnam, serviceSays("DE")), sessionwarden.LocationMismatch, expecting("DE", "VN"))
	quieter(t, seen(1, nowhere), sessionwarden.UnknownCountry, trusting("203.0.113.200/32"))
	quieter(t, seen(1, cloudDE), sessionwarden.HostingNetwork, trusting("198.51.100.66/32"))
	quieter(t, seen(1, torDE), sessionwarden.TorNetwork, rule(sessionwarden.TorNetwork, sessionwarden.Log))
	quieter(t, seen(1, vpnDE), sessionwarden.VPNNetwork, rule(sessionwarden.VPNNetwork, sessionwarden.Off))
	quieter(t, seen(1, noAddress), sessionwarden.UnknownCountry, rule(sessionwarden.UnknownCountry, sessionwarden.Log))
}

func TestTheKindOfNetworkIsAFact(t *testing.T) {
	t.Parallel()
	f := finding(t, policy.Judge(about(seen(1, torCloud))), sessionwarden.TorNetwork)
	if got := fact(f, policy.FactNetworkKind); got != "hosting, Tor exit" {
		t.Errorf("the fact is %q", got)
	}
	f = finding(t, policy.Judge(about(seen(1, vpnDE))), sessionwarden.VPNNetwork)
	if got := fact(f, policy.FactNetworkKind); got != "VPN" {
		t.Errorf("the fact is %q", got)
	}
}

func TestFactsSayWhereTheyComeFrom(t *testing.T) {
	t.Parallel()
	f := finding(t, policy.Judge(about(seen(1, vietnam, serviceSays("VN")), before(seen(9, home)))), sessionwarden.SessionMoved)
	for name, want := range map[string]string{
		policy.FactAddress:         "203.0.113.5",
		policy.FactCountry:         "VN, by test data of 2026-10-23",
		policy.FactServiceLocation: "VN: Somewhere",
		policy.FactASN:             "AS64510",
		policy.FactDevice:          onWindows,
		policy.FactStarted:         "2026-11-23T11:59:00Z",
		policy.FactBeforeAddress:   "192.0.2.10",
		policy.FactBeforeCountry:   "DE, by test data of 2026-10-23",
	} {
		if got := fact(f, name); got != want {
			t.Errorf("fact %s is %q, want %q", name, got, want)
		}
	}
	seen := make(map[string]bool)
	for _, fact := range f.Facts {
		if seen[fact.Name] || fact.Value == "" {
			t.Errorf("fact %q is there twice or empty", fact.Name)
		}
		seen[fact.Name] = true
	}
}

func TestHostileTextIsCutAndCleaned(t *testing.T) {
	t.Parallel()
	evil := "\x1b]52;c;\u202e" + strings.Repeat("<!channel>é", 200)
	s := seen(1, at("203.0.113.5", "VN", 64510, evil), func(s *sessionwarden.Sighting) {
		s.ISP, s.ServiceLocation, s.Device, s.Location.City, s.ID = evil, evil, evil, evil, sessionwarden.SessionID(evil)
	})
	for _, f := range policy.Judge(about(s, before(seen(9, home)))) {
		texts := []string{f.Reason, f.Silence, f.Capped}
		for _, fact := range f.Facts {
			texts = append(texts, fact.Value)
		}
		for _, text := range texts {
			if len(text) > 600 || !utf8.ValidString(text) || strings.ContainsAny(text, "\x1b\u202e\n") {
				t.Errorf("%s: %d bytes: %q", f.Rule, len(text), text)
			}
		}
	}
}
