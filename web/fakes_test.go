package web_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"sessionwarden"
	"sessionwarden/web"
)

// noon is when all tests happen.
var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

var errDisk = errors.New("reading the history: the disk is on fire")

// sighting is a session that has everything.
func sighting(seq uint64) sessionwarden.Sighting {
	return sessionwarden.Sighting{
		Seq:     seq,
		Account: "main",
		Session: sessionwarden.Session{
			ID:              "12345",
			Addr:            netip.MustParseAddr("203.0.113.7"),
			ServiceLocation: "US: New York",
			ServiceCountry:  "US",
			ISP:             "Example Net",
			UserAgent:       "Mozilla/5.0",
			Started:         noon.Add(-time.Hour),
			Expires:         noon.Add(24 * time.Hour),
		},
		Location: sessionwarden.Location{
			Country: "US", City: "New York", ASN: 64500, Organization: "Example Org", Network: sessionwarden.Hosting,
		},
		Device:    "Windows, Chrome",
		FirstSeen: noon.Add(-50 * time.Minute).Add(123456 * time.Microsecond),
		LastSeen:  noon,
		GoneAt:    noon,
		State:     sessionwarden.Gone,
		Verdicts:  []sessionwarden.Verdict{{Rule: sessionwarden.UnexpectedCountry, Response: sessionwarden.Disconnect}},
	}
}

// finding is a finding that has everything.
func finding(id uint64) sessionwarden.Finding {
	return sessionwarden.Finding{
		ID: id, Account: "main", Seq: 1, Session: "12345",
		Rule: sessionwarden.UnexpectedCountry, Severity: sessionwarden.Critical, Response: sessionwarden.Disconnect,
		Time: noon, Reason: "signed in from US, expected DE",
		Facts:   []sessionwarden.Fact{{Name: "country", Value: "US"}, {Name: "expected", Value: "DE"}},
		Silence: `expected_countries = ["DE", "US"]`,
	}
}

// action is an action that has everything.
func action(id uint64, state sessionwarden.ActionState) sessionwarden.Action {
	return sessionwarden.Action{
		ID: id, Account: "main", State: state, Seq: 1, Session: "12345", Addr: "203.0.113.7", Device: "Windows, Chrome",
		Reason: "signed in from US", Findings: []uint64{3, 4}, Attempts: 1, By: "Anna", Created: noon, Updated: noon.Add(time.Second),
	}
}

// records is a history that remembers what it was asked.
type records struct {
	sightings int   // how many there are
	fail      error // what comes after them
	asked     *sessionwarden.Query
	produced  func(n int)
}

func (r records) Sightings(_ context.Context, q sessionwarden.Query) iter.Seq2[sessionwarden.Sighting, error] {
	return rows(r, q, sighting)
}

func (r records) Findings(_ context.Context, q sessionwarden.Query) iter.Seq2[sessionwarden.Finding, error] {
	return rows(r, q, finding)
}

func (r records) Actions(_ context.Context, q sessionwarden.Query) iter.Seq2[sessionwarden.Action, error] {
	return rows(r, q, func(id uint64) sessionwarden.Action { return action(id, sessionwarden.Verified) })
}

func (r records) Incidents(_ context.Context, q sessionwarden.Query) iter.Seq2[sessionwarden.Incident, error] {
	return rows(r, q, incident)
}

// incident is one that is over, with hostile text in it.
func incident(id uint64) sessionwarden.Incident {
	return sessionwarden.Incident{
		ID: id, Account: "main", Severity: sessionwarden.Critical, Title: "a title \x1b[31m", Opened: noon, Updated: noon, Resolved: noon,
		Sessions: []uint64{1}, Findings: []uint64{2, 3}, Actions: []uint64{4}, More: 5,
		Events: []sessionwarden.Event{{At: noon, Kind: sessionwarden.EventFinding, ID: 2, Text: "said \u202e"}, {At: noon, Kind: sessionwarden.EventResolved, Text: "over"}},
		Issued: []sessionwarden.Issue{{At: noon, Head: "a head \x1b"}},
	}
}

func rows[Row any](r records, q sessionwarden.Query, row func(uint64) Row) iter.Seq2[Row, error] {
	if r.asked != nil {
		*r.asked = q
	}
	return func(yield func(Row, error) bool) {
		for i := range r.sightings {
			if r.produced != nil {
				r.produced(i + 1)
			}
			if !yield(row(uint64(i+1)), nil) {
				return
			}
		}
		if r.fail != nil {
			var none Row
			yield(none, r.fail)
		}
	}
}

// desk does what it is told, or fails.
type desk struct {
	fail error
	got  *[]sessionwarden.SessionID
}

func (d desk) Disconnect(_ context.Context, account string, ids []sessionwarden.SessionID) ([]sessionwarden.Action, error) {
	if d.got != nil {
		*d.got = ids
	}
	a := action(1, sessionwarden.Planned)
	a.Account, a.Session = account, ids[0]
	return []sessionwarden.Action{a}, d.fail
}

func (d desk) DisconnectAll(_ context.Context, account string) ([]sessionwarden.Action, error) {
	return []sessionwarden.Action{action(1, sessionwarden.Planned), action(2, sessionwarden.Planned)}, d.fail
}

func (d desk) Approve(_ context.Context, id uint64) (sessionwarden.Action, error) {
	return action(id, sessionwarden.Planned), d.fail
}

func (d desk) Deny(_ context.Context, id uint64) (sessionwarden.Action, error) {
	return action(id, sessionwarden.Denied), d.fail
}

func (d desk) Acknowledge(ctx context.Context, id uint64) (sessionwarden.Incident, error) {
	i := incident(id)
	i.Resolved = time.Time{}
	i.Events = append(i.Events, sessionwarden.Event{At: noon, Kind: sessionwarden.EventAnswer, Text: "Acknowledged by " + sessionwarden.Asker(ctx) + "."})
	return i, d.fail
}

func (d desk) Silences() []sessionwarden.Silence {
	return []sessionwarden.Silence{
		{ID: 9, Account: "main", Until: noon, Reason: "moving", By: "owner", Created: noon.Add(-time.Hour)},
		{ID: 13, Rule: sessionwarden.NewDevice, Until: noon.Add(time.Hour), Reason: "new \u202ephones", Created: noon},
	}
}

func (d desk) Silence(_ context.Context, s sessionwarden.Silence) (sessionwarden.Silence, error) {
	s.ID, s.Created = 13, noon
	return s, d.fail
}

func (d desk) EndSilence(_ context.Context, id uint64) (sessionwarden.Silence, error) {
	return sessionwarden.Silence{ID: id, Critical: true, Until: noon.Add(time.Hour), Reason: "moving", Removed: noon}, d.fail
}

func muted(context.Context) (map[uint64]sessionwarden.Muted, error) {
	return map[uint64]sessionwarden.Muted{9: {Alerts: 3, Last: noon.Add(-time.Minute)}}, nil
}

func (d desk) Resume(context.Context) (sessionwarden.Observing, []sessionwarden.Action, error) {
	return sessionwarden.Observing{Since: noon, Why: "restored"}, []sessionwarden.Action{action(1, sessionwarden.Held)}, d.fail
}

func (d desk) Trusts(account string) []sessionwarden.Trust {
	trip := sessionwarden.Trust{ID: 12, Account: "main", Country: "JP", Until: noon.AddDate(0, 0, 14), Note: "trip", By: "owner", Created: noon}
	over := sessionwarden.Trust{ID: 9, Account: "main", Network: netip.MustParsePrefix("203.0.113.0/24"), Until: noon, Created: noon.AddDate(0, 0, -14)}
	return []sessionwarden.Trust{over, trip}
}

func (d desk) AddTrust(_ context.Context, t sessionwarden.Trust, action uint64) (sessionwarden.Trust, error) {
	t.ID, t.Created = 12, noon
	if action != 0 {
		t.Account, t.Network = "main", netip.MustParsePrefix("203.0.113.7/32")
	}
	return t, d.fail
}

func (d desk) Doubt(_ context.Context, t sessionwarden.Trust, _ uint64) error {
	if t.Country == "CN" {
		return errDoubt
	}
	return nil
}

var errDoubt = errors.New("is it meant?")

func (d desk) RemoveTrust(_ context.Context, id uint64) (sessionwarden.Trust, error) {
	return sessionwarden.Trust{ID: id, Account: "main", ASN: 64500, Until: noon.AddDate(0, 0, 14), Removed: noon}, d.fail
}

func (d desk) Profiles(_ context.Context, account string) ([]web.ProfileRow, error) {
	span := sessionwarden.Span{First: noon.AddDate(0, 0, -30), Last: noon, Weight: 4}
	return []web.ProfileRow{{Account: "main", Countries: []web.KnownRow{web.NewKnownRow("DE", "Ger\x1bmany", span)}, Hours: make([]float64, 24)}}, d.fail
}

func (d desk) ResetProfile(_ context.Context, account string) (web.ProfileRow, error) {
	return web.ProfileRow{Account: account, Since: noon}, d.fail
}

func (d desk) Explain(_ context.Context, account, session string) (web.Explanation, error) {
	f := finding(3)
	f.Reason += "\x1b[31m"
	return web.Explanation{Session: web.NewSessionRow(sighting(1)), AsOf: "then", Answers: []web.AnswerRow{
		web.NewAnswerRow(f.Rule, &f, ""), web.NewAnswerRow(sessionwarden.NewDevice, nil, "the device is \u202eknown"),
	}, Account: []web.AccountAnswerRow{
		web.NewAccountAnswerRow(sessionwarden.NameChanged, "the name is \u202eEve", noon, []sessionwarden.Finding{f}),
	}}, d.fail
}

func status() sessionwarden.Status {
	return sessionwarden.Status{
		Version: "1.0", Instance: "here", Running: true, Time: noon,
		Accounts: []sessionwarden.AccountStatus{{Account: "main", LastPoll: noon, Live: 2}, {Account: "second"}},
	}
}

// errMissing says that what was named is not there.
type errMissing struct{}

func (errMissing) Error() string  { return "there is no such thing" }
func (errMissing) NotFound() bool { return true }

// full returns options with everything in them, over n rows.
func full(n int) web.APIOptions {
	return web.APIOptions{
		Records:  records{sightings: n},
		Desk:     desk{},
		Answers:  desk{},
		Trust:    desk{},
		Silences: desk{}, Muted: muted,
		OwnRules: func(account string) []sessionwarden.Rule {
			if account == "second" {
				return nil
			}
			return []sessionwarden.Rule{"night_login"}
		},
		Insight: desk{},
		Status:  status,
		Evidence: func(_ context.Context, id uint64) (web.Evidence, error) {
			if id == 404 {
				return web.Evidence{}, errMissing{}
			}
			return web.Evidence{Incident: fmt.Sprint(id), Account: "main\x1b", Made: noon.Add(time.Millisecond), Head: "a head", Records: 3, Page: "<p title=\"a & b\">\n</p>"}, nil
		},
		Backup: func(context.Context, string) error { return nil },
		Alerts: tellings{n: n},
		TestAlerts: func(context.Context) []web.ChannelTest {
			return []web.ChannelTest{{Channel: "slack", OK: true, Outcome: "accepted"}}
		},
		Check: func(context.Context) (web.DatabaseCheck, error) {
			return web.DatabaseCheck{Path: "/data/history.db", Whole: true, Bytes: 4096, Rows: map[string]int{"accounts": 1}}, nil
		},
		Now: func() time.Time { return noon },
	}
}

// tellings are n alerts, an hour apart up to noon; what is told of one goes by its
// id.
type tellings struct{ n int }

func (f tellings) Alerts(_ context.Context, q sessionwarden.Query) iter.Seq2[web.AlertRow, error] {
	return func(yield func(web.AlertRow, error) bool) {
		for i := range f.n {
			a := sessionwarden.Alert{
				ID: uint64(i + 1), Account: "main", Kind: sessionwarden.Blind, Severity: sessionwarden.Critical, Revision: 2,
				Created: noon.Add(time.Duration(i-f.n) * time.Hour), Updated: noon,
			}
			if a.Created.Before(q.Since) || q.ID != 0 && q.ID != a.ID || q.Account != "" && q.Account != a.Account {
				continue
			}
			row := web.NewAlertRow(a, "a title\x1b")
			d := sessionwarden.Delivery{Attempts: i, First: a.Created, Time: noon}
			row.Channels = append(row.Channels, web.NewAlertChannelRow(d, "slack", []string{"sent", "pending", "failed", "late", "silenced", "passed over"}[i%6], "why\u202e"))
			if !yield(row, nil) {
				return
			}
		}
	}
}

func (tellings) Resend(_ context.Context, id uint64, channel string) ([]web.ChannelTest, error) {
	if id == 404 || channel == "nowhere" {
		return nil, errMissing{}
	}
	return []web.ChannelTest{{Channel: "slack", OK: true, Outcome: "delivered\x1b"}}, nil
}

// answer is what came back.
type answer struct {
	status  int
	header  http.Header
	body    string
	broken  error // the body ended before its end
	trailer http.Header
}

// ask makes one request of a handler, in process.
func ask(t testing.TB, h http.Handler, method, path, body string, headers ...string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://localhost"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body == "" {
		req.Body, req.ContentLength = http.NoBody, 0
	} else {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
		if name == "Host" {
			req.Host = value
		}
	}
	return askOver(t, web.InProcess(h), req)
}

// askOver makes one request over a transport.
func askOver(t testing.TB, over http.RoundTripper, req *http.Request) answer {
	t.Helper()
	resp, err := over.RoundTrip(req)
	if err != nil {
		t.Fatalf("%s %s: %v", req.Method, req.URL, err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(text), err, resp.Trailer}
}

// decode reads an answer's JSON, strictly.
func decode[V any](t testing.TB, text string) V {
	t.Helper()
	var v V
	dec := json.NewDecoder(strings.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return v
}

// collect drains a table.
func collect[Row any](table iter.Seq2[Row, error]) (rows []Row, err error) {
	for row, fail := range table {
		if fail != nil {
			return rows, fail
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// endless is a history without end that says when nobody reads it any more.
type endless struct {
	records
	stopped chan struct{}
}

func (e endless) Sightings(context.Context, sessionwarden.Query) iter.Seq2[sessionwarden.Sighting, error] {
	return func(yield func(sessionwarden.Sighting, error) bool) {
		defer close(e.stopped)
		for seq := uint64(1); yield(sighting(seq), nil); seq++ {
		}
	}
}

// one is a history of one given session.
type one struct{ s sessionwarden.Sighting }

func (o one) Sightings(context.Context, sessionwarden.Query) iter.Seq2[sessionwarden.Sighting, error] {
	return func(yield func(sessionwarden.Sighting, error) bool) { yield(o.s, nil) }
}

func (o one) Findings(context.Context, sessionwarden.Query) iter.Seq2[sessionwarden.Finding, error] {
	return func(func(sessionwarden.Finding, error) bool) {}
}

func (o one) Actions(context.Context, sessionwarden.Query) iter.Seq2[sessionwarden.Action, error] {
	return func(func(sessionwarden.Action, error) bool) {}
}

func (o one) Incidents(context.Context, sessionwarden.Query) iter.Seq2[sessionwarden.Incident, error] {
	return func(func(sessionwarden.Incident, error) bool) {}
}
