package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sessionwarden/alert/channeltest"
	"sessionwarden/alert/slacktest"
)

// otherChannels adds an ntfy topic and a JSON webhook beside Slack, both on
// loopback, with their addresses in files.
func (w *world) otherChannels() *channeltest.Server {
	w.t.Helper()
	s := channeltest.New()
	at := serving(w.t, w.search.handler("a channel", s))
	dir := w.t.TempDir() // beside the world's own, which is searched
	for name, secret := range map[string]string{
		"ntfy.url": "ntfy://:" + channeltest.Token + "@" + strings.TrimPrefix(at, "http://") + "/alerts?scheme=http",
		"hook.url": at + "/hook/" + channeltest.Token, "hook.secret": hookSecret,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(secret+"\n"), 0o600); err != nil {
			w.t.Fatal(err)
		}
	}
	w.extra += fmt.Sprintf(`
[[alert.channel]]
name = "phone"
url_file = %q
[[alert.channel]]
name = "own"
webhook_url_file = %q
webhook_secret_file = %q
`, filepath.Join(dir, "ntfy.url"), filepath.Join(dir, "hook.url"), filepath.Join(dir, "hook.secret"))
	return s
}

// took returns what a service of the other channels has taken.
func took(s *channeltest.Server, service string) []channeltest.Message {
	var list []channeltest.Message
	for _, m := range s.Messages() {
		if m.Service == service {
			list = append(list, m)
		}
	}
	return list
}

// Slack is down: the other channels are told of what is critical at once, and
// Slack when it is back.
func TestWhileSlackIsDownTheOtherChannelsAreTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.otherChannels()
	w.atHome()
	w.slack.Always(slacktest.Status(503))
	w.start()
	began := time.Now()
	w.signIn(farAddr, chrome, 0)
	w.eventually("both are told", func() bool { return len(took(s, "ntfy")) > 0 && len(took(s, "hook")) > 0 })
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
	push, hook := took(s, "ntfy")[0], took(s, "hook")[0]
	if !strings.Contains(push.Title, "main") || !strings.Contains(push.Text, farAddr) || push.Priority != "Max rotating_light" {
		t.Errorf("the telephone gets %+v", push)
	}
	if hook.Priority != "critical" || !strings.Contains(string(hook.Body), `"address":"`+farAddr+`"`) || !strings.HasPrefix(hook.Header.Get("X-Sessionwarden-Signature"), "t=") {
		t.Errorf("the webhook gets %+v", hook)
	}
	if len(w.messages()) > 0 {
		t.Fatal("Slack was not down")
	}
	w.eventually("only Slack has something left, and says why", func() bool { // an answer is taken note of after it came
		for _, row := range w.status().Channels {
			if down := row.Channel == "slack"; (row.Pending > 0) != down || (row.Error != "") != down {
				return false
			}
		}
		return true
	})
	w.slack.Always(slacktest.None())
	out, _, status := w.cli("alert", "test")
	if status != 0 || !strings.Contains(out, "ok phone: delivered") || !strings.Contains(out, "ok own: delivered") || !strings.Contains(out, "ok slack: delivered") {
		t.Errorf("alert test: %d\n%s", status, out)
	}
	if !strings.Contains(string(took(s, "hook")[len(took(s, "hook"))-1].Body), `"test":true`) {
		t.Error("the webhook's test alert is not marked")
	}
}

// A watch that tells nobody is allowed, and said to be one.
func TestCheckWithoutAChannelIsANote(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.alert = []string{}
	w.atHome()
	w.write()
	out, errs, status := w.cli("check")
	if text := strings.Join(strings.Fields(out), " "); status != 0 || !strings.Contains(text, "note alert channels: none is configured, so nobody is told of anything") {
		t.Errorf("status %d\n%s%s", status, out, errs)
	}
}

func TestCheckTriesEveryChannel(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.otherChannels()
	w.atHome()
	w.write()
	out, errs, status := w.cli("check")
	text := strings.Join(strings.Fields(out), " ")
	for _, want := range []string{
		"ok address of phone: ntfy, read from file", "ok address of own: a JSON webhook, read from file",
		"ok channel slack: a test alert was delivered", "ok channel phone: ntfy: the server is well; whether it takes a message only one can show: sessionwarden alert test",
		"ok channel own: JSON webhook: the address is one, and messages are signed;",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing:\n%s%s", want, out, errs)
		}
	}
	if status != 0 || len(s.Messages()) > 0 {
		t.Errorf("status %d, and %d messages", status, len(s.Messages()))
	}
	s.Always(&channeltest.Fault{Status: http.StatusForbidden, Body: channeltest.Token})
	out, _, status = w.cli("check")
	text = strings.Join(strings.Fields(out), " ")
	if status != 1 || !strings.Contains(text, "FAIL channel phone: ntfy: ntfy does not let us in (HTTP 403) look at the topic") {
		t.Errorf("status %d\n%s", status, out)
	}
	out, _, status = w.cli("alert", "test")
	if status != 1 || !strings.Contains(out, "FAILED phone: ntfy does not let us in (HTTP 403)") || !strings.Contains(out, "FAILED own: the webhook does not let us in") {
		t.Errorf("status %d\n%s", status, out)
	}
	w.extra += "[[alert.channel]]\nname = \"chat\"\nurl = \"discord://" + channeltest.Token + "@x\"\n"
	w.write()
	for _, args := range [][]string{{"check", "--offline"}, {"check"}} {
		out, _, status = w.cli(args...)
		text = strings.Join(strings.Fields(out), " ")
		if status != 1 || !strings.Contains(text, "FAIL address of chat: the address of the channel cannot be used: the id of a webhook is a number") || !strings.Contains(text, "write it as discord://TOKEN@ID") {
			t.Errorf("%v: status %d\n%s", args, status, out)
		}
	}
}

// A daemon without Slack tells by its other channels, and check is content.
func TestADaemonWithoutSlack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.otherChannels()
	w.alert = []string{} // takes the section away
	w.atHome()
	w.start()
	w.signIn(farAddr, chrome, 0)
	w.eventually("it is told", func() bool { return len(took(s, "ntfy")) == 1 && len(took(s, "hook")) == 1 })
	out, errs, status := w.cli("check")
	if status != 0 || strings.Contains(out, "slack") {
		t.Errorf("status %d\n%s%s", status, out, errs)
	}
	for _, warning := range w.status().Warnings {
		if strings.Contains(warning, "no alert channel") {
			t.Error(warning)
		}
	}
}
