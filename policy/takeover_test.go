package policy_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"sessionwarden"
	"sessionwarden/policy"
)

// tradeAt is a change of the trade URL that was seen ago before now.
func tradeAt(ago time.Duration) sessionwarden.FactChange {
	return sessionwarden.FactChange{Rule: sessionwarden.TradeURLChanged, Before: "steam…r123", After: "steam…f666", Was: now.Add(-ago - time.Minute), Seen: now.Add(-ago)}
}

func changedAs(r sessionwarden.Rule, ago time.Duration) sessionwarden.FactChange {
	c := tradeAt(ago)
	c.Rule = r
	return c
}

// scene is the history of an account whose owner is known, with a change.
func scene(change sessionwarden.FactChange, live ...sessionwarden.Sighting) sessionwarden.History {
	h := history()
	h.Live = append(h.Live, live...)
	h.Facts.Changes = []sessionwarden.FactChange{change}
	return h
}

// together says what was found: rule, response and session of each finding.
func together(t policy.Together) string {
	var parts []string
	for _, j := range t.Sessions {
		for _, f := range j.Findings {
			parts = append(parts, string(f.Session)+" "+f.Response.String())
		}
	}
	for _, f := range t.Account {
		parts = append(parts, "account "+f.Response.String())
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}

func loud(s *sessionwarden.Sighting) {
	s.Verdicts = append(s.Verdicts, sessionwarden.Verdict{Rule: sessionwarden.UnexpectedCountry, Response: sessionwarden.Disconnect})
}

func seenAgo(ago time.Duration) func(*sessionwarden.Sighting) {
	return func(s *sessionwarden.Sighting) {
		s.FirstSeen, s.Started = now.Add(-ago), now.Add(-ago-10*time.Second)
	}
}

func TestTakeover(t *testing.T) {
	t.Parallel()
	newNetwork := at("192.0.2.99", "DE", 64599, "Café Net")
	minute := tradeAt(time.Minute)
	tests := []struct {
		name string
		a    sessionwarden.Account
		h    sessionwarden.History
		want string
	}{
		// guilty
		{"a suspicious session, then the change", account(usual), scene(tradeAt(0), seen(1, vietnam, loud, seenAgo(time.Hour))), "1001 ask"},
		{"the change, then a suspicious session", account(usual), scene(tradeAt(time.Hour), seen(1, vietnam, loud, seenAgo(0))), "1001 ask"},
		{"a stranger that no rule was asked about", account(usual), scene(tradeAt(0), seen(1, vietnam, seenAgo(time.Minute))), "1001 ask"},
		{"a network that is new, at home", account(usual), scene(tradeAt(0), seen(1, newNetwork, seenAgo(time.Minute))), "1001 ask"},
		{"two at once", account(usual), scene(minute, seen(1, vietnam, loud), seen(2, brazil, loud)), "1001 ask, 1002 ask"},
		{"two-factor off", account(usual), scene(changedAs(sessionwarden.TwoFactorOff, 0), seen(1, vietnam, loud)), "1001 ask"},
		{"payout", account(usual), scene(changedAs(sessionwarden.PayoutChanged, 0), seen(1, vietnam, loud)), "1001 ask"},
		{"contact", account(usual), scene(changedAs(sessionwarden.ContactChanged, 0), seen(1, vietnam, loud)), "1001 ask"},
		{"balance", account(usual), scene(changedAs(sessionwarden.BalanceDrop, 0), seen(1, vietnam, loud)), "1001 ask"},
		{"the rule may disconnect", account(usual, rule(sessionwarden.Takeover, sessionwarden.Disconnect)), scene(minute, seen(1, vietnam, loud)), "1001 disconnect"},
		{"or all", account(usual, rule(sessionwarden.Takeover, sessionwarden.DisconnectAll)), scene(minute, seen(1, vietnam, loud)), "1001 disconnect_all"},
		{"so may the change's own rule", account(usual, rule(sessionwarden.TradeURLChanged, sessionwarden.Disconnect)), scene(minute, seen(1, vietnam, loud)), "1001 disconnect"},
		{"even where takeover is off", account(usual, rule(sessionwarden.Takeover, sessionwarden.Off), rule(sessionwarden.TradeURLChanged, sessionwarden.Disconnect)), scene(minute, seen(1, vietnam, loud)), "1001 disconnect"},
		{"and a rule that is no part of it", account(usual, rule(sessionwarden.NameChanged, sessionwarden.Disconnect)), scene(changedAs(sessionwarden.NameChanged, 0), seen(1, vietnam, loud)), "1001 disconnect"},
		{"it was suspicious elsewhere, and went on", account(usual), given(scene(minute, seen(2, home, since(time.Minute))), left("1002", true, time.Minute)), "1002 ask"},
		{"the suspicious session is over", account(usual), given(scene(minute), left("1001", true, time.Minute)), "account alert"},
		{"a new one that was there meanwhile is over", account(usual), given(scene(minute), left("1001", false, 0)), "account alert"},
		{"one for several that are over", account(usual), given(scene(minute), left("1001", true, time.Minute), left("1005", true, time.Minute)), "account alert"},
		{"a live one speaks for those that are over", account(usual), given(scene(minute, seen(1, vietnam, loud)), left("1005", true, time.Minute)), "1001 ask"},

		// innocent
		{"nothing changed", account(usual), scene(sessionwarden.FactChange{}, seen(1, vietnam, loud)), ""},
		{"the owner at home", account(usual), scene(tradeAt(0), seen(1, home)), ""},
		{"the owner's new phone at home", account(usual), scene(tradeAt(0), seen(1, home, with(onPhone))), ""},
		{"he goes out after the change, through a new network", account(usual), scene(tradeAt(time.Hour), seen(1, newNetwork, seenAgo(0))), ""},
		{"too long ago", account(usual), scene(tradeAt(0), seen(1, vietnam, loud, seenAgo(7*time.Hour))), ""},
		{"the change is too long ago", account(usual), scene(tradeAt(7*time.Hour), seen(1, vietnam, loud)), ""},
		{"the name is nothing to live from", account(usual), scene(changedAs(sessionwarden.NameChanged, 0), seen(1, vietnam, loud)), ""},
		{"his own, from a trusted network", account(usual, trusting("203.0.113.0/24")), scene(tradeAt(0), seen(1, vietnam, loud)), ""},
		{"claimed by its owner", account(usual), scene(tradeAt(0), seen(1, vietnam, loud, denied)), ""},
		{"our own", account(usual), scene(tradeAt(0), seen(1, vietnam, loud, owned(sessionwarden.Own))), ""},
		{"it was told before", account(usual), scene(tradeAt(0), seen(1, vietnam, loud, spoken(sessionwarden.Takeover, sessionwarden.Ask))), ""},
		{"the rule is off", account(usual, rule(sessionwarden.Takeover, sessionwarden.Off)), scene(tradeAt(0), seen(1, vietnam, loud)), ""},
		{"nothing is known of the owner yet", account(usual), bare(scene(tradeAt(0), seen(1, vietnam))), ""},
		{"a café, and hours later a change at home", account(usual), given(scene(tradeAt(0)), left("1001", false, time.Hour)), ""},
		{"over and told", account(usual), given(scene(tradeAt(0)), func(h *sessionwarden.History) {
			left("1001", true, 0)(h)
			h.Facts.Left[0].Told = true
		}), ""},
	}
	for _, test := range tests {
		got := policy.JudgeTakeover(test.a, test.h, policy.Rails{}, now)
		if together(got) != test.want {
			t.Errorf("%s: %q, want %q", test.name, together(got), test.want)
		}
		h := test.h.Clone()
		h.Facts.Left = got.Left
		for i := range h.Live {
			for _, j := range got.Sessions {
				if j.Sighting.Seq == h.Live[i].Seq {
					h.Live[i].Verdicts = append(h.Live[i].Verdicts, sessionwarden.Verdict{Rule: j.Findings[0].Rule, Response: j.Findings[0].Response})
				}
			}
		}
		if again := policy.JudgeTakeover(test.a, h, policy.Rails{}, now); together(again) != "" {
			t.Errorf("%s: told again: %s", test.name, together(again))
		}
	}
}

// Which of two changes a thief makes first does not save him.
func TestALaterChangeThatAsksForMoreIsHeard(t *testing.T) {
	t.Parallel()
	a := account(usual, rule(sessionwarden.TwoFactorOff, sessionwarden.Disconnect))
	h := scene(tradeAt(0), seen(1, vietnam, loud, spoken(sessionwarden.Takeover, sessionwarden.Ask)))
	h.Facts.Changes = append(h.Facts.Changes, changedAs(sessionwarden.TwoFactorOff, 0))
	if got := together(policy.JudgeTakeover(a, h, policy.Rails{}, now)); got != "1001 disconnect" {
		t.Errorf("found %q", got)
	}
	h.Live[len(h.Live)-1] = seen(1, vietnam, loud, spoken(sessionwarden.Takeover, sessionwarden.Disconnect))
	if got := together(policy.JudgeTakeover(a, h, policy.Rails{}, now)); got != "" {
		t.Errorf("told again: %q", got)
	}
	// That it was asked about speaks no more against it than what it was asked for.
	moved := seen(1, vietnam, spoken(sessionwarden.UnexpectedCountry, sessionwarden.Disconnect), spoken(sessionwarden.Takeover, sessionwarden.Ask))
	moved.ReclassifiedAt = now
	h.Live[len(h.Live)-1] = moved
	if got := together(policy.JudgeTakeover(a, h, policy.Rails{}, now)); got != "" {
		t.Errorf("by new location data alone: %q", got)
	}
}

func given(h sessionwarden.History, change ...func(*sessionwarden.History)) sessionwarden.History {
	for _, f := range change {
		f(&h)
	}
	return h
}

// left is a suspicious session that was over ago before now.
func left(id sessionwarden.SessionID, loud bool, ago time.Duration) func(*sessionwarden.History) {
	return func(h *sessionwarden.History) {
		h.Facts.Left = append(h.Facts.Left, sessionwarden.Suspect{
			Session: id, Addr: "203.0.113.5", Where: "Vietnam (Far Net, AS64510)", Began: now.Add(-2 * time.Hour), Seen: now.Add(-2 * time.Hour), Gone: now.Add(-ago), Loud: loud,
		})
	}
}

func bare(h sessionwarden.History) sessionwarden.History {
	h.Profile = sessionwarden.Profile{}
	return h
}

func TestTakeoverTellsTheWholeStory(t *testing.T) {
	t.Parallel()
	h := scene(tradeAt(0), seen(1, vietnam, loud, seenAgo(30*time.Second)))
	h.Facts.Changes = append(h.Facts.Changes, changedAs(sessionwarden.TwoFactorOff, 0))
	got := policy.JudgeTakeover(account(usual), h, policy.Rails{}, now)
	if len(got.Sessions) != 1 {
		t.Fatalf("%+v", got)
	}
	f := got.Sessions[0].Findings[0]
	const want = "Session 1001 signed in from Vietnam (Far Net, AS64510) at 11:59:20 UTC; the trade URL was changed from steam…r123 to steam…f666, between 11:59:00 UTC and 12:00:00 UTC; " +
		"two-factor authentication was on and is off, between 11:59:00 UTC and 12:00:00 UTC: that is how an account is taken over."
	if f.Reason != want || f.Severity != sessionwarden.Critical || f.Seq != 1 || f.Rule != sessionwarden.Takeover {
		t.Errorf("got  %s\nwant %s\n%+v", f.Reason, want, f)
	}
	if f.Silence != `trusted_networks = ["203.0.113.5/32"]` || !strings.Contains(fact(f, policy.FactChange), "steam…f666") {
		t.Errorf("%+v", f)
	}
	// It goes the usual way.
	if got := stands(policy.Plan(account(usual), h, got.Sessions, policy.Rails{}, now)); got != "1001 held by ask" {
		t.Errorf("planned: %s", got)
	}
	over := policy.JudgeTakeover(account(usual), given(scene(tradeAt(0)), left("1001", true, time.Minute)), policy.Rails{}, now)
	const wantOver = "Session 1001 signed in from Vietnam (Far Net, AS64510) at 10:00:00 UTC; the trade URL was changed from steam…r123 to steam…f666, between 11:59:00 UTC and 12:00:00 UTC: " +
		"that is how an account is taken over. The session is over."
	if f := over.Account[0]; f.Reason != wantOver || f.Seq != 0 || f.Session != "" || f.Capped == "" {
		t.Errorf("got  %+v\nwant %s", f, wantOver)
	}
}

func TestTakeoverOnlyAsksWhereLocationDataFails(t *testing.T) {
	t.Parallel()
	a := account(usual, rule(sessionwarden.Takeover, sessionwarden.DisconnectAll))
	got := policy.JudgeTakeover(a, scene(tradeAt(0), seen(1, nowhere, loud)), policy.Rails{Location: "broken"}, now)
	if together(got) != "1001 ask" || got.Sessions[0].Findings[0].Capped == "" {
		t.Errorf("%s", together(got))
	}
}

func TestWhoLeavesIsRemembered(t *testing.T) {
	t.Parallel()
	a := account(usual, trusting("198.51.100.0/24"))
	over := func(s sessionwarden.Sighting, state sessionwarden.SightingState) sessionwarden.Sighting {
		s.State = state
		return s
	}
	for _, test := range []struct {
		name string
		s    sessionwarden.Sighting
		want bool
	}{
		{"a suspicious session", over(seen(1, vietnam, loud), sessionwarden.Gone), true},
		{"one that came and went", over(seen(1, vietnam, func(s *sessionwarden.Sighting) { s.Late = true }), sessionwarden.Gone), true},
		{"a suspicious one that went on elsewhere", over(seen(1, vietnam, loud), sessionwarden.Moved), true},
		{"a new one", over(seen(1, vietnam), sessionwarden.Gone), true},
		{"a new one that went on elsewhere", over(seen(1, vietnam), sessionwarden.Moved), false},
		{"the owner's", over(seen(1, home), sessionwarden.Gone), false},
		{"a claimed one", over(seen(1, vietnam, loud, denied), sessionwarden.Gone), false},
		{"a trusted one", over(seen(1, brazil, loud), sessionwarden.Gone), false},
		{"our own", over(seen(1, vietnam, loud, owned(sessionwarden.Own)), sessionwarden.Gone), false},
		{"one of yesterday", over(seen(1, vietnam, loud, seenAgo(24*time.Hour)), sessionwarden.Gone), false},
	} {
		if got := policy.Leave(a, history(), []sessionwarden.Sighting{test.s}, now); (len(got) == 1) != test.want {
			t.Errorf("%s: %+v", test.name, got)
		}
	}
	var flood []sessionwarden.Sighting
	for i := range 5000 {
		flood = append(flood, over(seen(uint64(i), vietnam, loud), sessionwarden.Gone))
	}
	if got := policy.Leave(a, history(), flood, now); len(got) != 16 {
		t.Errorf("%d are remembered of a flood", len(got))
	}
	h := given(history(), left("1001", true, 0))
	h.Live = append(h.Live, seen(1, vietnam, denied))
	if got := policy.Leave(a, h, nil, now); len(got) != 0 {
		t.Errorf("its owner has claimed it since: %+v", got)
	}
}

// Nobody makes the watch forget what he changed, or who was there, by changing
// and sending what matters less.
func TestWhatMattersIsNotPushedOut(t *testing.T) {
	t.Parallel()
	a := account(usual)
	on, off := sessionwarden.Known[bool]{Value: true, Read: now}, sessionwarden.Known[bool]{Read: now}
	facts, _ := policy.JudgeFacts(a, sessionwarden.AccountFacts{TwoFactor: on}, sessionwarden.AccountFacts{TwoFactor: off}, now)
	for i := range 40 {
		facts, _ = policy.JudgeFacts(a, facts, sessionwarden.AccountFacts{Name: sessionwarden.Known[string]{Value: strconv.Itoa(i), Read: now}}, now)
	}
	if len(facts.Changes) != 16 || facts.Changes[0].Rule != sessionwarden.TwoFactorOff || facts.Changes[15].After != "39" {
		t.Errorf("remembered: %v", facts.Changes)
	}

	intruder := seen(1, vietnam, loud, seenAgo(time.Minute))
	intruder.State = sessionwarden.Gone
	ended := []sessionwarden.Sighting{intruder}
	for i := range 40 { // each new by its network alone
		s := seen(uint64(10+i), at("192.0.2.99", "DE", uint32(64600+i), "Café Net"))
		s.State = sessionwarden.Gone
		ended = append(ended, s)
	}
	left := policy.Leave(a, history(), ended, now)
	if len(left) != 16 || left[0].Seq != 1 || left[15].Seq != 49 {
		t.Errorf("remembered: %v", left)
	}
}

// New location data alone has nobody ended, whatever the owner changes then.
func TestATakeoverByNewLocationDataAsks(t *testing.T) {
	t.Parallel()
	a := account(usual, rule(sessionwarden.Takeover, sessionwarden.Disconnect))
	moved := func(s *sessionwarden.Sighting) { s.ReclassifiedAt, s.ReclassifiedFrom = now, "DE" }
	for name, test := range map[string]struct {
		s    sessionwarden.Sighting
		want string
	}{
		"it was there from the first": {seen(1, vietnam, loud, seenAgo(time.Hour)), "1001 disconnect"},
		"new data put it there":       {seen(1, vietnam, loud, moved, seenAgo(time.Hour)), "1001 ask"},
		"and Tor speaks against it":   {seen(1, vietnam, loud, moved, spoken(sessionwarden.TorNetwork, sessionwarden.Ask), seenAgo(time.Hour)), "1001 disconnect"},
		"and it moved":                {seen(1, vietnam, loud, moved, spoken(sessionwarden.SessionMoved, sessionwarden.Ask), seenAgo(time.Hour)), "1001 disconnect"},
	} {
		if got := together(policy.JudgeTakeover(a, scene(tradeAt(0), test.s), policy.Rails{}, now)); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}
