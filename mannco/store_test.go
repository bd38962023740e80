package mannco_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sessionwarden"
	"sessionwarden/mannco"
)

func storedIn(file string) func(*mannco.Options) {
	return func(o *mannco.Options) { o.TokenFile = file }
}

func TestOneLoginOverThreeRestarts(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "main.token")
	s := newFake()
	for range 4 {
		l := mustList(t, s.client(t, storedIn(file)))
		if l.Rows[0].Ownership != sessionwarden.Own {
			t.Fatal("our own session was not recognized")
		}
	}
	if s.loginCount() != 1 {
		t.Fatalf("%d logins", s.loginCount())
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the token file: %v, %v", info.Mode(), err)
	}
	if left, _ := filepath.Glob(file + "?*"); left != nil {
		t.Fatalf("left behind: %q", left)
	}
}

func TestQuietPollsWriteNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "main.token")
	s := newFake()
	c := s.client(t, storedIn(file))
	mustList(t, c)
	before, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 30 {
		s.rows = crowd(40, i%3)
		mustList(t, c)
	}
	after, err := os.Stat(file)
	if err != nil || !os.SameFile(before, after) || !before.ModTime().Equal(after.ModTime()) {
		t.Fatal("the token file was written again")
	}
}

func TestOurLoginsAreKnownAfterARestart(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "main.token")
	s := newFake()
	mustList(t, s.client(t, storedIn(file)))
	s.endOurs()
	s.says("/user/ipList", 200, page(1, at(1, "192.0.2.10", 0, false)))
	if l := mustList(t, s.client(t, storedIn(file))); l.Rows[0].Ownership != sessionwarden.Own {
		t.Fatal("a login of before the restart is not known as ours")
	}
	// An empty list cannot be true either, as our session was in it before the restart.
	s.says("/user/ipList", 200, page(0))
	_, err := s.client(t, storedIn(file)).Sessions(t.Context(), false)
	wantFault(t, err, sessionwarden.FaultStrange, "cannot be true")
}

func TestOldLoginsAreForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "main.token")
		s := newFake().running()
		s.life = time.Hour
		c := s.client(t, storedIn(file))
		mustList(t, c)
		first, _ := os.ReadFile(file)
		stamp := noon.Format("2006-01-02T15:04:05Z")
		if !bytes.Contains(first, []byte(stamp)) {
			t.Fatalf("the login is not kept: %d bytes", len(first))
		}
		time.Sleep(41 * 24 * time.Hour)
		s.endOurs()
		mustList(t, c)
		if later, _ := os.ReadFile(file); bytes.Contains(later, []byte(stamp)) {
			t.Fatal("a login of 41 days ago is kept")
		}
	})
}

func TestDamagedTokenFiles(t *testing.T) {
	t.Parallel()
	for name, content := range map[string]string{
		"empty":       "",
		"text":        "hello",
		"binary":      "\x00\xff\x01",
		"half":        `{"version":1,"token":"ey`,
		"array":       `[]`,
		"other":       `{"version":2}`,
		"wrong types": `{"version":1,"token":5,"logins":"x"}`,
		"huge":        strings.Repeat(" ", 1<<20),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "main.token")
			if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			var log bytes.Buffer
			s := newFake()
			c := s.client(t, storedIn(file), logTo(&log))
			if !strings.Contains(log.String(), "cannot be used") {
				t.Errorf("nothing was said of it: %s", log.String())
			}
			if kept, _ := os.ReadFile(file + ".damaged"); string(kept) != content {
				t.Error("it was not moved aside")
			}
			mustList(t, c)
			mustList(t, s.client(t, storedIn(file)))
			if s.loginCount() != 1 {
				t.Errorf("%d logins", s.loginCount())
			}
		})
	}
}

func TestTokenFileThatIsNoFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "main.token")
	if err := os.Mkdir(file, 0o700); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	c := newFake().client(t, storedIn(file), logTo(&log))
	mustList(t, c)
	if !strings.Contains(log.String(), "could not be saved") {
		t.Errorf("nothing was said of it: %s", log.String())
	}
}

func TestTokenIsNeverSentElsewhere(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "main.token")
	s := newFake()
	mustList(t, s.client(t, storedIn(file)))
	other := newFake()
	mustList(t, other.client(t, storedIn(file), func(o *mannco.Options) { o.BaseURL = "https://other.example" }))
	if other.loginCount() != 1 || other.requests()[0] != "POST /user/login" {
		t.Fatal("the token of one address was used at another")
	}
}

func TestReadableTokenFileIsMadePrivate(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "main.token")
	s := newFake()
	mustList(t, s.client(t, storedIn(file)))
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	mustList(t, s.client(t, storedIn(file)))
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", info.Mode(), err)
	}
}

func TestTwoProcessesShareALogin(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "main.token")
		s := newFake().running()
		one := s.client(t, storedIn(file))
		mustList(t, one)
		two := s.client(t, storedIn(file))
		mustList(t, two)
		s.endOurs()
		time.Sleep(time.Hour)
		if l := mustList(t, two); !l.LoggedOut {
			t.Fatal("our session was ended")
		}
		if l := mustList(t, one); l.LoggedOut {
			t.Fatal("the other process has logged in already: nothing more has happened")
		}
		if s.loginCount() != 2 {
			t.Fatalf("%d logins, want one for both", s.loginCount())
		}
	})
}
