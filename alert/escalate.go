package alert

import (
	"slices"
	"time"

	"sessionwarden"
)

// Escalation sends what is critical and unanswered to one channel after the other,
// until somebody answers or it is over. The zero value never does.
type Escalation struct {
	After    time.Duration // from one channel to the next
	Channels []string      // by name: the first is told anyway, as far as its route is about it
}

const (
	// urgentSteps is how many steps follow each other at After; then somebody is
	// told once an hour.
	urgentSteps = 6
	slowStep    = time.Hour
)

// set reports whether anything is ever escalated.
func (e Escalation) set() bool { return e.After > 0 && len(e.Channels) > 0 }

// due returns when an alert was to be sent on the channel with this place (0: the
// first one), as nobody has answered; zero: it is not, or was sent since. Where
// steps were missed the last one stands for all of them. wait is how long until
// the next step of anybody.
func (e Escalation) due(a sessionwarden.Alert, d sessionwarden.Delivery, place int, now time.Time) (at time.Time, wait time.Duration) {
	if !e.set() || place < 0 || !a.Unanswered() {
		return time.Time{}, never
	}
	n, next := e.step(a.Raised, now)
	wait = next.Sub(now)
	of := len(e.Channels)
	mine := n - ((n-place)%of+of)%of // the last step that was this channel's
	if mine < 1 || !d.Escalated.Before(e.at(a.Raised, mine)) {
		return time.Time{}, wait
	}
	return e.at(a.Raised, mine), wait
}

// step returns how many steps there have been since an alert was raised, and when
// the next will be.
func (e Escalation) step(raised, now time.Time) (n int, next time.Time) {
	since := now.Sub(raised)
	if since < 0 {
		return 0, e.at(raised, 1)
	}
	fast := urgentSteps * e.After
	if n = int(since / e.After); since >= fast {
		n = urgentSteps + int((since-fast)/max(e.After, slowStep))
	}
	return n, e.at(raised, n+1)
}

// at returns when step n is.
func (e Escalation) at(raised time.Time, n int) time.Time {
	if n <= urgentSteps {
		return raised.Add(time.Duration(n) * e.After)
	}
	return raised.Add(urgentSteps*e.After + time.Duration(n-urgentSteps)*max(e.After, slowStep))
}

// place returns the place of a channel in the escalation; -1: it has none.
func (e Escalation) place(channel string) int { return slices.Index(e.Channels, channel) }
