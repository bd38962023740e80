package web

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"sessionwarden"
)

// Silencer keeps the silences. Its errors may have the methods that those of a
// [Desk] may have.
type Silencer interface {
	// Silences returns those that hold, and those that ended lately.
	Silences() []sessionwarden.Silence
	// Silence writes down s and returns it as it is then.
	Silence(ctx context.Context, s sessionwarden.Silence) (sessionwarden.Silence, error)
	// EndSilence ends one before its time.
	EndSilence(ctx context.Context, id uint64) (sessionwarden.Silence, error)
}

// SilenceRow is one silence, with what it left out.
type SilenceRow struct {
	ID        string    `json:"id"`
	Account   string    `json:"account,omitempty"` // absent: every account, and the program itself
	Rule      string    `json:"rule,omitempty"`    // absent: any
	Kind      string    `json:"kind,omitempty"`    // absent: any
	Critical  bool      `json:"critical"`          // critical alerts too
	Until     time.Time `json:"until"`
	Reason    string    `json:"reason"`
	By        string    `json:"by,omitempty"` // which user added it
	Created   time.Time `json:"created,omitzero"`
	Removed   time.Time `json:"removed,omitzero"`
	State     string    `json:"state"` // holds, expired or removed
	Muted     int       `json:"muted"` // how many alerts it left out
	LastMuted time.Time `json:"last_muted,omitzero"`
}

// What says what is silent, in a few words.
func (r SilenceRow) What() string {
	return sessionwarden.Silence{Account: r.Account, Rule: sessionwarden.Rule(r.Rule), Topic: sessionwarden.Topic(r.Kind), Critical: r.Critical}.What()
}

// NewSilenceRow returns the row of a silence as it is at now, and of what it left
// out.
func NewSilenceRow(s sessionwarden.Silence, m sessionwarden.Muted, now time.Time) SilenceRow {
	return SilenceRow{
		ID: number(s.ID), Account: text(s.Account), Rule: text(string(s.Rule)), Kind: text(string(s.Topic)), Critical: s.Critical,
		Until: second(s.Until), Reason: text(s.Reason), By: text(s.By), Created: second(s.Created), Removed: second(s.Removed), State: s.State(now),
		Muted: m.Alerts, LastMuted: second(m.Last),
	}
}

// SilenceOrder is the body of POST silence-add: what is not to be sent, until when
// and why. What is left out of account, rule and kind means any.
type SilenceOrder struct {
	Account  string `json:"account,omitempty"`
	Rule     string `json:"rule,omitempty"`
	Kind     string `json:"kind,omitempty"`
	Critical bool   `json:"critical,omitempty"`
	Until    string `json:"until"`
	Reason   string `json:"reason"`
}

// Silence checks the order as far as that can be done without knowing the
// configuration, and returns what it says. Its errors are of type *[Error].
func (o SilenceOrder) Silence(now time.Time) (sessionwarden.Silence, error) {
	s := sessionwarden.Silence{Account: o.Account, Rule: sessionwarden.Rule(o.Rule), Critical: o.Critical}
	if o.Kind != "" {
		var kinds []string
		for _, t := range sessionwarden.Topics() {
			if t != sessionwarden.TopicEscalation {
				kinds = append(kinds, string(t))
			}
		}
		if o.Kind == string(sessionwarden.TopicEscalation) {
			kinds = append(kinds, o.Kind) // a silence of it is void, which is said below
		}
		kind, err := oneOf("kind", o.Kind, "", kinds)
		if err != nil {
			return s, err
		}
		s.Topic = sessionwarden.Topic(kind)
	}
	if problem, cure := s.Void(); problem != "" {
		return s, badRequest(problem, cure)
	}
	var err error
	if s.Until, err = sessionwarden.ParseSilenceEnd(o.Until, now); err != nil {
		return s, badRequest(err.Error(), `write, for instance, {"rule": "new_device", "until": "2h", "reason": "new phones"}`)
	}
	s.Reason = sessionwarden.Clean(o.Reason, sessionwarden.MaxSilenceReason)
	switch {
	case s.Reason == "":
		return s, badRequest("a silence wants a reason", "say why, for whoever wonders later why it was quiet")
	case len(o.Reason) > sessionwarden.MaxSilenceReason:
		return s, badRequest("the reason is too long", "at most "+strconv.Itoa(sessionwarden.MaxSilenceReason)+" bytes")
	}
	return s, nil
}

// ruleExists returns an error where an account ("": any) has no rule of that name.
func (a *api) ruleExists(rule sessionwarden.Rule, account string) error {
	var names []string
	for _, info := range sessionwarden.Rules() {
		names = append(names, string(info.Rule))
	}
	if a.OwnRules != nil {
		for _, own := range a.OwnRules(account) {
			names = append(names, string(own))
		}
	}
	for _, name := range names {
		if name == string(rule) {
			return nil
		}
	}
	e := &Error{Message: "there is no rule " + quote(string(rule)), Cure: "README.md lists the rules; your own ones stand in the configuration, as [[rule]]", Status: http.StatusNotFound}
	if account != "" {
		e.Message += " for account " + quote(account)
	}
	if near := nearest(string(rule), names); near != "" {
		e.Cure = "did you mean " + text(near) + "?"
	}
	return e
}

func (a *api) silences(w http.ResponseWriter, r *http.Request, _ params) error {
	muted, err := a.Muted(r.Context())
	if err != nil {
		return err
	}
	rows := []SilenceRow{}
	for _, s := range a.Silences.Silences() {
		rows = append(rows, NewSilenceRow(s, muted[s.ID], a.Now()))
	}
	writeJSON(w, http.StatusOK, rows)
	return nil
}

func (a *api) silenceAdd(w http.ResponseWriter, r *http.Request, _ params) error {
	var order SilenceOrder
	if err := readBody(w, r, &order, "account, rule, kind, critical, until and reason"); err != nil {
		return err
	}
	s, err := order.Silence(a.Now().UTC())
	if err != nil {
		return err
	}
	if err := a.configured(s.Account); err != nil {
		return err
	}
	if s.Rule != "" {
		if err := a.ruleExists(s.Rule, s.Account); err != nil {
			return err
		}
	}
	s.By = sessionwarden.Asker(r.Context())
	if s, err = a.Silences.Silence(r.Context(), s); err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, NewSilenceRow(s, sessionwarden.Muted{}, a.Now()))
	return nil
}

func (a *api) silenceRemove(w http.ResponseWriter, r *http.Request, _ params) error {
	id, err := readAnswer(w, r)
	if err != nil {
		return err
	}
	muted, err := a.Muted(r.Context())
	if err != nil {
		return err
	}
	s, err := a.Silences.EndSilence(r.Context(), id)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, NewSilenceRow(s, muted[id], a.Now()))
	return nil
}

func (a *api) acknowledge(w http.ResponseWriter, r *http.Request, _ params) error {
	id, err := readIncident(w, r)
	if err != nil {
		return err
	}
	i, err := a.Answers.Acknowledge(r.Context(), id)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, NewIncidentRow(i))
	return nil
}

// Silences returns the silences that hold, and those that ended lately.
func (c *Client) Silences(ctx context.Context) ([]SilenceRow, error) {
	var rows []SilenceRow
	err := c.call(ctx, http.MethodGet, "silences", nil, &rows)
	return rows, err
}

// AddSilence adds a silence.
func (c *Client) AddSilence(ctx context.Context, order SilenceOrder) (SilenceRow, error) {
	var row SilenceRow
	err := c.call(ctx, http.MethodPost, "silence-add", order, &row)
	return row, err
}

// RemoveSilence ends a silence before its time.
func (c *Client) RemoveSilence(ctx context.Context, id uint64) (SilenceRow, error) {
	var row SilenceRow
	err := c.call(ctx, http.MethodPost, "silence-remove", answerOrder{ID: number(id)}, &row)
	return row, err
}

// Acknowledge notes that an incident has been seen, and returns it as it is then.
func (c *Client) Acknowledge(ctx context.Context, incident uint64) (IncidentRow, error) {
	var row IncidentRow
	err := c.call(ctx, http.MethodPost, "acknowledge", incidentOrder{Incident: number(incident)}, &row)
	return row, err
}
