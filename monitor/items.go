package monitor

import (
	"cmp"
	"slices"

	"sessionwarden"
	"sessionwarden/policy"
)

// loudOf returns the findings that people are to be told of, the most severe
// first.
func loudOf(findings []sessionwarden.Finding) []sessionwarden.Finding {
	loud := slices.DeleteFunc(slices.Clone(findings), func(f sessionwarden.Finding) bool { return f.Response < sessionwarden.Notify })
	slices.SortStableFunc(loud, func(a, b sessionwarden.Finding) int { return cmp.Compare(b.Severity, a.Severity) })
	return loud
}

// items makes what an alert shows of what was found: on the account itself, on
// sessions, and on those that an action reaches though nothing was found on
// them. What people read of in an alert that they have is put there instead.
func (d *draft) items(judged []policy.Judged) []sessionwarden.AlertItem {
	var items []sessionwarden.AlertItem
	if item, loud := accountItem(d.about); loud {
		items = append(items, item)
	}
	for _, j := range judged {
		loud := loudOf(j.Findings)
		if len(loud) == 0 {
			continue
		}
		item := sessionwarden.AlertItem{Sighting: j.Sighting, Findings: loud, Action: d.actionOn(j.Sighting.Seq)}
		if item.Action != nil && d.grow(item) {
			continue // people read of it in the alert that they have
		}
		if d.back(item) {
			continue
		}
		items = append(items, item)
	}
	shown := make(map[uint64]bool) // actions
	for _, item := range items {
		if item.Action != nil {
			shown[item.Action.ID] = true
		}
	}
	// disconnect_all reaches sessions that nothing was found on.
	for i := range d.actions {
		if a := &d.actions[i]; a.AlertID != 0 || a.ByHand || !a.Created.Equal(d.now) || shown[a.ID] {
			continue
		}
		a := d.actions[i]
		s, _ := d.sighting(a.Seq)
		items = append(items, sessionwarden.AlertItem{Sighting: s, Action: &a})
	}
	return items
}

// actionOn returns the newest action about a sighting: of this draft, or an open
// one from before; nil if there is none.
func (d *draft) actionOn(seq uint64) *sessionwarden.Action {
	if seq == 0 {
		return nil
	}
	for _, list := range [...][]sessionwarden.Action{d.actions, d.h.Actions} {
		for i := len(list) - 1; i >= 0; i-- {
			if list[i].Seq == seq {
				action := list[i]
				return &action
			}
		}
	}
	return nil
}

// grow adds what was found to the alert that already tells of the session's
// action, and reports whether there is one. Of each rule it shows the newest
// finding: who moves on at each poll makes no message longer and longer, nor a
// channel that cannot update send one each time.
func (d *draft) grow(item sessionwarden.AlertItem) bool {
	alert, ok := d.revised(item.Action.AlertID)
	if !ok {
		return false
	}
	for i, old := range alert.Items {
		if old.Action == nil || old.Action.ID != item.Action.ID {
			continue
		}
		kept := slices.DeleteFunc(slices.Clone(old.Findings), func(f sessionwarden.Finding) bool { return hasRule(item.Findings, f.Rule) })
		if item.Action.State != old.Action.State || slices.ContainsFunc(item.Findings, func(f sessionwarden.Finding) bool { return !hasRule(old.Findings, f.Rule) }) {
			alert.Correction = alert.Revision
			d.raise(&alert, item)
		}
		item.Findings = append(kept, item.Findings...)
		alert.Items[i] = item
		alert.Updated = d.now
		alert.Severity = max(alert.Severity, worst(item))
		alert.Waiting = waiting(alert)
		d.alerts[alert.ID] = alert
		return true
	}
	return false
}

func hasRule(findings []sessionwarden.Finding, rule sessionwarden.Rule) bool {
	return slices.ContainsFunc(findings, func(f sessionwarden.Finding) bool { return f.Rule == rule })
}

// settled says how little of an item is left to be told: what waits for a person
// keeps its place in an alert, whoever floods the list, and what came to a good
// end gives way first.
func settled(item sessionwarden.AlertItem) int {
	if item.Action == nil {
		return 2
	}
	switch a := item.Action; a.State {
	case sessionwarden.Failed, sessionwarden.Refused:
		return 0
	case sessionwarden.Held:
		if a.Hold != sessionwarden.HeldStrangers {
			return 0
		}
		return 1
	case sessionwarden.Planned, sessionwarden.Done:
		return 1
	}
	return 3
}

// worst returns the highest severity of an item's findings. What is to be done
// about a session, or waits for a person, is critical whatever was found.
func worst(item sessionwarden.AlertItem) sessionwarden.Severity {
	severity := sessionwarden.Info
	for _, f := range item.Findings {
		severity = max(severity, f.Severity)
	}
	if item.Action != nil {
		severity = sessionwarden.Critical
	}
	return severity
}
