package web

import (
	"io"
	"iter"
	"net/http"
	"slices"
	"strings"
	"time"

	"sessionwarden"
)

func (a *api) status(w http.ResponseWriter, _ *http.Request, _ params) error {
	writeJSON(w, http.StatusOK, tidy(a.Status()))
	return nil
}

func (a *api) accounts(w http.ResponseWriter, _ *http.Request, _ params) error {
	writeJSON(w, http.StatusOK, tidy(a.Status()).Accounts)
	return nil
}

func (a *api) sessions(w http.ResponseWriter, r *http.Request, p params) error {
	return a.table(w, r, p, "sessions", newJSONTable)
}

func (a *api) history(w http.ResponseWriter, r *http.Request, p params) error {
	return a.table(w, r, p, "history", newJSONTable)
}

func (a *api) findings(w http.ResponseWriter, r *http.Request, p params) error {
	return a.table(w, r, p, "findings", newJSONTable)
}

func (a *api) actions(w http.ResponseWriter, r *http.Request, p params) error {
	return a.table(w, r, p, "actions", newJSONTable)
}

func (a *api) incidents(w http.ResponseWriter, r *http.Request, p params) error {
	return a.table(w, r, p, "incidents", newJSONTable)
}

// export is a table as a file: the history in JSON unless said otherwise.
func (a *api) export(w http.ResponseWriter, r *http.Request, p params) error {
	what, err := oneOf("what", p["what"], "history", []string{"history", "findings", "actions", "incidents"})
	if err != nil {
		return err
	}
	chosen, err := oneOf("format", p["format"], "json", []string{"json", "csv"})
	if err != nil {
		return err
	}
	format := newJSONTable
	if chosen == "csv" {
		format = newCSVTable(map[string]any{"history": SessionRow{}, "findings": FindingRow{}, "actions": ActionRow{}, "incidents": IncidentRow{}}[what])
	}
	return a.table(w, r, p, what, format)
}

// oneOf returns value, or fallback where it is empty, if it is among allowed.
func oneOf(name, value, fallback string, allowed []string) (string, error) {
	if value == "" {
		return fallback, nil
	}
	for _, one := range allowed {
		if value == one {
			return value, nil
		}
	}
	cure := "it can be " + list(allowed)
	if near := nearest(value, allowed); near != "" {
		cure = "did you mean " + near + "?"
	}
	return "", badRequest(name+" cannot be "+quote(value), cure)
}

// table streams what is asked for in the given format.
func (a *api) table(w http.ResponseWriter, r *http.Request, p params, what string, format func(io.Writer) (tableWriter, error)) error {
	q, err := p.query(a.Now())
	if err != nil {
		return err
	}
	var rows iter.Seq2[any, error]
	switch what {
	case "findings":
		rows = rowsOf(a.Records.Findings(r.Context(), q), NewFindingRow)
	case "actions":
		rows = rowsOf(a.Records.Actions(r.Context(), q), NewActionRow)
	case "record":
		rows = rowsOf(a.Records.Sightings(r.Context(), q), NewRecordRow)
	case "incidents":
		rows = rowsOf(a.Records.Incidents(r.Context(), q), NewIncidentRow)
	default:
		if q.Live = what == "sessions"; q.Live {
			q.Since = time.Time{} // what is live is going on now
		}
		rows = rowsOf(a.Records.Sightings(r.Context(), q), NewSessionRow)
	}
	// An account that is no longer configured still has its history. One that
	// has nothing and is not configured is a slip of the pen.
	check := func() error { return a.configured(q.Account) }
	return sendTable(w, r, rows, format, check, a.Logger)
}

// rowsOf returns the rows of nouns: pointers, each of them good until the next.
func rowsOf[Noun, Row any](nouns iter.Seq2[Noun, error], row func(Noun) Row) iter.Seq2[any, error] {
	return func(yield func(any, error) bool) {
		made := new(Row)
		for noun, err := range nouns {
			if err != nil {
				yield(nil, err)
				return
			}
			*made = row(noun)
			if !yield(made, nil) {
				return
			}
		}
	}
}

// configured returns an error where account is said but not among those that
// are watched.
func (a *api) configured(account string) error {
	if account == "" || a.Status == nil {
		return nil
	}
	var names []string
	for _, status := range a.Status().Accounts {
		if status.Account == account {
			return nil
		}
		names = append(names, status.Account)
	}
	e := &Error{
		Message: "there is no account " + quote(account),
		Cure:    existing(names),
		Status:  http.StatusNotFound,
	}
	if near := nearest(account, names); near != "" {
		e.Cure = "did you mean " + text(near) + "?"
	}
	return e
}

// existing names the accounts that there are.
func existing(names []string) string {
	const most = 5
	if len(names) == 0 || len(names) > most {
		return "the status command names the accounts"
	}
	return "there is " + text(strings.Join(names, ", "))
}

// tidy returns a status as it is told: clean texts, whole seconds, lists that
// are never null.
func tidy(s sessionwarden.Status) sessionwarden.Status {
	s.Version, s.Instance = text(s.Version), text(s.Instance)
	s.Started, s.Time = second(s.Started), second(s.Time)
	s.Warnings = cleaned(s.Warnings)
	accounts := make([]sessionwarden.AccountStatus, 0, len(s.Accounts))
	for _, a := range s.Accounts {
		a.Account, a.Error, a.AnsweredBy = text(a.Account), text(a.Error), text(a.AnsweredBy)
		for _, t := range []*time.Time{&a.LastPoll, &a.NextPoll, &a.BlindSince, &a.Baseline, &a.Learned, &a.Answered} {
			*t = second(*t)
		}
		a.Trusts = slices.Clone(a.Trusts)
		for i := range a.Trusts {
			t := &a.Trusts[i]
			t.Until, t.What, t.Note = second(t.Until), text(t.What), text(t.Note)
		}
		accounts = append(accounts, a)
	}
	channels := make([]sessionwarden.ChannelStatus, 0, len(s.Channels))
	for _, c := range s.Channels {
		c.Channel, c.Error, c.LastSent = text(c.Channel), text(c.Error), second(c.LastSent)
		channels = append(channels, c)
	}
	s.Silences = slices.Clone(s.Silences)
	for i := range s.Silences {
		one := &s.Silences[i]
		one.What, one.Reason, one.By, one.Until, one.Last = text(one.What), text(one.Reason), text(one.By), second(one.Until), second(one.Last)
	}
	s.Accounts, s.Channels = accounts, channels
	l := &s.Location
	l.Country, l.ASN, l.Failed = text(l.Country), text(l.ASN), text(l.Failed)
	l.CountryBuilt, l.ASNBuilt = second(l.CountryBuilt), second(l.ASNBuilt)
	l.Warnings = cleaned(l.Warnings)
	b := &s.Backup
	b.Dir, b.Every, b.Error, b.Last = text(b.Dir), text(b.Every), text(b.Error), second(b.Last)
	s.LastCrash = second(s.LastCrash)
	if s.Observing != nil {
		s.Observing = &sessionwarden.Observing{Since: second(s.Observing.Since), Why: text(s.Observing.Why)}
	}
	return s
}
