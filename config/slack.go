package config

import (
	"slices"
	"strings"

	"sessionwarden"
)

// slack is [alert.slack]: a webhook, or a bot token and a channel.
func (d *decoder) slack(into **Slack) field {
	s := Slack{APIURL: defaultSlackAPI}
	r, routing := d.routing(&s.Routing)
	r.where = "alert.slack."
	fields := slices.Concat(
		d.secret("webhook_url", &s.WebhookURL, checkWebhook),
		d.secret("bot_token", &s.BotToken, checkToken("xoxb-", "bot_token")),
		d.secret("app_token", &s.AppToken, checkToken("xapp-", "app_token")),
		[]field{
			text(d, "channel", &s.Channel, parseChannel),
			text(d, "api_url", &s.APIURL, func(text string) (string, error) {
				base, err := parseBase(text)
				return base + "/", err
			}),
			list(d, "people", &s.People, parsePerson),
		},
		routing,
	)
	return field{name: "slack", keys: fields, read: func(n *node, where string) {
		where += "slack"
		if !d.isTable(n, where, "[alert.slack]") {
			return
		}
		d.table(n, where+".", fields)
		if !misspelt(n, fields, "") {
			d.wholeSlack(n, where, s)
		}
		r.name = "slack"
		d.routes = append(d.routes, r)
		*into = &s
	}}
}

// wholeSlack checks what the keys of [alert.slack] are together.
func (d *decoder) wholeSlack(n *node, where string, s Slack) {
	switch {
	case s.WebhookURL.Set() && s.BotToken.Set():
		d.wrong(n, where, wrong("keep webhook_url… or bot_token…", "a webhook and a bot token are both given, so everything would be told twice"))
	case s.WebhookURL.Set() && s.AppToken.Set() || !s.BotToken.Set() && s.AppToken.Set():
		d.missing(n, where, "an app token goes with a bot token only", `add bot_token_file and channel, or take app_token… away`)
	case !s.WebhookURL.Set() && !s.BotToken.Set():
		d.missing(n, where, "there is neither a webhook nor a bot token", `add webhook_url_file = "FILE", or bot_token_file = "FILE" and channel = "#security"; or take [alert.slack] away`)
	case s.BotToken.Set() && s.Channel == "" && n.get("channel") == nil:
		d.missing(n, where, "a bot token needs a channel", `add channel = "#security"`)
	}
	if s.WebhookURL.Set() && s.Channel != "" {
		d.notice("%s.channel has no effect with a webhook, which belongs to one channel", where)
	}
	if s.WebhookURL.Set() && s.APIURL != defaultSlackAPI {
		d.notice("%s.api_url has no effect with a webhook, which is an address of its own", where)
	}
	switch {
	case s.AppToken.Set() && s.BotToken.Set() && len(s.People) == 0 && n.get("people") == nil:
		d.missing(n, where, "nobody may press the buttons", `add people = ["U0123456789"], the member ids of those who may (in Slack: profile, ⋮, Copy member ID); or take app_token… away`)
	case !s.AppToken.Set() && len(s.People) > 0:
		d.notice("%s.people has no effect without an app token: there are no buttons then", where)
	}
}

// parsePerson checks the id of a person in Slack.
func parsePerson(text string) (string, error) {
	const cure = `write the member id, such as "U0123456789" (in Slack: profile, ⋮, Copy member ID)`
	if len(text) < 3 || len(text) > 32 || text[0] != 'U' && text[0] != 'W' || strings.Trim(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") != "" {
		return "", wrong(cure, "%q is not the id of a person", shown(text))
	}
	return text, nil
}

// parseChannel checks the name or id of a Slack channel.
func parseChannel(text string) (string, error) {
	const cure = `write its name, such as "#security", or its id, such as "C0123456789"`
	switch {
	case strings.HasPrefix(text, "xox") || strings.HasPrefix(text, "xapp") || strings.Contains(text, "://"):
		return "", wrong(cure, "this is a token or a web address, not a channel")
	case text == "" || text == "#" || len(text) > 82 || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r == 0x7f }) || sessionwarden.Clean(text, 82) != text:
		return "", wrong(cure, "%q is not a channel", shown(text))
	}
	return text, nil
}

// checkWebhook checks the value of a webhook without showing any of it.
func checkWebhook(value string) error {
	if _, err := parseBase(value); err != nil {
		return wrong("a webhook looks like https://hooks.slack.com/services/…", "what is given there is not the address of a webhook")
	}
	return nil
}

// checkToken finds tokens that were swapped, without showing any of them.
func checkToken(prefix, name string) func(string) error {
	return func(value string) error {
		for other, is := range map[string]string{"xoxb-": "a bot token", "xapp-": "an app-level token", "xoxp-": "a user token", "http": "a web address"} {
			if other != prefix && strings.HasPrefix(value, other) {
				return wrong("give a token that starts with "+prefix+" to "+name, "what is given there is %s", is)
			}
		}
		return nil
	}
}
