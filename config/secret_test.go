package config_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"encoding/pem"
	"encoding/xml"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"sessionwarden/config"
)

// TestSecretsNeverShow prints a whole configuration in every way there is.
func TestSecretsNeverShow(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.key"), []byte(canary), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(filepath.Join(dir, "config.toml"), []byte(`
[alert.slack]
bot_token = "`+canary+`"
app_token_env = "APP"
people = ["U0123456789"]
channel = "#security"
[[account]]
name = "main"
api_key = "`+canary+`"
[[account]]
name = "file"
api_key_file = "main.key"
[[account]]
name = "env"
api_key_env = "APP"
`), options(map[string]string{"APP": canary}))
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range cfg.Accounts {
		if value, err := a.Key.Read(); value != canary || err != nil {
			t.Errorf("account %s: reading the key from %s: %v", a.Name, a.Key.Source(), err)
		}
	}
	key := cfg.Accounts[0].Key
	var printed bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%T", "%t", "%p"} {
		for _, thing := range []any{
			cfg, *cfg, cfg.Accounts, cfg.Alert, cfg.Alert.Slack, *cfg.Alert.Slack, key, &key, cfg.Accounts[0], struct{ Key config.Secret }{key},
			struct{ key config.Secret }{key}, struct{ keys []config.Secret }{[]config.Secret{key}}, map[string]config.Secret{"key": key}, []any{key, cfg},
			struct{ cfg config.Config }{*cfg}, struct{ slack config.Slack }{*cfg.Alert.Slack},
		} {
			fmt.Fprintf(&printed, verb+"\n", thing)
		}
	}
	for _, handler := range []slog.Handler{slog.NewTextHandler(&printed, nil), slog.NewJSONHandler(&printed, nil)} {
		slog.New(handler).Info("all of it", "cfg", cfg, "copy", *cfg, "slack", cfg.Alert.Slack, "key", key, "account", cfg.Accounts[0])
	}
	encoded, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	printed.Write(encoded)
	_ = xml.NewEncoder(&printed).Encode(key)
	_ = gob.NewEncoder(&printed).Encode(key)
	text, _ := key.MarshalText()
	printed.Write(text)
	printed.WriteString(key.String() + key.GoString() + key.LogValue().String() + fmt.Sprint(cfg.Notices))
	for _, s := range []config.Secret{key, cfg.Accounts[1].Key, cfg.Accounts[2].Key} {
		printed.WriteString(s.Source())
	}
	if i := strings.Index(printed.String(), canary); i >= 0 {
		t.Errorf("a secret shows: …%s…", printed.String()[max(0, i-200):i+20])
	}
	if !strings.Contains(printed.String(), "<secret>") {
		t.Error("nothing was printed")
	}
}

func TestSecretIsReadAnew(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "main.key")
	write := func(text string, mode os.FileMode) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	write("first\r\n", 0o600)
	cfg, err := config.Load(filepath.Join(dir, "config.toml"), []byte("[[account]]\nname = \"main\"\napi_key_file = \"main.key\"\n"), config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	key := cfg.Accounts[0].Key
	if !key.Set() || key.Source() != "file "+path {
		t.Errorf("Set %t, Source %q", key.Set(), key.Source())
	}
	read := func(want, problem string) {
		t.Helper()
		got, err := key.Read()
		if problem == "" && (got != want || err != nil) {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
		if problem != "" && (err == nil || got != "" || !strings.Contains(err.Error(), problem) || !strings.Contains(err.Error(), path)) {
			t.Errorf("got %q, %v, want an error that says %q and names the file", got, err, problem)
		}
	}
	read("first", "")
	write("second\n\n", 0o640)
	read("second", "")
	write("\ufeffthird", 0o600)
	read("third", "")
	write("fourth", 0o604)
	read("", "everyone on this machine can read")
	write("", 0o600)
	read("", "is empty")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	read("", "there is no file")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); read("", "is a pipe") }()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("reading a pipe hangs")
	}
	var none config.Secret
	if text, err := none.Read(); none.Set() || text != "" || err == nil || none.Source() != "nowhere" {
		t.Errorf("the zero secret: %q, %v", text, err)
	}
}

// TestCredentials: what systemd hands over may have any mode, what lies beside
// it may not.
func TestCredentials(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	credentials := filepath.Join(dir, "credentials")
	if err := os.Mkdir(credentials, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(credentials, "main.key"), filepath.Join(dir, "main.key"), filepath.Join(dir, "credentials.key")} {
		if err := os.WriteFile(path, []byte("test-key-not-a-secret"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, 0o444); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(credentials, "main.key"), filepath.Join(dir, "link.key")); err != nil {
		t.Fatal(err)
	}
	for file, fine := range map[string]bool{
		"${CREDENTIALS_DIRECTORY}/main.key": true, credentials + "/main.key": true, "link.key": true,
		"${CREDENTIALS_DIRECTORY}/../main.key": false, "main.key": false, "credentials.key": false,
	} {
		_, err := config.Load(filepath.Join(dir, "config.toml"), []byte("[[account]]\nname = \"main\"\napi_key_file = \""+file+"\"\n"),
			options(map[string]string{"CREDENTIALS_DIRECTORY": credentials}))
		if fine != (err == nil) {
			t.Errorf("%s: %v", file, err)
		}
		if !fine && !strings.Contains(err.Error(), "everyone on this machine can read") {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func TestCAFile(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	dir := t.TempDir()
	path := filepath.Join(dir, "ca.pem")
	content := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(filepath.Join(dir, "config.toml"), []byte("[defaults]\nca_file = \"ca.pem\"\n"+account), options(nil))
	if err != nil {
		t.Fatal(err)
	}
	if got := cfg.Accounts[0].CAFile; got != path {
		t.Errorf("ca_file is %s, want %s", got, path)
	}
}
