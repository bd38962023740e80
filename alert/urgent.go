package alert

import "sessionwarden"

// Urgent takes an alert that could not be committed, or that belongs into no
// history. It waits in memory only, with at most 64 others; past that the
// least severe are given up, and people are told how many. It never blocks.
func (t *Teller) Urgent(a sessionwarden.Alert) {
	t.mu.Lock()
	defer t.mu.Unlock()
	waiting := 0
	var least *matter
	for _, m := range t.known {
		if !m.urgent || !t.pending(m.alert.ID) {
			continue
		}
		if same := m.alert; a.ID == 0 && same.Kind == a.Kind && same.Account == a.Account && same.Title == a.Title && same.Key == a.Key && len(a.Items)+len(same.Items) == 0 {
			a.ID, a.Revision = same.ID, max(a.Revision, same.Revision+1)
			break
		}
		waiting++
		if least == nil || m.alert.Severity < least.alert.Severity || m.alert.Severity == least.alert.Severity && m.alert.ID > least.alert.ID {
			least = m
		}
	}
	if a.ID == 0 {
		t.metrics.told.WithLabelValues(string(a.Kind)).Inc()
		t.urgent++
		a.ID = maxCommitted + t.urgent
	}
	if waiting >= maxUrgent {
		t.shed++
		if least.alert.Severity >= a.Severity {
			t.log.Error("an alert that is on no disk was given up: too many of them wait", "account", a.Account, "kind", string(a.Kind))
			return
		}
		t.log.Error("an alert that is on no disk was given up: too many of them wait", "account", least.alert.Account, "kind", string(least.alert.Kind))
		t.drop(least.alert.ID)
	}
	t.take(a, true)
	t.notify()
}
