package alert

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/nicholas-fedor/shoutrrr/pkg/services/chat/discord"
	"github.com/nicholas-fedor/shoutrrr/pkg/types"
)

// discordHook is one webhook of Discord.
type discordHook struct{ address, id, token string }

func openDiscord(text string) (service, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, err
	}
	if strings.Trim(u.Path, "/") != "" {
		return nil, errors.New("nothing stands behind the id")
	}
	u.Path = ""
	c := &discord.Config{}
	if err := c.SetURL(u); err != nil {
		return nil, errors.New("the webhook's id or its token is missing")
	}
	if strings.Trim(c.WebhookID, "0123456789") != "" || !plainWord(c.Token) {
		return nil, errors.New("the id of a webhook is a number, and its token is letters, digits, dashes and underscores")
	}
	if strings.Trim(c.ThreadID, "0123456789") != "" {
		return nil, errors.New("thread_id is a number")
	}
	return discordHook{u.String(), c.WebhookID, c.Token}, nil
}

func discordWire(w way) wire {
	return wire{client: w.client, who: "Discord", cure: "make a new webhook (channel settings, Integrations) and put its address where the configuration says"}
}

// discordMessage is a message as the webhook takes it. The library's own form
// has no way to say that nobody may be mentioned.
type discordMessage struct {
	Content  string          `json:"content"`
	Mentions discordMentions `json:"allowed_mentions"`
	Flags    int             `json:"flags"`
}

// discordMentions are the mentions that count: none.
type discordMentions struct {
	Parse []string `json:"parse"`
}

// noPreviews is Discord's flag for a message without previews of links.
const noPreviews = 1 << 2

func (h discordHook) send(ctx context.Context, w way, m Message) error {
	md := medium{limit: 2000, size: inUnits, span: discordSpan}
	text := md.write(m, light(m.Severity)+discordSpan(Span{Text: m.Title, Style: Strong}))
	if m.Plain {
		text = md.write(m, "")
	}
	var body bytes.Buffer
	to := json.NewEncoder(&body)
	to.SetEscapeHTML(false)
	if err := to.Encode(discordMessage{Content: text, Mentions: discordMentions{Parse: []string{}}, Flags: noPreviews}); err != nil {
		return &SendError{Class: Reject, Reason: "the message could not be written as JSON"}
	}
	wire := discordWire(w)
	d := &door{ctx: ctx, wire: wire, judge: func(a answer) *SendError { return discordError(wire, a, w.now()) }}
	s := &discordSender{}
	return d.through(s, h.raw(), strings.TrimSpace(body.String()), nil)
}

// raw is the address in the form by which the library takes a body as it is.
func (h discordHook) raw() string {
	before, options, _ := strings.Cut(h.address, "?")
	if options != "" {
		options = "?" + options
	}
	return before + "/raw" + options
}

// discordSender is the library's service without its patience: it would sleep
// for minutes between tries of its own.
type discordSender struct{ discord.Service }

func (s *discordSender) Send(message string, params *types.Params) error {
	s.Sleeper = sleepless{}
	return s.Service.Send(message, params)
}

// sleepless does not sleep.
type sleepless struct{}

func (sleepless) Sleep(time.Duration) {}

// discordError sorts an answer: 204 is success.
func discordError(w wire, a answer, now time.Time) *SendError {
	var said struct {
		Code       int     `json:"code"`
		RetryAfter float64 `json:"retry_after"`
	}
	_ = json.Unmarshal(a.body, &said) // where it says nothing, the status does
	switch {
	case a.status == http.StatusNoContent:
		return nil
	case a.status < 300:
		return w.odd()
	case a.status == http.StatusTooManyRequests:
		e := w.refusal(a, now)
		if wait := seconds(said.RetryAfter); wait > e.RetryAfter {
			e.RetryAfter = wait
		}
		return e
	case said.Code >= 220001 && said.Code <= 220004, said.Code == 50083:
		return &SendError{Class: Broken, Reason: "Discord does not let us write into this channel", Cure: "a forum's channel needs thread_id in the address; a thread that is closed has to be opened again"}
	}
	return w.refusal(a, now)
}

func (h discordHook) try(ctx context.Context, w way) (string, error) {
	wire := discordWire(w)
	a, err := wire.get(ctx, "https://discord.com/api/webhooks/"+h.id+"/"+h.token, nil)
	if err != nil {
		return "", err
	}
	var said struct {
		ID string `json:"id"`
	}
	if a.status != http.StatusOK {
		return "", wire.refusal(a, w.now())
	}
	if json.Unmarshal(a.body, &said) != nil || said.ID != h.id {
		return "", wire.odd()
	}
	return "Discord knows the webhook", nil
}

// discordSpan writes a span in Discord's Markdown.
func discordSpan(s Span) string {
	switch {
	case s.Style == Link && s.Text == home:
		return home
	case s.Style == Command && s.Text != "":
		return "`" + strings.ReplaceAll(s.Text, "`", "'") + "`"
	case s.Style == Strong:
		text := strings.TrimRight(s.Text, " ")
		if text == "" {
			return s.Text
		}
		return "**" + escapeMarkdown(text) + "**" + s.Text[len(text):]
	}
	return escapeMarkdown(s.Text)
}

// escapeMarkdown puts a backslash before whatever Discord reads as its markup.
func escapeMarkdown(text string) string {
	var b strings.Builder
	b.Grow(len(text) + 8)
	begins := true // nothing but digits so far: a list, a heading or a quotation might begin
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case strings.IndexByte("\\*_~`|<[]@", c) >= 0,
			c == ':' && picture(text[i+1:]) && !(digitAt(text, i-1) && digitAt(text, i+1)), // not a time
			i == 0 && strings.IndexByte("#>-+", c) >= 0,
			c == '.' && begins && i > 0 && (i+1 == len(text) || text[i+1] == ' '):
			b.WriteByte('\\')
		}
		b.WriteByte(c)
		begins = begins && digitAt(text, i)
	}
	return b.String()
}

// digitAt reports whether a digit stands at i.
func digitAt(text string, i int) bool {
	return i >= 0 && i < len(text) && '0' <= text[i] && text[i] <= '9'
}
