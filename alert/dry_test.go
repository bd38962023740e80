package alert_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"sessionwarden/alert"
	"sessionwarden/alert/slacktest"
)

// A dry try finds what keeps a channel from delivering, and nobody sees a
// message.
func TestADryTryFindsABrokenChannelAndPostsNothing(t *testing.T) {
	for name, c := range map[string]struct {
		fault   slacktest.Fault
		bot     bool
		ok      bool
		refused bool
		says    string
	}{
		"a good bot":          {slacktest.None(), true, true, false, ""},
		"a good webhook":      {slacktest.None(), false, true, false, ""},
		"an old webhook":      {slacktest.Webhook(500, "missing_text_or_fallback_or_attachments"), false, true, false, ""},
		"a revoked token":     {slacktest.Refuse("token_revoked"), true, false, true, "Slack refused the token: token_revoked"},
		"a removed webhook":   {slacktest.Webhook(404, "no_service"), false, false, true, "was switched off (HTTP 404, no_service)"},
		"an archived channel": {slacktest.Webhook(410, "channel_is_archived"), false, false, true, "HTTP 410"},
		"a bot's bad day":     {slacktest.Status(503), true, false, false, "Slack has trouble (HTTP 503)"},
		"a webhook's bad day": {slacktest.Status(503), false, false, false, "Slack has trouble (HTTP 503)"},
		"a page for a bot":    {slacktest.HTML(), true, false, false, "could not be understood"},
		"a page for a hook":   {slacktest.HTML(), false, false, false, "the answer is not Slack's"},
		"a page that refuses": {slacktest.Status(400), false, false, false, "the answer is not Slack's"},
		"a limit":             {slacktest.Limited("7"), false, false, false, "limits"},
		"it hangs":            {slacktest.Hang(), true, false, false, "did not answer in time"},
		"it breaks off":       {slacktest.Reset(), false, false, false, "broke off"},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, c.bot, func(w *world) {
				w.slack.Always(c.fault)
				r := w.teller.Dry(context.Background())
				if len(r) != 1 || r[0].Channel != "slack" || !r[0].Tried || r[0].OK != c.ok || r[0].Refused != c.refused || !strings.Contains(r[0].Outcome, c.says) {
					t.Errorf("%+v", r)
				}
				if c.refused && r[0].Cure == "" {
					t.Error("there is no cure")
				}
				if len(w.slack.Messages()) != 0 {
					t.Error("people were disturbed")
				}
				time.Sleep(time.Minute)
			})
		})
	}
}

// wild panics when it is tried.
type wild struct{ alert.Channel }

func (wild) Name() string              { return "wild" }
func (wild) CanUpdate() bool           { return false }
func (wild) Dry(context.Context) error { panic("a mistake") }

// shy cannot be tried dry.
type shy struct{ alert.Channel }

func (shy) Name() string    { return "shy" }
func (shy) CanUpdate() bool { return false }

func TestADryTryOfOtherChannels(t *testing.T) {
	t.Parallel()
	r := alert.New(alert.Options{Outbox: newDisk(), Channels: []alert.Channel{wild{}, shy{}}}).Dry(t.Context())
	if len(r) != 2 || r[0].OK || !r[0].Tried || r[0].Outcome == "" || !r[1].OK || r[1].Tried {
		t.Errorf("%+v", r)
	}
}
