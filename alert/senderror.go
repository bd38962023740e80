package alert

import (
	"errors"
	"fmt"
	"time"
)

// Class says what the delivery does about a failed attempt.
type Class uint8

// The classes of failure. The zero value is Retry.
const (
	Retry   Class = iota // tried again, with a growing pause
	Limited              // too much was sent: tried again after RetryAfter
	Broken               // a person has to mend the channel: looked at hourly
	Reject               // this message in this form is refused: sent once more in a plainer form
	Lost                 // the message to be updated is not there any more
)

var classNames = [...]string{"retry", "limited", "broken", "reject", "lost"}

// String returns a word for c, from a closed set: it may be a metric's label.
func (c Class) String() string {
	if int(c) < len(classNames) {
		return classNames[c]
	}
	return "retry"
}

// SendError is why a channel did not deliver. It never holds a secret or a
// URL: Reason and Cure are the program's own words, or a code of the channel
// that consists of small letters and underscores.
type SendError struct {
	Class      Class
	RetryAfter time.Duration // for Limited: what the channel asked for, clamped to 1 s … 10 min; 0: it did not say
	Reason     string        // what went wrong
	Cure       string        // what a person can do about it; may be ""
	Unsure     bool          // the message may have arrived all the same

	ours bool // the channel has nothing to do with it: it is not left alone for that
}

// Error implements error.
func (e *SendError) Error() string {
	text := e.Reason
	if e.Unsure {
		text += mayHaveArrived
	}
	if e.Class == Limited && e.RetryAfter > 0 {
		text = fmt.Sprintf("%s (again in %s)", text, e.RetryAfter.Round(time.Second))
	}
	return text
}

// asSendError returns err as a SendError. The text of an unknown error is not
// taken over: it might hold a URL.
func asSendError(err error) *SendError {
	var e *SendError
	if errors.As(err, &e) {
		return e
	}
	return &SendError{Class: Retry, Reason: "sending failed for an unknown reason"}
}

// longestRetry is the longest that a channel may ask us to wait.
const longestRetry = 10 * time.Minute

// clampRetry bounds what a channel asks us to wait.
func clampRetry(d time.Duration) time.Duration { return min(max(d, time.Second), longestRetry) }
