package policy_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"sessionwarden"
	"sessionwarden/policy"
)

// Promise 3: never a rail for the thief. Each test is one of its sentences.

func TestACopiedUserAgentSavesNobody(t *testing.T) {
	t.Parallel()
	for _, device := range []string{onWindows, onPhone, "", "curl"} {
		if got := stands(planned(account(), false, seen(1, vietnam, with(device)))); got != "1001 planned" {
			t.Errorf("with %q: %s", device, got)
		}
		h := history()
		if !policy.Stranger(account(), h, seen(1, vietnam, with(device))) {
			t.Errorf("with %q he is no stranger", device)
		}
	}
}

func TestAThousandDecoysSaveNobody(t *testing.T) {
	t.Parallel()
	a := account()
	h := history()
	var decoys []sessionwarden.Sighting
	for i := range 1000 {
		p := vietnam
		p.addr = netip.AddrFrom4([4]byte{203, 0, 113, byte(i)}).String()
		decoys = append(decoys, seen(uint64(i+1), p, func(s *sessionwarden.Sighting) { s.Started = now.Add(time.Duration(i) * time.Second) }))
	}
	actions := policy.Plan(a, h, judged(a, &h, false, decoys...), policy.Rails{}, now)
	if len(actions) != 1000 {
		t.Fatalf("%d actions", len(actions))
	}
	for i, action := range actions {
		if action.State != sessionwarden.Planned || !action.Stranger {
			t.Fatalf("action %d: %s by %s", i, action.State, action.Hold)
		}
	}
	if actions[0].Session != "2000" || actions[999].Session != "1001" {
		t.Errorf("not the newest first: %s … %s", actions[0].Session, actions[999].Session)
	}
	// What they use up is the strangers' budget, not the owner's side.
	h.Spent = spent(100, true, time.Minute)
	tied := seen(2000, austria, func(s *sessionwarden.Sighting) { s.Location.ASN = 64500 })
	h.Live = append(h.Live, tied)
	if d := recheck(a, h, actionOn(tied), tied); d.State != sessionwarden.Planned {
		t.Errorf("the thief with a tie is held by the decoys: %s by %s", d.State, d.Hold)
	}
}

func TestEndingOurSessionSavesNobody(t *testing.T) {
	t.Parallel()
	a := account()
	h := history()
	for i := range 50 {
		h.Logouts = append(h.Logouts, now.Add(-time.Duration(i)*time.Minute))
	}
	s := seen(1, vietnam)
	actions := policy.Plan(a, h, judged(a, &h, false, s), policy.Rails{}, now)
	if got := stands(actions); got != "1001 planned" {
		t.Errorf("planned: %s", got)
	}
	if d := recheck(a, h, actionOn(s), s); d.State != sessionwarden.Planned {
		t.Errorf("recheck: %s", d.State)
	}
	if f, _ := policy.LoggedOut(a, h.Logouts, now); f.Response != sessionwarden.Notify {
		t.Errorf("nobody is told: %s", f.Response)
	}
}

func TestSigningOutInTheMiddleSavesOnlyThatSession(t *testing.T) {
	t.Parallel()
	a := account()
	out, stays := seen(1, vietnam, func(s *sessionwarden.Sighting) { s.Missing = now }), seen(2, vietnam)
	h := living(out, stays)
	d := policy.Recheck(a, h, actionOn(out), nil, true, policy.Rails{}, now)
	if d.State != sessionwarden.Moot || d.Note == "" {
		t.Errorf("the one who left: %s (%s)", d.State, d.Note)
	}
	if d := recheck(a, h, actionOn(stays), stays); d.State != sessionwarden.Planned {
		t.Errorf("the other: %s (%s)", d.State, d.Note)
	}
}

func TestAnIncompletePollBarsTheConclusionGone(t *testing.T) {
	t.Parallel()
	s := seen(1, vietnam)
	d := policy.Recheck(account(), living(s), actionOn(s), nil, false, policy.Rails{}, now)
	if d.State != sessionwarden.Planned || !d.Wait || d.Note == "" {
		t.Errorf("got %+v, want to wait for another list", d)
	}
}

func TestAnIncompletePollNeverBarsActingOnARowThatWasDecoded(t *testing.T) {
	t.Parallel()
	s := seen(1, vietnam)
	row := s.Session
	row.Flaws = []string{"expire is no time"}
	d := policy.Recheck(account(), living(s), actionOn(s), &row, false, policy.Rails{}, now)
	if d.State != sessionwarden.Planned || d.Wait {
		t.Errorf("got %+v, want to go ahead", d)
	}
}

func TestTheRecheckDoesNotLookAtTheRuleAgain(t *testing.T) {
	t.Parallel()
	s := seen(1, home, spoken(sessionwarden.UnexpectedCountry, sessionwarden.Disconnect)) // nothing is wrong with it any more
	quiet := account(endsEverything(sessionwarden.Off), expecting("DE", "VN"))
	if d := recheck(quiet, living(s), actionOn(s), s); d.State != sessionwarden.Planned || d.Wait {
		t.Errorf("got %+v", d)
	}
}

func TestAChangedAddressOrAgentDoesNotSaveTheThief(t *testing.T) {
	t.Parallel()
	s := seen(1, vietnam)
	row := s.Session
	row.Addr = netip.MustParseAddr(home.addr)
	d := policy.Recheck(account(), living(s), actionOn(s), &row, true, policy.Rails{}, now)
	if d.State != sessionwarden.Planned || d.Wait || !strings.Contains(d.Note, home.addr) {
		t.Errorf("another address: %+v, want to go ahead and to say so", d)
	}
	row = s.Session
	row.UserAgent = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
	d = policy.Recheck(account(), living(s), actionOn(s), &row, true, policy.Rails{}, now)
	if d.State != sessionwarden.Planned || d.Wait || !strings.Contains(d.Note, "Linux, Firefox") {
		t.Errorf("another agent: %+v, want to go ahead and to say so", d)
	}
}

func TestARailHoldsOneActionAndSaysWhy(t *testing.T) {
	t.Parallel()
	a := account(rule(sessionwarden.NewDevice, sessionwarden.Disconnect))
	h := history()
	actions := policy.Plan(a, h, judged(a, &h, false, seen(1, vietnam), seen(2, home, with(onPhone)), seen(3, nowhere)), policy.Rails{Location: "gone"}, now)
	held := 0
	for _, action := range actions {
		if action.State != sessionwarden.Held {
			continue
		}
		held++
		if action.Note == "" {
			t.Errorf("%s is held and nobody is told why", action.Session)
		}
	}
	if held != 2 || len(actions) != 3 {
		t.Errorf("got %s, want the one on the device to go on", stands(actions))
	}
}

// several makes n sessions at p, numbered from first.
func several(first uint64, n int, p place, change ...func(*sessionwarden.Sighting)) (all []sessionwarden.Sighting) {
	for i := range n {
		all = append(all, seen(first+uint64(i), p, change...))
	}
	return all
}

func TestTheGuardHoldsAMistakenRule(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name      string
		bad, good int
		held      bool
	}{
		{"one of one", 1, 0, false},
		{"two of two", 2, 0, false},
		{"three of three", 3, 0, true},
		{"three of five", 3, 2, true},
		{"three of six is not more than half", 3, 3, false},
		{"four of six", 4, 2, true},
		{"two of three", 2, 1, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			all := append(several(1, test.bad, vietnam), several(100, test.good, home)...)
			actions := planned(account(), true, all...)
			if len(actions) != test.bad {
				t.Fatalf("%d actions", len(actions))
			}
			for _, action := range actions {
				if held := action.Hold == sessionwarden.HeldByGuard; held != test.held || held && (action.State != sessionwarden.Held || !strings.Contains(action.Note, fmt.Sprint(test.bad))) {
					t.Errorf("%s by %s (%s)", action.State, action.Hold, action.Note)
				}
				if !action.Deadline.IsZero() {
					t.Error("what the guard holds has a time-out")
				}
			}
		})
	}
}

func TestSessionsThatCameLaterNeverCountInTheGuard(t *testing.T) {
	t.Parallel()
	if got := strings.Count(stands(planned(account(), false, several(1, 20, vietnam)...)), "planned"); got != 20 {
		t.Errorf("%d of 20 new ones are ended", got)
	}
	// Decoys beside a mistaken rule: the known ones are held, the new ones go.
	a := account()
	h := history()
	all := judged(a, &h, true, several(1, 3, vietnam)...)
	all = append(all, judged(a, &h, false, several(100, 3, vietnam)...)...)
	actions := policy.Plan(a, h, all, policy.Rails{}, now)
	for _, action := range actions {
		if held := action.Hold == sessionwarden.HeldByGuard; held != (action.Seq < 100) {
			t.Errorf("session %s: %s by %s", action.Session, action.State, action.Hold)
		}
	}
	if len(actions) != 6 {
		t.Errorf("%d actions", len(actions))
	}
	// Nor do new ones make it hold the two that it would let go.
	h = history()
	all = judged(a, &h, true, several(1, 2, vietnam)...)
	all = append(all, judged(a, &h, false, several(100, 9, vietnam)...)...)
	if got := stands(policy.Plan(a, h, all, policy.Rails{}, now)); strings.Count(got, "planned") != 11 {
		t.Errorf("two known ones beside nine new ones: %s", got)
	}
	// Nor can new innocent ones water it down.
	h = history()
	all = judged(a, &h, true, several(1, 3, vietnam)...)
	all = append(all, judged(a, &h, false, several(100, 50, home)...)...)
	if got := stands(policy.Plan(a, h, all, policy.Rails{}, now)); strings.Count(got, "held by guard") != 3 {
		t.Errorf("got %s", got)
	}
}

func TestOwnAndTrustedSessionsDoNotCountInTheGuard(t *testing.T) {
	t.Parallel()
	a := account(trusting("192.0.2.0/25"))
	all := append(several(1, 3, vietnam), several(100, 20, home)...)
	all = append(all, several(200, 20, mobile, owned(sessionwarden.Own))...)
	all = append(all, several(300, 20, brazil, denied)...)
	if got := stands(planned(a, true, all...)); strings.Count(got, "held by guard") != 3 {
		t.Errorf("got %s, want the three held: nothing else could be ended", got)
	}
}

func TestKnownSessionsThatNothingIsAskedAboutCountInTheGuard(t *testing.T) {
	t.Parallel()
	a := account()
	h := living(several(100, 10, home)...) // known, and not judged again
	if got := stands(policy.Plan(a, h, judged(a, &h, true, several(1, 3, vietnam)...), policy.Rails{}, now)); strings.Contains(got, "guard") {
		t.Errorf("three of thirteen are held: %s", got)
	}
}

func TestTheGuardCountsQuestionsThatEndByThemselves(t *testing.T) {
	t.Parallel()
	a := account(rule(sessionwarden.UnexpectedCountry, sessionwarden.Ask))
	if got := stands(planned(a, true, several(1, 3, vietnam)...)); strings.Count(got, "held by ask") != 3 {
		t.Errorf("ask_default keep: %s", got)
	}
	a = account(rule(sessionwarden.UnexpectedCountry, sessionwarden.Ask), endUnanswered)
	if got := stands(planned(a, true, several(1, 3, vietnam)...)); strings.Count(got, "held by guard") != 3 {
		t.Errorf("ask_default disconnect: %s", got)
	}
}

func TestTheGuardHoldsAMistakenDisconnectAll(t *testing.T) {
	t.Parallel()
	a := account(rule(sessionwarden.UnexpectedCountry, sessionwarden.DisconnectAll))
	all := append(several(1, 1, vietnam), several(100, 4, home)...)
	if got := stands(planned(a, true, all...)); strings.Count(got, "held by guard") != 5 {
		t.Errorf("one mistaken finding ends all: %s", got)
	}
	h := living(several(100, 4, home)...)
	if got := stands(policy.Plan(a, h, judged(a, &h, false, seen(1, vietnam)), policy.Rails{}, now)); strings.Count(got, "planned") != 5 {
		t.Errorf("a new thief is not ended with all: %s", got)
	}
	nameless := append(several(1, 1, vietnam), several(100, 4, home, withoutID)...)
	if got := stands(planned(a, true, nameless...)); got != "1001 held by guard, all held by guard" {
		t.Errorf("without ids: %s", got)
	}
}

func TestProfilesLearnOnlyFromSessionsThatMayTeach(t *testing.T) {
	t.Parallel()
	day := 24 * time.Hour
	tests := []struct {
		name string
		s    sessionwarden.Sighting
		want bool
	}{
		{"a day old and clean", seen(1, austria, since(day)), true},
		{"younger", seen(1, austria, since(day-time.Second)), false},
		{"with a note", seen(1, austria, since(day), spoken(sessionwarden.NewNetwork, sessionwarden.Log)), true},
		{"with an alert", seen(1, austria, since(day), spoken(sessionwarden.NewCountry, sessionwarden.Notify)), false},
		{"that a person was asked about", seen(1, austria, since(day), spoken(sessionwarden.UnknownCountry, sessionwarden.Ask)), false},
		{"that its owner claimed", seen(1, austria, since(day), denied, spoken(sessionwarden.NewCountry, sessionwarden.Ask)), true},
		{"claimed, though younger", seen(1, austria, since(time.Hour), denied), true},
		{"from a trusted network", seen(1, brazil, since(day), spoken(sessionwarden.UnexpectedCountry, sessionwarden.Disconnect)), true},
		{"from a trusted network, though younger", seen(1, brazil, since(time.Hour)), true},
		{"our own", seen(1, austria, since(day), owned(sessionwarden.Own)), false},
		{"that may be our own", seen(1, austria, since(day), owned(sessionwarden.Disputed)), false},
		{"that the last list lacked", seen(1, austria, since(day), func(s *sessionwarden.Sighting) { s.Missing = now }), false},
		{"of another account", seen(1, austria, since(day), func(s *sessionwarden.Sighting) { s.Account = "other" }), false},
		{"old, there from the start, seen first just now", seen(1, austria, since(day), baseline, firstSeenNow), true},
		{"old, not from the start, seen first just now", seen(1, austria, since(day), firstSeenNow), false},
		{"old, there from the start, moved just now", seen(1, austria, since(day), baseline, firstSeenNow, spoken(sessionwarden.SessionRoamed, sessionwarden.Log)), false},
	}
	a := account(trusting("198.51.100.9/32"))
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			was := knownOwner()
			p, learned, _ := policy.Learn(a, was, []sessionwarden.Sighting{test.s}, now)
			if got := len(learned) == 1; got != test.want {
				t.Fatalf("learned %v", learned)
			}
			if _, knows := p.Countries[test.s.Location.Country]; knows != test.want {
				t.Errorf("knows the country: %t", knows)
			}
			if len(was.Countries) != 1 || len(was.Networks) != 2 || len(was.Devices) != 1 {
				t.Error("the profile that was given has changed")
			}
		})
	}
}

func firstSeenNow(s *sessionwarden.Sighting) { s.FirstSeen = now }

func TestWhatAThiefDoesInTenMinutesTeachesNothing(t *testing.T) {
	t.Parallel()
	thief := several(1, 500, vietnam, since(10*time.Minute), with("Linux, Firefox"))
	p, learned, _ := policy.Learn(account(endsEverything(sessionwarden.Log)), knownOwner(), thief, now)
	if len(learned) != 0 || len(p.Countries) != 1 || len(p.Devices) != 1 {
		t.Errorf("learned from %d", len(learned))
	}
}

func TestAPersonsWordPassesTheRailsButNotIdentity(t *testing.T) {
	t.Parallel()
	s := seen(1, vietnam)
	h := living(s)
	h.Spent = append(spent(100, true, time.Minute), spent(100, false, time.Minute)...)
	row := s.Session
	rails := policy.Rails{Location: "broken", Clock: "wrong"}
	if d := policy.Recheck(account(), h, actionOn(s, byHand), &row, true, rails, now); d.State != sessionwarden.Planned || d.Wait {
		t.Errorf("by hand: %+v", d)
	}
	row.ID = "4711"
	if d := policy.Recheck(account(), h, actionOn(s, byHand), &row, true, rails, now); d.State != sessionwarden.Refused {
		t.Errorf("another session: %+v", d)
	}
}

func TestOnlyPlannedActionsGoAhead(t *testing.T) {
	t.Parallel()
	s := seen(1, vietnam)
	for state := sessionwarden.Planned + 1; state <= sessionwarden.DryRun; state++ {
		action := actionOn(s, byHand, func(x *sessionwarden.Action) { x.State, x.Note = state, "as it was" })
		if d := recheck(account(), living(s), action, s); d.State != state || d.Note != "as it was" {
			t.Errorf("%s became %s", state, d.State)
		}
	}
}

func TestADevicesNameIsNoTie(t *testing.T) {
	t.Parallel()
	known := seen(9, home, baseline, with("Linux, Firefox"))
	tests := []struct {
		name string
		s    sessionwarden.Sighting
		live []sessionwarden.Sighting
		want bool
	}{
		{"both new", seen(1, vietnam), nil, true},
		{"the country is known", seen(1, at("192.0.2.9", "DE", 64999, "")), nil, false},
		{"the network is known", seen(1, at("192.0.2.9", "PL", 64500, "")), nil, false},
		{"nothing is known of it", seen(1, nowhere), nil, true},
		{"only the device is known", seen(1, vietnam, with("Linux, Firefox")), []sessionwarden.Sighting{known}, true},
		{"a session from the start shares the country", seen(1, austria), []sessionwarden.Sighting{seen(9, at("192.0.2.201", "AT", 64777, ""), baseline)}, false},
		{"a session from the start shares the network", seen(1, austria), []sessionwarden.Sighting{seen(9, at("192.0.2.201", "CH", 64502, ""), baseline)}, false},
		{"a suspicious one does", seen(1, austria), []sessionwarden.Sighting{seen(9, austria, baseline, spoken(sessionwarden.NewCountry, sessionwarden.Notify))}, true},
		{"our own does", seen(1, austria), []sessionwarden.Sighting{seen(9, austria, baseline, owned(sessionwarden.Own))}, true},
		{"he himself does", seen(1, austria, baseline), []sessionwarden.Sighting{seen(1, austria, baseline)}, true},
		{"a satellite's ground station is no place", seen(1, kind(at("203.0.113.77", "DE", 64888, ""), sessionwarden.Satellite)), nil, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := policy.Stranger(account(), living(test.live...), test.s); got != test.want {
				t.Errorf("stranger: %t", got)
			}
		})
	}
}

// To trust one address in a hosting network is not to know its neighbours, while
// a session lives there no more than afterwards.
func TestATrustedMachineVouchesForNoneOfItsNeighbours(t *testing.T) {
	t.Parallel()
	a := account(watchful, trusting("198.51.100.67/32"))
	machine := seen(1, cloudVN, since(48*time.Hour))
	machine.Learned = true
	neighbour := seen(2, elsewhere(cloudVN, "198.51.100.200"))
	h := living(machine, neighbour)
	if !policy.Stranger(a, h, neighbour) {
		t.Error("the neighbour has a tie to the account")
	}
	c := about(neighbour, beside(machine), func(c *policy.Case) { c.Account = a })
	if got := said(policy.Judge(c)); got != "hosting_network alert, stranger alert" {
		t.Errorf("found: %s", got)
	}
	machine.Denied = true // claimed, it is known as the profile knows it
	c.Live = []sessionwarden.Sighting{neighbour, machine}
	if got := said(policy.Judge(c)); got != "hosting_network alert" {
		t.Errorf("beside a claimed one: %s", got)
	}
}

func TestStrangersGoFirst(t *testing.T) {
	t.Parallel()
	a := account(expecting("PL"))
	got := stands(planned(a, false, seen(1, home, since(time.Minute)), seen(2, vietnam, since(3*time.Minute)), seen(3, brazil, since(2*time.Minute)), seen(4, mobile)))
	if want := "1003 planned, 1002 planned, 1004 planned, 1001 planned"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestOneActionASession(t *testing.T) {
	t.Parallel()
	a := account(endsEverything(sessionwarden.Disconnect))
	h := history()
	all := judged(a, &h, false, seen(1, vietnam, with(onPhone)))
	if len(all[0].Findings) < 3 {
		t.Fatal("too few findings for the test")
	}
	actions := policy.Plan(a, h, append(all, all...), policy.Rails{}, now)
	if len(actions) != 1 || len(actions[0].Findings) < 3 || actions[0].ID != 0 {
		t.Fatalf("got %+v", actions)
	}
	// Nor a second one while one is under way.
	for _, state := range []sessionwarden.ActionState{sessionwarden.Planned, sessionwarden.Done, sessionwarden.Held, sessionwarden.Refused} {
		h.Actions = []sessionwarden.Action{actionOn(h.Live[0], func(x *sessionwarden.Action) { x.State = state })}
		if state == sessionwarden.Held {
			h.Actions[0].Hold = sessionwarden.HeldByGuard
		}
		if got := stands(policy.Plan(a, h, all, policy.Rails{}, now)); got != "" {
			t.Errorf("%s: %s", state, got)
		}
	}
}

func TestAStrongerFindingAnswersAQuestion(t *testing.T) {
	t.Parallel()
	a := account()
	h := history()
	all := judged(a, &h, false, seen(1, vietnam))
	question := actionOn(h.Live[0], func(x *sessionwarden.Action) {
		x.State, x.Hold, x.Deadline, x.Findings, x.AlertID = sessionwarden.Held, sessionwarden.HeldByAsk, now.Add(time.Minute), []uint64{3}, 99
	})
	h.Actions = []sessionwarden.Action{question}
	actions := policy.Plan(a, h, all, policy.Rails{}, now)
	if len(actions) != 1 {
		t.Fatalf("got %s", stands(actions))
	}
	got := actions[0]
	if got.ID != question.ID || got.State != sessionwarden.Planned || got.Hold != sessionwarden.NotHeld || !got.Deadline.IsZero() ||
		got.AlertID != 99 || !slices.Contains(got.Findings, 3) || len(got.Findings) < 2 {
		t.Errorf("got %+v", got)
	}
	if len(question.Findings) != 1 {
		t.Error("the old action was changed")
	}
	// Another question does not.
	a = account(rule(sessionwarden.UnexpectedCountry, sessionwarden.Ask))
	h2 := history()
	again := judged(a, &h2, false, seen(1, vietnam))
	h2.Actions = []sessionwarden.Action{question}
	if got := stands(policy.Plan(a, h2, again, policy.Rails{}, now)); got != "" {
		t.Errorf("asked twice: %s", got)
	}
}

// What holds an action is there for what was known when it was held: a cookie that
// is stolen meanwhile is another matter, a phone that changes its network is none.
func TestAHoldOutlastsNoNewReason(t *testing.T) {
	t.Parallel()
	held := func(hold sessionwarden.Hold) sessionwarden.Action {
		return sessionwarden.Action{ID: 9, Account: "main", Seq: 20, Session: "1020", State: sessionwarden.Held, Hold: hold, Findings: []uint64{3}}
	}
	moved, roamed := before(seen(8, home)), before(seen(8, at("203.0.113.6", "VN", 64511, "Near Net")))
	for name, test := range map[string]struct {
		s    sessionwarden.Sighting
		from func(*policy.Case)
		hold sessionwarden.Hold
		want string
	}{
		"the guard, and it moved abroad":            {seen(20, vietnam), moved, sessionwarden.HeldByGuard, "1020 planned"},
		"the guard, and it went to another network": {seen(20, vietnam), roamed, sessionwarden.HeldByGuard, ""},
		"location data, and it moved":               {seen(20, vietnam), moved, sessionwarden.HeldByGeo, ""},
		"location data, and it came out of Tor":     {seen(20, torDE), moved, sessionwarden.HeldByGeo, "1020 planned"},
		"the limit":                                 {seen(20, vietnam), moved, sessionwarden.HeldByLimit, ""},
		"the limit for strangers":                   {seen(20, vietnam), moved, sessionwarden.HeldStrangers, ""},
		"the clock":                                 {seen(20, vietnam), moved, sessionwarden.HeldByClock, ""},
		"a history to be confirmed":                 {seen(20, vietnam), moved, sessionwarden.HeldObserving, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, h := account(rule(sessionwarden.TorNetwork, sessionwarden.Disconnect)), living(test.s)
			c := about(test.s, test.from, func(c *policy.Case) { c.Account = a })
			h.Actions = []sessionwarden.Action{held(test.hold)}
			got := policy.Plan(a, h, []policy.Judged{{Sighting: test.s, Findings: policy.Judge(c)}}, policy.Rails{}, now)
			if stands(got) != test.want {
				t.Fatalf("got %s, want %s", stands(got), test.want)
			}
			if len(got) == 1 && (got[0].ID != 9 || got[0].Stranger != policy.Stranger(a, h, test.s) || !slices.Contains(got[0].Findings, 3)) {
				t.Errorf("got %+v", got[0])
			}
		})
	}
}

func TestWhatIsOverIsNotEnded(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*sessionwarden.Sighting){
		"late":  func(s *sessionwarden.Sighting) { s.Late = true },
		"gone":  func(s *sessionwarden.Sighting) { s.State = sessionwarden.Gone },
		"moved": func(s *sessionwarden.Sighting) { s.State = sessionwarden.Moved },
	} {
		if got := stands(planned(account(), false, seen(1, vietnam, change))); got != "" {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestNextLesson(t *testing.T) {
	t.Parallel()
	day := 24 * time.Hour
	soon, later := seen(1, home, since(20*time.Hour)), seen(2, home, since(time.Hour))
	suspicious := seen(3, home, since(23*time.Hour), spoken(sessionwarden.NewCountry, sessionwarden.Notify))
	ours := seen(4, home, since(23*time.Hour), owned(sessionwarden.Own))
	if got := policy.NextLesson(account(), []sessionwarden.Sighting{later, suspicious, soon, ours}, now); !got.Equal(now.Add(4 * time.Hour)) {
		t.Errorf("next lesson %v", got)
	}
	if got := policy.NextLesson(account(), []sessionwarden.Sighting{suspicious, ours}, now); !got.IsZero() {
		t.Errorf("a lesson from nobody at %v", got)
	}
	// At that time there is something to learn, and afterwards nothing is due.
	live := []sessionwarden.Sighting{soon}
	at := policy.NextLesson(account(), live, now)
	_, learned, _ := policy.Learn(account(), knownOwner(), live, at)
	if !slices.Equal(learned, []uint64{1}) {
		t.Errorf("learned %v at %v", learned, at)
	}
	live[0].Learned = true
	if got := policy.NextLesson(account(), live, now.Add(day)); !got.IsZero() {
		t.Errorf("due again at %v", got)
	}
}

func TestProfilesAreBounded(t *testing.T) {
	t.Parallel()
	var p sessionwarden.Profile
	a := account(trusting("0.0.0.0/0"))
	for i := range 1500 {
		s := seen(uint64(i+1), at("192.0.2.1", sessionwarden.Country(fmt.Sprintf("%c%c", 'A'+i%26, 'A'+i/26%26)), uint32(i+1), ""), since(25*time.Hour), with(fmt.Sprint("device ", i)))
		s.LastSeen = now.Add(time.Duration(i) * time.Second)
		p, _, _ = policy.Learn(a, p, []sessionwarden.Sighting{s}, now)
	}
	if len(p.Countries) != 64 || len(p.Networks) != 1024 || len(p.Devices) != 256 {
		t.Errorf("%d countries, %d networks, %d devices", len(p.Countries), len(p.Networks), len(p.Devices))
	}
	if _, kept := p.Networks[1500]; !kept {
		t.Error("the newest was dropped")
	}
	if _, kept := p.Networks[1]; kept {
		t.Error("the oldest was kept")
	}
}

func TestOneTrustedAddressDoesNotMakeAHostingNetworkKnown(t *testing.T) {
	t.Parallel()
	s := seen(1, cloudVN, since(25*time.Hour), with(onPhone))
	p, learned, _ := policy.Learn(account(trusting("198.51.100.67/32")), knownOwner(), []sessionwarden.Sighting{s}, now)
	if len(learned) != 1 || len(p.Networks) != 2 || len(p.Countries) != 1 || len(p.Devices) != 2 {
		t.Errorf("learned %v: %+v", learned, p)
	}
	s.Denied = true
	if p, _, _ = policy.Learn(account(), knownOwner(), []sessionwarden.Sighting{s}, now); len(p.Networks) != 3 || len(p.Countries) != 2 {
		t.Errorf("the owner claimed it: %+v", p)
	}
}
