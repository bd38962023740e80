package main

import (
	"slices"
	"strings"
	"testing"
)

// TestOwnRuleEndsAnIntruder is the owner's own rule through the program: an
// intruder in the owner's own country, on whom no other rule would do more than
// take a note.
func TestOwnRuleEndsAnIntruder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rules = []string{`hosting_network = "off"`, `server = "disconnect"`}
	w.extra = `
[[rule]]
name = "server"
when = '''
location.hosting
  and location.country in account.expected
  and not in_network("192.0.2.0/24")
'''
severity = "critical"
why = "nobody of us sits in a data centre"
[[rule]]
name = "elsewhere"
when = 'session.device contains "iOS"'
accounts = ["second"]
`
	w.alsoWatch("second")
	owner := w.atHome()
	w.signIn(homeAddr2, iphone, 0)
	w.start()
	thief := w.signIn(hostingAddr, chrome, 0)
	w.eventually("the thief is proven gone", func() bool { return w.action("verified") != nil })
	w.polls(2)
	if got := w.ended("main"); !slices.Equal(got, []string{thief}) {
		t.Errorf("ended %v, want only %s (the owner is %s)", got, thief, owner)
	}
	if !w.found("server", thief) || w.found("elsewhere", "") {
		t.Errorf("found %v", w.rows("findings"))
	}
	w.eventually("people read which rule it was", func() bool {
		return slices.ContainsFunc(w.messages(), func(m string) bool {
			m = strings.Join(strings.Fields(m), " ")
			return strings.Contains(m, "Own rule server: nobody of us sits in a data centre (hosting is true, country is") &&
				strings.Contains(m, `server = "off"`) && strings.Contains(m, "verified gone")
		})
	})
}

// TestCheckShowsMistakesInOwnRules: with the line of the file, the place in the
// expression, and what to write instead.
func TestCheckShowsMistakesInOwnRules(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.extra = `[[rule]]
name = "misspelt"
when = 'time.hour < 6 and location.contry != "DE"'
[[rule]]
name = "over_lines"
when = '''
time.hour < 6
  and session.age > "5"
'''
[[rule]]
name = "no_country"
when = "location.country == \"Germany\""
`
	w.write()
	_, errs, status := w.cli("check", "--offline")
	if status != 2 {
		t.Errorf("status %d, want 2", status)
	}
	for _, want := range []string{
		`config.toml:22:36: rule "misspelt": when: there is no value "location.contry"
    time.hour < 6 and location.contry != "DE"
                               ^
    did you mean location.country?`,
		`config.toml:27:19: rule "over_lines": when: a number and a text do not go together with >
      and session.age > "5"
                      ^
    docs/rules.md shows`,
		`config.toml:31:29: rule "no_country": when: "Germany" is not a country code
    location.country == "Germany"
                        ^
    write "DE" for Germany`,
	} {
		if !strings.Contains(errs, want) {
			t.Errorf("there is no %q in\n%s", want, errs)
		}
	}
}

// TestReloadRefusesAMistakenOwnRule: the configuration before it stays in use.
func TestReloadRefusesAMistakenOwnRule(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.extra = "[[rule]]\nname = \"mine\"\nwhen = \"location.hosting\"\nthen = \"log\"\n"
		b.start()
		b.pass(polled)
		b.extra = "[[rule]]\nname = \"mine\"\nwhen = \"location.hostin\"\n"
		b.reload()
		b.pass(polled)
		if !b.told(`when: there is no value "location`) {
			t.Errorf("told %q", b.messages())
		}
		id := b.signIn(hostingAddr, chrome)
		b.pass(2 * polled)
		if !b.found("mine", id) {
			t.Error("the rule before the mistake is not in use any more")
		}
	})
}
