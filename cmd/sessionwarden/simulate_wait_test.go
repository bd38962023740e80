package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// With --wait a configuration can be written and checked first: the story begins
// once it is watched.
func TestSimulateWaitsForTheWatch(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	dir := t.TempDir()
	program := func(args ...string) (*exec.Cmd, *lockedBuffer) {
		cmd := exec.CommandContext(ctx, os.Args[0], args...)
		cmd.Env = []string{asProgram + "=1", "PATH=" + os.Getenv("PATH")}
		cmd.Dir = dir
		out := new(lockedBuffer)
		cmd.Stdout, cmd.Stderr = out, out
		return cmd, out
	}
	simulated, shown := program("simulate", "--scenario", "cookie-thief", "--wait", "--listen", "127.0.0.1:0")
	if err := simulated.Start(); err != nil {
		t.Fatal(err)
	}
	shows := func(word string) {
		t.Helper()
		for !strings.Contains(strings.Join(strings.Fields(shown.String()), " "), word) {
			select {
			case <-ctx.Done():
				t.Fatalf("it does not show %q:\n%s", word, shown)
			case <-time.After(20 * time.Millisecond):
			}
		}
	}
	shows("The story begins when it is watched: sessionwarden run.")
	printed := regexp.MustCompile(`(?s)(  data_dir = .*api_key = "[^"]*"\n)`).FindString(shown.String())
	if err := os.WriteFile(filepath.Join(dir, "config.toml"), []byte(printed), 0o600); err != nil {
		t.Fatal(err)
	}
	check, said := program("--config", "config.toml", "check")
	if err := check.Run(); err != nil {
		t.Fatalf("the configuration that it prints: %v\n%s", err, said)
	}
	if strings.Contains(shown.String(), "What happens:") {
		t.Errorf("the story began with a check:\n%s", shown)
	}
	watch, log := program("--config", "config.toml", "run")
	if err := watch.Start(); err != nil {
		t.Fatal(err)
	}
	shows("What happens:")
	shows("Somebody uses Anna's stolen cookie")
	for _, cmd := range []*exec.Cmd{watch, simulated} {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("it ended with %v\n%s", err, log)
		}
	}
}
