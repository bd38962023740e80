package config_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"sessionwarden/config"
)

// FuzzLoad: whatever a file holds, the answer is a whole configuration or
// mistakes that can be shown; nothing panics. And whatever stands behind a
// secret or before one, no message shows it.
func FuzzLoad(f *testing.F) {
	files, err := filepath.Glob("testdata/bad/*.toml")
	if err != nil || len(files) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, file := range append(files, "../config.example.toml") {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte("\xef\xbb\xbf[defaults]\r\n" + account))
	for _, text := range []string{
		"\"\"\"\n", "'''\n", "x = \"", "a = [\n", "[[account]]\nname = \"x\"\napi_key = ", "[alert.slack]\nbot_token = \"\\", "[account]\n[[account]]\n",
		"defaults = {base_url = \"http://x\"}\n[defaults]\n", "[log]\nlevel = \"\u202e\x1b]0;x\x07\"\n", "[[account]]\nname = \"a\"\nexpected_countries = [\"UK\", \"germany\", \"\"]\n",
		"[defaults]\nschedule = \"@every 1h1h\"\ntimeout = \"99999999h\"\ntrusted_networks = [\"0.0.0.0/0\", \"::ffff:1.2.3.4/100\"]\n",
	} {
		f.Add([]byte(text))
		f.Add([]byte(text + account))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if !bytes.Contains(data, []byte("still-")) { // what names no secret as one may be shown
			const secret = "[[account]]\nname = \"zz\"\napi_key = \"" + canary + "\"\n"
			for _, text := range []string{string(data) + "\n" + secret, secret + string(data)} {
				if _, err := config.Load("testdata/config.toml", []byte(text), options(nil)); err != nil && strings.Contains(err.Error(), canary) {
					t.Errorf("a secret shows: %s", err)
				}
			}
		}
		cfg, err := config.Load("testdata/config.toml", data, options(nil))
		if err != nil {
			checkRefused(t, cfg, err)
			return
		}
		if len(cfg.Accounts) == 0 || !filepath.IsAbs(cfg.DataDir) || cfg.Instance == "" {
			t.Errorf("not whole: %+v", cfg)
		}
		for _, a := range cfg.Accounts {
			if a.Name == "" || !a.Key.Set() || a.Timeout <= 0 || a.ExpiredEvery <= 0 || a.MaxDisconnects < 0 || a.Schedule == "" || len(a.Rules) == 0 ||
				a.Expected != nil && len(a.Expected) == 0 {
				t.Errorf("not whole: %+v", a)
			}
			for _, network := range a.Trusted {
				if !network.IsValid() || network.Bits() == 0 || network != network.Masked() {
					t.Errorf("trusts %v", network)
				}
			}
		}
	})
}

func checkRefused(t *testing.T, cfg *config.Config, err error) {
	t.Helper()
	var errs *config.Errors
	if !errors.As(err, &errs) || len(errs.Mistakes) == 0 || cfg != nil {
		t.Fatalf("got %v and a %T", cfg, err)
	}
	text := err.Error()
	if !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\n' || r >= 0x7f && r < 0xa0 || r == 0x202e }) {
		t.Errorf("the message would harm a terminal: %q", text)
	}
	for _, m := range errs.Mistakes {
		if m.Problem == "" || m.Cure == "" {
			t.Errorf("no problem or no cure: %+v", *m)
		}
	}
}
