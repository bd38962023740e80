package web

import (
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"time"

	"sessionwarden"
)

// guard stands around every handler of the package: it contains panics, counts
// answers, and sets the headers that keep a browser from doing anything with
// an answer. paths are the routes that exist.
func guard(next http.Handler, paths []string, m *metrics, logger *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		route := "other"
		if slices.Contains(paths, r.URL.Path) {
			route = r.URL.Path
		}
		rec := &recorder{ResponseWriter: w}
		defer func() {
			trouble := recover()
			if trouble != nil && trouble != http.ErrAbortHandler {
				m.panics.Inc()
				logger.Error("panic while answering a request", "route", route, "panic", trouble, "stack", string(debug.Stack()))
				if rec.status == 0 {
					writeError(rec, &Error{
						Message: "the program made a mistake while answering",
						Cure:    "the log says where; please report it",
						Status:  http.StatusInternalServerError,
					})
					trouble = nil
				}
			}
			m.answered(route, rec.code())
			if trouble != nil {
				// Something was sent already: cutting the connection is the
				// only way to say that it is not the whole answer.
				panic(http.ErrAbortHandler)
			}
		}()
		harden(rec.Header())
		next.ServeHTTP(rec, r)
	})
}

// harden sets the headers that no answer goes without.
func harden(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
}

// recorder remembers the status that was sent; 0 means nothing was sent yet.
type recorder struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 && status >= 200 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write implements io.Writer.
func (r *recorder) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(p)
}

// Unwrap lets an http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// code returns the status that the client got.
func (r *recorder) code() int {
	if r.status == 0 {
		return http.StatusOK
	}
	return r.status
}

// writeWithin gives what is written next d to be taken. Writers without
// deadlines (in tests) are left alone.
func writeWithin(w http.ResponseWriter, d time.Duration) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(d))
}

// logTo returns logger, or one that discards where it is nil.
func logTo(logger *slog.Logger) *slog.Logger {
	if logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return logger
}

// cleaned returns texts, each made harmless.
func cleaned(texts []string) []string {
	out := make([]string, 0, len(texts))
	for _, text := range texts {
		out = append(out, sessionwarden.Clean(text, sessionwarden.MaxText))
	}
	return out
}
