package monitor

import (
	"slices"
	"time"

	"sessionwarden"
)

const (
	// flapFor is how long after an alert a session that it names may come back
	// without being told anew: the alert shows it again.
	flapFor = time.Hour
	// maxFaces is how many such sessions an account remembers.
	maxFaces = 1024
)

// face is what a session that comes back is known by. With another address or
// device it is not the same one, whatever its id.
type face struct {
	key          sessionwarden.Key
	addr, device string
}

func faceOf(s sessionwarden.Sighting) face { return face{s.Key(), s.AddrText(), s.Device} }

// remember notes which sessions an alert names.
func (w *watch) remember(a sessionwarden.Alert) {
	w.alerts[a.ID] = a
	for _, item := range a.Items {
		if len(w.faces) >= maxFaces {
			return
		}
		if item.Sighting.Seq == 0 {
			continue // about the account, or all of its sessions
		}
		if w.faces == nil {
			w.faces = make(map[face]uint64)
		}
		w.faces[faceOf(item.Sighting)] = a.ID
	}
}

// tellsOfIncident reports whether the history's open incident belongs to an alert
// still: it is the newest one that tells of it, or waits for an answer.
func tellsOfIncident(h sessionwarden.History, a sessionwarden.Alert) bool {
	return h.Incident != nil && (h.Incident.AlertID == a.ID || h.Incident.ID == a.Incident && a.Unanswered())
}

// forgetMatters drops the alerts that no open action and no open incident belongs
// to any more and no session is expected back in.
func (w *watch) forgetMatters(now time.Time) {
	expected := make(map[uint64]bool)
	for f, id := range w.faces {
		if a, ok := w.alerts[id]; ok && now.Sub(a.Created) < flapFor {
			expected[id] = true
		} else {
			delete(w.faces, f)
		}
	}
	for id, a := range w.alerts {
		if tellsOfIncident(w.h, a) {
			continue
		}
		if !expected[id] && !slices.ContainsFunc(w.h.Actions, func(action sessionwarden.Action) bool { return action.AlertID == id }) {
			delete(w.alerts, id)
		}
	}
}

// back shows a session that came and went and is there again, just as it was,
// in the alert that already tells of it, and reports whether there is one: who
// comes and goes all day is told once an hour. A channel that cannot update
// what it sent hears of the first return.
func (d *draft) back(item sessionwarden.AlertItem) bool {
	id, known := d.w.faces[faceOf(item.Sighting)]
	if !known {
		return false
	}
	alert, known := d.revised(id)
	if !known || d.now.Sub(alert.Created) >= flapFor {
		return false
	}
	i := slices.IndexFunc(alert.Items, func(old sessionwarden.AlertItem) bool {
		return faceOf(old.Sighting) == faceOf(item.Sighting) && old.Sighting.Seq != item.Sighting.Seq
	})
	if i < 0 {
		return false
	}
	if item.Action != nil {
		item.Action.AlertID = id
		d.put(*item.Action)
	}
	alert.Items[i] = item
	alert.Updated, alert.Severity = d.now, max(alert.Severity, worst(item))
	if alert.Correction == 0 {
		alert.Correction = alert.Revision
	}
	alert.Waiting = waiting(alert)
	d.alerts[id] = alert
	return true
}
