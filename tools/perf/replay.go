package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"sessionwarden"
	"sessionwarden/storage"
	"sessionwarden/storage/storagetest"
)

// replays measures what it costs to compare two configurations over a recorded
// history. The floor reads the same rows from the disk and does nothing.
func replays(ctx context.Context, m *measuring) (err error) {
	sessions, accounts := 1_000_000, 1000 // 25 of each live at a time
	if m.short {
		sessions, accounts = 100_000, 100
	}
	dir, err := m.dataDir()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	var names []string
	for i := range accounts {
		names = append(names, fmt.Sprintf("account-%04d", i))
	}
	to := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	if err := fillWith(ctx, dir, storagetest.History{Sessions: sessions, Accounts: names, To: to, Elsewhere: 997}); err != nil {
		return err
	}
	present, err := replayConfig(dir, "present.toml", names, `unexpected_country = "disconnect"`)
	if err != nil {
		return err
	}
	changed, err := replayConfig(dir, "changed.toml", names, `unexpected_country = "ask"`, `new_device = "alert"`)
	if err != nil {
		return err
	}
	var took, floors, peaks []float64
	answers := make(map[[sha256.Size]byte]bool)
	for range 3 {
		begin := time.Now()
		if err := readAll(ctx, dir, sessions); err != nil {
			return err
		}
		floors = append(floors, float64(time.Since(begin)))
		r, err := m.replayed(ctx, dir, present, changed)
		if err != nil {
			return err
		}
		took, peaks = append(took, float64(r.took)), append(peaks, r.peak)
		answers[sha256.Sum256(r.answer)] = true
	}
	floor, reached, peak := median(floors), median(took), median(peaks)
	said := "the same three times"
	if len(answers) > 1 {
		said = fmt.Sprintf("%d answers", len(answers))
	}
	m.rows = append(m.rows, row{
		what: fmt.Sprintf("`replay` of two configurations over %s sessions of %s accounts: time, most memory, and the answers", number(float64(sessions)), number(float64(accounts))),
		goal: "≤ 10 s for a million, ≤ 400 MiB anonymous, each byte the same", floor: duration(floor) + " (the rows read from the disk)",
		reached: fmt.Sprintf("%s, %s MiB, %s", duration(reached), number(peak), said), ratio: times(reached / floor),
		command: "go run ./tools/perf -only replay", met: reached <= 10e9*float64(sessions)/1e6 && peak <= 400 && len(answers) == 1,
		would: "handing the rows of the history over without writing and reading JSON in between, and playing the accounts on more cores.",
	})
	return nil
}

// replayed is one run of replay.
type replayed struct {
	took   time.Duration
	peak   float64 // MiB, anonymous
	answer []byte
}

func (m *measuring) replayed(ctx context.Context, dir, present, changed string) (r replayed, err error) {
	cmd := exec.CommandContext(ctx, m.program, "--config", present, "replay", "--config", changed, "--json")
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "XDG_RUNTIME_DIR=" + dir, "TMPDIR=" + m.dir}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		return r, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	for {
		select {
		case err := <-ended:
			r.took, r.answer = time.Since(begin), stdout.Bytes()
			if err != nil {
				err = fmt.Errorf("replay: %w\n%s", err, stderr.String())
			}
			return r, err
		case <-look.C:
			if used, err := memory(cmd.Process.Pid); err == nil { // else it is ending
				r.peak = max(r.peak, used.anonymous)
			}
		}
	}
}

// replayConfig writes a configuration for accounts that nobody can be asked about.
func replayConfig(dir, file string, names []string, rules ...string) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "data_dir = %q\n[defaults]\nexpected_countries = [\"DE\"]\n[defaults.rules]\n%s\n", dir, strings.Join(rules, "\n"))
	for _, name := range names {
		fmt.Fprintf(&b, "[[account]]\nname = %q\napi_key = %q\n", name, keyOf(name))
	}
	path := filepath.Join(dir, file)
	return path, os.WriteFile(path, []byte(b.String()), 0o600)
}

// readAll reads every row of the history in dir.
func readAll(ctx context.Context, dir string, want int) (err error) {
	db, err := storage.Open(filepath.Join(dir, "sessionwarden.db"), storage.Options{ReadOnly: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	rows := 0
	for _, err := range db.Sightings(ctx, sessionwarden.Query{}) {
		if err != nil {
			return err
		}
		rows++
	}
	if rows != want {
		return fmt.Errorf("the history has %d sessions, not %d", rows, want)
	}
	return nil
}
