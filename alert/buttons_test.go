package alert_test

import (
	"encoding/json"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"

	"sessionwarden"
	"sessionwarden/alert"
	"sessionwarden/alert/slacktest"
)

// buttonsOf returns the labels of a message's buttons, and their values by label.
func buttonsOf(m slacktest.Message) (labels []string, values map[string]string) {
	values = make(map[string]string)
	for _, b := range m.Blocks.BlockSet {
		row, ok := b.(*slack.ActionBlock)
		if !ok {
			continue
		}
		for _, e := range row.Elements.ElementSet {
			b := e.(*slack.ButtonBlockElement)
			labels = append(labels, b.Text.Text)
			values[b.Text.Text] = b.Value
		}
	}
	return labels, values
}

func withButtons(w *world) { w.bot, w.buttons = true, true }

func TestAHeldActionHasButtons(t *testing.T) {
	inWorldOf(t, withButtons, func(w *world) {
		a := login(1, sessionwarden.Held)
		a.Raised, a.Incident = time.Now(), 9
		w.commit(a)
		w.after(time.Second)
		labels, values := buttonsOf(w.slack.Messages()[0])
		want := []string{"End this session", "It was me", "Mine: trust Example Telecom (AS64500) for 7 days", "Acknowledge", "End all sessions"}
		if len(labels) != len(want) || labels[0] != want[0] || labels[1] != want[1] || !strings.HasPrefix(labels[2], "Mine: trust ") || labels[3] != want[3] || labels[4] != want[4] {
			t.Fatalf("%q", labels)
		}
		for label, value := range values {
			o := w.disk.offers[sessionwarden.OfferID(value)]
			if o.ID == "" || o.Alert != 1 || o.Account != "main" || sessionwarden.OfferID(value).Alert() != 1 {
				t.Errorf("%s carries %q, which is %+v on the disk", label, value, o)
			}
		}
		if o := w.disk.offers[sessionwarden.OfferID(values["End this session"])]; o.Verb != sessionwarden.OfferEnd || o.Session == "" || o.Addr == "" || o.Seq == 0 {
			t.Errorf("%+v", o)
		}
		// An update keeps the ids, also after a restart they go on working.
		b := next(a, sessionwarden.Held)
		b.Incident, b.Raised, b.Answered, b.By = 9, a.Raised, time.Now().Add(time.Second), "Jane (U0JANE)"
		w.after(time.Second)
		w.commit(b)
		w.after(10 * time.Second)
		m := w.slack.Messages()[0]
		again, same := buttonsOf(m)
		if slices.Contains(again, "Acknowledge") || same["End this session"] != values["End this session"] {
			t.Errorf("after an answer: %q", again)
		}
		if !strings.Contains(slacktest.Text(m), "Answered by Jane (U0JANE)") {
			t.Errorf("it does not say who answered:\n%s", slacktest.Text(m))
		}
		gone := next(b, sessionwarden.Verified)
		gone.Resolved = time.Now()
		w.commit(gone)
		w.after(10 * time.Second)
		if left, _ := buttonsOf(w.slack.Messages()[0]); len(left) != 0 {
			t.Errorf("when it is over: %q", left)
		}
	})
}

func TestWithoutTheDiskThereAreNoButtons(t *testing.T) {
	inWorldOf(t, withButtons, func(w *world) {
		a := login(1, sessionwarden.Held)
		w.disk.alerts[1] = a
		w.disk.set(true)
		w.teller.Add([]sessionwarden.Alert{a})
		w.after(5 * time.Second)
		if labels, _ := buttonsOf(w.slack.Messages()[0]); len(labels) != 0 {
			t.Errorf("%q", labels)
		}
		w.teller.Urgent(sessionwarden.Alert{Kind: sessionwarden.Intrusion, Account: "main", Severity: sessionwarden.Critical, Items: a.Items, Created: time.Now(), Updated: time.Now()})
		w.after(5 * time.Second)
		if labels, _ := buttonsOf(w.slack.Messages()[1]); len(labels) != 0 {
			t.Errorf("of an alert on no disk: %q", labels)
		}
	})
}

func TestWithoutAListenerThereAreNoButtons(t *testing.T) {
	inWorldOf(t, func(w *world) { w.bot = true }, func(w *world) {
		w.commit(login(1, sessionwarden.Held))
		w.after(time.Second)
		if labels, _ := buttonsOf(w.slack.Messages()[0]); len(labels) != 0 || len(w.disk.offers) != 0 {
			t.Errorf("%q, %d on the disk", labels, len(w.disk.offers))
		}
	})
}

func TestHostileTextInButtonsIsInert(t *testing.T) {
	inWorldOf(t, withButtons, func(w *world) {
		a := login(1, sessionwarden.Held)
		s := &a.Items[0].Sighting
		s.ID = "1 <!channel>"
		s.Location.Organization = "<!channel> *bold* http://evil.example " + strings.Repeat("x", 500) + "\x1b[31m\u202e"
		w.commit(a)
		w.after(time.Second)
		m := w.slack.Messages()[0]
		labels, _ := buttonsOf(m)
		if slices.Contains(labels, "End this session") {
			t.Error("a session whose id cannot be typed can be ended by a button")
		}
		raw, err := json.Marshal(m.Blocks)
		if err != nil {
			t.Fatal(err)
		}
		for _, bad := range []string{"http://evil", "\x1b", "\u202e"} {
			if strings.Contains(string(raw), bad) {
				t.Errorf("%q is carried through", bad)
			}
		}
	})
}

func TestWhatAButtonTrusts(t *testing.T) {
	t.Parallel()
	at := func(addr string, l sessionwarden.Location) string {
		s := sessionwarden.Sighting{Location: l}
		s.Addr, _ = netip.ParseAddr(addr)
		_, what := alert.TrustFor(s)
		return what
	}
	for name, c := range map[string]struct{ got, want string }{
		"a provider":             {at("203.0.113.7", sessionwarden.Location{ASN: 64500, Organization: "Example"}), "Example (AS64500)"},
		"a provider without one": {at("203.0.113.7", sessionwarden.Location{ASN: 64500}), "AS64500"},
		"a data centre":          {at("203.0.113.7", sessionwarden.Location{ASN: 64500, Network: sessionwarden.Hosting}), "203.0.113.7"},
		"a VPN":                  {at("2001:db8::7", sessionwarden.Location{ASN: 64500, VPN: true}), "2001:db8::/64"},
		"Tor":                    {at("203.0.113.7", sessionwarden.Location{ASN: 64500, Tor: true}), ""},
		"a private network":      {at("10.0.0.7", sessionwarden.Location{Network: sessionwarden.Private}), ""},
		"no address":             {at("x", sessionwarden.Location{ASN: 64500}), ""},
	} {
		if c.got != c.want {
			t.Errorf("%s: %q, want %q", name, c.got, c.want)
		}
	}
}
