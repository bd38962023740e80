package web

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"sessionwarden"
)

// Insight says what is known of accounts' owners, and why a session was judged as
// it was. Its errors may have the methods that those of a [Desk] may have. What
// it returns comes from the functions New… of this package: its texts are clean.
type Insight interface {
	// Profiles returns what is known of an account's owner ("": of all).
	Profiles(ctx context.Context, account string) ([]ProfileRow, error)
	// ResetProfile begins a profile anew and returns it as it is then.
	ResetProfile(ctx context.Context, account string) (ProfileRow, error)
	// Explain judges one session once more, with all that each rule says: one by
	// the service's id, or "#" and the row of the history. account may be "".
	Explain(ctx context.Context, account, session string) (Explanation, error)
}

// ProfileRow is what is known of an account's owner.
type ProfileRow struct {
	Account   string     `json:"account"`
	Countries []KnownRow `json:"countries"`
	Networks  []KnownRow `json:"networks"`
	Devices   []KnownRow `json:"devices"`
	Hours     []float64  `json:"hours"` // how much the account was used in each hour of the day, UTC
	Sessions  int        `json:"sessions"`
	MostLive  int        `json:"most_live"`

	Active   time.Time `json:"active,omitzero"`         // the owner's last activity that it was learned from
	Baseline time.Time `json:"baseline,omitzero"`       // the account's first poll
	Since    time.Time `json:"since,omitzero"`          // when a person had it begun anew
	Learning time.Time `json:"learning_until,omitzero"` // until when the account is learned at the latest
}

// KnownRow is one country, network or device of a profile.
type KnownRow struct {
	What   string    `json:"what"` // DE, AS64500, or a device
	Name   string    `json:"name,omitempty"`
	First  time.Time `json:"first,omitzero"`
	Last   time.Time `json:"last,omitzero"`
	Weight float64   `json:"weight"` // how often, what was long ago counting less
}

// NewKnownRow returns the row of something that a profile knows.
func NewKnownRow(what, name string, s sessionwarden.Span) KnownRow {
	weight := s.Weight
	if !(weight > 0) {
		weight = 1
	}
	return KnownRow{What: text(what), Name: text(name), First: second(s.First), Last: second(s.Last), Weight: weight}
}

// Explanation is why a session was judged as it was.
type Explanation struct {
	Session SessionRow         `json:"session"`
	AsOf    string             `json:"as_of"` // now, or then: when it came
	Time    time.Time          `json:"time,omitzero"`
	Others  int                `json:"others,omitempty"` // how many more rows of the history have its id
	Answers []AnswerRow        `json:"answers"`
	Account []AccountAnswerRow `json:"account"`           // what the rules say that judge no session
	DryRun  bool               `json:"dry_run,omitempty"` // nothing of the account is ended
	Note    string             `json:"note,omitempty"`    // why there is no answer
	Trusts  []string           `json:"trusts,omitempty"`  // with an end, that spoke for it

	Findings []FindingRow `json:"findings"` // that were recorded
	Actions  []ActionRow  `json:"actions"`

	Profile ProfileRow `json:"profile"` // as it was then
}

// AnswerRow is what one rule says of a session.
type AnswerRow struct {
	Rule     string            `json:"rule"`
	Matched  bool              `json:"matched"`
	Why      string            `json:"why,omitempty"` // why it did not match
	Severity string            `json:"severity,omitempty"`
	Response string            `json:"response,omitempty"`
	Reason   string            `json:"reason,omitempty"`
	Capped   string            `json:"capped,omitempty"`
	Silence  string            `json:"silence,omitempty"`
	Facts    map[string]string `json:"facts,omitempty"`
}

// NewAnswerRow returns what a rule says: its finding, or with nil why there is
// none.
func NewAnswerRow(rule sessionwarden.Rule, f *sessionwarden.Finding, why string) AnswerRow {
	if f == nil {
		return AnswerRow{Rule: text(string(rule)), Why: sessionwarden.Clean(why, maxReason)}
	}
	row := NewFindingRow(*f)
	return AnswerRow{
		Rule: row.Rule, Matched: true, Severity: row.Severity, Response: row.Response,
		Reason: row.Reason, Capped: row.Capped, Silence: row.Silence, Facts: row.Facts,
	}
}

// AccountAnswerRow is what a rule that judges the account alone says beside a
// session.
type AccountAnswerRow struct {
	Rule    string       `json:"rule"`
	Says    string       `json:"says"`              // how its fact stood when it was read last, or why nobody knows
	Read    time.Time    `json:"read,omitzero"`     // when that was
	Changes []FindingRow `json:"changes,omitempty"` // what it found while the session was there
}

// NewAccountAnswerRow returns what a rule says of the account.
func NewAccountAnswerRow(rule sessionwarden.Rule, says string, read time.Time, changes []sessionwarden.Finding) AccountAnswerRow {
	row := AccountAnswerRow{Rule: text(string(rule)), Says: sessionwarden.Clean(says, maxReason), Read: second(read)}
	for _, f := range changes {
		row.Changes = append(row.Changes, NewFindingRow(f))
	}
	return row
}

func (a *api) profile(w http.ResponseWriter, r *http.Request, p params) error {
	if err := a.configured(p["account"]); err != nil {
		return err
	}
	rows, err := a.Insight.Profiles(r.Context(), p["account"])
	if err != nil {
		return err
	}
	if rows == nil {
		rows = []ProfileRow{}
	}
	writeJSON(w, http.StatusOK, rows)
	return nil
}

// accountOrder is the body of POST profile-reset.
type accountOrder struct {
	Account string `json:"account"`
}

func (a *api) profileReset(w http.ResponseWriter, r *http.Request, _ params) error {
	var order accountOrder
	if err := readBody(w, r, &order, "account"); err != nil {
		return err
	}
	if order.Account == "" {
		return badRequest("no account is named", `say which: {"account": "main"}`)
	}
	if err := a.configured(order.Account); err != nil {
		return err
	}
	row, err := a.Insight.ResetProfile(r.Context(), order.Account)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, row)
	return nil
}

func (a *api) explain(w http.ResponseWriter, r *http.Request, p params) error {
	if err := a.configured(p["account"]); err != nil {
		return err
	}
	if p["session"] == "" {
		return badRequest("no session is named", "write its id, or # (%23) and its row of the history: session=12345")
	}
	e, err := a.Insight.Explain(r.Context(), p["account"], p["session"])
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, e)
	return nil
}

// Profiles returns what is known of an account's owner ("": of all).
func (c *Client) Profiles(ctx context.Context, account string) ([]ProfileRow, error) {
	var rows []ProfileRow
	err := c.callWith(ctx, http.MethodGet, "profile", Query{Account: account}.values(), nil, &rows)
	return rows, err
}

// ResetProfile begins an account's profile anew.
func (c *Client) ResetProfile(ctx context.Context, account string) (ProfileRow, error) {
	var row ProfileRow
	err := c.call(ctx, http.MethodPost, "profile-reset", accountOrder{Account: account}, &row)
	return row, err
}

// Explain says why a session was judged as it was.
func (c *Client) Explain(ctx context.Context, account, session string) (Explanation, error) {
	var e Explanation
	params := url.Values{"session": {session}}
	if account != "" {
		params.Set("account", account)
	}
	err := c.callWith(ctx, http.MethodGet, "explain", params, nil, &e)
	return e, err
}
