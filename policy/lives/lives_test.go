package lives_test

import (
	"slices"
	"testing"
	"time"

	"sessionwarden"
	"sessionwarden/policy/lives"
)

// account has the contract's defaults.
func account() sessionwarden.Account {
	a := sessionwarden.Account{
		LearnFor: 14 * 24 * time.Hour, LearnSessions: 10, MaxSpeed: 900, TakeoverWithin: 6 * time.Hour, BalanceDrop: 50_00, BalanceDropPercent: 20,
		AskTimeout: 10 * time.Minute, AskDefault: sessionwarden.KeepSession, MaxDisconnects: 10, MaxDisconnectsStrangers: 100,
		Rules: map[sessionwarden.Rule]sessionwarden.Response{},
	}
	for _, info := range sessionwarden.Rules() {
		a.Rules[info.Rule] = info.Response
	}
	return a
}

func far(a, b sessionwarden.Country) (float64, bool) { return 5000, a != b }

func find(t *testing.T, name string) *lives.Life {
	t.Helper()
	all, err := lives.All()
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(all, func(l *lives.Life) bool { return l.Name == name })
	if i < 0 {
		t.Fatalf("there is no life %q", name)
	}
	return all[i]
}

func TestLabels(t *testing.T) {
	t.Parallel()
	all, err := lives.All()
	if err != nil {
		t.Fatal(err)
	}
	names := make(map[string]bool)
	for _, l := range all {
		if key := l.Name; names[key] || l.Says == "" || key == "" || l.Months() < 0.2 {
			t.Errorf("%q is there twice, or says nothing, or is too short", key)
		}
		names[l.Name] = true
		p := lives.Play(l, lives.Options{Account: account(), Distance: far})
		if found := p.Rules(); len(found) > 0 != l.Attack {
			t.Errorf("%s: attack %t, found by %v", l.Name, l.Attack, found)
		}
	}
}

// Who is ended does not do what he had not done, and comes back.
func TestALifeAnswers(t *testing.T) {
	t.Parallel()
	l := find(t, "comes back")
	free := lives.Play(l, lives.Options{Account: account(), Distance: far})
	watched := lives.Play(l, lives.Options{Account: account(), Expect: true, Distance: far})
	has := func(p lives.Played, rule sessionwarden.Rule) bool { return slices.Contains(p.Rules(), rule) }
	if !has(free, sessionwarden.TradeURLChanged) || has(free, sessionwarden.Respawned) || len(free.Ended) > 0 {
		t.Errorf("left alone: %v, ended %v", free.Rules(), free.Ended)
	}
	if has(watched, sessionwarden.TradeURLChanged) || !has(watched, sessionwarden.Respawned) || len(watched.Ended) != 4 {
		t.Errorf("ended each time: %v, ended %v", watched.Rules(), watched.Ended)
	}
}

func TestAnOwnerWhoAnswersIsDisturbedLess(t *testing.T) {
	t.Parallel()
	l := find(t, "five countries")
	o := lives.Options{Account: account(), Expect: true, Distance: far}
	alone := lives.Play(l, o)
	o.Answers = true
	answers := lives.Play(l, o)
	if answers.Trusts == 0 || answers.OwnersEnded() == 0 || answers.OwnersEnded() >= alone.OwnersEnded() {
		t.Errorf("ended %d times, and %d with %d trusts", alone.OwnersEnded(), answers.OwnersEnded(), answers.Trusts)
	}
}
