//go:build unix

package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"sessionwarden/internal/owner"
)

// TestWhatRootMakesBelongsToTheOwnerOfTheDataDirectory needs root to tell one
// owner from another; run by somebody else, it shows that nothing changes hands.
func TestWhatRootMakesBelongsToTheOwnerOfTheDataDirectory(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.atHome()
	data := filepath.Join(w.dir, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	want := os.Geteuid()
	if want == 0 {
		want = 65534
		if err := os.Chown(data, want, want); err != nil {
			t.Fatal(err)
		}
	}
	backup := filepath.Join(w.dir, "copy.db")
	w.signIn(farAddr, chrome, 0)
	w.write()
	w.must("run", "--once") // which makes a backup
	w.must("evidence", w.rows("incidents")[0]["id"].(string), "--out", filepath.Join(data, "evidence.html"))
	w.must("backup", backup)
	w.must("restore", backup)
	w.must("status")
	w.must("db", "compact")
	damage(t, filepath.Join(data, databaseName))
	w.must("run", "--once") // a backup takes its place
	if err := os.Remove(filepath.Join(data, databaseName)); err != nil {
		t.Fatal(err)
	}
	w.must("run", "--once", "--new")
	files := 0
	err := filepath.WalkDir(data, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		files++
		if of := info.Sys().(*syscall.Stat_t); int(of.Uid) != want || int(of.Gid) != want && os.Geteuid() == 0 {
			t.Errorf("%s belongs to %d:%d, want %d", path, of.Uid, of.Gid, want)
		}
		return nil
	})
	if err != nil || files < 8 {
		t.Errorf("%d files, %v", files, err)
	}
}

// TestCommandsThatOnlyReadMakeNothing where nothing was ever recorded.
func TestCommandsThatOnlyReadMakeNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write()
	for _, args := range [][]string{{"status"}, {"sessions"}, {"history", "--json"}, {"findings"}, {"actions"}, {"export"}, {"backup", "x.db"}, {"resume"}, {"approve", "1"}, {"db", "check"}} {
		out, errs, status := w.cli(args...)
		if status != 1 || out != "" || !strings.Contains(errs, "nothing has been recorded yet in "+filepath.Join(w.dir, "data")) || !strings.Contains(errs, "sessionwarden run") {
			t.Errorf("%v: status %d\n%s%s", args, status, out, errs)
		}
	}
	if _, err := os.Stat(filepath.Join(w.dir, "data")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a data directory was made: %v", err)
	}
}

// TestAPermissionErrorNamesWhoShouldRunIt goes through what main prints.
func TestAPermissionErrorNamesWhoShouldRunIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write()
	data := filepath.Join(w.dir, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	denied := fmt.Errorf("opening the database: %w", &fs.PathError{Op: "open", Path: w.database(), Err: syscall.EACCES})
	told := func() string {
		var out strings.Builder
		env := func(string) string { return "" }
		c := &command{configFile: w.config, getenv: env, out: newPrinter(io.Discard, env), err: newPrinter(&out, env)}
		if status := c.status(denied); status != 1 {
			t.Errorf("status %d", status)
		}
		return out.String()
	}
	if got := told(); !strings.Contains(got, "Give it back, as root: chown -R "+owner.Me()+" "+data) {
		t.Errorf("its owner is told %q", got)
	}
	if os.Geteuid() != 0 {
		return
	}
	if err := os.Chown(data, 4711, 4711); err != nil {
		t.Fatal(err)
	}
	if got := told(); !strings.Contains(got, "Run it as 4711: sudo -u '#4711'") {
		t.Errorf("another one is told %q", got)
	}
}
