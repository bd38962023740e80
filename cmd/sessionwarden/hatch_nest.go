package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"

	"sessionwarden"
	"sessionwarden/config"
	"sessionwarden/mannco"
)

// madeUpAccount is an account as a configuration makes it that says no more than
// where its owner is.
func madeUpAccount(home sessionwarden.Country) (sessionwarden.Account, error) {
	text := fmt.Sprintf("[[account]]\nname = \"canary\"\napi_key = \"none\"\nexpected_countries = [%q]\n", string(home))
	cfg, err := config.Load("/canary.toml", []byte(text), new(command).configOptions())
	if err != nil {
		return sessionwarden.Account{}, err
	}
	return cfg.Accounts[0].Account, nil
}

// madeUpAnswer is what the service would answer for a list of these sessions.
func madeUpAnswer(eggs []egg) []byte {
	type row struct {
		ID        string `json:"id"`
		IP        string `json:"ip"`
		Location  string `json:"location"`
		ISP       string `json:"isp"`
		Current   bool   `json:"current"`
		UserAgent string `json:"userAgent"`
		Timestamp int64  `json:"timestamp"`
		Expire    int64  `json:"expire"`
	}
	var content struct {
		Count  int   `json:"count"`
		Values []row `json:"values"`
	}
	content.Count = len(eggs)
	for _, e := range eggs {
		content.Values = append(content.Values, row{e.id, e.addr, e.place, "Provider", e.current, eggAgent, e.started.Unix(), e.started.AddDate(0, 1, 0).Unix()})
	}
	text, err := json.Marshal(map[string]any{"err": false, "success": true, "content": content})
	if err != nil {
		return nil // which nobody can read
	}
	return text
}

// nest is the made-up service: it lists what its answer is decoded to, and lets
// go of what is ended.
type nest struct {
	hatch hatch

	mu    sync.Mutex
	eggs  []egg
	ended []sessionwarden.SessionID
}

func (n *nest) lay(eggs ...egg) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.eggs = append(n.eggs, eggs...)
}

// taken returns the sessions that somebody asked to end, in order.
func (n *nest) taken() []sessionwarden.SessionID {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.ended)
}

// Sessions implements monitor.Lister.
func (n *nest) Sessions(context.Context, bool) (sessionwarden.Listing, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := n.hatch.now().UTC().Round(0)
	page, err := mannco.DecodePage(n.hatch.answer(n.eggs), now)
	if err == nil && page.Broken != "" {
		err = errors.New(page.Broken)
	}
	if err == nil && (len(page.Rows) != len(n.eggs) || page.Count != int64(len(n.eggs))) {
		err = fmt.Errorf("of %d sessions %d came through", len(n.eggs), len(page.Rows))
	}
	l := sessionwarden.Listing{Complete: true, Asked: now, ServerTime: now}
	for i := 0; err == nil && i < len(page.Rows); i++ {
		row, e := page.Rows[i], n.eggs[i]
		if string(row.ID) != e.id || row.AddrText() != e.addr || row.UserAgent != eggAgent || !row.Started.Equal(e.started) || row.Current != e.current {
			err = errors.New("a session came through as another one: " + sessionwarden.Clean(string(row.ID)+" from "+row.AddrText(), 120))
		}
		if row.Current {
			row.Ownership = sessionwarden.Own
		}
		l.Rows = append(l.Rows, row.Session)
	}
	if err != nil {
		return sessionwarden.Listing{}, &failure{stage: "the service's answers are not understood", why: err.Error()}
	}
	return l, nil
}

// Disconnect implements monitor.Ender.
func (n *nest) Disconnect(_ context.Context, id sessionwarden.SessionID) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.ended = append(n.ended, id)
	n.eggs = slices.DeleteFunc(n.eggs, func(e egg) bool { return e.id == string(id) })
	return nil
}

// DisconnectAll implements monitor.Ender.
func (n *nest) DisconnectAll(context.Context) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.ended, n.eggs = append(n.ended, "all"), nil
	return nil
}

// memory is the made-up account's history, for as long as the play lasts.
type memory struct {
	mu       sync.Mutex
	id       uint64
	findings []sessionwarden.Finding
	actions  map[sessionwarden.SessionID]sessionwarden.Action
	alerts   map[uint64]sessionwarden.Alert
	trouble  string // what the watch would tell of itself
}

// History implements monitor.Journal.
func (m *memory) History(_ context.Context, account string) (sessionwarden.History, error) {
	return sessionwarden.History{Account: account}, nil
}

// NextID implements monitor.Journal.
func (m *memory) NextID() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.id++
	return m.id
}

// Commit implements monitor.Journal.
func (m *memory) Commit(_ context.Context, changes []sessionwarden.Change) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.actions == nil {
		m.actions, m.alerts = make(map[sessionwarden.SessionID]sessionwarden.Action), make(map[uint64]sessionwarden.Alert)
	}
	for _, c := range changes {
		m.findings = append(m.findings, c.Findings...)
		for _, a := range c.Actions {
			m.actions[a.Session] = a
		}
		for _, a := range c.Alerts {
			if m.alerts[a.ID] = a; len(a.Items) == 0 {
				m.trouble = a.Title // nothing but sessions is to be told of
			}
		}
	}
	return nil
}

// urgent takes what the watch would tell without having written it down.
func (m *memory) urgent(a sessionwarden.Alert) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.trouble = a.Title
}

// ofItself returns what the watch would tell of itself; "" for nothing.
func (m *memory) ofItself() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.trouble
}

// loudest returns a finding that people would be told of, if there is any.
func (m *memory) loudest() (loud sessionwarden.Finding, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, f := range m.findings {
		if f.Response > sessionwarden.Log && f.Session != thiefsEgg && f.Session != strangersEgg {
			return f, true
		}
	}
	return loud, false
}

// verdict holds what was found and done, and what was asked of the service,
// against what should have been. It returns the alert about it.
func (m *memory) verdict(ended []sessionwarden.SessionID) (told sessionwarden.Alert, err error) {
	if f, loud := m.loudest(); loud {
		return told, &failure{stage: "an innocent session would be disturbed", why: f.Reason, innocent: true}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	found := func(session sessionwarden.SessionID, rule sessionwarden.Rule, response sessionwarden.Response) bool {
		return slices.ContainsFunc(m.findings, func(f sessionwarden.Finding) bool {
			return f.Session == session && f.Rule == rule && f.Response == response
		})
	}
	thief, stranger := m.actions[thiefsEgg], m.actions[strangersEgg]
	unjudged := func(format string, args ...any) error {
		return &failure{stage: "the rules do not find him", why: fmt.Sprintf(format, args...)}
	}
	unended := func(format string, args ...any) error {
		return &failure{stage: "he would not be ended", why: fmt.Sprintf(format, args...)}
	}
	switch {
	case !found(thiefsEgg, sessionwarden.UnexpectedCountry, sessionwarden.Disconnect):
		return told, unjudged("unexpected_country did not ask to end a session from a country that is not expected")
	case !found(strangersEgg, sessionwarden.UnknownCountry, sessionwarden.Ask):
		return told, unjudged("unknown_country did not ask about a session from nowhere")
	case !slices.Equal(ended, []sessionwarden.SessionID{thiefsEgg}):
		return told, unended("the calls that would have been made end %q, and should end %q alone", ended, thiefsEgg)
	case thief.State != sessionwarden.Verified:
		return told, unended("his end was not proven: it is %s (%s)", thief.State, thief.Note)
	case stranger.State != sessionwarden.Held:
		return told, unended("whether to end the one from nowhere was not asked: it is %s", stranger.State)
	}
	for _, a := range m.alerts {
		if slices.ContainsFunc(a.Items, func(i sessionwarden.AlertItem) bool { return i.Sighting.ID == thiefsEgg }) {
			return a, nil
		}
	}
	return told, &failure{stage: "nobody would be told", why: "no alert came of it"}
}
