package alert

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"sessionwarden"
)

// Facts is what the words of a message rest on beside the alert itself.
type Facts struct {
	Now      time.Time     // when the message is sent
	Instance string        // which daemon speaks; "" is left out
	Final    bool          // the channel cannot update: the reader has to be told where to look
	Repeat   bool          // it may have been sent before
	Asked    bool          // a person asked for it once more
	Buttons  bool          // the channel has buttons
	Silent   time.Duration // how long nobody has answered, where it is sent for that; 0: it is not
	Unsaved  bool          // the alert is in no outbox, only in memory
	Shed     int           // how many unsaved alerts were given up for want of memory

	Zone *time.Location // of every time in the message; nil: UTC

	Location sessionwarden.LocationStatus // the location data in use now; its zero value says nothing
}

// Compose puts an alert into words. It is pure: the same alert and facts give
// the same message. It claims no more than the states in the alert prove.
func Compose(a sessionwarden.Alert, f Facts) Message {
	a.Items = oneAccount(a.Items)
	m := Message{Alert: a.ID, Kind: a.Kind, Severity: a.Severity, Title: headline(a)}
	switch {
	case len(a.Items) > 0:
		m.Sections = incident(a, f)
		m.gist = gist(a)
	case a.Digest != nil:
		m.Sections = digestSections(a.Digest, f)
	default:
		m.Sections = watchSections(a, f)
		if len(a.Lines) > 0 {
			m.gist = outside(a.Lines[0], 160)
		}
	}
	if f.Buttons {
		m.Buttons = accountButtons(a)
	}
	if f.Repeat || f.Asked {
		m.Title = "(repeat) " + m.Title
	}
	if f.Silent > 0 {
		m.Title = "Nobody has answered for " + lasting(f.Silent) + ": " + m.Title
	}
	m.Footer = footer(a, f)
	m.More = whereAll(a)
	m = m.finish()
	m.Record = recordOf(a, f, m)
	return m
}

// whereAll is the command that shows all there is of an alert.
func whereAll(a sessionwarden.Alert) string {
	switch {
	case a.Incident != 0:
		return "sessionwarden incidents show " + number(a.Incident)
	case len(a.Items) > 0:
		return "sessionwarden findings" + onAccount(a.Account)
	}
	return "sessionwarden status"
}

// headline is the alert in one line.
func headline(a sessionwarden.Alert) string {
	text := outside(a.Title, MaxTitle)
	if text == "" {
		switch {
		case len(a.Items) > 0:
			text = incidentTitle(a)
		case a.Digest != nil:
			text = digestTitle(a.Digest)
		default:
			text = kindOf(a.Kind).title
		}
	}
	if account := accountName(a.Account); account != "" && !slices.Contains(strings.Fields(text), account) {
		text = account + ": " + text
	}
	if dryRun(a) {
		text = "DRY RUN, nothing was ended: " + text
	}
	if a.Kind == sessionwarden.TestAlert {
		text = "TEST: " + text
	}
	return text
}

// gist is an alert about sessions in a few words, for a notification.
func gist(a sessionwarden.Alert) string {
	first := forYouFirst(a.Items)[0]
	if first.AboutSession() {
		return glance(first.Sighting)
	}
	if len(first.Findings) > 0 {
		return outside(worstFirst(first)[0].Reason, 160)
	}
	return ""
}

// accountName is an account's name as it may be shown.
func accountName(name string) string { return outside(name, 64) }

// dryRun reports whether an action of the alert was only pretended.
func dryRun(a sessionwarden.Alert) bool {
	for _, item := range a.Items {
		if item.Action != nil && item.Action.State == sessionwarden.DryRun {
			return true
		}
	}
	return false
}

// oldData is the age from which location data is warned about.
const oldData = 180 * 24 * time.Hour

// footer says where the message comes from.
func footer(a sessionwarden.Alert, f Facts) []string {
	var lines []string
	from := "sessionwarden"
	if f.Instance != "" {
		from += " on " + outside(f.Instance, 64)
	}
	if a.ID != 0 && !f.Unsaved {
		from += ", alert " + number(a.ID)
	}
	if at := latest(a); !at.IsZero() {
		from += ", as of " + f.moment(at)
	}
	lines = append(lines, from)
	switch {
	case !a.Resolved.IsZero():
		lines = append(lines, "Incident "+number(a.Incident)+" is over since "+f.moment(a.Resolved)+": nothing new for an hour, and nothing left to do.")
	case a.Incident != 0:
		lines = append(lines, "All of it: sessionwarden incidents show "+number(a.Incident))
	}
	if !a.Answered.IsZero() {
		by := outside(a.By, 80)
		if by == "" {
			by = "somebody"
		}
		lines = append(lines, "Answered by "+by+" at "+f.clockTime(a.Answered, latest(a))+".")
	}
	switch {
	case f.Asked:
		lines = append(lines, "Sent again, as somebody asked for it.")
	case f.Repeat:
		lines = append(lines, "Sent again, as it is not known whether it arrived before.")
	}
	if f.Shed > 0 {
		lines = append(lines, count(f.Shed, "more alert", "more alerts")+" could neither be saved nor kept in memory.")
	}
	if dryRun(a) {
		lines = append(lines, "DRY RUN: nothing was ended.")
	}
	return append(lines, locationLines(a, f)...)
}

// latest is the time that the alert's state is of.
func latest(a sessionwarden.Alert) time.Time {
	if a.Updated.After(a.Created) {
		return a.Updated
	}
	return a.Created
}

// locationLines names the location data that the alert's places come from,
// and warns about what is in use now.
func locationLines(a sessionwarden.Alert, f Facts) []string {
	var lines []string
	warned := false
	seen := make(map[string]bool)
	for _, item := range a.Items {
		l := item.Sighting.Location
		if l.Source == "" || seen[l.Source] || len(lines) >= 2 {
			continue
		}
		seen[l.Source] = true
		line := "Location data: " + outside(l.Source, 80)
		if !l.Built.IsZero() {
			line += " of " + l.Built.UTC().Format(time.DateOnly)
			if old := daysOld(l.Built, f.Now); old != "" {
				line += ". " + old
				warned = true
			}
		}
		lines = append(lines, line)
	}
	if f.Location.Failed != "" {
		lines = append(lines, "A location data file could not be loaded: "+outside(f.Location.Failed, 160))
	}
	if old := daysOld(f.Location.CountryBuilt, f.Now); old != "" && !warned {
		lines = append(lines, "Location data: "+old)
	}
	return lines
}

// daysOld warns about location data that is too old; "" where it is not, or
// where its age is not known.
func daysOld(built, now time.Time) string {
	if built.IsZero() || now.Sub(built) <= oldData {
		return ""
	}
	return fmt.Sprintf("It is %d days old: places may be wrong", int(now.Sub(built).Hours()/24))
}

// local is a time in the zone of the message.
func (f Facts) local(t time.Time) time.Time {
	if f.Zone == nil {
		return t.UTC()
	}
	return t.In(f.Zone)
}

// moment is a time as people read it, with the name of its zone: the hour that
// summer time shows twice is told apart by that.
func (f Facts) moment(t time.Time) string { return f.local(t).Format("2006-01-02 15:04:05 MST") }

// clockTime is a time on the day of ref, or with its date if it is another.
func (f Facts) clockTime(t, ref time.Time) string {
	if t, ref = f.local(t), f.local(ref); t.YearDay() == ref.YearDay() && t.Year() == ref.Year() {
		return t.Format("15:04:05 MST")
	}
	return f.moment(t)
}

// lasting is a span of time as people say it, in whole minutes or hours.
func lasting(d time.Duration) string {
	if d < 2*time.Hour {
		return count(int(d.Minutes()), "minute", "minutes")
	}
	return count(int(d.Hours()), "hour", "hours")
}

// number writes an id.
func number(id uint64) string { return strconv.FormatUint(id, 10) }

// count writes a number with the fitting form of its noun.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}
