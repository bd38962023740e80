package policy_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"sessionwarden"
	"sessionwarden/policy"
)

// The world of the tests. Addresses are documentation ranges; where they lie
// is invented.

var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

const (
	onWindows = "Windows, Chrome"
	onPhone   = "Android, Chrome"
)

// place is an address and where it lies.
type place struct {
	addr string
	loc  sessionwarden.Location
}

func at(addr string, country sessionwarden.Country, asn uint32, organization string) place {
	return place{addr, sessionwarden.Location{Country: country, ASN: asn, Organization: organization, Source: "test data", Built: now.AddDate(0, -1, 0)}}
}

var (
	home      = at("192.0.2.10", "DE", 64500, "Home Net")
	mobile    = at("192.0.2.140", "DE", 64501, "Mobile Net")
	austria   = at("192.0.2.200", "AT", 64502, "Alpen Net")
	vietnam   = at("203.0.113.5", "VN", 64510, "Far Net")
	brazil    = at("198.51.100.9", "BR", 64520, "Other Net")
	nowhere   = at("203.0.113.200", "", 0, "")
	intranet  = kind(at("10.0.0.5", "", 0, ""), sessionwarden.Private)
	satellite = kind(at("203.0.113.77", "US", 64530, "Sky Net"), sessionwarden.Satellite)
	cloudDE   = kind(at("198.51.100.66", "DE", 64540, "Cloud"), sessionwarden.Hosting)
	cloudVN   = kind(at("198.51.100.67", "VN", 64540, "Cloud"), sessionwarden.Hosting)
	torDE     = kind(at("198.51.100.70", "DE", 64500, "Home Net"), sessionwarden.UnknownNetwork, asTor)
	torCloud  = kind(at("198.51.100.71", "DE", 64540, "Cloud"), sessionwarden.Hosting, asTor)
	torAlone  = kind(at("203.0.113.201", "", 0, ""), sessionwarden.UnknownNetwork, asTor)
	vpnDE     = kind(at("198.51.100.72", "DE", 64500, "Home Net"), sessionwarden.UnknownNetwork, asVPN)
	noAddress = place{addr: ""}
)

func kind(p place, k sessionwarden.NetworkKind, marks ...func(*sessionwarden.Location)) place {
	p.loc.Network = k
	for _, f := range marks {
		f(&p.loc)
	}
	return p
}

func asTor(l *sessionwarden.Location) { l.Tor = true }
func asVPN(l *sessionwarden.Location) { l.VPN = true }

// account is one that expects Germany and has the contract's defaults.
func account(change ...func(*sessionwarden.Account)) sessionwarden.Account {
	a := sessionwarden.Account{
		Name: "main", Service: "mannco",
		Expected: []sessionwarden.Country{"DE"}, MaxDisconnects: 10, MaxDisconnectsStrangers: 100,
		AskTimeout: 10 * time.Minute, AskDefault: sessionwarden.KeepSession, Rules: map[sessionwarden.Rule]sessionwarden.Response{},
	}
	for _, info := range sessionwarden.Rules() {
		a.Rules[info.Rule] = info.Response
	}
	a.Rules[sessionwarden.Stranger] = sessionwarden.Off // country and network speak for themselves
	for _, f := range change {
		f(&a)
	}
	return a
}

// watchful is an account with all that a configuration has unless told otherwise.
func watchful(a *sessionwarden.Account) {
	a.Rules[sessionwarden.Stranger] = sessionwarden.Notify
	a.Expected, a.MaxSpeed, a.LearnFor, a.LearnSessions = nil, 900, 14*24*time.Hour, 10
	a.Dormant, a.DormantPlace = 30*24*time.Hour, 180*24*time.Hour
}

func rule(r sessionwarden.Rule, response sessionwarden.Response) func(*sessionwarden.Account) {
	return func(a *sessionwarden.Account) { a.Rules[r] = response }
}

func expecting(countries ...sessionwarden.Country) func(*sessionwarden.Account) {
	return func(a *sessionwarden.Account) { a.Expected = countries }
}

func trusting(networks ...string) func(*sessionwarden.Account) {
	return func(a *sessionwarden.Account) {
		for _, n := range networks {
			a.Trusted = append(a.Trusted, netip.MustParsePrefix(n))
		}
	}
}

func dry(a *sessionwarden.Account)           { a.DryRun = true }
func endUnanswered(a *sessionwarden.Account) { a.AskDefault = sessionwarden.DisconnectSession }

// seen is a live session at p, seen first just now.
func seen(seq uint64, p place, change ...func(*sessionwarden.Sighting)) sessionwarden.Sighting {
	s := sessionwarden.Sighting{
		Seq: seq, Account: "main", Location: p.loc, Device: onWindows,
		FirstSeen: now, LastSeen: now,
		Session: sessionwarden.Session{ID: sessionwarden.SessionID(fmt.Sprint(1000 + seq)), Started: now.Add(-time.Minute)},
	}
	if p.addr == "" {
		s.RawAddr = "not an address"
	} else {
		s.Addr = netip.MustParseAddr(p.addr)
	}
	for _, f := range change {
		f(&s)
	}
	return s
}

func with(device string) func(*sessionwarden.Sighting) {
	return func(s *sessionwarden.Sighting) { s.Device = device }
}

func serviceSays(country sessionwarden.Country) func(*sessionwarden.Sighting) {
	return func(s *sessionwarden.Sighting) {
		s.ServiceCountry, s.ServiceLocation = country, string(country)+": Somewhere"
	}
}

func owned(o sessionwarden.Ownership) func(*sessionwarden.Sighting) {
	return func(s *sessionwarden.Sighting) { s.Ownership = o }
}

func spoken(r sessionwarden.Rule, response sessionwarden.Response) func(*sessionwarden.Sighting) {
	return func(s *sessionwarden.Sighting) {
		s.Verdicts = append(s.Verdicts, sessionwarden.Verdict{Rule: r, Response: response})
	}
}

func since(age time.Duration) func(*sessionwarden.Sighting) {
	return func(s *sessionwarden.Sighting) {
		s.FirstSeen, s.Started, s.LastSeen = now.Add(-age), now.Add(-age), now
	}
}

// backFrom makes a session that was seen as it is before, and elsewhere since.
func backFrom(faces ...sessionwarden.Face) func(*sessionwarden.Sighting) {
	return func(s *sessionwarden.Sighting) { s.Since, s.Faces = s.FirstSeen.Add(-time.Hour), faces }
}

// atOnce makes a session that was never seen as it is.
func atOnce(s *sessionwarden.Sighting) { s.Since = s.FirstSeen }

func denied(s *sessionwarden.Sighting)   { s.Denied = true }
func baseline(s *sessionwarden.Sighting) { s.Baseline = true }
func withoutID(s *sessionwarden.Sighting) {
	s.ID = ""
}

// knownOwner is a profile that knows Germany, two networks and one device.
func knownOwner() sessionwarden.Profile {
	span := sessionwarden.Span{First: now.AddDate(0, -2, 0), Last: now.AddDate(0, 0, -1)}
	return sessionwarden.Profile{
		Countries: map[sessionwarden.Country]sessionwarden.Span{"DE": span},
		Networks:  map[uint32]sessionwarden.Span{64500: span, 64501: span},
		Devices:   map[string]sessionwarden.Span{onWindows: span},
	}
}

// about makes the case of a new session of an account with a known owner.
func about(s sessionwarden.Sighting, change ...func(*policy.Case)) policy.Case {
	c := policy.Case{Account: account(), Profile: knownOwner(), Sighting: s, Live: []sessionwarden.Sighting{s}, Now: now}
	for _, f := range change {
		f(&c)
	}
	return c
}

func under(change ...func(*sessionwarden.Account)) func(*policy.Case) {
	return func(c *policy.Case) {
		for _, f := range change {
			f(&c.Account)
		}
	}
}

func before(s sessionwarden.Sighting) func(*policy.Case) {
	return func(c *policy.Case) { c.Before = &s }
}
func firstPoll(c *policy.Case)    { c.First, c.Profile = true, sessionwarden.Profile{} }
func relocated(c *policy.Case)    { c.Relocated = true }
func late(c *policy.Case)         { c.Late = true }
func nothingKnown(c *policy.Case) { c.Profile = sessionwarden.Profile{} }

func beside(live ...sessionwarden.Sighting) func(*policy.Case) {
	return func(c *policy.Case) { c.Live = append(c.Live, live...) }
}

// said lists findings as "rule response", sorted.
func said(findings []sessionwarden.Finding) string {
	var words []string
	for _, f := range findings {
		words = append(words, fmt.Sprintf("%s %s", f.Rule, f.Response))
	}
	slices.Sort(words)
	return strings.Join(words, ", ")
}

func finding(t testing.TB, findings []sessionwarden.Finding, r sessionwarden.Rule) sessionwarden.Finding {
	t.Helper()
	for _, f := range findings {
		if f.Rule == r {
			return f
		}
	}
	t.Fatalf("no finding %s, only: %s", r, said(findings))
	return sessionwarden.Finding{}
}

// judged judges every sighting, as a poll does, and puts them into h as live.
func judged(a sessionwarden.Account, h *sessionwarden.History, known bool, sightings ...sessionwarden.Sighting) []policy.Judged {
	h.Account = a.Name
	first := len(h.Live)
	h.Live = append(h.Live, sightings...)
	var all []policy.Judged
	for i := first; i < len(h.Live); i++ {
		s := &h.Live[i]
		found := policy.Judge(policy.Case{Account: a, Profile: h.Profile, Live: h.Live, Sighting: *s, Now: now})
		for k := range found {
			found[k].ID = 10*s.Seq + uint64(k)
			s.Verdicts = append(s.Verdicts, sessionwarden.Verdict{Rule: found[k].Rule, Response: found[k].Response})
		}
		all = append(all, policy.Judged{Sighting: *s, Findings: found, Known: known})
	}
	return all
}

// history is that of an account with a known owner and nothing live.
func history() sessionwarden.History {
	return sessionwarden.History{Account: "main", Baseline: now.AddDate(0, -2, 0), Profile: knownOwner()}
}

// planned plans for sessions that are new, or known, under a.
func planned(a sessionwarden.Account, known bool, sightings ...sessionwarden.Sighting) []sessionwarden.Action {
	h := history()
	return policy.Plan(a, h, judged(a, &h, known, sightings...), policy.Rails{}, now)
}

// stands lists actions as "id state" or "id held by what", in their order.
func stands(actions []sessionwarden.Action) string {
	var words []string
	for _, a := range actions {
		word := string(a.Session)
		if a.Kind == sessionwarden.EndAll {
			word = "all"
		}
		if word == "" {
			word = "?"
		}
		word += " " + a.State.String()
		if a.Hold != sessionwarden.NotHeld {
			word += " by " + a.Hold.String()
		}
		words = append(words, word)
	}
	return strings.Join(words, ", ")
}
