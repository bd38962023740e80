package config

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"

	"sessionwarden"
)

// accounts reads every [[account]], each over a copy of the defaults.
func (d *decoder) accounts(cfg *Config, base Account, n *node) {
	if n == nil {
		if misspelt(d.doc.root, []field{{name: "account"}}, "account") {
			return
		}
		d.missing(&node{line: len(d.doc.starts)}, "account", "there is no account, so there is nothing to watch",
			"add [[account]] with name = \"main\" and api_key_file = \"FILE\"")
		return
	}
	if n.kind != unstable.Array || !n.header && len(n.list) == 0 {
		d.wrong(n, "account", wrong("write [[account]] with two brackets", "this is %s, but there can be several accounts", kindName(n)))
		return
	}
	names := make(map[string]*node)
	var unexpecting []string
	for i, t := range n.list {
		where := fmt.Sprintf("account #%d: ", i+1)
		if !d.isTable(t, where[:len(where)-2], "[[account]]") {
			continue
		}
		name := t.get("name")
		if name != nil && name.kind == unstable.String && checkName(name.text) == nil {
			where = fmt.Sprintf("account %q: ", name.text)
			if first := names[name.text]; first != nil {
				d.wrong(name, where+"name", wrong("give each account a name of its own", "there is an account of this name on line %d already", first.line))
			} else {
				names[name.text] = name
			}
		}
		a := d.oneAccount(base, t, where)
		cfg.Accounts = append(cfg.Accounts, a)
		if a.Expected == nil && a.Response(sessionwarden.UnexpectedCountry) != sessionwarden.Off {
			unexpecting = append(unexpecting, fmt.Sprintf("%q", a.Name))
		}
	}
	d.checkRuleAccounts(cfg.Accounts)
	d.noticeUnexpecting(unexpecting)
}

// noticeUnexpecting says for which accounts nobody wrote expected_countries.
func (d *decoder) noticeUnexpecting(names []string) {
	if len(names) > 0 {
		d.notice("expected_countries is not set for account %s, so unexpected_country finds nothing there", some(names))
	}
}

// some joins the first few names, and says how many more there are.
func some(names []string) string {
	const most = 5
	if more := len(names) - most; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), more)
	}
	return strings.Join(names, ", ")
}

func (d *decoder) oneAccount(base Account, n *node, where string) Account {
	a := base
	a.Rules = maps.Clone(base.Rules)
	a.Expected = slices.Clone(base.Expected)
	a.Trusted = slices.Clone(base.Trusted)
	fields := d.account(&a)
	d.table(n, where, fields)
	d.giveRules(&a, n, where)
	if n.get("name") == nil && !misspelt(n, fields, "name") {
		d.missing(n, strings.TrimSuffix(where, ": "), "this account has no name", `add name = "main", or whatever you call it`)
	}
	if a.Hours.From != a.Hours.To && a.Hours.Zone == nil && !misspelt(n, fields, "time_zone") {
		d.missing(n, strings.TrimSuffix(where, ": "), "usual_hours says nothing without a time zone", `add time_zone = "Europe/Berlin", or wherever you are`)
	}
	if !a.Key.Set() && !misspelt(n, fields, "api_key") {
		d.missing(n, strings.TrimSuffix(where, ": "), "this account has no API key", `add api_key_file = "FILE", a file that holds the key and nothing else`)
	}
	return a
}

// account is the schema of one [[account]].
func (d *decoder) account(a *Account) []field {
	return slices.Concat(
		[]field{text(d, "name", &a.Name, func(text string) (string, error) { return text, checkName(text) })},
		d.secret("api_key", &a.Key, nil),
		d.settings(a),
		[]field{d.rules(a)},
	)
}

// checkName says whether text can be the name of an account: it is part of
// file names, commands and messages.
func checkName(text string) error {
	const cure = "write 1 to 64 of the letters a to z and A to Z, digits, -, _ and ."
	if text == "" || len(text) > 64 {
		return wrong(cure, "a name of %d bytes cannot be used", len(text))
	}
	for _, r := range text {
		if !strings.ContainsRune("-_.", r) && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') {
			return wrong(cure, "%q cannot stand in a name", r)
		}
	}
	return nil
}

// rule is one line of [defaults.rules] or [account.rules].
func (d *decoder) rule(info sessionwarden.RuleInfo, a *Account) field {
	name := string(info.Rule)
	return field{name: name, read: func(n *node, where string) {
		d.response(n, where+name, func(response sessionwarden.Response) {
			a.Rules[info.Rule] = response
			if !info.Judged {
				d.notice("%s%s is accepted, but this version does not judge by that rule yet", where, name)
			}
		})
	}}
}

// response reads what is to be done and hands it on.
func (d *decoder) response(n *node, key string, use func(sessionwarden.Response)) {
	if n.kind != unstable.String {
		cure := "write one of " + oneOf(sessionwarden.ResponseNames()) + " in quotation marks"
		if n.kind == unstable.Bool && n.text == "false" {
			cure = `write "off"`
		}
		d.wrong(n, key, wrong(cure, "this is %s, but it has to be a response", kindName(n)))
		return
	}
	var response sessionwarden.Response
	if response.UnmarshalText([]byte(n.text)) != nil {
		d.wrong(n, key, wrong(didYouMean(n.text, sessionwarden.ResponseNames()), "%q is not a response", shown(n.text)))
		return
	}
	use(response)
}

func isEmptyList(n *node) bool { return n.kind == unstable.Array && !n.header && len(n.list) == 0 }

// parseCountry reads a country code, and guesses what else was meant.
func parseCountry(text string) (sessionwarden.Country, error) {
	c, err := sessionwarden.ParseCountry(text)
	var bad *sessionwarden.CountryError
	if !errors.As(err, &bad) {
		return c, err
	}
	cure := `write the two capital letters of ISO 3166-1, such as "DE"`
	meant := bad.Meant
	if meant == "" {
		meant = countryLike(text)
	}
	if meant != "" {
		cure = fmt.Sprintf("write %q for %s", string(meant), meant.Name())
	}
	return "", wrong(cure, "%q is not a country code", shown(text))
}

// countryLike returns the country whose name text was probably meant to be.
func countryLike(text string) sessionwarden.Country {
	if len(text) < 4 {
		return ""
	}
	byName := make(map[string]sessionwarden.Country)
	var names []string
	for _, c := range sessionwarden.Countries() {
		byName[c.Name()] = c
		names = append(names, c.Name())
	}
	return byName[closest(text, names)]
}

// schedule asks the injected check.
func (d *decoder) schedule(text string) (string, error) {
	if text == "" || len(text) > 256 {
		return "", wrong(`write "@every 30s" or five cron fields such as "*/5 * * * *"`, "%q is not a schedule", shown(text))
	}
	if d.opts.CheckSchedule != nil {
		if err := d.opts.CheckSchedule(text); err != nil {
			return "", wrong(`"@every 30s" is the default; five cron fields such as "*/5 * * * *" are understood too`, "%s", sessionwarden.Clean(err.Error(), 300))
		}
	}
	return text, nil
}
