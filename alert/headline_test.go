package alert_test

import (
	"strings"
	"testing"

	"sessionwarden"
	"sessionwarden/alert"
)

// An incident finds one change of the account after the other. In a list, in a
// thread and in a bundle an alert is called what its own message calls it.
func TestAnAlertIsCalledTheSameEverywhere(t *testing.T) {
	t.Parallel()
	a := intrusion(sessionwarden.Verified)
	for _, rule := range []sessionwarden.Rule{sessionwarden.TradeURLChanged, sessionwarden.TwoFactorOff} {
		a.Items = append(a.Items, sessionwarden.AlertItem{Findings: []sessionwarden.Finding{{Rule: rule, Severity: sessionwarden.Critical, Response: sessionwarden.Notify, Reason: "it was changed"}}})
	}
	title := alert.Compose(a, told).Title
	if got := alert.Headline(a); got != title || !strings.Contains(got, "1 more change") || strings.Contains(got, "2 suspicious sessions") {
		t.Errorf("it is called %q, and %q in its message", got, title)
	}
	// So many changes that the session is left out.
	a.Items, a.More = a.Items[1:], 1
	title = alert.Compose(a, told).Title
	if got := alert.Headline(a); got != title || !strings.Contains(got, "1 more change") || strings.Contains(got, "session") {
		t.Errorf("without its session it is called %q, and %q in its message", got, title)
	}
	a.Items = nil
	if got := alert.Headline(a); got == "" || got != alert.Compose(a, told).Title {
		t.Errorf("without anything it is called %q", got)
	}
}
