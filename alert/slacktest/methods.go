package slacktest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/slack-go/slack"
)

// DefaultScopes are the scopes that Slack says the bot has, until
// [Server.SetScopes].
const DefaultScopes = "chat:write,commands"

// teamID is the one workspace.
const teamID = "T000"

// Ephemeral is a message that one person alone sees. It cannot be changed, and
// is in no history.
type Ephemeral struct {
	User    string
	Channel string
	Text    string       // as it came
	Blocks  slack.Blocks // empty for plain text
	Thread  string       // "" for none
	At      time.Time
}

// Shown writes the message as that person reads it, as [Text] does.
func (e Ephemeral) Shown() string { return Text(Message{Text: e.Text, Blocks: e.Blocks}) }

// Ephemerals returns what was shown to one person alone, in order: by
// chat.postEphemeral, in an acknowledgement, or by a response URL.
func (s *Server) Ephemerals() []Ephemeral {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.ephemerals)
}

// OnEphemeral calls f with each message that is shown to one person alone, from
// the goroutine that serves the request. It replaces the function before.
func (s *Server) OnEphemeral(f func(Ephemeral)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.overhear = f
}

// SetScopes sets what every answer of the Web API says of the token's scopes,
// in the header X-OAuth-Scopes.
func (s *Server) SetScopes(scopes ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scopes = strings.Join(scopes, ",")
}

func (s *Server) scopesNow() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.scopes
}

// messageOf reads the message in a request of the Web API.
func messageOf(values url.Values) *Message {
	m := &Message{
		Channel: channelID(values.Get("channel")), Text: values.Get("text"),
		Verbatim: values.Get("mrkdwn") == "false",
		Unfurl:   values.Get("unfurl_links") != "false" || values.Get("unfurl_media") != "false",
	}
	if blocks := values.Get("blocks"); blocks != "" && blocks != "[]" {
		m.Raw = json.RawMessage(blocks)
	}
	return m
}

// threaded puts m into the thread of the message with that timestamp, and
// reports whether there is one. An answer to an answer goes to the same thread.
func (s *Server) threaded(m *Message, ts string, broadcast bool) bool {
	if ts == "" {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, old := range s.messages {
		if old.Channel != m.Channel || old.TS != ts {
			continue
		}
		m.Thread, m.Broadcast = old.TS, broadcast
		if old.Thread != "" {
			m.Thread = old.Thread
		}
		return true
	}
	return false
}

// postEphemeral serves chat.postEphemeral.
func (s *Server) postEphemeral(w http.ResponseWriter, r *http.Request, values url.Values, fault Fault) {
	problem := ""
	m := messageOf(values)
	user := values.Get("user")
	switch {
	case values.Get("token") == "":
		problem = "not_authed"
	case strings.HasPrefix(values.Get("token"), "xapp-"):
		problem = "not_allowed_token_type"
	case m.Channel == "":
		problem = "channel_not_found"
	case !anID(user):
		problem = "user_not_in_channel"
	default:
		problem = m.check()
	}
	if problem != "" {
		reply(w, map[string]any{"ok": false, "error": problem})
		return
	}
	at := s.whisper(Ephemeral{User: user, Channel: m.Channel, Text: m.Text, Blocks: m.Blocks, Thread: values.Get("thread_ts")})
	fault.after(r.Context(), func() { reply(w, map[string]any{"ok": true, "message_ts": at}) })
}

// whisper shows a message to one person, and returns its timestamp.
func (s *Server) whisper(e Ephemeral) string {
	s.mu.Lock()
	s.serial++
	e.At = s.now()
	ts := fmt.Sprintf("%d.%06d", e.At.Unix(), s.serial)
	if len(s.ephemerals) < 10_000 {
		s.ephemerals = append(s.ephemerals, e)
	}
	overhear := s.overhear
	s.mu.Unlock()
	if overhear != nil {
		overhear(e)
	}
	return ts
}

// anID reports whether text looks like an id of Slack's.
func anID(text string) bool {
	if text == "" || len(text) > 32 {
		return false
	}
	return strings.Trim(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == ""
}

// answerPath is where response URLs begin.
const answerPath = "/answers/"

// hook is a response URL: where an answer goes that comes later than the
// acknowledgement.
type hook struct {
	user, channel string
	until         time.Time
	left          int // how often it may still be used
}

// newHook makes a response URL under base for somebody in a channel.
func (s *Server) newHook(base, user, channel string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.serial++
	path := fmt.Sprintf("%s%s/%d/not-a-secret", answerPath, teamID, s.serial)
	if len(s.hooks) > 1000 {
		clear(s.hooks)
	}
	s.hooks[path] = &hook{user: user, channel: channel, until: s.now().Add(30 * time.Minute), left: 5}
	return base + path
}

// lateAnswer serves the response URLs.
func (s *Server) lateAnswer(w http.ResponseWriter, r *http.Request, body []byte) {
	s.mu.Lock()
	h, ok := s.hooks[r.URL.Path]
	if ok = ok && h.left > 0 && s.now().Before(h.until); ok {
		h.left--
	}
	s.mu.Unlock()
	if !ok {
		plain(w, http.StatusNotFound, "used_url")
		return
	}
	said, problem := readAnswer(body)
	if problem != "" {
		reply(w, map[string]any{"ok": false, "error": problem})
		return
	}
	s.answered(said, h.user, h.channel)
	reply(w, map[string]any{"ok": true})
}

// said is an answer to a person.
type said struct {
	Message
	inChannel bool
}

// readAnswer reads an answer, and says what Slack would refuse it for.
func readAnswer(body []byte) (said, string) {
	var p struct {
		Type   string          `json:"response_type"`
		Text   string          `json:"text"`
		Blocks json.RawMessage `json:"blocks"`
	}
	if json.Unmarshal(body, &p) != nil {
		return said{}, "invalid_payload"
	}
	a := said{Message: Message{Text: p.Text, Raw: p.Blocks}, inChannel: p.Type == "in_channel"}
	return a, a.check()
}

// answered shows an answer, to everybody or to one person.
func (s *Server) answered(a said, user, channel string) {
	if a.inChannel {
		m := a.Message
		m.Channel = channel
		s.post(&m)
		return
	}
	s.whisper(Ephemeral{User: user, Channel: channel, Text: a.Text, Blocks: a.Blocks})
}
