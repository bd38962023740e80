package monitor

import (
	"context"
	"fmt"
	"slices"

	"sessionwarden"
)

// IssueEvidence writes down that a file of evidence was made of an incident. It
// is on disk when this returns without an error; people hear nothing of it.
func (m *Monitor) IssueEvidence(ctx context.Context, account string, incident uint64, issue sessionwarden.Issue) error {
	w := m.byName(account)
	if w == nil {
		return m.issueUnwatched(ctx, account, incident, issue)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	d := m.draft(w)
	if open := d.h.Incident; open != nil && open.ID == incident {
		open.Issued, d.changed = issued(open.Issued, issue), true
		return m.finish(ctx, w, d, nil, nil)
	}
	i, err := m.incidentOnDisk(ctx, incident)
	if err != nil {
		return err
	}
	i.Issued = issued(i.Issued, issue)
	d.incidents = append(d.incidents, i)
	return m.finish(ctx, w, d, nil, nil)
}

// issueUnwatched is IssueEvidence for an account that is not in the configuration
// any more. Nothing else writes its records, and none begins to meanwhile.
func (m *Monitor) issueUnwatched(ctx context.Context, account string, incident uint64, issue sessionwarden.Issue) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.watches[account] != nil {
		return &WishError{text: "account " + account + " has just been put into the configuration", cure: "ask again"}
	}
	h, err := m.opts.Journal.History(ctx, account)
	if err != nil {
		return err
	}
	i, err := m.incidentOnDisk(ctx, incident)
	if err != nil {
		return err
	}
	i.Issued = issued(i.Issued, issue)
	if h.Incident != nil && h.Incident.ID == i.ID {
		h.Incident = &i
	}
	return m.opts.Journal.Commit(context.WithoutCancel(ctx), []sessionwarden.Change{{History: h, Incidents: []sessionwarden.Incident{i}}})
}

// incidentOnDisk returns an incident that is not open, or whose account is not
// watched.
func (m *Monitor) incidentOnDisk(ctx context.Context, id uint64) (sessionwarden.Incident, error) {
	if m.opts.Incident != nil {
		if i, there, err := m.opts.Incident(ctx, id); there || err != nil {
			return i, err
		}
	}
	return sessionwarden.Incident{}, &WishError{text: fmt.Sprintf("there is no incident %d", id), cure: "sessionwarden incidents shows those there are", missing: true}
}

// issued adds a file to those of an incident; the oldest make room.
func issued(list []sessionwarden.Issue, issue sessionwarden.Issue) []sessionwarden.Issue {
	list = append(slices.Clone(list), issue)
	return list[max(0, len(list)-sessionwarden.MaxIssues):]
}
