package web

import (
	"context"
	"iter"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sessionwarden"
)

// Records is where the tables come from, in order of arrival. An iteration
// that yields an error yields nothing after it.
type Records interface {
	Sightings(ctx context.Context, q sessionwarden.Query) iter.Seq2[sessionwarden.Sighting, error]
	Findings(ctx context.Context, q sessionwarden.Query) iter.Seq2[sessionwarden.Finding, error]
	Actions(ctx context.Context, q sessionwarden.Query) iter.Seq2[sessionwarden.Action, error]
	Incidents(ctx context.Context, q sessionwarden.Query) iter.Seq2[sessionwarden.Incident, error]
}

// Desk ends sessions because a person asked for it. It returns the actions
// that were planned, as they stand by then, also beside an error. It may take a
// while to see what comes of them; nobody cuts it short but the asker.
//
// Errors of a Desk or an Answerer may have methods NotFound() bool, Conflict()
// bool and Cure() string, which choose the status and the cure of the answer.
type Desk interface {
	Disconnect(ctx context.Context, account string, ids []sessionwarden.SessionID) ([]sessionwarden.Action, error)
	DisconnectAll(ctx context.Context, account string) ([]sessionwarden.Action, error)
}

// Answerer takes a person's answer to a held action and returns the action as
// it is then.
type Answerer interface {
	Approve(ctx context.Context, id uint64) (sessionwarden.Action, error)
	Deny(ctx context.Context, id uint64) (sessionwarden.Action, error)
	// Acknowledge notes that a person has seen an open incident, and returns it
	// as it is then.
	Acknowledge(ctx context.Context, incident uint64) (sessionwarden.Incident, error)
	// Resume confirms a restored history. It returns what ended by that, and
	// the actions that it had held; a zero Observing where there was nothing.
	Resume(ctx context.Context) (sessionwarden.Observing, []sessionwarden.Action, error)
}

// ChannelTest is what became of a test alert on one channel, or of an alert that
// was sent once more.
type ChannelTest struct {
	Channel string `json:"channel"`
	OK      bool   `json:"ok"`
	Outcome string `json:"outcome"`        // what the channel said, without secrets
	Cure    string `json:"cure,omitempty"` // what to do where it is not ok
}

// Resumed is what POST resume answers.
type Resumed struct {
	Resumed   bool                     `json:"resumed"`
	Observing *sessionwarden.Observing `json:"observing,omitempty"`
	Actions   []ActionRow              `json:"actions,omitempty"`
}

// DatabaseCheck is what a whole check of a database says.
type DatabaseCheck struct {
	Path   string         `json:"path"`
	Whole  bool           `json:"whole"`
	Faults []string       `json:"faults,omitempty"`
	Bytes  int64          `json:"bytes"`
	Rows   map[string]int `json:"rows,omitempty"`
}

// APIOptions is what [NewAPI] needs. What is nil is answered with 501. All of
// it must be safe for concurrent use.
type APIOptions struct {
	Records    Records
	Desk       Desk
	Answers    Answerer
	Trust      Truster
	Silences   Silencer
	Muted      func(ctx context.Context) (map[uint64]sessionwarden.Muted, error) // what each silence left out, by its id
	OwnRules   func(account string) []sessionwarden.Rule                         // the owner's rules for an account ("": for any); nil: there are none
	Insight    Insight
	Evidence   func(ctx context.Context, incident uint64) (Evidence, error)
	Status     func() sessionwarden.Status
	Backup     func(ctx context.Context, path string) error // path is absolute
	Alerts     Alerts
	TestAlerts func(ctx context.Context) []ChannelTest
	Check      func(ctx context.Context) (DatabaseCheck, error)

	Now        func() time.Time      // nil: time.Now
	Registerer prometheus.Registerer // where the handler's metrics go; may be nil
	Logger     *slog.Logger          // may be nil
}

// apiRoot is what every path of the API begins with.
const apiRoot = "/api/v1/"

type api struct {
	APIOptions
}

// route is one thing that the API can be asked.
type route struct {
	method string
	path   string
	params []string
	offers bool // whether what it needs is there
	serve  func(w http.ResponseWriter, r *http.Request, p params) error
}

// routes is the whole API.
func (a *api) routes() []route {
	table := []string{"account", "since"}
	byID := []string{"account", "since", "id"}
	return []route{
		{"GET", apiRoot + "status", nil, a.Status != nil, a.status},
		{"GET", apiRoot + "accounts", nil, a.Status != nil, a.accounts},
		{"GET", apiRoot + "sessions", table, a.Records != nil, a.sessions},
		{"GET", apiRoot + "history", table, a.Records != nil, a.history},
		{"GET", apiRoot + "findings", byID, a.Records != nil, a.findings},
		{"GET", apiRoot + "actions", byID, a.Records != nil, a.actions},
		{"GET", apiRoot + "incidents", byID, a.Records != nil, a.incidents},
		{"GET", apiRoot + "record", []string{"account"}, a.Records != nil, a.record},
		{"GET", apiRoot + "export", []string{"account", "since", "format", "what"}, a.Records != nil, a.export},
		{"POST", apiRoot + "disconnect", nil, a.Desk != nil, a.disconnect},
		{"POST", apiRoot + "approve", nil, a.Answers != nil, a.approve},
		{"POST", apiRoot + "deny", nil, a.Answers != nil, a.deny},
		{"GET", apiRoot + "trusts", []string{"account"}, a.Trust != nil, a.trusts},
		{"POST", apiRoot + "trust-add", nil, a.Trust != nil, a.trustAdd},
		{"POST", apiRoot + "trust-remove", nil, a.Trust != nil, a.trustRemove},
		{"GET", apiRoot + "silences", nil, a.Silences != nil && a.Muted != nil, a.silences},
		{"POST", apiRoot + "silence-add", nil, a.Silences != nil, a.silenceAdd},
		{"POST", apiRoot + "silence-remove", nil, a.Silences != nil && a.Muted != nil, a.silenceRemove},
		{"POST", apiRoot + "acknowledge", nil, a.Answers != nil, a.acknowledge},
		{"GET", apiRoot + "explain", []string{"account", "session"}, a.Insight != nil, a.explain},
		{"GET", apiRoot + "profile", []string{"account"}, a.Insight != nil, a.profile},
		{"POST", apiRoot + "profile-reset", nil, a.Insight != nil, a.profileReset},
		{"POST", apiRoot + "evidence", nil, a.Evidence != nil, a.evidence},
		{"POST", apiRoot + "resume", nil, a.Answers != nil, a.resume},
		{"POST", apiRoot + "backup", nil, a.Backup != nil, a.backup},
		{"POST", apiRoot + "db-check", nil, a.Check != nil, a.check},
		{"GET", apiRoot + "alerts", []string{"account", "since", "id", "last"}, a.Alerts != nil, a.alerts},
		{"POST", apiRoot + "alert-resend", nil, a.Alerts != nil, a.resend},
		{"POST", apiRoot + "alert-test", nil, a.TestAlerts != nil, a.testAlerts},
	}
}

// NewAPI returns the handler of the API, which docs/api.md describes. It is for
// a Unix socket (see [ListenSocket]) or for use inside the process (see
// [InProcess]): who can reach it may do everything. Over TCP it answers 403.
// It is safe for concurrent use.
func NewAPI(o APIOptions) http.Handler {
	if o.Now == nil {
		o.Now = time.Now
	}
	o.Logger = logTo(o.Logger)
	a := &api{o}
	byPath := map[string]route{}
	var paths []string
	for _, rt := range a.routes() {
		byPath[rt.path] = rt
		paths = append(paths, rt.path)
	}
	dispatch := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rt, ok := byPath[r.URL.Path]
		if !ok {
			writeError(w, noSuchPath(r.URL.Path, paths))
			return
		}
		if err := a.answer(w, r, rt); err != nil {
			e := explain(err)
			if e.Status == http.StatusMethodNotAllowed {
				w.Header().Set("Allow", rt.method)
			}
			if e.Status >= http.StatusInternalServerError && r.Context().Err() == nil {
				a.Logger.Warn("a request failed", "path", rt.path, "status", e.Status, "err", err)
			}
			writeError(w, e)
		}
	})
	return guard(localOnly(dispatch), paths, newMetrics(o.Registerer, "api"), o.Logger)
}

// answer checks what all routes have in common, and answers.
func (a *api) answer(w http.ResponseWriter, r *http.Request, rt route) error {
	if !r.ProtoAtLeast(1, 1) {
		return &Error{
			Message: "HTTP/1.0 cannot tell a whole answer from half of one",
			Cure:    "use HTTP/1.1",
			Status:  http.StatusHTTPVersionNotSupported,
		}
	}
	if r.Method != rt.method {
		return wrongMethod(r.Method, rt.method)
	}
	if rt.method == http.MethodGet && r.ContentLength != 0 {
		return badRequest("the request has a body", "put what you ask for after the ? of the address")
	}
	p, err := parseParams(r.URL.RawQuery, rt.params)
	if err != nil {
		return err
	}
	if !rt.offers {
		return &Error{
			Message: "this cannot be done here",
			Cure:    "start the daemon with the run command, and ask again",
			Status:  http.StatusNotImplemented,
		}
	}
	return rt.serve(w, r.WithContext(sessionwarden.WithAsker(r.Context(), asker(r))), p)
}

// localOnly refuses connections over TCP, so that a handler on the wrong
// listener opens nothing.
func localOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr); ok {
			writeError(w, &Error{
				Message: "the API does not answer over TCP",
				Cure:    "use the Unix socket in the data directory",
				Status:  http.StatusForbidden,
			})
			return
		}
		next.ServeHTTP(w, r)
	})
}
