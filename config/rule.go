package config

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2/unstable"

	"sessionwarden"
)

// RuleMistake is what is wrong with the expression of an own rule.
type RuleMistake struct {
	Offset  int // where in the expression, in bytes
	Problem string
	Cure    string
}

// ownRule is one [[rule]].
type ownRule struct {
	sessionwarden.OwnRule
	then     sessionwarden.Response
	accounts []string // nil: every account
	named    *node    // the key accounts
}

// appliesTo reports whether the rule is for the account.
func (r *ownRule) appliesTo(account string) bool {
	return r.named == nil || slices.Contains(r.accounts, account)
}

// fields is the schema of one [[rule]].
func (r *ownRule) fields(d *decoder) []field {
	accounts := list(d, "accounts", &r.accounts, func(text string) (string, error) { return text, checkName(text) })
	return []field{
		text(d, "name", &r.Name, parseRuleName),
		{name: "when", read: func(n *node, where string) { d.when(n, where+"when", &r.When) }},
		text(d, "severity", &r.Severity, parseSeverity),
		{name: "then", read: func(n *node, where string) {
			d.response(n, where+"then", func(to sessionwarden.Response) { r.then = to })
		}},
		text(d, "why", &r.Why, parseWhy),
		{name: "accounts", read: func(n *node, where string) {
			if isEmptyList(n) {
				d.wrong(n, where+"accounts", wrong("name the accounts, or leave the key away for all of them", "an empty list would mean that the rule is for nobody"))
				return
			}
			r.named = n
			accounts.read(n, where)
		}},
	}
}

// ownRules reads every [[rule]]. They come first: [defaults.rules] and
// [account.rules] may name them, wherever they stand.
func (d *decoder) ownRules() {
	n := d.doc.root.get("rule")
	switch {
	case n == nil:
		return
	case n.kind != unstable.Array || !n.header && len(n.list) == 0:
		d.wrong(n, "rule", wrong("write [[rule]] with two brackets", "this is %s, but there can be several rules", kindName(n)))
		return
	}
	names := make(map[sessionwarden.Rule]*node)
	for i, t := range n.list {
		where := fmt.Sprintf("rule #%d: ", i+1)
		if i == sessionwarden.MaxOwnRules {
			d.wrong(t, "rule", wrong("leave some of them out", "there are more than %d rules of your own", sessionwarden.MaxOwnRules))
			return
		}
		if !d.isTable(t, where[:len(where)-2], "[[rule]]") {
			continue
		}
		name := t.get("name")
		if name != nil && name.kind == unstable.String && sessionwarden.Rule(name.text).Own() {
			where = fmt.Sprintf("rule %q: ", name.text)
		}
		r := ownRule{OwnRule: sessionwarden.OwnRule{Severity: sessionwarden.Warning}, then: sessionwarden.Notify}
		fields := r.fields(d)
		d.table(t, where, fields)
		d.wholeRule(t, fields, where)
		if r.Name == "" {
			continue
		}
		if first := names[r.Name]; first != nil {
			d.wrong(name, where+"name", wrong("give each rule a name of its own", "there is a rule of this name on line %d already", first.line))
			continue
		}
		names[r.Name] = name
		d.own = append(d.own, r)
	}
}

// wholeRule tells of what a [[rule]] lacks.
func (d *decoder) wholeRule(n *node, fields []field, where string) {
	where = strings.TrimSuffix(where, ": ")
	if n.get("name") == nil && !misspelt(n, fields, "name") {
		d.missing(n, where, "this rule has no name", `add name = "night_login", or whatever you call it`)
	}
	if n.get("when") == nil && !misspelt(n, fields, "when") {
		d.missing(n, where, "this rule does not say when", `add when = 'location.country != "DE"', or whatever it is to look for`)
	}
}

func parseRuleName(text string) (sessionwarden.Rule, error) {
	rule := sessionwarden.Rule(text)
	if rule.Own() {
		return rule, nil
	}
	if _, ok := sessionwarden.RuleByName(text); ok {
		return "", wrong(fmt.Sprintf("call yours something else, such as %q", "my_"+text[:min(len(text), 29)]), "there is a rule of this name in the program")
	}
	return "", wrong("write a lower-case letter, then lower-case letters, digits and _, 32 at most", "%q cannot be the name of a rule", shown(text))
}

func parseWhy(text string) (string, error) {
	const most = 200
	if len(text) > most || sessionwarden.Clean(text, most) != text {
		return "", wrong(fmt.Sprintf("write one plain line of at most %d bytes", most), "this is too long, or holds more than one line or what cannot be shown")
	}
	return text, nil
}

// when asks the injected check about an expression.
func (d *decoder) when(n *node, key string, into *string) {
	if n.kind != unstable.String {
		d.wrong(n, key, notText(n, nil))
		return
	}
	*into = n.text
	if d.opts.CheckRule == nil {
		return
	}
	wrong := d.opts.CheckRule(n.text)
	if wrong == nil {
		return
	}
	m := &Mistake{Line: n.line, Column: n.column, Key: key, Problem: sessionwarden.Clean(wrong.Problem, 300), Cure: sessionwarden.Clean(wrong.Cure, 400)}
	m.Line, m.Column = d.doc.inside(n, wrong.Offset)
	m.Excerpt = pointedAt(n.text, wrong.Offset)
	d.errs.add(m)
}

// inside returns where the byte at offset of a text stands in the file: where the
// text is written as it is, without escapes, up to there; else where it starts.
func (doc *document) inside(n *node, offset int) (line, column int) {
	if n.line < 1 || n.line > len(doc.starts) || offset < 0 || offset > len(n.text) {
		return n.line, n.column
	}
	start := doc.starts[n.line-1] + n.column - 1
	raw := doc.data[min(start, len(doc.data)):]
	quotes := 1
	for _, three := range []string{`'''`, `"""`} {
		if bytes.HasPrefix(raw, []byte(three)) {
			quotes = 3
			if rest, ok := bytes.CutPrefix(raw[3:], []byte("\r")); bytes.HasPrefix(rest, []byte("\n")) {
				quotes = 4
				if ok {
					quotes = 5
				}
			}
		}
	}
	if len(raw) < quotes || !bytes.HasPrefix(raw[quotes:], []byte(n.text[:offset])) {
		return n.line, n.column
	}
	return doc.position(start + quotes + offset)
}

// pointedAt is the line of a text that offset is in, with a mark below it; of a
// long line only what stands around.
func pointedAt(text string, offset int) string {
	const around = 40
	offset = min(max(offset, 0), len(text))
	before, after := text[:offset], text[offset:]
	before = before[strings.LastIndexByte(before, '\n')+1:]
	after, _, _ = strings.Cut(after, "\n")
	left, right := []rune(before), []rune(after)
	if len(left) > around {
		left = append([]rune("…"), left[len(left)-around:]...)
	}
	if len(right) > around {
		right = append(right[:around:around], '…')
	}
	// Character by character, so that the mark stays where it belongs.
	plain := func(runes []rune) string {
		var b strings.Builder
		for _, r := range runes {
			if c := string(r); r == ' ' || r == '…' || sessionwarden.Clean(c, utf8.UTFMax) == c {
				b.WriteString(c)
			} else {
				b.WriteByte(' ')
			}
		}
		return b.String()
	}
	return strings.TrimRight(plain(left)+plain(right), " ") + "\n" + strings.Repeat(" ", len(left)) + "^"
}

// giveRules gives an account the own rules that are for it. n is its block.
func (d *decoder) giveRules(a *Account, n *node, where string) {
	given := n.get("rules")
	a.Own = nil
	for i := range d.own {
		r := &d.own[i]
		if r.appliesTo(a.Name) {
			a.Own = append(a.Own, r.OwnRule)
			continue
		}
		delete(a.Rules, r.Name)
		if given != nil && given.isTable() && given.get(string(r.Name)) != nil {
			at := given.get(string(r.Name))
			d.wrong(at, where+"rules."+string(r.Name), wrong(fmt.Sprintf("add %q to its accounts, or take this line away", a.Name), "that rule is not for this account"))
		}
	}
}

// checkRuleAccounts tells of accounts that a rule names and that are not there.
func (d *decoder) checkRuleAccounts(accounts []Account) {
	if d.broken {
		return
	}
	var names []string
	for _, a := range accounts {
		names = append(names, a.Name)
	}
	for i := range d.own {
		r := &d.own[i]
		for _, name := range r.accounts {
			if slices.Contains(names, name) {
				continue
			}
			at := r.named
			for _, e := range r.named.list {
				if e.text == name {
					at = e
				}
			}
			cure := "write the name of an [[account]] in this file"
			if meant := closest(name, names); meant != "" {
				cure = fmt.Sprintf("did you mean %q?", meant)
			}
			d.wrong(at, fmt.Sprintf("rule %q: accounts", string(r.Name)), wrong(cure, "there is no account %q", shown(name)))
		}
	}
}
