package main

import (
	"encoding/csv"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"sessionwarden/mannco/manncotest"
)

// Promise 6: quiet when all is well.

func TestThirtyQuietPollsAndThreeRestarts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.atHome()
	p := w.start()
	w.eventually("the first backup", func() bool { return len(w.backups()) > 0 })
	w.polls(2)
	before := snapshot(t, filepath.Join(w.dir, "data"))
	lines := strings.Count(p.stderr.String(), "level=INFO")
	calls := w.service.Count("main", manncotest.RouteList)
	deadline := time.Now().Add(90 * time.Second)
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for w.service.Count("main", manncotest.RouteList) < calls+60 && time.Now().Before(deadline) {
		<-tick.C
	}
	if after := snapshot(t, filepath.Join(w.dir, "data")); !reflect.DeepEqual(before, after) {
		t.Errorf("thirty quiet polls changed the data directory:\n%v\n%v", before, after)
	}
	if got := strings.Count(p.stderr.String(), "level=INFO") - lines; got > 3 {
		t.Errorf("%d lines at info for thirty quiet polls:\n%s", got, p.stderr.String())
	}
	for range 3 {
		if status := p.stop(); status != 0 {
			t.Errorf("stopping: status %d", status)
		}
		p = w.start()
	}
	if got := w.service.Logins("main"); got != 1 {
		t.Errorf("%d logins in four runs, want one", got)
	}
}

// snapshot is the state of every file under dir: its size and when it was
// written.
func snapshot(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := make(map[string]string)
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		files[path] = fmt.Sprintf("%d bytes, %v", info.Size(), info.ModTime())
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 2 {
		t.Fatalf("too few files in %s: %v", dir, files)
	}
	return files
}

func TestCommandsAnswerTheSameRunningAndStopped(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.atHome()
	p := w.start()
	w.signIn(farAddr, chrome, 0)
	w.signIn(privateAddr, iphone, 0)
	w.eventually("one is gone, one is held", func() bool { return w.action("verified") != nil && w.action("held") != nil })
	w.polls(3)
	tables := [][]string{{"sessions"}, {"history"}, {"findings"}, {"actions"}, {"findings", "--account", "main"}, {"history", "--since", "1h"}}
	running := make(map[string][]map[string]any)
	for _, table := range tables {
		rows := w.printed(table...)
		if len(rows) == 0 {
			t.Errorf("%v is empty", table)
		}
		running[strings.Join(table, " ")] = rows
	}
	exports := w.exports()
	backup := filepath.Join(w.dir, "running.backup")
	w.must("backup", backup)
	for _, table := range []string{"sessions", "history", "findings", "actions", "incidents", "status"} {
		for line := range strings.Lines(w.must(table)) {
			if n := columnsOf(strings.TrimRight(line, "\n")); n > 80 && len(strings.Fields(line)) > 1 { // a path alone may be as long as it is
				t.Errorf("%s: a line of %d columns: %s", table, n, line)
			}
		}
	}
	if status := p.stop(); status != 0 {
		t.Errorf("stopping: status %d", status)
	}
	for _, table := range tables {
		stopped := w.printed(table...)
		withoutLastSeen(stopped)
		before := running[strings.Join(table, " ")]
		withoutLastSeen(before)
		if !reflect.DeepEqual(before, stopped) {
			t.Errorf("%v running: %v\nstopped: %v", table, before, stopped)
		}
	}
	if got := w.exports(); !reflect.DeepEqual(exports, got) {
		t.Errorf("export running:\n%s\nstopped:\n%s", exports, got)
	}
	w.must("backup", filepath.Join(w.dir, "stopped.backup"))
	if _, errs, status := w.cli("backup", backup); status != 1 {
		t.Errorf("overwriting a backup: status %d, %s", status, errs)
	}
	if err := os.Remove(filepath.Join(w.dir, "data", "sessionwarden.db")); err != nil {
		t.Fatal(err)
	}
	if _, errs, status := w.cli("history"); status != 1 || !strings.Contains(errs, "restore") {
		t.Errorf("without its database: status %d, %s", status, errs)
	}
	w.must("restore", backup)
	stopped := w.printed("findings")
	if !reflect.DeepEqual(running["findings"], stopped) {
		t.Errorf("restored: %v\nbefore: %v", stopped, running["findings"])
	}
}

// exports returns every export as CSV rows, without what goes on while a test
// looks.
func (w *world) exports() map[string][][]string {
	w.t.Helper()
	all := make(map[string][][]string)
	for _, what := range []string{"history", "findings", "actions", "incidents"} {
		rows, err := csv.NewReader(strings.NewReader(w.must("export", "--format", "csv", "--what", what))).ReadAll()
		if err != nil || len(rows) < 2 {
			w.t.Fatalf("export of %s: %d rows, %v", what, len(rows), err)
		}
		if i := slices.Index(rows[0], "last_seen"); i >= 0 {
			for j := range rows {
				rows[j] = slices.Delete(rows[j], i, i+1)
			}
		}
		all[what] = rows
	}
	return all
}

// withoutLastSeen drops what goes on while a test looks.
func withoutLastSeen(rows []map[string]any) {
	for _, row := range rows {
		delete(row, "last_seen")
	}
}

func TestSecondRunFailsAndSaysWhy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.atHome()
	p := w.start()
	begun := time.Now()
	_, errs, status := w.cli("run")
	if took := time.Since(begun); status != 1 || took > 5*time.Second {
		t.Errorf("status %d after %v", status, took)
	}
	if !strings.Contains(errs, "another") || !strings.Contains(errs, fmt.Sprint(p.cmd.Process.Pid)) {
		t.Errorf("it does not name the cause:\n%s", errs)
	}
}

func TestReloadTakesAGoodConfigurationAndKeepsTheOldForABadOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.atHome()
	p := w.start()
	w.defaults[0] = `expected_countries = ["GERMANY"]`
	w.write()
	_ = p.cmd.Process.Signal(syscall.SIGHUP)
	w.eventually("the bad one is told", func() bool { return strings.Contains(strings.Join(w.messages(), "\n"), "configuration") })
	thief := w.signIn(farAddr, chrome, 0)
	w.eventually("the old one stays", func() bool { return slices.Equal(w.ended("main"), []string{thief}) })
	w.defaults[0] = `expected_countries = ["DE", "VN"]`
	w.write()
	_ = p.cmd.Process.Signal(syscall.SIGHUP)
	w.eventually("the good one is taken", func() bool { return strings.Contains(p.stderr.String(), "read again") })
	w.signIn(farAddr2, chrome, 0)
	w.polls(3)
	if got := w.ended("main"); len(got) != 1 {
		t.Errorf("ended %v although Vietnam is expected now", got)
	}
}

func TestRunOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.atHome()
	w.signIn(homeAddr2, iphone, 50*time.Hour)
	thief := w.signIn(farAddr, chrome, 0)
	w.write()
	out, errs, status := w.cli("run", "--once", "--fail-on", "critical")
	if status != 3 {
		t.Fatalf("status %d, want 3\n%s%s", status, out, errs)
	}
	if got := w.ended("main"); !slices.Equal(got, []string{thief}) {
		t.Errorf("ended %v, want %s", got, thief)
	}
	if w.action("verified") == nil {
		t.Errorf("not proven: %v", w.rows("actions"))
	}
	if m := w.messages(); len(m) != 1 || !strings.Contains(m[0], "verified gone") {
		t.Errorf("messages: %q", m)
	}
	if out, errs, status := w.cli("run", "--once", "--fail-on", "info"); status != 0 {
		t.Errorf("a second time: status %d\n%s%s", status, out, errs)
	}
	if got := w.service.Logins("main"); got != 1 {
		t.Errorf("%d logins", got)
	}
}

func TestByHand(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	owner := w.atHome()
	phone := w.signIn(homeAddr2, iphone, 50*time.Hour)
	p := w.start()
	w.must("disconnect", phone, "--account", "main")
	if got := w.ended("main"); !slices.Equal(got, []string{phone}) {
		t.Errorf("ended %v, want %s", got, phone)
	}
	if out, errs, status := w.cli("disconnect", "999", "--account", "main"); status != 1 || !strings.Contains(errs, "999") {
		t.Errorf("a session that is not there: status %d\n%s%s", status, out, errs)
	}
	for _, wrong := range [][]string{{"disconnect"}, {"disconnect", "--all"}, {"disconnect", owner}, {"approve"}, {"approve", "x"}, {"sessions", "--since", "yesterday"}, {"sesions"}} {
		if _, errs, status := w.cli(wrong...); status != 2 || errs == "" {
			t.Errorf("%v: status %d, %s", wrong, status, errs)
		}
	}
	p.stop()
	w.must("disconnect", "--all", "--yes", "--account", "main") // no daemon: the command does it itself
	if got := w.ended("main"); !slices.Equal(got, []string{phone, owner}) {
		t.Errorf("ended %v, want %s and %s but never ours", got, phone, owner)
	}
}

func TestCheckTriesEverything(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.atHome()
	w.write()
	out := w.must("check")
	for _, want := range []string{"configuration", "data directory", "location data", "account main: signed in", "a test alert was delivered"} {
		if !strings.Contains(out, want) {
			t.Errorf("check does not say %q:\n%s", want, out)
		}
	}
	w.service.RevokeKey("main")
	out, _, status := w.cli("check")
	if status != 1 || !strings.Contains(out, "FAIL") || !strings.Contains(out, "API key") {
		t.Errorf("with a revoked key: status %d\n%s", status, out)
	}
	if strings.Contains(out, testKey) {
		t.Errorf("the key is shown:\n%s", out)
	}
}

// The same under every edition and every variant of a field.

func TestIntruderIsEndedUnderEveryVariant(t *testing.T) {
	tooLongForTheRaceDetector(t)
	t.Parallel()
	for _, v := range manncotest.Variants() {
		for _, value := range v.Values[1:] {
			t.Run(string(v.Name)+"="+value, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.variant(v.Name, value)
				owner := w.atHome()
				w.write()
				w.must("run", "--once")
				thief := w.signIn(farAddr, chrome, 0)
				w.must("run", "--once")
				ended := w.ended("main")
				noID := v.Name == manncotest.VariantRowFields && (value == "no_id" || value == "minimal")
				missing := v.Name == manncotest.VariantDisconnect && (value == "only_all" || value == "absent")
				switch {
				case noID:
					if len(ended) != 0 || w.action("refused") == nil {
						t.Errorf("without ids: ended %v, actions %v", ended, w.states())
					}
				case v.Name == manncotest.VariantAddress && value == "garbage":
					if w.action("held") == nil {
						t.Errorf("an address that is none is asked about; actions %v", w.states())
					}
				case missing:
					if s, _ := w.service.Session("main", number(thief)); s.Ended != manncotest.NotEnded {
						t.Errorf("ended without an endpoint: %+v", s)
					}
				default:
					if !slices.Contains(ended, thief) || slices.Contains(ended, owner) {
						t.Errorf("ended %v, want %s and never %s", ended, thief, owner)
					}
				}
				if len(w.messages()) == 0 {
					t.Error("nobody was told")
				}
			})
		}
	}
}

func TestTwentyMistakesAtOnceAndNoSecret(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mistakes := `
data_dri = "data"
data_dir = 7
instance = ""
[log]
level = "loud"
format = "xml"
[web]
listen = "0.0.0.0:8733"
[geo]
databse = ""
[history]
keep = 400
[alert]
min_severity = "severe"
[alert.slack]
webhook_url = "canary-one-not-a-secret"
bot_token = "canary-two-not-a-secret"
[defaults]
base_url = "http://api.example.com"
schedule = "@every -1s"
timeout = "0s"
expected_countries = ["UK", "germany"]
trusted_networks = ["203.0.113.7/24"]
max_disconnects = -1
ask_default = "maybe"
[defaults.rules]
unexpected_contry = "disconnect"
new_country = "shout"
[[account]]
name = "main"
api_key = "canary-three-not-a-secret"
api_key_file = "/nonexistent/key"
[[account]]
name = "main"
[[account]]
name = "no good name"
api_key_env = "SESSIONWARDEN_TEST_UNSET"
`
	if err := os.WriteFile(w.config, []byte(mistakes), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"check", "--offline"}, {"run"}} {
		out, errs, status := w.cli(args...)
		if status != 2 {
			t.Errorf("%v: status %d, want 2", args, status)
		}
		if n := strings.Count(errs, w.config+":"); n < 20 {
			t.Errorf("%v: %d mistakes told with file and line, want at least 20:\n%s", args, n, errs)
		}
		for _, want := range []string{"did you mean", "GB", "DE", "data_dir", "unexpected_country", "203.0.113.0/24", "127.0.0.1"} {
			if !strings.Contains(errs, want) {
				t.Errorf("%v: no cure %q:\n%s", args, want, errs)
			}
		}
		if strings.Contains(out+errs, "canary") {
			t.Errorf("%v: a secret is shown:\n%s", args, errs)
		}
	}
}

func TestCommandsPastABadConfiguration(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rules = []string{`unexpected_country = "ask"`}
	w.atHome()
	w.start()
	id := w.signIn(farAddr, chrome, 0)
	w.eventually("it is held", func() bool { return w.action("held") != nil })
	w.extra = "\nbogus = 1\n[[account]]\nname = \"x\"\napi_key_file = \"${NOT_SET_HERE}/key\"\n"
	w.write()
	w.must("status")
	w.must("approve", w.action("held")["id"].(string))
	if got := w.ended("main"); !slices.Equal(got, []string{id}) {
		t.Errorf("ended %v", got)
	}
}

func TestStoppedCommandsNeedNoSecrets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.atHome()
	p := w.start()
	p.stop()
	w.extra = "\n[[account]]\nname = \"x\"\napi_key_file = \"${NOT_SET_HERE}/key\"\n"
	w.write()
	if rows := w.printed("sessions"); len(rows) == 0 {
		t.Error("no sessions")
	}
	if _, errs, status := w.cli("run"); status != 2 || !strings.Contains(errs, "NOT_SET_HERE") {
		t.Errorf("the daemon needs them: status %d, %s", status, errs)
	}
}

func TestNobodyReadsOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write()
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], "demo")
	cmd.Env = []string{asProgram + "=1", "TMPDIR=" + w.dir, "HOME=" + w.dir}
	cmd.Stdout = writer
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = writer.Close()
	_, _ = reader.Read(make([]byte, 64))
	_ = reader.Close()
	if err := cmd.Wait(); err != nil {
		t.Errorf("ended with %v", err)
	}
	left, err := filepath.Glob(filepath.Join(w.dir, "sessionwarden-demo-*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
