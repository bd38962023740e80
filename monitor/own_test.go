package monitor_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sessionwarden"
	"sessionwarden/monitor"
)

// ownRule gives the account a rule of its owner's.
func ownRule(name sessionwarden.Rule, when string, then sessionwarden.Response) func(*sessionwarden.Account) {
	return func(a *sessionwarden.Account) {
		a.Own = append(slices.Clone(a.Own), sessionwarden.OwnRule{Name: name, When: when, Severity: sessionwarden.Warning})
		a.Rules[name] = then
	}
}

func TestAnOwnRuleEndsAnIntruder(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		h.service.signIn(session("3", "192.0.2.130", phone))
		h.service.signIn(session("4", "192.0.2.131"))
		pass(time.Minute)
		wantCalls(t, h.service, "3")
		wantStates(t, h.journal, "verified")
		f := h.journal.findings()
		if i := slices.IndexFunc(f, func(f sessionwarden.Finding) bool { return f.Rule == "phone_elsewhere" }); i < 0 || f[i].Session != "3" || !strings.HasPrefix(f[i].Reason, "Own rule phone_elsewhere matched: asn is 64501") {
			t.Errorf("found %+v", f)
		}
	}, ownRule("phone_elsewhere", `location.asn == 64501 and session.device contains "iOS"`, sessionwarden.Disconnect))
}

// What fails at run time is told once, over many sessions, accounts and a
// restart; again once its expression is another one.
func TestAnOwnRuleThatFailsIsToldOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, ownRule("fails", "1 % (session.age - session.age) == 0", sessionwarden.Disconnect))
		second := h.account
		second.Name = "second"
		other := &service{}
		other.signIn(session("9", "192.0.2.1"))
		both := func() {
			t.Helper()
			if err := h.m.Watch(t.Context(), []monitor.Watched{
				{Account: h.account, Lister: h.service, Ender: h.service}, {Account: second, Lister: other, Ender: other},
			}); err != nil {
				t.Fatal(err)
			}
		}
		both()
		h.atHome()
		stop := h.run()
		pass(time.Minute)
		h.service.signIn(session("3", "192.0.2.2"))
		pass(time.Minute)
		alert, n := h.journal.alertOf(sessionwarden.RuleFailed)
		if n != 1 || !strings.Contains(alert.Title, "fails") || !strings.Contains(strings.Join(alert.Lines, " "), "it divides by zero") {
			t.Errorf("told %d times: %+v", n, alert)
		}
		stop()
		h.restart()
		both()
		other.signIn(session("10", "192.0.2.3"))
		h.service.signIn(session("4", "192.0.2.4"))
		stop = h.run()
		pass(time.Minute)
		if _, n := h.journal.alertOf(sessionwarden.RuleFailed); n != 1 {
			t.Errorf("told %d times after a restart", n)
		}
		h.account.Own[0].When = "2 % (session.age - session.age) == 0"
		second.Own = h.account.Own
		both()
		pass(time.Minute)
		if _, n := h.journal.alertOf(sessionwarden.RuleFailed); n != 2 {
			t.Errorf("told %d times, once for each expression is right", n)
		}
		wantCalls(t, h.service)
		stop()
	})
}

// A changed own rule looks at what is there; the guard holds it where it is a
// mistake, and what it said before is no finding again.
func TestAChangedOwnRuleLooksAtWhatIsThere(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		h.service.signIn(session("3", "192.0.2.2"))
		h.service.signIn(session("4", "192.0.2.3"))
		pass(time.Minute)
		if got := h.found(); slices.Contains(got, "mine alert") {
			t.Fatalf("found %v", got)
		}
		count := func() (n int) {
			for _, f := range h.journal.findings() {
				if f.Rule == "mine" {
					n++
				}
			}
			return n
		}
		h.account.Own = []sessionwarden.OwnRule{{Name: "mine", When: `location.country == "DE"`}}
		h.account.Rules["mine"] = sessionwarden.Disconnect
		h.watch()
		pass(time.Minute)
		wantStates(t, h.journal, "held", "held", "held")
		wantCalls(t, h.service)
		if n := count(); n != 3 {
			t.Errorf("%d findings, want one for each session but our own", n)
		}
		h.account.Own = []sessionwarden.OwnRule{{Name: "mine", When: `location.country in ["DE", "AT"]`}}
		h.watch()
		pass(time.Minute)
		if n := count(); n != 3 {
			t.Errorf("%d findings after a change that says the same", n)
		}
	}, ownRule("mine", `location.country == "AT"`, sessionwarden.Notify))
}

// The metrics have one label for all own rules, as their names come and go.
func TestOwnRulesShareALabel(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		registry := prometheus.NewRegistry()
		h := newHouse(t, ownRule("one", "true", sessionwarden.Log), ownRule("two", "true", sessionwarden.Log))
		h.m = monitor.New(monitor.Options{Journal: h.journal, Locate: h.where, Registerer: registry})
		h.watch()
		h.service.signIn(session("1", "192.0.2.1", old))
		if err := h.m.Once(context.Background(), time.Second); err != nil {
			t.Fatal(err)
		}
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		counts := make(map[string]float64)
		for _, family := range families {
			for _, metric := range family.Metric {
				if family.GetName() == "sessionwarden_findings_total" {
					counts[metric.Label[0].GetValue()] = metric.GetCounter().GetValue()
				}
			}
		}
		if counts["own"] != 2 || counts["one"] != 0 || counts["two"] != 0 {
			t.Errorf("counted %v", counts)
		}
	})
}
