package mannco_test

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sessionwarden"
	"sessionwarden/mannco"
)

func TestServerErrorsAreTriedThreeTimes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		status int
		body   string
	}{
		{500, `{"err":true,"content":"oops"}`}, {502, "<html>Bad gateway</html>"}, {503, ""}, {520, "<html>x</html>"}, {526, "x"}, {200, "<html>maintenance</html>"},
	} {
		t.Run(strconv.Itoa(test.status), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newFake().running()
				c := s.client(t)
				mustList(t, c)
				s.requests()
				s.says("/user/ipList", test.status, test.body)
				begun := time.Now()
				_, err := c.Sessions(t.Context(), false)
				wantFault(t, err, sessionwarden.FaultNetwork, strconv.Itoa(test.status))
				if n := len(s.requests()); n != 3 {
					t.Errorf("%d requests, want 3", n)
				}
				if took := time.Since(begun); took < 300*time.Millisecond || took > 3*time.Second {
					t.Errorf("it took %s", took)
				}
			})
		})
	}
}

func TestRetryThatWorksIsNoFault(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newFake().running()
		n := 0
		s.on("/user/ipList", func(*http.Request) *http.Response {
			if n++; n < 3 {
				return reply(503, "")
			}
			return nil
		})
		wantComplete(t, mustList(t, s.client(t)), 1)
	})
}

func TestRetryStopsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newFake().running()
		c := s.client(t)
		mustList(t, c)
		s.says("/user/ipList", 503, "")
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		begun := time.Now()
		if _, err := c.Sessions(ctx, false); err == nil || time.Since(begun) != 50*time.Millisecond {
			t.Fatalf("after %s: %v", time.Since(begun), err)
		}
	})
}

func TestErrorPageIsRepeatedShortAndClean(t *testing.T) {
	t.Parallel()
	s := newFake()
	c := s.client(t)
	mustList(t, c)
	s.says("/user/ipList", 403, "<html>\x1b[31m"+strings.Repeat("very long \u202e", 1000))
	_, err := c.Sessions(t.Context(), false)
	f := wantFault(t, err, sessionwarden.FaultNetwork, "very long")
	if len(f.Message) > 300 || strings.ContainsAny(f.Error(), "\x1b\u202e\n") {
		t.Errorf("%d bytes: %q", len(f.Message), f.Message)
	}
}

func TestBusinessErrors(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status int
		body   string
		says   string
	}{
		"300":               {300, refusal("Not now"), "Not now"},
		"300 with message":  {300, `{"err":true,"success":false,"message":"Not now"}`, "Not now"},
		"300 with object":   {300, `{"err":true,"success":false,"content":{"message":"Not now"}}`, "Not now"},
		"300 older":         {300, `{"status":"error","message":"Not now"}`, "Not now"},
		"300 of nothing":    {300, ``, "said no"},
		"200 with err":      {200, refusal("Not now"), "Not now"},
		"200 with status":   {200, `{"status":"error","data":{"message":"Not now"}}`, "Not now"},
		"content null":      {200, content("null"), "empty where the list should be"},
		"content a string":  {200, content(`"Not now"`), "Not now"},
		"success alone no":  {200, `{"success":false,"content":"Not now"}`, "Not now"},
		"400":               {400, refusal("Not now"), "Not now"},
		"err is a message":  {200, `{"error":"Not now"}`, "Not now"},
		"err after content": {200, `{"content":{"message":"Not now"},"err":true}`, "Not now"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newFake()
			c := s.client(t)
			mustList(t, c)
			s.says("/user/ipList", test.status, test.body)
			_, err := c.Sessions(t.Context(), false)
			wantFault(t, err, sessionwarden.FaultBusiness, test.says)
			if s.loginCount() != 1 {
				t.Error("it logged in again")
			}
			s.on("/user/ipList", nil)
			if l := mustList(t, c); !l.Unchanged {
				t.Error("a business error must change nothing")
			}
		})
	}
}

func TestStrangeAnswers(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"no envelope":  `{"values":[],"count":0}`,
		"half":         `{"err":false,"content":{"values":[{"id":1`,
		"a number":     `12`,
		"nothing":      ``,
		"no list":      content(`{"count":5}`),
		"more than it": content(`{"values":[],"count":0}`) + `{"x":1}`,
	} {
		s := newFake()
		s.says("/user/ipList", 200, body)
		_, err := s.client(t).Sessions(t.Context(), false)
		if !sessionwarden.IsFault(err, sessionwarden.FaultStrange) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRedirectsAreRefused(t *testing.T) {
	t.Parallel()
	for _, status := range []int{300, 301, 302, 303, 307, 308} {
		s := newFake()
		c := s.client(t)
		mustList(t, c)
		s.requests()
		s.says("/user/ipList", status, "<html>moved</html>", "Location", "https://evil.example/")
		_, err := c.Sessions(t.Context(), false)
		f := wantFault(t, err, sessionwarden.FaultStrange, "redirect refused")
		if strings.Contains(f.Error(), "evil") {
			t.Errorf("%q", f.Error())
		}
		if n := len(s.requests()); n != 1 {
			t.Errorf("%d requests after a %d", n, status)
		}
	}
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newFake().running()
		s.rows = crowd(3, 3)
		c := s.client(t)
		mustList(t, c)
		s.says("/user/ipList", 429, refusal("Too many requests"), "Retry-After", "40")
		_, err := c.Sessions(t.Context(), false)
		if f := wantFault(t, err, sessionwarden.FaultLimited, "Too many"); f.RetryAfter != 40*time.Second {
			t.Fatalf("again in %s", f.RetryAfter)
		}
		s.requests()
		time.Sleep(15 * time.Second)
		_, err = c.Sessions(t.Context(), true)
		if f := wantFault(t, err, sessionwarden.FaultLimited, "waiting"); f.RetryAfter != 25*time.Second {
			t.Fatalf("again in %s", f.RetryAfter)
		}
		if got := s.requests(); len(got) != 0 {
			t.Fatalf("asked %q all the same", got)
		}
		if err := c.Disconnect(t.Context(), "2"); err != nil {
			t.Fatalf("a limited list must not hold a disconnection: %v", err)
		}
		s.on("/user/ipList", nil)
		time.Sleep(25 * time.Second)
		wantComplete(t, mustList(t, c), 3)
	})
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, value string
		want        time.Duration
	}{
		{"Retry-After", "7", 7 * time.Second},
		{"Retry-After", " 7 ", 7 * time.Second},
		{"Retry-After", "7.9", 7 * time.Second},
		{"Retry-After", "0", time.Second},
		{"Retry-After", "-1", time.Second},
		{"Retry-After", "1000000000", 10 * time.Minute},
		{"Retry-After", "99999999999999999999999", 10 * time.Minute},
		{"Retry-After", "Mon, 01 Jun 2026 12:02:00 GMT", 2 * time.Minute},
		{"Retry-After", "Mon, 01 Jun 2020 12:02:00 GMT", time.Second},
		{"Retry-After", "Mon, 01 Jun 2099 12:02:00 GMT", 10 * time.Minute},
		{"Retry-After", "soon", time.Minute},
		{"Retry-After", "", time.Minute},
		{"Retry-After", "--5", time.Minute},
		{"X-RateLimit-Reset", strconv.FormatInt(noon.Add(90*time.Second).Unix(), 10), 90 * time.Second},
		{"X-RateLimit-Reset", "12", time.Second},
		{"X-RateLimit-Reset", "-9223372036854775808", time.Second},
		{"X-RateLimit-Reset", "9223372036854775807", 10 * time.Minute},
		{"X-RateLimit-Reset", "x", time.Minute},
	} {
		h := http.Header{}
		h.Set(test.name, test.value)
		if got := mannco.RetryAfter(h, noon); got != test.want {
			t.Errorf("%s: %q means %s, want %s", test.name, test.value, got, test.want)
		}
	}
}

// trip is a transport that is one function.
type trip func(*http.Request) (*http.Response, error)

func (f trip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// failing makes a client whose list calls fail with err, once it is logged in.
func failing(t *testing.T, err error, change ...func(*mannco.Options)) *mannco.Client {
	t.Helper()
	s := newFake()
	return s.client(t, append([]func(*mannco.Options){func(o *mannco.Options) {
		o.Transport = trip(func(r *http.Request) (*http.Response, error) {
			if r.URL.Path == "/user/ipList" {
				return nil, err
			}
			return s.RoundTrip(r)
		})
	}}, change...)...)
}

func TestTransportErrorsHaveNoURL(t *testing.T) {
	t.Parallel()
	inner := &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	c := failing(t, &url.Error{Op: "Get", URL: "https://api.example/user/ipList?page=0", Err: inner})
	_, err := c.Sessions(t.Context(), false)
	f := wantFault(t, err, sessionwarden.FaultNetwork, "connection refused")
	if strings.Contains(f.Error(), "api.example") || !errors.Is(err, inner) {
		t.Errorf("%q", f.Error())
	}
}

func TestCertificatesAndClocks(t *testing.T) {
	t.Parallel()
	cert := &x509.Certificate{NotBefore: noon.Add(-time.Hour), NotAfter: noon.Add(time.Hour)}
	expired := x509.CertificateInvalidError{Cert: cert, Reason: x509.Expired}
	for name, test := range map[string]struct {
		now  time.Time
		err  error
		kind sessionwarden.FaultKind
		says string
	}{
		"a clock at 1970":       {time.Unix(100, 0), expired, sessionwarden.FaultClock, "1970-01-01T00:01:40Z, which cannot be right"},
		"not yet valid":         {noon.Add(-40 * 24 * time.Hour), expired, sessionwarden.FaultClock, "begins only on"},
		"truly expired":         {noon.Add(2 * time.Hour), expired, sessionwarden.FaultNetwork, "has expired"},
		"an unknown authority":  {noon, x509.UnknownAuthorityError{}, sessionwarden.FaultNetwork, "CA file"},
		"another name":          {noon, x509.HostnameError{Certificate: cert, Host: "x"}, sessionwarden.FaultNetwork, "another name"},
		"a name that is no one": {noon, &net.DNSError{IsNotFound: true, Name: "api.example"}, sessionwarden.FaultNetwork, "cannot be resolved"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newFake()
			c := s.client(t, func(o *mannco.Options) {
				o.Now = func() time.Time { return test.now }
				o.Transport = trip(func(*http.Request) (*http.Response, error) { return nil, test.err })
			})
			_, err := c.Sessions(t.Context(), false)
			wantFault(t, err, test.kind, test.says)
		})
	}
	// The clock is a year ahead of what the service's own answers said.
	c := failing(t, expired, func(o *mannco.Options) { o.Now = func() time.Time { return noon.Add(365 * 24 * time.Hour) } })
	_, err := c.Sessions(t.Context(), false)
	wantFault(t, err, sessionwarden.FaultClock, "cannot be right")
}

// slow gives a byte a second, for ever.
type slow struct{ ctx context.Context }

func (s slow) Read(p []byte) (int, error) {
	select {
	case <-time.After(time.Second):
		p[0] = ' '
		return 1, nil
	case <-s.ctx.Done():
		return 0, s.ctx.Err()
	}
}

func TestSlowAnswerIsCut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newFake().running()
		c := s.client(t)
		mustList(t, c)
		s.on("/user/ipList", func(r *http.Request) *http.Response {
			resp := reply(200, "")
			resp.Body = io.NopCloser(slow{r.Context()})
			return resp
		})
		begun := time.Now()
		_, err := c.Sessions(t.Context(), false)
		wantFault(t, err, sessionwarden.FaultNetwork, "time-out of 10s")
		if took := time.Since(begun); took != 10*time.Second {
			t.Errorf("it took %s", took)
		}
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Error("the cause is lost")
		}
	})
}

func TestServerThatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newFake()
		c := s.client(t, func(o *mannco.Options) {
			o.Transport = trip(func(r *http.Request) (*http.Response, error) {
				<-r.Context().Done()
				return nil, errors.New("connection closed")
			})
		})
		begun := time.Now()
		_, err := c.Sessions(t.Context(), false)
		wantFault(t, err, sessionwarden.FaultNetwork, "no whole answer")
		if took := time.Since(begun); took != 10*time.Second {
			t.Errorf("it took %s", took)
		}
	})
}

func TestBaseURL(t *testing.T) {
	t.Parallel()
	for base, good := range map[string]bool{
		"https://api.mannco.store": true, "https://api.example/v2/": true, "http://127.0.0.1:8080": true, "http://[::1]:1": true, "http://localhost:9": true,
		"http://api.example": false, "ftp://api.example": false, "": false, "api.example": false, "https://user:pw@api.example": false,
		"https://api.example?x=1": false, "https://": false, "http://127.0.0.1.example": false,
	} {
		_, err := mannco.New(mannco.Options{BaseURL: base, Key: func() (string, error) { return "", nil }, Transport: newFake()})
		if (err == nil) != good {
			t.Errorf("%q: %v", base, err)
		}
	}
	if _, err := mannco.New(mannco.Options{BaseURL: "https://api.example"}); err == nil {
		t.Error("a client without a key was made")
	}
}
