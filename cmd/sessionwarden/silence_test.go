package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"sessionwarden"
	"sessionwarden/alert/slacktest"
	"sessionwarden/internal/owner"
	"sessionwarden/web"
)

// A rule that is silent finds and records as ever; what it leaves out is counted,
// over a restart too; what is critical comes all the same; and what comes when the
// silence was removed is told again.
func TestSilencesByHandWithAndWithoutTheDaemon(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.alsoWatch("second")
	w.atHome()
	w.write()

	out := w.must("silence", "add", "--rule", "hosting_network", "--until", "14d", "--reason", "a new office")
	says(t, out, "every account, rule hosting_network, until "+time.Now().AddDate(0, 0, 14).Format("2006-01-02"), "still found and recorded", "Critical alerts still come. ",
		"To end it before: sessionwarden silence remove ")
	w.fits("silence add", out)
	daemon := w.start()
	w.polls(1)
	quiet := w.signIn(hostingAddr, chrome, time.Minute)
	w.eventually("it is found", func() bool { return w.found("hosting_network", quiet) })
	w.eventually("it is counted", func() bool { s := w.status().Silences; return len(s) == 1 && s[0].Muted == 1 })
	thief := w.signInTo("second", farAddr, chrome, time.Minute)
	w.eventually("the thief is told of", func() bool { return w.toldOf(thief) })
	if w.toldOf(quiet) {
		t.Errorf("what is silent was told: %q", w.messages())
	}

	daemon.stop()
	rows := w.printed("silence", "list")
	if len(rows) != 1 || rows[0]["rule"] != "hosting_network" || rows[0]["state"] != "holds" || rows[0]["muted"] != 1.0 || rows[0]["last_muted"] == nil ||
		rows[0]["reason"] != "a new office" || rows[0]["by"] != owner.Me() {
		t.Fatalf("listed: %v", rows)
	}
	listed := w.must("silence", "list")
	w.fits("silence list", listed)
	says(t, listed, "1 alert", "every account, rule hosting_network", "a new office; added ", "by "+owner.Me())
	status := w.must("status")
	w.fits("status", status)
	says(t, status, "Silent until ", ": every account, rule hosting_network, by "+owner.Me()+", a new office; 1 alert left out")
	w.start()
	w.polls(1)
	if w.toldOf(quiet) {
		t.Errorf("what is silent was told after a restart: %q", w.messages())
	}
	id, _ := rows[0]["id"].(string)
	says(t, w.must("silence", "remove", id), "Removed: alerts are sent again (every account, rule hosting_network). 1 alert left out meanwhile")
	if got := w.status().Silences; len(got) != 0 {
		t.Errorf("removed, and the status says %+v", got)
	}
	heard := w.signIn("5.9.10.21", iphone, time.Minute)
	w.eventually("the next is told of", func() bool { return w.toldOf(heard) })
	if _, errs, code := w.cli("silence", "remove", id); code != 1 || !strings.Contains(oneLine(errs), "does not hold any more: it was removed at") {
		t.Errorf("removed twice: %d %s", code, errs)
	}
	says(t, w.must("silence", "list"), "removed")
}

// toldOf reports whether a message names a session.
func (w *world) toldOf(session string) bool {
	return slices.ContainsFunc(w.messages(), func(m string) bool { return strings.Contains(m, "Session "+session) })
}

func TestSilencesThatCannotBeMeant(t *testing.T) {
	tooLongForTheRaceDetector(t)
	t.Parallel()
	w := newWorld(t)
	w.extra = "[[rule]]\nname = \"night_login\"\nwhen = 'time.hour < 6'\nthen = \"log\"\n"
	w.write()
	add := func(args ...string) []string {
		return append([]string{"silence", "add", "--until", "2h", "--reason", "tests"}, args...)
	}
	for _, test := range []struct {
		args   []string
		status int
		says   string
	}{
		{[]string{"silence", "add", "--reason", "tests"}, 2, "a silence needs an end"},
		{[]string{"silence", "add", "--until", "2h"}, 2, "a silence wants a reason: say why"},
		{add("--until", "2020-01-01"), 2, "is over already"},
		{add("--until", "91d"), 2, "within 90 days"},
		{add("--until", "soon"), 2, "is no end"},
		{add("--reason", strings.Repeat("a", 201)), 2, "the reason is too long: at most 200 bytes"},
		{add("--kind", "intrusoin"), 2, "did you mean intrusion?"},
		{add("--kind", "escalation"), 2, "incidents acknowledge ID"},
		{add("--kind", "blind", "--rule", "new_device"), 2, "no alert of kind blind comes of a rule"},
		{add("--rule", "new_devise"), 1, "did you mean new_device?"},
		{add("--rule", "night_logins"), 1, "did you mean night_login?"},
		{add("--account", "mian"), 1, "did you mean main?"},
		{add("everything"), 2, "takes no argument"},
		{[]string{"silence", "remove", "x"}, 2, "is not the id of a silence"},
		{[]string{"silence", "remove", "7"}, 1, "there is no silence 7"},
		{[]string{"silence", "lits"}, 2, `did you mean "list"?`},
		{[]string{"incidents", "acknowledge", "x"}, 2, "is no incident"},
		{[]string{"incidents", "acknowledge", "7"}, 1, "there is no incident 7"},
		{[]string{"incidents", "acknowledge"}, 2, "wants the id of an incident"},
	} {
		out, errs, status := w.cli(test.args...)
		if got := oneLine(out + errs); status != test.status || !strings.Contains(got, test.says) {
			t.Errorf("%v: status %d, want %d and %q: %s", test.args, status, test.status, test.says, got)
		}
	}
	says(t, w.must("silence", "list"), "Nothing is silent: what the configuration names is told.")
	out := w.must(add("--rule", "night_login", "--account", "main", "--critical")...)
	says(t, out, "account main, rule night_login, critical too, until ", "CRITICAL ALERTS ARE SILENT TOO")
	says(t, w.must(add("--rule", "unexpected_country")...), "those of unexpected_country are critical")
}

// A silence ends by itself, over a restart too, and what comes then is told.
func TestASilenceFromBeginningToEnd(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.atHome()
		b.start()
		b.pass(time.Minute)
		client := b.client()
		row, err := client.AddSilence(b.t.Context(), web.SilenceOrder{Account: "main", Kind: "intrusion", Until: "4h", Reason: "tests"})
		if err != nil {
			t.Fatal(err)
		}
		quiet := b.signIn(hostingAddr, chrome)
		b.pass(time.Hour)
		b.restart()
		b.pass(2 * time.Hour)
		if !b.found(sessionwarden.HostingNetwork, quiet) || len(b.messages()) != 0 {
			t.Errorf("found %+v, told %q", b.findings(), b.messages())
		}
		s := b.app.status().Silences
		if len(s) != 1 || s[0].ID != row.ID || s[0].Muted != 1 || s[0].Last.IsZero() || s[0].By != owner.Me() || s[0].What != "account main, kind intrusion" {
			t.Errorf("the status says %+v", s)
		}
		b.pass(time.Hour) // it is over
		if s := b.app.status().Silences; len(s) != 0 || len(b.messages()) != 0 {
			t.Errorf("the status says %+v, told %q", s, b.messages())
		}
		b.signIn("5.9.10.21", iphone)
		b.pass(2 * polled)
		if !b.told("5.9.10.21") || b.told(hostingAddr) {
			t.Errorf("told %q", b.messages())
		}
		if rows, err := b.client().Silences(b.t.Context()); err != nil || len(rows) != 1 || rows[0].State != "expired" || rows[0].Muted != 1 {
			t.Errorf("listed: %+v, %v", rows, err)
		}
	})
}

// client asks the program in the bubble, as its commands do.
func (b *bubble) client() *web.Client { return web.NewClient(web.InProcess(b.app.api)) }

// Who acknowledges an incident ends its escalation, until something new comes.
func TestAcknowledgingEndsTheEscalation(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.rules = []string{`unexpected_country = "ask"`}
		b.defaults = append(b.defaults, `ask_timeout = "24h"`)
		b.extra = "[alert.escalation]\nafter = \"10m\"\nchannels = [\"slack\"]\n"
		b.atHome()
		b.start()
		b.pass(time.Minute)
		b.signIn(farAddr, chrome)
		b.pass(25 * time.Minute)
		if n := b.reminders(); n != 2 {
			t.Fatalf("%d reminders in 25 minutes: %q", n, b.messages())
		}
		a := b.main()
		if !a.Unanswered || !a.Answered.IsZero() || answerNote(a, b.now()) != ", NOT ANSWERED (sessionwarden incidents acknowledge "+a.Incident+")" {
			t.Errorf("the status says %+v", a)
		}
		row, err := b.client().Acknowledge(b.t.Context(), uint64(number(a.Incident)))
		if err != nil || row.Events[len(row.Events)-1].Text != "Acknowledged by "+owner.Me()+"." {
			t.Fatalf("%+v, %v", row, err)
		}
		b.pass(2 * time.Hour)
		b.restart()
		b.pass(time.Hour)
		if n := b.reminders(); n != 2 {
			t.Errorf("%d reminders: somebody had acknowledged it after two", n)
		}
		a = b.main()
		if a.Unanswered || a.AnsweredBy != owner.Me() || answerNote(a, b.now()) != ", answered 3 h ago by "+owner.Me() {
			t.Errorf("the status says %+v: %s", a, answerNote(a, b.now()))
		}
		b.signIn(farAddr2, iphone)
		b.pass(15 * time.Minute)
		if n := b.reminders(); n != 3 || !b.main().Unanswered {
			t.Errorf("%d reminders after somebody else came; %+v", n, b.main())
		}
	})
}

// reminders returns how many messages say that nobody has answered.
func (b *bubble) reminders() (n int) {
	for _, m := range b.slack.Messages() { // a bot reminds in the thread
		if strings.Contains(slacktest.Text(m), "Nobody has answered") {
			n++
		}
	}
	return n
}

// Through the program: who answered is seen at a glance, and in the timeline.
func TestAcknowledgeCommand(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rules = append(w.rules, `unexpected_country = "ask"`)
	w.atHome()
	daemon := w.start()
	w.signIn(farAddr, chrome, time.Minute)
	w.eventually("a question", func() bool { return len(w.states()) > 0 })
	id, _ := w.rows("incidents")[0]["id"].(string)
	says(t, w.must("status"), "incident "+id+" is open, NOT ANSWERED (sessionwarden incidents acknowledge "+id+")")
	daemon.stop()
	if out := w.must("incidents", "acknowledge", id); out != "Nobody else is told of incident "+id+" until something new comes.\n" {
		t.Errorf("acknowledged: %s", out)
	}
	status := w.must("status")
	w.fits("status", status)
	says(t, status, "incident "+id+" is open, answered ", " by "+owner.Me())
	says(t, w.must("incidents", "show", id), "Acknowledged by "+owner.Me()+".")
	w.start()
	if a := w.status().Accounts[0]; a.Unanswered || a.AnsweredBy != owner.Me() {
		t.Errorf("after a restart: %+v", a)
	}
}
