package main

import (
	"fmt"
	"strings"

	"sessionwarden"
	"sessionwarden/policy/lives"
)

// missed says what was not found.
func (r results) missed() string {
	var b strings.Builder
	b.WriteString("## What is missed, and why\n\n")
	for _, s := range r.under {
		for _, sc := range lives.Scores(s.answers) {
			if len(sc.MissedName) > 0 {
				fmt.Fprintf(&b, "- `%s` (%s) did not find: %s.\n", sc.Rule, s.name, strings.Join(sc.MissedName, ", "))
			}
		}
		var late []string
		for i := range s.alone {
			if p := &s.alone[i]; p.Life.Attack && !p.InTime() {
				late = append(late, p.Life.Name)
			}
		}
		if len(late) > 0 {
			fmt.Fprintf(&b, "- People were told only once something had been changed (%s): %s. Nothing but notes spoke against the thief until then, or it was over between two polls.\n", s.name, strings.Join(late, ", "))
		}
		var facts []string
		for i := range s.alone {
			if p := &s.alone[i]; p.Life.Attack && onlyFacts(p) {
				facts = append(facts, p.Life.Name)
			}
		}
		if len(facts) > 0 {
			fmt.Fprintf(&b, "- Nothing but the account's own facts told (%s): %s.\n", s.name, strings.Join(facts, ", "))
		}
	}
	b.WriteString(closing)
	return b.String()
}

const closing = `
A thief who uses the owner's own network on a copy of his device is the owner, for all
that a list of sessions shows. A thief who was there before the watch, or who keeps still
for a day with nothing but notes against him, becomes known to the profile; what he
changes is seen all the same. Where the owner himself has just come to a place that was
told of as new, his use there vouches for nobody's whereabouts, so that no journey from
there is found impossible.

An owner with a network that tells no place, or with one network that leaves in several
countries, is disturbed until he says ` + "`trust add --asn`" + `; one who travels from country to
country is, in each, until he says ` + "`trust add --country`" + `. The question or the alert says how. A
trust that ends teaches the profile nothing, so that the place is new again when it is
over: who goes there every week (commuter) trusts it for longer.
These lives are made up. They hold what is known to mislead such a watch, and no
measure of how often each of it happens.
`

// onlyFacts reports whether no rule found the thief's sessions themselves.
func onlyFacts(p *lives.Played) bool {
	for _, f := range p.Found {
		if f.Thief && f.Seq != 0 && f.Rule != sessionwarden.Takeover {
			return false
		}
	}
	return true
}
