package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"sessionwarden"
	"sessionwarden/geo"
	"sessionwarden/mannco/manncotest"
	"sessionwarden/policy"
	"sessionwarden/policy/replay"
)

// What was recorded, played again under the configuration that recorded it, has
// to find the same: the watch and the engine may not come apart.
func TestReplayFindsWhatTheWatchFound(t *testing.T) {
	tooLongForTheRaceDetector(t)
	t.Parallel()
	at := func(addr, agent string) manncotest.SessionSpec {
		return manncotest.SessionSpec{Address: addr, UserAgent: agent, ISP: "Provider"}
	}
	stories := []struct {
		name  string
		rules []sessionwarden.Rule // some that have to be found
		more  []string             // lines under [defaults]
		story func(b *bubble)
	}{
		{"first poll", []sessionwarden.Rule{sessionwarden.UnexpectedCountry}, nil, func(b *bubble) {
			b.atHome()
			b.signIn(farAddr, chrome)
			b.start()
			b.pass(time.Hour)
			b.signIn(homeAddr2, iphone)
			b.pass(time.Hour)
		}},
		{"new country while learning, then known", []sessionwarden.Rule{sessionwarden.NewCountry, sessionwarden.NewDevice, sessionwarden.NewNetwork}, []string{`expected_countries = ["DE", "VN", "BR"]`}, func(b *bubble) {
			b.atHome()
			b.start()
			b.pass(time.Hour)
			b.signIn(farAddr, chrome)
			b.pass(30 * time.Hour)
			b.signIn(farAddr2, iphone)
			b.pass(time.Hour)
		}},
		{"stranger", []sessionwarden.Rule{sessionwarden.Stranger, sessionwarden.ConcurrentCountries}, []string{`expected_countries = ["DE", "VN", "BR"]`, `learning_sessions = 1`}, func(b *bubble) {
			b.atHome()
			b.start()
			b.pass(time.Hour)
			b.signIn(homeAddr, iphone)
			b.pass(10 * time.Minute)
			b.signIn(farAddr, chrome)
			b.pass(26 * time.Hour)
		}},
		{"moved and roamed", []sessionwarden.Rule{sessionwarden.SessionMoved, sessionwarden.SessionRoamed}, []string{`expected_countries = ["DE", "VN", "BR"]`}, func(b *bubble) {
			id := b.atHome()
			b.start()
			b.pass(time.Hour)
			b.service.Move("main", number(id), at(hostingAddr, chrome))
			b.pass(time.Hour)
			b.service.Move("main", number(id), at(hostingAddr, iphone))
			b.pass(time.Hour)
			b.service.Move("main", number(id), at(farAddr, iphone))
			b.pass(time.Hour)
		}},
		{"moved within its network", nil, nil, func(b *bubble) {
			id := b.atHome()
			b.start()
			b.pass(time.Hour)
			b.service.Move("main", number(id), at(homeAddr2, chrome))
			b.pass(30 * time.Hour)
			b.signIn(homeAddr, iphone)
			b.pass(time.Hour)
		}},
		{"late", []sessionwarden.Rule{sessionwarden.ShortLived, sessionwarden.UnexpectedCountry}, nil, func(b *bubble) {
			b.atHome()
			b.start()
			b.pass(time.Hour)
			id := b.signIn(farAddr, chrome)
			b.service.SignOut("main", number(id))
			b.pass(time.Hour)
			b.stop()
			id = b.signIn(otherAddr, chrome)
			b.pass(time.Hour)
			b.service.SignOut("main", number(id))
			b.start()
			b.pass(time.Hour)
		}},
		{"respawned", []sessionwarden.Rule{sessionwarden.Respawned, sessionwarden.UnexpectedCountry}, nil, func(b *bubble) {
			b.atHome()
			b.start()
			b.pass(time.Hour)
			b.signIn(farAddr, chrome)
			b.pass(10 * time.Minute)
			b.signIn(farAddr2, iphone)
			b.pass(10 * time.Minute)
			b.signIn(otherAddr, iphone)
			b.pass(2 * time.Hour)
			b.signIn(otherAddr, iphone)
			b.pass(time.Hour)
		}},
		{"many", []sessionwarden.Rule{sessionwarden.ManySessions}, []string{`learning_sessions = 1`}, func(b *bubble) {
			b.atHome()
			b.start()
			b.pass(time.Hour)
			for range 12 {
				b.signIn(homeAddr2, iphone)
				b.pass(time.Minute)
			}
			b.pass(2 * time.Hour)
			b.signIn(homeAddr2, chrome)
			b.pass(time.Hour)
		}},
		{"signed out and in again at once", nil, []string{`expected_countries = ["DE", "VN", "BR"]`}, func(b *bubble) {
			id := b.atHome()
			b.start()
			b.pass(time.Hour)
			b.service.SignOut("main", number(id))
			id = b.signIn(farAddr, chrome)
			b.pass(time.Hour)
			b.service.SignOut("main", number(id))
			b.pass(time.Minute)
			b.signIn(otherAddr, chrome)
			b.pass(time.Hour)
		}},
		{"limits", []sessionwarden.Rule{sessionwarden.UnexpectedCountry}, []string{`max_disconnects_strangers = 2`}, func(b *bubble) {
			b.atHome()
			b.start()
			b.pass(time.Hour)
			for range 4 {
				b.signIn(farAddr, iphone)
				b.pass(5 * time.Minute)
			}
			b.pass(3 * time.Hour)
		}},
		{"a question, denied", []sessionwarden.Rule{sessionwarden.UnexpectedCountry, sessionwarden.UnknownCountry}, []string{`ask_default = "disconnect"`}, func(b *bubble) {
			b.rules = append(b.rules, `unexpected_country = "ask"`)
			b.atHome()
			b.start()
			b.pass(time.Hour)
			id := b.signIn(farAddr, chrome)
			b.pass(time.Minute)
			action, _ := b.actionOn(id)
			if _, err := b.app.monitor.Deny(b.t.Context(), action.ID); err != nil {
				b.t.Fatal(err)
			}
			b.pass(time.Hour)
			b.signIn(farAddr2, chrome)
			b.signIn(privateAddr, chrome)
			b.pass(time.Hour)
		}},
		{"a profile begun anew", []sessionwarden.Rule{sessionwarden.NewCountry}, []string{`expected_countries = ["DE", "VN", "BR"]`, `learning_sessions = 1`}, func(b *bubble) {
			b.rules = append(b.rules, `stranger = "off"`, `new_country = "log"`)
			b.atHome()
			b.start()
			b.pass(time.Hour)
			far := b.signIn(farAddr, chrome)
			b.pass(26 * time.Hour)
			b.service.SignOut("main", number(far))
			b.pass(time.Hour)
			if err := b.app.monitor.ResetProfile(b.t.Context(), "main"); err != nil {
				b.t.Fatal(err)
			}
			b.pass(time.Hour)
			b.signIn(farAddr2, iphone) // known before, and not any more
			b.pass(time.Hour)
			if known := b.history("main").Profile; len(known.Countries) != 1 || known.Since.IsZero() || known.Sessions != 1 {
				b.t.Errorf("it knows %v of %d sessions since %v", known.Countries, known.Sessions, known.Since)
			}
		}},
		{"a trust", []sessionwarden.Rule{sessionwarden.UnexpectedCountry}, nil, func(b *bubble) {
			b.rules = append(b.rules, `unexpected_country = "alert"`)
			b.atHome()
			b.start()
			b.pass(time.Hour)
			b.signIn(farAddr, chrome)
			b.pass(time.Hour)
			trust := sessionwarden.Trust{Account: "main", Country: "VN", Until: b.now().Add(10 * time.Hour)}
			if _, err := b.app.monitor.AddTrust(b.t.Context(), trust, 0); err != nil {
				b.t.Fatal(err)
			}
			b.pass(time.Hour)
			b.signIn(farAddr2, iphone)
			b.pass(12 * time.Hour)
			b.signIn(farAddr2, chrome)
			b.pass(time.Hour)
		}},
	}
	for _, s := range stories {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(b *bubble) {
				b.level = "warn"
				for _, line := range s.more {
					b.override(line)
				}
				b.override(`schedule = "@every 30s"`)
				s.story(b)
				want := recordedFindings(b)
				for _, rule := range s.rules {
					if !b.found(rule, "") {
						t.Errorf("%s was not found: the story is not what it should be", rule)
					}
				}
				got := replayedFindings(b)
				if !slices.Equal(got, want) {
					t.Errorf("replayed:\n%s\nrecorded:\n%s", lines(got), lines(want))
				}
				if again := replayedFindings(b); !slices.Equal(got, again) {
					t.Error("replayed twice, it finds other things")
				}
				sameActions(b)
			})
		})
	}
}

// override puts a line under [defaults] in the place of that of the same key.
func (b *bubble) override(line string) {
	key, _, _ := strings.Cut(line, "=")
	b.defaults = slices.DeleteFunc(b.defaults, func(old string) bool { return strings.HasPrefix(old, key) })
	b.defaults = append(b.defaults, line)
}

func lines(list []string) (text string) {
	for _, line := range list {
		text += "  " + line + "\n"
	}
	return text
}

func findingLine(f sessionwarden.Finding) string {
	return fmt.Sprintf("%06d %s %s %s late=%t %s", f.Seq, f.Rule, f.Severity, f.Response, f.Late, f.Reason)
}

func recordedFindings(b *bubble) (list []string) {
	for _, f := range b.findings() {
		if f.Seq != 0 && policy.AsksSessions(f.Rule) {
			list = append(list, findingLine(f))
		}
	}
	slices.Sort(list)
	return list
}

// played plays the recorded history under the program's configuration.
func played(b *bubble) []replay.Outcome {
	var outcomes []replay.Outcome
	h := b.history("main")
	e := replay.New(replay.Options{
		Accounts: []replay.Account{{Account: b.app.cfg.Accounts[0].Account, Baseline: h.Baseline, Reset: h.Profile.Since, Trusts: h.Trusts}},
		Distance: geo.Distance, Over: func(o replay.Outcome) { outcomes = append(outcomes, o) },
	})
	for _, s := range b.sightings() {
		e.Add(s)
	}
	e.Finish(b.now())
	return outcomes
}

func replayedFindings(b *bubble) (list []string) {
	for _, o := range played(b) {
		for _, f := range o.Findings {
			list = append(list, findingLine(f))
		}
	}
	slices.Sort(list)
	return list
}

// sameActions checks that what was ended or held is what the engine says.
func sameActions(b *bubble) {
	b.t.Helper()
	verdict := func(a sessionwarden.Action) string {
		switch a.State {
		case sessionwarden.Done, sessionwarden.Verified:
			return "ended"
		case sessionwarden.Moot:
			return "held"
		}
		return a.State.String()
	}
	var want, got []string
	for _, a := range b.actions() {
		want = append(want, fmt.Sprintf("%s %s", a.Session, verdict(a)))
	}
	for _, o := range played(b) {
		if o.Action != nil {
			got = append(got, fmt.Sprintf("%s %s", o.Action.Session, verdict(*o.Action)))
		}
	}
	slices.SortFunc(want, cmp.Compare[string])
	slices.SortFunc(got, cmp.Compare[string])
	if !slices.Equal(got, want) {
		b.t.Errorf("replayed actions:\n%s\nrecorded:\n%s", lines(got), lines(want))
	}
}
