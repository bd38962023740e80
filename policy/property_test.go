package policy_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sessionwarden"
	"sessionwarden/policy"
)

// Random accounts, sessions and configurations: what must hold for all.

var places = []place{home, mobile, austria, vietnam, brazil, nowhere, intranet, satellite, cloudDE, cloudVN, noAddress}

func anySighting(t *rapid.T, seq uint64) sessionwarden.Sighting {
	s := seen(seq, rapid.SampledFrom(places).Draw(t, "place"), with(rapid.SampledFrom([]string{onWindows, onPhone, "", "curl"}).Draw(t, "device")))
	s.Ownership = rapid.SampledFrom([]sessionwarden.Ownership{sessionwarden.NotOwn, sessionwarden.NotOwn, sessionwarden.NotOwn, sessionwarden.Own, sessionwarden.Disputed}).Draw(t, "ownership")
	s.ServiceCountry = rapid.SampledFrom([]sessionwarden.Country{"", "DE", "VN"}).Draw(t, "service country")
	s.Account = rapid.SampledFrom([]string{"main", "main", "main", "other"}).Draw(t, "account")
	s.Denied = rapid.IntRange(0, 9).Draw(t, "denied") == 0
	s.Baseline = rapid.Bool().Draw(t, "baseline")
	if rapid.IntRange(0, 4).Draw(t, "id") == 0 {
		s.ID = ""
	}
	return s
}

func anyAccount(t *rapid.T) sessionwarden.Account {
	a := account()
	for _, info := range sessionwarden.Rules() {
		a.Rules[info.Rule] = rapid.SampledFrom([]sessionwarden.Response{
			info.Response, sessionwarden.Off, sessionwarden.Log, sessionwarden.Ask, sessionwarden.Disconnect, sessionwarden.DisconnectAll,
		}).Draw(t, string(info.Rule))
	}
	switch rapid.IntRange(0, 2).Draw(t, "expected") {
	case 0:
		a.Expected = nil
	case 1:
		a.Expected = []sessionwarden.Country{"VN"}
	}
	if rapid.Bool().Draw(t, "trusts") {
		trusting(rapid.SampledFrom([]string{"192.0.2.0/24", "203.0.113.0/24", "10.0.0.0/8"}).Draw(t, "network"))(&a)
	}
	if rapid.IntRange(0, 2).Draw(t, "lends") == 0 {
		lend(rapid.SampledFrom([]string{"VN", "DE", "AS64510", "203.0.113.0/24", "192.0.2.10"}).Draw(t, "lent"))(&a)
	}
	if rapid.Bool().Draw(t, "ask default") {
		a.AskDefault = sessionwarden.DisconnectSession
	}
	a.DryRun = rapid.IntRange(0, 4).Draw(t, "dry") == 0
	return a
}

// untouchable says why s must not be ended, "" where it may.
func untouchable(a sessionwarden.Account, s sessionwarden.Sighting) string {
	switch _, trusted := a.Trusts(s.Addr); {
	case s.Account != a.Name:
		return "foreign"
	case s.Ownership != sessionwarden.NotOwn:
		return s.Ownership.String()
	case trusted:
		return "trusted"
	case s.Denied:
		return "claimed"
	}
	return ""
}

func TestNoPlanNamesASessionThatMustNotBeEnded(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, h := anyAccount(t), history()
		var live []sessionwarden.Sighting
		for i := range rapid.IntRange(1, 8).Draw(t, "sessions") {
			live = append(live, anySighting(t, uint64(i+1)))
		}
		all := judged(a, &h, rapid.Bool().Draw(t, "known"), live...)
		for i := range all { // even where the findings are wrong
			s := all[i].Sighting
			if rapid.Bool().Draw(t, "wild") {
				all[i].Findings = append(all[i].Findings, sessionwarden.Finding{
					ID: 999, Account: rapid.SampledFrom([]string{"main", "other"}).Draw(t, "whose"), Seq: s.Seq, Session: s.ID,
					Rule: sessionwarden.UnexpectedCountry, Response: rapid.SampledFrom([]sessionwarden.Response{sessionwarden.Ask, sessionwarden.Disconnect, sessionwarden.DisconnectAll}).Draw(t, "wants"),
				})
			}
		}
		seenSeq := make(map[uint64]bool)
		for _, action := range policy.Plan(a, h, all, policy.Rails{}, now) {
			if seenSeq[action.Seq] {
				t.Fatalf("two actions about %d", action.Seq)
			}
			seenSeq[action.Seq] = true
			if action.Account != a.Name || action.Reason == "" && action.Kind == sessionwarden.EndOne && len(action.Findings) == 0 {
				t.Fatalf("incomplete: %+v", action)
			}
			if (action.State == sessionwarden.Held || action.State == sessionwarden.Refused || action.State == sessionwarden.DryRun) && action.Note == "" {
				t.Fatalf("%s without why: %+v", action.State, action)
			}
			if action.Kind == sessionwarden.EndAll {
				for _, s := range live {
					if why := untouchable(a, s); action.State != sessionwarden.Refused && why != "" && why != "own" && why != "foreign" {
						t.Fatalf("all are ended, a %s one too", why)
					}
				}
				continue
			}
			for _, s := range live {
				if s.Seq != action.Seq {
					continue
				}
				if why := untouchable(a, s); why != "" {
					t.Fatalf("%s, but %s: %+v", action.State, why, s)
				}
				if s.ID != action.Session || s.ID == "" && action.State != sessionwarden.Refused {
					t.Fatalf("id %q of %+v", s.ID, action)
				}
				if a.DryRun && action.State == sessionwarden.Planned {
					t.Fatal("planned in a dry run")
				}
			}
		}
	})
}

func TestNoRecheckLetsASessionGoThatMustNotBeEnded(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := anyAccount(t)
		s := anySighting(t, 1)
		action := actionOn(s)
		action.ID = 1
		action.State = sessionwarden.ActionState(rapid.IntRange(0, 8).Draw(t, "state"))
		action.Account = "main"
		if rapid.Bool().Draw(t, "by hand") {
			action.ByHand = true
		}
		row := s.Session
		if rapid.Bool().Draw(t, "turned") {
			row.Ownership = sessionwarden.Own
		}
		if rapid.Bool().Draw(t, "moved") {
			row.Addr = seen(1, rapid.SampledFrom(places).Draw(t, "to")).Addr
		}
		given := &row
		if rapid.IntRange(0, 4).Draw(t, "absent") == 0 {
			given = nil
		}
		d := policy.Recheck(a, living(s), action, given, rapid.Bool().Draw(t, "complete"), policy.Rails{}, now)
		if d.State != sessionwarden.Planned || d.Wait {
			if d.State != action.State && d.Note == "" {
				t.Fatalf("%s without why", d.State)
			}
			return
		}
		_, trusted := a.Trusts(row.Addr)
		switch {
		case given == nil:
			t.Fatal("a session that is not listed")
		case action.State != sessionwarden.Planned:
			t.Fatalf("an action that is %s", action.State)
		case row.Ownership != sessionwarden.NotOwn || s.Ownership != sessionwarden.NotOwn:
			t.Fatal("our own session")
		case s.Account != a.Name:
			t.Fatal("a session of another account")
		case action.Session == "" || row.ID != action.Session:
			t.Fatal("a session without its id")
		case a.DryRun:
			t.Fatal("in a dry run")
		case !action.ByHand && (trusted || s.Denied):
			t.Fatal("a session that its owner vouches for")
		}
	})
}

// strongest is the strongest response among findings.
func strongest(findings []sessionwarden.Finding) sessionwarden.Response {
	most := sessionwarden.Off
	for _, f := range findings {
		most = max(most, f.Response)
	}
	return most
}

func TestAUserAgentCanRaiseSuspicionButNeverLowerIt(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := anyAccount(t)
		s := anySighting(t, 1)
		s.Account = "main"
		c := policy.Case{Account: a, Profile: knownOwner(), Sighting: s, Now: now}
		copied := onWindows // what the thief knows of the owner
		if rapid.Bool().Draw(t, "same id") {
			was := seen(9, rapid.SampledFrom(places).Draw(t, "was"))
			c.Before, copied = &was, was.Device
			// A session that only roamed may do more by configuration than one
			// that moved: then the configuration, not the agent, is the measure.
			a.Rules[sessionwarden.SessionRoamed] = min(a.Rules[sessionwarden.SessionRoamed], a.Rules[sessionwarden.SessionMoved])
		}
		c.Sighting.Device = copied
		quietest := policy.Judge(c)
		c.Sighting.Device = policy.Device(rapid.StringN(0, 80, 200).Draw(t, "agent"))
		if any := policy.Judge(c); strongest(any) < strongest(quietest) {
			t.Fatalf("with %q: %s; with a copied agent: %s", c.Sighting.Device, said(any), said(quietest))
		}
		// And what does not speak of devices says the same, whatever the agent.
		if a, b := withoutDevices(quietest), withoutDevices(policy.Judge(c)); a != b {
			t.Fatalf("%s, with another agent %s", a, b)
		}
	})
}

func withoutDevices(findings []sessionwarden.Finding) string {
	var kept []sessionwarden.Finding
	for _, f := range findings {
		switch f.Rule {
		case sessionwarden.NewDevice, sessionwarden.SessionMoved, sessionwarden.SessionRoamed:
		default:
			kept = append(kept, f)
		}
	}
	return said(kept)
}

func TestEveryFindingExplainsItself(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := policy.Case{Account: anyAccount(t), Profile: knownOwner(), Sighting: anySighting(t, 1), Now: now,
			Late: rapid.Bool().Draw(t, "late"), Relocated: rapid.Bool().Draw(t, "relocated"), WasOwn: rapid.Bool().Draw(t, "was own"), First: rapid.Bool().Draw(t, "first")}
		if rapid.Bool().Draw(t, "moved") {
			was := anySighting(t, 9)
			c.Before = &was
		}
		rules := make(map[sessionwarden.Rule]bool)
		for _, f := range policy.Judge(c) {
			switch {
			case rules[f.Rule]:
				t.Fatalf("%s twice", f.Rule)
			case f.Reason == "" || f.Silence == "" || len(f.Facts) == 0:
				t.Fatalf("unexplained: %+v", f)
			case f.Response == sessionwarden.Off || c.Account.Response(f.Rule) == sessionwarden.Off:
				t.Fatalf("%s is off and speaks", f.Rule)
			case f.Account != "main" || f.Seq != 1 || f.Session != c.Sighting.ID || !f.Time.Equal(now) || f.Late != c.Late:
				t.Fatalf("not about this sighting: %+v", f)
			case f.Response < c.Account.Response(f.Rule) && f.Capped == "":
				t.Fatalf("%s is capped and does not say why", f.Rule)
			case f.Response > sessionwarden.Ask && (c.Relocated || c.WasOwn || c.Late || !c.Sighting.Addr.IsValid()):
				t.Fatalf("%s goes to %s", f.Rule, f.Response)
			}
			rules[f.Rule] = true
		}
	})
}

// TestBudgetIsNeverOverdrawn plays hours of strangers coming and going through
// Recheck and Release, and looks that no hour has more disconnections than it
// may, that nothing waits while there is budget, and that ties are not touched.
func TestBudgetIsNeverOverdrawn(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := account(func(a *sessionwarden.Account) {
			a.MaxDisconnectsStrangers = rapid.IntRange(0, 5).Draw(t, "limit")
		})
		h := history()
		clock := now
		seq := uint64(0)
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			clock = clock.Add(time.Duration(rapid.IntRange(0, 30).Draw(t, "minutes")) * time.Minute)
			for range rapid.IntRange(0, 3).Draw(t, "arrivals") {
				seq++
				s := seen(seq, vietnam)
				h.Live = append(h.Live, s)
				h.Actions = append(h.Actions, actionOn(s, stranger))
			}
			for _, id := range policy.Release(a, h, clock) {
				for i := range h.Actions {
					if h.Actions[i].ID == id {
						h.Actions[i].State, h.Actions[i].Hold = sessionwarden.Planned, sessionwarden.NotHeld
					}
				}
			}
			for i := range h.Actions {
				action := &h.Actions[i]
				if action.State != sessionwarden.Planned {
					continue
				}
				row := h.Live[action.Seq-1].Session
				d := policy.Recheck(a, h, *action, &row, true, policy.Rails{}, clock)
				action.State, action.Hold = d.State, d.Hold
				if d.State == sessionwarden.Planned {
					h.Spent = append(h.Spent, sessionwarden.Spent{At: clock, Stranger: true})
					action.State = sessionwarden.Verified
				}
			}
			within, waiting := 0, 0
			for _, s := range h.Spent {
				if clock.Sub(s.At) < time.Hour {
					within++
				}
			}
			for _, action := range h.Actions {
				if action.State == sessionwarden.Held {
					waiting++
				}
			}
			if within > a.MaxDisconnectsStrangers {
				t.Fatalf("%d within an hour, limit %d", within, a.MaxDisconnectsStrangers)
			}
			if waiting > 0 && within < a.MaxDisconnectsStrangers {
				t.Fatalf("%d wait while only %d of %d are spent", waiting, within, a.MaxDisconnectsStrangers)
			}
		}
	})
}

func ExampleDevice() {
	fmt.Println(policy.Device("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"))
	// Output: Windows, Chrome
}
