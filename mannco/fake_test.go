package mannco_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"sessionwarden"
	"sessionwarden/mannco"
)

// canaryKey must never be seen anywhere but in the body of a login.
const canaryKey = "test-key-not-a-secret"

// noon is the time that the tests' clock starts at.
var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// fake is a service in memory: an http.RoundTripper that keeps its own list of
// sessions. A test changes its fields, or puts an answer of its own in front.
type fake struct {
	mu      sync.Mutex
	now     func() time.Time
	rows    []string // the list, each row as JSON, without our own session
	addr    string   // where our requests come from
	life    time.Duration
	logins  int
	valid   map[string]string                             // token -> its own row; those still good
	log     []string                                      // "GET /user/ipList?page=0" …
	bodies  []string                                      // of the requests
	fixed   map[string]func(*http.Request) *http.Response // by path
	noDates bool
}

func newFake() *fake {
	return &fake{
		now: func() time.Time { return noon }, addr: "192.0.2.10", life: 31 * 24 * time.Hour,
		valid: map[string]string{}, fixed: map[string]func(*http.Request) *http.Response{},
	}
}

// on puts an answer in front of the service's own; nil takes it away. An
// answer that returns nil lets the service answer.
func (s *fake) on(path string, answer func(*http.Request) *http.Response) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fixed[path] = answer
}

// says makes a path always answer the same.
func (s *fake) says(path string, status int, body string, header ...string) {
	s.on(path, func(*http.Request) *http.Response { return reply(status, body, header...) })
}

func reply(status int, body string, header ...string) *http.Response {
	h := http.Header{"Content-Type": {"application/json"}}
	for i := 0; i+1 < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body))}
}

func content(v string) string { return `{"err":false,"success":true,"content":` + v + `}` }

func refusal(message string) string {
	return `{"err":true,"success":false,"content":"` + message + `"}`
}

// row makes a row of the list.
func row(id int, ip string, more ...string) string {
	r := fmt.Sprintf(`{"id":%d,"ip":"%s","location":"DE: Berlin","isp":"Example","current":false,"userAgent":"Test/1","timestamp":"%d","expire":"%d"`,
		id, ip, noon.Add(-time.Duration(id)*time.Hour).Unix(), noon.Add(24*time.Hour).Unix())
	for _, m := range more {
		r += "," + m
	}
	return r + "}"
}

// crowd makes n rows with ids from first down.
func crowd(first, n int) []string {
	rows := make([]string, n)
	for i := range rows {
		rows[i] = row(first-i, "198.51.100."+strconv.Itoa((first-i)%250+1))
	}
	return rows
}

func (s *fake) RoundTrip(req *http.Request) (*http.Response, error) {
	var body []byte
	if req.Body != nil {
		body, _ = io.ReadAll(req.Body)
		_ = req.Body.Close()
	}
	s.mu.Lock()
	line := req.Method + " " + req.URL.Path
	if p := req.URL.Query().Get("page"); p != "" {
		line += " " + p
	}
	s.log = append(s.log, line)
	s.bodies = append(s.bodies, string(body))
	answer := s.fixed[req.URL.Path]
	s.mu.Unlock()

	var resp *http.Response
	if answer != nil {
		req.Body = io.NopCloser(bytes.NewReader(body))
		resp = answer(req)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if resp == nil {
		resp = s.answer(req, body)
	}
	resp.Request = req
	if resp.Header.Get("Date") == "" && !s.noDates {
		resp.Header.Set("Date", s.now().UTC().Format(http.TimeFormat))
	}
	return resp, req.Context().Err()
}

func (s *fake) answer(req *http.Request, body []byte) *http.Response {
	if req.URL.Path == "/user/login" {
		var in struct{ APIKey string }
		if json.Unmarshal(body, &in) != nil || in.APIKey != canaryKey {
			return reply(403, refusal("Invalid API key"))
		}
		return reply(200, content(`{"token":"`+s.logIn()+`"}`))
	}
	token := strings.TrimPrefix(req.Header.Get("Authorization"), "Bearer ")
	own, ok := s.valid[token]
	if !ok {
		return reply(403, refusal("Not logged in"))
	}
	switch path := req.URL.Path; {
	case path == "/user/ipList":
		return reply(200, s.list(req, own))
	case path == "/user/disconnect":
		delete(s.valid, token)
		return reply(200, content(`{"disconnect":true}`))
	case path == "/user/disconnectSession/all":
		s.rows = nil
		clear(s.valid)
		return reply(200, content(`{"message":"all gone"}`))
	case strings.HasPrefix(path, "/user/disconnectSession/"):
		id := strings.TrimPrefix(path, "/user/disconnectSession/")
		for i, r := range s.rows {
			if strings.HasPrefix(r, `{"id":`+id+`,`) {
				s.rows = append(s.rows[:i:i], s.rows[i+1:]...)
				return reply(200, content(`{"message":"done"}`))
			}
		}
		return reply(404, refusal("No such session"))
	}
	return reply(404, refusal("No such endpoint"))
}

// logIn makes a session of ours and returns its token.
func (s *fake) logIn() string {
	s.logins++
	at := s.now()
	claims := fmt.Sprintf(`{"iss":"API","sub":"76561198000000000","iat":%d,"exp":%d,"ip":"%s","proxy":false,"country":"DE","jti":"%d"}`,
		at.Unix(), at.Add(s.life).Unix(), s.addr, s.logins)
	token := "eyJhbGciOiJIUzI1NiJ9." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".test-signature"
	s.valid[token] = fmt.Sprintf(`{"id":%d,"ip":"%s","location":"DE: Berlin","isp":"Example","current":true,"userAgent":"sessionwarden","timestamp":"%d","expire":"%d"}`,
		900000+s.logins, s.addr, at.Unix(), at.Add(s.life).Unix())
	return token
}

func (s *fake) list(req *http.Request, own string) string {
	q := req.URL.Query()
	page, _ := strconv.Atoi(q.Get("page"))
	size, _ := strconv.Atoi(q.Get("perPage"))
	all := append([]string{own}, s.rows...)
	from, to := min(page*size, len(all)), min((page+1)*size, len(all))
	return content(`{"values":[` + strings.Join(all[from:to], ",") + `],"count":` + strconv.Itoa(len(all)) + `}`)
}

// endOurs ends our session, as a thief may.
func (s *fake) endOurs() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.valid)
}

// requests returns what was asked since the last time.
func (s *fake) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	log := s.log
	s.log = nil
	return log
}

func (s *fake) loginCount() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.logins
}

// client makes a client of the fake. Its clock stands at noon unless a test
// sets another.
func (s *fake) client(t *testing.T, change ...func(*mannco.Options)) *mannco.Client {
	t.Helper()
	o := mannco.Options{
		Account: "main", BaseURL: "https://api.example",
		Key:       func() (string, error) { return canaryKey, nil },
		Transport: s, Timeout: 10 * time.Second, Now: s.now,
	}
	for _, f := range change {
		f(&o)
	}
	c, err := mannco.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// running makes the fake's clock the one of a synctest bubble, moved to noon.
func (s *fake) running() *fake {
	begin := time.Now()
	s.now = func() time.Time { return noon.Add(time.Since(begin)) }
	return s
}

func mustList(t *testing.T, c *mannco.Client) sessionwarden.Listing {
	t.Helper()
	l, err := c.Sessions(t.Context(), false)
	if err != nil {
		t.Fatalf("reading the list: %v", err)
	}
	return l
}

func wantComplete(t *testing.T, l sessionwarden.Listing, rows int) {
	t.Helper()
	if !l.Complete || l.Why != "" || len(l.Rows) != rows {
		t.Fatalf("got %d rows, complete %t (%s); want %d, complete", len(l.Rows), l.Complete, l.Why, rows)
	}
}

func wantIncomplete(t *testing.T, l sessionwarden.Listing, rows int, why string) {
	t.Helper()
	if l.Complete || !strings.Contains(l.Why, why) || len(l.Rows) != rows {
		t.Fatalf("got %d rows, complete %t (%s); want %d, incomplete because of %q", len(l.Rows), l.Complete, l.Why, rows, why)
	}
}

func wantFault(t *testing.T, err error, kind sessionwarden.FaultKind, says string) *sessionwarden.Fault {
	t.Helper()
	f, ok := err.(*sessionwarden.Fault)
	if !ok {
		t.Fatalf("got %v (%T), want a fault of kind %s", err, err, kind)
	}
	if f.Kind != kind || !strings.Contains(f.Error(), says) {
		t.Fatalf("got %s: %q; want %s saying %q", f.Kind, f.Error(), kind, says)
	}
	return f
}

func logTo(w io.Writer) func(*mannco.Options) {
	return func(o *mannco.Options) {
		o.Logger = slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
}
