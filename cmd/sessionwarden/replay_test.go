package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A changed configuration is played over what was recorded, with and without the
// daemon, and says the same both times.
func TestReplayWithAndWithoutTheDaemon(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.atHome()
	w.write()
	changed := filepath.Join(w.dir, "new.toml")
	changedCopy(t, w.config, changed, `expected_countries = ["DE"]`, `expected_countries = ["DE", "VN"]`)
	daemon := w.start()
	w.polls(2)
	thief := w.signIn(farAddr, chrome, time.Minute)
	w.eventually("the thief is ended", func() bool { states := w.states(); return len(states) == 1 && states[0] == "verified" })
	w.signIn(homeAddr2, iphone, time.Minute)
	w.eventually("the phone is seen", func() bool { return len(w.rows("history")) == 4 })

	out := w.must("replay", "--config", changed)
	narrow(t, out)
	says(t, out, "0 alerts and 0 disconnects instead of 1 and 1. Played: 4 sessions of 1 account, since ",
		"Recorded were 1 alert and 1 disconnect, by the configurations of their time.",
		"RULE MATCHES ALERTS ASKS DISCONNECTS", "unexpected_country 1 → 0 1 → 0 0 1 → 0", "new_country 1 0 0 0",
		"Sessions that come to something else: 1 #", "session "+thief+" from "+farAddr+" (VN): disconnect → log",
		"now: unexpected_country: Signed in from Vietnam", "new: new_country: Signed in from Vietnam")
	asJSON, _, _ := w.cli("replay", "--config", changed, "--json")
	if same := w.must("replay", "--config", changed); same != out {
		t.Errorf("twice it says\n%s\n%s", out, same)
	}
	says(t, w.must("replay", "--config", w.config), "1 alert and 1 disconnect instead of 1 and 1.", "No session comes to anything else.")
	says(t, w.must("replay", "--config", changed, "--since", "2099-01-01"), "0 alerts and 0 disconnects instead of 0 and 0. Played: 0 sessions")
	daemon.stop()
	if alone, errs, status := w.cli("replay", "--config", changed, "--json"); status != 0 || alone != asJSON {
		t.Errorf("without the daemon: %d %s\n%s\n%s", status, errs, alone, asJSON)
	}
	row := w.printed("replay", "--config", changed, "--account", "main", "--json")[0]
	if now, _ := row["now"].(map[string]any); now["disconnects"] != 1.0 || row["different"] != 1.0 || row["sessions"] != 4.0 {
		t.Errorf("as JSON: %v", row)
	}
	if got := w.ended("main"); len(got) != 1 {
		t.Errorf("it has ended %v", got)
	}
}

func TestReplayOfWhatCannotBeMeant(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write()
	bad, other := filepath.Join(w.dir, "bad.toml"), filepath.Join(w.dir, "other.toml")
	changedCopy(t, w.config, bad, `expected_countries = ["DE"]`, `expected_countrys = ["DE"]`)
	changedCopy(t, w.config, other, `name = "main"`, `name = "another"`)
	for _, test := range []struct {
		args   []string
		status int
		says   string
	}{
		{[]string{"replay", "--config", bad}, 2, "did you mean expected_countries?"},
		{[]string{"replay", "--config", filepath.Join(w.dir, "none.toml")}, 2, "none.toml"},
		{[]string{"replay", "--config", other}, 1, "no account in common"},
		{[]string{"replay", "--config", w.config, "--account", "mian"}, 1, "no account is called mian"},
		{[]string{"replay", "--config", w.config, "--since", "yesterday"}, 2, "is no time"},
		{[]string{"replay", "--config", w.config, "now"}, 2, "takes no argument"},
		{[]string{"replay", "--config", w.config, "--config", w.config}, 2, "replay wants the new configuration"},
	} {
		_, errs, status := w.cli(test.args...)
		if status != test.status || !strings.Contains(oneLine(errs), test.says) {
			t.Errorf("%v: %d, want %d and %q\n%s", test.args, status, test.status, test.says, errs)
		}
	}
}

// changedCopy writes a file again elsewhere, with old in it replaced.
func changedCopy(t *testing.T, from, to, old, new string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), old) {
		t.Fatalf("%s has no %q:\n%s", from, old, text)
	}
	if err := os.WriteFile(to, []byte(strings.ReplaceAll(string(text), old, new)), 0o600); err != nil {
		t.Fatal(err)
	}
}
