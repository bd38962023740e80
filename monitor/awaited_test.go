package monitor_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"sessionwarden"
)

// An incident that goes on in a new message waits for one answer, and no message of
// before is left waiting when that came, or when the incident is over.
func TestOneAnswerIsForEveryMessageOfAnIncident(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		h.service.signIn(session("77", "203.0.113.5"))
		pass(time.Minute)
		first, _ := h.journal.alertOf(sessionwarden.Intrusion)
		pass(3 * time.Hour)
		if a := h.m.Status()[0]; !a.Unanswered || !a.Answered.IsZero() {
			t.Errorf("nobody answered, and the status says %+v", a)
		}
		h.service.signIn(session("78", "203.0.113.6"))
		pass(time.Minute)
		second, n := h.journal.alertOf(sessionwarden.Intrusion)
		if n != 2 || !second.Unanswered() || h.journal.told()[first.ID].Unanswered() {
			t.Fatalf("%d alerts; the first waits: %t, the second: %t", n, h.journal.told()[first.ID].Unanswered(), second.Unanswered())
		}
		// Something more comes into the message of before: it waits again.
		h.service.set(func(s *service) {
			i := slices.IndexFunc(s.rows, func(one sessionwarden.Session) bool { return one.ID == "77" })
			s.rows[i].Addr = netip.MustParseAddr("198.51.100.7")
		})
		pass(time.Minute)
		if a := h.journal.told()[first.ID]; !a.Unanswered() {
			t.Fatalf("the session of the first message moved on, and it does not wait: %+v", a)
		}
		if _, err := h.m.Acknowledge(jane(t), second.Incident); err != nil {
			t.Fatal(err)
		}
		wantNobodyWaitedFor(t, h)
		if a := h.m.Status()[0]; a.Unanswered || a.Answered.IsZero() || a.AnsweredBy != "Jane (U0JANE)" {
			t.Errorf("the status says %+v", a)
		}
	}, asks, func(a *sessionwarden.Account) { a.AskTimeout = 0 })
}

// wantNobodyWaitedFor checks that no alert waits for an answer.
func wantNobodyWaitedFor(t *testing.T, h *house) {
	t.Helper()
	for id, a := range h.journal.told() {
		if a.Unanswered() {
			t.Errorf("alert %d still waits: raised %v, answered %v, over %v", id, a.Raised, a.Answered, a.Resolved)
		}
	}
}

// What was asked in a message of before, and answered by nobody, waits no longer
// than its incident lasts.
func TestNothingWaitsWhenTheIncidentIsOver(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		h.service.signIn(session("77", "203.0.113.5"))
		pass(2 * time.Hour)
		h.service.signIn(session("78", "203.0.113.6"))
		pass(5 * time.Hour)
		if a := h.m.Status()[0]; a.Incident != "" || a.Unanswered {
			t.Fatalf("it is not over: %+v", a)
		}
		if _, n := h.journal.alertOf(sessionwarden.Intrusion); n != 2 {
			t.Errorf("%d messages, want 2", n)
		}
		wantNobodyWaitedFor(t, h)
	}, asks, func(a *sessionwarden.Account) { a.AskTimeout = 3 * time.Hour })
}
