package alert

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/slack-go/slack"
)

// Dryer is a [Channel] that can be tried without disturbing anybody: up to the
// last step before a message appears.
type Dryer interface {
	// Dry says why the channel would not take a message now; nil: nothing is
	// known to be wrong. Errors are as of [Channel.Send].
	Dry(ctx context.Context) error
}

// DryResult is what became of a dry try of one channel.
type DryResult struct {
	Channel string
	Tried   bool   // the channel can be tried dry, and was
	OK      bool   // it would take a message, for all that is known
	Refused bool   // it would not until a person mends it
	Outcome string // what went wrong, in words, without secrets; "" where it is OK
	Cure    string // what to do about it; "" where nothing is known
}

// Dry tries every channel at once without sending anything to anybody, and waits
// for the answers.
func (t *Teller) Dry(ctx context.Context) []DryResult {
	results := make([]DryResult, len(t.lanes))
	var tries sync.WaitGroup
	for i, l := range t.lanes {
		tries.Go(func() {
			limited, cancel := context.WithTimeout(ctx, sendLimit)
			defer cancel()
			results[i] = dry(limited, l.channel)
			results[i].Channel = l.name
		})
	}
	tries.Wait()
	return results
}

// dry tries a channel and contains its panics.
func dry(ctx context.Context, c Channel) (r DryResult) {
	d, can := c.(Dryer)
	if !can {
		return DryResult{OK: true}
	}
	defer func() {
		if recover() != nil {
			r = DryResult{Tried: true, Outcome: "the channel made a mistake"}
		}
	}()
	r = DryResult{Tried: true, OK: true}
	if err := d.Dry(ctx); err != nil {
		e := asSendError(err)
		r.OK, r.Refused, r.Outcome, r.Cure = false, e.Class == Broken, e.Reason, e.Cure
	}
	return r
}

// Dry implements [Dryer]: it asks Slack whether the token is good (auth.test).
// Whether the channel is there, and may be posted to, only a message shows.
func (b *SlackBot) Dry(ctx context.Context) error {
	token, err := b.token()
	if err != nil || token == "" {
		return &SendError{Class: Broken, Reason: "the bot token cannot be read", Cure: "look at bot_token_file, its permissions and its content"}
	}
	door := &apiDoor{client: b.client}
	api := slack.New(token, slack.OptionHTTPClient(door), slack.OptionAPIURL(b.api))
	if _, err = api.AuthTestContext(ctx); err == nil && !door.ok {
		err = &SendError{Class: Retry, Reason: "Slack's answer does not say that the token is good"}
	}
	if err == nil {
		return nil
	}
	e := botError(err, token, aMessage)
	e.Reason = strings.Replace(e.Reason, "refused the message", "refused the token", 1)
	return e
}

// lacksText is what webhooks of old say of a message with nothing in it, by a
// status that says something else.
const lacksText = "missing_text_or_fallback_or_attachments"

// Dry implements [Dryer]: it sends a message with nothing in it. A webhook that
// works refuses that for being empty, and one that was switched off says so.
func (w *SlackWebhook) Dry(ctx context.Context) error {
	address, err := w.url()
	if err != nil {
		return &SendError{Class: Broken, Reason: "the webhook's URL cannot be read", Cure: "look at webhook_url_file, its permissions and its content"}
	}
	if _, err := checkURL(address); err != nil {
		return &SendError{Class: Broken, Reason: "the webhook's URL cannot be used: " + err.Error(), Cure: "copy it again from the Slack app's page \"Incoming Webhooks\""}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader("{}"))
	if err != nil {
		return &SendError{Class: Broken, Reason: "the webhook's URL cannot be used"}
	}
	req.Header.Set("Content-Type", "application/json")
	got, err := exchange(w.client, req)
	if err != nil {
		return err
	}
	said := code(string(got.body[:min(len(got.body), 100)]))
	refused := webhookError(got, address)
	if refused == nil || asSendError(refused).Class == Reject && got.status == http.StatusBadRequest && said != "" || said == "no_text" || said == lacksText {
		return nil
	}
	if e := asSendError(refused); e.Class != Reject {
		return e
	}
	return &SendError{Class: Retry, Reason: "the answer is not Slack's (HTTP " + strconv.Itoa(got.status) + ")", Cure: "look whether a proxy or a sign-in page stands between this machine and Slack"}
}

var (
	_ Dryer = (*SlackBot)(nil)
	_ Dryer = (*SlackWebhook)(nil)
)
