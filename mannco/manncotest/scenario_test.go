package manncotest_test

import (
	"context"
	"errors"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sessionwarden/mannco/manncotest"
)

func builtIn(t *testing.T, name string) manncotest.Scenario {
	t.Helper()
	sc, err := manncotest.BuiltIn(name)
	if err != nil {
		t.Fatal(err)
	}
	return sc
}

func TestBuiltInScenarios(t *testing.T) {
	t.Parallel()
	names := manncotest.Scenarios()
	if !slices.Equal(names, []string{"broken-service", "cookie-thief", "one-tap", "quiet-week", "travelling-owner"}) {
		t.Fatalf("there are %v", names)
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sc := builtIn(t, name)
			if sc.Title == "" || sc.About == "" || len(sc.Events) < 5 {
				t.Errorf("it says too little: %+v", sc)
			}
			for _, a := range sc.Accounts {
				if a.APIKey != "demo-key-not-a-secret" {
					t.Errorf("the key of %s looks like a real one", a.Name)
				}
			}
			for _, one := range sc.Sessions {
				if one.UserAgent == "" || one.ISP == "" || !netip.MustParseAddr(one.Address).IsGlobalUnicast() {
					t.Errorf("session %+v", one)
				}
			}
			synctest.Test(t, func(t *testing.T) {
				s := manncotest.New(manncotest.Options{})
				start, told := time.Now(), 0
				err := s.Play(t.Context(), sc, func(e manncotest.Event) {
					told++
					if at := time.Duration(float64(e.At) / sc.Speed); time.Since(start) != at {
						t.Errorf("line %d came at %s, want %s", e.Line, time.Since(start), at)
					}
					if e.Skipped || e.Narration() != e.Say || e.Say == "" {
						t.Errorf("line %d: with nobody watching everything happens and is told: %+v", e.Line, e)
					}
				})
				if err != nil || told != len(sc.Events) {
					t.Errorf("%d of %d events: %v", told, len(sc.Events), err)
				}
				if took := time.Since(start); took > 100*time.Second {
					t.Errorf("it takes %s", took)
				}
			})
		})
	}
	if _, err := manncotest.BuiltIn("cookie-theif"); err == nil || !strings.Contains(err.Error(), `did you mean "cookie-thief"?`) {
		t.Errorf("an unknown name: %v", err)
	}
}

func TestCookieThiefFitsTheDemo(t *testing.T) {
	t.Parallel()
	sc := builtIn(t, "cookie-thief")
	here := func(d time.Duration) time.Duration { return time.Duration(float64(d) / sc.Speed) }
	var came []time.Duration
	for _, e := range sc.Events {
		if e.Kind == manncotest.EventSignIn {
			came = append(came, here(e.At))
		}
	}
	if len(came) != 2 || came[0] > 3*time.Second || came[1] < 12*time.Second {
		t.Errorf("the thief comes after %s", came)
	}
	if end := here(sc.Events[len(sc.Events)-1].At); end < 28*time.Second || end > 35*time.Second {
		t.Errorf("the story lasts %s", end)
	}
}

func TestCookieThiefUnhindered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := manncotest.New(manncotest.Options{})
		if err := s.Play(t.Context(), builtIn(t, "cookie-thief"), nil); err != nil {
			t.Fatal(err)
		}
		f := s.Facts("anna")
		if f.TwoFactor || f.Balance != 0 || !strings.Contains(f.TradeURL, "thief") || f.PayoutMail != "cashout@example.net" {
			t.Errorf("he did not get everything: %+v", f)
		}
		if got := endings(s, "anna"); !maps.Equal(got, map[string]manncotest.Ending{"thief": manncotest.EndSignedOut}) {
			t.Errorf("ended: %v", got)
		}
	})
}

// endings says of each label how its session was ended.
func endings(s *manncotest.Service, account string) map[string]manncotest.Ending {
	out := make(map[string]manncotest.Ending)
	for _, one := range s.Sessions(account) {
		if one.Ended != manncotest.NotEnded {
			out[one.Label] = one.Ended
		}
	}
	return out
}

func TestCookieThiefDisconnected(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := manncotest.New(manncotest.Options{})
		sc := builtIn(t, "cookie-thief")
		if err := s.Setup(sc); err != nil {
			t.Fatal(err)
		}
		before := s.Facts("anna")
		watcher := &person{t: t, transport: s.Transport()}
		answer := watcher.post(`{"apiKey":"demo-key-not-a-secret"}`)
		watcher.token = strings.Split(answer.body, `"`)[9]
		var lines []string
		err := s.Play(t.Context(), sc, func(e manncotest.Event) {
			if e.Kind == manncotest.EventSignIn {
				rows, _ := watcher.list("")
				if rows[0].IP != e.Session.Address || rows[0].ID != e.SessionID {
					t.Errorf("the thief is not in front: %+v", rows)
				}
				watcher.get("/user/disconnectSession/"+itoa(e.SessionID)).want(t, 200, "disconnected")
			}
			if e.Who == "thief" && e.Kind != manncotest.EventSignIn {
				if !e.Skipped {
					t.Errorf("line %d happened without a session", e.Line)
				}
				lines = append(lines, e.Narration())
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if after := s.Facts("anna"); after != before {
			t.Errorf("the account changed: %+v", after)
		}
		if got := endings(s, "anna"); !maps.Equal(got, map[string]manncotest.Ending{"thief": manncotest.EndDisconnected}) {
			t.Errorf("ended: %v", got)
		}
		if len(lines) != 7 || !strings.Contains(lines[2], "sign-in page") {
			t.Errorf("told: %q", lines)
		}
	})
}

func TestSessionsOfAScenarioHaveRealTimes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := manncotest.New(manncotest.Options{})
		sc := builtIn(t, "quiet-week")
		if err := s.Setup(sc); err != nil {
			t.Fatal(err)
		}
		for _, one := range s.Sessions("anna") {
			want := map[string]time.Duration{"anna-pc": 9 * 24 * time.Hour, "anna-phone": 48 * time.Hour, "anna-old-pc": 60 * 24 * time.Hour}[one.Label]
			if time.Since(one.Started) != want {
				t.Errorf("%s is %s old", one.Label, time.Since(one.Started))
			}
		}
		if n := len(s.Live("anna")); n != 2 {
			t.Errorf("%d are live", n)
		}
		if err := s.Setup(sc); err == nil {
			t.Error("it was set up twice")
		}
	})
}

func TestPlayStopsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := manncotest.New(manncotest.Options{})
		cause := errors.New("enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(10*time.Second, func() { cancel(cause) })
		start := time.Now()
		if err := s.Play(ctx, builtIn(t, "cookie-thief"), nil); !errors.Is(err, cause) || time.Since(start) != 10*time.Second {
			t.Errorf("after %s: %v", time.Since(start), err)
		}
	})
}

// TestEveryKindOfEvent plays a story that uses each kind once, and asks the
// service after each what came of it.
func TestEveryKindOfEvent(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(filepath.Join("testdata", "every-kind.toml"))
	if err != nil {
		t.Fatal(err)
	}
	sc, err := manncotest.LoadScenario(data)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		s := manncotest.New(manncotest.Options{})
		if err := s.Setup(sc); err != nil {
			t.Fatal(err)
		}
		p := &person{t: t, transport: s.Transport()}
		login := func() int { return p.post(`{"apiKey":"` + testKey + `"}`).status }
		balance := func() int { return p.get("/user/balance").status }
		seen := make(map[manncotest.EventKind]int)
		check := map[manncotest.EventKind]func(manncotest.Event) bool{
			manncotest.EventSignIn: func(manncotest.Event) bool { return len(s.Live("main")) == 2 },
			manncotest.EventMove: func(e manncotest.Event) bool {
				one, _ := s.Session("main", e.SessionID)
				return one.Address == "192.0.2.77" && one.UserAgent == "curl/8"
			},
			manncotest.EventLook: func(manncotest.Event) bool {
				return strings.Contains(p.get("/user/infos").body, `"lastactivity":"946684803"`)
			},
			manncotest.EventChange:     func(manncotest.Event) bool { return s.Facts("main").Balance == 5 && !s.Facts("main").TwoFactor },
			manncotest.EventVariant:    func(manncotest.Event) bool { return strings.Contains(p.get("/user/balance").body, `"err":false`) },
			manncotest.EventFault:      func(manncotest.Event) bool { return balance() == 500 },
			manncotest.EventSay:        func(manncotest.Event) bool { return balance() == 200 }, // the fault is over by itself
			manncotest.EventClear:      func(manncotest.Event) bool { return balance() == 200 },
			manncotest.EventEgress:     func(manncotest.Event) bool { return balance() == 403 },
			manncotest.EventEndWatcher: func(manncotest.Event) bool { return balance() == 403 },
			manncotest.EventRevokeKey:  func(manncotest.Event) bool { return login() == 403 },
			manncotest.EventRestoreKey: func(manncotest.Event) bool { return login() == 200 },
			manncotest.EventSignOut: func(e manncotest.Event) bool {
				one, _ := s.Session("main", e.SessionID)
				return one.Ended == manncotest.EndSignedOut
			},
		}
		err := s.Play(t.Context(), sc, func(e manncotest.Event) {
			seen[e.Kind]++
			if !check[e.Kind](e) {
				t.Errorf("line %d: %s did not do what it should", e.Line, e.Kind)
			}
			switch e.Kind {
			case manncotest.EventSignIn, manncotest.EventEgress, manncotest.EventRestoreKey:
				p.login()
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		for kind := range check {
			if seen[kind] == 0 {
				t.Errorf("the story has no %s", kind)
			}
		}
	})
}

// TestDocumentedScenario loads the example in the documentation, and looks
// there for everything that a scenario file can name.
func TestDocumentedScenario(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(filepath.Join("..", "..", "docs", "scenarios.md"))
	if err != nil {
		t.Fatal(err)
	}
	page := string(data)
	_, rest, found := strings.Cut(page, "```toml\n")
	example, _, closed := strings.Cut(rest, "```\n")
	if !found || !closed {
		t.Fatal("there is no example")
	}
	sc, err := manncotest.LoadScenario([]byte(example))
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		if err := manncotest.New(manncotest.Options{}).Play(t.Context(), sc, nil); err != nil {
			t.Error(err)
		}
	})
	for _, info := range manncotest.Faults() {
		if !strings.Contains(page, "\n| `"+string(info.Kind)+"` |") {
			t.Errorf("the page lacks the fault %s", info.Kind)
		}
	}
	for _, info := range manncotest.Variants() {
		if row := "\n| `" + string(info.Name) + "` | `" + strings.Join(info.Values, "`, `") + "` |"; !strings.Contains(page, row) {
			t.Errorf("the page lacks the row%s", row)
		}
	}
	for _, name := range manncotest.Scenarios() {
		if !strings.Contains(page, "`"+name+"`") {
			t.Errorf("the page lacks the scenario %s", name)
		}
	}
	for _, kind := range manncotest.EventKinds() {
		if !strings.Contains(page, "\n| `"+string(kind)+"` |") {
			t.Errorf("the page lacks the kind of event %s", kind)
		}
	}
	for _, fact := range manncotest.FactNames() {
		if !strings.Contains(page, "`"+fact+"`") {
			t.Errorf("the page lacks the fact %s", fact)
		}
	}
	for _, route := range manncotest.Routes() {
		if !strings.Contains(page, "`"+string(route)+"`") {
			t.Errorf("the page lacks the route %s", route)
		}
	}
}
