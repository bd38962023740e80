package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFindLooksInOrder(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		flag   string
		env    map[string]string
		there  []string
		want   string
		looked []string
	}{
		"the flag wins":                      {flag: "mine.toml", env: map[string]string{"SESSIONWARDEN_CONFIG": "/env.toml"}, there: []string{systemFile}, want: "mine.toml"},
		"then the variable, even if missing": {env: map[string]string{"SESSIONWARDEN_CONFIG": "/env.toml", "XDG_CONFIG_HOME": "/home"}, there: []string{systemFile}, want: "/env.toml"},
		"then the user's folder":             {env: map[string]string{"XDG_CONFIG_HOME": "/home"}, there: []string{systemFile, "/home/sessionwarden/config.toml"}, want: "/home/sessionwarden/config.toml"},
		"then the system's":                  {env: map[string]string{"XDG_CONFIG_HOME": "/home"}, there: []string{systemFile}, want: systemFile},
		"a relative user's folder is none":   {env: map[string]string{"XDG_CONFIG_HOME": "home"}, there: []string{"home/sessionwarden/config.toml"}, looked: []string{"no absolute path", systemFile + ": not there"}},
		"nothing at all": {env: map[string]string{"XDG_CONFIG_HOME": "/home"}, looked: []string{
			"--config: not given", "$SESSIONWARDEN_CONFIG: not set", "/home/sessionwarden/config.toml: not there", systemFile + ": not there", "copy config.example.toml"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			there := strings.Join(test.there, "\n") + "\n"
			got, err := find(test.flag, func(name string) string { return test.env[name] }, func(path string) bool { return strings.Contains(there, path+"\n") })
			if got != test.want || (err == nil) != (test.want != "") {
				t.Errorf("got %q, %v, want %q", got, err, test.want)
			}
			for _, text := range test.looked {
				if err == nil || !strings.Contains(err.Error(), text) {
					t.Errorf("the error does not say %q: %v", text, err)
				}
			}
		})
	}
}

func TestFindOnTheDisk(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	path := filepath.Join(home, "sessionwarden", "config.toml")
	if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := Find("", func(name string) string { return map[string]string{"XDG_CONFIG_HOME": home}[name] })
	if got != path || err != nil {
		t.Errorf("got %q, %v, want %q", got, err, path)
	}
}
