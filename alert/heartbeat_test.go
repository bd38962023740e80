package alert_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sessionwarden/alert"
)

// listener is who waits for a heartbeat: it remembers what it heard, and answers
// as a test wants.
type listener struct {
	mu    sync.Mutex
	heard []string                                                   // method and path with query, and the lines of a body
	at    []time.Time                                                // when
	says  func(r *http.Request) (status int, body string, err error) // nil: 200 OK
	head  http.Header
}

const beatURL = "https://beats.example.com/ping/canary-heartbeat-not-a-secret"

// RoundTrip implements http.RoundTripper.
func (l *listener) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
	}
	l.mu.Lock()
	what := r.Method + " " + strings.Replace(r.URL.RequestURI(), "/ping/canary-heartbeat-not-a-secret", "", 1)
	if len(body) > 0 {
		what += ": " + strings.ReplaceAll(strings.TrimSpace(string(body)), "\n", " | ")
	}
	l.heard, l.at = append(l.heard, what), append(l.at, time.Now())
	says, head := l.says, l.head
	l.mu.Unlock()
	status, text := http.StatusOK, "OK"
	if says != nil {
		var err error
		if status, text, err = says(r); err != nil {
			return nil, err
		}
	}
	return &http.Response{StatusCode: status, Header: head.Clone(), Body: io.NopCloser(strings.NewReader(text)), Request: r}, nil
}

// take returns what was heard since it was asked last.
func (l *listener) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	heard := l.heard
	l.heard, l.at = nil, nil
	return heard
}

func (l *listener) answer(says func(*http.Request) (int, string, error)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.says = says
}

// status answers everything with a status.
func status(code int) func(*http.Request) (int, string, error) {
	return func(*http.Request) (int, string, error) { return code, "somebody else's page", nil }
}

// beating runs f in a bubble where time passes by itself, with a heartbeat that
// runs and whoever waits for it.
func beating(t *testing.T, address string, f func(t *testing.T, h *alert.Heartbeat, l *listener)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := &listener{head: http.Header{}}
		var log bytes.Buffer
		h, err := alert.NewHeartbeat(alert.HeartbeatOptions{
			URL: func() (string, error) { return address, nil }, Instance: "watch-1", Transport: l,
			Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); h.Run(ctx) }()
		f(t, h, l)
		stop()
		<-done
		if s := fmt.Sprintf("%s%+v", log.String(), h.Status()); strings.Contains(s, "canary-heartbeat") || strings.Contains(s, "example.com") {
			t.Errorf("the address is shown:\n%s", s)
		}
	})
}

func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func want(t *testing.T, l *listener, heard ...string) {
	t.Helper()
	if got := l.take(); !slices.Equal(got, heard) {
		t.Errorf("heard %q, want %q", got, heard)
	}
}

func TestAHeartbeatTellsOfGoodRoundsAtMostOnceAMinute(t *testing.T) {
	t.Parallel()
	beating(t, beatURL, func(t *testing.T, h *alert.Heartbeat, l *listener) {
		pass(time.Second)
		want(t, l, "GET /start")
		pass(time.Hour)
		want(t, l) // no round, no beat
		h.Take(alert.Pulse{Rounds: 1, Good: true})
		pass(time.Second)
		want(t, l, "GET ")
		if at := h.Status().LastOK; !at.Equal(time.Now().Add(-time.Second)) {
			t.Errorf("last ok at %v", at)
		}
		pass(time.Hour)
		want(t, l) // the same round is no new one
		for i := range uint64(119) {
			h.Take(alert.Pulse{Rounds: 2 + i, Good: true})
			pass(time.Second)
		}
		want(t, l, "GET ", "GET ")
		for i := range uint64(10) { // what failed, though nobody has to know
			h.Take(alert.Pulse{Rounds: 200 + i})
			pass(time.Minute)
		}
		want(t, l)
	})
}

func TestAHeartbeatTellsTroubleAtOnceAndItsEndAtOnce(t *testing.T) {
	t.Parallel()
	beating(t, beatURL, func(t *testing.T, h *alert.Heartbeat, l *listener) {
		h.Take(alert.Pulse{Rounds: 1, Good: true})
		pass(time.Second)
		want(t, l, "GET /start", "GET ")
		bad := alert.Pulse{Rounds: 1, Wrong: []string{"Account main is not being watched.", "No alert channel works.\x1b\u202e"}}
		const words = "POST /fail: sessionwarden on watch-1 | Account main is not being watched. | No alert channel works."
		h.Take(bad)
		pass(time.Second)
		want(t, l, words)
		for range 14 * 60 {
			h.Take(bad)
			pass(time.Second)
		}
		want(t, l)
		pass(2 * time.Minute)
		want(t, l, words) // and again
		bad.Wrong = bad.Wrong[:1]
		h.Take(bad)
		pass(61 * time.Second)
		want(t, l, "POST /fail: sessionwarden on watch-1 | Account main is not being watched.")
		if got := h.Status().Wrong; !slices.Equal(got, bad.Wrong) {
			t.Errorf("status says %q", got)
		}
		h.Take(alert.Pulse{Rounds: 1}) // over, but no good round yet
		pass(time.Minute)
		want(t, l)
		h.Take(alert.Pulse{Rounds: 2, Good: true})
		pass(time.Second)
		want(t, l, "GET ")
		h.Take(bad)
		pass(time.Second)
		want(t, l, "POST /fail: sessionwarden on watch-1 | Account main is not being watched.")
	})
}

func TestWhatComesAndGoesAllTheTimeIsToldSlowly(t *testing.T) {
	t.Parallel()
	beating(t, beatURL, func(t *testing.T, h *alert.Heartbeat, l *listener) {
		for i := range uint64(300) {
			p := alert.Pulse{Rounds: i, Good: true}
			if i%2 == 1 {
				p = alert.Pulse{Rounds: i, Wrong: []string{"Something."}}
			}
			h.Take(p)
			pass(time.Second)
		}
		if n := len(l.take()); n < 10 || n > 4+300/15+1 {
			t.Errorf("%d requests within five minutes", n)
		}
	})
}

func TestTheEndingsStandBeforeTheQuery(t *testing.T) {
	t.Parallel()
	for address, heard := range map[string][]string{
		beatURL + "/":                    {"GET /start", "GET /", "POST /fail: sessionwarden on watch-1 | It."},
		beatURL + "?status=up&msg=a%2Fb": {"GET /start?status=up&msg=a%2Fb", "GET ?status=up&msg=a%2Fb", "POST /fail?status=up&msg=a%2Fb: sessionwarden on watch-1 | It."},
		beatURL + "/a%2Fb":               {"GET /a%2Fb/start", "GET /a%2Fb", "POST /a%2Fb/fail: sessionwarden on watch-1 | It."},
		"https://beats.example.com":      {"GET /start", "GET /", "POST /fail: sessionwarden on watch-1 | It."},
		"http://127.0.0.1:8000/x":        {"GET /x/start", "GET /x", "POST /x/fail: sessionwarden on watch-1 | It."},
	} {
		beating(t, address, func(t *testing.T, h *alert.Heartbeat, l *listener) {
			h.Take(alert.Pulse{Rounds: 1, Good: true})
			pass(time.Second)
			h.Take(alert.Pulse{Rounds: 1, Wrong: []string{"It."}})
			pass(time.Second)
			want(t, l, heard...)
		})
	}
}

// Other services know the plain address only.
func TestAServiceThatKnowsOnlyThePlainAddress(t *testing.T) {
	t.Parallel()
	for _, code := range []int{http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusBadRequest, http.StatusForbidden, http.StatusFound} {
		beating(t, beatURL, func(t *testing.T, h *alert.Heartbeat, l *listener) {
			l.answer(func(r *http.Request) (int, string, error) {
				if strings.HasSuffix(r.URL.Path, "/start") || strings.HasSuffix(r.URL.Path, "/fail") {
					return code, "", nil
				}
				return http.StatusOK, `{"ok":true}`, nil
			})
			h.Take(alert.Pulse{Rounds: 1, Good: true})
			pass(time.Second)
			h.Take(alert.Pulse{Rounds: 2, Wrong: []string{"It."}})
			pass(time.Minute)
			want(t, l, "GET /start", "GET ", "POST /fail: sessionwarden on watch-1 | It.")
			if s := h.Status(); s.Error != "" || s.LastOK.IsZero() {
				t.Errorf("%d: %+v", code, s)
			}
			if plain, err := h.Try(t.Context()); !plain || err != nil {
				t.Errorf("%d: %t, %v", code, plain, err)
			}
			want(t, l, "GET /start", "GET ")
		})
	}
}

func TestAHeartbeatThatDoesNotArriveIsTriedAgainEverMoreSlowly(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]struct {
		answer func(*http.Request) (int, string, error)
		says   string
	}{
		"no such address":                    {status(http.StatusNotFound), "the service does not know its address (HTTP 404)"},
		"no such address, in healthchecks's": {func(*http.Request) (int, string, error) { return 200, "OK (not found)", nil }, "the service does not know its address (HTTP 200)"},
		"trouble":                            {status(http.StatusBadGateway), "the service has trouble (HTTP 502)"},
		"a redirect":                         {status(http.StatusFound), "the answer was a redirect, which is not followed (HTTP 302)"},
		"too often":                          {status(http.StatusTooManyRequests), "the service limits how often it may be told (again in 7m0s)"},
		"broken off":                         {func(*http.Request) (int, string, error) { return 0, "", errors.New("reading " + beatURL + ": reset") }, "the connection to its server broke off"},
		"it hangs":                           {func(r *http.Request) (int, string, error) { <-r.Context().Done(); return 0, "", r.Context().Err() }, "its server did not answer in time"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			beating(t, beatURL, func(t *testing.T, h *alert.Heartbeat, l *listener) {
				l.mu.Lock()
				l.head.Set("Retry-After", "420")
				l.says = fault.answer
				l.mu.Unlock()
				for i := range uint64(60) {
					h.Take(alert.Pulse{Rounds: 1 + i, Good: true})
					pass(time.Minute)
				}
				n := len(l.take())
				if n < 6 || n > 25 {
					t.Errorf("tried %d times within an hour", n)
				}
				if s := h.Status(); s.Error != fault.says || !s.LastOK.IsZero() {
					t.Errorf("%+v", s)
				}
				l.answer(nil)
				for i := range uint64(12) {
					h.Take(alert.Pulse{Rounds: 100 + i, Good: true})
					pass(time.Minute)
				}
				if s := h.Status(); s.Error != "" || s.LastOK.IsZero() {
					t.Errorf("when it works again: %+v", s)
				}
			})
		})
	}
}

// What turns is said at once, also where the last attempt failed.
func TestTroubleDoesNotWaitForThePauseOfAFailure(t *testing.T) {
	t.Parallel()
	beating(t, beatURL, func(t *testing.T, h *alert.Heartbeat, l *listener) {
		l.answer(status(http.StatusServiceUnavailable))
		for i := range uint64(20) {
			h.Take(alert.Pulse{Rounds: 1 + i, Good: true})
			pass(time.Minute)
		}
		l.answer(nil)
		l.take()
		h.Take(alert.Pulse{Wrong: []string{"It."}})
		pass(time.Second)
		want(t, l, "POST /fail: sessionwarden on watch-1 | It.")
	})
}

func TestAnAddressThatCannotBeUsedIsNotAsked(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"http://beats.example.com/x", "ftp://127.0.0.1/x", "https://user:pass@beats.example.com/x", "", "no address", "https:///x"} {
		beating(t, address, func(t *testing.T, h *alert.Heartbeat, l *listener) {
			h.Take(alert.Pulse{Rounds: 1, Good: true})
			pass(time.Hour)
			want(t, l)
			if s := h.Status(); s.Error == "" || s.Cure == "" || address != "" && strings.Contains(s.Error, address) {
				t.Errorf("%q: %+v", address, s)
			}
		})
	}
	h, err := alert.NewHeartbeat(alert.HeartbeatOptions{URL: func() (string, error) { return "", errors.New("open /secret/place: denied") }})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Try(t.Context()); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("%v", err)
	}
	if _, err := alert.NewHeartbeat(alert.HeartbeatOptions{}); err == nil {
		t.Error("a heartbeat without an address")
	}
}

func TestOneWordOfAProgramThatEnds(t *testing.T) {
	t.Parallel()
	l := &listener{}
	h, err := alert.NewHeartbeat(alert.HeartbeatOptions{URL: func() (string, error) { return beatURL, nil }, Transport: l})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		pulse alert.Pulse
		heard []string
	}{
		{alert.Pulse{}, nil},
		{alert.Pulse{Rounds: 1, Good: true}, []string{"GET "}},
		{alert.Pulse{Rounds: 1, Wrong: []string{"It."}}, []string{"POST /fail: sessionwarden | It."}},
	} {
		if err := h.Once(t.Context(), c.pulse); err != nil {
			t.Error(err)
		}
		want(t, l, c.heard...)
	}
	l.answer(status(http.StatusInternalServerError))
	if err := h.Once(t.Context(), alert.Pulse{Rounds: 1, Good: true}); err == nil {
		t.Error("it did not arrive, and nothing is said")
	}
}
