package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2/unstable"

	"sessionwarden"
)

// Options are what a configuration is read with.
type Options struct {
	// Getenv looks up environment variables; nil: none is set.
	Getenv func(string) string
	// CheckSchedule says what is wrong with a schedule; nil: every text will do.
	CheckSchedule func(string) error
	// CheckRule says what is wrong with the expression of an own rule, nil where
	// nothing is; nil: every text will do.
	CheckRule func(when string) *RuleMistake
	// SecretsLater takes a secret that cannot be read now: [Secret.Read] says
	// why. It is for commands that have no use for secrets, and may run where
	// those cannot be reached.
	SecretsLater bool
}

// defaultDataDir is the data directory of a configuration that names none.
const defaultDataDir = "/var/lib/sessionwarden"

// maxFile is how many bytes a configuration may have.
const maxFile = 1 << 20

// LoadFile reads and checks the configuration file at path. The error is an
// *Errors where the file could be read.
func LoadFile(path string, opts Options) (*Config, error) {
	data, info, err := readFile(path)
	if err != nil {
		return nil, err
	}
	cfg, err := Load(path, data, opts)
	if err != nil {
		return nil, err
	}
	if info.Mode().IsRegular() && info.Mode().Perm()&0o004 != 0 && cfg.holdsSecrets() {
		cfg.Notices = append(cfg.Notices, fmt.Sprintf("%s holds a secret and everyone on this machine can read it: chmod 600 %s", path, path))
	}
	return cfg, nil
}

// readFile reads a configuration file, as far as its size is bounded.
func readFile(path string) ([]byte, fs.FileInfo, error) {
	f, err := os.Open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil, fmt.Errorf("there is no configuration file %s: copy config.example.toml there, or name another one with --config FILE", path)
	case errors.Is(err, fs.ErrPermission):
		return nil, nil, fmt.Errorf("this user may not read the configuration %s: run as the user it belongs to, or give it to this one: chown USER %s", path, path)
	case err != nil:
		return nil, nil, fmt.Errorf("opening the configuration: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, fmt.Errorf("looking at the configuration: %w", err)
	}
	if info.IsDir() {
		return nil, nil, fmt.Errorf("the configuration %s is a folder: name the file in it, such as %s", path, filepath.Join(path, "config.toml"))
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, nil, fmt.Errorf("reading the configuration: %w", err)
	}
	return data, info, nil
}

// DataDir returns the data directory of the configuration file at path and
// looks at nothing else in it: whatever mistakes the file has by now, who asks
// can find the daemon that was started with it. The error is that of LoadFile
// where the file or its data_dir cannot be read.
func DataDir(path string, opts Options) (string, error) {
	data, _, err := readFile(path)
	if err != nil {
		return "", err
	}
	if opts.Getenv == nil {
		opts.Getenv = func(string) string { return "" }
	}
	errs := &Errors{File: sessionwarden.Clean(path, 512)}
	if m := unreadable(data); m != nil {
		errs.add(m)
		return "", errs.result()
	}
	d := &decoder{opts: opts, errs: errs, doc: parse(data, errs), folder: filepath.Dir(path)}
	dir := defaultDataDir
	if n := d.doc.root.get("data_dir"); n != nil && n.kind == unstable.String {
		if dir, err = d.path(n.text); err != nil {
			return "", fmt.Errorf("%s: data_dir: %w", path, err)
		}
	}
	return dir, nil
}

// Load reads and checks a configuration. Its name stands in mistakes; relative
// paths in it start at the name's folder. All mistakes come at once, as an
// *Errors.
func Load(name string, data []byte, opts Options) (*Config, error) {
	if opts.Getenv == nil {
		opts.Getenv = func(string) string { return "" }
	}
	errs := &Errors{File: sessionwarden.Clean(name, 512)}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if m := unreadable(data); m != nil {
		errs.add(m)
		return nil, errs.result()
	}
	doc := parse(data, errs)
	d := &decoder{opts: opts, errs: errs, doc: doc, broken: len(errs.Mistakes) > 0, folder: filepath.Dir(name)}
	cfg := d.config()
	if len(errs.Mistakes) == 0 {
		doc.checkWhole()
	}
	if err := errs.result(); err != nil {
		return nil, err
	}
	cfg.Path = name
	return cfg, nil
}

// unreadable says what makes data no text at all.
func unreadable(data []byte) *Mistake {
	switch {
	case len(data) > maxFile:
		return &Mistake{Problem: "the file is larger than 1 MiB, which no configuration is", Cure: "name the configuration file with --config FILE"}
	case bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")):
		return &Mistake{Problem: "the file is saved as UTF-16", Cure: "save it as UTF-8"}
	}
	if i := bytes.IndexByte(data, 0); i >= 0 {
		line, column := position(data, i)
		return &Mistake{Line: line, Column: column, Problem: "the file holds a NUL byte, so it is no text file, or it was only half written", Cure: "write the file again"}
	}
	if !utf8.Valid(data) {
		i := 0
		for i < len(data) {
			r, size := utf8.DecodeRune(data[i:])
			if r == utf8.RuneError && size == 1 {
				break
			}
			i += size
		}
		line, column := position(data, i)
		return &Mistake{Line: line, Column: column, Problem: "there is a character that is not UTF-8", Cure: "save the file as UTF-8"}
	}
	return nil
}

// position returns the line and column of an offset, both from 1.
func position(data []byte, offset int) (line, column int) {
	before := data[:min(offset, len(data))]
	return 1 + bytes.Count(before, []byte("\n")), offset - bytes.LastIndexByte(before, '\n')
}

// holdsSecrets reports whether the file itself holds the value of a secret.
func (c *Config) holdsSecrets() bool {
	secrets := make([]Secret, 0, len(c.Accounts)+3)
	for _, a := range c.Accounts {
		secrets = append(secrets, a.Key)
	}
	if s := c.Alert.Slack; s != nil {
		secrets = append(secrets, s.WebhookURL, s.BotToken, s.AppToken)
	}
	for _, s := range secrets {
		if s.from == inline {
			return true
		}
	}
	return false
}
