package policy_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"sessionwarden"
	"sessionwarden/policy"
)

// distances are those between the countries of the tests, in kilometres.
func distances(a, b sessionwarden.Country) (float64, bool) {
	if a > b {
		a, b = b, a
	}
	km, known := map[[2]sessionwarden.Country]float64{{"AT", "DE"}: 0, {"DE", "VN"}: 7800, {"BR", "DE"}: 7500, {"AT", "VN"}: 7600, {"DE", "US"}: 5080}[[2]sessionwarden.Country{a, b}]
	return km, known || a == b
}

// alert is a case with every rule on, of an owner who was active an hour ago.
func alert(s sessionwarden.Sighting, change ...func(*policy.Case)) policy.Case {
	c := about(s, under(watchful))
	c.Distance = distances
	c.Profile.Active = now.Add(-time.Hour)
	for _, f := range change {
		f(&c)
	}
	return c
}

func active(ago time.Duration) func(*sessionwarden.Sighting) {
	return func(s *sessionwarden.Sighting) { s.Started = now.Add(-ago) }
}

func ended(ago time.Duration) func(*sessionwarden.Sighting) {
	return func(s *sessionwarden.Sighting) {
		s.State, s.GoneAt, s.EndedAt = sessionwarden.Gone, now.Add(-ago), now.Add(-ago)
	}
}

func lately(gone ...sessionwarden.Sighting) func(*policy.Case) {
	return func(c *policy.Case) { c.Recent = append(c.Recent, gone...) }
}

func inTown(p place, latitude, longitude, radius float64) place {
	p.loc.HasPoint, p.loc.Latitude, p.loc.Longitude, p.loc.RadiusKM = true, latitude, longitude, radius
	return p
}

func crowd(n int, change ...func(*sessionwarden.Sighting)) []sessionwarden.Sighting {
	var list []sessionwarden.Sighting
	for i := range n {
		list = append(list, seen(uint64(100+i), home, append([]func(*sessionwarden.Sighting){since(48 * time.Hour)}, change...)...))
	}
	return list
}

func dayHours(c *policy.Case) {
	for h := 8; h < 20; h++ {
		c.Profile.Hours[h] = 10
	}
}

// at4 is a session that began at four in the night, UTC.
func at4(s *sessionwarden.Sighting) {
	s.Started = now.Add(-8 * time.Hour)
	s.FirstSeen = s.Started
}

func TestDetection(t *testing.T) {
	t.Parallel()
	var (
		hamburg   = inTown(at("192.0.2.20", "DE", 64500, "Home Net"), 53.55, 10, 20)
		munich    = inTown(at("192.0.2.150", "DE", 64501, "Mobile Net"), 48.14, 11.58, 20)
		vague     = inTown(at("192.0.2.150", "DE", 64501, "Mobile Net"), 48.14, 11.58, 400)
		hanoi     = inTown(at("203.0.113.6", "VN", 64510, "Far Net"), 21.03, 105.85, 50)
		tour      = at("203.0.113.9", "VN", 64500, "Home Net") // the owner's own network, abroad
		unknownUA = with("")
	)
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	office := func(a *sessionwarden.Account) {
		a.Hours = sessionwarden.DayHours{From: 7 * time.Hour, To: 22 * time.Hour, Zone: berlin}
	}
	nightWork := func(a *sessionwarden.Account) {
		a.Hours = sessionwarden.DayHours{From: 22 * time.Hour, To: 7 * time.Hour, Zone: berlin}
	}
	tests := []struct {
		name string
		c    policy.Case
		want string
	}{
		// stranger and the matrix
		{"known place, known device", alert(seen(1, home)), ""},
		{"known place, new device", alert(seen(1, home, with(onPhone))), "new_device log"},
		{"known country, new network", alert(seen(1, at("192.0.2.99", "DE", 64599, "Café Net"))), "new_network log"},
		{"new country, known network", alert(seen(1, tour)), "new_country alert"},
		{"both new: one matter", alert(seen(1, austria)), "stranger alert"},
		{"both new and the device too", alert(seen(1, austria, with(onPhone))), "new_device log, stranger alert"},
		{"both new while the account is learned: notes, one by one", alert(seen(1, austria), learning), "new_country log, new_network log"},
		{"a country of an unknown network is a stranger's", alert(seen(1, at("192.0.2.201", "AT", 0, ""))), "stranger alert"},
		{"both new, where a new country is to be ended", alert(seen(1, austria), under(rule(sessionwarden.NewCountry, sessionwarden.Disconnect))), "stranger disconnect"},
		{"both new, and strangers are only noted", alert(seen(1, austria), under(rule(sessionwarden.Stranger, sessionwarden.Log))), "stranger log"},
		{"that was said before", alert(seen(1, austria, spoken(sessionwarden.Stranger, sessionwarden.Notify))), ""},
		{"what was seen once, a year of activity ago, is new again", alert(seen(1, austria), knewLongAgo("AT", 64502, 400)), "dormant_return alert, stranger alert"},
		{"what was seen once, half a year ago, is not", alert(seen(1, austria), knewLongAgo("AT", 64502, 170)), ""},

		// impossible_travel
		{"from Germany to Vietnam in an hour", alert(seen(1, vietnam), beside(seen(2, home, active(time.Hour)))), "impossible_travel ask, stranger alert"},
		{"from Germany to Vietnam in ten hours", alert(seen(1, vietnam), beside(seen(2, home, active(10*time.Hour)))), "stranger alert"},
		{"from Germany to Austria in a minute", alert(seen(1, austria), beside(seen(2, home, active(time.Minute)))), "stranger alert"},
		{"after a session that ended", alert(seen(1, vietnam), lately(seen(2, home, active(time.Hour), gone))), "impossible_travel ask, stranger alert"},
		{"not from a suspicious one", alert(seen(1, home), beside(seen(2, vietnam, active(time.Minute), spoken(sessionwarden.Stranger, sessionwarden.Notify)))), ""},
		{"not from our own", alert(seen(1, home), beside(seen(2, vietnam, active(time.Minute), owned(sessionwarden.Own)))), ""},
		{"not from a hosting network", alert(seen(1, home), beside(seen(2, cloudVN, active(time.Minute)))), ""},
		{"not to a hosting network", alert(seen(1, cloudVN), beside(seen(2, home, active(time.Minute)))), "hosting_network alert, stranger alert"},
		{"not through a satellite", alert(seen(1, satellite), beside(seen(2, home, active(time.Minute)))), "new_network log, unknown_country ask"},
		{"not within one network", alert(seen(1, tour), beside(seen(2, home, active(time.Minute)))), "new_country alert"},
		{"not by new location data", alert(seen(1, vietnam), relocated, beside(seen(2, home, active(time.Minute)))), ""},
		{"not for the same address", alert(seen(1, vietnam), lately(seen(2, elsewhere(home, "203.0.113.5"), active(time.Minute)))), "stranger alert"},
		{"not where nobody knows the distance", alert(seen(1, brazil), under(func(a *sessionwarden.Account) { a.Expected = nil }), beside(seen(2, vietnam, active(time.Minute)))), "stranger alert"},
		{"towns: Hamburg and Munich in ten minutes", alert(seen(1, munich), beside(seen(2, hamburg, active(10*time.Minute)))), "impossible_travel ask"},
		{"towns: in three hours", alert(seen(1, munich), beside(seen(2, hamburg, active(3*time.Hour)))), ""},
		{"towns: too vague to say", alert(seen(1, vague), beside(seen(2, hamburg, active(10*time.Minute)))), ""},
		{"towns: not a session that goes on, as a phone does on its carrier", alert(seen(1, munich), before(seen(9, hamburg, active(10*time.Minute)))), "session_roamed log"},
		{"towns: not a phone beside a computer", alert(seen(1, munich, with(onPhone)), beside(seen(2, hamburg, active(10*time.Minute)))), "new_device log"},
		{"one a town, one a country: the countries", alert(seen(1, hanoi), beside(seen(2, home, active(time.Hour)))), "impossible_travel ask, stranger alert"},
		{"a session that moves on", alert(seen(1, vietnam), before(seen(9, home, active(time.Hour)))), "impossible_travel ask, session_moved disconnect, stranger alert"},

		// concurrent_countries
		{"two devices in far countries at once", alert(seen(1, vietnam, with(onPhone)), beside(seen(2, home, active(time.Hour)))), "concurrent_countries ask, new_device log, stranger alert"},
		{"not when the one at home rests", alert(seen(1, vietnam, with(onPhone)), beside(seen(2, home, active(30*time.Hour)))), "new_device log, stranger alert"},
		{"a device that is not said may be the same", alert(seen(1, vietnam, unknownUA), beside(seen(2, home, active(time.Hour)))), "impossible_travel ask, stranger alert"},
		{"one that is missing is a journey", alert(seen(1, vietnam, with(onPhone)), beside(seen(2, home, active(time.Hour), missing))), "impossible_travel ask, new_device log, stranger alert"},

		// dormant_return
		{"after forty days", alert(seen(1, home), quietFor(40)), "dormant_return alert"},
		{"after twenty days", alert(seen(1, home), quietFor(20)), ""},
		{"not where another session was used", alert(seen(1, home), quietFor(40), beside(seen(2, mobile, active(time.Hour)))), ""},
		{"a country after two hundred days", alert(seen(1, austria), knewLongAgo("AT", 64502, 200)), "dormant_return alert"},
		{"never, where it is off", alert(seen(1, home), quietFor(400), under(func(a *sessionwarden.Account) { a.Dormant, a.DormantPlace = 0, 0 })), ""},

		// odd_hours
		{"at four in the night of one who works by day", alert(seen(1, home, at4), dayHours), "odd_hours alert"},
		{"at noon", alert(seen(1, home), dayHours), ""},
		{"where little is known of his hours", alert(seen(1, home, at4)), ""},
		{"outside the hours that he wrote down", alert(seen(1, home, at4), under(office)), "odd_hours alert"},
		{"within them", alert(seen(1, home), under(office)), ""},
		{"hours over midnight hold the night", alert(seen(1, home, at4), under(nightWork)), ""},
		{"and not the noon", alert(seen(1, home), under(nightWork)), "odd_hours alert"},

		// many_sessions
		{"nine at once of one who has two", alert(seen(1, home), usually(2), beside(crowd(8)...)), "many_sessions alert"},
		{"nine of one who has five", alert(seen(1, home), usually(5), beside(crowd(8)...)), ""},
		{"six within an hour", alert(seen(1, home), usually(2), beside(crowd(5, since(time.Minute))...)), "many_sessions alert"},
		{"six within an hour that are gone again", alert(seen(1, home), usually(2), lately(crowd(5, since(time.Minute), ended(0))...)), "many_sessions alert, respawned alert"},
		{"once an hour", alert(seen(1, home), usually(2), beside(crowd(8)...), manyToldBefore), ""},

		// short_lived
		{"came and went, from far", alert(seen(1, vietnam), late), "short_lived alert, stranger alert"},
		{"came and went, at home", alert(seen(1, home), late), ""},
		{"came and went while the watch was down", alert(seen(1, vietnam), late, unseen(5*time.Hour)), "short_lived log, stranger alert"},

		// respawned
		{"back from the same network", alert(seen(1, vietnam), lately(seen(2, elsewhere(vietnam, "203.0.113.99"), ended(5*time.Minute)))), "respawned alert, stranger alert"},
		{"back from another network of the country", alert(seen(1, at("203.0.113.5", "VN", 64511, "Next Net")), lately(seen(2, vietnam, ended(5*time.Minute)))), "respawned alert, stranger alert"},
		{"back with the same device from elsewhere", alert(seen(1, brazil), lately(seen(2, vietnam, ended(5*time.Minute)))), "respawned alert, stranger alert"},
		{"the owner, with a device like the thief's, at home", alert(seen(1, home), lately(seen(2, vietnam, ended(5*time.Minute)))), ""},
		{"two hours later", alert(seen(1, vietnam), lately(seen(2, elsewhere(vietnam, "203.0.113.99"), ended(2*time.Hour)))), "stranger alert"},
		{"after one that left by itself", alert(seen(1, vietnam), lately(seen(2, elsewhere(vietnam, "203.0.113.99"), gone))), "stranger alert"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			found := policy.Judge(test.c)
			if got := said(found); got != test.want {
				t.Errorf("got  %q\nwant %q", got, test.want)
				for _, f := range found {
					t.Log(f.Reason)
				}
			}
			for _, f := range found {
				if f.Reason == "" || f.Silence == "" || len(f.Facts) == 0 {
					t.Errorf("%s: no reason, no facts or no way to silence it: %+v", f.Rule, f)
				}
			}
		})
	}
}

func learning(c *policy.Case)                   { c.Learning = now.AddDate(0, 0, 3) }
func missing(s *sessionwarden.Sighting)         { s.Missing = now.Add(-time.Minute) }
func gone(s *sessionwarden.Sighting)            { s.State, s.GoneAt = sessionwarden.Gone, now.Add(-time.Minute) }
func manyToldBefore(c *policy.Case)             { c.ManyTold = now.Add(-30 * time.Minute) }
func usually(n int) func(*policy.Case)          { return func(c *policy.Case) { c.Profile.MostLive = n } }
func unseen(d time.Duration) func(*policy.Case) { return func(c *policy.Case) { c.Unseen = d } }

func elsewhere(p place, addr string) place {
	p.addr = addr
	return p
}

// quietFor lets the account be used last so many days ago.
func quietFor(days int) func(*policy.Case) {
	return func(c *policy.Case) { c.Profile.Active = now.AddDate(0, 0, -days) }
}

// knewLongAgo lets the account be used from a place once, so many days ago.
func knewLongAgo(country sessionwarden.Country, asn uint32, days int) func(*policy.Case) {
	return func(c *policy.Case) {
		span := sessionwarden.Span{First: now.AddDate(0, 0, -days), Last: now.AddDate(0, 0, -days), Weight: 1}
		c.Profile.Countries[country], c.Profile.Networks[asn] = span, span
	}
}

// TestExplainHasAnAnswerOfEachRule asks about every case of [TestDetection]'s
// kind: no rule may be left without a word.
func TestExplainHasAnAnswerOfEachRule(t *testing.T) {
	t.Parallel()
	cases := map[string]policy.Case{
		"home": alert(seen(1, home)), "stranger": alert(seen(1, vietnam)), "learning": alert(seen(1, austria), learning),
		"first poll": alert(seen(1, home, baseline), firstPoll), "own": alert(seen(1, home, owned(sessionwarden.Own))),
		"nowhere": alert(seen(1, nowhere)), "nowhere, noted": alert(seen(1, nowhere, serviceSays("VN")), under(expecting("DE"), rule(sessionwarden.UnknownCountry, sessionwarden.Log))),
		"disputed": alert(seen(1, home, serviceSays("VN")), under(expecting("DE"))), "disputed, off": alert(seen(1, home, serviceSays("VN")), under(expecting("DE"), rule(sessionwarden.LocationMismatch, sessionwarden.Off))),
		"both expected": alert(seen(1, home, serviceSays("AT")), under(expecting("DE", "AT"))),
		"moved":         alert(seen(1, vietnam), before(seen(9, home))), "roamed": alert(seen(1, mobile), before(seen(9, home))), "renewed": alert(seen(1, elsewhere(home, "192.0.2.11")), before(seen(9, home))),
		"late": alert(seen(1, vietnam), late), "relocated": alert(seen(1, vietnam), relocated), "cloud": alert(seen(1, cloudDE)), "no address": alert(seen(1, noAddress)),
		"denied": alert(seen(1, vietnam, denied)), "spoken": alert(seen(1, vietnam, spoken(sessionwarden.Stranger, sessionwarden.Notify))),
	}
	off := func(a *sessionwarden.Account) {
		for r := range a.Rules {
			a.Rules[r] = sessionwarden.Off
		}
	}
	cases["all off"] = alert(seen(1, vietnam), under(off))
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answers := policy.Explain(c, policy.Beside{Sighting: c.Sighting, Now: now})
			seen := make(map[sessionwarden.Rule]int)
			for _, a := range answers {
				seen[a.Rule]++
				if (a.Finding == nil) == (a.Why == "") {
					t.Errorf("%s: found %t, why not: %q", a.Rule, a.Finding != nil, a.Why)
				}
				if strings.HasSuffix(a.Why, ".") {
					t.Errorf("%s: ends with a dot: %q", a.Rule, a.Why)
				}
			}
			for _, a := range policy.ExplainAccount(c.Account, policy.Beside{Sighting: c.Sighting, Now: now}) {
				if seen[a.Rule]++; a.Says == "" || strings.HasSuffix(a.Says, ".") {
					t.Errorf("%s: says %q", a.Rule, a.Says)
				}
			}
			for _, info := range sessionwarden.Rules() {
				if seen[info.Rule] != 1 {
					t.Errorf("%d answers of %s", seen[info.Rule], info.Rule)
				}
			}
		})
	}
}

// That one rule is off is said of that rule alone.
func TestExplainSaysOfNoOtherRuleThatItIsOff(t *testing.T) {
	t.Parallel()
	for _, off := range sessionwarden.Rules() {
		a := account(watchful, rule(off.Rule, sessionwarden.Off))
		for _, change := range []func(*policy.Case){firstPoll, late, relocated, before(seen(9, home)), func(*policy.Case) {}} {
			for _, answer := range policy.Explain(about(seen(1, vietnam), func(c *policy.Case) { c.Account = a }, change), policy.Beside{}) {
				if answer.Rule != off.Rule && a.Rules[answer.Rule] != sessionwarden.Off && strings.Contains(answer.Why, "switched off") {
					t.Errorf("%s is off, and %s says that it is", off.Rule, answer.Rule)
				}
			}
		}
	}
}

// What is asked of a move of before under another configuration is a finding like any
// other: with its facts, what silences it, and no more than a trust allows.
func TestAMoveOfBeforeIsToldAsAnyFinding(t *testing.T) {
	t.Parallel()
	moved := spoken(sessionwarden.SessionMoved, sessionwarden.Log)
	find := func(s sessionwarden.Sighting, change ...func(*sessionwarden.Account)) ([]sessionwarden.Finding, []sessionwarden.Verdict) {
		c := about(s, under(change...))
		return policy.Find(c, s.Verdicts)
	}
	found, _ := find(seen(1, austria, moved), expecting("AT", "DE"))
	f := finding(t, found, sessionwarden.SessionMoved)
	if f.Response != sessionwarden.Disconnect || f.Silence == "" || len(f.Facts) == 0 {
		t.Errorf("%+v", f)
	}
	// From a trusted network nothing is to be ended, and that is not claimed either.
	found, verdicts := find(seen(1, austria, moved), expecting("AT", "DE"), trusting("192.0.2.200/32"))
	for _, f := range found {
		if f.Rule == sessionwarden.SessionMoved {
			t.Errorf("trusted: %+v", f)
		}
	}
	if !slices.Contains(verdicts, sessionwarden.Verdict{Rule: sessionwarden.SessionMoved, Response: sessionwarden.Log}) {
		t.Errorf("it is forgotten: %v", verdicts)
	}
}
