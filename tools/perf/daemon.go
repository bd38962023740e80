package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// build builds the program as the README says.
func (m *measuring) build(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", m.program, "./cmd/sessionwarden")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("building the program: %w\n%s", err, out)
	}
	return nil
}

// daemon is the program as a process of its own.
type daemon struct {
	cmd    *exec.Cmd
	begun  time.Time // right before the process began
	health string    // where health and metrics are
	log    lockedBuffer
	ended  chan error
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// dataDir makes a data directory.
func (m *measuring) dataDir() (string, error) { return os.MkdirTemp(m.dir, "data-") }

// start starts the watch over the accounts of w and waits until all of them
// were polled. schedule is as in the configuration.
func (m *measuring) start(ctx context.Context, w *world, dataDir, schedule string, more ...string) (*daemon, error) {
	var config strings.Builder
	fmt.Fprintf(&config, "data_dir = %q\n[web]\nlisten = \"127.0.0.1:0\"\n[defaults]\nbase_url = %q\nschedule = %q\nexpected_countries = [\"DE\"]\n", dataDir, w.url, schedule)
	for _, line := range more {
		fmt.Fprintln(&config, line)
	}
	for _, name := range w.names {
		fmt.Fprintf(&config, "[[account]]\nname = %q\napi_key = %q\n", name, keyOf(name))
	}
	path := filepath.Join(dataDir, "config.toml")
	if err := os.WriteFile(path, []byte(config.String()), 0o600); err != nil {
		return nil, err
	}
	d := &daemon{ended: make(chan error, 1)}
	d.cmd = exec.Command(m.program, "--config", path, "run")
	d.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dataDir, "XDG_RUNTIME_DIR=" + dataDir, "TMPDIR=" + m.dir}
	d.cmd.Stderr = &d.log
	w.first.Store(0)
	d.begun = time.Now()
	if err := d.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { d.ended <- d.cmd.Wait() }()
	err := until(ctx, time.Minute, "the watch has polled every account", func() bool {
		if d.health == "" {
			_, rest, found := strings.Cut(d.log.String(), "server=health address=")
			if addr, _, whole := strings.Cut(rest, "\n"); found && whole {
				d.health = "http://" + strings.TrimSpace(addr)
			}
			return false
		}
		answer, err := http.Get(d.health + "/readyz")
		if err != nil {
			return false
		}
		_ = answer.Body.Close()
		return answer.StatusCode == http.StatusOK
	})
	if err != nil {
		return nil, errors.Join(err, d.stop(), fmt.Errorf("its log:\n%s", d.log.String()))
	}
	return d, nil
}

// stop asks the process to end and waits for it.
func (d *daemon) stop() error {
	_ = d.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-d.ended:
		return err
	case <-time.After(30 * time.Second):
		_ = d.cmd.Process.Kill()
		return errors.Join(errors.New("the watch did not stop by itself"), <-d.ended)
	}
}

// metric returns a metric of the watch, summed over its labels.
func (d *daemon) metric(name string) (float64, error) {
	answer, err := http.Get(d.health + "/metrics")
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	sum, found := 0.0, false
	lines := bufio.NewScanner(io.LimitReader(answer.Body, 4<<20))
	for lines.Scan() {
		text, ok := strings.CutPrefix(lines.Text(), name)
		if !ok || text == "" || text[0] != '{' && text[0] != ' ' {
			continue
		}
		figure, err := strconv.ParseFloat(text[strings.LastIndexByte(text, ' ')+1:], 64)
		if err != nil {
			return 0, err
		}
		sum, found = sum+figure, true
	}
	if !found {
		return 0, fmt.Errorf("the watch has no metric %s", name)
	}
	return sum, lines.Err()
}

// cpu returns the time that a process has computed.
func cpu(pid int) (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 13 {
		return 0, errors.New("the kernel's word of the process makes no sense")
	}
	ticks := 0
	for _, field := range fields[11:13] { // user and system
		n, err := strconv.Atoi(field)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * time.Second / 100, nil
}

// resident is the memory of a process, in MiB.
type resident struct{ all, anonymous float64 }

func memory(pid int) (r resident, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return r, err
	}
	for line := range strings.Lines(string(text)) {
		name, rest, _ := strings.Cut(line, ":")
		fields := strings.Fields(rest)
		if len(fields) == 0 {
			continue
		}
		kib, _ := strconv.ParseFloat(fields[0], 64)
		switch name {
		case "VmRSS":
			r.all = kib / 1024
		case "RssAnon":
			r.anonymous = kib / 1024
		}
	}
	return r, nil
}

// until waits until something holds.
func until(ctx context.Context, most time.Duration, what string, holds func() bool) error {
	deadline := time.Now().Add(most)
	for !holds() {
		if time.Now().After(deadline) {
			return fmt.Errorf("waited in vain: %s", what)
		}
		if err := wait(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// wait lets time go by.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
