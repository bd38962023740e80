package main

import (
	"fmt"
	"strings"
	"testing"

	"sessionwarden/alert/slacktest"
	"sessionwarden/mannco/manncotest"
)

// byWebhook tells by an incoming webhook in place of a bot.
func (w *world) byWebhook() {
	w.alert = []string{fmt.Sprintf("webhook_url = %q", w.slackAt+slacktest.WebhookPath)}
}

func TestWebhookTellsOnceWhenAnswered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.byWebhook()
	w.atHome()
	w.start()
	w.signIn(farAddr, chrome, 0)
	w.eventually("verified", func() bool { return w.action("verified") != nil })
	w.polls(3)
	m := w.messages()
	if len(m) != 1 || strings.Contains(m[0], "nding it now") || !strings.Contains(m[0], "nded") {
		t.Errorf("want one message, sent when the call was answered: %q", m)
	}
}

func TestWebhookTellsAgainWhenItProvesUntrue(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.byWebhook()
	w.atHome()
	w.start()
	w.fault(manncotest.Fault{Kind: manncotest.FaultDisconnectLies})
	w.signIn(farAddr, chrome, 0)
	w.eventually("a second message says that it is still there", func() bool {
		m := w.messages()
		return len(m) >= 1 && strings.Contains(m[len(m)-1], "trying again")
	})
}

func TestSlackDownIsMadeUpForAfterARestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.atHome()
	w.slack.Always(slacktest.Status(503))
	p := w.start()
	w.signIn(farAddr, chrome, 0)
	w.eventually("ended", func() bool { return w.action("verified") != nil })
	if len(w.messages()) != 0 {
		t.Fatal("Slack was not down")
	}
	p.kill()
	w.slack.Always(slacktest.None())
	w.start()
	w.eventually("delivered after the restart, in its newest state", func() bool {
		m := w.messages()
		return len(m) == 1 && strings.Contains(m[0], "verified gone")
	})
}

func TestTwoHundredFindingsMakeAHandfulOfMessages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rules = []string{`unexpected_country = "alert"`}
	for i := range 50 {
		name := fmt.Sprintf("a%02d", i)
		w.alsoWatch(name)
		w.signInTo(name, homeAddr, chrome, 0)
	}
	w.atHome()
	w.start()
	for i := range 50 {
		for j := range 4 {
			w.signInTo(fmt.Sprintf("a%02d", i), fmt.Sprintf("113.160.%d.%d", i, 10+j), chrome, 0)
		}
	}
	w.eventually("all 200 are found", func() bool { return count(w, "unexpected_country") == 200 })
	w.eventually("all are told", func() bool {
		for _, row := range w.status().Channels {
			if row.Pending > 0 {
				return false
			}
		}
		return true
	})
	if n := len(w.messages()); n == 0 || n > 12 {
		t.Errorf("%d messages for 200 findings, want a handful", n)
	}
}

func TestHostileTextsReachNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.fault(manncotest.Fault{Kind: manncotest.FaultHostileAgent})
	w.fault(manncotest.Fault{Kind: manncotest.FaultHostileISP})
	w.fault(manncotest.Fault{Kind: manncotest.FaultHostileLocation})
	w.atHome()
	w.start()
	w.signIn(farAddr, chrome, 0)
	w.eventually("he is acted on all the same", func() bool { return w.action("verified") != nil || w.action("held") != nil })
	w.eventually("it is told", func() bool { return len(w.messages()) > 0 })
	for _, args := range [][]string{{"sessions"}, {"history"}, {"findings"}, {"history", "--json"}, {"export", "--format", "csv"}} {
		out := w.must(args...)
		for _, bad := range []string{"\x1b", "\x00", "\u202e", "\u200b", "\u009b"} {
			if strings.Contains(out, bad) {
				t.Errorf("%v prints %q", args, bad)
			}
		}
	}
}
