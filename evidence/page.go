package evidence

import (
	"bytes"
	_ "embed"
	"html/template"
	"strconv"
	"strings"
	"sync"
)

// page1 is the page of format 1. A file that was made by it is checked by it for
// ever: what would change it is a new format with a page of its own.
//
//go:embed page1.html
var page1 string

// page is read when it is first wanted: every start would pay for it.
var page = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("page").Funcs(template.FuncMap{"time": shown, "words": spaced, "about": about}).Parse(page1))
})

// spaced makes words of a name such as read_before.
func spaced(name string) string { return strings.ReplaceAll(name, "_", " ") }

// about names what an event tells of, as the other tables do.
func about(e event) string {
	switch {
	case e.ID == "":
		return e.Kind
	case e.Kind == "session":
		return "session, row " + e.ID
	case e.Kind == "action":
		return "disconnection " + e.ID
	}
	return e.Kind + " " + e.ID
}

// view is what the page shows: the records in the order of a reader's questions.
type view struct {
	Header   Header
	Head     string
	Service  string // as people call it
	Owner    []ownerLine
	Read     string // when the service said that of the owner
	Incident incident
	Summary  []string
	Events   []event
	Tables   []table
	Findings []finding
	Changes  []change
	Actions  []shownAction
	Sources  []source
	Gaps     []gap
	Genesis  string
	Lines    []line
}

// table is one table of sessions.
type table struct {
	Title, None string
	Sessions    []session
}

// change is what a finding says of the account itself.
type change struct {
	What, Before, After, Read string
	Finding                   finding
}

type shownAction struct {
	action
	Outcome string
	Good    bool // nothing is left to be done
}

// render draws the page from the lines of a file and from nothing else. Lines
// that cannot be read are shown among the records only.
func render(lines []line) []byte {
	v := view{Head: head(lines), Lines: lines, Genesis: genesis}
	var sessions []session
	var known owner
	for _, l := range lines {
		r, err := decode(l.Text)
		if err != nil {
			continue
		}
		switch {
		case r.Header != nil:
			v.Header = *r.Header
		case r.Owner != nil:
			known = *r.Owner
		case r.Incident != nil:
			v.Incident = *r.Incident
		case r.Event != nil:
			v.Events = append(v.Events, *r.Event)
		case r.Session != nil:
			sessions = append(sessions, *r.Session)
		case r.Finding != nil:
			v.finding(*r.Finding)
		case r.Action != nil:
			v.Actions = append(v.Actions, shownAction{action: *r.Action})
		case r.Source != nil:
			v.Sources = append(v.Sources, *r.Source)
		case r.Gap != nil:
			v.Gaps = append(v.Gaps, *r.Gap)
		}
	}
	if v.Service = v.Header.Service; v.Service == "mannco" {
		v.Service = "Mannco.store"
	}
	v.outcomes(sessions)
	v.owner(known)
	v.tables(sessions)
	v.summary()
	var b bytes.Buffer
	_ = page().Execute(&b, v) // into memory, of fields that are there: nothing can go wrong
	return b.Bytes()
}

// ownerLine is one line of how the service knows the account.
type ownerLine struct {
	What, Value string
	Changed     bool // it was changed during the incident: a thief's, perhaps
}

// owner says how the service knows the account. What was changed during the
// incident stands there as it was before, which is the owner's, and as it is now.
func (v *view) owner(o owner) {
	v.Read = o.Read
	for _, one := range [...]struct{ what, rule, value string }{
		{"Account", "name_changed", o.Name}, {"Contact mail", "contact_changed", o.Contact},
		{"Discord", "discord_changed", o.Discord}, {"Trade URL", "trade_url_changed", o.TradeURL},
	} {
		first := -1
		for i, c := range v.Changes {
			if c.Finding.Rule == one.rule && first < 0 {
				first = i
			}
		}
		switch {
		case first >= 0:
			before := v.Changes[first].Before
			if before == one.value {
				v.Owner = append(v.Owner, ownerLine{What: one.what + " (changed during the incident, and back)", Value: one.value})
				continue
			}
			if before == "" {
				before = "none"
			}
			v.Owner = append(v.Owner, ownerLine{What: one.what + " before the incident", Value: before})
			if one.value == "" {
				one.value = "none"
			}
			v.Owner = append(v.Owner, ownerLine{What: one.what + " now (changed during the incident)", Value: one.value, Changed: true})
		case one.value != "":
			v.Owner = append(v.Owner, ownerLine{What: one.what, Value: one.value})
		}
	}
}

// finding puts a finding where it belongs: what changed in the account has a
// table of its own.
func (v *view) finding(f finding) {
	before, after := f.value("before"), f.value("after")
	if f.Row == "" && before+after != "" {
		what, known := changes[f.Rule]
		if !known {
			what = spaced(f.Rule)
		}
		v.Changes = append(v.Changes, change{What: what, Before: before, After: after, Read: f.value("read_before"), Finding: f})
	}
	v.Findings = append(v.Findings, f)
}

// changes are what the rules about the account itself speak of.
var changes = map[string]string{
	"two_factor_off": "two-factor authentication", "trade_url_changed": "trade URL", "payout_changed": "payout mail address", "contact_changed": "contact mail address",
	"discord_changed": "Discord account", "name_changed": "name", "balance_drop": "balance", "payment_review": "payments under review",
}

// outcomes says what became of the disconnections.
func (v *view) outcomes(sessions []session) {
	claimed := make(map[string]bool)
	for _, s := range sessions {
		claimed[s.Row] = s.Denied
	}
	for i := range v.Actions {
		a := &v.Actions[i]
		if a.Outcome, a.Good = outcomeOf(a.State); a.State == "denied" && claimed[a.Row] {
			a.Outcome, a.Good = "Kept: a person said that it is the owner's", true
		}
	}
}

// outcomeOf says what a state of a disconnection means, and whether it is over. Its
// note has why.
func outcomeOf(state string) (words string, over bool) {
	switch state {
	case "planned":
		return "To be ended", false
	case "held":
		return "Held: a person has to answer", false
	case "denied":
		return "Kept: it was not ended", false
	case "done":
		return "The service said that it is ended; not proven yet", false
	case "verified":
		return "Ended, and proven gone", true
	case "failed":
		return "NOT ended: the service still lists it", false
	case "refused":
		return "Could not be ended", false
	case "moot":
		return "Not needed any more", true
	case "dry_run":
		return "Rehearsal only: nothing was ended", false
	}
	return state, false
}

func (v *view) tables(sessions []session) {
	end := "when this file was made"
	if v.Incident.Resolved != "" {
		end = "when the incident was over"
	}
	v.Tables = []table{
		{Title: "Before: signed in when the incident began, " + shown(v.Incident.Opened) + ", beside the sessions of the incident", None: "No other session was listed then."},
		{Title: "The sessions of the incident", None: "The incident is of no session, but of the account itself."},
		{Title: "After: signed in " + end + ", " + shown(v.end()), None: "No session was listed then."},
	}
	for _, s := range sessions {
		for i, belongs := range [...]bool{s.Before && !s.In, s.In, s.After} {
			if belongs {
				v.Tables[i].Sessions = append(v.Tables[i].Sessions, s)
			}
		}
	}
}

// end is when the incident was over, or until when the file knows of it.
func (v *view) end() string {
	if v.Incident.Resolved != "" {
		return v.Incident.Resolved
	}
	return v.Header.Made
}

// summary says all of it in five lines.
func (v *view) summary() {
	i := v.Incident
	what := i.Title
	if what == "" {
		what = "A disconnection was asked for."
	}
	when := "It began " + shown(i.Opened) + " and was still open when this file was made."
	if i.Resolved != "" {
		when = "It began " + shown(i.Opened) + " and was over " + shown(i.Resolved) + ", an hour after the last event."
	}
	var places []string
	for _, s := range v.Tables[1].Sessions {
		place := s.CountryName
		if place == "" {
			place = "an unknown place"
		}
		places = appendNew(places, place)
	}
	sessions := count(len(v.Tables[1].Sessions), "session belongs", "sessions belong") + " to it" + listed(", from ", places) + ". " + v.beside()
	var changed []string
	for _, c := range v.Changes {
		changed = appendNew(changed, c.What)
	}
	account := "No change of the account itself was found."
	if len(v.Changes) > 0 {
		account = count(len(v.Changes), "change", "changes") + " of the account itself" + listed(": ", changed) + "."
	}
	var outcomes []string
	for _, a := range v.Actions {
		outcomes = appendNew(outcomes, a.Outcome)
	}
	done := "No session was disconnected by the owner's program."
	if len(v.Actions) > 0 {
		for n, outcome := range outcomes {
			times := 0
			for _, a := range v.Actions {
				if a.Outcome == outcome {
					times++
				}
			}
			outcomes[n] = strconv.Itoa(times) + " × " + outcome
		}
		done = count(len(v.Actions), "disconnection was", "disconnections were") + " wanted" + listed(": ", outcomes) + "."
	}
	v.Summary = []string{what, when, sessions, account, done}
}

// beside says who was signed in beside the sessions of the incident, before and
// after, and how many of these are left.
func (v *view) beside() string {
	others := func(sessions []session) (n, in int, own string) {
		for _, s := range sessions {
			switch {
			case s.In:
				in++
			case s.Own:
				own = " and the owner's program"
			default:
				n++
			}
		}
		return n, in, own
	}
	before, _, ownBefore := others(v.Tables[0].Sessions)
	after, left, ownAfter := others(v.Tables[2].Sessions)
	text := "Signed in beside them before: " + count(before, "session", "sessions") + ownBefore + "; after: " + count(after, "session", "sessions") + ownAfter + "."
	if left > 0 {
		text += " Still signed in after: " + count(left, "session", "sessions") + " of the incident."
	}
	return text
}

// appendNew appends text where it is not there yet.
func appendNew(list []string, text string) []string {
	for _, one := range list {
		if one == text {
			return list
		}
	}
	return append(list, text)
}

// listed joins the first few of a list, "" where it is empty.
func listed(before string, list []string) string {
	if len(list) == 0 {
		return ""
	}
	if more := len(list) - 8; more > 0 {
		list = append(list[:8:8], strconv.Itoa(more)+" more")
	}
	return before + strings.Join(list, "; ")
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}
