package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"sessionwarden"
	"sessionwarden/alert/slacktest"
)

// testAppToken is the app-level token of the tests.
const testAppToken = "canary-app-token-not-a-secret"

const (
	jane    = "U0JANE"
	mallory = "U0MALLORY"
)

// withButtons has the world's Slack buttons that Jane may press.
func (w *world) withButtons() {
	w.slack.AddUser(jane, "Jane")
	w.slack.AddUser(mallory, "Jane") // who calls herself so
	w.alert = []string{`bot_token = "` + testToken + `"`, `app_token = "` + testAppToken + `"`, `channel = "#security"`,
		fmt.Sprintf("api_url = %q", w.slackAt+"/api/"), fmt.Sprintf("people = [%q]", jane)}
}

// listening waits until the program hears what is pressed.
func (w *world) listening() {
	w.t.Helper()
	w.eventually("the program listens to Slack", func() bool { open, _ := w.slack.Connections(); return open > 0 })
}

// first waits for the first message with a button and returns it as it stands.
func (w *world) first(button string) slacktest.Message {
	w.t.Helper()
	var found slacktest.Message
	w.eventually("there is a button "+button, func() bool {
		for _, m := range w.slack.Messages() {
			for _, b := range slacktest.Buttons(m) {
				if strings.HasPrefix(b.Label, button) {
					found = m
					return true
				}
			}
		}
		return false
	})
	return found
}

// valueOf returns what the button carries.
func valueOf(m slacktest.Message, button string) string {
	for _, b := range slacktest.Buttons(m) {
		if strings.HasPrefix(b.Label, button) {
			return b.Value
		}
	}
	return ""
}

// actionOf returns the button's action_id.
func actionOf(m slacktest.Message, button string) string {
	for _, b := range slacktest.Buttons(m) {
		if strings.HasPrefix(b.Label, button) {
			return b.Action
		}
	}
	return ""
}

// press presses a button of a message as it was, and returns what the person is
// told.
func (w *world) press(user string, m slacktest.Message, button string) string {
	w.t.Helper()
	before := len(w.slack.Ephemerals())
	ack, err := w.slack.PressValue(w.t.Context(), user, m.TS, actionOf(m, button), valueOf(m, button))
	if err != nil || !ack.Acked {
		w.t.Fatalf("the press of %s was not acknowledged: %+v, %v", button, ack, err)
	}
	w.eventually("the person is answered", func() bool { return len(w.slack.Ephemerals()) > before })
	last := w.slack.Ephemerals()[len(w.slack.Ephemerals())-1]
	if last.User != user {
		w.t.Errorf("%s pressed, and %s was answered", user, last.User)
	}
	return last.Text
}

// now returns the message as it stands now.
func (w *world) now(m slacktest.Message) string {
	for _, one := range w.slack.Messages() {
		if one.TS == m.TS {
			return slacktest.Text(one)
		}
	}
	return ""
}

// says runs a command and returns what it prints.
func (w *world) says(args ...string) string {
	w.t.Helper()
	out, errs, status := w.cli(args...)
	if status != 0 {
		w.t.Errorf("%v: status %d\n%s", args, status, errs)
	}
	return out
}

// idOf reads a session's id.
func idOf(t *testing.T, id string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// asked is a world in which somebody was asked about a session.
func asked(t *testing.T) (w *world, p *process, id string, m slacktest.Message) {
	return found(t, "ask")
}

// found is a world in which somebody signed in whom a rule with this response found.
func found(t *testing.T, response string) (w *world, p *process, id string, m slacktest.Message) {
	w = newWorld(t)
	w.withButtons()
	w.rules = []string{fmt.Sprintf("unexpected_country = %q", response)}
	w.atHome()
	p = w.start()
	w.listening()
	id = w.signIn(farAddr, iphone, 0)
	return w, p, id, w.first("End this session")
}

func TestEveryButton(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		button string
		says   string // what whoever pressed is told
		shows  string // what the message says then
		ended  bool   // the session is ended
	}{
		"end":         {"End this session", "ended, and verified gone at", "Ended by Jane (U0JANE in Slack), verified gone at", true},
		"mine":        {"It was me", "counts as yours as long as it stays where it is", "Left alone: by Jane (U0JANE in Slack)", false},
		"network":     {"Mine: trust", "counts as yours on account main until", "Answered by Jane (U0JANE in Slack)", false},
		"acknowledge": {"Acknowledge", "nobody else is told of it", "Answered by Jane (U0JANE in Slack)", false},
		"all":         {"End all sessions", "ended, and verified gone at", "Ended by Jane (U0JANE in Slack), verified gone at", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, p, id, m := asked(t)
			if text := w.press(mallory, m, c.button); !strings.Contains(text, "not on the list") || len(w.ended("main")) > 0 {
				t.Errorf("a stranger pressed %s: %q, ended %v", c.button, text, w.ended("main"))
			}
			if text := w.press(jane, m, c.button); !strings.Contains(text, c.says) {
				t.Errorf("she was told %q", text)
			}
			if got := slices.Contains(w.ended("main"), id); got != c.ended {
				t.Errorf("ended: %v", w.ended("main"))
			}
			w.eventually("the message says so", func() bool { return strings.Contains(w.now(m), c.shows) })
			if !strings.Contains(w.now(m), "Jane (U0JANE in Slack)") {
				t.Errorf("the message does not say who decided:\n%s", w.now(m))
			}
			calls := len(w.ended("main"))
			if text := w.press(jane, m, c.button); !strings.Contains(text, "Nothing was changed: Jane (U0JANE in Slack) pressed this at") {
				t.Errorf("the second time: %q", text)
			}
			p.stop()
			w.start()
			w.listening()
			if text := w.press(jane, m, c.button); !strings.Contains(text, "Nothing was changed: Jane (U0JANE in Slack) pressed this at") {
				t.Errorf("after a restart: %q", text)
			}
			if len(w.ended("main")) != calls {
				t.Errorf("pressed again, it ended %v", w.ended("main"))
			}
		})
	}
}

// To end all sessions is asked for again when somebody else came since, or after a
// while; what is about one session is done once.
func TestWhatGoesOnIsPressedAgain(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.atHome()
		b.start()
		b.pass(time.Minute)
		b.signIn(farAddr, chrome)
		b.pass(time.Minute)
		var id uint64
		for _, a := range b.alerts() {
			if a.Unanswered() {
				id = a.ID
			}
		}
		p := &presses{app: b.app}
		for _, c := range []struct {
			verb  sessionwarden.OfferVerb
			ago   time.Duration // a minute ago he came, or later
			again bool
		}{
			{sessionwarden.OfferEndAll, time.Second, false}, // by mistake
			{sessionwarden.OfferEndAll, 2 * pressAgain, true},
			{sessionwarden.OfferAcknowledge, time.Second, false},
			{sessionwarden.OfferAcknowledge, 5 * time.Minute, true},
			{sessionwarden.OfferEnd, 5 * time.Minute, false},
		} {
			if got := p.goesOn(sessionwarden.Offer{Verb: c.verb, Alert: id, Pressed: b.wall().Add(-c.ago)}, b.wall()); got != c.again {
				t.Errorf("%s, pressed %s ago: done again: %t, want %t", c.verb, c.ago, got, c.again)
			}
		}
	})
}

// A message that told of a session without asking, or that said it was left alone,
// says who had it ended all the same.
func TestTheMessageSaysWhatWasEndedByHand(t *testing.T) {
	t.Parallel()
	t.Run("told only", func(t *testing.T) {
		t.Parallel()
		w, _, _, m := found(t, "alert")
		w.press(jane, m, "End this session")
		w.eventually("the message says so", func() bool {
			return strings.Contains(w.now(m), "Ended by Jane (U0JANE in Slack), verified gone at")
		})
	})
	t.Run("left alone before", func(t *testing.T) {
		t.Parallel()
		w, _, id, m := asked(t)
		w.press(jane, m, "It was me")
		w.says("disconnect", id, "--account", "main")
		w.eventually("the message says so", func() bool {
			return strings.Contains(w.now(m), ", verified gone at") && !strings.Contains(w.now(m), "Left alone")
		})
		if n := len(w.messages()); n != 1 {
			t.Errorf("%d messages: %q", n, w.messages())
		}
	})
}

// TestAButtonIsPressedLate: after a restart, and after the session has gone by
// itself.
func TestAButtonIsPressedLate(t *testing.T) {
	t.Parallel()
	w, p, id, m := asked(t)
	p.stop()
	w.start()
	w.listening()
	if text := w.press(jane, m, "End this session"); !strings.Contains(text, "verified gone") || !slices.Contains(w.ended("main"), id) {
		t.Errorf("after a restart: %q, ended %v", text, w.ended("main"))
	}
	other := w.signIn(farAddr2, chrome, 0)
	var second slacktest.Message
	w.eventually("the second one is told of", func() bool {
		for _, one := range w.slack.Messages() {
			if one.Thread == "" && strings.Contains(slacktest.Text(one), other) && len(slacktest.Buttons(one)) > 0 {
				second = one
				return true
			}
		}
		return false
	})
	w.service.SignOut("main", idOf(t, other))
	w.eventually("it is known to be gone", func() bool { return !strings.Contains(w.says("sessions"), other) })
	calls := len(w.ended("main"))
	for _, button := range []string{"End this session", "It was me"} {
		if text := w.press(jane, second, button); !strings.Contains(text, "Not done: ") || !strings.Contains(text, "Instead: ") {
			t.Errorf("%s, of a session that is gone: %q", button, text)
		}
	}
	if len(w.ended("main")) != calls {
		t.Errorf("ended %v", w.ended("main"))
	}
}

func TestAForgedButtonDoesNothing(t *testing.T) {
	t.Parallel()
	w, _, _, m := asked(t)
	for _, value := range []string{"", "1-AAAAAAAAAAAAAAAAAAAAAA", "end", "'; drop table", strings.Repeat("9", 2000), valueOf(m, "End this session") + "x"} {
		before := len(w.slack.Ephemerals())
		ack, err := w.slack.PressValue(t.Context(), jane, m.TS, "end", value)
		if err != nil || !ack.Acked {
			t.Fatalf("%.40q: %+v, %v", value, ack, err)
		}
		w.eventually("she is answered", func() bool { return len(w.slack.Ephemerals()) > before })
		if text := w.slack.Ephemerals()[before].Text; !strings.Contains(text, "Nothing was changed") {
			t.Errorf("%.40q: %q", value, text)
		}
	}
	if len(w.ended("main")) > 0 {
		t.Errorf("ended %v", w.ended("main"))
	}
}

func TestTheCommandInSlack(t *testing.T) {
	t.Parallel()
	w, _, id, _ := asked(t)
	for _, c := range []struct{ text, want string }{
		{"", "What can be asked here"},
		{"help", "approve ID, deny ID"},
		{"status", "channel slack: "},
		{"sessions", id},
		{"sessions --account nobody", "nobody"},
		{"run", "cannot be asked here"},
		{"backup /tmp/x", "cannot be asked here"},
		{"status --config /etc/passwd", "for the machine itself"},
		{"trust list", "Nothing is trusted"},
		{"approve 99999", "there is no action 99999"},
		{"trust add --account “main", "quotation mark"},
		{"explain " + id, "unexpected_country"},
		{"incidents", "open"},
		{"trust add --account main --country JP --until 14d --note “a trip”", "Trust "},
	} {
		ack, err := w.slack.Slash(t.Context(), jane, c.text)
		if err != nil || !ack.Acked {
			t.Fatalf("%s: %+v, %v", c.text, ack, err)
		}
		w.eventually("/sessionwarden "+c.text+" is answered with "+c.want, func() bool {
			if strings.Contains(ack.Text, c.want) {
				return true
			}
			return slices.ContainsFunc(w.slack.Ephemerals(), func(e slacktest.Ephemeral) bool { return strings.Contains(e.Text, c.want) })
		})
	}
	ack, err := w.slack.Slash(t.Context(), mallory, "sessions")
	if err != nil || strings.Contains(ack.Text, id) || !strings.Contains(ack.Text, "not on the list") {
		t.Errorf("a stranger: %+v, %v", ack, err)
	}
	if out := w.says("trust", "list"); !strings.Contains(out, "by Jane (U0JANE in Slack)") {
		t.Errorf("it does not say who trusts:\n%s", out)
	}
}

func TestStatusSaysWhetherButtonsAreHeard(t *testing.T) {
	t.Parallel()
	w, _, _, m := asked(t)
	w.eventually("they are heard", func() bool { return strings.Contains(w.says("status"), "buttons connected") })
	w.slack.Disconnect("link_disabled")
	w.eventually("status says that they are not", func() bool { return strings.Contains(w.says("status"), "buttons not connected") })
	if !strings.Contains(w.now(m), "sessionwarden approve ") {
		t.Errorf("the message does not name the command that does the same:\n%s", w.now(m))
	}
}
