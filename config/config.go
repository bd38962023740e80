package config

import (
	"log/slog"
	"time"

	"sessionwarden"
)

// Config is a whole configuration, checked and complete with the defaults. It
// is a snapshot: a reload makes a new one.
type Config struct {
	Path     string // the file that it came from
	DataDir  string // absolute; need not exist yet
	Instance string // the name of this daemon in alerts; the host name unless set

	Log     Log
	Web     Web
	Geo     Geo
	History History
	Backup  Backup
	Alert   Alert

	Heartbeat Heartbeat

	Accounts []Account // at least one; in the file's order, each with a name of its own

	// Notices are remarks on what was accepted but does not do what one might
	// expect, one sentence each. They hold no secrets.
	Notices []string
}

// Log is how the daemon logs.
type Log struct {
	Level  slog.Level
	Format string // "text" or "json"
}

// Web is where health and metrics are served.
type Web struct {
	Listen string // host:port on loopback; "" nowhere
}

// Geo names the location data. Files are absolute paths; they need not exist.
type Geo struct {
	Database    string // a City or Country file; "" the built-in data, "auto" also the system's folders
	ASNDatabase string // the same for networks
	TorExits    string // a file or a URL; "" none
	VPNNetworks string // a file or a URL; "" none
	Anonymous   string // an Anonymous-IP or Anonymous-Plus file; "" none
}

// History is how long the history is kept.
type History struct {
	Keep time.Duration
}

// Backup is how the daemon copies the history by itself.
type Backup struct {
	Dir   string        // absolute; need not exist yet
	Every time.Duration // how old the newest copy may get; 0: none is made
	Keep  int           // how many copies are kept; at least 1
}

// Alert is how people are told.
type Alert struct {
	MinSeverity sessionwarden.Severity
	Zone        *time.Location // of the times in messages; never nil
	Slack       *Slack         // nil where [alert.slack] is not there
	Channels    []Channel      // in the file's order, each with a name of its own
	Escalation  Escalation
	Digest      Digest
}

// Routing is what one channel is told, and how.
type Routing struct {
	MinSeverity sessionwarden.Severity // that of [alert] unless set
	Accounts    []string               // nil: all, and what is of no account
	Topics      []sessionwarden.Topic  // nil: all
	Quiet       sessionwarden.DayHours // when only critical alerts are sent; not set: never
	Zone        *time.Location         // of the times in its messages; never nil
}

// Slack is one Slack channel, by webhook or by bot token: exactly one of the
// two is set.
type Slack struct {
	WebhookURL Secret
	BotToken   Secret
	AppToken   Secret   // for buttons; only beside a bot token
	Channel    string   // set where BotToken is
	APIURL     string   // ends in "/"
	People     []string // the ids of those who may press buttons and use the command; none: nobody
	Routing
}

// Channel is one [[alert.channel]]: exactly one of URL and WebhookURL is set.
type Channel struct {
	Name          string
	URL           Secret // in shoutrrr's form, such as ntfy://…
	WebhookURL    Secret // takes JSON
	WebhookSecret Secret // signs it; may be set beside WebhookURL only
	Routing
}

// Escalation is what becomes of critical incidents that nobody answers.
type Escalation struct {
	After    time.Duration // from one channel to the next; 0: never
	Channels []string      // in order, then from the first again; none: never
}

// Digest is when people are told what happened, well or not.
type Digest struct {
	Every   string        // "off", "daily" or "weekly"
	At      time.Duration // since midnight, in the time zone of [alert]
	Weekday time.Weekday  // of a weekly one
}

// Heartbeat is how somebody else finds out that the watch has stopped.
type Heartbeat struct {
	URL    Secret        // asked after each good round; not set: nowhere
	Canary time.Duration // how often a made-up session goes through all of it first; 0: never
}

// Account is one watched account with what it takes to reach it.
type Account struct {
	sessionwarden.Account
	Key    Secret // the service's API key
	CAFile string // certificates in PEM form to trust instead of the system's; "" the system's
}

// defaults returns the configuration of an empty file.
func defaults() Config {
	return Config{
		DataDir: defaultDataDir,
		Log:     Log{Level: slog.LevelInfo, Format: "text"},
		Web:     Web{Listen: "127.0.0.1:8733"},
		History: History{Keep: 400 * day},
		Backup:  Backup{Every: day, Keep: 7},
		Alert: Alert{
			MinSeverity: sessionwarden.Warning, Zone: time.UTC,
			Escalation: Escalation{After: 10 * time.Minute},
			Digest:     Digest{Every: DigestOff, At: 8 * time.Hour, Weekday: time.Monday},
		},
		Heartbeat: Heartbeat{Canary: time.Hour},
	}
}

// The words of Digest.Every.
const (
	DigestOff    = "off"
	DigestDaily  = "daily"
	DigestWeekly = "weekly"
)

// defaultSlackAPI is where Slack answers.
const defaultSlackAPI = "https://slack.com/api/"

// defaultAccount returns an account of which nothing is said.
func defaultAccount() Account {
	rules := make(map[sessionwarden.Rule]sessionwarden.Response)
	for _, info := range sessionwarden.Rules() {
		rules[info.Rule] = info.Response
	}
	return Account{Account: sessionwarden.Account{
		Service:                 "mannco",
		BaseURL:                 "https://api.mannco.store",
		Schedule:                "@every 30s",
		ExpiredEvery:            time.Minute,
		AccountEvery:            time.Minute,
		Timeout:                 10 * time.Second,
		MaxDisconnects:          10,
		MaxDisconnectsStrangers: 100,
		BalanceDrop:             50_00,
		BalanceDropPercent:      20,
		TakeoverWithin:          6 * time.Hour,
		AskTimeout:              10 * time.Minute,
		AskDefault:              sessionwarden.KeepSession,
		LearnFor:                14 * day,
		LearnSessions:           10,
		MaxSpeed:                900,
		Dormant:                 30 * day,
		DormantPlace:            180 * day,
		Heightened:              15 * time.Minute,
		Rules:                   rules,
	}}
}
