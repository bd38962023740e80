package alert

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/nicholas-fedor/shoutrrr/pkg/services/chat/teams"

	"sessionwarden"
)

// teamsFlow is one workflow of Power Automate that posts into Teams. The
// library's cards are made of blocks whose text is Markdown; those here are made
// of runs, in which nothing is.
type teamsFlow struct{ address string }

func openTeams(text string) (service, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, err
	}
	c := &teams.Config{}
	if err := c.SetURL(u); err != nil || c.Host == "" {
		return nil, errors.New("the workflow's address is missing")
	}
	if teams.ValidateWebhookURL(c.Host) != nil {
		return nil, errors.New("host is not the address of a workflow of Power Automate, with its special characters written as %XX")
	}
	if _, err := checkURL(c.Host); err != nil {
		return nil, errors.New("host cannot be used: " + err.Error())
	}
	return teamsFlow{c.Host}, nil
}

func teamsWire(w way) wire {
	return wire{client: w.client, who: "Teams", cure: "look whether the workflow is still there and turned on, and copy its address again"}
}

// The parts of an Adaptive Card that are used.
type (
	teamsMessage struct {
		Type        string            `json:"type"`
		Attachments []teamsAttachment `json:"attachments"`
	}
	teamsAttachment struct {
		Type    string    `json:"contentType"`
		URL     *string   `json:"contentUrl"`
		Content teamsCard `json:"content"`
	}
	teamsCard struct {
		Schema  string       `json:"$schema"`
		Type    string       `json:"type"`
		Version string       `json:"version"`
		Body    []teamsBlock `json:"body"`
		MSTeams teamsWidth   `json:"msteams"`
	}
	teamsWidth struct {
		Width string `json:"width"`
	}
	teamsBlock struct {
		Type      string     `json:"type"`
		Separator bool       `json:"separator,omitempty"`
		Spacing   string     `json:"spacing,omitempty"`
		Inlines   []teamsRun `json:"inlines"`
	}
	teamsRun struct {
		Type   string `json:"type"`
		Text   string `json:"text"`
		Size   string `json:"size,omitempty"`
		Weight string `json:"weight,omitempty"`
		Color  string `json:"color,omitempty"`
	}
)

// maxCard is how large a card may be, in bytes. Teams takes 28 KiB.
const maxCard = 26 << 10

func (t teamsFlow) send(ctx context.Context, w way, m Message) error {
	wire := teamsWire(w)
	var body []byte
	for limit := maxCard / 2; ; limit /= 2 {
		var err error
		if body, err = teamsBody(m, limit); err != nil {
			return &SendError{Class: Reject, Reason: "the message could not be written as JSON"}
		}
		if len(body) <= maxCard || limit < 64 {
			break
		}
	}
	a, err := wire.call(ctx, http.MethodPost, t.address, "application/json", body, nil)
	if err != nil {
		return err
	}
	if a.status == http.StatusOK || a.status == http.StatusAccepted {
		return nil
	}
	if a.status < 300 {
		return wire.odd()
	}
	return wire.refusal(a, w.now())
}

// teamsBody is the card with at most limit bytes of text.
func teamsBody(m Message, limit int) ([]byte, error) {
	color := map[sessionwarden.Severity]string{sessionwarden.Critical: "Attention", sessionwarden.Warning: "Warning"}[m.Severity]
	if color == "" {
		color = "Accent"
	}
	block := func(run teamsRun) teamsBlock {
		run.Type = "TextRun"
		return teamsBlock{Type: "RichTextBlock", Inlines: []teamsRun{run}}
	}
	md := medium{limit: limit, size: inBytes, span: teamsSpan}
	blocks := []teamsBlock{block(teamsRun{Text: light(m.Severity) + teamsSpan(Span{Text: m.Title}), Size: "Large", Weight: "Bolder", Color: color})}
	for i, part := range strings.Split(md.write(m, ""), "\n\n") {
		first, rest, more := strings.Cut(part, "\n")
		b := block(teamsRun{Text: first})
		b.Separator, b.Spacing = i == 0, "Medium"
		blocks = append(blocks, b)
		for more {
			first, rest, more = strings.Cut(rest, "\n")
			line := block(teamsRun{Text: first})
			line.Spacing = "None"
			blocks = append(blocks, line)
		}
	}
	var body bytes.Buffer
	to := json.NewEncoder(&body)
	to.SetEscapeHTML(false)
	err := to.Encode(teamsMessage{Type: "message", Attachments: []teamsAttachment{{
		Type: "application/vnd.microsoft.card.adaptive",
		Content: teamsCard{
			Schema: "http://adaptivecards.io/schemas/adaptive-card.json", Type: "AdaptiveCard", Version: "1.2",
			Body: blocks, MSTeams: teamsWidth{"Full"},
		},
	}}})
	return bytes.TrimSpace(body.Bytes()), err
}

// teamsSpan writes a span as a run shows it: the one thing that means something
// there is a date in double braces.
func teamsSpan(s Span) string {
	for strings.Contains(s.Text, "{{") {
		s.Text = strings.ReplaceAll(s.Text, "{{", "{ {")
	}
	return strings.ReplaceAll(s.Text, "${", "$ {")
}

func (t teamsFlow) try(context.Context, way) (string, error) {
	return "the address is that of a workflow; " + onlyAMessage, nil
}
