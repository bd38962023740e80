package main

import (
	"strings"
	"testing"
	"time"

	"sessionwarden/alert/slacktest"
	"sessionwarden/web"
)

// listed is the newest alert of a kind in the list; nil where there is none.
func (w *world) listed(kind string) map[string]any {
	w.t.Helper()
	var last map[string]any
	for _, row := range w.printed("alert", "list", "--json") {
		if row["kind"] == kind {
			last = row
		}
	}
	return last
}

// on is where an alert of the list stands on Slack.
func on(row map[string]any) map[string]any {
	if row == nil {
		return nil
	}
	list, _ := row["channels"].([]any)
	if len(list) != 1 {
		return nil
	}
	return list[0].(map[string]any)
}

func TestAlertsAreListedAndSentOnceMore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.env = []string{"COLUMNS=80"}
	w.atHome()
	p := w.start()
	if out := w.must("alert", "list"); out != "Nothing was told.\n" {
		t.Errorf("before anything: %q", out)
	}
	w.signIn(farAddr, chrome, 0)
	w.eventually("ended, and told", func() bool {
		c := on(w.listed("intrusion"))
		return w.action("verified") != nil && c != nil && c["state"] == "sent"
	})
	w.polls(2)
	row := w.listed("intrusion")
	id := row["id"].(string)
	if row["account"] != "main" || row["severity"] != "critical" || !strings.Contains(row["title"].(string), "main: ") || row["topics"].([]any)[0] != "intrusion" || on(row)["arrived"] == nil {
		t.Errorf("the row is %v", row)
	}
	out := w.must("alert", "list", "--account", "main", "--since", "1h")
	w.fits("alert list", out)
	if lines := strings.Split(out, "\n"); !strings.HasPrefix(lines[0], "ID") || !strings.Contains(lines[1], "intrusion") || !strings.HasSuffix(lines[1], "sent") || !strings.Contains(lines[2], "verified gone") {
		t.Errorf("the table:\n%s", out)
	}
	repeats := func(n int, when string) {
		t.Helper()
		got := 0
		for _, m := range w.messages() {
			if strings.Contains(m, "(repeat)") && strings.Contains(m, "as somebody asked for it") && strings.Contains(m, farAddr) {
				got++
			}
		}
		if got != n {
			t.Errorf("%s: %d repeats, want %d: %q", when, got, n, w.messages())
		}
	}
	if out := w.must("alert", "resend", id); out != "ok slack: delivered\n" {
		t.Errorf("sent again: %q", out)
	}
	repeats(1, "while the daemon runs")
	for _, row := range []struct {
		args   []string
		status int
		says   string
	}{
		{[]string{"alert", "resend", "999999"}, 1, "there is no alert 999999: there never was, or it was forgotten"},
		{[]string{"alert", "resend", id, "--channel", "pager"}, 1, `there is no channel "pager"`},
		{[]string{"alert", "resend", "x"}, 2, `"x" is no alert`},
		{[]string{"alert", "resend"}, 2, "wants the id of an alert"},
		{[]string{"alert", "resend", id, "--channel", ""}, 2, "--channel wants the name"},
		{[]string{"alert", "list", "--account", "mian"}, 1, "did you mean main?"},
		{[]string{"alert", "lits"}, 2, `did you mean "list"?`},
	} {
		out, errs, status := w.cli(row.args...)
		w.fits(strings.Join(row.args, " "), out+errs)
		if status != row.status || !strings.Contains(oneLine(out+errs), row.says) {
			t.Errorf("%v: status %d, want %d and %q:\n%s", row.args, status, row.status, row.says, out+errs)
		}
	}
	p.stop()
	if out := w.must("alert", "resend", id, "--channel", "slack"); out != "ok slack: delivered\n" {
		t.Errorf("sent again while nothing runs: %q", out)
	}
	repeats(2, "while nothing runs")

	// What cannot be sent is kept, over a crash too.
	w.slack.Always(slacktest.Refuse("account_inactive"))
	out, errs, status := w.cli("alert", "resend", id)
	w.fits("alert resend", out+errs)
	if status != 1 || !strings.Contains(oneLine(out), "FAILED slack: not delivered yet: ") || !strings.Contains(oneLine(out), "A person has to mend the channel") {
		t.Errorf("status %d:\n%s", status, out+errs)
	}
	out = w.must("alert", "list")
	w.fits("alert list", out)
	if c := on(w.listed("intrusion")); c["state"] != "failed" || !strings.Contains(out, "> slack: failed") {
		t.Errorf("it stands as %v:\n%s", c, out)
	}
	p = w.start()
	p.kill()
	w.slack.Always(slacktest.None())
	w.start()
	if out := w.must("alert", "resend", id); out != "ok slack: delivered\n" { // at once, though the channel was broken
		t.Errorf("after it was mended: %q", out)
	}
	repeats(3, "after a crash")
}

// Whatever was asked for before a crash is sent after it, unasked.
func TestAResendSurvivesAKill(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.atHome()
	p := w.start()
	w.signIn(farAddr, chrome, 0)
	w.eventually("ended, and told", func() bool { return w.action("verified") != nil && len(w.messages()) == 1 })
	w.polls(2)
	id := w.listed("intrusion")["id"].(string)
	w.slack.Always(slacktest.Status(503))
	asked := make(chan struct{})
	go func() {
		defer close(asked)
		_, _, _ = w.cli("alert", "resend", id)
	}()
	w.eventually("it is on the disk", func() bool {
		c := on(w.listed("intrusion"))
		return c != nil && (c["state"] == "failed" || c["state"] == "pending")
	})
	p.kill()
	<-asked
	w.slack.Always(slacktest.None())
	w.start()
	w.eventually("sent after the kill", func() bool {
		m := w.messages()
		return len(m) == 2 && strings.Contains(m[1], "(repeat)") && strings.Contains(m[1], "as somebody asked for it")
	})
}

func TestAnAlertStandsWhereItsWorstChannelDoes(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	row := func(channels ...web.AlertChannelRow) web.AlertRow {
		return web.AlertRow{Created: now.Add(-time.Hour), Channels: channels}
	}
	sent := web.AlertChannelRow{Channel: "slack", State: "sent"}
	for _, test := range []struct {
		row   web.AlertRow
		state string
		lines string
	}{
		{row(), "no channel", ""},
		{row(sent), "sent", ""},
		{row(sent, web.AlertChannelRow{Channel: "phone", State: "passed over", Reason: "below min_severity"}), "sent", "> slack: sent|> phone: passed over: below min_severity"},
		{row(sent, web.AlertChannelRow{Channel: "phone", State: "failed", Attempts: 3, NotTill: now.Add(90 * time.Second), Reason: "no route"}), "failed", "> slack: sent|> phone: failed 3 times, tried again in 90 s: no route"},
		{row(web.AlertChannelRow{Channel: "slack", State: "late", Arrived: now.Add(-20 * time.Minute)}), "late", "> slack: late, 40 min after it was made"},
		{row(web.AlertChannelRow{Channel: "slack", State: "silenced", Reason: "silenced by 12"}), "silenced", "> slack: silenced: silenced by 12"},
		{row(web.AlertChannelRow{Channel: "slack", State: "sent", Escalated: now.Add(-20 * time.Minute)}), "sent", "> slack: sent, told 20 min ago as nobody had answered"},
		{row(web.AlertChannelRow{Channel: "slack", State: "pending", Reason: "asked for once more"}), "pending", "> slack: pending: asked for once more"},
	} {
		if state, lines := alertState(test.row, now); state != test.state || strings.Join(lines, "|") != test.lines {
			t.Errorf("%s %q, want %s %q", state, lines, test.state, test.lines)
		}
	}
}
