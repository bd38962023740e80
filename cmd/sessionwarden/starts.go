package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sessionwarden/internal/owner"
)

// starts is what the daemon notes beside its database of how it was started and
// stopped: whoever finds it running was started after a crash.
type starts struct {
	Running bool      `json:"running"` // not stopped cleanly yet
	Since   time.Time `json:"since"`   // of the last start
	Crashes int       `json:"crashes"` // starts that found it running
	Last    time.Time `json:"last_crash,omitzero"`
}

func startsPath(dataDir string) string { return filepath.Join(dataDir, "sessionwarden.starts") }

// readStarts reads the note. One that is missing or no note at all counts
// nothing.
func readStarts(dataDir string) (s starts, err error) {
	f, err := os.Open(startsPath(dataDir))
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return s, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 4096))
	if err != nil {
		return s, err
	}
	if json.Unmarshal(text, &s) != nil || s.Crashes < 0 {
		return starts{}, nil
	}
	return s, nil
}

// write replaces the note, so that nobody reads half of it.
func (s starts) write(dataDir string) error {
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	part := startsPath(dataDir) + ".part" // whoever writes it holds the database
	f, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(text, '\n'))
	if err := errors.Join(err, owner.Adopt(f), f.Close()); err != nil {
		return errors.Join(err, removeIfThere(part))
	}
	return os.Rename(part, startsPath(dataDir))
}

// noteStart notes that the daemon starts, and has it noted that it stopped.
// Nothing depends on the note but what status says: with a full disk there is
// none.
func (a *app) noteStart() {
	s := a.starts // read when nobody else could write it: the database was open
	if s.Running {
		s.Crashes, s.Last = s.Crashes+1, a.started
		a.log.Warn("the last run was not stopped cleanly", "since", s.Since, "crashes", s.Crashes)
	}
	s.Running, s.Since = true, a.started
	if err := s.write(a.cfg.DataDir); err != nil {
		a.log.Warn("the start could not be noted", "err", err)
	}
	a.starts = s
	a.onClose("note of the start", func() error {
		s.Running = false
		if err := s.write(a.cfg.DataDir); err != nil {
			a.log.Warn("the stop could not be noted", "err", err)
		}
		return nil
	})
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing a file of our own: %w", err)
	}
	return nil
}

// watchStarts registers the metrics of what only a person can put right.
func (a *app) watchStarts() {
	a.registry.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "sessionwarden_crashes", Help: "How often the daemon was started that had not been stopped cleanly."},
			func() float64 { return float64(a.starts.Crashes) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "sessionwarden_observing", Help: "1 while nothing is disconnected, since a backup took the history's place."},
			func() float64 {
				if _, observing := a.db.Observing(); observing {
					return 1
				}
				return 0
			}),
	)
}
