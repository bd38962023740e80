package manncotest_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"sessionwarden/mannco/manncotest"
)

const testKey = "test-key-not-a-secret"

// got is an answer as it came over the wire.
type got struct {
	status int
	header http.Header
	body   string
	err    error // of the call, or of reading the body
	took   time.Duration
}

// person is a caller of the service.
type person struct {
	t         *testing.T
	transport http.RoundTripper
	token     string
}

// service returns a service with the account "main", in which a watcher and
// nobody else is signed in, and that watcher.
func service(t *testing.T, options manncotest.Options) (*manncotest.Service, *person) {
	t.Helper()
	s := manncotest.New(options)
	if err := s.AddAccount(manncotest.Account{Name: "main", APIKey: testKey}); err != nil {
		t.Fatal(err)
	}
	p := &person{t: t, transport: s.Transport()}
	p.login()
	return s, p
}

// crowd signs n people in, the last of them first in the list.
func crowd(s *manncotest.Service, n int) []int64 {
	ids := make([]int64, n)
	for i := range ids {
		ids[i] = s.SignIn("main", manncotest.SessionSpec{
			Label: "visitor", Address: "203.0.113.7", Location: "US: New York", ISP: "Example Net",
			UserAgent: "Mozilla/5.0 (X11; Linux x86_64)", Age: time.Duration(n-i) * time.Minute,
		})
	}
	return ids
}

func (p *person) login() got {
	p.t.Helper()
	answer := p.post(`{"apiKey":"` + testKey + `"}`)
	var said struct{ Data, Content struct{ JWT string } }
	if err := json.Unmarshal([]byte(answer.body), &said); err != nil {
		p.t.Fatalf("login: %v in %q", err, answer.body)
	}
	p.token = said.Data.JWT + said.Content.JWT
	if p.token == "" {
		p.t.Fatalf("login: no token in %q", answer.body)
	}
	return answer
}

func (p *person) post(body string) got {
	return p.do(http.MethodPost, "/user/login", "application/json", body)
}

func (p *person) get(path string) got { return p.do(http.MethodGet, path, "", "") }

// do makes one call with a time limit of five seconds and reads 200 kB of the
// answer at most.
func (p *person) do(method, path, kind, body string) got {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 5*time.Second)
	defer cancel()
	start := time.Now()
	request, err := http.NewRequestWithContext(ctx, method, "https://api.mannco.example"+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	if kind != "" {
		request.Header.Set("Content-Type", kind)
	}
	if p.token != "" {
		request.Header.Set("Authorization", "Bearer "+p.token)
	}
	request.Header.Set("User-Agent", "sessionwarden-test")
	response, err := p.transport.RoundTrip(request)
	if err != nil {
		return got{err: err}
	}
	defer response.Body.Close()
	data, err := io.ReadAll(io.LimitReader(response.Body, 200_000))
	return got{response.StatusCode, response.Header, string(data), err, time.Since(start)}
}

// row is a session as the older edition lists it by default.
type row struct {
	ID                                 int64
	IP, User, Location, ISP, UserAgent string
	Current                            bool
	Timestamp, Expire                  string
}

// list reads one page of the session list in the default form.
func (p *person) list(query string) (rows []row, count int) {
	p.t.Helper()
	answer := p.get("/user/ipList" + query)
	var said struct {
		Data struct {
			Values []row
			Count  int
		}
	}
	if err := json.Unmarshal([]byte(answer.body), &said); err != nil || answer.status != http.StatusOK {
		p.t.Fatalf("ipList%s: %d %v in %q", query, answer.status, err, answer.body)
	}
	return said.Data.Values, said.Data.Count
}

// want fails unless the answer has that status and contains the text.
func (g got) want(t *testing.T, status int, text string) {
	t.Helper()
	if g.status != status || !strings.Contains(g.body, text) {
		t.Errorf("got %d %q (%v), want %d with %q", g.status, g.body, g.err, status, text)
	}
}

func addr(text string) netip.Addr { return netip.MustParseAddr(text) }
