package storage_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sessionwarden"
	"sessionwarden/storage"
)

func TestFirstUseLeavesAWholeDatabaseAndNothingElse(t *testing.T) {
	t.Parallel()
	path := dbPath(t)
	db := open(t, path)
	if names := namesBeside(t, path); !equalNames(names, "sessionwarden.db", "sessionwarden.db.holder", "sessionwarden.db.initialised") {
		t.Errorf("while it is open there are %v", names)
	}
	for _, name := range namesBeside(t, path) {
		if info, err := os.Stat(filepath.Join(filepath.Dir(path), name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, %v", name, info.Mode(), err)
		}
	}
	if err := errors.Join(db.Close(), db.Close()); err != nil {
		t.Fatal(err)
	}
	if names := namesBeside(t, path); !equalNames(names, "sessionwarden.db", "sessionwarden.db.initialised") {
		t.Errorf("after closing there are %v", names)
	}
	if err := storage.Check(t.Context(), path); err != nil {
		t.Error(err)
	}
}

func namesBeside(t *testing.T, path string) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func equalNames(got []string, want ...string) bool {
	return strings.Join(got, " ") == strings.Join(want, " ")
}

func TestALockedDatabaseNamesItsHolder(t *testing.T) {
	t.Parallel()
	path := dbPath(t)
	pid, release := holdElsewhere(t, path, "")
	begin := time.Now()
	_, err := storage.Open(path, storage.Options{Timeout: 300 * time.Millisecond})
	var locked *storage.LockedError
	if !errors.As(err, &locked) || locked.PID != pid || time.Since(locked.Since) > time.Minute {
		t.Fatalf("got %v, want the holder %d", err, pid)
	}
	if took := time.Since(begin); took > 3*time.Second {
		t.Errorf("it took %v to say so", took)
	}
	if _, err := storage.Restore(t.Context(), path, path, storage.Options{Timeout: time.Millisecond}); !errors.As(err, &locked) {
		t.Errorf("restoring over it: %v", err)
	}
	release()
	open(t, path)
}

func TestAHolderThatSaysNothingIsStillAHolder(t *testing.T) {
	t.Parallel()
	for name, note := range map[string]string{
		"no note": "", "an empty note": " ", "garbage": "\x00\xff{", "a process that is gone": `{"pid":2147483646,"since":"2026-01-01T00:00:00Z"}`,
		"no process": `{"pid":-1}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := dbPath(t)
			open(t, path)
			if err := os.Remove(path + ".holder"); err != nil {
				t.Fatal(err)
			}
			if note != "" {
				write(t, path+".holder", []byte(note))
			}
			_, err := storage.Open(path, storage.Options{Timeout: time.Millisecond})
			var locked *storage.LockedError
			if !errors.As(err, &locked) || locked.PID != 0 {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestWhatACrashedHolderLeftHindersNobody(t *testing.T) {
	t.Parallel()
	path := dbPath(t)
	_, release := holdElsewhere(t, path, "crash")
	release()
	write(t, path+".new-123", []byte("half a database"))
	write(t, path+".holder.new-9", nil)
	open(t, path)
	if names := namesBeside(t, path); len(names) != 3 {
		t.Errorf("leftovers: %v", names)
	}
}

// holdElsewhere lets another process open the database. release ends it.
func holdElsewhere(t *testing.T, path, end string) (pid int, release func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "STORAGE_TEST_ROLE=hold", "STORAGE_TEST_PATH="+path, "STORAGE_TEST_END="+end)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var said [64]byte
	if n, _ := out.Read(said[:]); string(said[:n]) != "open\n" {
		t.Fatalf("the other process says %q", said[:n])
	}
	return cmd.Process.Pid, func() {
		if err := errors.Join(in.Close(), cmd.Wait()); err != nil {
			t.Fatal(err)
		}
	}
}

// good returns the bytes of a small whole database.
func good(tb testing.TB) []byte {
	tb.Helper()
	path := dbPath(tb)
	db := open(tb, path)
	for i := range uint64(40) {
		commit(tb, db, arrival("main", session(2*i+1, "main", day), session(2*i+2, "main", day)))
	}
	copied := filepath.Join(tb.TempDir(), "copy")
	if err := db.Backup(tb.Context(), copied); err != nil {
		tb.Fatal(err)
	}
	b, err := os.ReadFile(copied)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func write(tb testing.TB, path string, b []byte) {
	tb.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		tb.Fatal(err)
	}
}

func TestAFileThatIsNoWholeDatabaseIsRefusedAndKept(t *testing.T) {
	t.Parallel()
	whole := good(t)
	page := os.Getpagesize()
	changed := func(f func(b []byte)) []byte {
		b := bytes.Clone(whole)
		f(b)
		return b
	}
	for name, row := range map[string]struct {
		file []byte
		says string
	}{
		"0 bytes":                {nil, "it is empty"},
		"one byte":               {whole[:1], "not a database"},
		"half a meta page":       {whole[:50], "not a database"},
		"one page":               {whole[:page], "cut off"},
		"two pages":              {whole[:2*page], "cut off"},
		"half":                   {whole[:len(whole)/2], "cut off"},
		"a byte is missing":      {whole[:len(whole)-1], "cut off"},
		"zeros":                  {make([]byte, len(whole)), "not a database"},
		"a text":                 {bytes.Repeat([]byte("not a database\n"), 5000), "not a database"},
		"both metas overwritten": {changed(func(b []byte) { clear(b[:2*page]) }), "not a database"},
		"pages overwritten":      {changed(func(b []byte) { clear(b[2*page:]) }), "not what it should be"},
		"noise over the pages": {changed(func(b []byte) {
			for i := range b[2*page:] {
				b[2*page+i] = byte(i*7 + i>>8)
			}
		}), "is not what it should be"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := dbPath(t)
			write(t, path, row.file)
			_, err := storage.Open(path, storage.Options{})
			var damaged *storage.DamagedError
			if !errors.As(err, &damaged) || !strings.Contains(err.Error(), row.says) {
				t.Errorf("opening says: %v", err)
			}
			if err := storage.Check(t.Context(), path); err == nil {
				t.Error("the check finds nothing wrong")
			}
			if len(row.file) > 0 {
				if _, err := storage.Open(path, storage.Options{New: true}); err == nil {
					t.Error("--new replaces a file with something in it")
				}
			}
			if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, row.file) {
				t.Errorf("the file was changed: %v", err)
			}
		})
	}
}

func TestOneOfTheTwoMetaPagesIsEnough(t *testing.T) {
	t.Parallel()
	whole := good(t)
	for name, at := range map[string]int{"the first is lost": 0, "the second is lost": os.Getpagesize()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := dbPath(t)
			b := bytes.Clone(whole)
			clear(b[at : at+100])
			write(t, path, b)
			db := open(t, path)
			if got := len(collect(t, db.Sightings(t.Context(), sessionwarden.Query{}))); got < 78 {
				t.Errorf("%d sightings", got)
			}
			commit(t, db, arrival("main", session(db.NextID(), "main", day)))
		})
	}
}

func TestAVanishedDatabaseIsNotStartedAnew(t *testing.T) {
	t.Parallel()
	for name, vanish := range map[string]func(path string) error{
		"missing": os.Remove,
		"0 bytes": func(path string) error { return os.Truncate(path, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := dbPath(t)
			if err := open(t, path).Close(); err != nil {
				t.Fatal(err)
			}
			if err := vanish(path); err != nil {
				t.Fatal(err)
			}
			_, err := storage.Open(path, storage.Options{})
			if err == nil || !strings.Contains(err.Error(), "is gone") && !strings.Contains(err.Error(), "is empty") {
				t.Fatalf("got %v, want what is wrong", err)
			}
			if _, err := storage.Open(path, storage.Options{ReadOnly: true, New: true}); err == nil {
				t.Error("opening for reading starts a database")
			}
			db, err := storage.Open(path, storage.Options{New: true})
			if err != nil {
				t.Fatal(err)
			}
			commit(t, db, arrival("main", session(db.NextID(), "main", day)))
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestCommitNoticesThatTheFileIsGone(t *testing.T) {
	t.Parallel()
	whole := good(t)
	for name, row := range map[string]struct {
		happens func(path string) error
		says    string
	}{
		"deleted":  {os.Remove, "was deleted or moved away"},
		"renamed":  {func(path string) error { return os.Rename(path, path+".moved") }, "was deleted or moved away"},
		"replaced": {func(path string) error { return errors.Join(os.Remove(path), os.WriteFile(path, whole, 0o600)) }, "replaced"},
		"overwritten": {func(path string) error {
			return os.WriteFile(path, append(bytes.Clone(whole), make([]byte, 1<<20)...), 0o600)
		}, "overwritten"},
		"cut off": {func(path string) error { return os.Truncate(path, 0) }, "cut off"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := dbPath(t)
			db := open(t, path)
			if err := row.happens(path); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				err := db.Commit(t.Context(), []sessionwarden.Change{arrival("main", session(2, "main", day))})
				if err == nil || !strings.Contains(err.Error(), row.says) {
					t.Errorf("got %v", err)
				}
			}
		})
	}
}

func TestForReadingOnly(t *testing.T) {
	t.Parallel()
	path := dbPath(t)
	if _, err := storage.Open(path, storage.Options{ReadOnly: true}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nothing is there: %v", err)
	}
	db := open(t, path)
	commit(t, db, arrival("main", session(1, "main", day)))
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // two readers at once
		reader, err := storage.Open(path, storage.Options{ReadOnly: true, Timeout: time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		defer reader.Close()
		if got := history(t, reader, "main").Live; len(got) != 1 {
			t.Errorf("%d live", len(got))
		}
		if err := reader.Commit(t.Context(), []sessionwarden.Change{arrival("main", session(2, "main", day))}); err == nil {
			t.Error("it was written to")
		}
		if _, err := reader.Forget(t.Context(), day.AddDate(1, 0, 0), 10); err != nil {
			t.Errorf("nothing to forget, and yet: %v", err)
		}
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the file was changed: %v", err)
	}
}

func TestMetricsAreRegisteredOnce(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewPedanticRegistry()
	for range 2 {
		db, err := storage.Open(dbPath(t), storage.Options{Registerer: reg})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		commit(t, db, arrival("main", session(1, "main", day)))
	}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	rows := 0.0
	for _, f := range families {
		if len(f.GetMetric()) != 1 || len(f.GetMetric()[0].GetLabel()) != 0 {
			t.Errorf("%s has labels", f.GetName())
		}
		if f.GetName() == "sessionwarden_storage_rows_written_total" {
			rows = f.GetMetric()[0].GetCounter().GetValue()
		}
	}
	if rows != 4 {
		t.Errorf("%v rows written, want a sighting and a state from each", rows)
	}
}
