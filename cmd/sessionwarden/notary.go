package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"sessionwarden"
	"sessionwarden/evidence"
	"sessionwarden/storage"
	"sessionwarden/web"
)

// notary makes files of evidence over the database, and issues them.
type notary struct{ app *app }

// evidenceBefore is how long before an incident a session may have moved to be
// shown as it was then.
const evidenceBefore = 24 * time.Hour

// issue makes the file of an incident and writes its head down with the incident.
// A file that is not written down is not handed out.
func (n notary) issue(ctx context.Context, id uint64) (web.Evidence, error) {
	n.app.issuing.Lock() // one at a time: a file may be large
	defer n.app.issuing.Unlock()
	s, err := n.source(ctx, id)
	if err != nil {
		return web.Evidence{}, err
	}
	file := evidence.Make(s)
	account := s.Incident.Account
	if err := n.app.monitor.IssueEvidence(ctx, account, id, sessionwarden.Issue{At: s.Made, Head: file.Head}); err != nil {
		return web.Evidence{}, fmt.Errorf("writing down that the file was made: %w", err)
	}
	n.app.log.Info("a file of evidence was made", "account", account, "incident", id, "head", file.Head)
	return web.Evidence{
		Incident: fmt.Sprint(id), Account: account, Made: s.Made, Head: file.Head, Records: file.Records, Page: string(file.Page),
	}, nil
}

// source gathers what is recorded of an incident.
func (n notary) source(ctx context.Context, id uint64) (evidence.Source, error) {
	a := n.app
	i, there, err := a.incident(ctx, id)
	if err == nil && !there {
		err = &nowhere{fmt.Sprintf("there is no incident %d", id), "sessionwarden incidents shows those there are"}
	}
	if err != nil {
		return evidence.Source{}, err
	}
	s := evidence.Source{
		Program: version, Instance: a.cfg.Instance, Made: a.outside.now().UTC().Truncate(time.Second), Incident: i, Keep: a.cfg.History.Keep,
	}
	account, h, watched := a.monitor.Known(i.Account)
	if s.Service = account.Service; !watched {
		s.Service = "mannco"
		if h, err = a.db.History(ctx, i.Account); err != nil {
			return s, err
		}
	}
	s.Facts = h.Facts
	if err := n.sightings(ctx, &s); err != nil {
		return s, err
	}
	for _, id := range i.Findings {
		for f, err := range a.db.Findings(ctx, sessionwarden.Query{ID: id}) {
			if err := taken(&s, &s.Findings, f, err); err != nil {
				return s, err
			}
		}
	}
	for _, id := range i.Actions {
		for action, err := range a.db.Actions(ctx, sessionwarden.Query{ID: id}) {
			if err := taken(&s, &s.Actions, action, err); err != nil {
				return s, err
			}
		}
	}
	slices.SortStableFunc(s.Findings, func(a, b sessionwarden.Finding) int { return a.Time.Compare(b.Time) })
	return s, nil
}

// sightings gathers the sessions of the incident and those that lived beside it.
func (n notary) sightings(ctx context.Context, s *evidence.Source) error {
	rows := records{n.app.db, n.app}
	account := s.Incident.Account
	seen := make(map[uint64]bool)
	queries := []sessionwarden.Query{{Account: account, Live: true}, {Account: account, Since: s.Incident.Opened.Add(-evidenceBefore)}}
	for _, seq := range s.Incident.Sessions {
		queries = append(queries, sessionwarden.Query{Account: account, ID: seq})
	}
	for _, q := range queries {
		if q.ID != 0 && seen[q.ID] {
			continue
		}
		for row, err := range rows.Sightings(ctx, q) {
			if err == nil && seen[row.Seq] {
				continue
			}
			if err := taken(s, &s.Sightings, row, err); err != nil {
				return err
			}
			seen[row.Seq] = true
		}
	}
	slices.SortFunc(s.Sightings, func(a, b sessionwarden.Sighting) int { return cmp.Compare(a.Seq, b.Seq) })
	return nil
}

// taken adds a row to a list; one that is damaged is counted, and ends nothing.
func taken[Row any](s *evidence.Source, list *[]Row, row Row, err error) error {
	var corrupt *storage.CorruptError
	switch {
	case errors.As(err, &corrupt):
		s.Damaged++
	case err != nil:
		return err
	default:
		*list = append(*list, row)
	}
	return nil
}

// incident returns an incident as it is on the disk.
func (a *app) incident(ctx context.Context, id uint64) (sessionwarden.Incident, bool, error) {
	for i, err := range a.db.Incidents(ctx, sessionwarden.Query{ID: id}) {
		return i, err == nil, err
	}
	return sessionwarden.Incident{}, false, nil
}
