package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"sessionwarden/alert"
	"sessionwarden/config"
)

var fenced = regexp.MustCompile("(?s)```([a-z]+)\n(.*?)```\n")

// docs/channels.md is held to the program: every example loads, every address is
// one, every service and every field of the JSON is there, and the code with which
// a signature is verified is the tested one.
func TestThePageAboutChannelsIsTrue(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/channels.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	services := 0
	for part := range strings.SplitSeq(page, "\n## ") {
		name, _, _ := strings.Cut(part, "\n")
		blocks := make(map[string]string)
		for _, m := range fenced.FindAllStringSubmatch(part, -1) {
			blocks[m[1]] = m[2]
		}
		example := blocks["toml"]
		if example == "" {
			continue
		}
		services++
		dir := t.TempDir()
		secrets := map[string]string{"key": "canary", "hook.url": "https://receiver.example.org/alerts", "hook.secret": "canary"}
		if at := strings.TrimSpace(blocks["address"]); at != "" {
			kind, err := alert.CheckAddress(at)
			if err != nil || kind != name {
				t.Errorf("%s: its address is %q: %v", name, kind, err)
			}
			_, file, _ := strings.Cut(example, `url_file = "`)
			file, _, _ = strings.Cut(file, `"`)
			secrets[file] = at
		}
		for file, secret := range secrets {
			if err := os.WriteFile(filepath.Join(dir, file), []byte(secret+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		whole := example + "[[account]]\nname = \"main\"\napi_key_file = \"key\"\nexpected_countries = [\"DE\"]\n"
		cfg, err := config.Load(filepath.Join(dir, "config.toml"), []byte(whole), new(command).configOptions())
		if err != nil {
			t.Errorf("%s: its example does not load: %v", name, err)
			continue
		}
		ways, err := channels(cfg, outside{}.complete())
		if err != nil || len(ways) != 1 || ways[0].Name() != cfg.Alert.Channels[0].Name {
			t.Errorf("%s: %v, %v", name, ways, err)
		}
	}
	if services != 9 {
		t.Errorf("%d services have an example", services)
	}
	for _, of := range []any{alert.Record{}, alert.SessionRecord{}, alert.ActionRecord{}, alert.FindingRecord{}, alert.CommandRecord{}, alert.BundleRecord{}} {
		for i := range reflect.TypeOf(of).NumField() {
			name, _, _ := strings.Cut(reflect.TypeOf(of).Field(i).Tag.Get("json"), ",")
			if !strings.Contains(page, "`"+name+"`") {
				t.Errorf("%T: %s is not described", of, name)
			}
		}
	}
	for _, m := range fenced.FindAllStringSubmatch(page, -1) {
		switch m[1] {
		case "json":
			to := json.NewDecoder(strings.NewReader(m[2]))
			to.DisallowUnknownFields()
			var r alert.Record
			if err := to.Decode(&r); err != nil || r.Version != alert.RecordVersion {
				t.Errorf("the example of the JSON: %v", err)
			}
		case "go":
			tested, err := os.ReadFile("../../alert/channel_json_test.go")
			if err != nil || !strings.Contains(string(tested), "\n"+m[2]) {
				t.Errorf("the code that verifies a signature is not the tested one: %v", err)
			}
		}
	}
	nouns, err := os.ReadFile("../../alert.go")
	if err != nil {
		t.Fatal(err)
	}
	kinds := regexp.MustCompile(`AlertKind = "([a-z_]+)"`).FindAllStringSubmatch(string(nouns), -1)
	for _, kind := range kinds {
		if !strings.Contains(page, "`"+kind[1]+"`") {
			t.Errorf("the kind %s is not described", kind[1])
		}
	}
	if len(kinds) < 15 {
		t.Errorf("%d kinds of alert", len(kinds))
	}
	for _, header := range []string{alert.SignatureHeader, alert.IdempotencyHeader} {
		if !strings.Contains(page, header) {
			t.Errorf("%s is not described", header)
		}
	}
}
