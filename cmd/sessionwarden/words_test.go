package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// oneLine is text without its line breaks.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

func TestCheckLooksAtTheDatabaseAndEndsWithWhatIsTrue(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.atHome()
	w.write()
	ends := func(when string, offline bool, want string) {
		t.Helper()
		args := []string{"check"}
		if offline {
			args = append(args, "--offline")
		}
		out, errs, status := w.cli(args...)
		w.fits("check "+when, out+errs)
		if got := oneLine(out + errs); !strings.HasSuffix(got, want) || strings.Contains(want, "failed") != (status == 1) {
			t.Errorf("%s: status %d, it does not end with %q:\n%s", when, status, want, out+errs)
		}
	}
	ends("before the first start", true, "All is well. Start the watch: sessionwarden run")
	w.withBackup()
	ends("stopped", true, "All is well. Start the watch: sessionwarden run")
	damage(t, w.database())
	ends("damaged", true, "Checks that failed: 1")
	p := w.start() // a backup takes its place
	ends("observing", false, "look at sessionwarden actions, then sessionwarden resume")
	w.polls(1)
	p.stop()
	ends("observing and stopped", true, "and start the watch: sessionwarden run")
	if out := w.must("run", "--once"); !strings.Contains(oneLine(out), "NOTHING IS DISCONNECTED") || !strings.Contains(oneLine(out), "sessionwarden resume") {
		t.Errorf("run --once does not say that nothing is disconnected:\n%s", out)
	}
	w.must("resume")
	p = w.start()
	ends("running", false, "All is well, and the watch is running.")
	p.stop()
	if err := os.Truncate(w.database(), 0); err != nil {
		t.Fatal(err)
	}
	ends("empty", true, "Checks that failed: 1")
}

func TestRestoreSaysWhatItDidAndWhatItDidNot(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.atHome()
	w.withBackup()
	backup := w.backups()[0]
	out := w.must("restore", backup.Path)
	kept, _ := filepath.Glob(w.database() + ".before-restore-*")
	for _, want := range []string{"made " + backup.Time.Format("2006-01-02 15:04:05 MST"), "is not in it", strings.Join(kept, "none"), "Rules disconnect again as soon as you start it: sessionwarden run"} {
		if !strings.Contains(oneLine(out), want) || want == "" {
			t.Errorf("restore does not say %q:\n%s", want, out)
		}
	}
	cut := filepath.Join(w.dir, "cut.db")
	text, err := os.ReadFile(backup.Path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(cut, text[:10000], 0o600); err != nil {
		t.Fatal(err)
	}
	for want, args := range map[string][]string{
		cut + " was not restored: it is cut off (10000 of ":          {"restore", cut},
		"data is a folder; name a new file in it: data/sessionwarde": {"backup", "data"},
		"there is no file nosuch.db":                                 {"db", "check", "nosuch.db"},
		"data is a folder; name a file":                              {"db", "check", "data"},
	} {
		_, errs, status := w.cli(args...)
		if status == 0 || !strings.Contains(errs, want) || strings.Contains(errs, ".new-") || strings.Contains(errs, "--new") || strings.Contains(errs, "of no use") {
			t.Errorf("%v: status %d, not %q:\n%s", args, status, want, errs)
		}
	}
}

func TestOneLineForEachBadBackupAndTheWaysOutOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.atHome()
	w.withBackup()
	first := w.backups()[0].Path
	second := filepath.Join(filepath.Dir(first), "sessionwarden-20260102T030405Z.db")
	text, err := os.ReadFile(first)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(second, text[:5000], 0o600); err != nil {
		t.Fatal(err)
	}
	damage(t, first)
	damage(t, w.database())
	_, errs, status := w.cli("run")
	_, said, ok := strings.Cut(errs, "\nsessionwarden: ")
	if status != 1 || !ok || strings.Count(said, "\n  "+first+": ") != 1 || strings.Count(said, "\n  "+second+": it is cut off (5000 of ") != 1 ||
		strings.Count(said, "run --new") != 1 || strings.Count(said, "restore FILE") != 1 {
		t.Errorf("status %d:\n%s", status, errs)
	}
}

func TestHelpAndErrorsFitATerminal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.env = []string{"COLUMNS=80"}
	none := func(string) string { return "" }
	c := &command{getenv: none, out: newPrinter(os.Stdout, none), err: newPrinter(os.Stderr, none)}
	root := c.root()
	root.InitDefaultHelpFlag()
	var helped int
	var each func(*cobra.Command)
	each = func(cmd *cobra.Command) {
		var text strings.Builder
		cmd.SetOut(&text)
		if err := cmd.Help(); err != nil {
			t.Fatal(err)
		}
		helped++
		for line := range strings.Lines(text.String()) {
			if n := columnsOf(strings.TrimRight(line, "\n")); n > 80 {
				t.Errorf("%s --help: %d columns: %s", cmd.CommandPath(), n, line)
			}
		}
		for _, sub := range cmd.Commands() {
			each(sub)
		}
	}
	each(root)
	if helped < 25 {
		t.Errorf("%d commands were looked at", helped)
	}
	w.extra = "[defaults.rule]\nunexpected_country = \"disconnect\"\n"
	w.write()
	_, errs, status := w.cli("check")
	w.fits("a mistake", errs)
	if status != 2 {
		t.Errorf("status %d", status)
	}
	w.extra = ""
	w.write()
	for _, args := range [][]string{{"disconnect"}, {"sessions", "--since", "the beginning of the year in which it all began and longer ago than that"}, {"status"}, {"export", "--format", "a format of which nobody has ever heard, and never will, I hope"}} {
		_, errs, status := w.cli(args...)
		if status == 0 || errs == "" {
			t.Errorf("%v: status %d", args, status)
		}
		w.fits(strings.Join(args, " "), errs)
	}
}
