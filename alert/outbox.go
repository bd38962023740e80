package alert

import (
	"context"
	"time"

	"sessionwarden"
)

// Outbox is where committed alerts wait. storage.DB implements it.
type Outbox interface {
	// Outbox returns the alerts that may still have to be sent or updated,
	// each in its newest revision, and what is known of their deliveries.
	Outbox(ctx context.Context) ([]sessionwarden.Alert, []sessionwarden.Delivery, error)
	// Telling returns one alert with what is known of its deliveries, and whether
	// it is kept.
	Telling(ctx context.Context, id uint64) (sessionwarden.Telling, bool, error)
	// Delivered records the state of deliveries and the new buttons of what is
	// sent, all or none of them.
	Delivered(ctx context.Context, deliveries []sessionwarden.Delivery, offers ...sessionwarden.Offer) error
	// Silences returns every silence that is kept.
	Silences(ctx context.Context) ([]sessionwarden.Silence, error)
	// PutSilence records a silence, a new one or a changed one.
	PutSilence(ctx context.Context, s sessionwarden.Silence) error
	// NextID returns a number that nothing has yet.
	NextID() uint64
}

// Channel is one way to people. Its methods are called from one goroutine at
// a time, but for Send of a test alert.
type Channel interface {
	// Name is the channel's name on disk, in metrics and in status; it comes
	// from the program, never from outside.
	Name() string
	// CanUpdate reports whether what was sent can be changed afterwards.
	CanUpdate() bool
	// Send delivers m. A ref that is not empty names the message to be
	// changed instead. It returns what a later update needs, "" where there
	// can be none. Errors are a *[SendError] where the channel knows more than
	// that it failed.
	Send(ctx context.Context, m Message, ref string) (newRef string, err error)
}

// Threader is a Channel whose messages can be answered in a thread of their own.
type Threader interface {
	Channel
	// Reply puts m into the thread of the message that ref names. loud has the
	// whole channel look at it. Errors are as those of Send.
	Reply(ctx context.Context, m Message, ref string, loud bool) error
}

// Offerer is a Channel whose messages can have buttons.
type Offerer interface {
	Channel
	// Offers reports whether somebody could press them.
	Offers() bool
}

// need is what a channel still has to do about one alert.
type need uint8

const (
	nothing need = iota
	first        // it was never sent
	again        // what was sent proved untrue and cannot be changed, or a person asked for it once more
	update       // what was sent can be changed to the newest state
	remind       // nobody has answered: it is sent (again)
	thread       // the timeline in the message's thread lacks something
)

// due returns what a channel has to do about a, given what became of it there.
func due(a sessionwarden.Alert, d sessionwarden.Delivery, canUpdate bool) need {
	switch {
	case d.Again:
		return again
	case d.Sent > a.Revision:
		return nothing
	case d.Sent == 0:
		return first
	case canUpdate && d.Ref != "":
		return update
	case a.Correction >= d.Sent: // what was sent is revision d.Sent-1
		return again
	}
	return nothing
}

// patience is how long a channel that cannot update waits for the answer to
// an action before it sends.
const patience = time.Second

// ready returns how long the alert has to wait before it is sent, 0 for not. since
// is how long it has been known that it is to be sent again.
func ready(a sessionwarden.Alert, d sessionwarden.Delivery, n need, canUpdate bool, now time.Time, since time.Duration) time.Duration {
	if wait := d.NotTill.Sub(now); d.Attempts == 0 && wait > 0 && wait <= brokenPause { // refused in every form: its own pause; longer: the clock was set
		return wait
	}
	age := since
	if n == first {
		age = now.Sub(a.Created)
	}
	if (n == first || n == again && !d.Again) && !canUpdate && a.Waiting && age >= 0 && age < patience {
		return patience - age
	}
	return 0
}

// mayHaveArrived ends the reason of an attempt whose outcome is not known. It
// is stored with the delivery, and read again after a restart.
const mayHaveArrived = "; it may have arrived"
