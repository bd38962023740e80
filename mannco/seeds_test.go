package mannco

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"sessionwarden/mannco/manncotest"
)

// seeds returns the body that the simulated service answers to a call under
// every variant, and under every fault that spoils an answer: what the service
// is known to send, for all fuzzing of what reads it. The call is a path; a
// login where it is "".
func seeds(f *testing.F, path string) [][]byte {
	f.Helper()
	var bodies [][]byte
	add := func(change func(*manncotest.Service) error) {
		body := bodyUnder(f, path, change)
		if len(body) > 0 && len(body) < 64<<10 {
			bodies = append(bodies, body)
		}
	}
	variants := 0
	for _, info := range manncotest.Variants() {
		for _, value := range info.Values {
			variants++
			add(func(s *manncotest.Service) error { return s.SetVariant(info.Name, value) })
		}
	}
	if variants < 44 {
		f.Fatalf("%d variants", variants)
	}
	fields := []string{"id", "ip", "user", "location", "isp", "current", "userAgent", "timestamp", "expire"}
	values := map[manncotest.FaultKind][]string{
		manncotest.FaultAbsurdTime:   {"huge", "zero", "negative", "1970", "future", "nanoseconds", "float", "text", "null"},
		manncotest.FaultFieldMissing: fields,
		manncotest.FaultFieldRetyped: fields,
		manncotest.FaultSlowBody:     {"1ns"},
	}
	for _, info := range manncotest.Faults() {
		switch info.Kind {
		case manncotest.FaultHang, manncotest.FaultDisconnectTimeout, manncotest.FaultEndlessBody:
			continue // no answer, or no end of one
		}
		if values[info.Kind] == nil {
			values[info.Kind] = []string{""}
		}
		for _, value := range values[info.Kind] {
			add(func(s *manncotest.Service) error {
				return s.SetFault(manncotest.Fault{Kind: info.Kind, Value: value})
			})
		}
	}
	return bodies
}

// bodyUnder asks a service that was changed.
func bodyUnder(f *testing.F, path string, change func(*manncotest.Service) error) []byte {
	f.Helper()
	s := manncotest.New(manncotest.Options{Now: func() time.Time { return benchNow }})
	if err := s.AddAccount(manncotest.Account{Name: "main", APIKey: "test-key"}); err != nil {
		f.Fatal(err)
	}
	s.SignIn("main", manncotest.SessionSpec{Address: "192.0.2.77", Location: "DE: Berlin", ISP: "Example", UserAgent: "Test/1", Age: 48 * time.Hour})
	s.SignIn("main", manncotest.SessionSpec{Address: "2001:db8::7", Location: "US: New York", ISP: "Hosting", UserAgent: "Test/2", Age: time.Hour})
	send := func(method, path, token, body string) []byte {
		r, err := http.NewRequest(method, "https://api.example"+path, strings.NewReader(body))
		if err != nil {
			f.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		resp, err := s.Transport().RoundTrip(r)
		if err != nil {
			return nil
		}
		defer resp.Body.Close()
		all, _ := io.ReadAll(resp.Body) // a body that breaks off is a seed too
		return all
	}
	login := func() []byte { return send(http.MethodPost, "/user/login", "", `{"apiKey":"test-key"}`) }
	tok, _, err := findToken(login(), benchNow)
	if err != nil {
		f.Fatal(err)
	}
	if err := change(s); err != nil {
		f.Fatal(err)
	}
	if path == "" {
		return login()
	}
	return send(http.MethodGet, path, tok.raw.reveal(), "")
}

// says answers every call with the same.
type says struct {
	status int
	body   []byte
}

// RoundTrip implements http.RoundTripper.
func (s says) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: s.status, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(s.body)), Request: r}, nil
}

// clientOf returns a client that is logged in with secretToken already, and
// whose service says the same to everything.
func clientOf(t *testing.T, answer says) *Client {
	t.Helper()
	c, err := New(Options{
		Account: "main", BaseURL: "https://api.example", Key: func() (string, error) { return secretKey, nil },
		Transport: answer, Timeout: time.Second, Now: func() time.Time { return benchNow },
	})
	if err != nil {
		t.Fatal(err)
	}
	tok, err := parseToken(secretToken, benchNow)
	if err != nil {
		t.Fatal(err)
	}
	c.auth.adopt(tok, false)
	return c
}

// What no error may show.
const (
	secretKey   = "canary-key-not-a-secret"
	secretToken = "eyJhbGciOiJIUzI1NiJ9.eyJpYXQiOjE3ODAzMTUyMDAsImV4cCI6MTc4Mjk5MzYwMCwiaXAiOiIxOTIuMC4yLjEifQ.canary-signature"
)

// rewritten is a page with these rows, written the plain way.
func rewritten(rows []Row) []byte {
	quoted := func(text string) string {
		q, _ := json.Marshal(text) // a text can always be written
		return string(q)
	}
	var b bytes.Buffer
	b.WriteString(`{"err":false,"success":true,"content":{"values":[`)
	for i, r := range rows {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"ip":%s,"user":%s,"location":%s,"isp":%s,"current":%t,"userAgent":%s`,
			quoted(r.Addr.String()), quoted(r.User), quoted(r.ServiceLocation), quoted(r.ISP), r.Current, quoted(r.UserAgent))
		if r.ID != "" {
			fmt.Fprintf(&b, `,"id":"%s"`, r.ID)
		}
		for name, at := range map[string]time.Time{"timestamp": r.Started, "expire": r.Expires} {
			if !at.IsZero() {
				fmt.Fprintf(&b, `,"%s":%d`, name, at.UnixNano())
			}
		}
		b.WriteByte('}')
	}
	fmt.Fprintf(&b, `],"count":%d}}`, len(rows))
	return b.Bytes()
}
