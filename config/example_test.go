package config

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// loadExample loads config.example.toml beside the files that it names.
func loadExample(t *testing.T, change func(string) string) (*Config, error) {
	t.Helper()
	content, err := os.ReadFile("../config.example.toml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, text := range map[string]string{
		"config.toml": change(string(content)), "main.key": "test-key-not-a-secret\n", "second.key": "test-key-not-a-secret\n",
		"slack.url": "https://hooks.example.com/not-a-secret\n", "slack.token": "not-a-secret", "slack-app.token": "not-a-secret",
		"ntfy.url": "ntfy://ntfy.example.com/not-a-secret", "hook.url": "https://hook.example.com/not-a-secret", "hook.secret": "not-a-secret",
		"heartbeat.url": "https://heartbeat.example.com/not-a-secret",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return LoadFile(filepath.Join(dir, "config.toml"), Options{})
}

func asItIs(text string) string { return text }

func TestExampleHoldsTheDefaults(t *testing.T) {
	t.Parallel()
	cfg, err := loadExample(t, asItIs)
	if err != nil {
		t.Fatal(err)
	}
	bare, err := Load(cfg.Path, []byte("[[account]]\nname = \"main\"\napi_key_file = \"main.key\"\nexpected_countries = [\"DE\", \"AT\"]\n"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Alert.Slack == nil || cfg.Alert.Slack.APIURL != defaultSlackAPI {
		t.Errorf("slack: %+v", cfg.Alert.Slack)
	}
	slack := cfg.Alert.Slack.Routing
	if slack.MinSeverity != bare.Alert.MinSeverity || slack.Zone != bare.Alert.Zone {
		t.Errorf("what slack is told: %+v", slack)
	}
	cfg.Alert.Slack = nil // the one thing beside the account that is not a default
	if !reflect.DeepEqual(cfg, bare) {
		t.Errorf("the example says\n%+v\nand the defaults are\n%+v", cfg, bare)
	}
	if len(cfg.Notices) > 0 {
		t.Errorf("the example has notices: %q", cfg.Notices)
	}
}

// TestExampleHoldsEveryKey reads the example's lines, those that start with #
// alone too, and compares them with the schema.
func TestExampleHoldsEveryKey(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile("../config.example.toml")
	if err != nil {
		t.Fatal(err)
	}
	section := regexp.MustCompile(`^#?\[+([a-z_.]+)\]+`)
	line := regexp.MustCompile(`^#?([a-z_]+) = (\S.*)$`)
	held := make(map[string]string)
	here := ""
	for text := range strings.Lines(string(content)) {
		text = strings.TrimRight(text, "\n")
		if utf8.RuneCountInString(text) > 80 {
			t.Errorf("longer than 80 columns: %s", text)
		}
		if m := section.FindStringSubmatch(text); m != nil {
			here = m[1]
		} else if m := line.FindStringSubmatch(text); m != nil {
			held[here+"/"+m[1]] = m[2]
		}
	}
	known := make(map[string]bool)
	for _, k := range schema() {
		known[k.section+"/"+k.name] = true
		value, ok := held[k.section+"/"+k.name]
		if !ok && strings.HasPrefix(k.section, "account") {
			_, ok = held[strings.Replace(k.section, "account", "defaults", 1)+"/"+k.name]
		}
		if !ok {
			t.Errorf("[%s] lacks %s", k.section, k.name)
		}
		if info := defaultAccount().Rules; k.section == "defaults.rules" {
			for rule, response := range info {
				if string(rule) == k.name && !strings.HasPrefix(value, `"`+response.String()+`"`) {
					t.Errorf("%s is %s by default, the example says %s", rule, response, value)
				}
			}
		}
	}
	for k := range held {
		if !known[k] {
			t.Errorf("the example has %s, the schema has not", k)
		}
	}
}

// TestExampleUncommented takes each commented-out line in: every one is either
// fine, or in conflict with the line that it may replace.
func TestExampleUncommented(t *testing.T) {
	t.Parallel()
	commented := regexp.MustCompile(`(?m)^#([a-z_\[].*)$`)
	_, err := loadExample(t, func(text string) string { return commented.ReplaceAllString(text, "$1") })
	if err == nil {
		t.Fatal("nothing is in conflict")
	}
	for _, m := range err.(*Errors).Mistakes {
		if !strings.Contains(m.Problem, "gives the same secret") && !strings.Contains(m.Problem, "both given") && !strings.Contains(m.Problem, "is not set") && !strings.Contains(m.Problem, "nobody may press") {
			t.Errorf("%v", m)
		}
	}
	cfg, err := loadExample(t, func(text string) string {
		text = strings.Replace(text, "webhook_url_file =", "#webhook_url_file =", 1)
		text = strings.Replace(text, "people = []", "people = [\"U0123456789\"]", 1)
		return regexp.MustCompile(`(?m)^#((bot_token_file|channel|app_token_file|instance|tor_network|url_file|\[|name =|when =|then =|why =|accounts =|api_key_file|expected_countries|unexpected_country).*)$`).ReplaceAllString(text, "$1")
	})
	if err != nil {
		t.Fatal(err)
	}
	if own := cfg.Accounts[0].Own; len(own) != 1 || own[0].Name != "night_login" || len(cfg.Accounts[1].Own) != 0 {
		t.Errorf("own rules: %+v", own)
	}
	if phone := cfg.Alert.Channels; len(phone) != 1 || phone[0].Name != "phone" || !phone[0].URL.Set() {
		t.Errorf("channels: %+v", phone)
	}
	if len(cfg.Accounts) != 2 || cfg.Accounts[1].Rules["unexpected_country"].String() != "ask" || cfg.Alert.Slack.Channel != "#security" || len(cfg.Notices) != 0 {
		t.Errorf("%+v", cfg)
	}
}
