package policy_test

import (
	"strings"
	"testing"

	"sessionwarden"
	"sessionwarden/policy"
)

// TestARuleSpeaksAgainWhereItAsksForMore judges one session several times, each
// time under the account as changed, and says what is found each time.
func TestARuleSpeaksAgainWhereItAsksForMore(t *testing.T) {
	t.Parallel()
	type step struct {
		change func(*policy.Case)
		same   bool // the configuration is that of the step before
		want   string
	}
	none := func(*policy.Case) {}
	both := under(expecting("DE", "VN"))
	tests := map[string]struct {
		s     sessionwarden.Sighting
		steps []step
	}{
		"a difference becomes a dispute": {seen(1, vietnam, serviceSays("DE"), with(onWindows), baseline), []step{
			{both, false, "location_mismatch log"}, {none, false, "location_mismatch ask"}, {none, false, ""}, {none, true, ""},
			{both, false, "location_mismatch log"}, {none, false, "location_mismatch ask"},
		}},
		"what is new is asked about where both are": {seen(1, vietnam), []step{
			{under(watchful), false, "stranger alert"},
			{under(watchful, rule(sessionwarden.NewCountry, sessionwarden.Ask)), false, "stranger ask"},
			{under(watchful, rule(sessionwarden.NewCountry, sessionwarden.Ask)), true, ""},
		}},
		"new data, then a reload": {seen(1, vietnam, serviceSays("DE"), baseline), []step{
			{relocated, false, "location_mismatch ask"}, {under(rule(sessionwarden.NewDevice, sessionwarden.Notify)), false, ""}, {none, true, ""},
		}},
		"new data asks, and a reload ends nobody": {seen(1, vietnam, baseline), []step{
			{relocated, false, "unexpected_country ask"}, {under(rule(sessionwarden.NewDevice, sessionwarden.Notify)), false, ""}, {none, true, ""},
		}},
		"a dry run that is over": {seen(1, vietnam, baseline), []step{
			{under(dry), false, "unexpected_country disconnect"}, {under(dry), true, ""}, {under(dry, trusting("192.0.2.0/24")), false, ""}, {none, false, "unexpected_country disconnect"},
			{under(dry), false, ""}, {none, false, ""},
		}},
		"a question in a dry run": {seen(1, vietnam, baseline), []step{
			{under(rule(sessionwarden.UnexpectedCountry, sessionwarden.Notify)), false, "unexpected_country alert"},
			{under(dry, rule(sessionwarden.UnexpectedCountry, sessionwarden.Ask)), false, "unexpected_country ask"},
		}},
		"the trusted network is taken away": {seen(1, vietnam, baseline), []step{
			{none, false, "unexpected_country disconnect"}, {under(trusting("203.0.113.0/24")), false, ""}, {none, false, "unexpected_country disconnect"}, {none, false, ""},
		}},
		"the configuration asks for less, and for the same again": {seen(1, vietnam, baseline), []step{
			{none, false, "unexpected_country disconnect"}, {under(rule(sessionwarden.UnexpectedCountry, sessionwarden.Log)), false, "unexpected_country log"}, {none, false, "unexpected_country disconnect"},
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := test.s
			for i, step := range test.steps {
				var before []sessionwarden.Verdict
				if i > 0 && !step.same {
					before, s.Verdicts = append([]sessionwarden.Verdict{}, s.Verdicts...), nil
				}
				found, verdicts := policy.Find(about(s, step.change), before)
				if s.Verdicts = verdicts; said(found) != step.want {
					t.Fatalf("step %d: found %q, want %q", i, said(found), step.want)
				}
				spoken := map[sessionwarden.Rule]bool{}
				for _, v := range verdicts {
					if spoken[v.Rule] {
						t.Errorf("step %d: %s has spoken twice: %v", i, v.Rule, verdicts)
					}
					spoken[v.Rule] = true
				}
			}
		})
	}
}

// Why no journey is told from an address is said in words that a person knows.
func TestWhyAnAddressTellsNoJourney(t *testing.T) {
	t.Parallel()
	for want, p := range map[string]place{
		"its address is in a hosting network: ": cloudVN, "its address is an exit of Tor: ": torDE, "its address is of a VPN: ": vpnDE,
		"its address is of a satellite network: ": satellite, "our location data knows no place for its address": intranet,
	} {
		for _, a := range policy.Explain(about(seen(1, p), under(watchful)), policy.Beside{}) {
			if a.Rule == sessionwarden.ImpossibleTravel && !strings.HasPrefix(a.Why, want) {
				t.Errorf("%s: %q, want %q", p.addr, a.Why, want)
			}
		}
	}
}
