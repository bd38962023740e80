package policy_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"sessionwarden"
	"sessionwarden/policy"
)

// BenchmarkJudge judges new sessions by all rules, of an owner with a long
// history and twenty live sessions. floor is what it is held against: three
// plain comparisons (country, network, device) over the same sessions, with
// nothing made of them. own is mixed with three rules of the owner's. Sessions a second and core: 1e9 / (ns/op).
func BenchmarkJudge(b *testing.B) {
	profile := knownOwner()
	profile.MostLive, profile.Active = 21, now.Add(-time.Hour)
	span := sessionwarden.Span{First: now, Last: now}
	for i := range uint32(500) {
		profile.Networks[65000+i] = span
	}
	var live []sessionwarden.Sighting
	for i := range uint64(20) {
		live = append(live, seen(1000+i, home, baseline, since(72*time.Hour)))
	}
	a := account(trusting("10.20.0.0/16", "2001:db8:1::/48"))
	cases := func(places ...place) (all []policy.Case) {
		for i := range 256 {
			p := places[i%len(places)]
			all = append(all, policy.Case{Account: a, Profile: profile, Live: live, Sighting: seen(uint64(i+1), p, serviceSays(p.loc.Country)), Now: now})
		}
		return all
	}
	for _, set := range []struct {
		name  string
		cases []policy.Case
	}{
		{"innocent", cases(home, mobile)},
		{"mixed", cases(home, mobile, home, mobile, home, mobile, home, home, home, vietnam)},
		{"guilty", cases(vietnam, brazil)},
		{"own", withOwnRules(cases(home, mobile, home, mobile, home, mobile, home, home, home, vietnam))},
	} {
		b.Run(set.name, func(b *testing.B) {
			b.ReportAllocs()
			n := 0
			for i := 0; b.Loop(); i++ {
				n += len(policy.Judge(set.cases[i%len(set.cases)]))
			}
			if b.N >= len(set.cases) && (n == 0) != (set.name == "innocent") {
				b.Fatalf("%d findings", n)
			}
		})
	}
	b.Run("floor", func(b *testing.B) {
		b.ReportAllocs()
		all, n := cases(home, mobile, home, mobile, home, mobile, home, home, home, vietnam), 0
		for i := 0; b.Loop(); i++ {
			c := &all[i%len(all)]
			if !slices.Contains(c.Account.Expected, c.Sighting.Location.Country) {
				n++
			}
			if _, known := c.Profile.Networks[c.Sighting.Location.ASN]; !known {
				n++
			}
			if _, known := c.Profile.Devices[c.Sighting.Device]; !known {
				n++
			}
		}
		if b.N >= len(all) && n == 0 {
			b.Fatal("nobody was found")
		}
	})
}

// withOwnRules gives the account of cases three rules of its owner's.
func withOwnRules(cases []policy.Case) []policy.Case {
	a := account(
		own("own_1", `time.hour < 6 and not history.known_device`, sessionwarden.Notify),
		own("own_2", `location.country in ["VN", "BR"] and not in_network("198.51.100.0/24")`, sessionwarden.Notify),
		own("own_3", `session.device contains "Windows" and location.asn != 3320 and session.age < 60 and location.hosting`, sessionwarden.Notify),
	)
	a.Trusted = cases[0].Account.Trusted
	for i := range cases {
		cases[i].Account = a
	}
	return cases
}

func BenchmarkDevice(b *testing.B) {
	for _, agent := range []struct{ name, text string }{{"windows", chromeOnWindows}, {"iphone", safariOnIPhone}, {"curl", "curl/8.5.0"}} {
		b.Run(agent.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if policy.Device(agent.text) == "" {
					b.Fatal("no device")
				}
			}
		})
	}
}

// BenchmarkPlan plans for a flood of strangers in one poll: the cost of each
// must not grow with their number faster than the live sessions do.
func BenchmarkPlan(b *testing.B) {
	for _, flood := range []struct {
		name string
		n    int
	}{{"10", 10}, {"100", 100}, {"1000", 1000}} {
		b.Run(flood.name, func(b *testing.B) {
			a, h := account(), history()
			var all []sessionwarden.Sighting
			for i := range flood.n {
				s := seen(uint64(i+1), vietnam)
				s.Addr = netip.AddrFrom4([4]byte{203, 0, 113, byte(i)})
				all = append(all, s)
			}
			findings := judged(a, &h, false, all...)
			b.ReportAllocs()
			for b.Loop() {
				if len(policy.Plan(a, h, findings, policy.Rails{}, now)) != flood.n {
					b.Fatal("not all are planned")
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(flood.n), "ns/session")
		})
	}
}
