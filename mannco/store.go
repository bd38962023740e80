package mannco

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"sessionwarden/internal/mishap"
	"sessionwarden/internal/owner"
)

// maxTokenFile is how large a token file may be.
const maxTokenFile = 512 << 10

// store keeps a client's login in a file of its own, so that a restart needs
// no new login. The zero file name keeps nothing.
type store struct {
	mu      sync.Mutex
	file    string
	account string
	base    string
}

// stored is the file's content.
type stored struct {
	Version int           `json:"version"`
	Account string        `json:"account"`
	BaseURL string        `json:"base_url"` // a token is never sent anywhere else
	Token   string        `json:"token,omitzero"`
	SawOwn  bool          `json:"own_session_seen,omitzero"`
	Logins  []storedLogin `json:"logins"`
	Begun   []time.Time   `json:"begun,omitzero"` // logins without an answer
}

type storedLogin struct {
	At   time.Time  `json:"at"`
	Addr netip.Addr `json:"address,omitzero"`
}

// memory is what a client knows of its own logins.
type memory struct {
	logins []login
	begun  []time.Time
}

var errNotStored = errors.New("it is not a token file of this program")

// parseStored reads the content of a token file. What in it is not to be
// believed is left out; an error means that nothing of it is.
func parseStored(content []byte, base string, now time.Time) (*token, memory, error) {
	var s stored
	if err := json.Unmarshal(content, &s); err != nil || s.Version != 1 {
		return nil, memory{}, errNotStored // the decoder's own words might repeat the token
	}
	if s.BaseURL != base {
		return nil, memory{}, nil
	}
	var known memory
	w := windowAt(now, longestLife)
	for _, l := range s.Logins {
		if w.holds(l.At.Unix()) && len(known.logins) < 2*maxLogins {
			known.logins = append(known.logins, login{At: l.At.UTC(), Addr: l.Addr.Unmap().WithZone("")})
		}
	}
	for _, at := range s.Begun {
		if w.holds(at.Unix()) && now.Sub(at) < loginsKept && len(known.begun) < maxBegun {
			known.begun = append(known.begun, at.UTC())
		}
	}
	if s.Token == "" {
		return nil, known, nil
	}
	t, err := parseToken(s.Token, now)
	if err != nil {
		return nil, known, nil
	}
	t.sawOwn.Store(s.SawOwn)
	return t, known, nil
}

// load reads the file. A missing one is nothing special; a damaged one is
// moved aside and logged.
func (s *store) load(log *slog.Logger, now time.Time) (*token, memory) {
	if s.file == "" {
		return nil, memory{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	content, err := readRegular(s.file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, memory{}
	}
	var t *token
	var known memory
	if err == nil {
		t, known, err = parseStored(content, s.base, now)
	}
	if errors.Is(err, errNotStored) {
		err = errors.Join(err, os.Rename(s.file, s.file+".damaged"))
	}
	if err != nil {
		log.Warn("the stored login cannot be used; a new login is made", "file", s.file, "err", err)
		return nil, memory{}
	}
	return t, known
}

// readRegular reads a file of bounded size that is a file and nothing else.
func readRegular(name string) ([]byte, error) {
	info, err := os.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", name)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info.Mode().Perm()&0o077 != 0 {
		if err := f.Chmod(0o600); err != nil {
			return nil, fmt.Errorf("making it readable for its owner only: %w", err)
		}
	}
	content, err := io.ReadAll(io.LimitReader(f, maxTokenFile+1))
	if err == nil && len(content) > maxTokenFile {
		err = errNotStored
	}
	return content, err
}

// save writes the file: aside, to the disk, then in place of the old one. The
// logins that another process of ours has written meanwhile stay in it.
func (s *store) save(t *token, known memory, now time.Time) error {
	if s.file == "" {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if content, err := readRegular(s.file); err == nil {
		if _, others, err := parseStored(content, s.base, now); err == nil {
			known.logins = append(others.logins, known.logins...)
		}
	}
	out := stored{Version: 1, Account: s.account, BaseURL: s.base, Begun: known.begun}
	if t != nil {
		out.Token, out.SawOwn = t.raw.reveal(), t.sawOwn.Load()
	}
	for _, l := range pruneLogins(slices.Clone(known.logins), now) {
		out.Logins = append(out.Logins, storedLogin(l))
	}
	content, err := json.Marshal(out)
	if err != nil {
		return fmt.Errorf("writing the token file: %w", err)
	}
	if err := replaceFile(s.file, append(content, '\n')); err != nil {
		return fmt.Errorf("writing the token file: %w", err)
	}
	return nil
}

// replaceFile writes content so that after a crash the file is the old one or
// the new one, whole.
func replaceFile(name string, content []byte) (err error) {
	aside := name + ".new" // one left by a crash is replaced
	if err := os.Remove(aside); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(aside, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(aside)
		}
	}()
	_, err = f.Write(content)
	if err == nil {
		err = owner.Adopt(f)
	}
	if err == nil {
		err = mishap.At("token.write")
	}
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = mishap.At("token.rename")
	}
	if err == nil {
		err = os.Rename(aside, name)
	}
	if err == nil {
		err = mishap.At("token.renamed")
	}
	if err != nil {
		return err
	}
	d, err := os.Open(filepath.Dir(name))
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
