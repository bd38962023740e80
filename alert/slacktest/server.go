// Package slacktest is a simulated Slack for tests and for the demonstration:
// incoming webhooks, the methods of the Web API that the program uses, and
// Socket Mode, with Slack's limits, its refusals and its bad days.
//
// A [Server] is an [net/http.Handler] for a real listener. [Server.Transport]
// and [Server.Dial] are the same in memory, which works inside
// testing/synctest. server.go holds the messages, methods.go the other methods,
// socket.go the connections of Socket Mode and press.go the people: who presses
// a button ([Server.Press]) and who types a command ([Server.Slash]).
package slacktest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/slack-go/slack"
)

// What the simulated Slack knows.
const (
	WebhookPath    = "/services/T000/B000/not-a-secret" // the path of its one webhook
	APIPath        = "/api/"                            // where its Web API begins
	WebhookChannel = "C0WEBHOOK"                        // the channel that the webhook posts to
)

// Message is one message as it stands in a channel.
type Message struct {
	Channel string
	TS      string
	Text    string          // as it came: in Slack's markup unless Verbatim
	Blocks  slack.Blocks    // empty for plain text
	Raw     json.RawMessage // the blocks as they came; nil for none
	Posted  time.Time
	Updated time.Time // zero: never
	History []Version // what it was before each update, the oldest first

	Verbatim bool // markup in Text was turned off
	Unfurl   bool // Slack would look behind links

	Thread    string // the TS of the message that it answers; "" for none
	Broadcast bool   // an answer that is shown in the channel, too
}

// Version is what a message was before it was updated.
type Version struct {
	Text   string
	Blocks slack.Blocks
	At     time.Time
}

// Server is the simulated Slack. The zero value does not work: use [New]. Its
// methods may be called from any goroutine.
type Server struct {
	mu       sync.Mutex
	messages []*Message
	faults   []Fault // for the next requests, one each
	standing Fault   // for every request after those
	requests []Request
	serial   int
	watch    func(Message)
	now      func() time.Time

	scopes     string            // what X-OAuth-Scopes says
	users      map[string]string // names by id
	ephemerals []Ephemeral
	overhear   func(Ephemeral)
	hooks      map[string]*hook // where late answers go, by their path
	sockets    sockets
}

// Request is one request as it came, without its secret.
type Request struct {
	Path  string // "webhook" or the method, such as "chat.postMessage"
	At    time.Time
	Fault Fault // what it met
}

// New returns a Slack without messages.
func New() *Server {
	return &Server{
		now: time.Now, scopes: DefaultScopes, users: make(map[string]string), hooks: make(map[string]*hook),
		sockets: sockets{tickets: make(map[string]SocketFault), waiting: make(map[string][]chan Ack)},
	}
}

// OnMessage calls f with each message that is posted or updated, from the
// goroutine that serves the request. It replaces the function before.
func (s *Server) OnMessage(f func(Message)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watch = f
}

// Messages returns all messages in the order in which they were posted.
func (s *Server) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]Message, 0, len(s.messages))
	for _, m := range s.messages {
		list = append(list, m.clone())
	}
	return list
}

// Requests returns all requests in the order in which they came.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// clone returns a copy that later updates do not change.
func (m *Message) clone() Message {
	c := *m
	c.History = slices.Clone(m.History)
	return c
}

// ServeHTTP implements [net/http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, LinkPath) {
		s.serveLink(w, r)
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return
	}
	name := "webhook"
	if method, ok := strings.CutPrefix(r.URL.Path, APIPath); ok {
		name = method
		w.Header().Set("X-OAuth-Scopes", s.scopesNow())
	} else if strings.HasPrefix(r.URL.Path, answerPath) {
		name = "response_url"
	}
	fault := s.note(name)
	if fault.serve(w, r, name) {
		return
	}
	switch name {
	case "webhook":
		s.webhook(w, r, body, fault)
	case "chat.postMessage", "chat.update":
		s.chat(w, r, name, form(r, body), fault)
	case "chat.postEphemeral":
		s.postEphemeral(w, r, form(r, body), fault)
	case "auth.test":
		reply(w, map[string]any{"ok": true, "url": "https://example.invalid/", "team": "Example", "user": "sessionwarden", "team_id": teamID, "user_id": "U000"})
	case "apps.connections.open":
		s.openConnection(w, r, form(r, body))
	case "response_url":
		s.lateAnswer(w, r, body)
	default:
		reply(w, map[string]any{"ok": false, "error": "unknown_method"})
	}
}

// note remembers a request and says what it meets. A connection for Socket Mode
// has faults of its own, and takes none away that are meant for messages.
func (s *Server) note(name string) Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	fault := s.standing
	if len(s.faults) > 0 && name != "apps.connections.open" {
		fault, s.faults = s.faults[0], s.faults[1:]
	}
	if len(s.requests) < 100_000 {
		s.requests = append(s.requests, Request{Path: name, At: s.now(), Fault: fault})
	}
	return fault
}

// webhook serves the incoming webhook.
func (s *Server) webhook(w http.ResponseWriter, r *http.Request, body []byte, fault Fault) {
	var p struct {
		Text   string          `json:"text"`
		Blocks json.RawMessage `json:"blocks"`
		Mrkdwn *bool           `json:"mrkdwn"`
		Links  *bool           `json:"unfurl_links"`
		Media  *bool           `json:"unfurl_media"`
	}
	switch {
	case r.Method != http.MethodPost:
		plain(w, http.StatusMethodNotAllowed, "invalid_http_method")
		return
	case r.URL.Path != WebhookPath:
		plain(w, http.StatusNotFound, "no_service")
		return
	case json.Unmarshal(body, &p) != nil:
		plain(w, http.StatusBadRequest, "invalid_payload")
		return
	}
	m := &Message{
		Channel: WebhookChannel, Text: p.Text, Raw: p.Blocks,
		Verbatim: p.Mrkdwn != nil && !*p.Mrkdwn, Unfurl: p.Links == nil || *p.Links || p.Media == nil || *p.Media,
	}
	if problem := m.check(); problem != "" {
		plain(w, http.StatusBadRequest, problem)
		return
	}
	s.post(m)
	fault.after(r.Context(), func() { plain(w, http.StatusOK, "ok") })
}

// form reads a request of the Web API.
func form(r *http.Request, body []byte) url.Values {
	values, err := url.ParseQuery(string(body))
	if err != nil {
		values = url.Values{}
	}
	if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		values.Set("token", token)
	}
	return values
}

// chat serves chat.postMessage and chat.update.
func (s *Server) chat(w http.ResponseWriter, r *http.Request, name string, values url.Values, fault Fault) {
	channel := values.Get("channel")
	switch {
	case values.Get("token") == "":
		reply(w, map[string]any{"ok": false, "error": "not_authed"})
		return
	case strings.HasPrefix(values.Get("token"), "xapp-"):
		reply(w, map[string]any{"ok": false, "error": "not_allowed_token_type"})
		return
	case channel == "":
		reply(w, map[string]any{"ok": false, "error": "channel_not_found"})
		return
	}
	m := messageOf(values)
	if problem := m.check(); problem != "" {
		reply(w, map[string]any{"ok": false, "error": problem})
		return
	}
	if name == "chat.update" {
		if channel != m.Channel || !s.replace(m, values.Get("ts")) {
			reply(w, map[string]any{"ok": false, "error": "message_not_found"})
			return
		}
	} else {
		if !s.threaded(m, values.Get("thread_ts"), values.Get("reply_broadcast") == "true") {
			reply(w, map[string]any{"ok": false, "error": "cannot_reply_to_message"})
			return
		}
		s.post(m)
	}
	fault.after(r.Context(), func() {
		reply(w, map[string]any{"ok": true, "channel": m.Channel, "ts": m.TS, "message": map[string]any{"text": m.Text, "ts": m.TS}})
	})
}

// channelID is the id of a channel that was named.
func channelID(name string) string {
	if short, ok := strings.CutPrefix(name, "#"); ok {
		var b strings.Builder
		for _, r := range strings.ToUpper(short) {
			if r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
				b.WriteRune(r)
			}
		}
		return "C0" + b.String()
	}
	return name
}

// post puts a message into its channel.
func (s *Server) post(m *Message) {
	s.mu.Lock()
	s.serial++
	m.Posted = s.now()
	m.TS = fmt.Sprintf("%d.%06d", m.Posted.Unix(), s.serial)
	s.messages = append(s.messages, m)
	seen, watch := m.clone(), s.watch
	s.mu.Unlock()
	if watch != nil {
		watch(seen)
	}
}

// replace updates the message with that timestamp, and reports whether there
// is one.
func (s *Server) replace(m *Message, ts string) bool {
	s.mu.Lock()
	i := slices.IndexFunc(s.messages, func(old *Message) bool { return old.Channel == m.Channel && old.TS == ts })
	if i < 0 {
		s.mu.Unlock()
		return false
	}
	old := s.messages[i]
	at := old.Updated
	if at.IsZero() {
		at = old.Posted
	}
	m.TS, m.Posted, m.Updated, m.Unfurl = old.TS, old.Posted, s.now(), old.Unfurl
	m.Thread, m.Broadcast = old.Thread, old.Broadcast
	m.History = append(slices.Clone(old.History), Version{Text: old.Text, Blocks: old.Blocks, At: at})
	s.messages[i] = m
	seen, watch := m.clone(), s.watch
	s.mu.Unlock()
	if watch != nil {
		watch(seen)
	}
	return true
}

// reply answers as the Web API does.
func reply(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_ = json.NewEncoder(w).Encode(v) // who asked may have gone
}

// plain answers as a webhook does.
func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text) // who asked may have gone
}
