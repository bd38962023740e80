package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"sessionwarden"
	"sessionwarden/storage"
	"sessionwarden/web"
)

// What becomes of the history when the disk or the database fails.

func (w *world) database() string { return filepath.Join(w.dir, "data", databaseName) }

// backups returns the daemon's own backups, the newest first.
func (w *world) backups() []storage.BackupInfo {
	w.t.Helper()
	list, err := storage.Backups(filepath.Join(w.dir, "data", "backups"))
	if err != nil {
		w.t.Fatal(err)
	}
	return list
}

// withBackup runs the daemon until it has made a backup, and stops it.
func (w *world) withBackup() {
	w.t.Helper()
	p := w.start()
	w.eventually("the first backup", func() bool { return len(w.backups()) > 0 })
	if status := p.stop(); status != 0 {
		w.t.Fatalf("stopping: status %d\n%s", status, p.stderr.String())
	}
}

// damage overwrites the middle of a file.
func damage(t *testing.T, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for page := range int64(16) { // all but the two pages at the beginning
		if _, err := f.WriteAt([]byte(strings.Repeat("damage!!", 64)), (page+2)*4096); err != nil {
			t.Fatal(err)
		}
	}
}

// said returns the messages that Slack shows and that hold text.
func (w *world) said(text string) (found []string) {
	for _, m := range w.messages() {
		if strings.Contains(strings.Join(strings.Fields(m), " "), text) {
			found = append(found, m)
		}
	}
	return found
}

// fits fails where a line is wider than a terminal, and shows the text.
func (w *world) fits(what, text string) {
	t := w.t
	t.Helper()
	for line := range strings.Lines(strings.ReplaceAll(text, w.dir, "/var/lib")) {
		if n := columnsOf(strings.TrimRight(line, "\n")); n > 80 {
			t.Errorf("%s: a line of %d columns: %s", what, n, line)
		}
	}
	t.Logf("%s:\n%s", what, text)
}

const restoredTitle = "The history was damaged, and a backup took its place"

func TestADamagedDatabaseIsReplacedByABackupAndOnlyWatchesUntilResume(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.atHome()
	w.withBackup()
	made := w.backups()[0].Time
	damage(t, w.database())
	intruder := w.signIn(farAddr, chrome, 0)

	p := w.start()
	w.eventually("the intruder is held and told", func() bool {
		a := w.action("held")
		return a != nil && a["session_id"] == intruder && a["hold"] == "observing" && len(w.said("NOT ENDED")) == 1 && len(w.said(restoredTitle)) == 1
	})
	message := strings.Join(strings.Fields(w.said(restoredTitle)[0]), " ")
	for _, part := range []string{"what was seen between then and " + time.Now().UTC().Format("2006-01-02"), "of " + made.Format("2006-01-02 15:04:05 UTC"), "sessionwarden resume", "kept beside it in " + filepath.Join(w.dir, "data")} {
		if !strings.Contains(message, part) {
			t.Errorf("the alert does not say %q:\n%s", part, message)
		}
	}
	if kept, _ := filepath.Glob(w.database() + ".damaged-*"); len(kept) != 1 {
		t.Errorf("the damaged file is not kept: %v", kept)
	}
	if _, metrics := p.get("/metrics"); !strings.Contains(metrics, "sessionwarden_observing 1") {
		t.Error("no metric says so")
	}
	if _, health := p.get("/healthz"); !strings.Contains(health, "sessionwarden resume") {
		t.Errorf("health does not say so: %s", health)
	}
	w.fits("status", w.must("status"))
	w.fits("actions", w.must("actions"))

	// A person's own decision goes through.
	guest, second := w.signIn(homeAddr2, iphone, 0), w.signIn(otherAddr, chrome, 0)
	w.eventually("both are seen", func() bool { return w.heldFor(second) != nil && w.found("new_device", guest) })
	w.must("disconnect", guest, "--account", "main")
	w.must("approve", w.heldFor(second)["id"].(string))
	if got := w.ended("main"); !slices.Equal(got, []string{guest, second}) {
		t.Errorf("ended %v, want what a person asked for: %s, %s", got, guest, second)
	}

	// Neither time nor a crash lifts the rail, and it is not told again.
	p.kill()
	p = w.start()
	w.polls(3)
	if got := w.ended("main"); len(got) != 2 {
		t.Errorf("ended %v while observing", got)
	}
	if n := len(w.said(restoredTitle)); n != 1 {
		t.Errorf("told %d times", n)
	}
	if s := w.status(); s.Observing == nil || s.Crashes != 1 {
		t.Errorf("status: %+v, %d crashes", s.Observing, s.Crashes)
	}

	out := w.must("resume")
	w.fits("resume", out)
	if !strings.Contains(out, intruder) || !strings.Contains(out, "is lost") {
		t.Errorf("resume does not say what it resumed:\n%s", out)
	}
	w.eventually("the intruder is ended, and proven so", func() bool {
		return w.stands(intruder) == "verified" && len(w.said("The history was confirmed")) == 1
	})
	if got := w.ended("main"); !slices.Equal(got, []string{guest, second, intruder}) {
		t.Errorf("ended %v", got)
	}
	if out := w.must("resume"); !strings.Contains(out, "nothing to resume") {
		t.Errorf("resume again: %s", out)
	}
	if s := w.status(); s.Observing != nil {
		t.Errorf("still observing: %+v", s.Observing)
	}
	p.stop()
	if out := w.must("status"); strings.Contains(out, "NOTHING IS DISCONNECTED") {
		t.Errorf("status:\n%s", out)
	}
}

// stands returns the state of the newest action about a session.
func (w *world) stands(session string) (state string) {
	for _, a := range w.rows("actions") {
		if a["session_id"] == session {
			state = a["state"].(string)
		}
	}
	return state
}

// heldFor returns the held action about a session; nil if there is none.
func (w *world) heldFor(session string) map[string]any {
	for _, a := range w.rows("actions") {
		if a["state"] == "held" && a["session_id"] == session {
			return a
		}
	}
	return nil
}

func TestResumeWithTheDaemonStoppedIsCarriedOutByTheNextStart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.atHome()
	w.write()
	w.must("run", "--once")
	if n := len(w.backups()); n != 1 {
		t.Fatalf("run --once made %d backups, want the one that is due", n)
	}
	damage(t, w.database())
	intruder := w.signIn(farAddr, chrome, 0)
	if out := w.must("run", "--once"); !strings.Contains(out, "unexpected_country") {
		t.Errorf("run --once found nothing:\n%s", out)
	}
	if a := w.heldFor(intruder); a == nil || len(w.ended("main")) > 0 {
		t.Fatalf("not held: %v, ended %v", a, w.ended("main"))
	}
	if len(w.said(restoredTitle)) != 1 {
		t.Errorf("not told: %q", w.messages())
	}
	w.fits("resume", w.must("resume"))
	if len(w.ended("main")) > 0 {
		t.Error("resume itself ended a session without looking")
	}
	w.start()
	w.eventually("ended, and proven so", func() bool { return w.action("verified") != nil })
}

func TestADatabaseThatIsDamagedInUseIsToldAndRecoveredByTheNextStart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.atHome()
	p := w.start()
	w.eventually("the first backup", func() bool { return len(w.backups()) > 0 })
	w.polls(2)
	damage(t, w.database())
	intruder := w.signIn(farAddr, chrome, 0)
	w.eventually("told, with what to do", func() bool {
		return len(w.said("The history cannot be saved")) == 1 && len(w.said("Restart sessionwarden")) == 2 && len(w.said("so nothing was disconnected")) == 1
	})
	if len(w.said("End it now")) > 0 || len(w.said("End it, as soon as")) != 1 {
		t.Errorf("it names a command that does not work: %q", w.said("so nothing was disconnected"))
	}
	w.polls(2)
	if got := w.ended("main"); len(got) > 0 {
		t.Errorf("ended %v, and it is written down nowhere", got)
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it cannot write what is only in memory
	if status := p.wait(); status < 0 {
		t.Errorf("it did not end by itself: status %d", status)
	}
	if _, said, status := w.cli("sessions"); status != 1 || !strings.Contains(said, "The next start puts the newest whole backup in its place") {
		t.Errorf("a command says (status %d):\n%s", status, said)
	}
	w.start()
	w.eventually("the intruder is held", func() bool { return w.heldFor(intruder) != nil && len(w.said(restoredTitle)) == 1 })
	w.must("resume")
	w.eventually("and ended", func() bool { return w.stands(intruder) == "verified" })
}

// Nothing has to be written for hours: whoever meets the damage first, it is told.
func TestDamageThatACommandMeetsIsToldAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.defaults = []string{`expected_countries = ["DE"]`, `schedule = "@every 1h"`}
	w.atHome()
	p := w.start()
	w.eventually("the first backup", func() bool { return len(w.backups()) > 0 })
	damage(t, w.database())
	if _, said, status := w.cli("sessions"); status != 1 {
		t.Fatalf("a command reads what is damaged: status %d: %s", status, said)
	}
	w.eventually("told", func() bool { return len(w.said("The history cannot be saved")) == 1 })
	if _, health := p.get("/healthz"); !strings.Contains(health, "nothing is disconnected") {
		t.Errorf("/healthz says %s", health)
	}
}

func TestADamagedDatabaseWithoutABackupIsRefusedWithTwoWaysOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.atHome()
	w.withBackup()
	if err := os.RemoveAll(filepath.Join(w.dir, "data", "backups")); err != nil {
		t.Fatal(err)
	}
	damage(t, w.database())
	before, err := os.ReadFile(w.database())
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range [][]string{{"run"}, {"run", "--once"}, {"run", "--new"}} {
		_, said, status := w.cli(command...)
		if status != 1 || !strings.Contains(said, "sessionwarden restore FILE") || !strings.Contains(said, "run --new") {
			t.Errorf("%v: status %d:\n%s", command, status, said)
		}
	}
	if after, err := os.ReadFile(w.database()); err != nil || string(after) != string(before) {
		t.Errorf("the file was changed: %v", err)
	}
}

// Where a whole backup is there and cannot take its place, nothing is promised of
// the next start that this one tried in vain.
func TestARecoveryThatFailsPromisesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.atHome()
	w.withBackup()
	marker := w.database() + ".initialised"
	for _, err := range []error{os.Remove(marker), os.Mkdir(marker, 0o700)} { // no note can be made there
		if err != nil {
			t.Fatal(err)
		}
	}
	damage(t, w.database())
	_, said, status := w.cli("run")
	text := strings.Join(strings.Fields(said), " ")
	if status != 1 || !strings.Contains(text, "Each start tries") || strings.Contains(text, "The next start puts") {
		t.Errorf("status %d: %s", status, said)
	}
}

func TestWhereTheNewestBackupIsDamagedTooAnOlderOneIsUsed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.atHome()
	w.withBackup()
	newest := w.backups()[0].Path
	older := filepath.Join(filepath.Dir(newest), "sessionwarden-20260102T030405Z.db")
	text, err := os.ReadFile(newest)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(older, text, 0o600); err != nil {
		t.Fatal(err)
	}
	damage(t, newest)
	damage(t, w.database())
	w.start()
	w.eventually("told", func() bool { return len(w.said(restoredTitle)) == 1 })
	message := strings.Join(strings.Fields(w.said(restoredTitle)[0]), " ")
	if !strings.Contains(message, "of 2026-01-02 03:04:05 UTC") || !strings.Contains(message, "damaged too, and are left where they are: 1") {
		t.Errorf("it does not say which one, and why: %s", message)
	}
}

func TestAnEmptyOrMissingDatabaseIsRefusedAndNamesTheNewestWholeBackup(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.atHome()
	w.withBackup()
	backup := w.backups()[0].Path
	for name, spoil := range map[string]func() error{
		"empty":   func() error { return os.Truncate(w.database(), 0) },
		"missing": func() error { return os.Remove(w.database()) },
	} {
		if err := spoil(); err != nil {
			t.Fatal(err)
		}
		for _, command := range [][]string{{"run"}, {"run", "--once"}, {"status"}} {
			_, said, status := w.cli(command...)
			if status != 1 || !strings.Contains(said, "sessionwarden restore "+backup) || !strings.Contains(said, "run --new") {
				t.Errorf("%s, %v: status %d:\n%s", name, command, status, said)
			}
		}
		w.must("restore", backup)
	}
	w.start()
	w.polls(2)
	if s := w.status(); s.Observing != nil {
		t.Error("what a person restored waits for his confirmation")
	}
}

// rewrite changes one record of a stopped program's database.
func rewrite(t *testing.T, path, bucket, key, value string) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error { return tx.Bucket([]byte(bucket)).Put([]byte(key), []byte(value)) })
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}

// pastRow is the key of a row that nothing needs but the history itself.
var pastRow = string(binary.BigEndian.AppendUint64(nil, 4711))

func TestADamagedAccountInASoundFileIsRecoveredToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.atHome()
	w.withBackup()
	rewrite(t, w.database(), "accounts", "main", "no record at all")
	intruder := w.signIn(farAddr, chrome, 0)
	w.start()
	w.eventually("held, and told", func() bool { return w.heldFor(intruder) != nil && len(w.said(restoredTitle)) == 1 })
}

func TestADatabaseOfANewerVersionIsRefusedAndNoBackupTakesItsPlace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.atHome()
	w.withBackup()
	rewrite(t, w.database(), "meta", "schema", "99")
	rewrite(t, w.database(), "meta", "needs", "7.5.3")
	before, err := os.ReadFile(w.database())
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range [][]string{{"run"}, {"run", "--new"}, {"status"}, {"db", "check"}, {"db", "compact"}} {
		if _, said, status := w.cli(command...); status != 1 || !strings.Contains(said, "7.5.3") {
			t.Errorf("%v: status %d:\n%s", command, status, said)
		}
	}
	if after, err := os.ReadFile(w.database()); err != nil || string(after) != string(before) {
		t.Errorf("the file was changed: %v", err)
	}
	if kept, _ := filepath.Glob(w.database() + ".damaged-*"); len(kept) > 0 {
		t.Errorf("put aside as if it were damaged: %v", kept)
	}
}

func TestADatabaseThatIsTakenAwayIsToldAndTheNextStartRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.atHome()
	p := w.start()
	w.eventually("the first backup", func() bool { return len(w.backups()) > 0 })
	w.polls(2)
	if err := os.Remove(w.database()); err != nil {
		t.Fatal(err)
	}
	w.eventually("told though nothing happens", func() bool {
		return len(w.said("The history cannot be saved")) == 1 && len(w.said("was deleted or moved away")) == 1 && len(w.said("the start says what it finds there")) == 1 && len(w.said("free space")) == 0
	})
	w.signIn(farAddr, chrome, 0)
	w.eventually("the intruder is told", func() bool { return len(w.said("so nothing was disconnected")) == 1 })
	if n := len(w.said("The history cannot be saved")); n != 1 {
		t.Errorf("told %d times", n)
	}
	if s := w.status(); !slices.ContainsFunc(s.Warnings, func(text string) bool { return strings.Contains(text, "cannot be saved") }) {
		t.Errorf("status does not say so: %q", s.Warnings)
	}
	if _, health := p.get("/healthz"); !strings.Contains(health, "nothing is disconnected") || !strings.Contains(health, "Restart sessionwarden") {
		t.Errorf("/healthz does not say so: %s", health)
	}
	if _, said, status := w.cli("actions"); status != 1 || !strings.Contains(said, "Restart sessionwarden") || strings.Contains(said, "folder") {
		t.Errorf("a command says (status %d):\n%s", status, said)
	}
	if !strings.Contains(p.stderr.String(), "the history cannot be saved") {
		t.Error("the log does not say so")
	}
	w.polls(2)
	if got := w.ended("main"); len(got) > 0 {
		t.Errorf("ended %v, and it is written down nowhere", got)
	}
	p.stop()
	_, said, status := w.cli("run")
	if status != 1 || !strings.Contains(said, "sessionwarden restore "+w.backups()[0].Path) || !strings.Contains(said, "run --new") {
		t.Errorf("status %d:\n%s", status, said)
	}
}

func TestBackupsAreMadeByThemselvesRotateAndAreWhole(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.extra = "[backup]\nkeep = 2\n"
	w.atHome()
	dir := filepath.Join(w.dir, "data", "backups")
	for day := range 4 {
		w.withBackup()
		// A day later: what was made is as old as its name says.
		newest := w.backups()[0]
		if time.Since(newest.Time) > time.Hour {
			t.Fatalf("start %d made no backup: the newest is %s", day, newest.Path)
		}
		if day == 0 {
			rewrite(t, w.database(), "meta", "created", "2026-01-01T00:00:00Z")
		}
		if day < 3 {
			if err := os.Rename(newest.Path, filepath.Join(dir, fmt.Sprintf("sessionwarden-2026010%dT000000Z.db", day+1))); err != nil {
				t.Fatal(err)
			}
		}
	}
	list := w.backups()
	if len(list) != 2 || !strings.HasSuffix(list[1].Path, "20260103T000000Z.db") {
		t.Fatalf("kept %v, want the two newest", list)
	}
	for _, b := range list {
		if out := w.must("db", "check", b.Path); !strings.Contains(out, "Whole: "+b.Path) {
			t.Errorf("db check: %s", out)
		}
	}
	// Not by the start, but by the age: a restart makes none.
	p := w.start()
	w.polls(3)
	if got := w.backups(); !slices.Equal(got, list) {
		t.Errorf("a restart made a backup: %v", got)
	}
	s := w.status()
	if !s.Backup.Last.Equal(list[0].Time) || s.Backup.Dir != dir || s.Backup.Every != "24h" {
		t.Errorf("status: %+v, want %v", s.Backup, list[0])
	}
	if _, metrics := p.get("/metrics"); !strings.Contains(metrics, "sessionwarden_backup_last_good_timestamp_seconds 1.") {
		t.Error("no metric tells when the last good backup was made")
	}
	if out := w.must("status"); !strings.Contains(out, "backup: ") || strings.Contains(out, "never, in") {
		t.Errorf("status:\n%s", out)
	}
}

// While a start reads or replaces the history nobody answers yet: that is no
// reason to stop it.
func TestACommandThatMeetsALongStartSaysToWait(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.atHome()
	w.withBackup()
	db, err := storage.Open(w.database(), storage.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, command := range []string{"status", "run"} {
		if _, said, status := w.cli(command); status != 1 || !strings.Contains(said, "in use by another sessionwarden") || !strings.Contains(said, "try again when it is ready") {
			t.Errorf("%s: status %d: %s", command, status, said)
		}
	}
}

func TestDbCheckTellsWholeFromDamaged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.atHome()
	p := w.start()
	w.eventually("the first backup", func() bool { return len(w.backups()) > 0 })
	w.fits("db check, running", w.must("db", "check"))
	var rows []web.DatabaseCheck
	if err := json.Unmarshal([]byte(w.must("db", "check", "--json")), &rows); err != nil || len(rows) != 1 || !rows[0].Whole || rows[0].Rows["accounts"] != 1 {
		t.Errorf("%+v, %v", rows, err)
	}
	if left, _ := filepath.Glob(w.database() + ".new*"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	p.stop()
	w.fits("db check, stopped", w.must("db", "check"))
	for _, file := range []string{w.backups()[0].Path, w.database()} {
		args := []string{"db", "check"}
		if file != w.database() {
			args = append(args, file)
		}
		damage(t, file)
		out, said, status := w.cli(args...)
		if status != 1 || !strings.Contains(out, "DAMAGED: "+file) {
			t.Errorf("status %d: %s%s", status, out, said)
		}
		w.fits("db check, damaged", out+said)
	}
	if _, said, status := w.cli("db", "check", filepath.Join(w.dir, "nowhere")); status != 1 || said == "" {
		t.Errorf("a file that is not there: status %d, %s", status, said)
	}
}

func TestDbCompactMakesTheFileSmallerAndLosesNothing(t *testing.T) {
	tooLongForTheRaceDetector(t)
	t.Parallel()
	w := newWorld(t)
	w.atHome()
	w.withBackup()
	db, err := storage.Open(w.database(), storage.Options{})
	if err != nil {
		t.Fatal(err)
	}
	long := time.Now().AddDate(-3, 0, 0)
	var gone []sessionwarden.Sighting
	for range 6_000 {
		gone = append(gone, sessionwarden.Sighting{
			Seq: db.NextID(), Account: "other", Session: sessionwarden.Session{ID: "1", UserAgent: chrome, Started: long},
			FirstSeen: long, LastSeen: long, GoneAt: long, State: sessionwarden.Gone,
		})
	}
	err = db.Commit(t.Context(), []sessionwarden.Change{{History: sessionwarden.History{Account: "other", Baseline: long}, Sightings: gone}})
	if err != nil {
		t.Fatal(err)
	}
	for n := 1; n > 0; {
		if n, err = db.Forget(t.Context(), long.AddDate(1, 0, 0), 10_000); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(w.database())
	if err != nil {
		t.Fatal(err)
	}
	history := w.printed("history")
	out := w.must("db", "compact")
	after, err := os.Stat(w.database())
	if err != nil || after.Size() >= before.Size()/2 || !strings.Contains(out, size(before.Size())+" before, "+size(after.Size())+" after") {
		t.Errorf("%d bytes before, %d after, %v: %s", before.Size(), after.Size(), err, out)
	}
	if got := w.printed("history"); len(got) != len(history) || len(got) == 0 {
		t.Errorf("history: %v, before: %v", got, history)
	}
	w.must("db", "check")
	p := w.start()
	_, said, status := w.cli("db", "compact")
	if status != 1 || !strings.Contains(said, fmt.Sprintf("process %d", p.cmd.Process.Pid)) {
		t.Errorf("while the daemon runs: status %d: %s", status, said)
	}
}

func TestCrashesAreCounted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.atHome()
	p := w.start()
	for want := range 3 {
		s := w.status()
		if s.Crashes != want || (want > 0) == s.LastCrash.IsZero() {
			t.Errorf("%d crashes, the last at %v, want %d", s.Crashes, s.LastCrash, want)
		}
		p.kill()
		p = w.start()
	}
	if _, metrics := p.get("/metrics"); !strings.Contains(metrics, "sessionwarden_crashes 3") {
		t.Error("no metric says so")
	}
	if status := p.stop(); status != 0 {
		t.Errorf("stopping: %d", status)
	}
	p = w.start() // no crash
	if out := w.must("status"); !strings.Contains(out, "crashes: 3, ") {
		t.Errorf("status:\n%s", out)
	}
	p.stop()
	if out := w.must("status"); !strings.Contains(out, "crashes: 3, ") {
		t.Errorf("stopped:\n%s", out)
	}
	if err := os.WriteFile(filepath.Join(w.dir, "data", "sessionwarden.starts"), []byte("\x00 no note"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.start()
	if s := w.status(); s.Crashes != 0 {
		t.Errorf("a note that is none counts %d", s.Crashes)
	}
}

// copies returns the bubble's own backups, the newest first.
func (b *bubble) copies() []storage.BackupInfo {
	b.t.Helper()
	list, err := storage.Backups(filepath.Join(b.dir, "backups"))
	if err != nil {
		b.t.Fatal(err)
	}
	return list
}

// toldOfCopies returns the titles of the alerts about backups, oldest first.
func (b *bubble) toldOfCopies() (titles []string) {
	b.t.Helper()
	for _, a := range b.alerts() {
		if a.Key == copiesKey || a.Key == damageKey {
			titles = append(titles, a.Title)
		}
	}
	return titles
}

func TestBackupsAreDueByTheAgeOfTheNewestNotByTheStart(t *testing.T) {
	tooLongForTheRaceDetector(t)
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.extra = "[backup]\nevery = \"6h\"\nkeep = 3\n"
		b.defaults = []string{`expected_countries = ["DE"]`, `schedule = "@every 10m"`}
		b.atHome()
		b.start()
		b.pass(5 * time.Second)
		first := b.copies()
		if len(first) != 1 {
			t.Fatalf("%d backups right after the first good poll, want one", len(first))
		}
		for range 5 { // five starts in five hours
			b.pass(time.Hour)
			b.restart()
		}
		if n := len(b.copies()); n != 1 {
			t.Errorf("%d backups after five hours and five starts, want one", n)
		}
		b.stop()
		b.pass(2 * time.Hour)
		b.start()
		b.pass(2 * time.Minute)
		if list := b.copies(); len(list) != 2 || list[0].Time.Sub(first[0].Time) < 6*time.Hour {
			t.Errorf("the one that came due while nothing ran was not made: %v", list)
		}
		b.pass(24 * time.Hour)
		list := b.copies()
		if len(list) != 3 {
			t.Fatalf("%d backups are kept, want 3", len(list))
		}
		for i, c := range list {
			if err := storage.Check(context.Background(), c.Path); err != nil {
				t.Error(err)
			}
			if i > 0 {
				if apart := list[i-1].Time.Sub(c.Time); apart < 6*time.Hour || apart > 6*time.Hour+2*copyLook {
					t.Errorf("%s between two backups, want six hours", apart)
				}
			}
		}
		if told := b.toldOfCopies(); len(told) > 0 {
			t.Errorf("told %q though all was well", told)
		}
	})
}

// Backups that are wanted more often than anybody looks whether one is due are made as
// often, and nobody is told that they are late.
func TestBackupsAreMadeAsOftenAsTheyAreWanted(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.extra = "[backup]\nevery = \"1m\"\nkeep = 100\n"
		b.atHome()
		b.start()
		for range 12 {
			b.pass(time.Minute)
			for _, w := range b.app.status().Warnings {
				if strings.Contains(w, "backup") {
					t.Errorf("status warns: %s", w)
				}
			}
		}
		if n := len(b.copies()); n < 10 {
			t.Errorf("%d backups in twelve minutes", n)
		}
	})
}

func TestBackupsThatAreTurnedOffAreNotMade(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.extra = "[backup]\nevery = \"off\"\n"
		b.atHome()
		b.start()
		b.pass(time.Hour)
		if list := b.copies(); len(list) > 0 {
			t.Errorf("made: %v", list)
		}
		if s := b.app.status(); s.Backup.Every != "off" {
			t.Errorf("status: %+v", s.Backup)
		}
	})
}

func TestBackupsThatFailAreToldOnceWhenTheLastGoodOneIsOldAndOnceWhenTheyWorkAgain(t *testing.T) {
	tooLongForTheRaceDetector(t)
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.extra = "[backup]\nevery = \"2h\"\n"
		b.defaults = []string{`expected_countries = ["DE"]`, `schedule = "@every 10m"`}
		b.atHome()
		b.start()
		b.pass(5 * time.Second)
		dir := filepath.Join(b.dir, "backups")
		aside := dir + ".aside"
		// The folder's place is taken by a file; the good one is still known.
		spoil := func() {
			for _, err := range []error{os.Rename(dir, aside), os.WriteFile(dir, nil, 0o600)} {
				if err != nil {
					t.Fatal(err)
				}
			}
		}
		mend := func() {
			for _, err := range []error{os.Remove(dir), os.Rename(aside, dir)} {
				if err != nil {
					t.Fatal(err)
				}
			}
		}
		spoil()
		thief := b.signIn(farAddr, chrome)
		b.pass(5 * time.Hour)
		if told := b.toldOfCopies(); len(told) > 0 {
			t.Errorf("told %q though the newest is not three times as old as it may be", told)
		}
		b.pass(7 * time.Hour)
		b.wantEnded(thief) // the watch goes on
		if told := b.toldOfCopies(); len(told) != 1 || !strings.Contains(told[0], "could not be copied") {
			t.Errorf("told %q, want it once", told)
		}
		s := b.app.status()
		if s.Backup.Error == "" || !slices.ContainsFunc(s.Warnings, func(w string) bool { return strings.Contains(w, "backup") }) {
			t.Errorf("status: %+v, %q", s.Backup, s.Warnings)
		}
		b.restart()
		b.pass(3 * time.Hour)
		if told := b.toldOfCopies(); len(told) != 1 {
			t.Errorf("told again after a restart: %q", told)
		}
		mend()
		b.pass(time.Hour)
		if told := b.toldOfCopies(); len(told) != 2 || told[1] != "The history is copied again" {
			t.Errorf("told %q, want that it works again", told)
		}
		if s := b.app.status(); s.Backup.Error != "" || len(b.copies()) != 2 {
			t.Errorf("status: %+v, backups: %v", s.Backup, b.copies())
		}
		b.pass(12 * time.Hour)
		if told := b.toldOfCopies(); len(told) != 2 {
			t.Errorf("told %q", told)
		}
	})
}

func TestObservingIsToldAgainEveryDayAndHoldsOverEveryTimeout(t *testing.T) {
	tooLongForTheRaceDetector(t)
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.defaults = []string{`expected_countries = ["DE"]`, `schedule = "@every 10m"`, `ask_default = "disconnect"`, `ask_timeout = "1h"`}
		b.atHome()
		b.start()
		if err := b.app.db.SetObserving(context.Background(), "The database was damaged."); err != nil {
			t.Fatal(err)
		}
		known, asked := b.signIn(farAddr, chrome), b.signIn(privateAddr, chrome)
		b.pass(3*24*time.Hour - time.Hour)
		b.wantEnded()
		for _, a := range b.actions() {
			if a.State != sessionwarden.Held || a.Hold != sessionwarden.HeldObserving {
				t.Errorf("session %s: %s by %s", a.Session, a.State, a.Hold)
			}
		}
		told := 0
		for _, a := range b.alerts() {
			if a.Kind == sessionwarden.Restored {
				told++
			}
		}
		if told != 3 {
			t.Errorf("told %d times in three days, want each day", told)
		}
		if _, held, err := b.app.monitor.Resume(context.Background()); err != nil || len(held) != 2 {
			t.Errorf("resume: %v, %v", held, err)
		}
		b.pass(time.Minute)
		b.wantEnded(known, asked)
	})
}

// A folder that could not be read for a while and holds a good backup is no
// failure any more as soon as it can be read again.
func TestAFolderOfBackupsThatIsThereAgainIsNoFailureAnyMore(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.extra = "[backup]\nevery = \"24h\"\n"
		b.defaults = []string{`expected_countries = ["DE"]`, `schedule = "@every 10m"`}
		b.atHome()
		b.start()
		b.pass(5 * time.Second)
		dir := filepath.Join(b.dir, "backups")
		for _, err := range []error{os.Rename(dir, dir+".aside"), os.WriteFile(dir, nil, 0o600)} {
			if err != nil {
				t.Fatal(err)
			}
		}
		b.restart() // which knows of no backup
		b.pass(time.Hour)
		if s := b.app.status(); s.Backup.Error == "" || len(b.toldOfCopies()) != 1 {
			t.Errorf("while it cannot be read: %+v, told %q", s.Backup, b.toldOfCopies())
		}
		for _, err := range []error{os.Remove(dir), os.Rename(dir+".aside", dir)} {
			if err != nil {
				t.Fatal(err)
			}
		}
		b.pass(time.Hour)
		if s := b.app.status(); s.Backup.Error != "" || len(s.Warnings) > 1 {
			t.Errorf("status: %+v, %q", s.Backup, s.Warnings)
		}
		if told := b.toldOfCopies(); len(told) != 2 {
			t.Errorf("told %q, want that it works again", told)
		}
	})
}

// Damage that only a backup meets is told at once: the next start may go back to
// the newest whole one, so every hour counts.
func TestDamageThatABackupMeetsIsToldAtOnceAndOnce(t *testing.T) {
	tooLongForTheRaceDetector(t)
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.extra = "[backup]\nevery = \"6h\"\n"
		b.defaults = []string{`expected_countries = ["DE"]`, `schedule = "@every 10m"`}
		b.atHome()
		b.start()
		b.pass(5 * time.Second)
		b.stop()
		rewrite(t, filepath.Join(b.dir, databaseName), "findings", pastRow, "no record at all")
		b.start()
		b.pass(7 * time.Hour)
		if told := b.toldOfCopies(); len(told) != 1 || !strings.Contains(told[0], "damaged") || !b.told("sessionwarden db check") {
			t.Errorf("told %q, want the damage", told)
		}
		b.restart()
		b.pass(24 * time.Hour)
		if told := b.toldOfCopies(); len(told) != 1 || len(b.copies()) != 1 {
			t.Errorf("told %q, backups: %v", told, b.copies())
		}
	})
}

// A damaged row of the past does not stop the daemon, and so brings no backup
// back: db check says so.
func TestOneDamagedRowOfThePastIsLeftToAPerson(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.atHome()
	w.withBackup()
	rewrite(t, w.database(), "findings", pastRow, "no record at all")
	p := w.start()
	w.polls(2)
	out, said, status := w.cli("db", "check")
	w.fits("db check, one row", out+said)
	w.eventually("told", func() bool { return len(w.said("A part of the history is damaged")) == 1 })
	if _, health := p.get("/healthz"); !strings.Contains(health, "a part of the history is damaged") || !slices.Contains(w.status().Warnings, damageNote) {
		t.Errorf("health: %s, status: %q", health, w.status().Warnings)
	}
	if status != 1 || !strings.Contains(out, "record 4711 of findings") {
		t.Errorf("status %d: %s%s", status, out, said)
	}
	said = strings.Join(strings.Fields(said), " ")
	if w.status().Observing != nil || !strings.Contains(said, "If it starts as usual") || !strings.Contains(said, "sessionwarden restore FILE") {
		t.Errorf("a start does not mend this, and it says: %s", said)
	}
}

func TestAnEmptyHistoryThatWasBegunAnewIsToldAndItsIDsRise(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.atHome()
	w.withBackup()
	before := filepath.Join(w.dir, "data", "backups", "sessionwarden-20260101T000000Z.db")
	if err := errors.Join(os.Rename(w.backups()[0].Path, before), os.Remove(w.database())); err != nil {
		t.Fatal(err)
	}
	w.must("run", "--once", "--new")
	if n := len(w.said("An empty history was begun")); n != 1 {
		t.Errorf("told %d times: %q", n, w.messages())
	}
	if list := w.backups(); len(list) != 2 || list[1].Path != before {
		t.Errorf("the backup before passes for its own: %v", list)
	}
	w.start() // which has one: nothing new is begun
	w.signIn(farAddr, chrome, 0)
	w.eventually("it is ended", func() bool { return w.action("verified") != nil })
	if id := w.action("verified")["id"].(string); number(id) < 1_000_000 {
		t.Errorf("action %s could be one of before", id)
	}
	if n := len(w.said("An empty history was begun")); n != 1 {
		t.Errorf("told %d times", n)
	}
}
