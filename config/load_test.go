package config_test

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"sessionwarden"
	"sessionwarden/config"
)

// account is the least that an account needs.
const account = "\n[[account]]\nname = \"main\"\napi_key_env = \"TEST_KEY\"\n"

// load loads text, which has to be without mistakes.
func load(t *testing.T, text string) *config.Config {
	t.Helper()
	cfg, err := config.Load("/etc/sessionwarden/config.toml", []byte(text), options(nil))
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// mistakes loads text, which has to be wrong.
func mistakes(t *testing.T, text string) *config.Errors {
	t.Helper()
	cfg, err := config.Load("config.toml", []byte(text), options(nil))
	var errs *config.Errors
	if !errors.As(err, &errs) || cfg != nil {
		t.Fatalf("got %+v and the error %v, want *Errors", cfg, err)
	}
	return errs
}

// TestDefaults compares every field with what the contract's page says. It
// walks the types, so that a new field has to be put in here.
func TestDefaults(t *testing.T) {
	t.Parallel()
	cfg := load(t, account)
	host, _ := os.Hostname()
	want := map[string]string{
		"Path": "/etc/sessionwarden/config.toml", "DataDir": "/var/lib/sessionwarden", "Instance": host,
		"Log.Level": "INFO", "Log.Format": "text", "Web.Listen": "127.0.0.1:8733",
		"Geo.Database": "", "Geo.ASNDatabase": "", "Geo.TorExits": "", "Geo.VPNNetworks": "", "Geo.Anonymous": "",
		"History.Keep": "9600h0m0s", "Alert.MinSeverity": "warning", "Alert.Slack": "<nil>", "Alert.Zone": "UTC", "Alert.Channels": "[]",
		"Alert.Escalation.After": "10m0s", "Alert.Escalation.Channels": "[]", "Alert.Digest.Every": "off", "Alert.Digest.At": "8h0m0s", "Alert.Digest.Weekday": "Monday",
		"Heartbeat.URL": "<secret>", "Heartbeat.Canary": "1h0m0s",
		"Backup.Dir": "/var/lib/sessionwarden/backups", "Backup.Every": "24h0m0s", "Backup.Keep": "7",
		"Notices":       `[expected_countries is not set for account "main", so unexpected_country finds nothing there]`,
		"Accounts.Name": "main", "Accounts.Service": "mannco", "Accounts.BaseURL": "https://api.mannco.store", "Accounts.Schedule": "@every 30s",
		"Accounts.ExpiredEvery": "1m0s", "Accounts.AccountEvery": "1m0s", "Accounts.Timeout": "10s", "Accounts.Expected": "[]", "Accounts.Trusted": "[]", "Accounts.Granted": "[]",
		"Accounts.MaxDisconnects": "10", "Accounts.MaxDisconnectsStrangers": "100", "Accounts.BalanceDrop": "50.00", "Accounts.BalanceDropPercent": "20", "Accounts.TakeoverWithin": "6h0m0s", "Accounts.AskTimeout": "10m0s", "Accounts.AskDefault": "keep",
		"Accounts.LearnFor": "336h0m0s", "Accounts.LearnSessions": "10", "Accounts.MaxSpeed": "900", "Accounts.Dormant": "720h0m0s", "Accounts.DormantPlace": "4320h0m0s",
		"Accounts.Hours.From": "0s", "Accounts.Hours.To": "0s", "Accounts.Hours.Zone": "UTC", "Accounts.Heightened": "15m0s",
		"Accounts.DryRun": "false", "Accounts.Own": "[]", "Accounts.Key": "<secret>", "Accounts.CAFile": "",
	}
	got := make(map[string]string)
	fieldsOf(got, "", reflect.ValueOf(*cfg))
	for name, text := range got {
		if wanted, ok := want[name]; !ok {
			t.Errorf("%s is %s, and this test does not know the field", name, text)
		} else if text != wanted {
			t.Errorf("%s is %s, want %s", name, text, wanted)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d fields, want %d", len(got), len(want))
	}
	if cfg.Accounts[0].Expected != nil {
		t.Error("expected countries that nobody wrote are not nil")
	}
	for _, info := range sessionwarden.Rules() {
		if got, ok := cfg.Accounts[0].Rules[info.Rule]; !ok || got != info.Response {
			t.Errorf("%s does %v, want %v", info.Rule, got, info.Response)
		}
	}
	if got := len(cfg.Accounts[0].Rules); got != len(sessionwarden.Rules()) {
		t.Errorf("%d rules", got)
	}
}

// fieldsOf lists the leaves of a struct. The rules are looked at apart.
func fieldsOf(into map[string]string, where string, v reflect.Value) {
	for i := range v.NumField() {
		f, name := v.Field(i), v.Type().Field(i).Name
		switch {
		case v.Type().Field(i).Anonymous:
			fieldsOf(into, where, f)
		case name == "Rules":
		case f.Type() == reflect.TypeFor[config.Secret]():
			into[where+name] = fmt.Sprint(f.Interface())
		case f.Kind() == reflect.Struct:
			fieldsOf(into, where+name+".", f)
		case f.Kind() == reflect.Slice && f.Type().Elem().Kind() == reflect.Struct && f.Type().Elem() == reflect.TypeFor[config.Account]():
			fieldsOf(into, where+name+".", f.Index(0))
		default:
			into[where+name] = fmt.Sprint(f.Interface())
		}
	}
}

func TestAccountsStandOnTheDefaults(t *testing.T) {
	t.Parallel()
	// The defaults hold wherever they stand in the file.
	cfg := load(t, `
[[account]]
name = "main"
api_key_env = "TEST_KEY"
timeout = "5s"
trusted_networks = []
expected_countries = ["FR"]
dry_run = true
max_disconnects = 0
[account.rules]
new_country = "ask"
new_device = "off"

[[account]]
name = "other"
api_key = "test-key-not-a-secret"

[defaults]
timeout = "20s"
base_url = "https://api.example.com/v1/"
trusted_networks = ["203.0.113.0/24", "198.51.100.7", "2001:db8::1", "::ffff:192.0.2.0/120", "fd00::/8"]
expected_countries = ["DE", "XK"]
ask_timeout = "1d12h"
ask_default = "disconnect"
schedule = "*/5 * * * *"
[defaults.rules]
new_country = "disconnect"
new_network = "disconnect_all"
`)
	own, other := cfg.Accounts[0], cfg.Accounts[1]
	if own.Timeout != 5*time.Second || other.Timeout != 20*time.Second || own.BaseURL != "https://api.example.com/v1" || own.AskTimeout != 36*time.Hour {
		t.Errorf("main: %+v\nother: %+v", own, other)
	}
	if !own.DryRun || other.DryRun || own.MaxDisconnects != 0 || other.MaxDisconnects != 10 || own.AskDefault != sessionwarden.DisconnectSession || own.Schedule != "*/5 * * * *" {
		t.Errorf("main: %+v\nother: %+v", own, other)
	}
	if !slices.Equal(own.Expected, []sessionwarden.Country{"FR"}) || !slices.Equal(other.Expected, []sessionwarden.Country{"DE", "XK"}) {
		t.Errorf("expected countries %v and %v: a list replaces the default", own.Expected, other.Expected)
	}
	var networks []netip.Prefix
	for _, text := range []string{"203.0.113.0/24", "198.51.100.7/32", "2001:db8::1/128", "192.0.2.0/24", "fd00::/8"} {
		networks = append(networks, netip.MustParsePrefix(text))
	}
	if len(own.Trusted) != 0 || !slices.Equal(other.Trusted, networks) {
		t.Errorf("trusted networks %v and %v", own.Trusted, other.Trusted)
	}
	for rule, want := range map[sessionwarden.Rule][2]sessionwarden.Response{
		sessionwarden.NewCountry:        {sessionwarden.Ask, sessionwarden.Disconnect},
		sessionwarden.NewDevice:         {sessionwarden.Off, sessionwarden.Log},
		sessionwarden.NewNetwork:        {sessionwarden.DisconnectAll, sessionwarden.DisconnectAll},
		sessionwarden.UnexpectedCountry: {sessionwarden.Disconnect, sessionwarden.Disconnect},
	} {
		if got := [2]sessionwarden.Response{own.Rules[rule], other.Rules[rule]}; got != want {
			t.Errorf("%s does %v, want %v: rules merge by name", rule, got, want)
		}
	}
	if len(cfg.Notices) > 0 {
		t.Errorf("notices: %q", cfg.Notices)
	}
}

func TestEverythingElseIsRead(t *testing.T) {
	t.Parallel()
	cfg := load(t, `
data_dir = "history"
instance = "watch-1"
log = { level = "debug", format = "json" }
web.listen = "[::1]:9000"
[geo]
database = "auto"
asn_database = "../asn.mmdb"
[history]
keep = "30d"
[backup]
dir = "copies"
every = "off"
keep = 3
[alert]
min_severity = "critical"
[alert.slack]
bot_token_env = "TEST_KEY"
channel = "C0123456789"
api_url = "http://127.0.0.1:4000/api"
`+account+`expected_countries = ["DE"]`)
	if cfg.DataDir != "/etc/sessionwarden/history" || cfg.Geo.ASNDatabase != "/etc/asn.mmdb" || cfg.Geo.Database != "auto" {
		t.Errorf("paths: %s, %+v", cfg.DataDir, cfg.Geo)
	}
	if cfg.Instance != "watch-1" || cfg.Log.Level != -4 || cfg.Log.Format != "json" || cfg.Web.Listen != "[::1]:9000" || cfg.History.Keep != 720*time.Hour {
		t.Errorf("%+v", cfg)
	}
	if want := (config.Backup{Dir: "/etc/sessionwarden/copies", Keep: 3}); cfg.Backup != want {
		t.Errorf("%+v, want %+v", cfg.Backup, want)
	}
	if b := load(t, "data_dir = \"history\"\n[backup]\ndir = \"\"\nevery = \"12h\"\n"+account).Backup; b.Dir != "/etc/sessionwarden/history/backups" || b.Every != 12*time.Hour {
		t.Errorf("%+v", b)
	}
	s := cfg.Alert.Slack
	if cfg.Alert.MinSeverity != sessionwarden.Critical || s.Channel != "C0123456789" || s.APIURL != "http://127.0.0.1:4000/api/" || !s.BotToken.Set() || s.WebhookURL.Set() {
		t.Errorf("%+v, %+v", cfg.Alert, s)
	}
	again := load(t, "[alert]\nmin_severity = \"critical\"\n[alert.slack]\nbot_token_env = \"TEST_KEY\"\nchannel = \"C0123456789\"\napi_url = \"http://127.0.0.1:4000/api\""+account)
	if !reflect.DeepEqual(again.Alert.Slack, s) {
		t.Error("the same Slack section read twice is not equal, so that every reload would ask for a restart")
	}
}

// TestNotices: what is accepted and not acted on is never silent.
func TestNotices(t *testing.T) {
	t.Parallel()
	cfg := load(t, `
[geo]
tor_exits = "https://check.example.com/exits?list=all"
vpn_networks = "vpn.txt"
[defaults]
expected_countries = ["DE"]
[defaults.rules]
takeover = "log"
[alert.slack]
webhook_url = "https://hooks.example.com/not-a-secret"
channel = "#security"
api_url = "https://proxy.example.com/"
`+account+`
`)
	want := []string{
		"alert.slack.channel has no effect with a webhook, which belongs to one channel",
		"alert.slack.api_url has no effect with a webhook, which is an address of its own",
	}
	if !slices.Equal(cfg.Notices, want) {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(cfg.Notices, "\n"), strings.Join(want, "\n"))
	}

	var many strings.Builder
	for i := range 7 {
		fmt.Fprintf(&many, "[[account]]\nname = \"a%d\"\napi_key_env = \"TEST_KEY\"\n", i)
	}
	if got := load(t, many.String()).Notices; len(got) != 1 || !strings.Contains(got[0], `"a4" and 2 more`) {
		t.Errorf("notices of many accounts: %q", got)
	}
	quiet := load(t, "[defaults.rules]\nunexpected_country = \"off\""+account)
	if len(quiet.Notices) > 0 {
		t.Errorf("the rule is off, and still: %q", quiet.Notices)
	}
}

func TestOpenFileWithASecretInIt(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "config.toml")
	text := "[[account]]\nname = \"main\"\napi_key = \"test-key-not-a-secret\"\nexpected_countries = [\"DE\"]\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for mode, want := range map[os.FileMode]int{0o600: 0, 0o640: 0, 0o644: 1} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		cfg, err := config.LoadFile(path, options(nil))
		if err != nil {
			t.Fatal(err)
		}
		if len(cfg.Notices) != want {
			t.Errorf("mode %o: notices %q", mode, cfg.Notices)
		}
	}
}

func TestTextInEveryForm(t *testing.T) {
	t.Parallel()
	text := "instance = \"watch\"\n[log]\nlevel = \"warn\" # as quiet as that\n" + account
	for name, data := range map[string]string{
		"as it is": text, "with a byte order mark": "\xef\xbb\xbf" + text, "with CRLF": strings.ReplaceAll(text, "\n", "\r\n"),
		"without the last line end": strings.TrimSuffix(text, "\n"), "with quoted keys": strings.Replace(text, "level", `"level"`, 1),
	} {
		if cfg := load(t, data); cfg.Instance != "watch" || cfg.Log.Level != 4 {
			t.Errorf("%s: %+v", name, cfg)
		}
	}
	// Places are right with CRLF and a byte order mark, too.
	errs := mistakes(t, "\xef\xbb\xbfinstance = \"watch\"\r\n[log]\r\nlevle = \"warn\"\r\n"+account)
	if m := errs.Mistakes[0]; m.Line != 3 || m.Column != 1 || m.Key != "log.levle" {
		t.Errorf("%+v", *m)
	}
}

// TestHalfWritten cuts a good file after each byte: what is left is either
// good by itself or a mistake with a line, and nothing panics.
func TestHalfWritten(t *testing.T) {
	t.Parallel()
	text := "[alert.slack]\nwebhook_url = \"https://hooks.example.com/" + canary + "\"\n\n[[account]]\nname = \"main\"\napi_key = \"" + canary +
		"\"\nexpected_countries = [\n  \"DE\",\n]\n[account.rules]\nnew_country = \"log\"\n"
	good := 0
	for i := range len(text) + 1 {
		_, err := config.Load("config.toml", []byte(text[:i]), options(nil))
		if err == nil {
			good++
			continue
		}
		var errs *config.Errors
		if !errors.As(err, &errs) {
			t.Fatalf("cut at %d: %v", i, err)
		}
		if strings.Contains(err.Error(), canary) || strings.Contains(err.Error(), "still-a-") {
			t.Fatalf("cut at %d: a secret shows: %v", i, err)
		}
		for _, m := range errs.Mistakes {
			if m.Line < 1 || m.Cure == "" {
				t.Fatalf("cut at %d: no line or no cure: %+v", i, *m)
			}
		}
	}
	if good == 0 || good > 80 {
		t.Errorf("%d cut files were taken", good)
	}
}

func TestFilesThatAreNone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	large := filepath.Join(dir, "large.toml")
	if err := os.WriteFile(large, []byte(strings.Repeat("# nothing\n", 200_000)), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "missing.toml"): "copy config.example.toml there",
		dir:                                "is a folder: name the file in it",
		large:                              "larger than 1 MiB",
	} {
		cfg, err := config.LoadFile(path, config.Options{})
		if cfg != nil || err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("LoadFile(%s) = %v, %v, want %q", path, cfg, err, want)
		}
	}
}

// TestRubbishIsBounded: neither the work nor the message grows without end.
func TestRubbishIsBounded(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for i := range 40_000 {
		fmt.Fprintf(&b, "key%d = %d\n", i, i)
	}
	for name, text := range map[string]string{
		"unknown keys":   b.String(),
		"deep lists":     "instance = " + strings.Repeat("[", 20_000),
		"deep tables":    "instance = " + strings.Repeat("{a=", 9_000) + "1" + strings.Repeat("}", 9_000),
		"long dotted":    strings.Repeat("a.", 100_000) + "b = 1",
		"long key":       strings.Repeat("a", 1<<19) + " = 1",
		"long value":     "instance = \"" + strings.Repeat("a", 1<<19) + "\"",
		"open strings":   strings.Repeat("a = \"\"\"\n", 1000),
		"many accounts":  strings.Repeat("[[account]]\n", 5_000),
		"many countries": "[defaults]\nexpected_countries = [" + strings.Repeat(`"AA",`, 20_000) + "]",
	} {
		errs := mistakes(t, text)
		if got := errs.Error(); len(got) > 64<<10 {
			t.Errorf("%s: a message of %d bytes", name, len(got))
		}
		if name == "unknown keys" && errs.More < 30_000 {
			t.Errorf("%s: %d mistakes and %d more", name, len(errs.Mistakes), errs.More)
		}
	}
}

func TestOwnRules(t *testing.T) {
	t.Parallel()
	cfg := load(t, account+`
[account.rules]
far = "disconnect"

[[account]]
name = "other"
api_key = "test-key-not-a-secret"

[[rule]]
name = "far"
when = 'location.country != "DE"'
severity = "critical"
why = "too far"

[defaults.rules]
night = "log"

[[rule]]
name = "night"
when = "time.hour < 6"
then = "ask"
accounts = ["other"]
`)
	far := sessionwarden.OwnRule{Name: "far", When: `location.country != "DE"`, Severity: sessionwarden.Critical, Why: "too far"}
	night := sessionwarden.OwnRule{Name: "night", When: "time.hour < 6", Severity: sessionwarden.Warning}
	one, other := cfg.Accounts[0], cfg.Accounts[1]
	if !slices.Equal(one.Own, []sessionwarden.OwnRule{far}) || !slices.Equal(other.Own, []sessionwarden.OwnRule{far, night}) {
		t.Errorf("main has %+v, other has %+v", one.Own, other.Own)
	}
	if _, ok := one.Rules["night"]; ok || one.Response("far") != sessionwarden.Disconnect || other.Response("far") != sessionwarden.Notify || other.Response("night") != sessionwarden.Log {
		t.Errorf("main does %v, other does %v", one.Rules, other.Rules)
	}
	if info := one.Rule("far"); info.Severity != sessionwarden.Critical || info.Response != sessionwarden.Disconnect || one.Rule("night").Rule != "" {
		t.Errorf("far is described as %+v", info)
	}
	stamp := other.Stamp()
	other.Own = slices.Clone(other.Own)
	other.Own[1].When = "time.hour < 5"
	if other.Stamp() == stamp {
		t.Error("another expression has the same stamp")
	}
}

func TestOwnRulesAreBounded(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for i := range sessionwarden.MaxOwnRules + 1 {
		fmt.Fprintf(&b, "[[rule]]\nname = \"rule_%d\"\nwhen = \"true\"\n", i)
	}
	errs := mistakes(t, b.String()+account)
	if len(errs.Mistakes) != 1 || !strings.Contains(errs.Error(), "more than 100 rules") {
		t.Errorf("got %v", errs)
	}
}
