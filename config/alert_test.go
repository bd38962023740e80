package config_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"sessionwarden"
)

// TestWhatAChannelIsToldStartsWithAlert: the keys of [alert] count for every
// channel that does not say otherwise, wherever they stand.
func TestWhatAChannelIsToldStartsWithAlert(t *testing.T) {
	t.Parallel()
	cfg := load(t, `
[[alert.channel]]
name = "mail"
url = "smtp://mail.example.com/?to=owner@example.com"
[[alert.channel]]
name = "phone"
url = "ntfy://ntfy.example.com/topic"
min_severity = "critical"
accounts = ["main"]
kinds = ["intrusion", "escalation"]
quiet_hours = "22:00-07:00"
time_zone = "Asia/Tokyo"
[[alert.channel]]
name = "hook"
webhook_url = "https://hook.example.com/in?x=1"
webhook_secret = "test-key-not-a-secret"
quiet_hours = "23:00-06:00"
[alert]
min_severity = "info"
time_zone = "Europe/Berlin"
[alert.escalation]
after = "5m"
channels = ["mail", "phone"]
[alert.digest]
every = "weekly"
at = "07:30"
weekday = "friday"
[heartbeat]
url = "https://hc.example.com/ping"
canary = "off"
`+account)
	mail, phone, hook := cfg.Alert.Channels[0], cfg.Alert.Channels[1], cfg.Alert.Channels[2]
	if mail.MinSeverity != sessionwarden.Info || mail.Zone.String() != "Europe/Berlin" || mail.Quiet.Set() || mail.Accounts != nil || mail.Topics != nil || !mail.URL.Set() {
		t.Errorf("mail: %+v", mail)
	}
	night := time.Date(2026, 7, 1, 14, 0, 0, 0, time.UTC) // 23:00 in Tokyo
	if phone.MinSeverity != sessionwarden.Critical || phone.Zone.String() != "Asia/Tokyo" || !phone.Quiet.Holds(night) || phone.Quiet.Holds(night.Add(-2*time.Hour)) ||
		!slices.Equal(phone.Topics, []sessionwarden.Topic{sessionwarden.TopicIntrusion, sessionwarden.TopicEscalation}) || !slices.Equal(phone.Accounts, []string{"main"}) {
		t.Errorf("phone: %+v", phone)
	}
	if hook.Quiet.Zone.String() != "Europe/Berlin" || !hook.WebhookURL.Set() || !hook.WebhookSecret.Set() || hook.URL.Set() {
		t.Errorf("hook: %+v", hook)
	}
	if cfg.Alert.Escalation.After != 5*time.Minute || !slices.Equal(cfg.Alert.Escalation.Channels, []string{"mail", "phone"}) {
		t.Errorf("%+v", cfg.Alert.Escalation)
	}
	if d := cfg.Alert.Digest; d.Every != "weekly" || d.At != 7*time.Hour+30*time.Minute || d.Weekday != time.Friday {
		t.Errorf("%+v", d)
	}
	if cfg.Heartbeat.Canary != 0 || !cfg.Heartbeat.URL.Set() {
		t.Errorf("%+v", cfg.Heartbeat)
	}
}

func TestPeopleWithoutButtonsAreANotice(t *testing.T) {
	t.Parallel()
	cfg := load(t, "[alert.slack]\nwebhook_url = \"https://hooks.example.com/x\"\npeople = [\"U0123456789\"]\n"+account)
	if !slices.ContainsFunc(cfg.Notices, func(n string) bool {
		return n == "alert.slack.people has no effect without an app token: there are no buttons then"
	}) {
		t.Errorf("notices: %q", cfg.Notices)
	}
}

// What nobody would ever be told, and quiet hours that nobody gave a zone, are
// remarked on.
func TestWhatIsNeverToldIsANotice(t *testing.T) {
	t.Parallel()
	channel := func(keys string) string {
		return "[[alert.channel]]\nname = \"phone\"\nurl = \"ntfy://ntfy.sh/canary-topic\"\n" + keys + "\n"
	}
	const account = account + "expected_countries = [\"DE\"]\n"
	const two = account + "[[account]]\nname = \"second\"\napi_key_env = \"TEST_KEY\"\nexpected_countries = [\"DE\"]\n"
	for name, c := range map[string]struct{ file, want string }{
		"an account that no channel has":  {channel(`accounts = ["main"]`) + two, `nobody is told of account "second", as the accounts of each channel are others: add it to one of them`},
		"an account that another has":     {channel(`accounts = ["main"]`) + strings.Replace(channel(""), "phone", "mail", 1) + two, ""},
		"no escalation for its only kind": {channel(`kinds = ["escalation"]`) + account, `channel "phone" is never told anything, as there is nothing of its kinds: name it in channels of [alert.escalation]`},
		"its only kind is escalated":      {channel(`kinds = ["escalation"]`) + "[alert.escalation]\nchannels = [\"phone\"]\n" + account, ""},
		"no digest for its only kind":     {channel(`kinds = ["digest"]`) + "[alert.digest]\nevery = \"off\"\n" + account, `channel "phone" is never told anything, as there is nothing of its kinds: set every = "daily" in [alert.digest]`},
		"another kind beside it":          {channel(`kinds = ["digest", "blind"]`) + "[alert.digest]\nevery = \"off\"\n" + account, ""},
		"quiet hours of no zone":          {channel(`quiet_hours = "22:00-07:00"`) + account, `the quiet_hours of channel "phone" are by UTC: name a time zone in [alert], such as time_zone = "Europe/Berlin"`},
		"quiet hours of UTC on purpose":   {channel("quiet_hours = \"22:00-07:00\"\ntime_zone = \"UTC\"") + account, ""},
		"quiet hours by that of [alert]":  {"[alert]\ntime_zone = \"UTC\"\n" + channel(`quiet_hours = "22:00-07:00"`) + account, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := strings.Join(load(t, c.file).Notices, "\n"); got != c.want {
				t.Errorf("got:\n%s\nwant:\n%s", got, c.want)
			}
		})
	}
}
