package monitor_test

import (
	"testing"
	"time"

	"sessionwarden"
)

// inDispute is a session that our data puts into Vietnam and the service into
// Germany.
func inDispute(s *sessionwarden.Session) {
	s.ServiceCountry, s.ServiceLocation = "DE", "DE: Berlin"
}

// What a trust made a mere note is a question again when the trust is over: it is
// the same rule that goes on matching, and asks for more now.
func TestADisputeIsAskedAboutAgainWhenTheTrustIsOver(t *testing.T) {
	t.Parallel()
	for name, over := range map[string]func(*house, sessionwarden.Trust){
		"removed":    func(h *house, trust sessionwarden.Trust) { _, _ = h.m.RemoveTrust(h.t.Context(), trust.ID) },
		"by itself":  func(*house, sessionwarden.Trust) { pass(time.Hour) },
		"by a start": func(h *house, _ sessionwarden.Trust) { pass(time.Hour); h.restart() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			watched(t, func(t *testing.T, h *house) {
				h.service.signIn(session("77", "203.0.113.5", inDispute))
				pass(31 * time.Second)
				wantStates(t, h.journal, "held")
				trust := h.lend("VN", time.Hour)
				pass(31 * time.Second)
				wantStates(t, h.journal, "moot")
				over(h, trust)
				pass(31 * time.Second)
				wantStates(t, h.journal, "moot", "held")
				found := len(h.journal.findings())
				pass(24 * time.Hour)
				wantStates(t, h.journal, "moot", "denied") // the question ran out; it is asked once
				if n := len(h.journal.findings()); n != found {
					t.Errorf("%d findings more a day later", n-found)
				}
				wantCalls(t, h.service)
			})
		})
	}
}

func TestADifferenceThatAReloadMakesADisputeIsAskedAbout(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		h.service.signIn(session("77", "203.0.113.5", inDispute))
		pass(31 * time.Second)
		wantStates(t, h.journal)
		for _, countries := range [][]sessionwarden.Country{{"DE"}, {"DE", "BR"}} {
			h.account.Expected = countries
			h.watch()
			pass(31 * time.Second)
			wantStates(t, h.journal, "held") // under the second one it is the same question still
		}
		h.account.Expected = []sessionwarden.Country{"DE", "VN"}
		h.watch()
		pass(31 * time.Second)
		h.account.Expected = []sessionwarden.Country{"DE"}
		h.watch()
		pass(31 * time.Second)
		if got := h.journal.states(); len(got) == 0 || got[len(got)-1] != "held" {
			t.Errorf("the mistake mended and made again: %v", got)
		}
		wantCalls(t, h.service)
	}, func(a *sessionwarden.Account) { a.Expected = []sessionwarden.Country{"DE", "VN"} })
}

// A session does not carry the trust of an address along to another one.
func TestWhoLeavesATrustedAddressIsJudged(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		h.lend("203.0.113.5", 48*time.Hour)
		pass(time.Second)
		h.service.signIn(session("77", "203.0.113.5"))
		pass(31 * time.Second)
		wantCalls(t, h.service)
		h.service.set(func(s *service) {
			for i := range s.rows {
				if s.rows[i].ID == "77" {
					s.rows[i].Addr = s.rows[i].Addr.Next()
				}
			}
		})
		pass(31 * time.Second)
		wantCalls(t, h.service, "77")
	})
}
