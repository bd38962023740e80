package web_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"sessionwarden/web"
)

// shortDir is a directory with a path short enough for sockets.
func shortDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sw")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// longDir is a directory with a path too long for sockets.
func longDir(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(shortDir(t), strings.Repeat("long", 30))
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

// serve runs the API on the socket of a data directory until the test ends,
// or until the returned function is called.
func serve(t *testing.T, data, runtime string) (path string, stop func()) {
	t.Helper()
	l, path, err := web.ListenSocket(data, runtime)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- web.Serve(ctx, "api", l, web.NewAPI(full(3)), nil) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("serving: %v", err)
		}
	})
	t.Cleanup(stop)
	return path, stop
}

// asks asks the daemon at path for something.
func asks(t *testing.T, path string) error {
	t.Helper()
	client, err := web.DialSocket(path)
	if err != nil {
		return err
	}
	defer client.Close()
	rows, err := collect(client.History(t.Context(), web.Query{}))
	if err == nil && len(rows) != 3 {
		t.Errorf("%d rows of 3", len(rows))
	}
	return err
}

// entries returns what is in a directory.
func entries(t *testing.T, dir string) []string {
	t.Helper()
	found, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range found {
		names = append(names, e.Name())
	}
	return names
}

func TestTheSocketIsPrivateAndGoesWithTheDaemon(t *testing.T) {
	t.Parallel()
	data := shortDir(t)
	path, stop := serve(t, data, "")
	if want := filepath.Join(data, "sessionwarden.sock"); path != want || web.SocketPath(data, "") != want {
		t.Errorf("the socket is at %s, looked for at %s", path, web.SocketPath(data, ""))
	}
	info, err := os.Lstat(path)
	if err != nil || info.Mode() != os.ModeSocket|0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if err := asks(t, path); err != nil {
		t.Error(err)
	}
	if names := entries(t, data); len(names) != 1 {
		t.Errorf("while it runs there are %v", names)
	}
	stop()
	if names := entries(t, data); len(names) != 0 {
		t.Errorf("afterwards there are %v", names)
	}
	if err := asks(t, path); !errors.Is(err, web.ErrNotRunning) {
		t.Errorf("afterwards asking says %v", err)
	}
}

func TestALongPathLeadsToTheRuntimeDirectory(t *testing.T) {
	t.Parallel()
	data, runtime := longDir(t), shortDir(t)
	if before := web.SocketPath(data, runtime); filepath.Dir(before) != runtime || len(before) > 100 {
		t.Errorf("it would be at %s", before)
	}
	path, stop := serve(t, data, runtime)
	if filepath.Dir(path) != runtime || len(path) > 100 {
		t.Errorf("it is at %s", path)
	}
	if err := asks(t, path); err != nil {
		t.Error(err)
	}
	// A client with another runtime directory finds it all the same.
	if found := web.SocketPath(data, shortDir(t)); found != path {
		t.Errorf("it is at %s, but found at %s", path, found)
	}
	if other := longDir(t); web.SocketPath(other, runtime) == path {
		t.Error("two data directories have one socket")
	}
	stop()
	if names := append(entries(t, data), entries(t, runtime)...); len(names) != 0 {
		t.Errorf("afterwards there are %v", names)
	}
}

func TestALongPathWithoutARuntimeDirectory(t *testing.T) {
	t.Setenv("TMPDIR", shortDir(t))
	path, _ := serve(t, longDir(t), "")
	info, err := os.Lstat(filepath.Dir(path))
	if err != nil || info.Mode() != os.ModeDir|0o700 || len(path) > 100 {
		t.Errorf("it is at %s, in a directory of mode %v, %v", path, info.Mode(), err)
	}
	if err := asks(t, path); err != nil {
		t.Error(err)
	}
}

func TestARuntimeDirectoryThatOthersWriteToIsRefused(t *testing.T) {
	t.Parallel()
	data, runtime := longDir(t), shortDir(t)
	if err := os.Chmod(runtime, 0o777); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(shortDir(t), "link")
	if err := os.Symlink(shortDir(t), link); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{runtime, link, filepath.Join(runtime, "missing")} {
		if l, _, err := web.ListenSocket(data, dir); err == nil {
			_ = l.Close()
			t.Errorf("a socket was made in %s", dir)
		}
	}
	if _, _, err := web.ListenSocket(data, data); err == nil || !strings.Contains(err.Error(), "too long") {
		t.Errorf("a runtime directory with a long path: %v", err)
	}
}

func TestASecondDaemonIsRefusedAndTheFirstGoesOn(t *testing.T) {
	t.Parallel()
	data := shortDir(t)
	path, _ := serve(t, data, "")
	for range 3 {
		if _, _, err := web.ListenSocket(data, ""); !errors.Is(err, web.ErrRunning) {
			t.Errorf("a second listener: %v", err)
		}
	}
	if err := asks(t, path); err != nil {
		t.Errorf("the first one: %v", err)
	}
	if names := entries(t, data); len(names) != 1 {
		t.Errorf("there are %v", names)
	}
}

func TestOfDaemonsThatStartAtOnceOneWins(t *testing.T) {
	t.Parallel()
	for range 30 {
		startAtOnce(t)
	}
}

func startAtOnce(t *testing.T) {
	t.Helper()
	data := shortDir(t)
	leaveStale(t, filepath.Join(data, "sessionwarden.sock"))
	const daemons = 8
	listeners := make([]net.Listener, daemons)
	var all sync.WaitGroup
	for i := range daemons {
		all.Go(func() {
			l, _, err := web.ListenSocket(data, "")
			if err == nil {
				listeners[i] = l
			} else if !errors.Is(err, web.ErrRunning) {
				t.Errorf("%v", err)
			}
		})
	}
	all.Wait()
	won := 0
	for _, l := range listeners {
		if l != nil {
			won++
			defer func() { _ = l.Close() }()
		}
	}
	if won != 1 {
		t.Errorf("%d of %d won", won, daemons)
	}
}

// leaveStale leaves a socket as a killed daemon does.
func leaveStale(t *testing.T, path string) {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	_ = l.Close()
}

func TestASocketOfAKilledDaemonIsReplaced(t *testing.T) {
	t.Parallel()
	data := shortDir(t)
	stale := filepath.Join(data, "sessionwarden.sock")
	leaveStale(t, stale)
	if _, err := web.DialSocket(stale); !errors.Is(err, web.ErrNotRunning) {
		t.Errorf("before: %v", err)
	}
	// A crash while the socket was being made leaves a folder.
	leftover := filepath.Join(data, ".s123456")
	if err := os.Mkdir(leftover, 0o700); err != nil {
		t.Fatal(err)
	}
	leaveStale(t, filepath.Join(leftover, "s"))
	if err := os.Chtimes(leftover, time.Time{}, time.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	path, _ := serve(t, data, "")
	if err := asks(t, path); err != nil {
		t.Error(err)
	}
	if names := entries(t, data); len(names) != 1 {
		t.Errorf("there are %v", names)
	}
}

func TestAFileInThePlaceOfTheSocketIsLeftAlone(t *testing.T) {
	t.Parallel()
	data := shortDir(t)
	path := filepath.Join(data, "sessionwarden.sock")
	if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := web.ListenSocket(data, ""); err == nil || !strings.Contains(err.Error(), "no socket") {
		t.Errorf("got %v", err)
	}
	if text, err := os.ReadFile(path); string(text) != "mine" {
		t.Errorf("the file holds %q, %v", text, err)
	}
	if names := entries(t, data); len(names) != 1 {
		t.Errorf("there are %v", names)
	}
	if _, _, err := web.ListenSocket(filepath.Join(data, "missing"), ""); err == nil {
		t.Error("a missing data directory is none")
	}
}

func TestNobodyAnswers(t *testing.T) {
	t.Parallel()
	dir := shortDir(t)
	if _, err := web.DialSocket(filepath.Join(dir, "missing")); !errors.Is(err, web.ErrNotRunning) {
		t.Errorf("no socket: %v", err)
	}
	// The daemon stops between the dial and the question.
	path, stop := serve(t, dir, "")
	client, err := web.DialSocket(path)
	if err != nil {
		t.Fatal(err)
	}
	stop()
	if _, err := client.Status(t.Context()); !errors.Is(err, web.ErrNotRunning) {
		t.Errorf("a stopped daemon: %v", err)
	}
	// Something answers that is not the daemon, or hangs up.
	odd := filepath.Join(dir, "odd")
	l, err := net.Listen("unix", odd)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, "220 mail.example ESMTP\r\n")
			_ = conn.Close()
		}
	}()
	client, err = web.DialSocket(odd)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Status(t.Context()); err == nil || errors.Is(err, web.ErrNotRunning) {
		t.Errorf("a mail server: %v", err)
	}
}

func TestRuntimeDir(t *testing.T) {
	t.Parallel()
	env := func(value string) func(string) string {
		return func(name string) string {
			if name == "XDG_RUNTIME_DIR" {
				return value
			}
			return ""
		}
	}
	if got := web.RuntimeDir(env("/run/user/1000")); got != "/run/user/1000" {
		t.Errorf("got %q", got)
	}
	for _, value := range []string{"", "relative"} {
		if got := web.RuntimeDir(env(value)); got != "" && got != "/run/sessionwarden" {
			t.Errorf("%q: got %q", value, got)
		}
	}
}

func TestClosingLeavesWhatIsNotItsOwn(t *testing.T) {
	t.Parallel()
	l, path, err := web.ListenSocket(shortDir(t), "")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("another's file is gone: %v", err)
	}
}
