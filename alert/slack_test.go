package alert_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"sessionwarden"
	"sessionwarden/alert"
	"sessionwarden/alert/slacktest"
)

// roundTrip is a transport made of a function.
type roundTrip func(*http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// answering is a transport that always answers the same.
func answering(status int, body, retryAfter string) http.RoundTripper {
	return roundTrip(func(r *http.Request) (*http.Response, error) {
		return &http.Response{
			StatusCode: status, Header: http.Header{"Retry-After": {retryAfter}, "Location": {"https://evil.example/"}},
			Body: io.NopCloser(strings.NewReader(body)), Request: r,
		}, nil
	})
}

// failing is a transport that never gets an answer. Its error holds the URL,
// as those of net/http do.
func failing(err error) http.RoundTripper {
	return roundTrip(func(r *http.Request) (*http.Response, error) {
		return nil, &url.Error{Op: "Post", URL: r.URL.String(), Err: err}
	})
}

func TestErrorsAreSortedAndHoldNoSecret(t *testing.T) {
	t.Parallel()
	type want struct {
		class  alert.Class
		unsure bool
	}
	for name, c := range map[string]struct {
		way  http.RoundTripper
		want want
	}{
		"no such host": {failing(&net.DNSError{Err: "no such host", Name: canary, IsNotFound: true}), want{alert.Retry, false}},
		"refused":      {failing(&net.OpError{Op: "dial", Err: errors.New("connection refused by " + canary)}), want{alert.Retry, false}},
		"reset":        {failing(&net.OpError{Op: "read", Err: errors.New("connection reset by " + canary)}), want{alert.Retry, true}},
		"time-out":     {failing(context.DeadlineExceeded), want{alert.Retry, true}},
		"redirect":     {answering(307, "", ""), want{alert.Retry, false}},
		"limited":      {answering(429, "", "7"), want{alert.Limited, false}},
		"trouble":      {answering(502, "<html>", ""), want{alert.Retry, true}},
		"unavailable":  {answering(503, "<html>", ""), want{alert.Retry, false}},
	} {
		for _, bot := range []bool{false, true} {
			t.Run(fmt.Sprint(name, " ", bot), func(t *testing.T) {
				t.Parallel()
				_, err := channelOver(t, bot, c.way).Send(context.Background(), alert.Compose(intrusion(sessionwarden.Done), told), "")
				var e *alert.SendError
				if !errors.As(err, &e) || e.Class != c.want.class || e.Unsure != c.want.unsure {
					t.Fatalf("error is %+v, want class %s", err, c.want.class)
				}
				check(t, err)
			})
		}
	}
}

// Nobody listens where Slack should be: the address says which proxy, or which
// machine, to look at.
func TestARefusedConnectionNamesTheAddress(t *testing.T) {
	t.Parallel()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := closed.Addr().String()
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	c, err := alert.NewSlackWebhook(alert.SlackWebhookOptions{URL: func() (string, error) { return "http://" + addr + "/services/" + canary, nil }})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Send(t.Context(), alert.Compose(intrusion(sessionwarden.Done), told), "")
	var e *alert.SendError
	if !errors.As(err, &e) || e.Class != alert.Retry || e.Reason != "no connection to Slack: "+addr+" refuses it" {
		t.Errorf("error is %+v", err)
	}
	check(t, err)
}

// channelOver makes a channel whose secrets are canaries.
func channelOver(t *testing.T, bot bool, way http.RoundTripper) alert.Channel {
	t.Helper()
	if bot {
		c, err := alert.NewSlackBot(alert.SlackBotOptions{Token: func() (string, error) { return canary, nil }, Channel: "#security", APIURL: "https://slack.invalid/api", Transport: way})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	c, err := alert.NewSlackWebhook(alert.SlackWebhookOptions{URL: func() (string, error) { return "https://slack.invalid/services/" + canary, nil }, Transport: way})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCodesOfSlackAreSorted(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]alert.Class{
		"invalid_blocks": alert.Reject, "msg_too_long": alert.Reject, "no_text": alert.Reject, "invalid_blocks_format": alert.Reject,
		"invalid_auth": alert.Broken, "token_revoked": alert.Broken, "channel_not_found": alert.Broken, "is_archived": alert.Broken,
		"not_in_channel": alert.Broken, "missing_scope": alert.Broken, "account_inactive": alert.Broken,
		"ratelimited": alert.Limited, "message_limit_exceeded": alert.Limited,
		"internal_error": alert.Retry, "fatal_error": alert.Retry, "brand_new": alert.Retry, "": alert.Retry, "Not A Code!": alert.Retry,
	} {
		_, err := channelOver(t, true, answering(200, fmt.Sprintf(`{"ok":false,"error":%q}`, code), "")).Send(context.Background(), alert.Compose(intrusion(sessionwarden.Done), told), "")
		var e *alert.SendError
		if !errors.As(err, &e) || e.Class != want {
			t.Errorf("%q is sorted as %v, want %s", code, err, want)
		}
		if e != nil && e.Class == alert.Broken && e.Cure == "" {
			t.Errorf("%q has no cure", code)
		}
	}
	for _, code := range []string{"message_not_found", "cant_update_message", "edit_window_closed"} {
		_, err := channelOver(t, true, answering(200, fmt.Sprintf(`{"ok":false,"error":%q}`, code), "")).Send(context.Background(), alert.Compose(intrusion(sessionwarden.Done), told), "C1:1.2")
		var e *alert.SendError
		if !errors.As(err, &e) || e.Class != alert.Lost {
			t.Errorf("%q is sorted as %v, want lost", code, err)
		}
	}
}

func TestAURLThatCannotBeUsedIsRefusedWithoutBeingShown(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"", "hooks.slack.com/" + canary, "http://hooks.slack.com/" + canary, "ftp://x/" + canary, "https://user:" + canary + "@x/", "https://[::1/" + canary, "https:///" + canary} {
		hook, err := alert.NewSlackWebhook(alert.SlackWebhookOptions{URL: func() (string, error) { return address, nil }, Transport: answering(200, "ok", "")})
		if err != nil {
			t.Fatal(err)
		}
		_, err = hook.Send(context.Background(), alert.Message{Title: "x", Summary: "x", Text: "x"}, "")
		var e *alert.SendError
		if !errors.As(err, &e) || e.Class != alert.Broken || e.Cure == "" || strings.Contains(e.Error(), canary) {
			t.Errorf("%q: %v", address, err)
		}
	}
	if _, err := alert.NewSlackBot(alert.SlackBotOptions{Token: func() (string, error) { return canary, nil }, Channel: "#x", APIURL: "http://slack.invalid/" + canary}); err == nil || strings.Contains(err.Error(), canary) {
		t.Errorf("an API over plain http: %v", err)
	}
	failing := func() (string, error) { return "", errors.New("open " + canary) }
	hook, err := alert.NewSlackWebhook(alert.SlackWebhookOptions{URL: failing})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = hook.Send(context.Background(), alert.Message{}, ""); err == nil || strings.Contains(err.Error(), canary) {
		t.Errorf("an unreadable secret: %v", err)
	}
}

func TestARealListenerOnLoopback(t *testing.T) {
	t.Parallel()
	slack := slacktest.New()
	server := httptest.NewServer(slack)
	defer server.Close()
	m := alert.Compose(intrusion(sessionwarden.Done), told)
	hook, err := alert.NewSlackWebhook(alert.SlackWebhookOptions{URL: func() (string, error) { return server.URL + slacktest.WebhookPath, nil }, Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := hook.Send(context.Background(), m, ""); err != nil {
		t.Error(err)
	}
	bot, err := alert.NewSlackBot(alert.SlackBotOptions{Token: func() (string, error) { return canary, nil }, Channel: "#security", APIURL: server.URL + slacktest.APIPath, Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	ref, err := bot.Send(context.Background(), m, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bot.Send(context.Background(), alert.Compose(intrusion(sessionwarden.Verified), told), ref); err != nil {
		t.Error(err)
	}
	if n := len(slack.Messages()); n != 2 || len(slack.Messages()[1].History) != 1 {
		t.Errorf("%d messages", n)
	}
	slack.Fail(slacktest.Reset())
	_, err = hook.Send(context.Background(), m, "")
	check(t, err)
	if err == nil {
		t.Error("a broken connection is a success")
	}
}
