package config_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sessionwarden/config"
)

var update = flag.Bool("update", false, "write what comes out to the golden files")

// canary is in every value of a secret in testdata/bad: no message may hold it.
const canary = "still-a-secret"

func TestBadFiles(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/bad/*.toml")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 40 {
		t.Fatalf("%d bad files, want at least 40", len(files))
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".toml"), func(t *testing.T) {
			t.Parallel()
			keys := secretFiles(t)
			cfg, err := config.LoadFile(file, options(map[string]string{"KEYS": keys}))
			if err == nil {
				t.Fatalf("no mistake was found: %+v", cfg)
			}
			var errs *config.Errors
			if !errors.As(err, &errs) || cfg != nil {
				t.Fatalf("the error is a %T, want an *Errors and no Config", err)
			}
			here, _ := filepath.Abs("testdata/bad")
			got := strings.NewReplacer(keys, "KEYS", here, "HERE").Replace(err.Error()) + "\n"
			checkAll(t, errs)
			golden := strings.TrimSuffix(file, ".toml") + ".txt"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

// checkAll checks what holds for every mistake of every file.
func checkAll(t *testing.T, errs *config.Errors) {
	t.Helper()
	text := errs.Error()
	for _, secret := range []string{canary, "test-key-not-a-secret"} {
		if strings.Contains(text, secret) {
			t.Errorf("a secret shows: %s", text)
		}
	}
	line := 0
	for _, m := range errs.Mistakes {
		if m.Problem == "" || m.Cure == "" {
			t.Errorf("no problem or no cure: %+v", *m)
		}
		if m.Line < line {
			t.Errorf("line %d comes after line %d", m.Line, line)
		}
		line = m.Line
		if !strings.Contains(text, m.Error()) {
			t.Errorf("%q is missing from the whole", m.Error())
		}
		if !errors.Is(errs, m) {
			t.Error("a mistake cannot be unwrapped")
		}
	}
}

// secretFiles makes a folder with files that are fit to hold a secret, and
// others that are not.
func secretFiles(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, file := range map[string]struct {
		content string
		mode    os.FileMode
	}{
		"good.key":    {"test-key-not-a-secret\n", 0o600},
		"open.key":    {canary, 0o644},
		"written.key": {canary, 0o602},
		"empty.key":   {"\n \n", 0o600},
		"lines.key":   {canary + "\n" + canary, 0o600},
		"huge.key":    {strings.Repeat(canary, 10_000), 0o600},
		"no.pem":      {"no certificate", 0o644},
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(file.content), file.mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, file.mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "folder.key"), 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

// options are what the tests load with: an environment of their own,
// schedules that start with @every or have five fields, and rules without
// "nonsense".
func options(env map[string]string) config.Options {
	return config.Options{
		Getenv: func(name string) string {
			if name == "TEST_KEY" {
				return "test-key-not-a-secret"
			}
			return env[name]
		},
		CheckSchedule: func(text string) error {
			if !strings.HasPrefix(text, "@every ") && len(strings.Fields(text)) != 5 {
				return errors.New("that is not a schedule")
			}
			return nil
		},
		CheckRule: func(when string) *config.RuleMistake {
			if i := strings.Index(when, "nonsense"); i >= 0 {
				return &config.RuleMistake{Offset: i, Problem: "this is nonsense", Cure: "write sense"}
			}
			return nil
		},
	}
}
