package policy_test

import (
	"strings"
	"testing"
	"time"

	"sessionwarden"
	"sessionwarden/policy"
)

// toldOf returns what is found when the facts of an account change so, at a time.
func toldOf(t *testing.T, a sessionwarden.Account, at time.Time, change ...func(*sessionwarden.AccountFacts)) []sessionwarden.Finding {
	t.Helper()
	read := reading(change...)
	_, found := policy.JudgeFacts(a, facts(), read, at)
	if len(found) == 0 {
		t.Fatal("nothing is found")
	}
	return found
}

func answerOf(t *testing.T, answers []policy.Answer, r sessionwarden.Rule) policy.Answer {
	t.Helper()
	for _, a := range answers {
		if a.Rule == r {
			return a
		}
	}
	t.Fatalf("no answer of %s", r)
	return policy.Answer{}
}

// TestExplainTakeover: what it says of a session, found or not.
func TestExplainTakeover(t *testing.T) {
	t.Parallel()
	trade := func(f *sessionwarden.AccountFacts) { f.TradeURL.Value = thiefTrade }
	name := func(f *sessionwarden.AccountFacts) { f.Name.Value = "Eve" }
	gone := func(ago time.Duration) func(*sessionwarden.Sighting) {
		return func(s *sessionwarden.Sighting) {
			s.State, s.GoneAt = sessionwarden.Gone, now.Add(-ago)
		}
	}
	tests := map[string]struct {
		c      policy.Case
		change func(*sessionwarden.AccountFacts)
		ago    time.Duration
		want   string // in the reason, or in why there is none
		found  bool
	}{
		"a thief":           {alert(seen(1, vietnam, loud), under(usual)), trade, 0, "the trade URL was changed from", true},
		"somebody new":      {alert(seen(1, vietnam, seenAgo(time.Minute)), under(usual)), trade, 0, "that is how an account is taken over", true},
		"was so elsewhere":  {alert(seen(1, home), under(usual), before(seen(1, vietnam, loud))), trade, 0, "the trade URL was changed from", true},
		"off":               {alert(seen(1, vietnam, loud), under(usual, rule(sessionwarden.Takeover, sessionwarden.Off))), trade, 0, "switched off", false},
		"our own":           {alert(seen(1, vietnam, loud, owned(sessionwarden.Own)), under(usual)), trade, 0, "it is the watch's own session", false},
		"disputed":          {alert(seen(1, vietnam, loud, owned(sessionwarden.Disputed)), under(usual)), trade, 0, "it may be the watch's own session", false},
		"claimed":           {alert(seen(1, vietnam, loud, denied), under(usual)), trade, 0, "its owner claimed it", false},
		"a trusted network": {alert(seen(1, vietnam, loud), under(usual, trusting("203.0.113.0/24"))), trade, 0, "in the trusted network 203.0.113.0/24", false},
		"only the name":     {alert(seen(1, vietnam, loud), under(usual)), name, 0, "were not seen to change within 6 hours of its coming", false},
		"long before":       {alert(seen(1, vietnam, loud), under(usual)), trade, 7 * time.Hour, "were not seen to change within 6 hours of its coming", false},
		"the owner":         {alert(seen(1, home), under(usual)), trade, 0, "no rule asked for more than a note on it, and neither its country nor its network is new", false},
		"from the start":    {alert(seen(1, vietnam, baseline), under(usual)), trade, 0, "it was there at the first poll", false},
		"still learned":     {alert(seen(1, vietnam, seenAgo(time.Minute)), under(usual), learning), trade, 0, "the account is still being learned", false},
		"only afterwards":   {alert(seen(1, vietnam), under(usual)), trade, time.Hour, "but it began only after that", false},
		"over by then":      {alert(seen(1, vietnam, seenAgo(2*time.Hour), gone(time.Hour)), under(usual)), trade, 0, "but it was over by then", false},
		"over, not told of": {alert(seen(1, vietnam, loud, gone(0)), under(usual)), trade, 0, "it would belong to that, but it was not told of with it", false},
	}
	for what, test := range tests {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			b := policy.Beside{Sighting: test.c.Sighting, Told: toldOf(t, test.c.Account, now.Add(-test.ago), test.change), Now: now}
			got := answerOf(t, policy.Explain(test.c, b), sessionwarden.Takeover)
			text := got.Why
			if got.Finding != nil {
				text = got.Finding.Reason
			}
			if (got.Finding != nil) != test.found || !strings.Contains(text, test.want) || strings.Contains(text, thiefTrade) {
				t.Errorf("found %t: %s", got.Finding != nil, text)
			}
		})
	}
}

// TestExplainTakeoverByTheRecord: what was found is what is answered, with the
// response that the configuration gives it now.
func TestExplainTakeoverByTheRecord(t *testing.T) {
	t.Parallel()
	a := account(usual)
	c := alert(seen(1, vietnam, loud, spoken(sessionwarden.Takeover, sessionwarden.Ask)), under(usual))
	recorded := policy.JudgeTakeover(a, scene(tradeAt(0), seen(1, vietnam, loud)), policy.Rails{}, now).Sessions[0].Findings[0]
	b := policy.Beside{Sighting: c.Sighting, Told: []sessionwarden.Finding{recorded}, Now: now.AddDate(0, 1, 0)}
	if got := answerOf(t, policy.Explain(c, b), sessionwarden.Takeover); got.Finding == nil || got.Finding.Reason != recorded.Reason || got.Finding.Response != sessionwarden.Ask {
		t.Errorf("got %+v", got)
	}
	c.Account.Rules[sessionwarden.Takeover] = sessionwarden.Log
	if got := answerOf(t, policy.Explain(c, b), sessionwarden.Takeover); got.Finding == nil || got.Finding.Response != sessionwarden.Log {
		t.Errorf("noted only: %+v", got)
	}
	c.Account.Rules[sessionwarden.Takeover] = sessionwarden.Off
	if got := answerOf(t, policy.Explain(c, b), sessionwarden.Takeover); got.Finding != nil || !strings.Contains(got.Why, "switched off") {
		t.Errorf("off: %+v", got)
	}

	// One that is over is told of as a matter of the account.
	over := seen(2, vietnam, loud, func(s *sessionwarden.Sighting) { s.State, s.GoneAt = sessionwarden.Gone, now })
	h := scene(tradeAt(0))
	h.Facts.Left = policy.Leave(a, h, []sessionwarden.Sighting{over}, now)
	told := policy.JudgeTakeover(a, h, policy.Rails{}, now).Account
	c = alert(over, under(usual))
	if got := answerOf(t, policy.Explain(c, policy.Beside{Sighting: over, Told: told, Now: now}), sessionwarden.Takeover); got.Finding == nil || !strings.Contains(got.Finding.Reason, "The session is over.") {
		t.Errorf("over: %+v", got)
	}
}

// TestExplainAccount: how it stands, and what changed while a session was there.
func TestExplainAccount(t *testing.T) {
	t.Parallel()
	a := account(usual, rule(sessionwarden.NameChanged, sessionwarden.Off))
	told := toldOf(t, a, now, func(f *sessionwarden.AccountFacts) { f.TradeURL.Value = thiefTrade })
	says := func(b policy.Beside, r sessionwarden.Rule) (string, int) {
		for _, one := range policy.ExplainAccount(a, b) {
			if one.Rule == r {
				return one.Says, len(one.Changes)
			}
		}
		t.Fatalf("no answer of %s", r)
		return "", 0
	}
	b := policy.Beside{Sighting: seen(1, home), Told: told, Facts: facts(), Logouts: []time.Time{now.Add(-time.Minute), now.Add(-2 * time.Hour)}, Now: now}
	for r, want := range map[sessionwarden.Rule]string{
		sessionwarden.TwoFactorOff:     "two-factor authentication is on",
		sessionwarden.TradeURLChanged:  "the trade URL is steamcommunity.",
		sessionwarden.PayoutChanged:    "the payout mail is a…",
		sessionwarden.ContactChanged:   "the contact mail is a…",
		sessionwarden.DiscordChanged:   "the Discord account is …",
		sessionwarden.NameChanged:      "it is switched off in the configuration",
		sessionwarden.BalanceDrop:      "the balance is 2500.00",
		sessionwarden.PaymentReview:    "payments under review: 0",
		sessionwarden.WatcherLoggedOut: "our own session was ended by someone within the hour; times: 1",
	} {
		if got, _ := says(b, r); !strings.HasPrefix(got, want) {
			t.Errorf("%s says %q", r, got)
		}
		changes := 0
		if r == sessionwarden.TradeURLChanged {
			changes = 1
		}
		if _, n := says(b, r); n != changes {
			t.Errorf("%s: %d changes", r, n)
		}
	}
	b.Sighting.GoneAt = now.Add(-24 * time.Hour)
	if _, n := says(b, sessionwarden.TradeURLChanged); n != 0 {
		t.Error("it was over before anything changed")
	}
	b.Sighting.GoneAt, b.Sighting.Started = time.Time{}, now.Add(time.Minute)
	if _, n := says(b, sessionwarden.TradeURLChanged); n != 0 {
		t.Error("it came after the change")
	}
	if got, _ := says(policy.Beside{}, sessionwarden.PayoutChanged); got != "the service has not said yet how it stands" {
		t.Errorf("nothing was read: %q", got)
	}
}
