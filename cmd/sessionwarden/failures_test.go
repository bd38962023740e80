package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"sessionwarden"
	"sessionwarden/mannco/manncotest"
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

// blocked starts the program on a way on which block, where it is not nil,
// answers the calls for the list.
func (b *bubble) blocked(block *way) {
	b.t.Helper()
	open := b.service.Transport()
	b.startWith(way(func(r *http.Request) (*http.Response, error) {
		if *block != nil && r.URL.Path == "/user/ipList" {
			return (*block)(r)
		}
		return open.RoundTrip(r)
	}))
}

func TestNothingThatGoesWrongIsTakenForAnEmptyList(t *testing.T) {
	t.Parallel()
	list := func(kind manncotest.FaultKind, value string) func(*bubble, *way) {
		return func(b *bubble, _ *way) {
			b.fault(manncotest.Fault{Kind: kind, Value: value, Route: manncotest.RouteList})
		}
	}
	broken := func(err error) func(*bubble, *way) {
		return func(_ *bubble, block *way) {
			*block = func(*http.Request) (*http.Response, error) { return nil, err }
		}
	}
	for name, test := range map[string]struct {
		begin  func(*bubble, *way)
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
				var block way
				b.blocked(&block)
				b.pass(time.Minute)
				test.begin(b, &block)
				b.pass(3 * time.Minute)
				b.wantBlind()
				if !strings.Contains(b.main().Error, test.status) {
					b.t.Errorf("the reason is %q", b.main().Error)
				}
				if got := b.where(owner); got != sessionwarden.Live {
					b.t.Errorf("the owner's session is %v", got)
				}
				b.wantEnded()
				block = nil
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
		var block way
		b.blocked(&block)
		b.pass(20 * time.Second)
		page := "<html><body>\x1b[31mred\u202e " + strings.Repeat("very long ", 5000)
		calls := 0
		block = func(r *http.Request) (*http.Response, error) {
			calls++
			return answerOf(r, 502, page), nil
		}
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
