package alert

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/slack-go/slack"
)

// SlackBotOptions is what a [SlackBot] is made of.
type SlackBotOptions struct {
	Name      string                 // "" for "slack"
	Token     func() (string, error) // the bot token, a secret; asked for at each message
	Channel   string                 // "#security" or a channel's id
	APIURL    string                 // "" for Slack's own; https, or http on loopback
	Transport http.RoundTripper      // nil: its own, with HTTPS_PROXY honoured
	Timeout   time.Duration          // of one message; 0: 10 s
	Buttons   bool                   // somebody listens to what is pressed: see [SlackSocket]
}

// SlackBot posts with a bot token and updates what it posted.
type SlackBot struct {
	buttons bool
	name    string
	token   func() (string, error)
	channel string
	api     string
	client  *http.Client
}

// NewSlackBot returns the channel. It fails when something is missing or the
// API's URL cannot be used.
func NewSlackBot(o SlackBotOptions) (*SlackBot, error) {
	switch {
	case o.Token == nil:
		return nil, errors.New("a Slack bot needs its token")
	case o.Channel == "":
		return nil, errors.New("a Slack bot needs the channel that it posts to")
	case o.APIURL == "":
		o.APIURL = slack.APIURL
	}
	if _, err := checkURL(o.APIURL); err != nil {
		return nil, fmt.Errorf("the Slack API's URL cannot be used: %w", err)
	}
	if !strings.HasSuffix(o.APIURL, "/") {
		o.APIURL += "/"
	}
	return &SlackBot{
		name: named(o.Name), buttons: o.Buttons, token: o.Token, channel: o.Channel, api: o.APIURL,
		client: newHTTPClient(o.Transport, o.Timeout),
	}, nil
}

// Name implements [Channel].
func (b *SlackBot) Name() string { return b.name }

// CanUpdate implements [Channel]: always.
func (b *SlackBot) CanUpdate() bool { return true }

// Offers implements [Offerer].
func (b *SlackBot) Offers() bool { return b.buttons }

// Reply implements [Threader].
func (b *SlackBot) Reply(ctx context.Context, m Message, ref string, loud bool) error {
	_, at, ok := strings.Cut(ref, ":")
	if !ok {
		return &SendError{Class: Lost, Reason: "the message to be answered is not known"}
	}
	options := []slack.MsgOption{slack.MsgOptionTS(at)}
	if loud {
		options = append(options, slack.MsgOptionBroadcast())
	}
	_, err := b.post(ctx, m, aReply, "", options...)
	return err
}

// Whisper tells one person in the channel something that nobody else sees. Errors
// are a *[SendError].
func (b *SlackBot) Whisper(ctx context.Context, user, text string) error {
	door, api, token, err := b.open()
	if err != nil {
		return err
	}
	_, err = api.PostEphemeralContext(ctx, b.channel, user, slack.MsgOptionText(slackText(cut(text, MaxSection)), false), slack.MsgOptionDisableMarkdown())
	if err == nil && !door.ok {
		err = &SendError{Class: Retry, Reason: "Slack's answer does not say that the message is there", Unsure: true}
	}
	if err != nil {
		return botError(err, token, aMessage)
	}
	return nil
}

// open makes the library's client for one request.
func (b *SlackBot) open() (door *apiDoor, api *slack.Client, token string, err error) {
	token, err = b.token()
	if err != nil || token == "" {
		return nil, nil, "", &SendError{Class: Broken, Reason: "the bot token cannot be read", Cure: "look at bot_token_file, its permissions and its content"}
	}
	door = &apiDoor{client: b.client}
	return door, slack.New(token, slack.OptionHTTPClient(door), slack.OptionAPIURL(b.api)), token, nil
}

// Send implements [Channel]. A ref is the channel's id and the message's
// timestamp, joined by a colon.
func (b *SlackBot) Send(ctx context.Context, m Message, ref string) (string, error) {
	if ref != "" {
		return b.post(ctx, m, anUpdate, ref)
	}
	return b.post(ctx, m, aMessage, "")
}

func (b *SlackBot) post(ctx context.Context, m Message, about request, ref string, more ...slack.MsgOption) (string, error) {
	door, api, token, err := b.open()
	if err != nil {
		return "", err
	}
	options := []slack.MsgOption{slack.MsgOptionDisableLinkUnfurl(), slack.MsgOptionDisableMediaUnfurl(), slack.MsgOptionDisableMarkdown()}
	if m.Plain {
		options = append(options, slack.MsgOptionText(slackText(m.Text), false))
		if ref != "" {
			options = append(options, slack.MsgOptionBlocks()) // takes the blocks of the first form away
		}
	} else {
		options = append(options, slack.MsgOptionText(slackText(m.Summary), false), slack.MsgOptionBlocks(slackBlocks(m)...))
	}
	options = append(options, more...)
	var channel, ts string
	if ref == "" {
		channel, ts, err = api.PostMessageContext(ctx, b.channel, options...)
	} else {
		place, at, ok := strings.Cut(ref, ":")
		if !ok {
			return "", &SendError{Class: Lost, Reason: "the message to be updated is not known"}
		}
		channel, ts, _, err = api.UpdateMessageContext(ctx, place, at, options...)
	}
	if err == nil && (!door.ok || ts == "") {
		err = &SendError{Class: Retry, Reason: "Slack's answer does not say that the message is there", Unsure: true}
	}
	if err != nil {
		return "", botError(err, token, about)
	}
	return newRef(channel, ts), nil
}

// newRef is what an update needs; "" where Slack's answer cannot be used for
// one.
func newRef(channel, ts string) string {
	if code(strings.ToLower(channel)) == "" || code(strings.ReplaceAll(ts, ".", "")) == "" {
		return ""
	}
	return channel + ":" + ts
}

// botError sorts an error of the Web API.
func botError(err error, token string, about request) *SendError {
	var known *SendError
	if errors.As(err, &known) {
		return known
	}
	var refused slack.SlackErrorResponse
	if errors.As(err, &refused) {
		said := code(refused.Err)
		if secretIn(said, token) {
			said = ""
		}
		return slackError(said, about)
	}
	var status slack.StatusCodeError
	if errors.As(err, &status) {
		return &SendError{Class: Retry, Reason: fmt.Sprintf("Slack refused the request (HTTP %d)", status.Code)}
	}
	return &SendError{Class: Retry, Reason: "Slack's answer could not be understood", Unsure: true}
}

// apiDoor is the only way from Slack's library to the network: it bounds the
// answer, sorts what the library would not tell apart, and notes whether Slack
// really said ok.
type apiDoor struct {
	client *http.Client
	ok     bool
	scopes []string // what the token may do, as far as Slack says
}

// Do makes one request of the library.
func (d *apiDoor) Do(req *http.Request) (*http.Response, error) {
	got, err := exchange(d.client, req)
	if err != nil {
		return nil, err
	}
	if e := statusError(got, time.Now()); e != nil {
		return nil, e
	}
	var said struct {
		OK bool `json:"ok"`
	}
	if json.Unmarshal(got.body, &said) == nil {
		d.ok = said.OK
	}
	d.scopes = scopesOf(got.header.Get("X-OAuth-Scopes"))
	return &http.Response{
		StatusCode: got.status, Status: http.StatusText(got.status), Header: got.header,
		Body: reader(got.body), Request: req,
	}, nil
}
