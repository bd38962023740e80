package sessionwarden_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"sessionwarden"
)

func itemOf(rules ...sessionwarden.Rule) sessionwarden.AlertItem {
	item := sessionwarden.AlertItem{}
	for _, rule := range rules {
		item.Findings = append(item.Findings, sessionwarden.Finding{Rule: rule})
	}
	return item
}

func sessionItem(rules ...sessionwarden.Rule) sessionwarden.AlertItem {
	item := itemOf(rules...)
	item.Sighting.Addr = netip.MustParseAddr("192.0.2.1")
	return item
}

func TestWhatAnAlertIsAbout(t *testing.T) {
	t.Parallel()
	all := &sessionwarden.Action{Kind: sessionwarden.EndAll}
	for name, c := range map[string]struct {
		alert sessionwarden.Alert
		want  []sessionwarden.Topic
	}{
		"a session": {sessionwarden.Alert{Kind: sessionwarden.Intrusion, Items: []sessionwarden.AlertItem{sessionItem()}}, []sessionwarden.Topic{"intrusion"}},
		"the account": {sessionwarden.Alert{Kind: sessionwarden.Intrusion, Items: []sessionwarden.AlertItem{itemOf(sessionwarden.TwoFactorOff)}},
			[]sessionwarden.Topic{"account_change"}},
		"both": {sessionwarden.Alert{Kind: sessionwarden.Intrusion, Items: []sessionwarden.AlertItem{itemOf(sessionwarden.TwoFactorOff), sessionItem()}},
			[]sessionwarden.Topic{"intrusion", "account_change"}},
		"every session":  {sessionwarden.Alert{Kind: sessionwarden.Intrusion, Items: []sessionwarden.AlertItem{{Action: all}}}, []sessionwarden.Topic{"intrusion"}},
		"a rail":         {sessionwarden.Alert{Kind: sessionwarden.Rail}, []sessionwarden.Topic{"intrusion"}},
		"blind":          {sessionwarden.Alert{Kind: sessionwarden.Blind}, []sessionwarden.Topic{"blind"}},
		"an odd service": {sessionwarden.Alert{Kind: sessionwarden.ServiceOdd}, []sessionwarden.Topic{"blind"}},
		"old data":       {sessionwarden.Alert{Kind: sessionwarden.StaleData}, []sessionwarden.Topic{"stale"}},
		"a digest":       {sessionwarden.Alert{Kind: sessionwarden.DigestAlert}, []sessionwarden.Topic{"digest"}},
		"a test":         {sessionwarden.Alert{Kind: sessionwarden.TestAlert}, nil},
	} {
		if got := c.alert.Topics(); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	for _, topic := range sessionwarden.Topics() {
		var read sessionwarden.Topic
		if err := read.UnmarshalText([]byte(topic)); err != nil || read != topic {
			t.Errorf("%s: %s, %v", topic, read, err)
		}
	}
	var read sessionwarden.Topic
	if read.UnmarshalText([]byte("Intrusion")) == nil {
		t.Error("a wrong word is accepted")
	}
}

func TestWhatASilenceCovers(t *testing.T) {
	t.Parallel()
	alert := func(severity sessionwarden.Severity, items ...sessionwarden.AlertItem) sessionwarden.Alert {
		return sessionwarden.Alert{Kind: sessionwarden.Intrusion, Account: "main", Severity: severity, Items: items}
	}
	warning, critical := sessionwarden.Warning, sessionwarden.Critical
	device := sessionItem(sessionwarden.NewDevice)
	for name, c := range map[string]struct {
		silence sessionwarden.Silence
		alert   sessionwarden.Alert
		want    bool
	}{
		"all":                          {sessionwarden.Silence{}, alert(warning, device), true},
		"critical is not among all":    {sessionwarden.Silence{}, alert(critical, device), false},
		"but where it is said":         {sessionwarden.Silence{Critical: true}, alert(critical, device), true},
		"its account":                  {sessionwarden.Silence{Account: "main"}, alert(warning, device), true},
		"another account":              {sessionwarden.Silence{Account: "second"}, alert(warning, device), false},
		"its rule":                     {sessionwarden.Silence{Rule: "new_device"}, alert(warning, device, device), true},
		"another rule beside it":       {sessionwarden.Silence{Rule: "new_device"}, alert(warning, device, sessionItem("new_device", "new_country")), false},
		"a rule, and nothing found":    {sessionwarden.Silence{Rule: "new_device"}, sessionwarden.Alert{Kind: sessionwarden.Blind, Severity: warning}, false},
		"its kind":                     {sessionwarden.Silence{Topic: "intrusion"}, alert(warning, device), true},
		"its kind and another":         {sessionwarden.Silence{Topic: "intrusion"}, alert(warning, device, itemOf("name_changed")), false},
		"a test is never silent":       {sessionwarden.Silence{Critical: true}, sessionwarden.Alert{Kind: sessionwarden.TestAlert}, false},
		"a digest is not among all":    {sessionwarden.Silence{}, sessionwarden.Alert{Kind: sessionwarden.DigestAlert}, false},
		"a digest where it is said":    {sessionwarden.Silence{Topic: "digest"}, sessionwarden.Alert{Kind: sessionwarden.DigestAlert}, true},
		"more than is shown of a rule": {sessionwarden.Silence{Rule: "new_device"}, sessionwarden.Alert{Kind: sessionwarden.Intrusion, Items: []sessionwarden.AlertItem{device}, More: 1}, false},
	} {
		if got := c.silence.Covers(c.alert); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
	now := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	s := sessionwarden.Silence{Until: now.Add(time.Hour)}
	if !s.Holds(now) || s.Holds(now.Add(time.Hour)) || s.State(now) != "holds" || s.State(now.Add(2*time.Hour)) != "expired" {
		t.Errorf("%+v", s)
	}
	s.Removed = now.Add(time.Minute)
	if s.Holds(now) || s.State(now) != "removed" || !s.Ended().Equal(s.Removed) {
		t.Errorf("%+v", s)
	}
}

func TestAnAlertWaitsUntilSomebodyAnswers(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	a := sessionwarden.Alert{}
	if a.Unanswered() {
		t.Error("what is not critical waits")
	}
	if a.Raised = now; !a.Unanswered() {
		t.Error("nobody answered, and it does not wait")
	}
	if a.Answered = now.Add(time.Minute); a.Unanswered() {
		t.Error("it was answered, and waits")
	}
	if a.Raised = now.Add(time.Hour); !a.Unanswered() {
		t.Error("what came after the answer does not wait")
	}
	if a.Resolved = now.Add(2 * time.Hour); a.Unanswered() {
		t.Error("it is over, and waits")
	}
}

func TestIdsOfButtons(t *testing.T) {
	t.Parallel()
	for id, whole := range map[sessionwarden.OfferID]bool{"": false, "abc-DEF_09": true, "a b": false, "a/b": false, "ä": false} {
		if id.Whole() != whole {
			t.Errorf("%q: %t", id, !whole)
		}
	}
}
