package alert

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/slack-go/slack"
)

// SlackWebhookOptions is what a [SlackWebhook] is made of.
type SlackWebhookOptions struct {
	Name      string                 // "" for "slack"
	URL       func() (string, error) // the webhook's address, which is a secret; asked for at each message
	Transport http.RoundTripper      // nil: its own, with HTTPS_PROXY honoured
	Timeout   time.Duration          // of one message; 0: 10 s
}

// SlackWebhook sends to the one channel of a Slack incoming webhook. It cannot
// change what it sent.
type SlackWebhook struct {
	name   string
	url    func() (string, error)
	client *http.Client
}

// NewSlackWebhook returns the channel. It fails without a URL function; the
// URL itself is looked at when a message is sent.
func NewSlackWebhook(o SlackWebhookOptions) (*SlackWebhook, error) {
	if o.URL == nil {
		return nil, fmt.Errorf("a Slack webhook needs its URL")
	}
	return &SlackWebhook{name: named(o.Name), url: o.URL, client: newHTTPClient(o.Transport, o.Timeout)}, nil
}

// named is the name of a Slack channel. A webhook and a bot share it, so that
// nothing is sent twice when one takes the place of the other.
func named(name string) string {
	if name == "" {
		return "slack"
	}
	return name
}

// Name implements [Channel].
func (w *SlackWebhook) Name() string { return w.name }

// CanUpdate implements [Channel]: never.
func (w *SlackWebhook) CanUpdate() bool { return false }

// payload is the message in the form of a webhook. Slack's library lacks the
// field that turns its markup off.
type payload struct {
	slack.WebhookMessage
	Markup bool `json:"mrkdwn"`
}

// Send implements [Channel].
func (w *SlackWebhook) Send(ctx context.Context, m Message, _ string) (string, error) {
	address, err := w.url()
	if err != nil {
		return "", &SendError{Class: Broken, Reason: "the webhook's URL cannot be read", Cure: "look at webhook_url_file, its permissions and its content"}
	}
	if _, err := checkURL(address); err != nil {
		return "", &SendError{Class: Broken, Reason: "the webhook's URL cannot be used: " + err.Error(), Cure: "copy it again from the Slack app's page \"Incoming Webhooks\""}
	}
	no := false
	p := payload{WebhookMessage: slack.WebhookMessage{Text: slackText(m.Summary), UnfurlLinks: &no, UnfurlMedia: &no}}
	if m.Plain {
		p.Text = slackText(m.Text)
	} else {
		p.Blocks = &slack.Blocks{BlockSet: slackBlocks(m)}
	}
	body, err := json.Marshal(p)
	if err != nil {
		return "", &SendError{Class: Reject, Reason: "the message could not be written as JSON"}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return "", &SendError{Class: Broken, Reason: "the webhook's URL cannot be used"}
	}
	req.Header.Set("Content-Type", "application/json")
	got, err := exchange(w.client, req)
	if err != nil {
		return "", err
	}
	if e := webhookError(got, address); e != nil {
		return "", e
	}
	return "", nil
}

// webhookError reads a webhook's answer. Success is 200 with the body ok.
func webhookError(a answer, secret string) error {
	said := code(string(a.body[:min(len(a.body), 100)]))
	if secretIn(said, secret) {
		said = ""
	}
	if e := statusError(a, time.Now()); e != nil {
		return e
	}
	status := "HTTP " + strconv.Itoa(a.status)
	switch a.status {
	case http.StatusOK:
		if said == "ok" {
			return nil
		}
		return &SendError{Class: Retry, Reason: "the answer is not Slack's", Cure: "look whether a proxy or a sign-in page stands between this machine and Slack", Unsure: true}
	case http.StatusForbidden, http.StatusNotFound, http.StatusGone, http.StatusUnauthorized:
		e := slackError(said, aMessage)
		if e.Class != Broken {
			e.Cure = "make a new webhook in Slack and put its URL where the configuration says"
		}
		e.Class, e.Unsure = Broken, false
		e.Reason = "Slack does not know this webhook, or it was switched off (" + reason(status, said) + ")"
		return e
	}
	e := slackError(said, aMessage)
	if e.Class == Retry || e.Class == Lost {
		e.Class = Reject // what is wrong is the message: the same one would be refused again
	}
	e.Reason = "Slack refused the message (" + reason(status, said) + ")"
	e.Unsure = false
	return e
}

// reason joins a status and a code that may be missing.
func reason(status, said string) string {
	if said == "" {
		return status
	}
	return status + ", " + said
}
