package sessionwarden

import (
	"errors"
	"fmt"
	"time"
)

// FaultKind sorts what can go wrong with a call to the watched service by
// what the watch does about it.
type FaultKind uint8

// The kinds of fault.
const (
	FaultNetwork  FaultKind = iota // no usable answer: DNS, connection, TLS, time-out, 5xx, HTML of a CDN, too large
	FaultRefused                   // the key, the address or the country is refused, even after a new login
	FaultLimited                   // rate limited; see RetryAfter
	FaultNotFound                  // 404 in the service's own form: the target or the endpoint is not there
	FaultBusiness                  // the service understood and said no
	FaultStrange                   // the answer makes no sense: unreadable, or an implausible list
	FaultClock                     // this machine's clock cannot be right: certificates "not yet valid"
)

var faultNames = [...]string{"network", "refused", "rate_limited", "not_found", "business", "strange", "clock"}

// String returns a word for k, from a closed set: it may be a metric's label.
func (k FaultKind) String() string {
	if int(k) < len(faultNames) {
		return faultNames[k]
	}
	return "network"
}

// Fault is an error of the watched service. It carries no secret and no URL.
type Fault struct {
	Kind       FaultKind
	Doing      string        // what was being done: "reading the session list"
	Message    string        // what the service said, or what went wrong, cleaned
	Login      bool          // it was a login that failed, which all calls of an account need
	RetryAfter time.Duration // for FaultLimited: 1 s to 10 min; for FaultRefused: until a new login is allowed
	Err        error         // what it comes from; may be nil
}

// Error implements error.
func (f *Fault) Error() string {
	text := f.Message
	if text == "" && f.Err != nil {
		text = f.Err.Error()
	}
	if f.Kind == FaultLimited && f.RetryAfter > 0 {
		text = fmt.Sprintf("%s (again in %s)", text, f.RetryAfter.Round(time.Second))
	}
	return f.Doing + ": " + text
}

// Unwrap returns what the fault comes from.
func (f *Fault) Unwrap() error { return f.Err }

// IsFault reports whether err is, or wraps, a Fault of that kind.
func IsFault(err error, kind FaultKind) bool {
	var f *Fault
	return errors.As(err, &f) && f.Kind == kind
}
