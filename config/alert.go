package config

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2/unstable"

	"sessionwarden"
)

// routing reads the keys that choose what a channel is told. Where a key is not
// there, what [alert] says counts, wherever that stands in the file.
type routing struct {
	into     *Routing
	severity *sessionwarden.Severity
	zone     *time.Location
	accounts *node  // the key, to tell of names that are not there
	where    string // of the channel, in mistakes
	name     string // of the channel
}

// routing returns the keys of one channel that choose what it is told.
func (d *decoder) routing(into *Routing) (*routing, []field) {
	r := &routing{into: into}
	accounts := list(d, "accounts", &into.Accounts, func(text string) (string, error) { return text, checkName(text) })
	topics := list(d, "kinds", &into.Topics, parseTopic)
	notEmpty := func(f field, note func(*node)) field {
		return field{name: f.name, read: func(n *node, where string) {
			if isEmptyList(n) {
				d.wrong(n, where+f.name, wrong("name them, or leave the key away for all", "an empty list would mean that nothing is told here"))
				return
			}
			note(n)
			f.read(n, where)
		}}
	}
	return r, []field{
		text(d, "min_severity", &r.severity, func(text string) (*sessionwarden.Severity, error) {
			s, err := parseSeverity(text)
			return &s, err
		}),
		notEmpty(accounts, func(n *node) { r.accounts = n }),
		notEmpty(topics, func(*node) {}),
		text(d, "quiet_hours", &into.Quiet, func(text string) (sessionwarden.DayHours, error) { return parseHours(text, nil) }),
		text(d, "time_zone", &r.zone, parseZone),
	}
}

// complete fills in what [alert] says.
func (r *routing) complete(a *Alert) {
	r.into.MinSeverity, r.into.Zone = a.MinSeverity, a.Zone
	if r.severity != nil {
		r.into.MinSeverity = *r.severity
	}
	if r.zone != nil {
		r.into.Zone = r.zone
	}
	if r.into.Quiet.From != r.into.Quiet.To {
		r.into.Quiet.Zone = r.into.Zone
	}
}

func parseTopic(text string) (t sessionwarden.Topic, err error) {
	if t.UnmarshalText([]byte(text)) != nil {
		var words []string
		for _, t := range sessionwarden.Topics() {
			words = append(words, string(t))
		}
		return "", wrong(didYouMean(text, words), "%q is no kind of alert", shown(text))
	}
	return t, nil
}

// alert is [alert] with all that is below it.
func (d *decoder) alert(a *Alert) field {
	var channels []*Channel
	fields := []field{
		text(d, "min_severity", &a.MinSeverity, parseSeverity),
		text(d, "time_zone", &a.Zone, func(text string) (*time.Location, error) {
			zone, err := parseZone(text)
			if err == nil && zone == nil {
				zone = time.UTC
			}
			return zone, err
		}),
		d.slack(&a.Slack),
		d.channels(&channels),
		d.sub("escalation",
			d.spanOrOff("after", &a.Escalation.After, time.Minute, day),
			list(d, "channels", &a.Escalation.Channels, func(text string) (string, error) { return text, checkName(text) }),
		),
		d.sub("digest",
			word(d, "every", &a.Digest.Every, DigestOff, DigestDaily, DigestWeekly),
			text(d, "at", &a.Digest.At, parseTime),
			text(d, "weekday", &a.Digest.Weekday, parseWeekday),
		),
	}
	return field{name: "alert", keys: fields, read: func(n *node, where string) {
		if !d.isTable(n, where+"alert", "[alert]") {
			return
		}
		d.table(n, where+"alert.", fields)
		d.byUTC = n.get("time_zone") == nil
		for _, r := range d.routes {
			r.complete(a)
		}
		for _, c := range channels {
			a.Channels = append(a.Channels, *c)
		}
		if e := n.get("escalation"); e != nil && e.isTable() {
			d.escalating = e.get("channels")
		}
	}}
}

// parseTime reads a time of the day such as "08:00".
func parseTime(text string) (time.Duration, error) {
	at, err := time.Parse("15:04", text)
	if err != nil || len(text) != len("08:00") {
		return 0, wrong(`write hours and minutes, such as "08:00"`, "%q is no time of the day", shown(text))
	}
	return time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute, nil
}

func parseWeekday(text string) (time.Weekday, error) {
	var words []string
	for day := range time.Weekday(7) {
		words = append(words, strings.ToLower(day.String()))
	}
	if i := slices.Index(words, text); i >= 0 {
		return time.Weekday(i), nil
	}
	return 0, wrong(didYouMean(text, words), "%q is no day of the week", shown(text))
}

// maxChannels is how many [[alert.channel]] there may be.
const maxChannels = 50

// channels are the [[alert.channel]].
func (d *decoder) channels(into *[]*Channel) field {
	_, keys := d.channel(&Channel{})
	return field{name: "channel", keys: keys, read: func(n *node, _ string) {
		if n.kind != unstable.Array || !n.header && len(n.list) == 0 {
			d.wrong(n, "alert.channel", wrong("write [[alert.channel]] with two brackets", "this is %s, but there can be several channels", kindName(n)))
			return
		}
		names := make(map[string]*node)
		for i, t := range n.list {
			where := fmt.Sprintf("channel #%d: ", i+1)
			if i == maxChannels {
				d.wrong(t, "alert.channel", wrong("leave some of them out", "there are more than %d channels", maxChannels))
				return
			}
			if !d.isTable(t, where[:len(where)-2], "[[alert.channel]]") {
				continue
			}
			if name := t.get("name"); name != nil && name.kind == unstable.String {
				if _, err := parseChannelName(name.text); err == nil {
					where = fmt.Sprintf("channel %q: ", name.text)
				}
				if first := names[name.text]; first != nil {
					d.wrong(name, where+"name", wrong("give each channel a name of its own", "there is a channel of this name on line %d already", first.line))
				} else {
					names[name.text] = name
				}
			}
			c := &Channel{}
			r, fields := d.channel(c)
			r.where = where
			d.table(t, where, fields)
			r.name = c.Name
			d.wholeChannel(t, fields, where, c)
			d.routes = append(d.routes, r)
			*into = append(*into, c)
		}
	}}
}

// channel is the schema of one [[alert.channel]].
func (d *decoder) channel(c *Channel) (*routing, []field) {
	r, routing := d.routing(&c.Routing)
	return r, slices.Concat(
		[]field{text(d, "name", &c.Name, parseChannelName)},
		d.secret("url", &c.URL, checkChannelURL),
		d.secret("webhook_url", &c.WebhookURL, checkJSONHook),
		d.secret("webhook_secret", &c.WebhookSecret, nil),
		routing,
	)
}

// wholeChannel checks what the keys of one [[alert.channel]] are together.
func (d *decoder) wholeChannel(n *node, fields []field, where string, c *Channel) {
	where = strings.TrimSuffix(where, ": ")
	if n.get("name") == nil && !misspelt(n, fields, "name") {
		d.missing(n, where, "this channel has no name", `add name = "phone", or whatever you call it`)
	}
	switch {
	case c.URL.Set() && c.WebhookURL.Set():
		d.wrong(n, where, wrong("make it two channels", "url… and webhook_url… are both given"))
	case !c.URL.Set() && !c.WebhookURL.Set() && !misspelt(n, fields, "url") && !misspelt(n, fields, "webhook_url"):
		d.missing(n, where, "there is neither a url nor a webhook_url", `add url_file = "FILE" with an address such as ntfy://ntfy.sh/TOPIC, or webhook_url_file = "FILE"`)
	case c.WebhookSecret.Set() && !c.WebhookURL.Set():
		d.missing(n, where, "webhook_secret goes with webhook_url only", "add webhook_url_file, or take webhook_secret… away")
	}
}

// parseChannelName checks the name of a channel: it stands in commands, metrics
// and records. "slack" is that of [alert.slack].
func parseChannelName(text string) (string, error) {
	if text == "slack" {
		return "", wrong("call it something else", "%q is the name of [alert.slack]", text)
	}
	return text, checkName(text)
}

// channelSchemes are the services that [[alert.channel]] url may name.
var channelSchemes = []string{"discord", "gotify", "matrix", "ntfy", "pushover", "smtp", "teams", "telegram"}

// checkChannelURL checks the address of a channel without showing any of it.
func checkChannelURL(value string) error {
	scheme, rest, ok := strings.Cut(value, "://")
	switch {
	case !ok || rest == "":
		return wrong("it begins with one of "+oneOf(channelSchemes)+" and ://", "what is given there is not the address of a channel")
	case scheme == "http" || scheme == "https":
		return wrong(webAddressCure(rest), "what is given there is a web address")
	case scheme == "slack":
		return wrong("use [alert.slack]", "Slack has a section of its own")
	case !slices.Contains(channelSchemes, scheme):
		if meant := closest(scheme, channelSchemes); meant != "" {
			return wrong("did you mean "+meant+"://?", "there is no such service")
		}
		return wrong("it begins with one of "+oneOf(channelSchemes)+" and ://", "there is no such service")
	}
	if _, err := url.Parse(value); err != nil {
		return wrong("copy it again, and write special characters as %XX", "what is given there cannot be read as an address")
	}
	return nil
}

// webHosts are services that people copy a web address of, and what to write
// instead.
var webHosts = map[string]string{
	"discord.com":      "turn it round: discord://TOKEN@ID",
	"discordapp.com":   "turn it round: discord://TOKEN@ID",
	"hooks.slack.com":  "it goes into webhook_url of [alert.slack]",
	"ntfy.sh":          "write ntfy://ntfy.sh/TOPIC",
	"api.telegram.org": "write telegram://TOKEN@telegram?chats=CHAT",
	"api.pushover.net": "write pushover://:TOKEN@USER",
}

// webAddressCure says what to write instead of a web address without its scheme.
func webAddressCure(rest string) string {
	host, _, _ := strings.Cut(rest, "/")
	if cure := webHosts[strings.ToLower(host)]; cure != "" {
		return cure + "; see docs/channels.md"
	}
	return "an address that takes JSON goes into webhook_url; the others begin with one of " + oneOf(channelSchemes) + " and ://"
}

// checkJSONHook and checkHeartbeat check an address without showing any of it.
func checkJSONHook(value string) error {
	if _, err := parseSource(value); err != nil {
		return wrong("write an address that begins with https://", "what is given there is not an address that takes messages")
	}
	if _, rest, _ := strings.Cut(value, "://"); rest != "" {
		host, _, _ := strings.Cut(rest, "/")
		if cure := webHosts[strings.ToLower(host)]; cure != "" {
			return wrong(cure+"; see docs/channels.md", "that service wants messages of its own, not JSON of ours")
		}
	}
	return nil
}

func checkHeartbeat(value string) error {
	if _, err := parseSource(value); err != nil {
		return wrong("copy it from the service that waits for the heartbeat; it begins with https://", "what is given there is not an address")
	}
	return nil
}

// checkNames tells of accounts and channels that are named and not there.
func (d *decoder) checkNames(cfg *Config) {
	if d.broken {
		return
	}
	var accounts, channels []string
	for _, a := range cfg.Accounts {
		accounts = append(accounts, a.Name)
	}
	for _, r := range d.routes {
		d.known(r.accounts, r.where+"accounts", "account", "[[account]]", accounts)
	}
	if cfg.Alert.Slack != nil {
		channels = append(channels, "slack")
	}
	for _, c := range cfg.Alert.Channels {
		channels = append(channels, c.Name)
	}
	d.known(d.escalating, "alert.escalation.channels", "channel", "[[alert.channel]], or slack,", channels)
	d.untold(cfg.Alert, accounts)
}

// known tells of names in a list that are not among names. n may be nil.
func (d *decoder) known(n *node, key, what, where string, names []string) {
	if n == nil {
		return
	}
	for _, e := range n.list {
		if e.kind != unstable.String || checkName(e.text) != nil || slices.Contains(names, e.text) {
			continue
		}
		cure := "write the name of an " + where + " in this file"
		if meant := closest(e.text, names); meant != "" {
			cure = fmt.Sprintf("did you mean %q?", meant)
		}
		d.wrong(e, key, wrong(cure, "there is no %s %q", what, shown(e.text)))
	}
}
