package alert

import (
	"encoding/json"
	"net/url"
	"strings"

	"sessionwarden"
)

// kind is what an envelope is. Its text is a metric's label.
type kind string

const (
	kindHello      kind = "hello"
	kindDisconnect kind = "disconnect"
	kindPress      kind = "press"
	kindCommand    kind = "command"
	kindOther      kind = "other"   // of Slack's, but nothing that the program uses
	kindInvalid    kind = "invalid" // not to be understood
)

// What an envelope may be or become beside that.
const (
	becameDuplicate = "duplicate" // it came before
	becameDropped   = "dropped"   // there was too much to do
)

// envelope is one frame of Socket Mode, with the fields that are used. The
// library's types for its payload decode every block of the message, whose text
// is partly a stranger's; here only ids and words are looked at.
type envelope struct {
	Type    string          `json:"type"`
	ID      string          `json:"envelope_id"`
	Reason  string          `json:"reason"`
	Payload json.RawMessage `json:"payload"`
}

// incoming is an envelope that was understood as far as it can be.
type incoming struct {
	kind    kind
	id      string // "" where there is nothing to acknowledge
	reason  string // of a disconnect
	press   Press
	slash   Slash
	answers string // where an answer goes that is late; a secret
}

// decodeEnvelope understands a frame. What has an id gets it back, also where
// the rest cannot be understood, so that it can be acknowledged.
func decodeEnvelope(frame []byte) incoming {
	var e envelope
	if len(frame) > maxFrame || json.Unmarshal(frame, &e) != nil {
		return incoming{kind: kindInvalid}
	}
	if !isEnvelopeID(e.ID) {
		e.ID = ""
	}
	switch e.Type {
	case "hello":
		return incoming{kind: kindHello}
	case "disconnect":
		return incoming{kind: kindDisconnect, reason: e.Reason}
	}
	if e.ID == "" || e.Type == "" {
		return incoming{kind: kindInvalid, id: e.ID} // without an id it cannot be acknowledged, and Slack takes it for failed
	}
	in := incoming{kind: kindOther, id: e.ID}
	switch e.Type {
	case "interactive":
		in.kind = in.readPress(e.Payload)
	case "slash_commands":
		in.kind = in.readSlash(e.Payload)
	}
	return in
}

// readPress reads a press of a button.
func (in *incoming) readPress(payload []byte) kind {
	var p struct {
		Type string `json:"type"`
		User struct {
			ID       string `json:"id"`
			Username string `json:"username"`
			Name     string `json:"name"`
		} `json:"user"`
		Channel struct {
			ID string `json:"id"`
		} `json:"channel"`
		Container struct {
			Channel string `json:"channel_id"`
			TS      string `json:"message_ts"`
		} `json:"container"`
		Actions []struct {
			Type   string `json:"type"`
			Action string `json:"action_id"`
			Value  string `json:"value"`
		} `json:"actions"`
		Answers string `json:"response_url"`
	}
	if json.Unmarshal(payload, &p) != nil {
		return kindInvalid
	}
	if p.Type != "block_actions" || len(p.Actions) > 0 && p.Actions[0].Type != "button" {
		return kindOther
	}
	if p.Channel.ID == "" {
		p.Channel.ID = p.Container.Channel
	}
	name := p.User.Username
	if name == "" {
		name = p.User.Name
	}
	if len(p.Actions) != 1 || !isSlackID(p.User.ID) || !isSlackID(p.Channel.ID) || !isTimestamp(p.Container.TS) {
		return kindInvalid
	}
	button := p.Actions[0]
	if button.Action == "" || len(button.Action) > 255 || len(button.Value) > 2000 {
		return kindInvalid
	}
	in.press = Press{
		Offer: sessionwarden.Clean(button.Value, 2000), Action: sessionwarden.Clean(button.Action, 255),
		User: p.User.ID, UserName: sessionwarden.Clean(name, maxUserName), Channel: p.Channel.ID, MessageTS: p.Container.TS,
	}
	in.answers = p.Answers
	return kindPress
}

// maxUserName is how many bytes of a person's name are kept.
const maxUserName = 80

// readSlash reads a command.
func (in *incoming) readSlash(payload []byte) kind {
	var p struct {
		User    string `json:"user_id"`
		Name    string `json:"user_name"`
		Channel string `json:"channel_id"`
		Text    string `json:"text"`
		Answers string `json:"response_url"`
	}
	if json.Unmarshal(payload, &p) != nil || !isSlackID(p.User) || !isSlackID(p.Channel) {
		return kindInvalid
	}
	in.slash = Slash{
		Text: sessionwarden.Clean(unescape(p.Text), sessionwarden.MaxText),
		User: p.User, UserName: sessionwarden.Clean(p.Name, maxUserName), Channel: p.Channel,
	}
	in.answers = p.Answers
	return kindCommand
}

// unescape undoes what Slack does to what a person typed.
func unescape(text string) string {
	return strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(text)
}

// isEnvelopeID reports whether text may be sent back as an envelope's id.
func isEnvelopeID(text string) bool {
	return consistsOf(text, 128, func(c byte) bool { return letterOrDigit(c) || c == '-' || c == '_' || c == '.' })
}

// isSlackID reports whether text is an id of a person or of a channel.
func isSlackID(text string) bool {
	return consistsOf(text, 32, func(c byte) bool { return 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' })
}

// isTimestamp reports whether text names a message.
func isTimestamp(text string) bool {
	return consistsOf(text, 32, func(c byte) bool { return '0' <= c && c <= '9' || c == '.' })
}

// consistsOf reports whether text is not empty, not too long, and of such bytes.
func consistsOf(text string, limit int, fits func(byte) bool) bool {
	if text == "" || len(text) > limit {
		return false
	}
	for i := range len(text) {
		if !fits(text[i]) {
			return false
		}
	}
	return true
}

// mayAnswer returns where a late answer may be sent; nil where it may not.
func (s *SlackSocket) mayAnswer(address string) *url.URL {
	if len(address) > 2048 {
		return nil
	}
	u, err := url.Parse(address)
	if err != nil || u.User != nil || u.Opaque != "" || !s.trusted(u, "https", "http") {
		return nil
	}
	return u
}
