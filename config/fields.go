package config

import (
	"cmp"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"sessionwarden"
)

// config reads the whole tree.
func (d *decoder) config() *Config {
	cfg, base := defaults(), defaultAccount()
	var accounts *node
	d.ownRules()
	for i := range d.own {
		base.Rules[d.own[i].Name] = d.own[i].then
	}
	d.table(d.doc.root, "", d.fields(&cfg, &base, &accounts))
	d.accounts(&cfg, base, accounts)
	d.checkNames(&cfg)
	if cfg.Backup.Dir == "" {
		cfg.Backup.Dir = filepath.Join(cfg.DataDir, "backups")
	}
	if cfg.Instance == "" {
		cfg.Instance = hostName()
	}
	cfg.Notices = d.notices
	return &cfg
}

// fields is the schema of the file. [defaults] is read into base; the accounts
// are only found, as they need the defaults wherever these stand.
func (d *decoder) fields(cfg *Config, base *Account, accounts **node) []field {
	return []field{
		text(d, "data_dir", &cfg.DataDir, d.path),
		text(d, "instance", &cfg.Instance, parseInstance),
		d.sub("log",
			text(d, "level", &cfg.Log.Level, parseLevel),
			word(d, "format", &cfg.Log.Format, "text", "json"),
		),
		d.sub("web",
			text(d, "listen", &cfg.Web.Listen, parseListen),
		),
		d.sub("geo",
			text(d, "database", &cfg.Geo.Database, d.database),
			text(d, "asn_database", &cfg.Geo.ASNDatabase, d.database),
			text(d, "tor_exits", &cfg.Geo.TorExits, d.source),
			text(d, "vpn_networks", &cfg.Geo.VPNNetworks, d.source),
			text(d, "anonymous_database", &cfg.Geo.Anonymous, d.anonymous),
		),
		d.sub("history",
			d.span("keep", &cfg.History.Keep, day, 36_500*day),
		),
		d.sub("backup",
			text(d, "dir", &cfg.Backup.Dir, d.folderOrDefault),
			d.spanOrOff("every", &cfg.Backup.Every, time.Minute, 365*day),
			d.count("keep", &cfg.Backup.Keep, 1, 10_000),
		),
		d.alert(&cfg.Alert),
		d.sub("heartbeat", append(d.secret("url", &cfg.Heartbeat.URL, checkHeartbeat),
			d.spanOrOff("canary", &cfg.Heartbeat.Canary, time.Minute, 30*day))...),
		d.sub("defaults", append(d.settings(base), d.rules(base))...),
		{name: "account", keys: d.account(&Account{}), read: func(n *node, _ string) { *accounts = n }},
		{name: "rule", keys: new(ownRule).fields(d), read: func(*node, string) {}}, // read before all others
	}
}

// settings are the keys that [defaults] and [[account]] share, but for rules.
func (d *decoder) settings(a *Account) []field {
	expected := list(d, "expected_countries", (*[]sessionwarden.Country)(&a.Expected), parseCountry)
	return []field{
		word(d, "service", &a.Service, "mannco"),
		text(d, "base_url", &a.BaseURL, parseBase),
		text(d, "ca_file", &a.CAFile, d.caFile),
		text(d, "schedule", &a.Schedule, d.schedule),
		d.span("expired_every", &a.ExpiredEvery, time.Second, day),
		d.span("account_every", &a.AccountEvery, time.Second, day),
		d.span("timeout", &a.Timeout, 100*time.Millisecond, 5*time.Minute),
		{name: "expected_countries", read: func(n *node, where string) {
			if isEmptyList(n) {
				d.wrong(n, where+"expected_countries", wrong("name the countries, or leave the key away: then the rules that need it find nothing", "an empty list would mean that every country is unexpected"))
				return
			}
			expected.read(n, where)
		}},
		list(d, "trusted_networks", &a.Trusted, parsePrefix),
		d.count("max_disconnects", &a.MaxDisconnects, 0, 10_000),
		d.count("max_disconnects_strangers", &a.MaxDisconnectsStrangers, 0, 10_000),
		text(d, "balance_drop", &a.BalanceDrop, parseCents),
		d.count("balance_drop_percent", &a.BalanceDropPercent, 0, 100),
		d.span("takeover_within", &a.TakeoverWithin, time.Minute, 7*day),
		d.span("ask_timeout", &a.AskTimeout, time.Second, 30*day),
		word(d, "ask_default", &a.AskDefault, string(sessionwarden.KeepSession), string(sessionwarden.DisconnectSession)),
		d.flag("dry_run", &a.DryRun),
		d.spanOrOff("learning", &a.LearnFor, time.Hour, 365*day),
		d.count("learning_sessions", &a.LearnSessions, 1, 10_000),
		d.count("max_speed_kmh", &a.MaxSpeed, 100, 100_000),
		d.spanOrOff("dormant_after", &a.Dormant, day, 3650*day),
		d.spanOrOff("dormant_country_after", &a.DormantPlace, day, 3650*day),
		text(d, "usual_hours", &a.Hours, func(text string) (sessionwarden.DayHours, error) { return parseHours(text, a.Hours.Zone) }),
		text(d, "time_zone", &a.Hours.Zone, parseZone),
		d.spanOrOff("heightened_for", &a.Heightened, time.Minute, day),
	}
}

// rules is the table of rules and what to do on each.
func (d *decoder) rules(a *Account) field {
	var fields []field
	for _, info := range sessionwarden.Rules() {
		fields = append(fields, d.rule(info, a))
	}
	for i := range d.own {
		fields = append(fields, d.rule(sessionwarden.RuleInfo{Rule: d.own[i].Name, Judged: true}, a))
	}
	return d.sub("rules", fields...)
}

func hostName() string {
	name, err := os.Hostname()
	name = sessionwarden.Clean(name, 64)
	if err != nil || name == "" {
		return "sessionwarden"
	}
	return name
}

func parseInstance(text string) (string, error) {
	if text == "" || len(text) > 64 || sessionwarden.Clean(text, 64) != text {
		return "", wrong("write a name of 1 to 64 bytes, or leave the key away for the host name", "%q cannot be a name", shown(text))
	}
	return text, nil
}

func parseLevel(text string) (slog.Level, error) {
	levels := map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}
	if level, ok := levels[text]; ok {
		return level, nil
	}
	return 0, wrong(didYouMean(text, slices.SortedFunc(maps.Keys(levels), func(a, b string) int { return int(levels[a] - levels[b]) })), "%q is not a level", shown(text))
}

func parseSeverity(text string) (sessionwarden.Severity, error) {
	var s sessionwarden.Severity
	if s.UnmarshalText([]byte(text)) != nil {
		return 0, wrong(didYouMean(text, []string{"info", "warning", "critical"}), "%q is not a severity", shown(text))
	}
	return s, nil
}

// parseCents reads an amount of money, such as "50.00".
func parseCents(text string) (sessionwarden.Cents, error) {
	const cure = `write an amount such as "50.00", from "0" to "1000000000"`
	whole, rest, cents := strings.Cut(text, ".")
	if !isDigits(whole) || len(whole) > 10 || cents && (!isDigits(rest) || len(rest) != 2) {
		return 0, wrong(cure, "%q is not an amount of money", shown(text))
	}
	n, err := strconv.ParseInt(whole+cmp.Or(rest, "00"), 10, 64)
	if err != nil || n > 1_000_000_000_00 {
		return 0, wrong(cure, "%q is not a sensible amount", shown(text))
	}
	return sessionwarden.Cents(n), nil
}
