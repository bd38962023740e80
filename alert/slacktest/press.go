package slacktest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slack-go/slack"
)

// CommandChannel is the channel in which commands are typed.
const CommandChannel = "C0SECURITY"

// Button is one button of a message.
type Button struct {
	Action string // its action_id
	Label  string
	Value  string
	Style  string // "", "primary" or "danger"
	Asks   string // what Slack asks before it counts; "" for nothing
	block  string
}

// Buttons returns the buttons of a message as it stands, in order.
func Buttons(m Message) []Button {
	var list []Button
	for _, b := range m.Blocks.BlockSet {
		actions, ok := b.(*slack.ActionBlock)
		if !ok || actions.Elements == nil {
			continue
		}
		for _, e := range actions.Elements.ElementSet {
			button, ok := e.(*slack.ButtonBlockElement)
			if !ok || button.Text == nil {
				continue
			}
			one := Button{Action: button.ActionID, Label: button.Text.Text, Value: button.Value, Style: string(button.Style), block: actions.BlockID}
			if button.Confirm != nil && button.Confirm.Text != nil {
				one.Asks = button.Confirm.Text.Text
			}
			list = append(list, one)
		}
	}
	return list
}

// Envelope is what Slack sends through Socket Mode.
type Envelope struct {
	ID         string // "": one is made
	Type       string // such as "interactive"
	Payload    any
	Answerable bool // the acknowledgement may hold an answer
}

// Ack is what became of an envelope.
type Ack struct {
	Envelope string
	Acked    bool          // within AckTime; where it is false Slack shows the person that it failed
	Took     time.Duration // until then
	Payload  []byte        // the answer in the acknowledgement; nil for none
	Text     string        // the same as a person reads it; "" for none
	Refused  string        // what Slack would refuse the answer for; "" for nothing
}

// ErrNoConnection says that no connection of Socket Mode is open: Slack shows
// the person that it failed.
var ErrNoConnection = errors.New("no connection of Socket Mode is open")

// Deliver sends an envelope over one of the open connections, in turn, and
// waits until it is acknowledged, for AckTime at most.
func (s *Server) Deliver(ctx context.Context, e Envelope) (Ack, error) {
	return s.deliver(ctx, e, "", "")
}

// deliver is [Server.Deliver] for somebody in a channel, who gets the answer.
func (s *Server) deliver(ctx context.Context, e Envelope, user, channel string) (Ack, error) {
	got := make(chan Ack, 1)
	l, begun := s.expect(&e, got)
	if l == nil {
		return Ack{Envelope: e.ID}, ErrNoConnection
	}
	defer s.forget(e.ID, got)
	if payload, ok := e.Payload.(map[string]any); ok && payload["response_url"] == nil && user != "" {
		payload["response_url"] = s.newHook(l.base, user, channel)
	}
	if err := l.send(map[string]any{"type": e.Type, "envelope_id": e.ID, "payload": e.Payload, "accepts_response_payload": e.Answerable}); err != nil {
		return Ack{Envelope: e.ID, Took: time.Since(begun)}, nil
	}
	timer := time.NewTimer(AckTime)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return Ack{Envelope: e.ID, Took: time.Since(begun)}, ctx.Err()
	case <-timer.C:
		return Ack{Envelope: e.ID, Took: time.Since(begun)}, nil
	case ack := <-got:
		ack.Took = time.Since(begun)
		if len(ack.Payload) > 0 && e.Answerable {
			answer, problem := readAnswer(ack.Payload)
			if ack.Refused = problem; problem == "" {
				ack.Text = Text(answer.Message)
				s.answered(answer, user, channel)
			}
		}
		return ack, nil
	}
}

// expect chooses a connection and begins to wait for an acknowledgement.
func (s *Server) expect(e *Envelope, got chan Ack) (*link, time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.ID == "" {
		s.serial++
		e.ID = fmt.Sprintf("00000000-0000-4000-8000-%012d", s.serial)
	}
	if len(s.sockets.links) == 0 {
		return nil, time.Time{}
	}
	s.sockets.turn++
	s.sockets.waiting[e.ID] = append(s.sockets.waiting[e.ID], got)
	return s.sockets.links[s.sockets.turn%len(s.sockets.links)], time.Now()
}

// forget ends the wait for an acknowledgement.
func (s *Server) forget(id string, got chan Ack) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rest := slices.DeleteFunc(s.sockets.waiting[id], func(c chan Ack) bool { return c == got })
	if s.sockets.waiting[id] = rest; len(rest) == 0 {
		delete(s.sockets.waiting, id)
	}
}

// take reads what the other side sends: acknowledgements.
func (l *link) take(text []byte) {
	var p struct {
		ID      string          `json:"envelope_id"`
		Payload json.RawMessage `json:"payload"`
	}
	if len(text) >= maxAck || json.Unmarshal(text, &p) != nil || p.ID == "" {
		return
	}
	s := l.server
	ack := Ack{Envelope: p.ID, Acked: true, Payload: p.Payload}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.sockets.acks) < 100_000 {
		s.sockets.acks = append(s.sockets.acks, ack)
	}
	for _, waiting := range s.sockets.waiting[p.ID] {
		select {
		case waiting <- ack:
		default:
		}
	}
}

// Acks returns all acknowledgements in the order in which they came, those that
// came too late among them. Took, Text and Refused are not set.
func (s *Server) Acks() []Ack {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.sockets.acks)
}

// AddUser gives a person a name; without it the name is the id in small
// letters.
func (s *Server) AddUser(id, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users[id] = name
}

// nameOf returns a person's name.
func (s *Server) nameOf(user string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if name, ok := s.users[user]; ok {
		return name
	}
	return strings.ToLower(user)
}

// Press has a person press a button of a message as it stands: the first whose
// action_id or label is button. What Slack asks before it counts is answered
// with yes. It is an error where there is no such message or button, or no
// connection.
func (s *Server) Press(ctx context.Context, user, messageTS, button string) (Ack, error) {
	m, ok := s.message(messageTS)
	if !ok {
		return Ack{}, fmt.Errorf("there is no message %s", messageTS)
	}
	for _, b := range Buttons(m) {
		if b.Action == button || b.Label == button {
			return s.press(ctx, user, m, b)
		}
	}
	return Ack{}, fmt.Errorf("message %s has no button %q", messageTS, button)
}

// PressButton is [Server.Press] for one certain button, which has to be there as
// it was when [Buttons] returned it: for messages with several that look alike.
func (s *Server) PressButton(ctx context.Context, user, messageTS string, b Button) (Ack, error) {
	m, ok := s.message(messageTS)
	if !ok {
		return Ack{}, fmt.Errorf("there is no message %s", messageTS)
	}
	for _, now := range Buttons(m) {
		if now.Action == b.Action && now.Label == b.Label && now.Value == b.Value {
			return s.press(ctx, user, m, now)
		}
	}
	return Ack{}, fmt.Errorf("message %s has that button no more", messageTS)
}

// PressValue is a press that no button of a message stands behind, at least not
// now: from a window that shows the message as it was, or forged.
func (s *Server) PressValue(ctx context.Context, user, messageTS, action, value string) (Ack, error) {
	m, ok := s.message(messageTS)
	if !ok {
		m = Message{Channel: CommandChannel, TS: messageTS}
	}
	return s.press(ctx, user, m, Button{Action: action, Value: value, Label: action})
}

// message returns the message with that timestamp.
func (s *Server) message(ts string) (Message, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.messages {
		if m.TS == ts {
			return m.clone(), true
		}
	}
	return Message{}, false
}

// press sends the envelope of a button.
func (s *Server) press(ctx context.Context, user string, m Message, b Button) (Ack, error) {
	name := s.nameOf(user)
	action := map[string]any{
		"type": "button", "action_id": b.Action, "block_id": b.block, "action_ts": fmt.Sprintf("%d.000001", s.now().Unix()),
		"text": map[string]any{"type": "plain_text", "text": b.Label, "emoji": false},
	}
	if b.Value != "" {
		action["value"] = b.Value
	}
	message := map[string]any{"type": "message", "ts": m.TS, "text": m.Text, "bot_id": "B000"}
	if m.Raw != nil {
		message["blocks"] = m.Raw
	}
	return s.deliver(ctx, Envelope{Type: "interactive", Payload: map[string]any{
		"type": "block_actions", "api_app_id": appID, "token": "canary-legacy-token-not-a-secret", "trigger_id": "1.2.not-a-secret",
		"team":      map[string]any{"id": teamID, "domain": "example"},
		"user":      map[string]any{"id": user, "username": name, "name": name, "team_id": teamID},
		"container": map[string]any{"type": "message", "message_ts": m.TS, "channel_id": m.Channel, "is_ephemeral": false},
		"channel":   map[string]any{"id": m.Channel, "name": "security"},
		"message":   message,
		"actions":   []any{action},
	}}, user, m.Channel)
}

// Slash has a person type /sessionwarden and text. The answer is in the
// acknowledgement, or comes later: see [Server.Ephemerals].
func (s *Server) Slash(ctx context.Context, user, text string) (Ack, error) {
	return s.deliver(ctx, Envelope{Type: "slash_commands", Answerable: true, Payload: map[string]any{
		"token": "canary-legacy-token-not-a-secret", "team_id": teamID, "team_domain": "example", "api_app_id": appID,
		"channel_id": CommandChannel, "channel_name": "security", "user_id": user, "user_name": s.nameOf(user),
		"command": "/sessionwarden", "text": escaped(text), "trigger_id": "1.2.not-a-secret", "is_enterprise_install": "false",
	}}, user, CommandChannel)
}

// escaped is how Slack hands on what a person typed.
func escaped(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)
}
