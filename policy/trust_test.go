package policy_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sessionwarden"
	"sessionwarden/policy"
)

// lend grants the account trusts that hold for two weeks.
func lend(whats ...string) func(*sessionwarden.Account) {
	return func(a *sessionwarden.Account) {
		var all []sessionwarden.Trust
		for i, what := range whats {
			all = append(all, trustIn(what, uint64(12+i)))
		}
		*a = a.With(append(slices.Clone(a.Granted), all...), now)
	}
}

func trustIn(what string, id uint64) sessionwarden.Trust {
	var t sessionwarden.Trust
	var err error
	switch {
	case len(what) == 2:
		t, err = sessionwarden.NewTrust(what, "", "", "")
	case strings.HasPrefix(what, "AS"):
		t, err = sessionwarden.NewTrust("", what, "", "")
	default:
		t, err = sessionwarden.NewTrust("", "", what, "")
	}
	if err != nil {
		panic(err)
	}
	t.ID, t.Account, t.Created, t.Until, t.Note = id, "main", now, now.AddDate(0, 0, 14), "trip"
	return t
}

func TestTrustsSilenceWhatTheyCover(t *testing.T) {
	t.Parallel()
	nothingExpected := expecting()
	tests := []struct {
		name  string
		c     policy.Case
		trust string
		want  string
	}{
		{"a country", about(seen(1, vietnam)), "VN", "new_network log"},
		{"another country", about(seen(1, brazil)), "VN", "new_country alert, new_network log, unexpected_country disconnect"},
		{"a country, where none is expected", about(seen(1, vietnam), under(nothingExpected)), "VN", "new_network log"},
		{"a country, and the service agrees", about(seen(1, vietnam, serviceSays("VN"))), "VN", "new_network log"},
		{"a country, and the service says home", about(seen(1, vietnam, serviceSays("DE"))), "VN", "location_mismatch log, new_network log"},
		{"a country, and the service says a third one", about(seen(1, vietnam, serviceSays("BR"))), "VN", "location_mismatch ask, new_country alert, new_network log"},
		{"a country that only the service names", about(seen(1, brazil, serviceSays("VN"))), "VN", "location_mismatch log, new_country alert, new_network log, unexpected_country disconnect"},
		{"a country, on a hosting network", about(seen(1, cloudVN)), "VN", "hosting_network alert, new_network log"},
		{"a country, with a new device", about(seen(1, vietnam, with(onPhone))), "VN", "new_device log, new_network log"},
		{"the country of a satellite's ground station", about(seen(1, satellite)), "US", "new_network log, unknown_country ask"},
		{"a country, to which a session moves", about(seen(1, vietnam), before(seen(9, home))), "VN", "new_network log, session_roamed log"},
		{"a country, to which a session moves on another device", about(seen(1, vietnam, with(onPhone)), before(seen(9, home))), "VN", "new_device log, new_network log, session_moved disconnect"},
		{"an ASN", about(seen(1, vietnam)), "AS64510", ""},
		{"another ASN", about(seen(1, vietnam)), "AS64520", "new_country alert, new_network log, unexpected_country disconnect"},
		{"an ASN of a hosting network", about(seen(1, cloudVN)), "AS64540", ""},
		{"an ASN of a satellite network", about(seen(1, satellite)), "AS64530", ""},
		{"an ASN, and the service says a third country", about(seen(1, vietnam, serviceSays("BR"))), "AS64510", "location_mismatch log"},
		{"an ASN, with another device in the same session", about(seen(1, vietnam, with(onPhone)), before(seen(9, home))), "AS64510", "new_device log, session_moved disconnect"},
		{"an address", about(seen(1, vietnam)), "203.0.113.5", "new_country log, new_network log, unexpected_country log"},
		{"a network, and the session moves", about(seen(1, vietnam, with(onPhone)), before(seen(9, home))), "203.0.113.0/24", "new_country log, new_device log, new_network log, session_moved log, unexpected_country log"},
		{"another address", about(seen(1, vietnam)), "203.0.113.6", "new_country alert, new_network log, unexpected_country disconnect"},
		{"no address", about(seen(1, noAddress)), "VN", "unknown_country ask"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			without := said(policy.Judge(test.c))
			under(lend(test.trust))(&test.c)
			found := policy.Judge(test.c)
			if got := said(found); got != test.want {
				t.Errorf("found %s, want %s", got, test.want)
			}
			for _, f := range found {
				counted := strings.Contains(f.Reason, "Trust 12 ("+trustIn(test.trust, 12).What()+" until 2026-12-07 12:00 UTC, trip) counts.")
				if changed := test.want != without; counted != changed || counted != (fact(f, policy.FactTrust) != "") {
					t.Errorf("the trust changed something: %t, and it says so: %t: %s", changed, counted, f.Reason)
				}
			}
		})
	}
}

func TestTrustsEnd(t *testing.T) {
	t.Parallel()
	a := account()
	trip := trustIn("VN", 12)
	removed := trip
	removed.Removed = now
	foreign := trip
	foreign.Account = "other"
	for name, trusts := range map[string][]sessionwarden.Trust{"removed": {removed}, "another account's": {foreign}} {
		if got := a.With(trusts, now).Granted; len(got) != 0 {
			t.Errorf("%s: granted %v", name, got)
		}
	}
	if got := a.With([]sessionwarden.Trust{trip}, trip.Until.Add(-time.Second)); len(got.Granted) != 1 || got.Stamp() == a.Stamp() {
		t.Errorf("right before its end it does not hold, or the stamp does not tell: %v", got.Granted)
	}
	if got := a.With([]sessionwarden.Trust{trip}, trip.Until); len(got.Granted) != 0 || got.Stamp() != a.Stamp() {
		t.Errorf("at its end it holds still, or the stamp does not tell: %v", got.Granted)
	}
	longer := trustIn("VN", 13)
	longer.Until = longer.Until.AddDate(0, 1, 0)
	if a.With([]sessionwarden.Trust{trip, longer}, now).Stamp() != a.With([]sessionwarden.Trust{longer}, now).Stamp() {
		t.Error("a trust that another one goes on with has everything judged anew")
	}
}

func TestNothingIsLearnedFromWhatIsTrustedForAWhile(t *testing.T) {
	t.Parallel()
	for _, what := range []string{"VN", "AS64510", "203.0.113.5"} {
		a := account(lend(what), rule(sessionwarden.UnexpectedCountry, sessionwarden.Log))
		live := []sessionwarden.Sighting{seen(1, vietnam, since(48*time.Hour)), seen(2, home, with(onPhone), since(48*time.Hour))}
		profile, learned, _ := policy.Learn(a, knownOwner(), live, now)
		if _, known := profile.Countries["VN"]; known || !slices.Equal(learned, []uint64{2}) {
			t.Errorf("%s: learned %v from %v", what, profile.Countries, learned)
		}
		if due := policy.NextLesson(a, live[:1], now); !due.IsZero() {
			t.Errorf("%s: there is a lesson due at %v", what, due)
		}
		live[0].Denied = true
		if _, learned, _ := policy.Learn(a, knownOwner(), live, now); !slices.Equal(learned, []uint64{1, 2}) {
			t.Errorf("%s: what its owner claimed is learned from at once, and only %v was", what, learned)
		}
	}
}

func TestASessionInATrustedNetworkIsNotEnded(t *testing.T) {
	t.Parallel()
	s := seen(1, vietnam)
	a, h := account(lend("203.0.113.0/24")), history()
	h.Live = []sessionwarden.Sighting{s}
	d := policy.Recheck(a, h, actionOn(s), &s.Session, true, policy.Rails{}, now)
	if d.State != sessionwarden.Refused || !strings.Contains(d.Note, "trust 12 (203.0.113.0/24 until 2026-12-07 12:00 UTC, trip)") {
		t.Errorf("%s: %s", d.State, d.Note)
	}
}

// TestTheOfferedTripHelps follows the command that a finding offers.
func TestTheOfferedTripHelps(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := about(anySighting(t, 1), under(func(a *sessionwarden.Account) { *a = anyAccount(t) }))
		for _, f := range policy.Judge(c) {
			_, command, offered := strings.Cut(f.Silence, "trust add --account main --country ")
			if !offered || f.Rule == sessionwarden.LocationMismatch && c.Account.Response(f.Rule) >= f.Response {
				continue // that the two differ is asked about wherever they do
			}
			under(lend(command[:2]))(&c)
			for _, g := range policy.Judge(c) {
				if g.Rule == f.Rule && g.Response >= f.Response && g.Response > sessionwarden.Log {
					t.Fatalf("%s says %s, and after that %s", f.Rule, f.Silence, g.Response)
				}
			}
			return
		}
	})
}

// What a trust makes silent is what Silenced says: a question about it may be
// taken back.
func TestWhatIsSilencedDoesNotAsk(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := anyAccount(t)
		lend(rapid.SampledFrom([]string{"VN", "DE", "AS64510", "AS64540", "203.0.113.0/24"}).Draw(t, "trust"))(&a)
		s := anySighting(t, 1)
		if s.Ownership != sessionwarden.NotOwn {
			return
		}
		for _, f := range policy.Judge(about(s, under(func(b *sessionwarden.Account) { *b = a }))) {
			if f.Rule == sessionwarden.LocationMismatch && a.Response(f.Rule) >= sessionwarden.Ask {
				continue // the configuration has it asked wherever the two differ
			}
			if f.Response >= sessionwarden.Ask && policy.Silenced(a, s, f.Rule) {
				t.Fatalf("%s asks for %s: %s", f.Rule, f.Response, f.Reason)
			}
		}
	})
}

// Where both countries that a session is put into are trusted, its place is not
// disputed, though one of them is expected as well.
func TestTwoTrustedCountriesAreNoDispute(t *testing.T) {
	t.Parallel()
	s := seen(1, home, serviceSays("VN"))
	for _, f := range policy.Judge(about(s, under(expecting("DE"), lend("DE", "VN")))) {
		if f.Response >= sessionwarden.Ask {
			t.Errorf("%s asks for %s: %s", f.Rule, f.Response, f.Reason)
		}
	}
	asked := policy.Judge(about(s, under(expecting("DE"), lend("VN")))) // our own data puts it elsewhere
	if len(asked) == 0 || asked[0].Response != sessionwarden.Ask {
		t.Errorf("a trust in what the service alone says: %+v", asked)
	}
}

func TestATrustLowersOnlyWhatItCovers(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := anySighting(t, 1)
		c := about(s, under(func(a *sessionwarden.Account) { *a = anyAccount(t); a.Granted = nil }))
		if rapid.Bool().Draw(t, "was elsewhere") {
			before(anySighting(t, 9))(&c)
		}
		without := policy.Judge(c)
		what := rapid.SampledFrom([]string{"VN", "DE", "US", "AS64510", "AS64540", "203.0.113.0/24", "192.0.2.10"}).Draw(t, "trust")
		under(lend(what))(&c)
		with := policy.Judge(c)
		covers := trustIn(what, 12).Covers(s)
		if (!covers || s.Denied || s.Ownership != sessionwarden.NotOwn) && !slices.EqualFunc(with, without, sameFinding) {
			t.Fatalf("trust in %s changes what it does not cover: %s, and was %s", what, said(with), said(without))
		}
		for _, f := range with { // nothing is asked for because of a trust
			i := slices.IndexFunc(without, func(g sessionwarden.Finding) bool { return g.Rule == f.Rule })
			roamed := f.Rule == sessionwarden.SessionRoamed && i < 0
			if f.Rule == sessionwarden.NewNetwork && i < 0 { // stranger spoke for it, as the country was new too
				i = slices.IndexFunc(without, func(g sessionwarden.Finding) bool { return g.Rule == sessionwarden.Stranger })
				roamed = i >= 0
			}
			disputed := f.Rule == sessionwarden.LocationMismatch && f.Response <= sessionwarden.Ask
			if !roamed && !disputed && (i < 0 || without[i].Response < f.Response) {
				t.Fatalf("trust in %s makes %s ask for %s", what, f.Rule, f.Response)
			}
		}
	})
}

func sameFinding(a, b sessionwarden.Finding) bool {
	return a.Rule == b.Rule && a.Response == b.Response && a.Reason == b.Reason && a.Capped == b.Capped
}
