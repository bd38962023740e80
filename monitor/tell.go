package monitor

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"sessionwarden"
	"sessionwarden/policy"
)

const (
	remindAfter     = 30 * 24 * time.Hour // before the same oddity is told again
	watcherReminder = time.Hour           // before it is told again that we are logged out
	maxTold         = 256                 // one-time tellings that an account remembers
)

// explain makes the alerts of a poll: one for what was found on sessions, and
// one for each oddity of the service that nobody was told of yet.
func (d *draft) explain(judged []policy.Judged, list sessionwarden.Listing) {
	if odd := slices.DeleteFunc(slices.Clone(d.w.untold), func(note string) bool { return !d.mayTell("note: " + note) }); len(odd) > 0 {
		d.notice(sessionwarden.ServiceOdd, sessionwarden.Warning, "The service answers in a way that is new",
			append(odd, "Watching goes on with what can be understood.")...)
	}
	for _, row := range list.Rows {
		if row.Ownership == sessionwarden.Disputed && d.mayTell("disputed: "+string(row.Key())) {
			d.notice(sessionwarden.OwnSession, sessionwarden.Critical,
				"The service marks a session as ours that contradicts our own login",
				"Session "+string(row.ID)+" from "+row.AddrText()+" is left alone, whatever the rules say.",
				"Look at it yourself: sessionwarden sessions --account "+d.account.Name)
		}
	}
	if list.LoggedOut {
		d.contested(list.Rows)
		d.loggedOut()
	}
	if items := d.items(judged); len(items) > 0 {
		d.intrusion(items)
	}
}

// revised returns an alert that people were told of in its next revision, with
// what this draft has changed in it already.
func (d *draft) revised(id uint64) (alert sessionwarden.Alert, ok bool) {
	if alert, ok = d.alerts[id]; ok {
		return alert, true
	}
	if alert, ok = d.w.alerts[id]; ok {
		alert.Revision++
		alert.Items = slices.Clone(alert.Items) // the old ones are being told of
	}
	return alert, ok
}

// intrusion tells of items in the alert of the account's incident, and ties their
// actions to it. What is new stands before what was told already. Where an alert is
// too old for that, the incident goes on in another one: a message that is changed
// in its place far up in a channel calls nobody.
func (d *draft) intrusion(items []sessionwarden.AlertItem) {
	d.resolve() // what begins after a quiet hour is another matter
	slices.SortStableFunc(items, func(a, b sessionwarden.AlertItem) int { return cmp.Compare(worst(b), worst(a)) })
	i := d.incident()
	alert, known := d.revised(i.AlertID)
	if !known || d.now.Sub(newest(alert)) >= sessionwarden.IncidentQuiet || d.now.Sub(alert.Created) >= longestAlert {
		was := alert
		alert = sessionwarden.Alert{ID: d.next(), Account: d.account.Name, Kind: sessionwarden.Intrusion, Created: d.now, Incident: i.ID}
		i.AlertID = alert.ID
		if known && was.Unanswered() { // from now on the new one waits
			alert.Raised, alert.Severity = d.now, was.Severity
			was.Raised, was.Updated = time.Time{}, d.now
			d.alerts[was.ID] = was
		}
	}
	var actions []sessionwarden.Action
	for _, item := range items {
		if item.Action != nil {
			item.Action.AlertID = alert.ID
			actions = append(actions, *item.Action)
		}
	}
	d.put(actions...)
	alert.Correction = alert.Revision // who cannot update hears of it anew
	d.raise(&alert, items[0])
	alert.Updated, alert.Severity = d.now, max(alert.Severity, worst(items[0]))
	fresh := min(len(items), freshShown) // nobody hides behind those who came before
	items, fresh = oneOfTheAccount(append(items, alert.Items...), fresh)
	slices.SortStableFunc(items[fresh:], func(a, b sessionwarden.AlertItem) int { return cmp.Compare(settled(a), settled(b)) })
	more := max(0, len(items)-sessionwarden.MaxAlertItems)
	alert.More += more
	alert.Items = slices.Clone(items[:len(items)-more]) // what is left out takes no memory
	alert.Waiting = waiting(alert)
	d.alerts[alert.ID] = alert
}

// oneOfTheAccount returns items with what was found on the account itself in the first
// item about that, however often it is changed: it is one matter, and leaves the room to
// sessions. fresh is how many of the first items are new.
func oneOfTheAccount(items []sessionwarden.AlertItem, fresh int) ([]sessionwarden.AlertItem, int) {
	merged, at, left := make([]sessionwarden.AlertItem, 0, len(items)), -1, fresh
	for i, item := range items {
		switch {
		case item.AboutSession() || item.Action != nil:
		case at < 0:
			at = len(merged)
		default:
			merged[at].Findings = thatTell(slices.Concat(merged[at].Findings, item.Findings))
			if i < fresh {
				left--
			}
			continue
		}
		merged = append(merged, item)
	}
	return merged, left
}

// maxDrops is how many of the newest findings an alert shows of a rule that speaks of
// something that happened, such as a drop of the balance, and not of how something is.
const maxDrops = 8

// thatTell keeps of each rule the newest findings, which come first, and the oldest one,
// which says how it was before.
func thatTell(findings []sessionwarden.Finding) []sessionwarden.Finding {
	oldest, seen := make(map[sessionwarden.Rule]int), make(map[sessionwarden.Rule]int)
	for i, f := range findings {
		oldest[f.Rule] = i
	}
	kept := findings[:0]
	for i, f := range findings {
		most := 1
		if f.Rule == sessionwarden.BalanceDrop || f.Rule == sessionwarden.PaymentReview {
			most = maxDrops
		}
		if seen[f.Rule]++; seen[f.Rule] <= most || i == oldest[f.Rule] {
			kept = append(kept, f)
		}
	}
	return kept
}

// raise has an alert wait for an answer, where what came into it is critical.
func (d *draft) raise(alert *sessionwarden.Alert, item sessionwarden.AlertItem) {
	if worst(item) >= sessionwarden.Critical {
		alert.Raised = d.now
	}
}

// longestAlert is for how long one alert tells of what is new in an incident that
// never comes to rest.
const longestAlert = 24 * time.Hour

// newest is when the last of what an alert shows was found, or wanted.
func newest(alert sessionwarden.Alert) time.Time {
	last := alert.Created
	for _, item := range alert.Items {
		for _, f := range item.Findings {
			last = later(last, f.Time)
		}
		if item.Action != nil {
			last = later(last, item.Action.Created)
		}
	}
	return last
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// freshShown is how many of those who came just now an alert shows in any case.
const freshShown = 4

// waiting reports whether an action that the alert shows has not been answered
// yet, or not been proven: a second's patience mostly brings the proof too.
func waiting(a sessionwarden.Alert) bool {
	return slices.ContainsFunc(a.Items, func(item sessionwarden.AlertItem) bool {
		return item.Action != nil && (item.Action.State == sessionwarden.Planned && item.Action.Note != stillListed || item.Action.State == sessionwarden.Done)
	})
}

// reviseAll brings the alerts of the matters that changed to their new state.
func (d *draft) reviseAll() {
	for _, action := range d.actions {
		if action.AlertID == 0 {
			continue
		}
		if alert, ok := d.alerts[action.AlertID]; ok && alert.Revision == 0 && alert.Updated.Equal(d.now) && alert.Created.Equal(d.now) {
			d.show(&alert, action) // made in this very draft
			d.alerts[alert.ID] = alert
			continue
		}
		_, mine := d.alerts[action.AlertID]
		alert, ok := d.revised(action.AlertID)
		if !ok {
			continue
		}
		if !mine {
			alert.Updated = d.now
		}
		changed, correction := d.show(&alert, action)
		if !changed {
			continue
		}
		if correction {
			alert.Correction = alert.Revision
		}
		d.alerts[alert.ID] = alert
	}
}

// show puts the action's present state into the alert and reports whether that
// changed it, and whether it says that what people were told before was
// untrue, or that a person is needed now.
func (d *draft) show(alert *sessionwarden.Alert, action sessionwarden.Action) (changed, correction bool) {
	if !slices.ContainsFunc(alert.Items, func(item sessionwarden.AlertItem) bool { return item.Action != nil && item.Action.ID == action.ID }) {
		return d.bringUp(alert, action)
	}
	for i := range alert.Items {
		item := &alert.Items[i]
		if item.Action == nil || item.Action.ID != action.ID {
			continue
		}
		was := *item.Action
		if was.State == action.State && was.Note == action.Note {
			continue
		}
		// What has failed before and fails again is no news.
		correction = correction || (action.Note == stillListed || action.State == sessionwarden.Failed) && action.Attempts <= maxAttempts ||
			action.State == sessionwarden.Refused && was.State != sessionwarden.Refused && action.Attempts <= 1 ||
			action.State == sessionwarden.Held && was.State != sessionwarden.Held
		changed = true
		now := action
		item.Action = &now
		if s, ok := d.sighting(action.Seq); ok {
			item.Sighting = s
		}
	}
	alert.Waiting = waiting(*alert)
	return changed, correction
}

// bringUp shows an action that the alert had no room for, where a person has
// to know of it: in the place of one that came to a good end, or of the last.
func (d *draft) bringUp(alert *sessionwarden.Alert, action sessionwarden.Action) (changed, correction bool) {
	if len(alert.Items) == 0 || action.State != sessionwarden.Failed && action.State != sessionwarden.Refused && action.State != sessionwarden.Held {
		return false, false
	}
	if action.State == sessionwarden.Failed && action.Attempts > maxAttempts || action.State == sessionwarden.Refused && action.Attempts > 1 {
		return false, false // it has failed before, and that was told
	}
	if was, known := d.onDisk(action.ID); known && was.State == action.State {
		return false, false // only put off
	}
	place := len(alert.Items) - 1
	for i, item := range alert.Items {
		if item.Action != nil && (item.Action.State == sessionwarden.Verified || item.Action.State == sessionwarden.Moot) {
			place = i
		}
	}
	s, _ := d.sighting(action.Seq)
	alert.Items[place] = sessionwarden.AlertItem{Sighting: s, Action: &action}
	alert.Waiting = waiting(*alert)
	return true, true
}

// tie has the alert that names the session of a new action show that action from now
// on: people read there what became of what they asked for.
func (d *draft) tie(action *sessionwarden.Action) {
	for _, id := range slices.Backward(slices.Sorted(maps.Keys(d.w.alerts))) {
		alert, _ := d.revised(id)
		i := slices.IndexFunc(alert.Items, func(item sessionwarden.AlertItem) bool { return item.Sighting.Seq == action.Seq })
		if i < 0 || action.Seq == 0 {
			continue
		}
		action.AlertID = id
		shown := *action
		alert.Items[i].Action = &shown
		alert.Updated = d.now
		d.alerts[id] = alert
		return
	}
}

// notice makes an alert that has no sessions: a title, and lines that say what
// the program did and what to do next. It returns its id.
func (d *draft) notice(kind sessionwarden.AlertKind, severity sessionwarden.Severity, title string, lines ...string) uint64 {
	id := d.next()
	d.alerts[id] = sessionwarden.Alert{
		ID: id, Account: d.account.Name, Kind: kind, Severity: severity,
		Created: d.now, Updated: d.now, Title: title, Lines: lines,
	}
	return id
}

// mayTell reports whether people have to be told of key, and remembers that they
// were. The same is told again after a month at the earliest.
func (d *draft) mayTell(key string) bool { return d.mayTellEvery(key, remindAfter) }

// mayTellEvery is mayTell with another time before the next telling.
func (d *draft) mayTellEvery(key string, again time.Duration) bool {
	if at, told := d.h.Told[key]; told && d.now.Sub(at) < again {
		return false
	}
	d.note(key)
	return true
}

// note remembers that something was told, or found, now.
func (d *draft) note(key string) {
	if d.h.Told == nil {
		d.h.Told = make(map[string]time.Time)
	}
	if len(d.h.Told) >= maxTold {
		oldest := ""
		for k, at := range d.h.Told {
			if oldest == "" || at.Before(d.h.Told[oldest]) {
				oldest = k
			}
		}
		delete(d.h.Told, oldest)
	}
	d.h.Told[key] = d.now
	d.dirty = true
}

// loggedOut records that our own session was ended by someone.
func (d *draft) loggedOut() {
	if d.w.acted {
		d.endedOurselves()
		return
	}
	d.h.Logouts = append(d.h.Logouts, d.now)
	if len(d.h.Logouts) > 64 {
		d.h.Logouts = d.h.Logouts[len(d.h.Logouts)-64:]
	}
	d.dirty = true
	if f, ok := policy.LoggedOut(d.account, d.h.Logouts, d.now); ok {
		f.ID = d.next()
		d.findings = append(d.findings, f)
		if f.Response >= sessionwarden.Notify && d.mayTellEvery("logged_out", watcherReminder) {
			d.notice(sessionwarden.OwnSession, f.Severity, f.Reason,
				"The watch logged in again at once and goes on.",
				"If that was not you: somebody tries to blind the watch. Change the password and the API key, and look at: sessionwarden sessions --account "+d.account.Name)
		}
	}
}

// endedOurselves records that our own call to end a session ended ours too.
func (d *draft) endedOurselves() {
	if d.w.selfEnded++; d.w.selfEnded == 2 {
		d.notice(sessionwarden.OwnSession, sessionwarden.Critical, "Ending a session ended our own one too, twice",
			"The watch logged in again and goes on; what was to be ended is still ended one by one.",
			"The service may have changed what its call does. Look at: sessionwarden actions --account "+d.account.Name)
	}
}
