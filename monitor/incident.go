package monitor

import (
	"slices"
	"time"

	"sessionwarden"
	"sessionwarden/policy"
)

// incident returns the account's open incident, and opens one where there is none.
func (d *draft) incident() *sessionwarden.Incident {
	if d.h.Incident == nil {
		d.h.Incident = &sessionwarden.Incident{ID: d.next(), Account: d.account.Name, Opened: d.now, Updated: d.now}
		d.event(sessionwarden.Event{Kind: sessionwarden.EventOpened, Text: "The incident was opened."})
	}
	d.changed = true
	return d.h.Incident
}

// gather takes what this draft found and did into the account's incident: it
// opens one where there is something that people are told of, and ends one that
// is over.
func (d *draft) gather() {
	d.resolve()
	if d.h.Incident == nil && !d.opens() {
		return
	}
	for _, m := range d.moves {
		if d.concerns(m.from) {
			d.followSession(m.to)
		}
	}
	for _, f := range d.findings {
		if f.Response >= sessionwarden.Notify || f.Seq == 0 || d.concerns(f.Seq) {
			d.joinFinding(f)
		}
	}
	for _, a := range d.actions {
		d.joinAction(a)
	}
}

// opens reports whether the draft holds what an incident begins with.
func (d *draft) opens() bool {
	return slices.ContainsFunc(d.findings, func(f sessionwarden.Finding) bool { return f.Response >= sessionwarden.Notify }) ||
		slices.ContainsFunc(d.actions, func(a sessionwarden.Action) bool { return !a.ByHand && a.Created.Equal(d.now) })
}

// concerns reports whether the open incident is about the session seq.
func (d *draft) concerns(seq uint64) bool {
	return d.h.Incident != nil && slices.Contains(d.h.Incident.Sessions, seq)
}

func (d *draft) joinFinding(f sessionwarden.Finding) {
	i := d.incident()
	if slices.Contains(i.Findings, f.ID) {
		return
	}
	noSession := len(i.Sessions) == 0
	d.joinSession(f.Seq)
	if len(i.Findings) < sessionwarden.MaxIncidentRows {
		i.Findings = append(i.Findings, f.ID)
	}
	if f.Response >= sessionwarden.Notify {
		changes := policy.ChangeOfAccount(f.Rule)
		if changes && !slices.Contains(i.Changed, f.Rule) {
			i.Changed = append(i.Changed, f.Rule)
		}
		if i.Title == "" || !changes && (f.Severity > i.Severity || noSession && f.Seq != 0) {
			i.Title = f.Reason
		}
		i.Severity = max(i.Severity, f.Severity)
	}
	d.event(sessionwarden.Event{At: f.Time, Kind: sessionwarden.EventFinding, ID: f.ID, Text: string(f.Rule) + ": " + f.Reason})
}

// joinSession notes that a session came into the incident.
func (d *draft) joinSession(seq uint64) {
	i := d.incident()
	if seq == 0 || slices.Contains(i.Sessions, seq) || len(i.Sessions) >= sessionwarden.MaxIncidentRows {
		return
	}
	i.Sessions = append(i.Sessions, seq)
	s, ok := d.sighting(seq)
	if !ok {
		return
	}
	text := "Session " + string(s.ID) + " from " + fromText(s)
	if !s.Started.IsZero() {
		text += ", signed in " + s.Started.UTC().Format("2006-01-02 15:04:05 MST")
	}
	d.event(sessionwarden.Event{Kind: sessionwarden.EventSession, ID: seq, Text: text + "."})
}

// followSession notes where a session of the incident goes on. That alone is
// nothing new: a phone that goes to and fro keeps no incident open.
func (d *draft) followSession(seq uint64) {
	i := d.incident()
	s := d.live(seq)
	if s == nil || slices.Contains(i.Sessions, seq) || len(i.Sessions) >= sessionwarden.MaxIncidentRows {
		return
	}
	i.Sessions = append(i.Sessions, seq)
	d.line(sessionwarden.Event{Kind: sessionwarden.EventSession, ID: seq, Text: "Session " + string(s.ID) + " went on elsewhere: " + fromText(*s) + "."})
}

// fromText says where a session is, and on which device.
func fromText(s sessionwarden.Sighting) string {
	text := s.AddrText()
	if s.Location.Country != "" {
		text += ", " + s.Location.Country.Name()
	}
	if s.Location.Organization != "" {
		text += " (" + s.Location.Organization + ")"
	}
	if s.Device != "" {
		text += ", " + s.Device
	}
	return text
}

// joinAction notes the state that an action has come into. What a person does by
// hand belongs to an incident that is open, and opens none.
func (d *draft) joinAction(a sessionwarden.Action) {
	if d.h.Incident == nil && a.ByHand {
		return
	}
	if was, known := d.onDisk(a.ID); known && was.State == a.State && (was.Note == a.Note || a.Note == "") {
		return // only put off, counted, or attempted
	}
	i := d.incident()
	if !slices.Contains(i.Actions, a.ID) {
		d.joinSession(a.Seq)
		if len(i.Actions) < sessionwarden.MaxIncidentRows {
			i.Actions = append(i.Actions, a.ID)
		}
		i.Severity = sessionwarden.Critical
		if i.Title == "" {
			i.Title = a.Reason
		}
	}
	d.event(sessionwarden.Event{Kind: sessionwarden.EventAction, ID: a.ID, Text: actionText(a)})
}

// actionText says in a sentence what became of a disconnection.
func actionText(a sessionwarden.Action) string {
	who := "session " + string(a.Session)
	if a.Kind == sessionwarden.EndAll {
		who = "every session"
	}
	switch a.State {
	case sessionwarden.Done:
		return "The service says that it has ended " + who + "; not proven yet."
	case sessionwarden.Verified:
		return "Proven: " + who + " is " + a.Note + "."
	}
	text := map[sessionwarden.ActionState]string{
		sessionwarden.Planned: "To be ended: ", sessionwarden.Held: "Held: ", sessionwarden.Denied: "Kept: ",
		sessionwarden.Failed: "NOT ended: ", sessionwarden.Refused: "Cannot be ended: ",
		sessionwarden.Moot: "Not needed any more: ", sessionwarden.DryRun: "Dry run, nothing was ended: ",
	}[a.State] + who
	if a.Note != "" {
		text += ", " + a.Note
	}
	return text + "."
}

// event adds what is new to the open incident's timeline.
func (d *draft) event(e sessionwarden.Event) {
	d.line(e)
	d.h.Incident.Updated = d.now
}

// line adds a line to the open incident's timeline. Its end is kept, and its
// beginning.
func (d *draft) line(e sessionwarden.Event) {
	i := d.h.Incident
	if e.At.IsZero() {
		e.At = d.now
	}
	e.Text = sessionwarden.Clean(e.Text, maxEvent)
	if len(i.Events) >= sessionwarden.MaxEvents {
		i.Events = slices.Delete(i.Events, sessionwarden.MaxEvents/2, sessionwarden.MaxEvents/2+1)
		i.More++
	}
	i.Events = append(i.Events, e)
	d.changed = true
}

// maxEvent is how many bytes one line of a timeline has at most.
const maxEvent = 512

// resolve ends the open incident where nothing is left to be done and nothing
// new was found for long enough.
func (d *draft) resolve() {
	i := d.h.Incident
	if i == nil || !over(d.h, d.now) || d.rails.Clock != "" {
		return
	}
	d.event(sessionwarden.Event{Kind: sessionwarden.EventResolved, Text: "Resolved: nothing new was found for an hour, and nothing is left to be done."})
	i.Resolved = d.now
	for _, id := range d.awaited() {
		if alert, ok := d.revised(id); ok {
			alert.Resolved, alert.Updated = d.now, d.now
			d.alerts[alert.ID] = alert
		}
	}
	d.incidents = append(d.incidents, *i)
	d.h.Incident = nil
}

// awaited returns the newest alert of the account's open incident, and its other
// ones that still wait for an answer.
func (d *draft) awaited() []uint64 {
	i := d.h.Incident
	if i == nil {
		return nil
	}
	ids := []uint64{i.AlertID}
	for id, a := range d.w.alerts {
		if changed, ok := d.alerts[id]; ok {
			a = changed
		}
		if id != i.AlertID && a.Incident == i.ID && a.Unanswered() {
			ids = append(ids, id)
		}
	}
	return ids
}

// over reports whether the history's incident is over at a time. One that has no
// room to name its actions may be of any.
func over(h sessionwarden.History, now time.Time) bool {
	i := h.Incident
	if i == nil || now.Sub(i.Updated) < sessionwarden.IncidentQuiet {
		return false
	}
	full := len(i.Actions) >= sessionwarden.MaxIncidentRows
	return !slices.ContainsFunc(h.Actions, func(a sessionwarden.Action) bool { return a.State.Open() && (full || slices.Contains(i.Actions, a.ID)) })
}
