package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"sessionwarden"
	"sessionwarden/policy/replay"
	"sessionwarden/web"
)

// replayRow is what replay says with --json.
type replayRow struct {
	Sessions    int             `json:"sessions"`
	Accounts    []string        `json:"accounts"`
	Since       time.Time       `json:"since,omitzero"`
	LeftOut     []string        `json:"left_out,omitempty"`
	Now         replay.Count    `json:"now"`      // sessions, under the present configuration
	New         replay.Count    `json:"new"`      // under the new one
	Recorded    replay.Count    `json:"recorded"` // as it was, under the configurations of their time
	Rules       []replayRule    `json:"rules"`
	Different   int             `json:"different"`
	Differences []differenceRow `json:"differences"` // the newest of them
}

// replayRule is what one rule found.
type replayRule struct {
	Rule     string       `json:"rule"`
	Now      replay.Count `json:"now"`
	New      replay.Count `json:"new"`
	Recorded replay.Count `json:"recorded"`
}

// differenceRow is a session that comes to something else.
type differenceRow struct {
	Session web.SessionRow `json:"session"`
	Now     string         `json:"now"` // nothing, log, alert, ask or disconnect
	New     string         `json:"new"`
	NowWhy  string         `json:"now_why,omitempty"`
	NewWhy  string         `json:"new_why,omitempty"`
}

func (r *replaying) row() replayRow {
	row := replayRow{
		Sessions: r.result.Sessions, LeftOut: r.left, Now: r.result.Now.All, New: r.result.New.All, Recorded: r.recorded.All,
		Rules: []replayRule{}, Different: r.result.Different, Differences: []differenceRow{},
	}
	if !r.first.IsZero() {
		row.Since = r.first.UTC().Truncate(time.Second)
	}
	for _, a := range r.now {
		row.Accounts = append(row.Accounts, a.Name)
	}
	for _, rule := range r.rules() {
		row.Rules = append(row.Rules, replayRule{Rule: string(rule), Now: r.result.Now.Rule(rule), New: r.result.New.Rule(rule), Recorded: r.recorded.Rule(rule)})
	}
	for _, d := range r.result.Differences() {
		row.Differences = append(row.Differences, differenceRow{
			Session: web.NewSessionRow(d.Now.Sighting), Now: d.Now.Comes(), New: d.New.Comes(), NowWhy: whyOutcome(d.Now), NewWhy: whyOutcome(d.New),
		})
	}
	return row
}

// rules are those that found something: those of the contract's table first, in
// its order, then own ones.
func (r *replaying) rules() []sessionwarden.Rule {
	var all, found []sessionwarden.Rule
	known := make(map[sessionwarden.Rule]bool)
	for _, info := range sessionwarden.Rules() {
		all = append(all, info.Rule)
		known[info.Rule] = true
	}
	for _, list := range [...][]sessionwarden.Account{r.now, r.new} {
		for _, a := range list {
			for _, own := range a.Own {
				if !known[own.Name] {
					all = append(all, own.Name)
					known[own.Name] = true
				}
			}
		}
	}
	for _, rule := range all {
		if r.result.Now.Rule(rule).Matches+r.result.New.Rule(rule).Matches+r.recorded.Rule(rule).Matches > 0 {
			found = append(found, rule)
		}
	}
	return found
}

// whyOutcome says which rule leads to an outcome, and why.
func whyOutcome(o replay.Outcome) string {
	f, found := o.Strongest()
	if !found {
		return ""
	}
	text := string(f.Rule) + ": " + f.Reason
	if a := o.Action; a != nil && a.State == sessionwarden.Moot && !o.Sighting.EndedAt.IsZero() {
		text += " (held, and ended all the same, as was recorded)"
	} else if a != nil && a.State == sessionwarden.Moot {
		text += " (held, and gone by itself)"
	} else if a != nil && a.State != sessionwarden.Done && a.Note != "" {
		text += " (" + a.Note + ")"
	}
	return sessionwarden.Clean(text, 4*sessionwarden.MaxText)
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

// inWords is "3 alerts, 2 questions and 1 disconnect", without questions where
// neither side has any.
func inWords(c replay.Count, questions bool) string {
	text := plural(c.Alerts, "alert", "alerts")
	if questions {
		return text + ", " + plural(c.Asks, "question", "questions") + " and " + plural(c.Disconnects, "disconnect", "disconnects")
	}
	return text + " and " + plural(c.Disconnects, "disconnect", "disconnects")
}

func inNumbers(c replay.Count, questions bool) string {
	if questions {
		return fmt.Sprintf("%d, %d and %d", c.Alerts, c.Asks, c.Disconnects)
	}
	return fmt.Sprintf("%d and %d", c.Alerts, c.Disconnects)
}

func (r *replaying) print() error {
	out, row := r.c.out, r.row()
	questions := row.Now.Asks+row.New.Asks+row.Recorded.Asks > 0
	fmt.Fprintln(out, wrap(inWords(row.New, questions)+" instead of "+inNumbers(row.Now, questions)+".", out.width, "  "))
	played := fmt.Sprintf("Played: %s of %s", plural(row.Sessions, "session", "sessions"), plural(len(row.Accounts), "account", "accounts"))
	if !row.Since.IsZero() {
		played += ", since " + row.Since.Format(time.DateOnly)
	}
	fmt.Fprintln(out, wrap(played+". Recorded were "+inWords(row.Recorded, questions)+", by the configurations of their time.", out.width, "  "))
	for _, left := range row.LeftOut {
		fmt.Fprintln(out, wrap("Left out: "+left+".", out.width, "  "))
	}
	if len(row.Rules) > 0 {
		fmt.Fprintln(out)
		t := out.table(column{"RULE", 12}, column{"MATCHES", 0}, column{"ALERTS", 0}, column{"ASKS", 0}, column{"DISCONNECTS", 0})
		for _, rule := range row.Rules {
			err := t.row(rule.Rule, change(rule.Now.Matches, rule.New.Matches), change(rule.Now.Alerts, rule.New.Alerts),
				change(rule.Now.Asks, rule.New.Asks), change(rule.Now.Disconnects, rule.New.Disconnects))
			if err != nil {
				return err
			}
		}
		if err := t.end(""); err != nil {
			return err
		}
	}
	fmt.Fprintln(out)
	return r.printDifferences(row)
}

// change is a number now and under the new configuration.
func change(now, new int) string {
	if now == new {
		return strconv.Itoa(now)
	}
	return fmt.Sprintf("%d → %d", now, new)
}

func (r *replaying) printDifferences(row replayRow) error {
	if row.Different == 0 {
		_, err := fmt.Fprintln(r.c.out, "No session comes to anything else.")
		return err
	}
	head := fmt.Sprintf("Sessions that come to something else: %d", row.Different)
	if row.Different > len(row.Differences) {
		head += fmt.Sprintf("; the newest %d", len(row.Differences))
	}
	fmt.Fprintln(r.c.out, head)
	for _, d := range row.Differences {
		s := d.Session
		line := fmt.Sprintf("#%s %s %s, session %s from %s (%s): %s → %s", s.Seq, at(s.FirstSeen), s.Account, dash(s.ID), dash(s.Address), place(s), d.Now, d.New)
		fmt.Fprintln(r.c.out, "  "+wrap(line, r.c.out.width-4, "    "))
		for _, why := range [...][2]string{{"now", d.NowWhy}, {"new", d.NewWhy}} {
			if why[1] == "" {
				why[1] = "no rule finds anything"
			}
			r.c.under(why[0] + ": " + why[1])
		}
	}
	_, err := fmt.Fprintln(r.c.out, wrap("Why one is judged as it is now: sessionwarden explain '#"+strings.TrimPrefix(row.Differences[0].Session.Seq, "#")+"'", r.c.out.width, "  "))
	return err
}
