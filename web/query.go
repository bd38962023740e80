package web

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"sessionwarden"
)

// Query chooses rows of a table, in the words of the command line. The zero
// value chooses all.
type Query struct {
	Account string // "" every account
	Since   string // see [ParseSince]; "" from the beginning
	ID      string // only this finding or action; not for sessions
}

// values returns q as a request's parameters.
func (q Query) values() url.Values {
	v := url.Values{}
	for name, value := range map[string]string{"account": q.Account, "since": q.Since, "id": q.ID} {
		if value != "" {
			v.Set(name, value)
		}
	}
	return v
}

// ParseSince reads the beginning of a span of time, as --since takes it: an
// age such as 90m, 24h, 7d or 2w before now, a day such as 2026-01-31 (UTC), or
// a time in RFC 3339. "" is the zero time. The error is an *[Error].
func ParseSince(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if len(text) <= 40 {
		for _, layout := range []string{time.RFC3339, time.DateOnly} {
			if t, err := time.Parse(layout, text); err == nil {
				return t.UTC(), nil
			}
		}
		if age, ok := sessionwarden.ParseSpan(text); ok {
			return now.Add(-age).UTC(), nil
		}
	}
	return time.Time{}, &Error{
		Message: "since: " + quote(text) + " is no time",
		Cure:    "write an age such as 24h or 7d, a day such as 2026-01-31, or a time such as 2026-01-31T12:00:00Z",
		Status:  http.StatusBadRequest,
	}
}

// params are the parameters of one request, each named at most once.
type params map[string]string

// parseParams reads a request's parameters and refuses those that are not
// among allowed, so that a misspelt one does not choose everything.
func parseParams(raw string, allowed []string) (params, error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, badRequest("the parameters after the ? cannot be read", "write name=value, joined by &")
	}
	p := params{}
	for name, all := range values {
		if !slices.Contains(allowed, name) {
			return nil, unknownParam(name, allowed)
		}
		if len(all) > 1 {
			return nil, badRequest("the parameter "+name+" is given more than once", "give it once")
		}
		if len(all[0]) > sessionwarden.MaxText {
			return nil, badRequest("the parameter "+name+" is too long", "at most "+strconv.Itoa(sessionwarden.MaxText)+" bytes")
		}
		p[name] = all[0]
	}
	return p, nil
}

func unknownParam(name string, allowed []string) *Error {
	cure := "it takes no parameters"
	if len(allowed) > 0 {
		cure = "it takes " + list(allowed)
	}
	if near := nearest(name, allowed); near != "" {
		cure = "did you mean " + near + "?"
	}
	return badRequest("there is no parameter "+quote(name), cure)
}

// query returns the rows that p asks for.
func (p params) query(now time.Time) (sessionwarden.Query, error) {
	since, err := ParseSince(p["since"], now)
	if err != nil {
		return sessionwarden.Query{}, err
	}
	q := sessionwarden.Query{Account: p["account"], Since: since}
	if p["id"] != "" {
		if q.ID, err = parseID(p["id"]); err != nil {
			return sessionwarden.Query{}, err
		}
	}
	return q, nil
}

// parseID reads the id of a finding or an action.
func parseID(text string) (uint64, error) {
	id, err := strconv.ParseUint(text, 10, 64)
	if err != nil || id == 0 {
		return 0, badRequest(quote(text)+" is no id", "ids are whole numbers, as the tables show them")
	}
	return id, nil
}

func badRequest(message, cure string) *Error {
	return &Error{Message: message, Cure: cure, Status: http.StatusBadRequest}
}
