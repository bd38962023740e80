package main

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
	"unicode"
	"unicode/utf8"

	"sessionwarden"
	"sessionwarden/alert/slacktest"
	"sessionwarden/mannco/manncotest"
	"sessionwarden/monitor"
)

// What docs/failures.md says of the service and of what it answers, through
// the whole program: what the watch does, and that people, status and metrics
// tell of it.

// metric returns the value of a series of /metrics, written as there, such as
// polls_total{outcome="ok"} without the program's name in front; without
// labels, the sum of all series of that name.
func (b *bubble) metric(series string) float64 {
	b.t.Helper()
	families, err := b.app.registry.Gather()
	if err != nil {
		b.t.Fatal(err)
	}
	sum, found := 0.0, false
	for _, family := range families {
		for _, m := range family.Metric {
			var labels []string
			for _, l := range m.Label {
				labels = append(labels, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
			}
			name := strings.TrimPrefix(family.GetName(), "sessionwarden_")
			if series == name || series == name+"{"+strings.Join(labels, ",")+"}" {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
				found = true
			}
		}
	}
	if !found && !strings.Contains(series, "{") {
		b.t.Errorf("there is no metric %s", series)
	}
	return sum
}

// wantMetric checks the value of a series of /metrics.
func (b *bubble) wantMetric(series string, want float64) {
	b.t.Helper()
	if got := b.metric(series); got != want {
		b.t.Errorf("%s is %v, want %v", series, got, want)
	}
}

// tellings returns how many messages hold text.
func (b *bubble) tellings(text string) int {
	n := 0
	for _, m := range b.messages() {
		if strings.Contains(m, text) {
			n++
		}
	}
	return n
}

// wantTold checks how many messages hold text.
func (b *bubble) wantTold(text string, want int) {
	b.t.Helper()
	if got := b.tellings(text); got != want {
		b.t.Errorf("%d messages say %q, want %d: %q", got, text, want, b.messages())
	}
}

// main returns the status of the account main.
func (b *bubble) main() sessionwarden.AccountStatus { return b.app.status().Accounts[0] }

// noticed reports whether the status of main has a notice that holds text.
func (b *bubble) noticed(text string) bool {
	return slices.ContainsFunc(b.main().Notices, func(n sessionwarden.Notice) bool { return strings.Contains(n.Title, text) })
}

// wantNoticed checks that people were told once of something about the watch
// itself: by one alert of that kind, in the status and in the metrics.
func (b *bubble) wantNoticed(kind sessionwarden.AlertKind, title string) {
	b.t.Helper()
	b.wantTold(title, 1)
	if !b.noticed(title) {
		b.t.Errorf("status does not say %q: %+v", title, b.main().Notices)
	}
	if b.metric(fmt.Sprintf("alerts_total{kind=%q}", kind)) == 0 {
		b.t.Errorf("no alert of kind %s is counted", kind)
	}
}

// where returns the state of the newest sighting of a session of main.
func (b *bubble) where(id string) sessionwarden.SightingState {
	b.t.Helper()
	for _, s := range slices.Backward(b.sightings()) {
		if string(s.ID) == id {
			return s.State
		}
	}
	b.t.Fatalf("there is no session %s in the history", id)
	return 0
}

// wantBlind checks that the account is not watched, and that people, status,
// health and metrics say so, once.
func (b *bubble) wantBlind() {
	b.t.Helper()
	b.wantTold("not being watched since", 1)
	s := b.main()
	if !s.Blind || s.BlindSince.IsZero() || s.Error == "" || s.Cure == "" {
		b.t.Errorf("status is %+v", s)
	}
	b.wantMetric("accounts_blind", 1)
	b.wantMetric(`alerts_total{kind="blind"}`, 1)
	if got := b.app.health().Blind; !slices.Equal(got, []string{"main"}) {
		b.t.Errorf("health names %v", got)
	}
}

// wantWatchedAgain checks the opposite, and that it works: an intruder is
// ended.
func (b *bubble) wantWatchedAgain() {
	b.t.Helper()
	b.wantTold("is watched again", 1)
	if s := b.main(); s.Blind || !s.BlindSince.IsZero() || s.Error != "" || s.Cure != "" {
		b.t.Errorf("status is %+v", s)
	}
	b.wantMetric("accounts_blind", 0)
	if got := b.app.health().Blind; len(got) != 0 {
		b.t.Errorf("health names %v", got)
	}
	thief := b.signIn(farAddr, chrome)
	b.pass(3 * polled)
	b.wantEnded(thief)
}

// way is a way to the service on which a test stands.
type way func(*http.Request) (*http.Response, error)

func (w way) RoundTrip(r *http.Request) (*http.Response, error) { return w(r) }

// gate is a way to the service that a test may bar to the calls for the list.
type gate struct {
	open http.RoundTripper
	mu   sync.Mutex
	bar  way
}

// set bars the gate; nil opens it.
func (g *gate) set(bar way) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.bar = bar
}

func (g *gate) RoundTrip(r *http.Request) (*http.Response, error) {
	g.mu.Lock()
	bar := g.bar
	g.mu.Unlock()
	if bar != nil && r.URL.Path == "/user/ipList" {
		return bar(r)
	}
	return g.open.RoundTrip(r)
}

// startGated starts the program behind a gate.
func (b *bubble) startGated() *gate {
	b.t.Helper()
	g := &gate{open: b.service.Transport()}
	b.startWith(g)
	return g
}

func TestNothingThatGoesWrongIsTakenForAnEmptyList(t *testing.T) {
	tooLongForTheRaceDetector(t)
	t.Parallel()
	list := func(kind manncotest.FaultKind, value string) func(*bubble, *gate) {
		return func(b *bubble, _ *gate) {
			b.fault(manncotest.Fault{Kind: kind, Value: value, Route: manncotest.RouteList})
		}
	}
	broken := func(err error) func(*bubble, *gate) {
		return func(_ *bubble, g *gate) {
			g.set(func(*http.Request) (*http.Response, error) { return nil, err })
		}
	}
	for name, test := range map[string]struct {
		begin  func(*bubble, *gate)
		status string // what the error says
	}{
		"no such name":        {broken(&net.DNSError{IsNotFound: true, Name: "api.example"}), "cannot be resolved"},
		"connection refused":  {broken(&net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}), "connection refused"},
		"proxy down":          {broken(&net.OpError{Op: "proxyconnect", Net: "tcp", Err: errors.New("connection refused")}), "proxyconnect"},
		"connection reset":    {list(manncotest.FaultReset, ""), ""},
		"hang":                {list(manncotest.FaultHang, ""), "time-out"},
		"a byte a second":     {list(manncotest.FaultSlowBody, ""), "time-out"},
		"broken off":          {list(manncotest.FaultCutBody, ""), ""},
		"500":                 {list(manncotest.FaultServerError, ""), "500"},
		"502 as a page":       {list(manncotest.FaultCDNError, "502"), "HTML page"},
		"526 as a page":       {list(manncotest.FaultCDNError, "526"), "HTML page"},
		"403 of the CDN":      {list(manncotest.FaultCDNChallenge, ""), "403"},
		"redirect":            {list(manncotest.FaultRedirect, ""), "redirect refused"},
		"300":                 {list(manncotest.FaultBusinessError, ""), "not possible"},
		"200 that says no":    {list(manncotest.FaultErrorIn200, ""), "went wrong"},
		"content null":        {list(manncotest.FaultContentNull, ""), "empty where the list should be"},
		"content a text":      {list(manncotest.FaultContentString, ""), "maintenance"},
		"no JSON":             {list(manncotest.FaultNotJSON, ""), ""},
		"deep JSON":           {list(manncotest.FaultDeepJSON, ""), ""},
		"empty list":          {list(manncotest.FaultEmptyList, ""), "cannot be true"},
		"refused for ever":    {list(manncotest.FaultTokenRefused, ""), ""},
		"limited, a minute":   {list(manncotest.FaultRateLimited, "60"), "again in"},
		"limited, for ever":   {list(manncotest.FaultRateLimited, "1000000000"), "again in"},
		"limited, no time":    {list(manncotest.FaultRateLimited, "none"), "again in"},
		"limited till a date": {list(manncotest.FaultRateLimited, "date:90s"), "again in"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(b *bubble) {
				owner := b.atHome()
				g := b.startGated()
				b.pass(time.Minute)
				test.begin(b, g)
				b.pass(3 * time.Minute)
				b.wantBlind()
				if !strings.Contains(b.main().Error, test.status) {
					b.t.Errorf("the reason is %q", b.main().Error)
				}
				if got := b.where(owner); got != sessionwarden.Live {
					b.t.Errorf("the owner's session is %v", got)
				}
				b.wantEnded()
				g.set(nil)
				b.service.ClearFaults()
				b.pass(11 * time.Minute)
				b.wantWatchedAgain()
				if got := b.where(owner); got != sessionwarden.Live {
					b.t.Errorf("the owner's session is %v", got)
				}
			})
		})
	}
}

// A list that cannot be read whole is no failed poll: what was read of it is
// judged and acted on. It proves nobody gone, and that is told.
func TestAListThatIsNeverWholeIsActedOnAndTold(t *testing.T) {
	tooLongForTheRaceDetector(t)
	t.Parallel()
	for name, f := range map[string]manncotest.Fault{
		"endless body": {Kind: manncotest.FaultEndlessBody}, "the count lies": {Kind: manncotest.FaultCountLies}, "endless pages": {Kind: manncotest.FaultEndlessPages},
		"half an answer": {Kind: manncotest.FaultTruncatedJSON, Route: manncotest.RouteList},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(b *bubble) {
				owner := b.atHome()
				b.start()
				b.pass(time.Minute)
				b.fault(f)
				thief := b.signIn(farAddr, chrome)
				asked := b.service.Count("main", manncotest.RouteList)
				b.pass(time.Minute)
				if got := b.service.Count("main", manncotest.RouteList) - asked; got > 30*210 {
					t.Errorf("%d pages were asked for within a minute", got)
				}
				hidden := f.Kind == manncotest.FaultEndlessPages // which list nobody who is there
				if !b.alive(owner) || b.alive(thief) != hidden {
					t.Errorf("the owner's session is alive: %t; the intruder's: %t", b.alive(owner), b.alive(thief))
				}
				if got := b.where(owner); got != sessionwarden.Live {
					t.Errorf("the owner's session is %v", got)
				}
				if got := b.stateOf(thief); got == "verified" {
					t.Error("proven by a list that was not whole")
				}
				b.wantNoticed(sessionwarden.ServiceOdd, "cannot be read whole")
				if b.main().Incomplete == "" || b.main().Blind {
					t.Errorf("status is %+v", b.main())
				}
				if b.metric(`service_listings_total{result="incomplete"}`) == 0 {
					t.Error("it is not counted")
				}
				b.service.ClearFaults()
				b.pass(time.Minute)
				if got := b.stateOf(thief); got != "verified" {
					t.Errorf("the action is %s once lists are whole", got)
				}
				if b.main().Incomplete != "" {
					t.Errorf("status is %+v", b.main())
				}
			})
		})
	}
}

func TestAnErrorPageIsLoggedShortAndHarmless(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.atHome()
		g := b.startGated()
		b.pass(20 * time.Second)
		page := "<html><body>\x1b[31mred\u202e " + strings.Repeat("very long ", 5000)
		calls := 0
		g.set(func(r *http.Request) (*http.Response, error) {
			calls++
			return answerOf(r, 502, page), nil
		})
		before := len(b.log.String())
		b.pass(polled + 2*time.Second) // one poll with its tries
		if calls != 3 {
			t.Errorf("%d calls within a poll, want one and two more tries", calls)
		}
		logged := b.log.String()[before:]
		if !strings.Contains(logged, "very long") || strings.ContainsAny(logged, "\x1b\u202e") || strings.Contains(logged, `\x1b`) {
			t.Errorf("the log is %q", tail(logged, 1000))
		}
		for line := range strings.Lines(logged) {
			if n := strings.Count(line, "very long") * len("very long "); n > 200 {
				t.Errorf("a line repeats %d bytes of the page: %q", n, line)
			}
		}
	})
}

// answerOf makes an answer to a call.
func answerOf(r *http.Request, status int, body string) *http.Response {
	return &http.Response{
		StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: make(http.Header),
		Body: io.NopCloser(strings.NewReader(body)), Request: r, ContentLength: int64(len(body)),
	}
}

func TestARateLimitSkipsPollsAndNotDisconnections(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.atHome()
		b.start()
		b.pass(time.Minute)
		thief := b.signIn(farAddr, chrome)
		b.fault(manncotest.Fault{Kind: manncotest.FaultRateLimited, Value: "20", Route: manncotest.RouteDisconnectOne, Times: 1})
		b.pass(10 * time.Second)
		b.wantEnded(thief) // and was told to wait
		if !b.alive(thief) || b.stateOf(thief) != "planned" {
			t.Fatalf("the action is %s", b.stateOf(thief))
		}
		b.fault(manncotest.Fault{Kind: manncotest.FaultRateLimited, Value: "60", Route: manncotest.RouteList, Times: 1})
		asked := b.service.Count("main", manncotest.RouteList)
		b.pass(50 * time.Second)
		if got := b.service.Count("main", manncotest.RouteList) - asked; got > 1 {
			t.Errorf("the list was asked for %d times while it is limited", got)
		}
		b.pass(30 * time.Second) // the list's minute is over: what was planned goes first
		b.wantEnded(thief, thief)
		if got := b.stateOf(thief); got != "verified" {
			t.Errorf("the action is %s", got)
		}
		b.wantTold("not being watched since", 1)
	})
}

// A key that is revoked is told once, and the watch waits for a new one.
func TestARevokedKeyIsToldOnceAndTriedRarely(t *testing.T) {
	tooLongForTheRaceDetector(t)
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.atHome()
		b.start()
		b.pass(time.Minute)
		b.service.RevokeKey("main")
		b.service.EndWatcher("main")
		b.pass(polled + time.Second)
		b.wantBlind() // at once
		if m := b.messages()[0]; !strings.Contains(m, "API key") || !strings.Contains(m, "🔴") || !strings.Contains(m, "country") {
			t.Errorf("it does not say what may be the cause: %q", m)
		}
		if cure := b.main().Cure; !strings.Contains(cure, "new API key") {
			t.Errorf("status says: %q", cure)
		}
		logins := b.service.Count("", manncotest.RouteLogin)
		b.pass(6 * time.Hour)
		if got := b.service.Count("", manncotest.RouteLogin) - logins; got < 20 || got > 40 {
			t.Errorf("%d logins were tried in six hours; every 15 minutes are 24", got)
		}
		if got := b.metric(`service_logins_total{outcome="refused"}`); got < 20 {
			t.Errorf("%v refused logins are counted", got)
		}
		b.wantBlind()
		b.service.SetKey("main", testKey+"-main")
		b.pass(16 * time.Minute)
		b.wantWatchedAgain()
	})
}

func TestFieldsThatNobodyKnowsAreCountedOnly(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.fault(manncotest.Fault{Kind: manncotest.FaultUnknownField})
		b.atHome()
		b.start()
		b.pass(time.Hour)
		if got := b.metric("service_unknown_fields_total"); got < 2 {
			t.Errorf("%v unknown fields are counted", got)
		}
		if m := b.messages(); len(m) != 0 {
			t.Errorf("people were told: %q", m)
		}
		thief := b.signIn(farAddr, chrome)
		b.pass(2 * polled)
		b.wantEnded(thief)
	})
}

// Whatever field of the rows changes, people are told once, the owner's session
// is let alone, and it is said what could not be understood.
func TestAChangedFieldIsToldOnce(t *testing.T) {
	tooLongForTheRaceDetector(t)
	t.Parallel()
	for _, kind := range []manncotest.FaultKind{manncotest.FaultFieldMissing, manncotest.FaultFieldRetyped} {
		for _, field := range []string{"id", "ip", "user", "location", "isp", "current", "userAgent", "timestamp", "expire"} {
			t.Run(fmt.Sprint(kind, " ", field), func(t *testing.T) {
				t.Parallel()
				inBubble(t, func(b *bubble) {
					owner := b.atHome()
					b.start()
					b.pass(time.Minute)
					b.fault(manncotest.Fault{Kind: kind, Value: field})
					b.pass(time.Hour)
					if !b.alive(owner) {
						t.Error("the owner was ended")
					}
					told := b.tellings("answers in a way that is new")
					switch {
					case kind == manncotest.FaultFieldRetyped || field == "id" || field == "ip" || field == "userAgent" || field == "expire":
						b.wantNoticed(sessionwarden.ServiceOdd, "answers in a way that is new")
					case told > 1:
						t.Errorf("told %d times: %q", told, b.messages())
					}
					if kind == manncotest.FaultFieldRetyped && b.metric("service_flawed_rows_total") == 0 {
						t.Error("no row is counted as not understood in full")
					}
					b.restart()
					b.pass(time.Hour)
					if got := b.tellings("answers in a way that is new"); got != told {
						t.Errorf("told %d times more after a restart", got-told)
					}
					thief := b.signIn(farAddr, chrome)
					b.pass(time.Minute)
					switch ended := b.ended(); {
					case field == "id":
						b.wantEnded()
						if len(b.actions()) == 0 {
							t.Error("a session without an id is nothing that anybody hears of")
						}
					case field == "ip":
						b.wantEnded() // no place: it is asked
					case !slices.Contains(ended, thief) || slices.Contains(ended, owner):
						t.Errorf("ended %v, want %s", ended, thief)
					}
				})
			})
		}
	}
}

// What the rows of a list do while it is read proves nobody gone, and hides
// nobody.
func TestRowsThatMoveProveNobodyGone(t *testing.T) {
	tooLongForTheRaceDetector(t)
	t.Parallel()
	for _, kind := range []manncotest.FaultKind{manncotest.FaultShiftingRows, manncotest.FaultSamePage} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(b *bubble) {
				var owners []string
				for i := range 120 { // three pages
					owners = append(owners, b.signInAs("main", manncotest.SessionSpec{Address: fmt.Sprintf("91.10.20.%d", 10+i), UserAgent: chrome, ISP: "Provider", Age: time.Duration(400-i) * time.Hour}))
				}
				b.start()
				b.pass(time.Minute)
				b.fault(manncotest.Fault{Kind: kind})
				thief := b.signIn(farAddr, chrome)
				b.pass(3 * time.Minute)
				if b.alive(thief) {
					t.Error("the intruder is alive")
				}
				for _, id := range owners {
					if got := b.where(id); got != sessionwarden.Live {
						t.Fatalf("session %s of the owner is %v", id, got)
					}
				}
				b.wantEnded(thief)
			})
		})
	}
}

// An id that was absent and comes back as somebody else is somebody else.
func TestAnIDThatIsUsedAgainIsJudgedAndToldAnew(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.rules = []string{`unexpected_country = "alert"`}
		b.atHome()
		b.start()
		first := b.signIn(farAddr, chrome)
		b.pass(time.Minute)
		b.wantTold("113.160.10.20", 1)
		b.service.SignOut("main", number(first))
		b.pass(time.Minute)
		b.fault(manncotest.Fault{Kind: manncotest.FaultIDReuse})
		if second := b.signIn(otherAddr, iphone); second != first {
			t.Fatalf("the id is %s, not %s again", second, first)
		}
		b.pass(time.Minute)
		b.wantTold("177.32.10.20", 1)
		if alerts := b.alerts(); len(alerts[0].Items) != 2 || alerts[0].Correction != alerts[0].Revision {
			t.Errorf("the incident's alert shows %d sessions, corrected in %d of %d", len(alerts[0].Items), alerts[0].Correction, alerts[0].Revision)
		}
		b.wantNoticed(sessionwarden.ServiceOdd, "answers in a way that is new") // one id is listed for two
		rows := b.sightings()
		var states []sessionwarden.SightingState
		for _, row := range rows {
			if string(row.ID) == first {
				states = append(states, row.State)
			}
		}
		if !slices.Equal(states, []sessionwarden.SightingState{sessionwarden.Gone, sessionwarden.Live}) {
			t.Errorf("the history has it as %v", states)
		}
	})
}

// So is one that came and went between two polls, though the list of what ended only
// shows him under an id that is known to be gone; and he is so once.
func TestAnIDThatIsUsedAgainBetweenTwoPollsIsJudged(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.atHome()
		b.start()
		owner := b.signIn(homeAddr2, iphone)
		b.pass(time.Minute)
		b.service.SignOut("main", number(owner))
		b.pass(3 * time.Minute)
		b.restart()
		b.pass(time.Minute)
		b.wantTold("", 0)
		b.fault(manncotest.Fault{Kind: manncotest.FaultIDReuse})
		if thief := b.signIn(farAddr, chrome); thief != owner {
			t.Fatalf("the id is %s, not %s again", thief, owner)
		}
		b.service.SignOut("main", number(owner))
		for range 2 {
			b.pass(5 * time.Minute)
			b.wantTold("113.160.10.20", 1)
			b.restart()
		}
	})
}

func TestASessionThatMovesAbroadIsJudgedAnewAndItsPastIsKept(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.defaults = b.defaults[1:] // no expected countries
		owner := b.atHome()
		b.start()
		b.pass(time.Minute)
		b.service.Move("main", number(owner), manncotest.SessionSpec{Address: farAddr, UserAgent: iphone, ISP: "Provider"})
		b.pass(time.Minute)
		b.wantEnded(owner)
		if !b.found(sessionwarden.SessionMoved, owner) {
			t.Errorf("findings are %+v", b.findings())
		}
		was := b.sightings()
		i := slices.IndexFunc(was, func(s sessionwarden.Sighting) bool { return string(s.ID) == owner && s.State == sessionwarden.Moved })
		if i < 0 || was[i].AddrText() != homeAddr || was[i].Location.Country != "DE" {
			t.Errorf("the history is %+v", was)
		}
		b.wantTold("verified gone", 1)
		b.wantMetric(`findings_total{rule="session_moved"}`, 1)
	})
}

// Whatever the service says of which row is ours, ours is left alone.
func TestWhicheverRowIsMarkedOursIsLeftAlone(t *testing.T) {
	t.Parallel()
	for kind, says := range map[manncotest.FaultKind]string{
		manncotest.FaultCurrentNone: "", manncotest.FaultCurrentTwo: "contradicts our own login", manncotest.FaultCurrentWrong: "contradicts our own login",
	} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(b *bubble) {
				b.service.SetEgress(netip.MustParseAddr(otherAddr), "BR: Rio", "Provider") // ours is where nobody is expected
				b.atHome()
				b.start()
				b.pass(time.Minute)
				b.fault(manncotest.Fault{Kind: kind})
				b.pass(time.Hour)
				b.wantEnded()
				if got := b.service.Logins("main"); got != 1 {
					t.Errorf("%d logins: our own session did not live", got)
				}
				if says != "" {
					b.wantNoticed(sessionwarden.OwnSession, says)
				}
			})
		})
	}
}

func TestOurOwnSessionAbroadIsToldOnceAndNeverEnded(t *testing.T) {
	tooLongForTheRaceDetector(t)
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.service.SetEgress(netip.MustParseAddr(otherAddr), "BR: Rio", "Provider")
		b.rules = []string{`unexpected_country = "disconnect_all"`}
		b.atHome()
		b.start()
		b.pass(24 * time.Hour)
		if n := len(b.messages()); n != 1 || !strings.Contains(b.messages()[0], "own") {
			t.Errorf("messages are %q", b.messages())
		}
		b.wantEnded()
		if s := b.main(); s.Suspicious != 1 {
			t.Errorf("status is %+v", s)
		}
		b.wantMetric(`findings_total{rule="unexpected_country"}`, 1)
	})
}

func TestEndingASessionThatEndsOursIsDoneAllTheSame(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		owner := b.atHome()
		b.start()
		b.fault(manncotest.Fault{Kind: manncotest.FaultDisconnectEndsCaller})
		for i := range 3 {
			thief := b.signIn(fmt.Sprintf("113.160.10.%d", 20+i), chrome)
			b.pass(2 * time.Minute)
			if got := b.stateOf(thief); got != "verified" {
				t.Errorf("the %d. action is %s", i+1, got)
			}
		}
		if !b.alive(owner) {
			t.Error("the owner was ended")
		}
		b.wantNoticed(sessionwarden.OwnSession, "ended our own one too, twice")
		if b.found(sessionwarden.WatcherLoggedOut, "") {
			t.Error("our own doing is blamed on somebody")
		}
	})
}

func TestADisconnectionThatNeverWorksIsHandedToAPerson(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.atHome()
		b.start()
		b.fault(manncotest.Fault{Kind: manncotest.FaultDisconnectLies})
		thief := b.signIn(farAddr, chrome)
		b.pass(10 * time.Minute)
		if got := len(b.ended()); got != 5 {
			t.Errorf("%d tries, want 5", got)
		}
		if m := b.messages(); len(m) != 1 || !strings.Contains(m[0], "act by hand") || !strings.Contains(m[0], "https://mannco.store") {
			t.Errorf("messages are %q", m)
		}
		if got := b.stateOf(thief); got != "failed" {
			t.Errorf("the action is %s", got)
		}
		if b.metric(`actions_total{state="failed"}`) == 0 || b.main().Suspicious != 1 {
			t.Errorf("status is %+v", b.main())
		}
		b.pass(time.Hour)
		if got := len(b.ended()); got < 8 || got > 10 {
			t.Errorf("%d tries after an hour more, want one every 15 minutes", got)
		}
		b.service.ClearFaults()
		b.pass(20 * time.Minute)
		if got := b.stateOf(thief); got != "verified" {
			t.Errorf("the action is %s", got)
		}
		if m := b.messages(); len(m) != 1 {
			t.Errorf("messages are %q", m)
		}
	})
}

func TestADisconnectionWithoutAnAnswerIsDecidedByTheNextList(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.atHome()
		b.start()
		b.fault(manncotest.Fault{Kind: manncotest.FaultDisconnectTimeout})
		thief := b.signIn(farAddr, chrome)
		b.pass(time.Minute)
		b.wantEnded(thief) // once: it was gone
		if got := b.stateOf(thief); got != "verified" {
			t.Errorf("the action is %s", got)
		}
		b.wantTold("", 1)
	})
}

func TestACallThatTheServiceLacksIsToldOnce(t *testing.T) {
	tooLongForTheRaceDetector(t)
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.atHome()
		b.start()
		b.fault(manncotest.Fault{Kind: manncotest.FaultDisconnectNotFound})
		first, second := b.signIn(farAddr, chrome), b.signIn(farAddr2, chrome)
		b.pass(10 * time.Minute)
		b.wantNoticed(sessionwarden.ServiceOdd, "cannot end single sessions")
		for _, id := range []string{first, second} {
			a, _ := b.actionOn(id)
			if a.State != sessionwarden.Refused || !strings.Contains(a.Note, "lacks the call") {
				t.Errorf("the action on %s is %v: %s", id, a.State, a.Note)
			}
		}
		calls := len(b.ended())
		b.pass(5 * time.Hour)
		if got := len(b.ended()) - calls; got < 4 || got > 6 {
			t.Errorf("%d looks for the call in five hours, want one an hour", got)
		}
		b.wantTold("cannot end single sessions", 1)
		b.service.ClearFaults()
		b.pass(2 * time.Hour)
		if b.stateOf(first) != "verified" || b.stateOf(second) != "verified" {
			t.Errorf("the actions are %s and %s", b.stateOf(first), b.stateOf(second))
		}
	})
}

// A session that is gone when the call comes is a success.
func TestASessionThatIsGoneWhenTheCallComesIsASuccess(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.atHome()
		b.before = func(c manncotest.Call) {
			if c.Route == manncotest.RouteDisconnectOne {
				b.service.SignOut("main", number(c.Target))
			}
		}
		b.start()
		thief := b.signIn(farAddr, chrome)
		b.pass(time.Minute)
		if got := b.stateOf(thief); got != "verified" {
			t.Errorf("the action is %s", got)
		}
		b.wantTold("cannot end single sessions", 0)
		b.wantTold("verified gone", 1)
	})
}

// A mistake of the program's own ends one poll.
func TestAPanicEndsOnePollAndIsTold(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.atHome()
		g := b.startGated()
		b.pass(time.Minute)
		g.set(func(*http.Request) (*http.Response, error) { panic("a mistake in the program") })
		b.pass(polled)
		b.wantNoticed(sessionwarden.ProgramError, "made a mistake while")
		b.wantMetric("panics_total", 1)
		if log := b.log.String(); !strings.Contains(log, "a mistake in the program") || !strings.Contains(log, "failures_test.go:") {
			t.Error("the stack is not logged")
		}
		b.pass(30 * time.Minute)
		b.wantTold("made a mistake while", 1)
		b.wantBlind()
		g.set(nil)
		b.pass(time.Minute)
		b.wantWatchedAgain()
	})
}

func TestASlowServiceIsSkippedCountedAndTold(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.atHome()
		b.before = func(c manncotest.Call) {
			if c.Route == manncotest.RouteList {
				time.Sleep(9 * time.Second) // within the time-out, and longer than the schedule
			}
		}
		b.start()
		b.pass(10 * time.Minute)
		b.wantNoticed(sessionwarden.ServiceOdd, "take longer than its schedule")
		if got := b.metric("polls_skipped_total"); got < 20 {
			t.Errorf("%v skipped polls are counted", got)
		}
		if b.main().Blind {
			t.Error("slow is not blind")
		}
		b.pass(6 * time.Hour)
		b.wantTold("take longer than its schedule", 1)
		thief := b.signIn(farAddr, chrome)
		b.pass(2 * time.Minute)
		if b.alive(thief) {
			t.Error("the intruder is alive")
		}
	})
}

// What every poll finds again is told once, whatever comes in between.
func TestWhatEveryPollFindsIsToldOnce(t *testing.T) {
	tooLongForTheRaceDetector(t)
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.rules = []string{`unexpected_country = "alert"`}
		b.atHome()
		b.start()
		b.signIn(farAddr, chrome)
		b.pass(time.Minute)
		requests := len(b.slack.Requests())
		for range 3 {
			b.pass(8 * time.Hour)
			b.restart()
		}
		b.wantTold("", 1)
		if got := len(b.slack.Requests()); got != requests+2 {
			t.Errorf("%d requests to Slack in a day without news, want two: that the incident is over, in the message and in its thread", got-requests)
		}
		b.wantMetric(`accounts_blind`, 0)
	})
}

// A session that comes and goes all the time is one matter: told once an hour,
// and the message shows how it is.
func TestASessionThatComesAndGoesIsOneMatter(t *testing.T) {
	tooLongForTheRaceDetector(t)
	t.Parallel()
	for _, response := range []string{"alert", "ask", "disconnect"} {
		t.Run(response, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(b *bubble) {
				b.rules = []string{`unexpected_country = "` + response + `"`}
				b.atHome()
				b.start()
				b.pass(time.Minute)
				id := b.signIn(farAddr, chrome)
				b.pass(time.Minute)
				b.wantTold("", 1)
				b.fault(manncotest.Fault{Kind: manncotest.FaultIDReuse})
				for i := range 14 { // every four minutes
					if i == 7 {
						b.restart()
					}
					b.service.SignOut("main", number(id))
					b.pass(2 * time.Minute)
					if again := b.signIn(farAddr, chrome); again != id {
						t.Fatalf("the id is %s, not %s again", again, id)
					}
					b.pass(2 * time.Minute)
				}
				b.wantTold("", 1)
				if updates := len(b.slack.Messages()[0].History); updates < 14 {
					t.Errorf("the message was brought up to date %d times", updates)
				}
				if response == "disconnect" && len(b.ended()) != 15 {
					t.Errorf("ended %d times, want each time", len(b.ended()))
				}
				if response == "ask" && b.stateOf(id) != "held" {
					t.Errorf("the question is %s", b.stateOf(id))
				}
				if gone := slices.DeleteFunc(b.sightings(), func(s sessionwarden.Sighting) bool { return string(s.ID) != id }); len(gone) != 15 {
					t.Errorf("the history has it %d times", len(gone))
				}
				b.restart()
				b.service.SignOut("main", number(id))
				b.pass(10 * time.Minute)
				b.signIn(farAddr, chrome)
				b.pass(2 * time.Minute)
				b.wantTold("", 1) // the incident goes on; after an hour who cannot update hears of it anew
				if a := b.alerts()[0]; a.Correction != a.Revision && response != "disconnect" {
					t.Errorf("corrected in revision %d of %d", a.Correction, a.Revision)
				}
			})
		})
	}
}

func TestFiveHundredSessionsInAMinuteAreAHandfulOfMessages(t *testing.T) {
	tooLongForTheRaceDetector(t)
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.rules = []string{`unexpected_country = "alert"`, `new_country = "log"`}
		b.atHome()
		b.start()
		b.pass(time.Minute)
		for i := range 500 {
			b.signIn(fmt.Sprintf("113.160.%d.%d", 10+i/200, 10+i%200), chrome)
			b.pass(100 * time.Millisecond)
		}
		b.signIn(privateAddr, chrome) // critical, and a person is asked
		b.pass(5 * time.Minute)
		if n := len(b.messages()); n == 0 || n > 15 {
			t.Errorf("%d messages for 500 sessions", n)
		}
		n := 0
		for _, f := range b.findings() {
			if f.Rule == sessionwarden.UnexpectedCountry {
				n++
			}
		}
		if n != 500 || len(b.sightings()) < 500 {
			t.Errorf("%d findings and %d sessions are in the tables, want 500 of each", n, len(b.sightings()))
		}
		held := slices.DeleteFunc(b.actions(), func(a sessionwarden.Action) bool { return a.State != sessionwarden.Held })
		if len(held) != 1 || !b.told(fmt.Sprint("approve ", held[0].ID)) {
			t.Errorf("the question went under: %+v in %q", held, b.messages())
		}
		b.pass(time.Hour)
		if ch := b.app.status().Channels[0]; ch.Pending != 0 {
			t.Errorf("%d alerts are still pending", ch.Pending)
		}
		b.wantMetric(`alerts_pending`, 0)
	})
}

// A configuration that is no good is told once, and the one before it stays.
func TestABadConfigurationIsToldOnceAndTheOldOneStays(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.atHome()
		b.start()
		b.pass(time.Minute)
		b.wantMetric("config_refused", 0)
		b.extra = "[account.rules]\nunexpected_country = \"alrt\"\n[acc" // in the middle of being written
		for range 3 {
			b.reload()
			b.pass(time.Minute)
		}
		b.wantTold("the old one stays", 1)
		b.wantMetric("config_refused", 1)
		b.wantMetric(`alerts_total{kind="config"}`, 1)
		if s := b.app.status(); !slices.ContainsFunc(s.Warnings, func(w string) bool { return strings.Contains(w, "has mistakes") }) {
			t.Errorf("status warns of %q", s.Warnings)
		}
		if !strings.Contains(b.log.String(), `level=ERROR msg="the new configuration is not taken; the old one stays"`) {
			t.Error("it is not in the log")
		}
		thief := b.signIn(farAddr, chrome)
		b.pass(2 * polled)
		b.wantEnded(thief)
		b.extra = ""
		b.defaults[0] = `expected_countries = ["DE", "VN"]`
		b.reload()
		b.wantMetric("config_refused", 0)
		if s := b.app.status(); len(s.Warnings) != 0 {
			t.Errorf("status warns of %q", s.Warnings)
		}
		b.signIn(farAddr2, chrome)
		b.pass(2 * polled)
		b.wantEnded(thief)
	})
}

// A reload that comes while the program stops is none, and no mistake of the
// configuration's.
func TestAReloadWhileItStopsIsNoMistake(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.atHome()
		b.start()
		b.before = func(manncotest.Call) { time.Sleep(3 * time.Second) }
		b.pass(polled) // and a poll is under way
		ended := make(chan error, 1)
		go func(stop func() error) { ended <- stop() }(b.stopRun)
		synctest.Wait()
		b.reload()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		b.stopRun = nil
		if b.told("mistakes") || b.app.mistakes.Load() {
			t.Errorf("told %q", b.messages())
		}
	})
}

// A reload in the middle of a poll: that poll is judged under one of the two
// configurations, whole, and nothing is asked or told twice.
func TestAReloadInTheMiddleOfAPollLeavesOneConfiguration(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.rules = []string{`unexpected_country = "alert"`, `new_country = "alert"`}
		b.atHome()
		var mu sync.Mutex
		var reloads chan<- os.Signal // for the next list
		b.before = func(c manncotest.Call) {
			if c.Route != manncotest.RouteList {
				return
			}
			mu.Lock()
			to := reloads
			reloads = nil
			mu.Unlock()
			if to != nil {
				to <- syscall.SIGHUP
				time.Sleep(100 * time.Millisecond)
			}
		}
		b.start()
		b.pass(time.Minute)
		b.rules = []string{`unexpected_country = "ask"`, `new_country = "off"`}
		thief := b.signIn(farAddr, chrome)
		mu.Lock()
		reloads = b.reloads
		mu.Unlock()
		b.pass(polled)
		abroad, anew := b.found(sessionwarden.UnexpectedCountry, thief), b.found(sessionwarden.NewCountry, thief)
		asked := b.stateOf(thief) == "held"
		if !abroad || asked == anew {
			t.Errorf("found %t, and under the old rules %t; asked %t", abroad, anew, asked)
		}
		b.pass(10 * polled)
		if got := b.stateOf(thief); got != "held" {
			t.Errorf("the action is %q under the new configuration", got)
		}
		if n := len(b.messages()); n > 2 {
			t.Errorf("messages are %q", b.messages())
		}
		b.wantEnded()
	})
}

func TestTheFirstRunIsQuietWhereNothingIsWrong(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.atHome()
		for i := range 30 {
			b.signIn(fmt.Sprintf("91.10.20.%d", 100+i), []string{chrome, iphone}[i%2])
		}
		abroad := b.signIn(farAddr, iphone)
		b.start()
		b.pass(time.Minute)
		b.wantEnded(abroad) // the owner's written rule applies at once
		for _, f := range b.findings() {
			if f.Rule != sessionwarden.UnexpectedCountry {
				t.Errorf("a rule that needs a history found something: %s: %s", f.Rule, f.Reason)
			}
		}
		b.wantTold("", 1)
	})
}

// What a dry run is given cannot end anything: it has nothing to call.
func TestADryRunHasNothingToEndSessionsWith(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.defaults = append(b.defaults, "dry_run = true")
		b.start()
		cfg, err := b.configuration()
		if err != nil {
			t.Fatal(err)
		}
		watched, _, err := b.app.watched(cfg)
		if err != nil || len(watched) != 1 || watched[0].Ender != nil || watched[0].Lister == nil {
			t.Fatalf("%+v, %v", watched, err)
		}
		var lister any = watched[0].Lister
		if _, can := lister.(monitor.Ender); can {
			t.Error("what reads the list can end sessions as well")
		}
	})
}

// hostileTexts are what somebody who means harm would call his device.
var hostileTexts = sync.OnceValue(func() map[string]string {
	return map[string]string{
		"formula":  `=HYPERLINK("http://evil.invalid","x")`,
		"plus":     "+1+1",
		"minus":    "-2-2",
		"at":       "@SUM(A1)",
		"tab":      "\t=1+1",
		"return":   "\r=1+1",
		"terminal": "\x1b[2J\x1b]52;c;ZXZpbA==\x07\u009b31m",
		"bidi":     "abc\u202edef\u2066ghi\u200bjkl\ufeff",
		"nul":      "nul\x00nul",
		"utf8":     "\xff\xfe broken \xc3\x28",
		"markup":   "<!channel> <http://evil.invalid|x> *bold* `code` <script>alert(1)</script>",
		"long":     strings.Repeat("ä very long name ", 1<<16),
		"label":    "canary\",le=\"1\"} 1\ncanary_total 1",
	}
})

// Whatever a device, a provider or a place is called, no table, log, page,
// message or export carries more of it than plain text.
func TestHostileTextsAreHarmlessWhereverTheyCome(t *testing.T) {
	tooLongForTheRaceDetector(t)
	t.Parallel()
	w := newWorld(t)
	w.rules = []string{`unexpected_country = "alert"`}
	w.atHome()
	p := w.start()
	names := slices.Sorted(maps.Keys(hostileTexts()))
	for i, name := range names {
		text := hostileTexts()[name]
		w.service.SignIn("main", manncotest.SessionSpec{Address: fmt.Sprintf("113.160.10.%d", 20+i), UserAgent: text, ISP: text, Location: text})
	}
	w.eventually("all are found and told", func() bool {
		return count(w, "unexpected_country") == len(names) && len(w.messages()) > 0
	})
	w.polls(2)
	outputs := map[string]string{"the log": p.stderr.String(), "Slack": strings.Join(w.messages(), "\n")}
	_, outputs["the metrics"] = p.get("/metrics")
	_, outputs["health"] = p.get("/healthz")
	for _, args := range [][]string{{"status"}, {"sessions"}, {"history"}, {"findings"}, {"actions"}, {"geo", "lookup", farAddr}} {
		outputs[strings.Join(args, " ")] = w.must(args...)
		if args[0] != "geo" {
			outputs[strings.Join(args, " ")+" --json"] = w.must(append(args, "--json")...)
		}
	}
	for _, what := range []string{"history", "findings", "actions", "incidents"} {
		for _, format := range []string{"csv", "json"} {
			outputs["export "+what+" "+format] = w.must("export", "--what", what, "--format", format)
		}
	}
	for where, text := range outputs {
		if !utf8.ValidString(text) {
			t.Errorf("%s is no UTF-8", where)
		}
		for _, r := range text {
			if r != '\n' && (unicode.IsControl(r) || unicode.In(r, unicode.Cf)) {
				t.Errorf("%s has %U in it", where, r)
				break
			}
		}
	}
	rows, err := csv.NewReader(strings.NewReader(outputs["export history csv"])).ReadAll()
	if err != nil || len(rows) < len(names)+1 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	quoted := 0
	for _, row := range rows {
		for _, cell := range row {
			if strings.ContainsAny(cell[:min(1, len(cell))], "=+-@\t\r") {
				t.Errorf("a cell is a formula: %q", cell)
			}
			if strings.HasPrefix(cell, "'") {
				quoted++
			}
		}
	}
	if quoted < 12 {
		t.Errorf("%d cells are quoted, want two for each of six formulas", quoted)
	}
	for _, row := range w.rows("history") {
		for _, field := range []string{"user_agent", "isp", "service_location"} {
			if text, _ := row[field].(string); len(text) > sessionwarden.MaxText {
				t.Errorf("%s has %d bytes", field, len(text))
			}
		}
		if agent, _ := row["user_agent"].(string); strings.HasPrefix(agent, "ä very") && !strings.Contains(fmt.Sprint(row["flaws"]), fmt.Sprint(len(hostileTexts()["long"]))) {
			t.Errorf("it is not said how long the text was: %v", row["flaws"])
		}
	}
}

// The same with a log of JSON, which escapes no writing direction by itself.
func TestALogOfJSONIsHarmlessToo(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.logForm = "json"
		b.fault(manncotest.Fault{Kind: manncotest.FaultHostileAgent})
		b.fault(manncotest.Fault{Kind: manncotest.FaultHostileISP})
		b.fault(manncotest.Fault{Kind: manncotest.FaultHostileLocation})
		b.atHome()
		b.start()
		b.signIn(farAddr, hostileTexts()["bidi"])
		b.pass(time.Minute)
		b.fault(manncotest.Fault{Kind: manncotest.FaultBusinessError, Value: hostileTexts()["bidi"] + " nonsense"})
		b.pass(time.Minute)
		log := b.log.String()
		if !strings.Contains(log, `"msg":"finding"`) || !strings.Contains(log, "nonsense") {
			t.Error("nothing was logged")
		}
		for _, r := range log {
			if r != '\n' && (unicode.IsControl(r) || unicode.In(r, unicode.Cf)) {
				t.Fatalf("the log has %U in it", r)
			}
		}
	})
}

// No text from outside, and nothing that there may be many of, is a label of a
// metric.
func TestNoTextFromOutsideIsALabel(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.alsoWatch("canary-account")
	w.atHome()
	p := w.start()
	w.polls(2)
	for i, name := range slices.Sorted(maps.Keys(hostileTexts())) {
		w.service.SignIn("canary-account", manncotest.SessionSpec{
			Address: fmt.Sprintf("113.160.10.%d", 20+i), UserAgent: "canary " + hostileTexts()[name], ISP: "canary " + hostileTexts()[name], Location: "canary " + hostileTexts()[name],
		})
	}
	w.eventually("they are found", func() bool { return count(w, "unexpected_country") == len(hostileTexts()) })
	w.fault(manncotest.Fault{Kind: manncotest.FaultBusinessError, Value: "canary, the service says no", Account: "main"})
	w.eventually("main is blind", func() bool { return w.status().Accounts[1].Blind })
	_, _ = p.get("/canary?canary=canary")
	_, page := p.get("/metrics")
	label := regexp.MustCompile(`([a-z_]+)="((?:[^"\\]|\\.)*)"`)
	word := regexp.MustCompile(`^[a-z0-9_./+-]{1,40}$`)
	series := 0
	for line := range strings.Lines(page) {
		if !strings.HasPrefix(line, "sessionwarden_") {
			continue // of the runtime, or a comment
		}
		series++
		for _, m := range label.FindAllStringSubmatch(line, -1) {
			switch value := m[2]; {
			case m[1] == "le":
			case strings.Contains(value, "canary"), value == "main", strings.Contains(value, "113."), !word.MatchString(value):
				t.Errorf("a label: %s", line)
			}
		}
		if strings.Contains(strings.ReplaceAll(line, "sessionwarden_canary_", ""), "canary") { // the program has a canary of its own
			t.Errorf("text from outside: %s", line)
		}
	}
	if series < 50 || series > 400 {
		t.Errorf("%d series", series)
	}
}

// The health port answers nobody but this machine's own programs.
func TestTheHealthPortIsForThisMachineOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.atHome()
	p := w.start()
	for host, want := range map[string]int{"evil.invalid": 421, "127.0.0.1.evil.invalid": 421, "localhost": 200} {
		if status, _ := p.getAs(host, "/livez"); status != want {
			t.Errorf("asked as %s it says %d, want %d", host, status, want)
		}
	}
	if status, _ := p.get("/api/v1/status"); status != 404 {
		t.Errorf("the API answers over TCP with %d", status)
	}
	p.stop()
	text, err := os.ReadFile(w.config)
	if err != nil {
		t.Fatal(err)
	}
	for _, open := range []string{"0.0.0.0:0", ":0", "192.0.2.1:0"} {
		if err := os.WriteFile(w.config, bytes.Replace(text, []byte("127.0.0.1:0"), []byte(open), 1), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, errs, status := w.cli("run"); status != 2 || !strings.Contains(errs, "127.0.0.1") {
			t.Errorf("listening on %s: status %d, %s", open, status, errs)
		}
	}
}

// A channel that refuses everything is said to be broken, tried once an hour,
// and loses nothing.
func TestABrokenChannelIsToldWhereItCanBe(t *testing.T) {
	tooLongForTheRaceDetector(t)
	t.Parallel()
	for name, fault := range map[string]slacktest.Fault{
		"archived": slacktest.Refuse("is_archived"), "revoked": slacktest.Refuse("token_revoked"), "gone": slacktest.Refuse("channel_not_found"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(b *bubble) {
				b.atHome()
				b.start()
				b.wantMetric(`alert_channel_broken`, 0)
				b.slack.Always(fault)
				thief := b.signIn(farAddr, chrome)
				b.pass(10*time.Hour - time.Minute)
				b.wantEnded(thief)
				if got := len(b.slack.Requests()); got < 9 || got > 12 {
					t.Errorf("%d attempts in ten hours", got)
				}
				ch := b.app.status().Channels[0]
				if !ch.Broken || ch.Pending != 1 || ch.Error == "" {
					t.Errorf("status is %+v", ch)
				}
				b.wantMetric(`alert_channel_broken`, 1)
				b.wantMetric(`alerts_pending`, 1)
				b.restart()
				b.slack.Always(slacktest.None())
				b.pass(61 * time.Minute)
				b.wantTold("verified gone", 1)
				b.wantMetric(`alert_channel_broken`, 0)
			})
		})
	}
}

// Slack is away for hours: what piled up comes afterwards, the question
// among it first, in a handful of messages.
func TestWhatPiledUpWhileSlackWasAwayComesAsABundle(t *testing.T) {
	tooLongForTheRaceDetector(t)
	t.Parallel()
	for name, fault := range map[string]slacktest.Fault{"down": slacktest.Status(503), "limited": slacktest.Limited("")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(b *bubble) {
				b.rules = []string{`unexpected_country = "alert"`}
				b.defaults = append(b.defaults, `ask_timeout = "2h"`)
				b.atHome()
				for i := range 40 {
					b.alsoWatch(fmt.Sprintf("shop-%d", i))
				}
				b.start()
				b.slack.Always(fault)
				for i := range 40 {
					b.signInAs(fmt.Sprintf("shop-%d", i), manncotest.SessionSpec{Address: fmt.Sprintf("113.160.10.%d", 10+i), UserAgent: chrome})
					b.pass(3 * time.Minute)
				}
				b.signIn(privateAddr, chrome)
				b.pass(10 * time.Minute)
				ch := b.app.status().Channels[0]
				if len(b.messages()) != 0 || ch.Pending != 41 || ch.Broken || ch.Error == "" {
					t.Fatalf("status is %+v", ch)
				}
				if n := len(b.slack.Requests()); n > 150 {
					t.Errorf("%d attempts in two hours", n)
				}
				b.slack.Always(slacktest.None())
				b.pass(10 * time.Minute)
				if n := len(b.messages()); n == 0 || n > 5 {
					t.Errorf("%d messages: %q", n, b.messages())
				}
				if !b.told("approve ") {
					t.Errorf("the question went under: %q", b.messages())
				}
				b.wantMetric(`alerts_pending`, 0)
			})
		})
	}
}

// That polls go well can be seen from outside, also while nothing happens.
func TestTheLastGoodPollIsAMetric(t *testing.T) {
	tooLongForTheRaceDetector(t)
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.atHome()
		b.start()
		fresh := func() bool {
			return b.now().Sub(time.Unix(int64(b.metric("last_good_poll_timestamp_seconds")), 0)) < 2*polled
		}
		for range 10 {
			b.pass(7 * 24 * time.Hour / 50)
			if !fresh() || len(b.messages()) != 0 {
				t.Fatalf("the last good poll was %v", b.metric("last_good_poll_timestamp_seconds"))
			}
		}
		b.fault(manncotest.Fault{Kind: manncotest.FaultReset})
		b.pass(time.Minute)
		if fresh() {
			t.Error("a poll that failed counts as good")
		}
	})
}

// The same where the mistake is made while something is ended.
func TestAPanicInAnActionIsToldAndTheActionIsDone(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.atHome()
		open, panicked := b.service.Transport(), false
		b.startWith(way(func(r *http.Request) (*http.Response, error) {
			if strings.HasPrefix(r.URL.Path, "/user/disconnectSession/") && !panicked {
				panicked = true
				panic("a mistake in the program")
			}
			return open.RoundTrip(r)
		}))
		b.pass(time.Minute)
		thief := b.signIn(farAddr, chrome)
		b.pass(time.Minute)
		b.wantEnded(thief)
		if got := b.stateOf(thief); got != "verified" || !panicked {
			t.Errorf("the action is %s", got)
		}
		b.wantNoticed(sessionwarden.ProgramError, "made a mistake while")
		b.wantMetric("panics_total", 1)
	})
}

// Our address changes again and again, and each time we have to log in again: that
// is nobody's business.
func TestOurOwnLoginsAreNeverTold(t *testing.T) {
	tooLongForTheRaceDetector(t)
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.rules = []string{`new_network = "alert"`, `new_device = "alert"`, `new_country = "alert"`, `watcher_logged_out = "alert"`}
		b.atHome()
		b.start()
		for i := range 24 {
			b.service.SetEgress(netip.MustParseAddr(fmt.Sprintf("91.%d.99.1", 20+i)), "DE: Berlin", "Provider")
			b.pass(10 * time.Minute)
		}
		if got := b.service.Logins("main"); got != 25 {
			t.Errorf("%d logins, want one for each address", got)
		}
		if len(b.messages()) != 0 {
			t.Errorf("told: %q", b.messages())
		}
		b.wantEnded()
		for _, s := range b.sightings() {
			if strings.HasSuffix(s.AddrText(), ".99.1") && s.Ownership != sessionwarden.Own {
				t.Errorf("the session from %s is not known as ours", s.AddrText())
			}
		}
	})
}

// Blindness that outlasts a restart is not told again, and its end is.
func TestBlindnessIsToldOnceOverRestarts(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.atHome()
		b.start()
		b.pass(time.Minute)
		b.fault(manncotest.Fault{Kind: manncotest.FaultReset})
		b.pass(time.Minute)
		b.wantBlind()
		since := b.main().BlindSince
		for range 3 {
			b.restart()
			b.pass(time.Hour)
		}
		b.wantTold("", 1)
		if s := b.main(); !s.Blind || !s.BlindSince.Equal(since) || s.Error == "" {
			t.Errorf("status is %+v", s)
		}
		b.service.ClearFaults()
		b.pass(time.Minute)
		b.wantWatchedAgain()
	})
}

// What status prints names what is wrong, since when, and what to do.
func TestStatusSaysWhatIsWrongAndWhatToDo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.atHome()
	w.start()
	w.fault(manncotest.Fault{Kind: manncotest.FaultFieldRetyped, Value: "isp"})
	w.eventually("it is told", func() bool { return strings.Contains(strings.Join(w.messages(), "\n"), "a way that is new") })
	w.service.RevokeKey("main")
	w.service.EndWatcher("main")
	w.eventually("that is told, too", func() bool { return strings.Contains(strings.Join(w.messages(), "\n"), "not being watched") })
	out := w.must("status")
	text := strings.Join(strings.Fields(out), " ")
	for _, want := range []string{"BLIND since", "API key", "Make a new API key", "! main, told", "The service answers in a way that is new"} {
		if !strings.Contains(text, want) {
			t.Errorf("status does not say %q:\n%s", want, out)
		}
	}
	for line := range strings.Lines(out) {
		if n := columnsOf(strings.TrimRight(line, "\n")); n > 80 && len(strings.Fields(line)) > 1 {
			t.Errorf("a line of %d columns: %s", n, line)
		}
	}
}

// Asked to stop in the middle of a poll that hangs, the program ends by itself
// and well; asked twice, at once.
func TestStoppedInTheMiddleOfAPoll(t *testing.T) {
	t.Parallel()
	for name, twice := range map[string]bool{"once": false, "twice": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.defaults = append(w.defaults[:len(w.defaults)-1], `timeout = "5m"`)
			w.atHome()
			p := w.start()
			calls := w.service.Count("main", manncotest.RouteList)
			w.fault(manncotest.Fault{Kind: manncotest.FaultHang, Route: manncotest.RouteList})
			w.eventually("a poll hangs", func() bool { return w.service.Count("main", manncotest.RouteList) > calls })
			begun := time.Now()
			_ = p.cmd.Process.Signal(syscall.SIGTERM)
			if twice {
				w.eventually("it is stopping", func() bool {
					return strings.Contains(p.stderr.String(), "msg=stopping") || time.Since(begun) > time.Second
				})
				_ = p.cmd.Process.Signal(syscall.SIGTERM)
			}
			status := p.wait()
			took := time.Since(begun)
			switch {
			case twice && (status == 0 || took > 8*time.Second):
				t.Errorf("asked twice it ended after %v with %d", took, status)
			case !twice && (status != 0 || took > 30*time.Second):
				t.Errorf("it ended after %v with %d:\n%s", took, status, p.stderr.String())
			}
			w.service.Close() // what hangs lets go
			if rows := w.printed("sessions"); len(rows) != 2 {
				t.Errorf("%d sessions are known afterwards", len(rows))
			}
		})
	}
}
