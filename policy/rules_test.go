package policy_test

import (
	"testing"
	"time"

	"sessionwarden"
	"sessionwarden/policy"
)

func TestRules(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		c    policy.Case
		want string
	}{
		// unexpected_country
		{"home is fine", about(seen(1, home)), ""},
		{"a country that is not expected is ended", about(seen(1, vietnam)), "new_country alert, new_network log, unexpected_country disconnect"},
		{"where nothing is expected nothing is unexpected", about(seen(1, vietnam), under(expecting())), "new_country alert, new_network log"},
		{"both witnesses say it is not expected", about(seen(1, vietnam, serviceSays("VN"))), "new_country alert, new_network log, unexpected_country disconnect"},
		{"both say something else, neither expected", about(seen(1, vietnam, serviceSays("CN"))), "location_mismatch log, new_country alert, new_network log, unexpected_country disconnect"},
		{"a rule that is off finds nothing", about(seen(1, vietnam), under(rule(sessionwarden.UnexpectedCountry, sessionwarden.Off), rule(sessionwarden.NewCountry, sessionwarden.Off), rule(sessionwarden.NewNetwork, sessionwarden.Off))), ""},
		{"a rule that has spoken does not repeat itself", about(seen(1, vietnam, spoken(sessionwarden.UnexpectedCountry, sessionwarden.Disconnect))), "new_country alert, new_network log"},

		// unknown_country
		{"an address that nobody can place is asked about", about(seen(1, nowhere)), "unknown_country ask"},
		{"a private address has no place", about(seen(1, intranet)), "unknown_country ask"},
		{"a satellite network tells the ground station", about(seen(1, satellite)), "new_network log, unknown_country ask"},
		{"what is no address has no place", about(seen(1, noAddress)), "unknown_country ask"},
		{"disconnect for that very rule is honoured", about(seen(1, nowhere), under(rule(sessionwarden.UnknownCountry, sessionwarden.Disconnect))), "unknown_country disconnect"},
		{"but not for what is no address", about(seen(1, noAddress), under(rule(sessionwarden.UnknownCountry, sessionwarden.Disconnect))), "unknown_country ask"},
		{"unknown to us, unexpected to the service: one question", about(seen(1, nowhere, serviceSays("VN"))), "unknown_country ask"},
		{"with unknown places only recorded, the service's word still asks", about(seen(1, nowhere, serviceSays("VN")), under(rule(sessionwarden.UnknownCountry, sessionwarden.Log))), "unexpected_country ask, unknown_country log"},
		{"with unknown places off too", about(seen(1, nowhere, serviceSays("VN")), under(rule(sessionwarden.UnknownCountry, sessionwarden.Off))), "unexpected_country ask"},
		{"but not where the service names an expected country", about(seen(1, nowhere, serviceSays("DE")), under(rule(sessionwarden.UnknownCountry, sessionwarden.Off))), ""},

		// location_mismatch
		{"the service agrees", about(seen(1, home, serviceSays("DE"))), ""},
		{"the service says nothing", about(seen(1, home)), ""},
		{"two expected countries are a note", about(seen(1, home, serviceSays("AT")), under(expecting("DE", "AT"))), "location_mismatch log"},
		{"without expectations a difference is a note", about(seen(1, home, serviceSays("VN")), under(expecting())), "location_mismatch log"},
		{"we say expected, the service says not: disputed", about(seen(1, home, serviceSays("VN"))), "location_mismatch ask"},
		{"the service says expected, we say not: disputed", about(seen(1, vietnam, serviceSays("DE"))), "location_mismatch ask, new_country alert, new_network log"},
		{"a dispute asks even where differences are only noted", about(seen(1, home, serviceSays("VN")), under(rule(sessionwarden.LocationMismatch, sessionwarden.Log))), "location_mismatch ask"},
		{"disconnect for that very rule is honoured too", about(seen(1, home, serviceSays("VN")), under(rule(sessionwarden.LocationMismatch, sessionwarden.Disconnect))), "location_mismatch disconnect"},
		{"with the rule off the dispute is unexpected_country's, and a question", about(seen(1, home, serviceSays("VN")), under(rule(sessionwarden.LocationMismatch, sessionwarden.Off))), "unexpected_country ask"},
		{"a difference that was noted speaks again when it has become a dispute", about(seen(1, home, serviceSays("VN"), spoken(sessionwarden.LocationMismatch, sessionwarden.Log))), "location_mismatch ask"},
		{"and then no more", about(seen(1, home, serviceSays("VN"), spoken(sessionwarden.LocationMismatch, sessionwarden.Ask))), ""},

		// new_country, new_network, new_device
		{"the owner abroad where he is expected", about(seen(1, austria), under(expecting("DE", "AT"))), "new_country alert, new_network log"},
		{"a new network at home", about(seen(1, at("192.0.2.99", "DE", 64599, "Café Net"))), "new_network log"},
		{"a new address in a known network is nothing", about(seen(1, at("192.0.2.77", "DE", 64500, "Home Net"))), ""},
		{"a new phone at home", about(seen(1, home, with(onPhone))), "new_device log"},
		{"a device that is not said is not new", about(seen(1, home, with(""))), ""},
		{"where nothing is known nothing is new", about(seen(1, austria, with(onPhone)), under(expecting("AT")), nothingKnown), ""},
		{"beside a session from the start it is", about(seen(1, austria, with(onPhone)), under(expecting("AT")), nothingKnown, beside(seen(2, home, baseline))), "new_country alert, new_device log, new_network log"},
		{"what a clean session from the start has is known", about(seen(1, home, with(onPhone)), nothingKnown, beside(seen(2, home, baseline, with(onPhone)))), ""},
		{"a suspicious one vouches for nothing", about(seen(1, austria), under(expecting("DE", "AT")), beside(seen(2, austria, baseline, spoken(sessionwarden.HostingNetwork, sessionwarden.Notify)))), "new_country alert, new_network log"},
		{"unless its owner claimed it", about(seen(1, austria), under(expecting("DE", "AT")), beside(seen(2, austria, baseline, denied, spoken(sessionwarden.HostingNetwork, sessionwarden.Notify)))), ""},
		{"our own session vouches for nothing", about(seen(1, austria), under(expecting("DE", "AT")), beside(seen(2, austria, baseline, owned(sessionwarden.Own)))), "new_country alert, new_network log"},
		{"a new session vouches for nothing", about(seen(1, austria), under(expecting("DE", "AT")), beside(seen(2, austria))), "new_country alert, new_network log"},
		{"nor does one from the start that has moved", about(seen(1, mobile), func(c *policy.Case) { delete(c.Profile.Networks, 64501) }, beside(seen(2, mobile, baseline, spoken(sessionwarden.SessionRoamed, sessionwarden.Log)))), "new_network log"},
		{"one that the profile learned from vouches when location data moves it", about(seen(1, austria), under(expecting("DE", "AT")), beside(seen(2, austria, func(s *sessionwarden.Sighting) { s.Learned = true }))), ""},
		{"our own session is not new", about(seen(1, austria, owned(sessionwarden.Own), with(onPhone)), under(expecting("AT"))), ""},

		// hosting_network
		{"a data centre is told", about(seen(1, cloudDE)), "hosting_network alert, new_network log"},
		{"our own session may live in one", about(seen(1, cloudDE, owned(sessionwarden.Own))), ""},

		// tor_network and vpn_network
		{"an exit of Tor is asked about, also at home", about(seen(1, torDE)), "tor_network ask"},
		{"one in a data centre is both", about(seen(1, torCloud)), "hosting_network alert, new_network log, tor_network ask"},
		{"and wherever it lies", about(seen(1, torAlone)), "tor_network ask, unknown_country ask"},
		{"our own session may come through it", about(seen(1, torDE, owned(sessionwarden.Own))), ""},
		{"disconnect for Tor is honoured", about(seen(1, torDE), under(rule(sessionwarden.TorNetwork, sessionwarden.Disconnect))), "tor_network disconnect"},
		{"but asks where only a new list names it", about(seen(1, torDE), under(rule(sessionwarden.TorNetwork, sessionwarden.Disconnect)), relocated), "tor_network ask"},
		{"the baseline is asked about too", about(seen(1, torDE, baseline), firstPoll), "tor_network ask"},
		{"bad data on places is no excuse", about(seen(1, torDE), under(rule(sessionwarden.TorNetwork, sessionwarden.Disconnect)), func(c *policy.Case) { c.LocationFailed = "broken" }), "tor_network disconnect"},
		{"Tor is asked about once", about(seen(1, torDE, spoken(sessionwarden.TorNetwork, sessionwarden.Ask))), ""},
		{"a VPN is noted", about(seen(1, vpnDE)), "vpn_network log"},
		{"or not", about(seen(1, vpnDE), under(rule(sessionwarden.VPNNetwork, sessionwarden.Off))), ""},
		{"ours may be", about(seen(1, vpnDE, owned(sessionwarden.Own))), ""},
		{"an address that no list names is neither", about(seen(1, home)), ""},

		// session_moved and session_roamed
		{"into a new country", about(seen(1, austria), under(expecting("DE", "AT")), before(seen(9, home))), "new_country alert, new_network log, session_moved disconnect"},
		{"to a known country on the same device", about(seen(1, mobile), before(seen(9, home))), "session_roamed log"},
		{"to another network and another device", about(seen(1, mobile, with(onPhone)), before(seen(9, home))), "new_device log, session_moved disconnect"},
		{"to another device alone", about(seen(1, home, with(onPhone)), before(seen(9, home))), "new_device log, session_roamed log"},
		{"to a new address in the same network", about(seen(1, at("192.0.2.11", "DE", 64500, "Home Net")), before(seen(9, home))), ""},
		{"a device that is no longer said is no other device", about(seen(1, mobile, with("")), before(seen(9, home))), "session_roamed log"},
		{"on a device that was not said before", about(seen(1, mobile), before(seen(9, home, with("")))), "session_roamed log"},
		{"new location data for the same address is no move", about(seen(1, at("192.0.2.10", "AT", 64502, "Alpen Net"), with(onPhone)), under(expecting("DE", "AT")), before(seen(9, home))), "new_country alert, new_device log, new_network log, session_roamed log"},
		{"nor for another address in the same IPv6 /64", about(seen(1, at("2001:db8::2", "AT", 64502, "")), under(expecting("DE", "AT")), before(seen(9, at("2001:db8::1", "DE", 64500, "")))), "new_country alert, new_network log"},
		{"but for another /64 it is", about(seen(1, at("2001:db8:0:1::2", "AT", 64502, "")), under(expecting("DE", "AT")), before(seen(9, at("2001:db8::1", "DE", 64500, "")))), "new_country alert, new_network log, session_moved disconnect"},
		{"to where nobody can place it", about(seen(1, nowhere), before(seen(9, home))), "session_roamed log, unknown_country ask"},
		{"from where nobody can place it, while nothing is known", about(seen(1, home), nothingKnown, before(seen(9, satellite))), "session_roamed log"},
		{"from where nobody can place it, once something is", about(seen(1, austria), under(expecting("DE", "AT")), before(seen(9, satellite))), "new_country alert, new_network log, session_moved disconnect"},
		{"back to where it was from a row without an address", about(seen(1, home, backFrom()), before(seen(9, noAddress, with("c")))), ""},
		{"elsewhere from a row without an address", about(seen(1, mobile, with(onPhone), backFrom(sessionwarden.Face{Country: "DE", ASN: 64500, Device: onWindows}, sessionwarden.Face{Device: "c"}), atOnce), before(seen(9, noAddress, with("c")))), "new_device log, session_moved disconnect"},
		{"from a row without an address, of which nothing else is known", about(seen(1, mobile, with(onPhone)), before(seen(9, noAddress, with("c")))), "new_device log, session_roamed log"},
		{"into a new country from a row without an address", about(seen(1, austria, backFrom(sessionwarden.Face{Country: "DE", ASN: 64500, Device: onWindows}), atOnce), under(expecting("DE", "AT")), before(seen(9, noAddress))), "new_country alert, new_network log, session_moved disconnect"},
		{"back to a country that a session from the start is in", about(seen(1, home), nothingKnown, before(seen(9, austria)), beside(seen(2, home, baseline))), "session_roamed log"},
		{"with session_moved off it finds nothing", about(seen(1, mobile, with(onPhone)), under(rule(sessionwarden.SessionMoved, sessionwarden.Off)), before(seen(9, home))), "new_device log"},

		// whose session it is
		{"the owner claimed it", about(seen(1, vietnam, denied)), ""},
		{"another account's session is not judged", about(seen(1, vietnam, func(s *sessionwarden.Sighting) { s.Account = "other" })), ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := said(policy.Judge(test.c)); got != test.want {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
		})
	}
}

func TestSeveritiesAreTheContracts(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		c    policy.Case
		rule sessionwarden.Rule
		want sessionwarden.Severity
	}{
		{"unexpected country", about(seen(1, vietnam)), sessionwarden.UnexpectedCountry, sessionwarden.Critical},
		{"unknown country", about(seen(1, nowhere)), sessionwarden.UnknownCountry, sessionwarden.Critical},
		{"a difference", about(seen(1, home, serviceSays("AT")), under(expecting("DE", "AT"))), sessionwarden.LocationMismatch, sessionwarden.Info},
		{"a dispute", about(seen(1, home, serviceSays("AT"))), sessionwarden.LocationMismatch, sessionwarden.Critical},
		{"new country", about(seen(1, vietnam)), sessionwarden.NewCountry, sessionwarden.Warning},
		{"new network", about(seen(1, vietnam)), sessionwarden.NewNetwork, sessionwarden.Info},
		{"new device", about(seen(1, home, with(onPhone))), sessionwarden.NewDevice, sessionwarden.Info},
		{"hosting network", about(seen(1, cloudDE)), sessionwarden.HostingNetwork, sessionwarden.Warning},
		{"Tor", about(seen(1, torDE)), sessionwarden.TorNetwork, sessionwarden.Critical},
		{"VPN", about(seen(1, vpnDE)), sessionwarden.VPNNetwork, sessionwarden.Info},
		{"moved", about(seen(1, vietnam), before(seen(9, home))), sessionwarden.SessionMoved, sessionwarden.Critical},
		{"roamed", about(seen(1, mobile), before(seen(9, home))), sessionwarden.SessionRoamed, sessionwarden.Info},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := finding(t, policy.Judge(test.c), test.rule).Severity; got != test.want {
				t.Errorf("severity %s, want %s", got, test.want)
			}
		})
	}
}

func TestCaps(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		c      policy.Case
		want   string
		capped string
	}{
		{"a trusted network is only noted", about(seen(1, vietnam), under(trusting("203.0.113.0/24"))),
			"new_country log, new_network log, unexpected_country log", "203.0.113.5 is in the trusted network 203.0.113.0/24"},
		{"so is a private one that is trusted", about(seen(1, intranet), under(trusting("10.0.0.0/8"))),
			"unknown_country log", "10.0.0.5 is in the trusted network 10.0.0.0/8"},
		{"so is a trusted hosting network", about(seen(1, cloudDE), under(trusting("198.51.100.66/32"))),
			"hosting_network log, new_network log", "198.51.100.66 is in the trusted network 198.51.100.66/32"},
		{"our own session is told", about(seen(1, vietnam, owned(sessionwarden.Own))),
			"unexpected_country alert", "our own session is never ended"},
		{"a session that may be ours is told", about(seen(1, vietnam, owned(sessionwarden.Disputed))),
			"new_country alert, new_network log, unexpected_country alert", "the service marks the session as ours and our own login contradicts it: such a session is never touched"},
		{"a session that is over is told", about(seen(1, vietnam), late),
			"new_country alert, new_network log, short_lived alert, unexpected_country alert", "the session was over before it was seen"},
		{"new location data asks at most, and is no new place", about(seen(1, vietnam), relocated),
			"unexpected_country ask", "only our location data changed, not the session"},
		{"new location data asks even when a person does not answer", about(seen(1, vietnam), relocated, under(endUnanswered, rule(sessionwarden.UnexpectedCountry, sessionwarden.Ask))),
			"unexpected_country ask", "without an answer nothing is done, as there is too little to go by"},
		{"disconnect_all is capped like any other", about(seen(1, vietnam, owned(sessionwarden.Own)), under(rule(sessionwarden.UnexpectedCountry, sessionwarden.DisconnectAll))),
			"unexpected_country alert", "our own session is never ended"},
		{"what is not above the cap is not capped", about(seen(1, vietnam), relocated, under(rule(sessionwarden.UnexpectedCountry, sessionwarden.Notify))),
			"unexpected_country alert", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			found := policy.Judge(test.c)
			if got := said(found); got != test.want {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
			why := ""
			for _, f := range found {
				if f.Capped != "" && why != "" && f.Capped != why {
					t.Errorf("two reasons: %q and %q", why, f.Capped)
				}
				why = max(why, f.Capped)
			}
			if why != test.capped {
				t.Errorf("capped because %q, want %q", why, test.capped)
			}
		})
	}
}

func TestTrustedDeviceRuleMayStillBeTold(t *testing.T) {
	t.Parallel()
	found := policy.Judge(about(seen(1, home, with(onPhone)), under(trusting("192.0.2.0/24"), rule(sessionwarden.NewDevice, sessionwarden.Disconnect))))
	if f := finding(t, found, sessionwarden.NewDevice); f.Response != sessionwarden.Notify || f.Capped == "" {
		t.Errorf("got %s (%q), want alert: a trusted network says nothing about the device, and is never acted on", f.Response, f.Capped)
	}
}

func TestATrustedSessionIsNoCriticalFinding(t *testing.T) {
	t.Parallel()
	for _, f := range policy.Judge(about(seen(1, vietnam), under(trusting("203.0.113.0/24")))) {
		if f.Severity != sessionwarden.Info {
			t.Errorf("%s is %s: the owner vouches for the place", f.Rule, f.Severity)
		}
	}
}

func TestFindingsComeMostUrgentFirst(t *testing.T) {
	t.Parallel()
	found := policy.Judge(about(seen(1, vietnam, with(onPhone))))
	if found[0].Rule != sessionwarden.UnexpectedCountry || found[1].Rule != sessionwarden.NewCountry {
		t.Errorf("order: %v, %v", found[0].Rule, found[1].Rule)
	}
}

func TestFirstPoll(t *testing.T) {
	t.Parallel()
	// Rules that need history abstain; what the owner wrote down applies.
	s := seen(1, vietnam, baseline, with(onPhone))
	if got := said(policy.Judge(about(s, firstPoll, beside(seen(2, home, baseline))))); got != "unexpected_country disconnect" {
		t.Errorf("got %q", got)
	}
	// Nor does the baseline become new when the configuration changes.
	if got := said(policy.Judge(about(s, under(expecting("VN"))))); got != "" {
		t.Errorf("a session of the baseline is new all at once: %q", got)
	}
}

func TestFailedLocationDataIsNeverFine(t *testing.T) {
	t.Parallel()
	c := about(seen(1, nowhere), func(c *policy.Case) { c.LocationFailed = "country.mmdb is truncated" })
	f := finding(t, policy.Judge(c), sessionwarden.UnknownCountry)
	if f.Response != sessionwarden.Ask || f.Severity != sessionwarden.Critical {
		t.Errorf("got %s %s", f.Severity, f.Response)
	}
	if fact(f, policy.FactLocationFailed) != "country.mmdb is truncated" {
		t.Errorf("the finding does not say why: %v", f.Facts)
	}
}

func TestLoggedOut(t *testing.T) {
	t.Parallel()
	minutes := func(ago ...int) (times []time.Time) {
		for _, m := range ago {
			times = append(times, now.Add(-time.Duration(m)*time.Minute))
		}
		return times
	}
	tests := []struct {
		name     string
		response sessionwarden.Response
		times    []time.Time
		want     sessionwarden.Response
	}{
		{"once is recorded", sessionwarden.Log, minutes(0), sessionwarden.Log},
		{"twice is recorded", sessionwarden.Log, minutes(30, 0), sessionwarden.Log},
		{"the third time in an hour is told", sessionwarden.Log, minutes(59, 30, 0), sessionwarden.Notify},
		{"a third time after an hour is not", sessionwarden.Log, minutes(60, 30, 0), sessionwarden.Log},
		{"the owner may want it told at once", sessionwarden.Notify, minutes(0), sessionwarden.Notify},
		{"there is no session to end", sessionwarden.DisconnectAll, minutes(0), sessionwarden.Notify},
		{"off is off", sessionwarden.Off, minutes(2, 1, 0), sessionwarden.Off},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f, found := policy.LoggedOut(account(rule(sessionwarden.WatcherLoggedOut, test.response)), test.times, now)
			if found != (test.want != sessionwarden.Off) || f.Response != test.want {
				t.Errorf("found %t, %s, want %s", found, f.Response, test.want)
			}
			if found && (f.Severity != sessionwarden.Critical || f.Reason == "" || f.Seq != 0 || f.Silence == "") {
				t.Errorf("incomplete: %+v", f)
			}
		})
	}
}
