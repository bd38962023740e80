package alert

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"sessionwarden"
)

// A digest is read in five seconds, on a phone: what needs a person first, then
// what happened, then what the watch rests on. That all is well is said too: who
// hears nothing does not know whether anybody looks.

// digestTitle is a digest in one line.
func digestTitle(d *sessionwarden.Digest) string {
	all := digestSum(d)
	if needs := digestNeeds(d, all); len(needs) > 0 {
		text := "Look at this: " + needs[0].short
		if len(needs) > 1 {
			text += ", and " + count(len(needs)-1, "more thing", "more things")
		}
		return text
	}
	if happened := digestHappened(d, all); len(happened) > 0 {
		return "Something happened: " + strings.Join(happened, ", ")
	}
	return "All is well: " + count(len(d.Accounts)+d.More, "account", "accounts") + " watched, nothing suspicious in " + howLong(d.To.Sub(d.From))
}

// digestSum adds up the accounts of a digest.
func digestSum(d *sessionwarden.Digest) sessionwarden.DigestAccount {
	all := d.Rest
	for _, a := range d.Accounts {
		all = all.Plus(a)
	}
	return all
}

// digestNeed is something that waits for a person: in a few words, and with what to
// do.
type digestNeed struct {
	short string
	line  Line
}

// digestNeeds lists what waits for a person.
func digestNeeds(d *sessionwarden.Digest, all sessionwarden.DigestAccount) []digestNeed {
	var needs []digestNeed
	add := func(short string, line Line) { needs = append(needs, digestNeed{short, line}) }
	if all.Held > 0 {
		short := count(all.Held, "disconnection waits for your answer", "disconnections wait for your answer")
		add(short, command("• "+short+": ", "sessionwarden actions"+only(d, func(a sessionwarden.DigestAccount) bool { return a.Held > 0 })))
	}
	if all.Failed > 0 {
		short := count(all.Failed, "session", "sessions") + " could not be ended"
		add(short, command("• "+short+": ", "sessionwarden actions"+only(d, func(a sessionwarden.DigestAccount) bool { return a.Failed > 0 })))
	}
	if d.Blind > 0 {
		short := count(d.Blind, "account is not watched", "accounts are not watched")
		add(short, command("• "+short+": ", "sessionwarden status"))
	}
	if d.Incidents > 0 {
		short := count(d.Incidents, "incident is open", "incidents are open")
		add(short, command("• "+short+": ", "sessionwarden incidents"+only(d, func(a sessionwarden.DigestAccount) bool { return a.Incident != 0 })))
	}
	for _, c := range d.Waiting {
		short := count(c.Alerts, "alert is not delivered", "alerts are not delivered") + " on " + outside(c.Channel, 40)
		line := say("• " + short + ", for up to " + howLong(c.Longest))
		if c.Why != "" {
			line[0].Text += ": " + outside(c.Why, 120)
		}
		add(short, line)
	}
	for _, f := range d.Data {
		if f.Problem != "" {
			add("something is wrong with "+outside(f.Name, 40), say("• "+outside(f.Name, 40)+": "+outside(f.Problem, 200)))
		}
	}
	for _, text := range d.Needs {
		add(inBrief(text), say("• "+outside(text, 200)))
	}
	return needs
}

// inBrief is a sentence up to where it goes into detail.
func inBrief(text string) string {
	if i := strings.IndexAny(text, ":;("); i > 0 {
		text = text[:i]
	}
	return strings.TrimRight(outside(text, 70), " .")
}

// only names the account where it is the only one that has something, for a
// command.
func only(d *sessionwarden.Digest, has func(sessionwarden.DigestAccount) bool) string {
	name := ""
	if has(d.Rest) {
		return ""
	}
	for _, a := range d.Accounts {
		if !has(a) {
			continue
		}
		if name != "" {
			return ""
		}
		name = a.Account
	}
	return onAccount(name)
}

// digestHappened says in a few words what is over by now; nil where all was well.
func digestHappened(d *sessionwarden.Digest, all sessionwarden.DigestAccount) []string {
	var parts []string
	if n := all.Findings[sessionwarden.Critical]; n > 0 {
		parts = append(parts, count(n, "critical finding", "critical findings"))
	}
	if n := all.Findings[sessionwarden.Warning]; n > 0 {
		parts = append(parts, count(n, "warning", "warnings"))
	}
	if all.Ended > 0 {
		parts = append(parts, count(all.Ended, "session ended", "sessions ended"))
	}
	if all.Pretended > 0 {
		parts = append(parts, count(all.Pretended, "session not ended (DRY RUN)", "sessions not ended (DRY RUN)"))
	}
	if all.Incidents > 0 && len(parts) == 0 {
		parts = append(parts, count(all.Incidents, "incident", "incidents"))
	}
	if n := len(d.Unwatched) + d.MoreBlind; n > 0 || !d.Before.IsZero() {
		parts = append(parts, "not watched for a time")
	}
	if len(d.Late) > 0 {
		parts = append(parts, "alerts came late")
	}
	return parts
}

// digestSections are the body of a digest.
func digestSections(d *sessionwarden.Digest, f Facts) []Section {
	zone := time.UTC
	if f.Zone != nil {
		zone = f.Zone
	}
	all := digestSum(d)
	var needs []Line
	for _, n := range digestNeeds(d, all) {
		needs = append(needs, n.line)
	}
	if len(needs) > maxNeeds {
		needs = append(needs[:maxNeeds], command("and "+count(len(needs)-maxNeeds, "more", "more")+": ", "sessionwarden status"))
	}
	over := say(fromTo(d.From, d.To, zone) + " (" + howLong(d.To.Sub(d.From)) + ")")
	return []Section{
		{Lines: []Line{over}},
		{Title: "Waits for you", Lines: needs},
		{Title: "Accounts", Lines: digestAccounts(d)},
		{Title: "Not watched", Lines: digestBlind(d, zone)},
		{Title: "Not told, on purpose", Lines: digestSilent(d, zone)},
		{Title: "Told late", Lines: digestLate(d)},
		{Title: "What the watch rests on", Lines: digestRests(d, zone)},
	}
}

// maxNeeds is how many things that wait for a person a digest names.
const maxNeeds = 8

// digestAccounts tells of the accounts, those with the most to say first.
func digestAccounts(d *sessionwarden.Digest) []Line {
	var lines []Line
	for _, a := range d.Accounts {
		lines = append(lines, packed(Span{accountName(a.Account) + ": ", Strong}, accountDay(a))...)
	}
	if d.More > 0 {
		lines = append(lines, packed(Span{Text: "and " + count(d.More, "more account", "more accounts") + ": "}, accountDay(d.Rest))...)
	}
	return lines
}

// packed puts parts behind a label, and what does not fit into a line of 80
// columns into lines of its own below.
func packed(label Span, parts []string) []Line {
	const columns = 80
	lines := []Line{{label, {}}}
	used := utf8.RuneCountInString(label.Text)
	for i, part := range parts {
		if i < len(parts)-1 {
			part += ", "
		}
		if n := utf8.RuneCountInString(part); used+n > columns && lines[len(lines)-1][1].Text != "" {
			last := &lines[len(lines)-1][1].Text
			*last = strings.TrimRight(*last, " ")
			lines, used = append(lines, Line{{Text: "   "}, {}}), 3
		}
		lines[len(lines)-1][1].Text += part
		used += utf8.RuneCountInString(part)
	}
	return lines
}

// accountDay is what happened on an account, in parts: the worst first.
func accountDay(a sessionwarden.DigestAccount) []string {
	var parts []string
	some := func(n int, one, many string) {
		if n > 0 {
			parts = append(parts, count(n, one, many))
		}
	}
	if !a.BlindSince.IsZero() {
		parts = append(parts, "NOT WATCHED")
	}
	some(a.Failed, "NOT ENDED", "NOT ENDED")
	some(a.Held, "waits for you", "wait for you")
	some(a.Findings[sessionwarden.Critical], "critical", "critical")
	some(a.Findings[sessionwarden.Warning], "warning", "warnings")
	some(a.Ended, "ended and gone", "ended and gone")
	some(a.Pretended, "not ended (DRY RUN)", "not ended (DRY RUN)")
	some(a.Open, "being ended", "being ended")
	some(a.Spared, "left alone", "left alone")
	some(a.Findings[sessionwarden.Info], "note", "notes")
	if a.Incident != 0 {
		parts = append(parts, "incident "+number(a.Incident)+" open")
	}
	if over := a.Incidents; a.Incident == 0 || over > 1 {
		some(over, "incident", "incidents")
	}
	some(a.New, "new session", "new sessions")
	return append(parts, fmt.Sprintf("%d live", a.Live))
}

// digestBlind tells when nobody watched.
func digestBlind(d *sessionwarden.Digest, zone *time.Location) []Line {
	var lines []Line
	if !d.Before.IsZero() {
		lines = append(lines, say(fmt.Sprintf("all: %s (%s at most): not running", fromTo(d.Before, d.Started, zone), howLong(d.Started.Sub(d.Before)))))
	}
	for _, u := range d.Unwatched {
		text := "since " + dayTime(u.Since, zone) + " (" + howLong(d.To.Sub(u.Since)) + "), still"
		if !u.Until.IsZero() {
			text = fromTo(u.Since, u.Until, zone) + " (" + howLong(u.Until.Sub(u.Since)) + ")"
		}
		lines = append(lines, entry(accountName(u.Account), text))
	}
	if d.MoreBlind > 0 {
		lines = append(lines, say("and "+count(d.MoreBlind, "shorter time", "shorter times")))
	}
	return lines
}

// digestSilent tells what was held back, and why.
func digestSilent(d *sessionwarden.Digest, zone *time.Location) []Line {
	var lines []Line
	if d.Below > 0 {
		lines = append(lines, say(count(d.Below, "alert", "alerts")+" below what the channels are told (min_severity)"))
	}
	for _, s := range d.Silenced {
		text := count(s.Alerts, "alert", "alerts") + " by silence " + number(s.ID)
		if s.What == "" {
			lines = append(lines, say(text))
			continue
		}
		lines = append(lines, packed(Span{Text: text + ": "}, []string{outside(s.What, 70), "until " + dayTime(s.Until, zone)})...)
	}
	if d.MoreHeld > 0 {
		lines = append(lines, say("and "+count(d.MoreHeld, "alert", "alerts")+" by other silences"))
	}
	if len(lines) > 0 {
		lines = append(lines, command("All of them: ", "sessionwarden alert list --all"))
	}
	return lines
}

// digestLate tells which channels got alerts late.
func digestLate(d *sessionwarden.Digest) []Line {
	var lines []Line
	for _, c := range d.Late {
		lines = append(lines, entry(outside(c.Channel, 40), count(c.Alerts, "alert", "alerts")+", up to "+howLong(c.Longest)+" late"))
	}
	return lines
}

// digestRests tells how old is what the watch rests on.
func digestRests(d *sessionwarden.Digest, zone *time.Location) []Line {
	var ages []string
	for _, f := range d.Data {
		age := "of an unknown age"
		if !f.Date.IsZero() {
			age = howLong(d.To.Sub(f.Date)) + " old"
		}
		ages = append(ages, outside(f.Name, 40)+" "+age)
	}
	var lines []Line
	if len(ages) > 0 {
		lines = packed(Span{"Places are told by: ", Strong}, ages)
	}
	switch {
	case !d.Backup.IsZero():
		lines = append(lines, entry("Last good backup", howLong(d.To.Sub(d.Backup))+" old"))
	case d.NoBackups:
		lines = append(lines, entry("Last good backup", "none; the daemon makes none ([backup] every)"))
	default:
		lines = append(lines, entry("Last good backup", "there is none yet"))
	}
	if t := d.Trust; t.What != "" {
		lines = append(lines, entry("Next trust to end", outside(t.What, 60)+" on "+accountName(t.Account)+", "+dayTime(t.Until, zone)))
	}
	return lines
}

// dayTime is a time with the day of its week.
func dayTime(t time.Time, zone *time.Location) string {
	return t.In(zone).Format("Mon 2 Jan 15:04 MST")
}

// fromTo is a span of time, with its day once where it is one.
func fromTo(from, to time.Time, zone *time.Location) string {
	from, to = from.In(zone), to.In(zone)
	if from.YearDay() == to.YearDay() && to.Sub(from) < 24*time.Hour {
		return from.Format("Mon 2 Jan 15:04") + " to " + to.Format("15:04 MST")
	}
	return dayTime(from, zone) + " to " + dayTime(to, zone)
}

// howLong is a length of time as people say it, in one unit or two.
func howLong(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return count(max(int(d.Seconds()), 0), "second", "seconds")
	case d < 2*time.Hour:
		return fmt.Sprintf("%d minutes", int(d.Minutes()))
	case d < 96*time.Hour:
		if minutes := int(d.Minutes()) % 60; minutes > 0 && d < 12*time.Hour {
			return fmt.Sprintf("%d h %d min", int(d.Hours()), minutes)
		}
		return fmt.Sprintf("%d hours", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}
