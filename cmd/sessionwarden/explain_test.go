package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"sessionwarden/mannco/manncotest"
)

// A session that was flagged and one that was not are explained: now, while the
// daemon runs, and back then, without it.
func TestExplainWithAndWithoutTheDaemon(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	home := w.atHome()
	w.write()
	daemon := w.start()
	w.polls(2)
	thief := w.signIn(farAddr, chrome, time.Minute)
	w.eventually("the thief is ended", func() bool { states := w.states(); return len(states) == 1 && states[0] == "verified" })

	out := w.must("explain", home)
	narrow(t, out)
	says(t, out, "Session "+home+" of account main, as it is judged now", "Windows, Chrome", homeAddr+", DE, ",
		"What matched: 0 of ", "unexpected_country: ", "No rule had found anything. Nothing was done: nothing asked for it.", "What is known of the owner countries", "still being learned, until ")

	flagged := func() {
		t.Helper()
		out := w.must("explain", thief, "--account", "main")
		narrow(t, out)
		says(t, out, "Session "+thief+" of account main, as it was when it came", farAddr+", VN, ", "gone since ",
			"unexpected_country (critical): disconnect Signed in from Vietnam", `If it was you, this silences it: expected_countries = ["DE", "VN"]`,
			"What did not match, and why", "session_moved, session_roamed: the session has not changed its place or its device",
			"finding ", ": unexpected_country, disconnect", ": verified: gone from the service's complete list", "What is known of the owner, then")
	}
	flagged()
	daemon.stop()
	flagged()
	rows := w.printed("explain", thief, "--json")
	answers, _ := rows[0]["answers"].([]any)
	if rows[0]["as_of"] != "then" || len(answers) < 15 {
		t.Errorf("as JSON: %v", rows)
	}
	seq, _ := rows[0]["session"].(map[string]any)["seq"].(string)
	if by := w.printed("explain", "#"+seq, "--json"); by[0]["session"].(map[string]any)["id"] != thief {
		t.Errorf("by its row: %v", by)
	}
	for _, args := range [][]string{{"explain", "404404"}, {"explain", "#x"}, {"explain", "#999999"}} {
		if _, errs, status := w.cli(args...); status != 1 || !strings.Contains(oneLine(errs), "sessionwarden") {
			t.Errorf("%v: %d %s", args, status, errs)
		}
	}
	if _, errs, status := w.cli("explain"); status != 2 {
		t.Errorf("no session: %d %s", status, errs)
	}
}

// A session that has moved is explained with what it was before, by its id as by
// its row, while it lives and afterwards.
func TestExplainKnowsWhereASessionCameFrom(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rules = append(w.rules, `unexpected_country = "log"`, `session_moved = "alert"`, `impossible_travel = "off"`)
	id := w.atHome()
	w.write()
	daemon := w.start()
	w.polls(2)
	if !w.service.Move("main", number(id), manncotest.SessionSpec{Address: farAddr, UserAgent: chrome}) {
		t.Fatal("there is no such session")
	}
	w.eventually("it has moved", func() bool { return w.found("session_moved", id) })
	names := []string{id}
	for _, row := range w.printed("sessions") {
		if row["id"] == id {
			names = append(names, "#"+row["seq"].(string))
		}
	}
	for range 2 {
		for _, name := range names {
			says(t, w.must("explain", name), "session_moved (critical): alert The same session was in Germany", "1 more row has this id")
		}
		daemon.stop()
	}
}

// Takeover and the rules about the account itself answer too: what changed, what
// belongs to it, and how it stands; with the daemon and without it.
func TestExplainTellsOfTheAccountItself(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.defaults = append(w.defaults, `account_every = "1s"`)
	w.rules = []string{`unexpected_country = "alert"`, `stranger = "log"`, `name_changed = "off"`}
	home := w.atHome()
	w.write()
	daemon := w.start()
	w.eventually("the account was looked at", func() bool {
		return strings.Contains(w.must("explain", home), "contact_changed: the contact mail is a…a@e….com")
	})
	says(t, w.must("explain", home), "takeover: two-factor authentication, trade URL, mails and balance were not seen to change within 6 hours of its coming",
		"The account itself Last read ", "; nothing was seen to change while this session was there.", "two_factor_off: two-factor authentication is on",
		"trade_url_changed: the trade URL is steamcommunity.example…wner", "name_changed: it is switched off in the configuration",
		"watcher_logged_out: nobody ended our own session within the hour")

	thief := w.signIn(farAddr, chrome, time.Minute)
	w.eventually("the thief is seen", func() bool { return w.found("unexpected_country", thief) })
	w.service.Change("main", func(f *manncotest.Facts) {
		f.TradeURL, f.Name = "https://steamcommunity.example/tradeoffer/new/?partner=666&token=thief", "Eve"
	})
	w.eventually("takeover", func() bool { return w.found("takeover", thief) })
	changed := "trade_url_changed (critical): alert The trade URL was changed from steamcommunity.example…wner to steamcommunity.example…hief, between "
	told := func() {
		t.Helper()
		out := w.must("explain", thief)
		narrow(t, out)
		says(t, out, "takeover (critical): ask Session "+thief+" signed in from Vietnam", "; the trade URL was changed from steamcommunity.example…wner to steamcommunity.example…hief, between ",
			"that is how an account is taken over", "; while this session was there, this was seen: "+changed)
		if strings.Contains(out, "token=") {
			t.Errorf("the trade URL is shown whole:\n%s", out)
		}
		out = w.must("explain", home)
		narrow(t, out)
		says(t, out, "takeover: the trade URL was changed from ", "but no rule asked for more than a note on it, and ", changed)
	}
	told()
	daemon.stop()
	told()
	rows := w.printed("explain", thief, "--json")
	account, _ := rows[0]["account"].([]any)
	if len(account) != 9 || account[1].(map[string]any)["rule"] != "trade_url_changed" || len(account[1].(map[string]any)["changes"].([]any)) != 1 || account[0].(map[string]any)["changes"] != nil {
		t.Errorf("as JSON: %v", rows[0]["account"])
	}
}

// That a person has claimed a session, and that nothing is ended anyway, is said
// beside what the rules say.
func TestExplainKnowsOfAnswersAndDryRuns(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.rules = []string{`unexpected_country = "ask"`}
		b.atHome()
		b.start()
		id := b.signIn(farAddr, chrome)
		b.pass(2 * polled)
		explained := func() string {
			t.Helper()
			e, err := insight{b.app}.Explain(b.t.Context(), "main", id)
			if err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			_ = (&command{out: newPrinter(&out, func(string) string { return "" })}).printExplanation(e)
			return out.String()
		}
		a, _ := b.actionOn(id)
		says(t, explained(), "unexpected_country (critical): ask Signed in", "If it was you, this silences it: expected_countries",
			fmt.Sprintf("if it was you: sessionwarden deny %d; if not: sessionwarden approve %d", a.ID, a.ID))
		if _, err := b.app.monitor.Deny(b.t.Context(), a.ID); err != nil {
			t.Fatal(err)
		}
		out := explained()
		says(t, out, fmt.Sprintf("trusted your answer to action %d (deny): this session is yours", a.ID), "What would match, had you not said that it is yours: ")
		if strings.Contains(out, "silences it") {
			t.Errorf("a cure for what is claimed:\n%s", out)
		}
		b.rules[0], b.defaults = `unexpected_country = "disconnect"`, append(b.defaults, "dry_run = true")
		b.reload()
		b.pass(2 * polled)
		says(t, explained(), "unexpected_country (critical): disconnect, but dry_run is on: nothing is ended")
	})
}

// What is known of the owner is shown, and forgotten when he wants it.
func TestProfileIsShownAndBegunAnew(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.atHome()
	w.write()
	daemon := w.start()
	w.polls(2)
	out := w.must("profile")
	narrow(t, out)
	says(t, out, "Account main, since its first poll on ", "from one session", "| 24 h UTC", "DE Germany", "Windows, Chrome")
	if rows := w.printed("profile", "--json", "--account", "main"); rows[0]["sessions"] != 1.0 || len(rows[0]["hours"].([]any)) != 24 {
		t.Errorf("as JSON: %v", rows)
	}
	if _, errs, status := w.cli("profile", "reset", "--account", "main"); status != 1 || !strings.Contains(errs, "Nothing was forgotten") || !strings.Contains(oneLine(errs), "end the sessions that are not yours first") {
		t.Errorf("without an answer: %d %s", status, errs)
	}
	says(t, w.must("profile", "reset", "--account", "main", "--yes"), "Forgotten. The profile of account main begins anew. It is learned until ")
	daemon.stop()
	says(t, w.must("profile", "reset", "--account", "main", "--yes"), "Forgotten.")
	says(t, w.must("profile"), "Account main, since it was begun anew on ", "from no session yet", "Nothing is known yet")
	if _, errs, status := w.cli("profile", "reset", "--account", "mian", "--yes"); status != 1 || !strings.Contains(errs, "no account is called mian") {
		t.Errorf("a slip of the pen: %d %s", status, errs)
	}
	if _, _, status := w.cli("profile", "reset"); status != 2 {
		t.Errorf("no account: %d", status)
	}
}

// says checks that text, on one line, holds all words.
func says(t *testing.T, text string, words ...string) {
	t.Helper()
	for _, word := range words {
		if !strings.Contains(oneLine(text), word) {
			t.Errorf("it does not say %q:\n%s", word, text)
		}
	}
}

// narrow checks that no line is wider than 80 columns.
func narrow(t *testing.T, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		if columnsOf(strings.TrimRight(line, "\n")) > 80 {
			t.Errorf("wider than 80 columns: %q", line)
		}
	}
}
