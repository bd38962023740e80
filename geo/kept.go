package geo

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"sessionwarden/internal/owner"
)

// kept is the first line of the file that a fetched list is kept in; the list
// as it came follows. The address is there as a hash only, as it may hold a
// secret.
type kept struct {
	Version  int       `json:"version"`
	Of       string    `json:"of"`
	Fetched  time.Time `json:"fetched"`
	ETag     string    `json:"etag,omitempty"`
	Modified string    `json:"last_modified,omitempty"`
}

const (
	keptVersion = 1
	maxKept     = maxList + 4096
	// noteEvery is how often it is written down that a list that did not change
	// is still the newest: the file may make it look older, never newer.
	noteEvery = 12 * time.Hour
)

// keptPath is the file in dir for the list; "" where none is kept.
func (s *listSlot) keptPath(dir string) string {
	if dir == "" || s.source.url == "" {
		return ""
	}
	return filepath.Join(dir, s.kind.String())
}

func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// recall reads the list that was fetched before this start. One that is damaged,
// or of another address, is none.
func (s *listSlot) recall(log *slog.Logger, dir string) {
	path := s.keptPath(dir)
	if path == "" {
		return
	}
	content, _, err := readWhole(path, maxKept)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	var head kept
	var l *list
	if err == nil {
		line, rest, _ := bytes.Cut(content, []byte("\n"))
		if json.Unmarshal(line, &head) != nil || head.Version != keptVersion {
			err = errors.New("it is damaged")
		} else if head.Of == hashOf(s.source.url) {
			s.source.noted = head.Fetched
			l, err = parseList(rest)
		} else {
			return
		}
	}
	if err != nil {
		log.Warn("the list that was fetched before cannot be used; it is fetched anew", "list", s.kind.String(), "file", path, "why", err)
		return
	}
	s.source.etag, s.source.modified = tag(head.ETag), tag(head.Modified)
	s.take(log, l, head.Fetched)
}

// keep writes down what was fetched: content, or, where that is nil, that what
// is kept is still the newest.
func (s *listSlot) keep(log *slog.Logger, dir string, content []byte) {
	path := s.keptPath(dir)
	if path == "" || content == nil && s.from.Sub(s.source.noted) < noteEvery {
		return
	}
	if err := s.write(path, content); err != nil {
		log.Warn("the fetched list could not be kept for the next start", "list", s.kind.String(), "err", err)
		return
	}
	s.source.noted = s.from
}

// write replaces the file at path at once, or leaves it as it is.
func (s *listSlot) write(path string, content []byte) (err error) {
	if content == nil {
		whole, _, err := readWhole(path, maxKept)
		if err != nil {
			return err
		}
		_, content, _ = bytes.Cut(whole, []byte("\n"))
	}
	head, err := json.Marshal(kept{Version: keptVersion, Of: hashOf(s.source.url), Fetched: s.from.UTC(), ETag: s.source.etag, Modified: s.source.modified})
	if err != nil {
		return err
	}
	if err := owner.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	part := path + ".new"
	if err := os.Remove(part); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(part))
		}
	}()
	_, err = f.Write(slices.Concat(head, []byte("\n"), content))
	if err = errors.Join(err, owner.Adopt(f), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(part, path)
}
