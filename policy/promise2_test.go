package policy_test

import (
	"slices"
	"testing"
	"time"

	"sessionwarden"
	"sessionwarden/policy"
)

// Promise 2: never the wrong session. Each test is one of its sentences.

// endsEverything makes every rule of the account end sessions.
func endsEverything(response sessionwarden.Response) func(*sessionwarden.Account) {
	return func(a *sessionwarden.Account) {
		for r := range a.Rules {
			a.Rules[r] = response
		}
	}
}

// recheck decides right before acting, on a complete list that has s as it is.
func recheck(a sessionwarden.Account, h sessionwarden.History, action sessionwarden.Action, s sessionwarden.Sighting) policy.Decision {
	row := s.Session
	return policy.Recheck(a, h, action, &row, true, policy.Rails{}, now)
}

// actionOn is a planned action about s, as Plan makes it.
func actionOn(s sessionwarden.Sighting, change ...func(*sessionwarden.Action)) sessionwarden.Action {
	action := sessionwarden.Action{
		ID: 7000 + s.Seq, Account: "main", Kind: sessionwarden.EndOne, State: sessionwarden.Planned,
		Seq: s.Seq, Session: s.ID, Addr: s.AddrText(), Device: s.Device, Created: now, Updated: now,
	}
	for _, f := range change {
		f(&action)
	}
	return action
}

func byHand(a *sessionwarden.Action)   { a.ByHand = true }
func stranger(a *sessionwarden.Action) { a.Stranger = true }

func living(sightings ...sessionwarden.Sighting) sessionwarden.History {
	h := history()
	h.Live = sightings
	return h
}

func TestTheOwnSessionIsNeverEndedByARule(t *testing.T) {
	t.Parallel()
	for _, response := range []sessionwarden.Response{sessionwarden.Ask, sessionwarden.Disconnect, sessionwarden.DisconnectAll} {
		for _, ownership := range []sessionwarden.Ownership{sessionwarden.Own, sessionwarden.Disputed} {
			a := account(endsEverything(response))
			s := seen(1, vietnam, owned(ownership))
			if got := stands(planned(a, false, s)); got != "" {
				t.Errorf("%s, %s: planned %s", response, ownership, got)
			}
			for _, action := range []sessionwarden.Action{actionOn(s), actionOn(s, byHand)} {
				if d := recheck(a, living(s), action, s); d.State != sessionwarden.Refused || d.Note == "" {
					t.Errorf("%s, by hand %t: %s (%s), want refused with why", ownership, action.ByHand, d.State, d.Note)
				}
			}
		}
	}
}

func TestASessionThatTurnsOutToBeOursIsNotEnded(t *testing.T) {
	t.Parallel()
	s := seen(1, vietnam) // planned while it was taken for somebody else's
	row := s.Session
	row.Ownership = sessionwarden.Own
	if d := policy.Recheck(account(), living(s), actionOn(s), &row, true, policy.Rails{}, now); d.State != sessionwarden.Refused {
		t.Errorf("the list says that it is ours: %s", d.State)
	}
	ours := s
	ours.Ownership = sessionwarden.Own
	if d := recheck(account(), living(ours), actionOn(s), s); d.State != sessionwarden.Refused {
		t.Errorf("the history says that it is ours: %s", d.State)
	}
}

func TestASessionOfAnotherAccountIsNeverEnded(t *testing.T) {
	t.Parallel()
	a := account(endsEverything(sessionwarden.DisconnectAll))
	foreign := seen(1, vietnam, func(s *sessionwarden.Sighting) { s.Account = "other" })
	h := history()
	h.Live = []sessionwarden.Sighting{foreign}
	found := []sessionwarden.Finding{{ID: 1, Account: "main", Seq: 1, Rule: sessionwarden.UnexpectedCountry, Response: sessionwarden.Disconnect}}
	if got := stands(policy.Plan(a, h, []policy.Judged{{Sighting: foreign, Findings: found}}, policy.Rails{}, now)); got != "" {
		t.Errorf("a foreign sighting is planned: %s", got)
	}
	mine := seen(2, vietnam)
	found[0].Seq, found[0].Account = 2, "other"
	if got := stands(policy.Plan(a, h, []policy.Judged{{Sighting: mine, Findings: found}}, policy.Rails{}, now)); got != "" {
		t.Errorf("a foreign finding is acted on: %s", got)
	}
	if got := stands(planned(a, false, mine)); got != "1002 planned" {
		t.Errorf("disconnect_all: %s", got)
	}
	other := history()
	other.Account = "other"
	if got := stands(policy.Plan(a, other, judged(a, &h, false, mine), policy.Rails{}, now)); got != "" {
		t.Errorf("planned over a foreign history: %s", got)
	}
	for name, d := range map[string]policy.Decision{
		"action":   recheck(a, living(mine), actionOn(mine, func(x *sessionwarden.Action) { x.Account = "other" }), mine),
		"sighting": recheck(a, living(foreign), actionOn(foreign), foreign),
		"history":  recheck(a, other, actionOn(mine), mine),
	} {
		if d.State == sessionwarden.Planned && !d.Wait {
			t.Errorf("foreign %s: go ahead", name)
		}
	}
}

func TestARowThatIsNotTheActionsIsNotEnded(t *testing.T) {
	t.Parallel()
	s, other := seen(1, vietnam), seen(2, home)
	if d := recheck(account(), living(s, other), actionOn(s), other); d.State != sessionwarden.Refused {
		t.Errorf("another row: %s", d.State)
	}
	// The id was absent and now is somebody else's.
	again := seen(3, home, func(x *sessionwarden.Sighting) { x.ID = s.ID })
	if d := recheck(account(), living(again), actionOn(s), again); d.State != sessionwarden.Moot {
		t.Errorf("an id that was used again: %s (%s)", d.State, d.Note)
	}
	if d := recheck(account(), living(), actionOn(s), s); !d.Wait {
		t.Errorf("a row that is not recorded yet: %s (%s)", d.State, d.Note)
	}
	mixed := seen(1, vietnam, func(x *sessionwarden.Sighting) { x.ID = "4711" })
	if d := recheck(account(), living(mixed), actionOn(s), s); d.State != sessionwarden.Refused {
		t.Errorf("a sighting of another id: %s", d.State)
	}
}

func TestASessionFromATrustedNetworkIsNeverEndedByARule(t *testing.T) {
	t.Parallel()
	for _, response := range []sessionwarden.Response{sessionwarden.Ask, sessionwarden.Disconnect, sessionwarden.DisconnectAll} {
		a := account(endsEverything(response), trusting("203.0.113.0/24"))
		s := seen(1, vietnam, with(onPhone))
		if got := stands(planned(a, false, s)); got != "" {
			t.Errorf("%s: planned %s", response, got)
		}
		d := recheck(a, living(s), actionOn(s), s) // trusted since it was planned
		if d.State != sessionwarden.Refused || d.Note != "203.0.113.5 is in the trusted network 203.0.113.0/24" {
			t.Errorf("%s: %s (%s)", response, d.State, d.Note)
		}
	}
	// A person may end it.
	a, s := account(trusting("203.0.113.0/24")), seen(1, vietnam)
	if d := recheck(a, living(s), actionOn(s, byHand), s); d.State != sessionwarden.Planned || d.Wait {
		t.Errorf("by hand: %s (%s)", d.State, d.Note)
	}
}

func TestASessionThatItsOwnerClaimedIsNotEnded(t *testing.T) {
	t.Parallel()
	s := seen(1, vietnam, denied)
	if got := stands(planned(account(), false, s)); got != "" {
		t.Errorf("planned %s", got)
	}
	if d := recheck(account(), living(s), actionOn(s), s); d.State != sessionwarden.Denied {
		t.Errorf("%s (%s), want denied", d.State, d.Note)
	}
}

func TestAFindingOnTheOwnSessionIsToldAndNeverActedOn(t *testing.T) {
	t.Parallel()
	a := account(endsEverything(sessionwarden.DisconnectAll))
	h := history()
	all := judged(a, &h, false, seen(1, vietnam, owned(sessionwarden.Own)))
	f := finding(t, all[0].Findings, sessionwarden.UnexpectedCountry)
	if f.Response != sessionwarden.Notify || f.Severity != sessionwarden.Critical || f.Capped == "" {
		t.Errorf("%s %s (%q), want a critical alert, capped", f.Severity, f.Response, f.Capped)
	}
	// Not even where the finding was capped by nobody.
	all[0].Findings[0].Response = sessionwarden.DisconnectAll
	if got := stands(policy.Plan(a, h, all, policy.Rails{}, now)); got != "" {
		t.Errorf("planned %s", got)
	}
}

func TestTheCountryRulesAskAboutAnUnknownPlace(t *testing.T) {
	t.Parallel()
	for _, p := range []place{nowhere, intranet, satellite} {
		if got := stands(planned(account(), false, seen(1, p))); got != "1001 held by ask" {
			t.Errorf("%s: %s", p.addr, got)
		}
		a := account(rule(sessionwarden.UnexpectedCountry, sessionwarden.DisconnectAll))
		if got := stands(planned(a, false, seen(1, p, serviceSays("VN")))); got != "1001 held by ask" {
			t.Errorf("%s, unexpected_country ends all: %s", p.addr, got)
		}
		a = account(rule(sessionwarden.UnknownCountry, sessionwarden.Disconnect))
		if got := stands(planned(a, false, seen(1, p))); got != "1001 planned" {
			t.Errorf("%s, disconnect for that very rule: %s", p.addr, got)
		}
	}
}

func TestTheCountryRulesAskAboutADisputedPlace(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]sessionwarden.Sighting{
		"we say home":           seen(1, home, serviceSays("VN")),
		"the service says home": seen(1, vietnam, serviceSays("DE")),
	} {
		if got := stands(planned(account(), false, s)); got != "1001 held by ask" {
			t.Errorf("%s: %s", name, got)
		}
		a := account(rule(sessionwarden.UnexpectedCountry, sessionwarden.DisconnectAll))
		if got := stands(planned(a, false, s)); got != "1001 held by ask" {
			t.Errorf("%s, unexpected_country ends all: %s", name, got)
		}
		a = account(rule(sessionwarden.LocationMismatch, sessionwarden.Off), rule(sessionwarden.UnexpectedCountry, sessionwarden.DisconnectAll))
		if got := stands(planned(a, false, s)); got != "1001 held by ask" {
			t.Errorf("%s, location_mismatch off: %s", name, got)
		}
		a = account(rule(sessionwarden.LocationMismatch, sessionwarden.Disconnect))
		if got := stands(planned(a, false, s)); got != "1001 planned" {
			t.Errorf("%s, disconnect for that very rule: %s", name, got)
		}
	}
}

func TestAQuestionStandsForAsLongAsTheConfigurationSays(t *testing.T) {
	t.Parallel()
	action := planned(account(), false, seen(1, nowhere))[0]
	if !action.Deadline.Equal(now.Add(10*time.Minute)) || action.Note == "" {
		t.Fatalf("deadline %v, note %q", action.Deadline, action.Note)
	}
	if _, due := policy.Expire(account(), action, action.Deadline.Add(-time.Second)); due {
		t.Error("expired too early")
	}
	if d, due := policy.Expire(account(), action, action.Deadline); !due || d.State != sessionwarden.Denied || d.Note == "" {
		t.Errorf("ask_default keep: %t, %+v", due, d)
	}
	if d, due := policy.Expire(account(endUnanswered), action, action.Deadline); !due || d.State != sessionwarden.Planned {
		t.Errorf("ask_default disconnect: %t, %+v", due, d)
	}
	other := account(func(a *sessionwarden.Account) { a.Name = "other" })
	if _, due := policy.Expire(other, action, action.Deadline); due {
		t.Error("expired by another account's configuration")
	}
}

func TestAQuestionWithTooLittleToGoByNeverEndsASession(t *testing.T) {
	t.Parallel()
	// failures: a row without a usable address gets no automatic action.
	for name, a := range map[string]sessionwarden.Account{
		"ask":        account(endUnanswered),
		"disconnect": account(endUnanswered, rule(sessionwarden.UnknownCountry, sessionwarden.Disconnect)),
	} {
		action := planned(a, false, seen(1, noAddress))[0]
		if action.State != sessionwarden.Held || !action.Deadline.IsZero() {
			t.Errorf("%s: %s until %v, want a question without an end", name, action.State, action.Deadline)
		}
		if _, due := policy.Expire(a, action, now.AddDate(1, 0, 0)); due {
			t.Errorf("%s: expired", name)
		}
	}
}

// spent is n disconnections of one class, some minutes ago.
func spent(n int, stranger bool, ago time.Duration) (all []sessionwarden.Spent) {
	for range n {
		all = append(all, sessionwarden.Spent{At: now.Add(-ago), Stranger: stranger})
	}
	return all
}

func TestPastTheHourlyLimitSessionsWithATieWaitForAPerson(t *testing.T) {
	t.Parallel()
	a, s := account(endUnanswered), seen(1, austria)
	h := living(s)
	h.Spent = spent(9, false, time.Minute)
	if d := recheck(a, h, actionOn(s), s); d.State != sessionwarden.Planned {
		t.Errorf("the tenth: %s (%s)", d.State, d.Note)
	}
	h.Spent = spent(10, false, time.Minute)
	d := recheck(a, h, actionOn(s), s)
	if d.State != sessionwarden.Held || d.Hold != sessionwarden.HeldByLimit || d.Note == "" {
		t.Fatalf("the eleventh: %s by %s (%s)", d.State, d.Hold, d.Note)
	}
	held := actionOn(s, func(x *sessionwarden.Action) { x.State, x.Hold, x.Deadline = d.State, d.Hold, now })
	h.Actions = []sessionwarden.Action{held}
	if _, due := policy.Expire(a, held, now.AddDate(1, 0, 0)); due {
		t.Error("a time-out let it go")
	}
	h.Spent = nil
	if ids := policy.Release(a, h, now.Add(2*time.Hour)); len(ids) != 0 {
		t.Error("the returning budget let it go")
	}
	h.Spent = spent(10, false, time.Minute)
	if d := recheck(a, h, actionOn(s, byHand), s); d.State != sessionwarden.Planned {
		t.Errorf("approved: %s (%s)", d.State, d.Note)
	}
	h.Spent = spent(10, false, time.Hour)
	if d := recheck(a, h, actionOn(s), s); d.State != sessionwarden.Planned {
		t.Errorf("an hour later: %s (%s)", d.State, d.Note)
	}
	h.Spent = spent(1000, true, time.Minute)
	if d := recheck(a, h, actionOn(s), s); d.State != sessionwarden.Planned {
		t.Errorf("strangers used up the limit for sessions with a tie: %s", d.State)
	}
}

func TestASecondAttemptIsNotHeldByALimitThatTheFirstUsedUp(t *testing.T) {
	t.Parallel()
	s := seen(1, austria)
	h := living(s)
	h.Spent = spent(10, false, time.Minute)
	again := actionOn(s, func(x *sessionwarden.Action) { x.Attempts = 1 })
	if d := recheck(account(), h, again, s); d.State != sessionwarden.Planned {
		t.Errorf("%s (%s)", d.State, d.Note)
	}
}

func TestStrangersWaitForTheHoursBudgetNewestFirst(t *testing.T) {
	t.Parallel()
	a := account(func(a *sessionwarden.Account) { a.MaxDisconnectsStrangers = 3 })
	old, mid, young := seen(1, vietnam, since(3*time.Hour)), seen(2, vietnam, since(2*time.Hour)), seen(3, vietnam, since(time.Hour))
	h := living(old, mid, young)
	h.Spent = spent(3, true, 30*time.Minute)
	for _, s := range h.Live {
		d := recheck(a, h, actionOn(s, stranger), s)
		if d.State != sessionwarden.Held || d.Hold != sessionwarden.HeldStrangers {
			t.Fatalf("%s by %s (%s)", d.State, d.Hold, d.Note)
		}
		h.Actions = append(h.Actions, actionOn(s, stranger, func(x *sessionwarden.Action) { x.State, x.Hold = d.State, d.Hold }))
	}
	if ids := policy.Release(a, h, now); len(ids) != 0 {
		t.Errorf("let go without budget: %v", ids)
	}
	h.Spent = append(spent(1, true, time.Hour), spent(2, true, 30*time.Minute)...)
	if ids := policy.Release(a, h, now); !slices.Equal(ids, []uint64{7003}) {
		t.Errorf("with room for one: %v, want the newest", ids)
	}
	if ids := policy.Release(a, h, now.Add(time.Hour)); !slices.Equal(ids, []uint64{7003, 7002, 7001}) {
		t.Errorf("with room for all: %v", ids)
	}
	h.Actions[2].State, h.Actions[2].Hold = sessionwarden.Planned, sessionwarden.NotHeld
	if ids := policy.Release(a, h, now); len(ids) != 0 {
		t.Errorf("the budget was given away twice: %v", ids)
	}
	if d := recheck(a, h, actionOn(old, stranger, byHand), old); d.State != sessionwarden.Planned {
		t.Errorf("approved: %s", d.State)
	}
}

func TestDisconnectAllEndsTheOthersOneByOne(t *testing.T) {
	t.Parallel()
	a := account(rule(sessionwarden.UnexpectedCountry, sessionwarden.DisconnectAll), trusting("198.51.100.9/32"))
	got := stands(planned(a, false,
		seen(1, home, since(48*time.Hour)), seen(2, home, owned(sessionwarden.Own)), seen(3, home, owned(sessionwarden.Disputed)),
		seen(4, brazil), seen(5, mobile, since(time.Hour)), seen(6, home, denied), seen(7, vietnam)))
	if want := "1007 planned, 1005 planned, 1001 planned"; got != want {
		t.Errorf("got  %s\nwant %s: strangers first, the newest first, not ours, not what may be ours, not trusted, not claimed", got, want)
	}
}

func TestDisconnectAllSaysWhoBroughtItAbout(t *testing.T) {
	t.Parallel()
	a := account(rule(sessionwarden.UnexpectedCountry, sessionwarden.DisconnectAll))
	actions := planned(a, false, seen(1, home), seen(2, vietnam))
	if want := "Every session is to be ended, because of session 1002: Signed in from Vietnam (Far Net, AS64510); you expect only Germany."; actions[1].Reason != want {
		t.Errorf("says %q", actions[1].Reason)
	}
	if len(actions[1].Findings) == 0 {
		t.Error("the action names no finding")
	}
}

func TestTheCallForAllIsUsedOnlyWhereIDsAreMissing(t *testing.T) {
	t.Parallel()
	a := account(rule(sessionwarden.UnexpectedCountry, sessionwarden.DisconnectAll))
	nameless := seen(1, vietnam, withoutID)
	h := history()
	actions := policy.Plan(a, h, judged(a, &h, false, nameless, seen(2, mobile), seen(3, home, withoutID)), policy.Rails{}, now)
	if got := stands(actions); got != "1002 planned, all planned" {
		t.Fatalf("got %s", got)
	}
	all := actions[1]
	if all.Seq != 0 || all.Session != "" {
		t.Errorf("the action for all names a session: %+v", all)
	}
	if d := recheck(a, h, all, nameless); d.State != sessionwarden.Planned || d.Wait {
		t.Errorf("recheck: %s (%s)", d.State, d.Note)
	}
	if d := recheck(a, living(seen(2, mobile)), all, seen(2, mobile)); d.State != sessionwarden.Moot {
		t.Errorf("no session without an id is left: %s", d.State)
	}
	if d := policy.Recheck(a, living(), all, nil, true, policy.Rails{}, now); d.State != sessionwarden.Moot {
		t.Errorf("nothing is left: %s", d.State)
	}
	if d := policy.Recheck(a, living(), all, nil, false, policy.Rails{}, now); !d.Wait {
		t.Errorf("nothing in an incomplete list: %s", d.State)
	}
	h.Actions = []sessionwarden.Action{all}
	if got := stands(policy.Plan(a, h, judged(a, &h, false, seen(4, brazil, withoutID)), policy.Rails{}, now)); got != "1002 planned" {
		t.Errorf("a second call for all: %s", got)
	}
	if got := stands(planned(account(), false, nameless)); got != "? refused" {
		t.Errorf("disconnect is not disconnect_all: %s", got)
	}
}

func TestTheCallForAllIsNeverUsedWhileATrustedSessionLives(t *testing.T) {
	t.Parallel()
	a := account(rule(sessionwarden.UnexpectedCountry, sessionwarden.DisconnectAll), trusting("192.0.2.0/24"))
	nameless := seen(1, vietnam, withoutID)
	for name, other := range map[string]sessionwarden.Sighting{
		"trusted":      seen(2, home),
		"claimed":      seen(2, brazil, denied),
		"perhaps ours": seen(2, brazil, owned(sessionwarden.Disputed)),
	} {
		actions := planned(a, false, nameless, other)
		if len(actions) != 1 || actions[0].Kind != sessionwarden.EndAll || actions[0].State != sessionwarden.Refused || actions[0].Note == "" {
			t.Errorf("%s: %s", name, stands(actions))
		}
		// It came after the plan: not even by hand.
		all := sessionwarden.Action{ID: 1, Account: "main", Kind: sessionwarden.EndAll, State: sessionwarden.Planned, ByHand: true}
		if d := recheck(a, living(nameless, other), all, nameless); d.State != sessionwarden.Refused {
			t.Errorf("%s: recheck %s", name, d.State)
		}
	}
}

func TestARowWithoutAnIDIsRefusedWithAWayOut(t *testing.T) {
	t.Parallel()
	for _, a := range []sessionwarden.Account{account(), account(rule(sessionwarden.UnexpectedCountry, sessionwarden.Ask)), account(dry)} {
		actions := planned(a, false, seen(1, vietnam, withoutID))
		if stands(actions) != "? refused" || actions[0].Note != policy.NoID {
			t.Errorf("%s: %q", stands(actions), actions[0].Note)
		}
	}
	s := seen(1, vietnam, withoutID)
	if d := recheck(account(), living(s), actionOn(s, byHand), s); d.State != sessionwarden.Refused {
		t.Errorf("recheck: %s", d.State)
	}
	// The edition changed since: it is listed still, and not gone.
	s = seen(1, vietnam)
	if d := policy.Recheck(account(), living(s), actionOn(s), nil, true, policy.Rails{}, now); d.State != sessionwarden.Refused {
		t.Errorf("listed without its id: %s (%s)", d.State, d.Note)
	}
}

func TestDryRunDoesAllButTheDisconnecting(t *testing.T) {
	t.Parallel()
	actions := planned(account(dry), false, seen(1, vietnam), seen(2, nowhere))
	if got := stands(actions); got != "1002 held by ask, 1001 dry_run" {
		t.Errorf("got %s", got)
	}
	for _, action := range actions {
		if action.State == sessionwarden.DryRun && action.Note == "" {
			t.Error("it does not say so")
		}
	}
	s := seen(1, vietnam)
	for _, action := range []sessionwarden.Action{actionOn(s), actionOn(s, byHand)} {
		if d := recheck(account(dry), living(s), action, s); d.State != sessionwarden.DryRun || d.Note == "" {
			t.Errorf("recheck, by hand %t: %s (%s)", action.ByHand, d.State, d.Note)
		}
	}
}

func TestAnInterlockHoldsWhatRestsOnIt(t *testing.T) {
	t.Parallel()
	data, clock := policy.Rails{Location: "the file is truncated"}, policy.Rails{Clock: "it says 1970"}
	a := account(rule(sessionwarden.NewDevice, sessionwarden.Disconnect), rule(sessionwarden.UnknownCountry, sessionwarden.Disconnect))
	tests := []struct {
		name  string
		s     sessionwarden.Sighting
		rails policy.Rails
		want  string
	}{
		{"all is well", seen(1, vietnam), policy.Rails{}, "1001 planned"},
		{"no location data, a country finding", seen(1, vietnam), data, "1001 held by location_data"},
		{"no location data, an unknown place", seen(1, nowhere), data, "1001 held by location_data"},
		{"no location data, a finding on the device", seen(1, home, with(onPhone)), data, "1001 planned"},
		{"no location data, both", seen(1, vietnam, with(onPhone)), data, "1001 planned"},
		{"a clock that cannot be right holds all", seen(1, home, with(onPhone)), clock, "1001 held by clock"},
		{"a restored history holds all", seen(1, home, with(onPhone)), policy.Rails{Observing: true}, "1001 held by observing"},
		{"a restored history comes first: it is what a person lifts", seen(1, vietnam), policy.Rails{Observing: true, Location: "x", Clock: "x"}, "1001 held by observing"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			h := history()
			actions := policy.Plan(a, h, judged(a, &h, false, test.s), test.rails, now)
			if got := stands(actions); got != test.want {
				t.Errorf("planned %s, want %s", got, test.want)
			}
			if actions[0].State == sessionwarden.Held && actions[0].Note == "" {
				t.Error("it does not say why")
			}
			// The same right before acting.
			s := h.Live[0]
			row := s.Session
			d := policy.Recheck(a, h, actionOn(s), &row, true, test.rails, now)
			if d.State != actions[0].State || d.Hold != actions[0].Hold {
				t.Errorf("recheck: %s by %s, planned: %s", d.State, d.Hold, test.want)
			}
			if d := policy.Recheck(a, h, actionOn(s, byHand), &row, true, test.rails, now); d.State != sessionwarden.Planned {
				t.Errorf("by hand: %s", d.State)
			}
		})
	}
}

func TestAQuestionOnTheDeviceDoesNotLiftAnInterlock(t *testing.T) {
	t.Parallel()
	s := seen(1, vietnam, spoken(sessionwarden.UnexpectedCountry, sessionwarden.Disconnect), spoken(sessionwarden.NewDevice, sessionwarden.Ask))
	row := s.Session
	d := policy.Recheck(account(), living(s), actionOn(s), &row, true, policy.Rails{Location: "the file is truncated"}, now)
	if d.State != sessionwarden.Held || d.Hold != sessionwarden.HeldByGeo {
		t.Errorf("%s by %s: only the country wants it ended, and the country is not known", d.State, d.Hold)
	}
}

func TestWhatARailHoldsNeverExpires(t *testing.T) {
	t.Parallel()
	s := seen(1, vietnam)
	for _, hold := range []sessionwarden.Hold{sessionwarden.HeldByLimit, sessionwarden.HeldStrangers, sessionwarden.HeldByGuard, sessionwarden.HeldByGeo, sessionwarden.HeldByClock, sessionwarden.HeldObserving} {
		action := actionOn(s, func(x *sessionwarden.Action) { x.State, x.Hold, x.Deadline = sessionwarden.Held, hold, now })
		if _, due := policy.Expire(account(endUnanswered), action, now.AddDate(1, 0, 0)); due {
			t.Errorf("%s expired", hold)
		}
	}
}
