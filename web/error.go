package web

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"syscall"
	"time"

	"sessionwarden"
)

// Error is how the API says no: what is wrong and what to do about it, both
// for people. A [Client] returns it as it came.
type Error struct {
	Message string `json:"error"`
	Cure    string `json:"cure,omitempty"`
	Status  int    `json:"status"` // the HTTP status; 500 where the answer failed half way

	// Actions is what was planned all the same before it went wrong.
	Actions []ActionRow `json:"actions,omitempty"`
}

// Error implements error. The cure is not in it: it is a line of its own.
func (e *Error) Error() string { return e.Message }

// What an error of the other packages may say of itself, so that the answer
// has the right status. None is required.
type (
	notFounder interface{ NotFound() bool } // what was asked for does not exist: 404
	conflicter interface{ Conflict() bool } // it is not in a state for that: 409
	curer      interface{ Cure() string }   // what a person can do about it
)

// explain makes the answer of an error. It returns err itself where it is, or
// wraps, an *Error.
func explain(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	e = &Error{Message: sessionwarden.Clean(err.Error(), sessionwarden.MaxText), Status: http.StatusInternalServerError}
	var (
		missing notFounder
		clash   conflicter
		cure    curer
		fault   *sessionwarden.Fault
	)
	switch {
	case errors.As(err, &missing) && missing.NotFound():
		e.Status = http.StatusNotFound
	case errors.As(err, &clash) && clash.Conflict():
		e.Status = http.StatusConflict
	case errors.As(err, &fault):
		e.Status, e.Cure = faultStatus(fault.Kind)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		e.Status, e.Cure = http.StatusServiceUnavailable, "it was stopped before it was done: ask again"
	case errors.Is(err, fs.ErrExist):
		e.Status, e.Cure = http.StatusConflict, "choose another name, or move that file away"
	case errors.Is(err, fs.ErrPermission):
		e.Status, e.Cure = http.StatusForbidden, "choose a place that the program's user may write to"
	case errors.Is(err, fs.ErrNotExist):
		e.Status, e.Cure = http.StatusNotFound, "make that folder first, or choose another"
	case errors.Is(err, syscall.ENOSPC):
		e.Status, e.Cure = http.StatusInsufficientStorage, "make room on that disk, or choose another"
	}
	if errors.As(err, &cure) && cure.Cure() != "" {
		e.Cure = sessionwarden.Clean(cure.Cure(), sessionwarden.MaxText)
	}
	return e
}

// faultStatus says how a fault of the watched service is answered.
func faultStatus(kind sessionwarden.FaultKind) (int, string) {
	switch kind {
	case sessionwarden.FaultLimited:
		return http.StatusServiceUnavailable, "the service takes no more calls for now: try again in a minute"
	case sessionwarden.FaultNotFound:
		return http.StatusNotFound, "look at the live sessions again"
	case sessionwarden.FaultRefused:
		return http.StatusBadGateway, "run the check command: it says why the service refuses the login"
	case sessionwarden.FaultClock:
		return http.StatusBadGateway, "set this machine's clock"
	default:
		return http.StatusBadGateway, "try again; the check command tells more"
	}
}

// writeError answers with e.
func writeError(w http.ResponseWriter, e *Error) { writeJSON(w, e.Status, e) }

// answerTime is how long a short answer may take to be taken.
const answerTime = 30 * time.Second

// writeJSON answers with v, on one line.
func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil { // only a time outside the years 0 to 9999 can do that
		status = http.StatusInternalServerError
		body = []byte(`{"error":"the answer cannot be written as JSON","status":500}`)
	}
	writeWithin(w, answerTime)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// A client that has gone is no matter of ours.
	_, _ = w.Write(append(body, '\n'))
}
