package channeltest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
)

// Token is part of every secret of the simulated services: a canary, which must
// be seen nowhere but in the one place of a request that it belongs to.
const Token = "canary-channel-not-a-secret"

// Message is what a service has taken.
type Message struct {
	Service  string // discord, gotify, matrix, ntfy, pushover, teams, telegram, hook
	Title    string // where it has a place of its own
	Text     string // as a person sees it, with its markup still in it
	Priority string
	Wire     string      // the whole request in one text, without secrets
	Header   http.Header // of the request
	Body     []byte      // of the request
}

// Fault is how a service fails once.
type Fault struct {
	Status int
	Body   string
	Header http.Header
	Reset  bool // the connection breaks off without an answer
}

// Server is all services that speak HTTP at once. It tells them apart by host
// and path. Its methods may be called from any goroutine.
type Server struct {
	mu       sync.Mutex
	messages []Message
	faults   []Fault
	always   *Fault
	requests int
	txns     map[string]string // of Matrix: events by transaction
	Joined   []string          // the rooms of Matrix that its user is in; set before use
	Invited  []string          // and those that he may join; set before use
}

// New returns services that work.
func New() *Server {
	return &Server{txns: make(map[string]string), Joined: []string{"!room:matrix.invalid"}}
}

// Messages returns what was taken, in order.
func (s *Server) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.messages)
}

// Requests returns how many requests there were.
func (s *Server) Requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests
}

// Fail has the next requests fail, one with each fault.
func (s *Server) Fail(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, faults...)
}

// Always has every request fail; nil ends it.
func (s *Server) Always(f *Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.always = f
}

// Transport returns a way to the services without a network.
func (s *Server) Transport() http.RoundTripper { return inMemory{s} }

type inMemory struct{ handler http.Handler }

// RoundTrip implements [http.RoundTripper].
func (t inMemory) RoundTrip(r *http.Request) (answer *http.Response, err error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	defer func() {
		if p := recover(); p != nil {
			answer, err = nil, fmt.Errorf("%s: connection reset by peer: %v", r.URL, p)
		}
	}()
	served := r.Clone(r.Context())
	if served.Body == nil {
		served.Body = http.NoBody
	}
	served.Host = r.URL.Host
	rec := httptest.NewRecorder()
	t.handler.ServeHTTP(rec, served)
	answer = rec.Result()
	answer.Request = r
	return answer, nil
}

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		http.Error(out, "", http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
	if f := s.fault(); f != nil {
		if f.Reset {
			panic(http.ErrAbortHandler)
		}
		for name, values := range f.Header {
			out.Header()[name] = values
		}
		out.WriteHeader(f.Status)
		_, _ = io.WriteString(out, f.Body)
		return
	}
	status, said := s.serve(r, body)
	if said != nil {
		out.Header().Set("Content-Type", "application/json")
	}
	out.WriteHeader(status)
	if said != nil {
		_ = json.NewEncoder(out).Encode(said)
	}
}

func (s *Server) fault() *Fault {
	if len(s.faults) == 0 {
		return s.always
	}
	f := s.faults[0]
	s.faults = s.faults[1:]
	return &f
}

// object is a JSON object.
type object map[string]any

func (s *Server) serve(r *http.Request, body []byte) (int, any) {
	switch {
	case r.Host == "discord.com":
		return s.discord(r, body)
	case r.Host == "api.telegram.org":
		return s.telegram(r, body)
	case r.Host == "api.pushover.net":
		return s.pushover(r, body)
	case strings.Contains(r.Host, ".logic.azure."):
		return s.teams(r, body)
	case strings.HasPrefix(r.URL.Path, "/_matrix/"):
		return s.matrix(r, body)
	case strings.HasPrefix(r.URL.Path, "/hook/"):
		return s.hook(r, body)
	case r.URL.Path == "/message" || r.URL.Path == "/health":
		return s.gotify(r, body)
	}
	return s.ntfy(r, body)
}

// take keeps a message.
func (s *Server) take(m Message, r *http.Request, body []byte) {
	m.Header, m.Body = r.Header.Clone(), slices.Clone(body)
	m.Wire = wire(r, body)
	s.messages = append(s.messages, m)
}

// wire writes a request as it is on the wire, as far as it is the message.
func wire(r *http.Request, body []byte) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n", r.Method, strings.ReplaceAll(r.URL.Path, Token, "TOKEN"))
	for _, name := range []string{"Content-Type", "Title", "Priority", "Tags", "Idempotency-Key"} {
		for _, value := range r.Header.Values(name) {
			fmt.Fprintf(&b, "%s: %s\n", name, value)
		}
	}
	b.WriteByte('\n')
	var v any
	if json.Unmarshal(body, &v) == nil {
		to := json.NewEncoder(&b)
		to.SetEscapeHTML(false)
		to.SetIndent("", "  ")
		_ = to.Encode(v)
		return b.String()
	}
	b.WriteString(strings.ReplaceAll(string(body), Token, "TOKEN") + "\n")
	return b.String()
}
