package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"sessionwarden"
	"sessionwarden/policy/lives"
)

// page is docs/detection.md.
func (r results) page() string {
	var b strings.Builder
	attacks, innocent, months := 0, 0, 0.0
	for _, l := range r.all {
		if l.Attack {
			attacks++
		} else {
			innocent++
			months += l.Months()
		}
	}
	fmt.Fprintf(&b, opening, len(r.all), attacks, innocent, months)
	b.WriteString("| | " + r.under[0].name + " | " + r.under[1].name + " |\n|---|---|---|\n")
	for _, line := range []struct {
		what string
		of   func(setting) string
	}{
		{"attacks found by two rules or more", func(s setting) string { return s.attacks(func(p *lives.Played) bool { return len(p.Rules()) > 1 }) }},
		{"by two signs or more that rest on different things", func(s setting) string { return s.attacks(func(p *lives.Played) bool { return p.Signs() > 1 }) }},
		{"attacks that people were told of", func(s setting) string {
			return s.attacks(func(p *lives.Played) bool { _, ok := p.First(sessionwarden.Notify); return ok })
		}},
		{"of these before anything was changed", func(s setting) string { return s.attacks((*lives.Played).InTime) }},
		{"thieves who were disconnected", func(s setting) string {
			return s.attacks(func(p *lives.Played) bool { _, ok := p.EndedAfter(); return ok })
		}},
		{"thieves whom a question was asked about", func(s setting) string { return s.attacks(func(p *lives.Played) bool { return len(p.Asked) > 0 }) }},
		{"from the first use to the first finding, median and longest", func(s setting) string { return s.times(sessionwarden.Log) }},
		{"from the first use to the first alert, median and longest", func(s setting) string { return s.times(sessionwarden.Notify) }},
		{"false alarms per account and month, where the owner answers", func(s setting) string { return s.alarms(s.answers) }},
		{"the same where nobody ever answers", func(s setting) string { return s.alarms(s.alone) }},
		{"disconnections of innocent owners per account and month, where the owner answers", func(s setting) string { return s.ended(s.answers) }},
		{"the same where nobody ever answers", func(s setting) string { return s.ended(s.alone) }},
	} {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", line.what, line.of(r.under[0]), line.of(r.under[1]))
	}
	b.WriteString(counting)
	b.WriteString(recalling)
	for _, s := range r.under {
		fmt.Fprintf(&b, "\n## Each rule: %s\n\n%s", s.name, s.rules())
	}
	b.WriteString("\n## The attacks\n\nRules that found the thief; how long after his first use something was found, people\nwere told, and he was disconnected (–: never).\n")
	for _, s := range r.under {
		fmt.Fprintf(&b, "\n### %s\n\n%s", upper(s.name), s.attackTable())
	}
	b.WriteString("\n## The innocent lives\n\nAlarms (and disconnections) in the whole life: where the owner answers / where nobody\never does. **Bold**: more than one alarm a month, though the owner answers.\n\n")
	b.WriteString(r.innocentTable())
	b.WriteString("\n" + r.missed())
	return b.String()
}

const opening = `# What is found, and what is not

Written by ` + "`go run ./tools/detection`" + `; a test holds it. %d labelled lives, %d with an
attack and %d without (%.1f months of innocent owners), made by a generator with a
fixed seed (` + "`policy/lives`" + `) and judged by the code that judges the real sessions.
Each is some weeks of the sessions of one account: who signed in when, from where, with
what, what he changed, and what the watch saw of it, at a look every thirty seconds and
a reading of the account every minute (the heightened watch, which looks more often,
is left out). The test holds its bounds for three other seeds as well. Places and networks are made up; the distances are the built-in ones.

Whoever is disconnected signs in again where he can, and does not do what he had not
done. An owner who *answers* says ` + "`trust add`" + ` an hour after a session of his was ended or
asked about, for its country and a month, or for its network where the country is
unknown or in dispute. Otherwise questions run out, and sessions stay.

`

const counting = `
*Two signs* are two rules that rest on different things: the place, the network, its
kind, the device, the movement of a session, a journey, the time, the number, a return,
our own session, what the service says, and each fact of the account. ` + "`stranger`" + ` speaks for
two of them, place and network; ` + "`takeover`" + ` joins what others found and counts for none.
An *alarm* is what people get one message for: all that asks for an alert or more within
an hour of another.
`

const recalling = `
In the tables of the rules, where owners answer: a finding is true where it is about a
session of the thief's, or names it as what the owner's was compared with, or is about a
change that the thief made. *Loud* is an alert or more. A rule could know of an attack
where what it looks for was there to be seen before the thief was ended: a country or a
network that the owner had not used before, a change of the account, and so on; recall
is the share of these attacks that it found.
`

func upper(s string) string {
	if s[0] == '`' {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// attacks counts the attacks of which something is true.
func (s setting) attacks(is func(*lives.Played) bool) string {
	n, all := 0, 0
	for i := range s.alone {
		if p := &s.alone[i]; p.Life.Attack {
			all++
			if is(p) {
				n++
			}
		}
	}
	return fmt.Sprintf("%d of %d", n, all)
}

// times are how long it took until something was found.
func (s setting) times(response sessionwarden.Response) string {
	var took []time.Duration
	for i := range s.alone {
		if d, ok := s.alone[i].First(response); ok && s.alone[i].Life.Attack {
			took = append(took, d)
		}
	}
	slices.Sort(took)
	return spanText(took[len(took)/2]) + ", " + spanText(took[len(took)-1])
}

// perMonth is how much of something there is in the innocent lives.
func perMonth(played []lives.Played, of func(*lives.Played) int) float64 {
	n, months := 0, 0.0
	for i := range played {
		if p := &played[i]; !p.Life.Attack {
			n += of(p)
			months += p.Life.Months()
		}
	}
	return float64(n) / months
}

func incidents(p *lives.Played) int {
	_, n := p.Alarms()
	return n
}

func loud(p *lives.Played) int {
	found, _ := p.Alarms()
	return len(found)
}

func (s setting) alarms(played []lives.Played) string {
	return fmt.Sprintf("%.2f (%.2f findings)", perMonth(played, incidents), perMonth(played, loud))
}

func (s setting) ended(played []lives.Played) string {
	return fmt.Sprintf("%.2f", perMonth(played, (*lives.Played).OwnersEnded))
}

// rules is the table of what each rule is worth.
func (s setting) rules() string {
	var b strings.Builder
	b.WriteString("| rule | responses | findings on thieves | on owners | of these loud | precision | attacks it could know of | recall |\n|---|---|---|---|---|---|---|---|\n")
	for _, sc := range lives.Scores(s.answers) {
		var responses []string
		for _, r := range sc.Responses {
			responses = append(responses, r.String())
		}
		recall := "–"
		if sc.Attacks > 0 {
			recall = fmt.Sprintf("%.2f", float64(sc.Caught)/float64(sc.Attacks))
		}
		precision := "–"
		if n := sc.True + sc.False; n > 0 {
			precision = fmt.Sprintf("%.2f", float64(sc.True)/float64(n))
		}
		fmt.Fprintf(&b, "| `%s` | %s | %d | %d | %d | %s | %d | %s |\n", sc.Rule, strings.Join(responses, ", "), sc.True, sc.False, sc.FalseLoud, precision, sc.Attacks, recall)
	}
	return b.String()
}

// attackTable is the table of the attacks.
func (s setting) attackTable() string {
	var b strings.Builder
	b.WriteString("| attack | found by | signs | found | told | ended |\n|---|---|---|---|---|---|\n")
	for i := range s.alone {
		p := &s.alone[i]
		if !p.Life.Attack {
			continue
		}
		var rules []string
		for _, r := range p.Rules() {
			rules = append(rules, "`"+string(r)+"`")
		}
		after := func(d time.Duration, ok bool) string {
			if !ok {
				return "–"
			}
			return spanText(d)
		}
		fmt.Fprintf(&b, "| **%s.** %s | %s | %d | %s | %s | %s |\n", p.Life.Name, p.Life.Says, strings.Join(rules, " "), p.Signs(),
			after(p.First(sessionwarden.Log)), after(p.First(sessionwarden.Notify)), after(p.EndedAfter()))
	}
	return b.String()
}

// innocentTable is the table of the innocent lives.
func (r results) innocentTable() string {
	var b strings.Builder
	fmt.Fprintf(&b, "| life | %s | %s | by |\n|---|---|---|---|\n", r.under[0].name, r.under[1].name)
	for i, l := range r.all {
		if l.Attack {
			continue
		}
		var cells []string
		var by []string
		for _, s := range r.under {
			answers, alone := &s.answers[i], &s.alone[i]
			text := fmt.Sprintf("%s / %s", alarmsOf(answers), alarmsOf(alone))
			if float64(incidents(answers)) > l.Months() {
				text = "**" + text + "**"
			}
			cells = append(cells, text)
			found, _ := answers.Alarms()
			for _, f := range found {
				if name := "`" + string(f.Rule) + "`"; !slices.Contains(by, name) {
					by = append(by, name)
				}
			}
		}
		slices.Sort(by)
		fmt.Fprintf(&b, "| **%s.** %s | %s | %s |\n", l.Name, l.Says, strings.Join(cells, " | "), strings.Join(by, " "))
	}
	return b.String()
}

func alarmsOf(p *lives.Played) string {
	if n := p.OwnersEnded(); n > 0 {
		return fmt.Sprintf("%d (%d)", incidents(p), n)
	}
	return fmt.Sprint(incidents(p))
}

// spanText is a duration as people say it.
func spanText(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}
