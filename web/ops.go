package web

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"sessionwarden"
)

// Health is how the watch is, as /healthz and /readyz tell it.
type Health struct {
	Ready bool     // every account was polled once since the start
	Blind []string // accounts that cannot be polled and that people were told of
	Notes []string // what else a person should know, each one line
}

// OpsOptions is what [NewOps] needs. The zero value works: nothing is known
// then, so health and readiness are denied, and there are no metrics.
type OpsOptions struct {
	Health     func() Health         // must be quick and safe for concurrent use
	Gatherer   prometheus.Gatherer   // what /metrics shows
	Registerer prometheus.Registerer // where the handler's own metrics go; may be nil
	Logger     *slog.Logger          // may be nil
}

// The paths of the operations face.
const (
	livePath    = "/livez"
	healthPath  = "/healthz"
	readyPath   = "/readyz"
	metricsPath = "/metrics"
)

// Bounds of the operations face. A scrape of some hundred series takes
// milliseconds; these are for clients that hang.
const (
	opsWriteTime   = 30 * time.Second
	scrapeTime     = 10 * time.Second
	scrapesAtOnce  = 4
	opsNamesAtMost = 1000 // accounts and notes named in one answer
)

// opsAnswer is the body of the health answers.
type opsAnswer struct {
	OK    bool     `json:"ok"`
	Blind []string `json:"blind,omitempty"`
	Notes []string `json:"notes,omitempty"`
}

// NewOps returns the handler of the operations face, for a loopback TCP
// listener (see [Listen]):
//
//	/livez    200: the process runs
//	/healthz  503 while an account is blind, with its name
//	/readyz   503 until every account was polled once since the start
//	/metrics  in Prometheus' text format
//
// It answers GET and HEAD, and only to requests whose Host header names this
// machine. It is safe for concurrent use.
func NewOps(o OpsOptions) http.Handler {
	logger := logTo(o.Logger)
	routes := map[string]http.Handler{
		livePath: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			writeJSON(w, http.StatusOK, opsAnswer{OK: true})
		}),
		healthPath: told(o.Health, func(h Health) bool { return len(h.Blind) == 0 }),
		readyPath:  told(o.Health, func(h Health) bool { return h.Ready }),
	}
	paths := []string{livePath, healthPath, readyPath}
	if o.Gatherer != nil {
		paths = append(paths, metricsPath)
		routes[metricsPath] = promhttp.HandlerFor(o.Gatherer, promhttp.HandlerOpts{
			ErrorLog:            slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
			ErrorHandling:       promhttp.ContinueOnError,
			MaxRequestsInFlight: scrapesAtOnce,
			Timeout:             scrapeTime,
		})
	}
	dispatch := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		writeWithin(w, opsWriteTime)
		next, ok := routes[r.URL.Path]
		switch {
		case !ok:
			writeError(w, noSuchPath(r.URL.Path, paths))
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			writeError(w, wrongMethod(r.Method, "GET"))
		default:
			next.ServeHTTP(w, r)
		}
	})
	return guard(checkHost(dispatch), paths, newMetrics(o.Registerer, "ops"), logger)
}

// told answers with what health says: 200 where fine, else 503. What nobody
// knows is not fine.
func told(health func() Health, fine func(Health) bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := Health{Notes: []string{"the watch has not started yet"}}
		known := health != nil
		if known {
			h = health()
		}
		answer := opsAnswer{
			OK:    known && fine(h),
			Blind: cleaned(h.Blind[:min(len(h.Blind), opsNamesAtMost)]),
			Notes: cleaned(h.Notes[:min(len(h.Notes), opsNamesAtMost)]),
		}
		status := http.StatusOK
		if !answer.OK {
			status = http.StatusServiceUnavailable
			if known && len(h.Blind) == 0 {
				answer.Notes = append(answer.Notes, "not every account has been polled since the start")
			}
		}
		writeJSON(w, status, answer)
	})
}

// noSuchPath is the answer to a path that nothing is at.
func noSuchPath(path string, known []string) *Error {
	e := &Error{
		Message: "there is nothing at " + quote(path),
		Cure:    "there are " + list(known),
		Status:  http.StatusNotFound,
	}
	if near := nearest(path, known); near != "" {
		e.Cure = "did you mean " + near + "?"
	}
	return e
}

// wrongMethod is the answer to a method that a path does not take.
func wrongMethod(method, want string) *Error {
	return &Error{
		Message: "the method " + sessionwarden.Clean(method, 32) + " does nothing here",
		Cure:    "use " + want,
		Status:  http.StatusMethodNotAllowed,
	}
}
