package main

import (
	"crypto/tls"
	"crypto/x509"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"sessionwarden"
	"sessionwarden/alert/slacktest"
	"sessionwarden/mannco/manncotest"
)

// jumps are settings of the wall clock, by name.
var jumps = map[string]time.Duration{
	"an hour forward": time.Hour, "a day forward": 25 * time.Hour, "40 days forward": 40 * 24 * time.Hour,
	"an hour back": -time.Hour, "a day back": -25 * time.Hour, "40 days back": -40 * 24 * time.Hour,
}

// underEachJump runs f in a bubble of its own for each jump.
func underEachJump(t *testing.T, f func(b *bubble, by time.Duration)) {
	for name, by := range jumps {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(b *bubble) { f(b, by) })
		})
	}
}

// titled counts the alerts with that title.
func (b *bubble) titled(title string) int {
	b.t.Helper()
	n := 0
	for _, a := range b.alerts() {
		if a.Title == title {
			n++
		}
	}
	return n
}

// wantState checks the state of the newest action about a session of main.
func (b *bubble) wantState(when, id, want string) {
	b.t.Helper()
	if got := b.stateOf(id); got != want {
		a, _ := b.actionOn(id)
		b.t.Errorf("%s: the action is %q, want %q: %+v", when, got, want, a)
	}
}

// Whatever the clock jumps by, polls go on at their interval: neither a hundred
// at once nor none. Within a day nothing else happens; beyond, what would be
// disconnected is held, told once, and goes on when the clock is right again.
func TestTheWatchGoesOnWhenTheClockJumps(t *testing.T) {
	tooLongForTheRaceDetector(t)
	t.Parallel()
	underEachJump(t, func(b *bubble, by time.Duration) {
		far := by.Abs() > 24*time.Hour
		b.atHome()
		b.start()
		b.pass(time.Minute)
		before := b.service.Count("main", manncotest.RouteList)
		b.shift(by)
		b.pass(5 * time.Minute)
		if n := b.service.Count("main", manncotest.RouteList) - before; n < 60 || n > 72 {
			b.t.Errorf("%d lists were read in five minutes of polls every %v", n, polled)
		}
		thief := b.signIn(farAddr, chrome)
		b.pass(4 * polled)
		if !far {
			b.wantState("within a day", thief, "verified")
		} else {
			b.wantState("beyond a day", thief, "held")
			if a, _ := b.actionOn(thief); a.Hold != sessionwarden.HeldByClock {
				b.t.Errorf("held by %v", a.Hold)
			}
			b.pass(time.Hour)
			b.wantEnded()
			if why := b.app.status().Accounts[0].Clock; why == "" || b.metric("accounts_clock_doubt") != 1 {
				b.t.Errorf("status says %q, the metric %v", why, b.metric("accounts_clock_doubt"))
			}
			if n := b.titled("The clock cannot be relied on"); n != 1 || !b.told("Set this machine's clock") {
				b.t.Errorf("the clock was told of %d times", n)
			}
		}
		b.shift(-by)
		b.pass(time.Minute)
		b.wantEnded(thief)
		b.wantState("in the end", thief, "verified")
		if n := b.titled("The clock can be relied on again"); far != (n == 1) || n > 1 {
			b.t.Errorf("that it is over was told %d times", n)
		}
		if n := b.service.Logins("main"); n != 1 {
			b.t.Errorf("%d logins", n)
		}
		for _, s := range b.sightings() {
			if d := s.FirstSeen.Sub(b.now()); d > by && d > 0 || d < -3*time.Hour {
				b.t.Errorf("session %s was first seen %v from now", s.ID, d)
			}
		}
	})
}

// A question stands for as long as it was to stand: it does not end because
// somebody sets the clock, and it does end.
func TestAQuestionStandsAsLongAsItWasToWhateverTheClockSays(t *testing.T) {
	t.Parallel()
	underEachJump(t, func(b *bubble, by time.Duration) {
		b.rules = []string{`unexpected_country = "ask"`}
		b.atHome()
		b.start()
		guest := b.signIn(farAddr, chrome)
		b.pass(2 * polled)
		b.wantState("asked", guest, "held")
		b.shift(by)
		b.pass(9 * time.Minute)
		b.wantState("after nine minutes", guest, "held")
		a, _ := b.actionOn(guest)
		if left := a.Deadline.Sub(b.wall()); left < 30*time.Second || left > 2*time.Minute || !strings.Contains(a.Note, a.Deadline.UTC().Format("15:04")) {
			b.t.Errorf("the question ends in %v, it says %q", left, a.Note)
		}
		b.pass(2 * time.Minute)
		b.wantState("after eleven minutes", guest, "denied")
		b.wantEnded()
	})
}

// A restart under another clock neither ends a question at once nor lets it
// stand for ever.
func TestAQuestionOutlastsARestartUnderAnotherClock(t *testing.T) {
	t.Parallel()
	for name, by := range map[string]time.Duration{"40 days back": -40 * 24 * time.Hour, "1970": -56 * 365 * 24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(b *bubble) {
				b.rules = []string{`unexpected_country = "ask"`}
				b.atHome()
				b.start()
				guest := b.signIn(farAddr, chrome)
				b.pass(2 * polled)
				b.shift(by)
				b.restart()
				b.pass(8 * time.Minute)
				b.wantState("after the restart", guest, "held")
				b.pass(3 * time.Minute)
				b.wantState("in the end", guest, "denied")
			})
		})
	}
}

// An hour's budget lasts an hour and comes back after it.
func TestTheHoursBudgetLastsAnHourWhateverTheClockSays(t *testing.T) {
	tooLongForTheRaceDetector(t)
	t.Parallel()
	underEachJump(t, func(b *bubble, by time.Duration) {
		b.defaults = append(b.defaults, "max_disconnects_strangers = 1")
		b.atHome()
		b.start()
		first := b.signIn(farAddr, chrome)
		b.pass(2 * polled)
		b.wantEnded(first)
		second := b.signIn(otherAddr, chrome)
		b.pass(2 * polled)
		b.wantState("beyond the limit", second, "held")
		b.shift(by)
		b.pass(50 * time.Minute)
		b.wantEnded(first)
		if by.Abs() > 24*time.Hour { // that clock holds everything: it is set right
			b.shift(-by)
		}
		b.pass(11 * time.Minute)
		b.wantEnded(first, second)
		b.wantState("the budget is back", second, "verified")
	})
}

// A disconnection that does not work is tried again at its pauses.
func TestRetriesKeepTheirPausesWhenTheClockJumps(t *testing.T) {
	tooLongForTheRaceDetector(t)
	t.Parallel()
	underEachJump(t, func(b *bubble, by time.Duration) {
		b.fault(manncotest.Fault{Kind: manncotest.FaultDisconnectLies})
		b.atHome()
		b.start()
		thief := b.signIn(farAddr, chrome)
		b.pass(2 * time.Minute)
		b.wantState("tried five times", thief, "failed")
		b.shift(by)
		b.pass(12 * time.Minute)
		if n := len(b.ended()); n != 5 {
			b.t.Errorf("%d calls before the pause was over, want 5", n)
		}
		b.pass(4 * time.Minute)
		if by.Abs() <= 24*time.Hour && len(b.ended()) != 6 {
			b.t.Errorf("%d calls after the pause, want 6", len(b.ended()))
		}
		b.service.ClearFaults()
		if by.Abs() > 24*time.Hour {
			b.shift(-by)
		}
		b.pass(16 * time.Minute)
		b.wantState("in the end", thief, "verified")
	})
}

// What is planned when the clock jumps is done, and proven.
func TestAProofComesWhenTheClockJumpsInTheMiddle(t *testing.T) {
	t.Parallel()
	underEachJump(t, func(b *bubble, by time.Duration) {
		b.atHome()
		b.start()
		jumped := false
		b.after = func(c manncotest.Call) {
			if c.Route == manncotest.RouteDisconnectOne && !jumped {
				jumped = true
				b.shift(by)
			}
		}
		thief := b.signIn(farAddr, chrome)
		b.pass(4 * polled)
		b.wantEnded(thief)
		b.wantState("after two polls", thief, "verified")
	})
}

// Slack was down, limited us, or has just been written to when the clock
// jumps: messages come all the same.
func TestAlertsGoOutWhenTheClockJumps(t *testing.T) {
	tooLongForTheRaceDetector(t)
	t.Parallel()
	underEachJump(t, func(b *bubble, by time.Duration) {
		b.rules = []string{`unexpected_country = "alert"`}
		for _, name := range []string{"second", "third", "fourth"} {
			b.alsoWatch(name)
		}
		b.atHome()
		b.start()
		b.signIn(farAddr, chrome)
		b.pass(polled + 100*time.Millisecond)
		b.shift(by)
		b.signInAs("second", manncotest.SessionSpec{Address: farAddr2, UserAgent: chrome})
		b.pass(time.Minute)
		if n := holding(b.messages(), "Vietnam"); n != 2 {
			b.t.Errorf("%d messages; the second waits for the clock: %q", n, b.messages())
		}
		b.slack.Always(slacktest.Status(503))
		b.signInAs("third", manncotest.SessionSpec{Address: otherAddr, UserAgent: chrome})
		b.pass(10 * time.Minute)
		b.shift(by)
		b.slack.Always(slacktest.None())
		b.pass(6 * time.Minute)
		if !b.told("Brazil") {
			b.t.Error("Slack works again, and the message waits for the clock")
		}
		b.slack.Fail(slacktest.Limited("60"))
		b.signInAs("fourth", manncotest.SessionSpec{Address: otherAddr, UserAgent: iphone})
		b.pass(10 * time.Second)
		b.shift(-by)
		b.pass(3 * time.Minute)
		if n := holding(b.messages(), "Brazil"); n != 2 {
			b.t.Errorf("%d messages; the limited one waits for the clock", n)
		}
	})
}

// An account that cannot be polled is told of after three polls, and its
// limits and refused logins end, whatever the clock says.
func TestTroubleOnTheWayEndsWhenTheClockJumps(t *testing.T) {
	tooLongForTheRaceDetector(t)
	t.Parallel()
	underEachJump(t, func(b *bubble, by time.Duration) {
		b.atHome()
		b.start()
		b.service.Exhaust("main", manncotest.RouteList)
		b.pass(2 * polled)
		b.shift(by)
		b.pass(11 * time.Minute)
		if !b.app.monitor.Ready() || len(b.app.monitor.Blind()) > 0 {
			b.t.Errorf("blind: %v", b.app.monitor.Blind())
		}
		b.service.RevokeKey("main")
		b.service.EndWatcher("main")
		b.pass(20 * time.Second)
		if len(b.app.monitor.Blind()) != 1 {
			b.t.Error("people were not told that the key is refused")
		}
		b.shift(-by)
		logins := b.service.Count("main", manncotest.RouteLogin)
		b.pass(time.Hour)
		if n := b.service.Count("main", manncotest.RouteLogin) - logins; n < 4 || n > 12 {
			b.t.Errorf("%d refused logins in an hour", n)
		}
		b.service.SetKey("main", testKey+"-main")
		b.pass(16 * time.Minute)
		if len(b.app.monitor.Blind()) != 0 {
			b.t.Error("the key is good again, and the login waits for the clock")
		}
	})
}

// A clock that runs years ahead makes nobody forget the history.
func TestNothingIsForgottenByAClockThatRunsAhead(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.defaults[1] = `schedule = "@every 30s"`
		b.atHome()
		guest := b.signIn(homeAddr2, iphone)
		b.start()
		b.pass(time.Minute)
		b.service.SignOut("main", number(guest))
		b.pass(2 * time.Minute)
		before, first := len(b.sightings()), b.sightings()[0].Seq
		b.shift(3 * 365 * 24 * time.Hour)
		b.pass(2 * time.Hour)
		b.restart()
		b.pass(2 * time.Hour)
		if n := len(b.sightings()); n < before || b.sightings()[0].Seq != first {
			t.Errorf("of %d sessions %d are remembered", before, n)
		}
	})
}

// The machine starts in 1970, and its clock is set right later.
func TestBootIn1970(t *testing.T) {
	tooLongForTheRaceDetector(t)
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.defaults[0] = `expected_countries = ["DE", "BR"]`
		b.rules = []string{`new_country = "log"`, `stranger = "log"`, `impossible_travel = "log"`}
		b.defaults[1] = `schedule = "@every 30s"`
		b.shift(-b.wall().Sub(time.Unix(60, 0)))
		b.atHome()
		b.start()
		thief := b.signIn(farAddr, chrome)
		guest := b.signIn(otherAddr, chrome)
		b.pass(10 * time.Minute)
		b.wantState("in 1970", thief, "held")
		b.wantEnded()
		if p := b.history("main").Profile; !p.Empty() {
			t.Errorf("learned in 1970: %+v", p)
		}
		b.shift(b.now().Sub(b.wall())) // the time comes from the network
		b.pass(2 * time.Minute)
		b.wantEnded(thief)
		b.wantState("in the right year", thief, "verified")
		for _, s := range b.sightings() {
			if s.FirstSeen.Year() < 2026 || !s.GoneAt.IsZero() && s.GoneAt.Year() < 2026 {
				t.Errorf("session %s: first seen %v, gone %v", s.ID, s.FirstSeen, s.GoneAt)
			}
		}
		b.pass(23 * time.Hour)
		if _, known := b.history("main").Profile.Countries["BR"]; known {
			t.Error("the profile learned from a session that is not a day old")
		}
		b.pass(2 * time.Hour)
		if _, known := b.history("main").Profile.Countries["BR"]; !known || !b.alive(guest) {
			t.Error("the profile did not learn from a session that is a day old")
		}
		if n := b.service.Logins("main"); n != 1 {
			t.Errorf("%d logins", n)
		}
	})
}

// certified is a way to a service whose certificate is good by the true time.
type certified struct {
	b    *bubble
	next http.RoundTripper
	from time.Time
	tls  int // calls that were refused
}

func (c *certified) RoundTrip(r *http.Request) (*http.Response, error) {
	if c.b.wall().Before(c.from) {
		c.tls++
		cert := &x509.Certificate{NotBefore: c.from, NotAfter: c.from.AddDate(0, 3, 0)}
		return nil, &tls.CertificateVerificationError{Err: x509.CertificateInvalidError{Cert: cert, Reason: x509.Expired}}
	}
	return c.next.RoundTrip(r)
}

// Under a clock of 1970 every certificate is one of the future: that is trouble
// with the clock, not with the key or the service.
func TestCertificatesOfTheFutureAreTroubleWithTheClock(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.shift(-b.wall().Sub(time.Unix(60, 0)))
		b.atHome()
		way := &certified{b: b, next: b.service.Transport(), from: b.now().AddDate(0, -1, 0)}
		b.startWith(way)
		b.pass(30 * time.Minute)
		if n := len(b.messages()); n != 1 || !b.told("Set this machine's clock") || b.told("revoked") {
			t.Errorf("%d messages: %q", n, b.messages())
		}
		if n := b.service.Count("main", manncotest.RouteLogin); n != 0 || way.tls == 0 || way.tls > 800 {
			t.Errorf("%d logins arrived, %d calls were refused", n, way.tls)
		}
		b.shift(b.now().Sub(b.wall()))
		thief := b.signIn(farAddr, chrome)
		b.pass(time.Minute)
		if n := len(b.app.monitor.Blind()); n != 0 || b.service.Logins("main") != 1 {
			t.Errorf("%d accounts are blind, %d logins", n, b.service.Logins("main"))
		}
		if b.told("1970-01-01 00:0") && !b.told("is watched again") || !b.told("It was not from "+b.now().Format("2006-01-02")) {
			t.Errorf("messages: %q", b.messages())
		}
		b.pass(time.Minute)
		if b.stateOf(thief) == "" {
			t.Error("the thief was not found when the clock was right")
		}
	})
}

// The service's clock is off, in its Date header, by an hour, a day or a year.
func TestTheServicesClockIsOff(t *testing.T) {
	tooLongForTheRaceDetector(t)
	t.Parallel()
	for _, by := range []string{"1h", "-1h", "25h", "-25h", "8760h", "-8760h"} {
		t.Run(by, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(b *bubble) {
				b.defaults[1] = `schedule = "@every 30s"`
				owner := b.atHome()
				b.start()
				b.pass(time.Minute)
				b.fault(manncotest.Fault{Kind: manncotest.FaultClockSkew, Value: by})
				b.pass(6 * time.Hour)
				if n := b.service.Logins("main"); n > 2 {
					t.Errorf("%d logins in six hours", n)
				}
				thief := b.signIn(farAddr, chrome)
				b.pass(2 * time.Minute)
				want := "held"
				if strings.HasSuffix(by, "1h") {
					want = "verified"
				}
				b.wantState("meanwhile", thief, want)
				b.service.ClearFaults()
				b.pass(2 * time.Minute)
				b.wantState("in the end", thief, "verified")
				b.wantEnded(thief)
				if !b.alive(owner) {
					t.Error("the owner's session was ended")
				}
				for _, rule := range []sessionwarden.Rule{sessionwarden.SessionMoved, sessionwarden.ShortLived, sessionwarden.Respawned} {
					if b.found(rule, "") {
						t.Errorf("the clock was taken for %s", rule)
					}
				}
				own := 0
				for _, s := range b.history("main").Live {
					if s.Ownership == sessionwarden.Own {
						own++
					}
					if s.Started.IsZero() || s.FirstSeen.After(b.now()) {
						t.Errorf("session %s started %v, first seen %v", s.ID, s.Started, s.FirstSeen)
					}
				}
				if own != 1 || len(b.history("main").Live) != 2 {
					t.Errorf("%d sessions of %d are ours", own, len(b.history("main").Live))
				}
			})
		})
	}
}

// The times of the rows come in every form there is, also absurd ones.
func TestSessionTimesInEveryForm(t *testing.T) {
	tooLongForTheRaceDetector(t)
	t.Parallel()
	for _, style := range []string{"string", "number", "ms", "ms_string"} {
		t.Run(style, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(b *bubble) {
				b.variant(manncotest.VariantTimestamp, style)
				owner := b.atHome()
				b.start()
				b.pass(time.Minute)
				want := b.now().Add(-72 * time.Hour)
				i := slices.IndexFunc(b.history("main").Live, func(s sessionwarden.Sighting) bool { return string(s.ID) == owner })
				if i < 0 || b.history("main").Live[i].Started.Sub(want).Abs() > 2*time.Minute {
					t.Fatalf("the owner is signed in since %+v", b.history("main").Live)
				}
			})
		})
	}
	for _, value := range []string{"huge", "zero", "negative", "1970", "future", "nanoseconds", "float", "text", "null"} {
		t.Run("absurd "+value, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(b *bubble) {
				b.fault(manncotest.Fault{Kind: manncotest.FaultAbsurdTime, Value: value})
				b.atHome()
				b.start()
				thief := b.signIn(farAddr, chrome)
				b.pass(4 * polled)
				b.wantState("whatever its time", thief, "verified")
				for _, s := range b.sightings() {
					if s.FirstSeen.IsZero() || s.FirstSeen.After(b.now()) || !s.Started.IsZero() && (s.Started.Year() < 2010 || s.Started.After(b.now().Add(25*time.Hour))) {
						t.Errorf("session %s: started %v, first seen %v", s.ID, s.Started, s.FirstSeen)
					}
				}
			})
		})
	}
}

// A schedule may name a zone on a machine that has no zone data.
func TestSchedulesHaveTheirZonesBuiltIn(t *testing.T) {
	t.Parallel()
	file, err := parser.ParseFile(token.NewFileSet(), "main.go", nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(file.Imports, func(s *ast.ImportSpec) bool { return s.Path.Value == `"time/tzdata"` }) {
		t.Error("the zone data is not built in")
	}
	w := newWorld(t)
	w.env = []string{"ZONEINFO=/nowhere", "TZ=Nowhere/AtAll"}
	w.defaults = []string{`expected_countries = ["DE"]`, `schedule = "CRON_TZ=Europe/Berlin 30 2 * * *"`}
	w.atHome()
	w.start()
	next := w.status().Accounts[0].NextPoll
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	if at := next.In(berlin); at.Hour() != 2 || at.Minute() != 30 || time.Until(next) > 48*time.Hour {
		t.Errorf("the next poll is at %v", at)
	}
}
