package alert

import (
	"math/rand/v2"
	"time"

	"golang.org/x/time/rate"

	"sessionwarden"
)

const (
	// brokenPause is how long a channel that a person has to mend is left
	// alone.
	brokenPause = time.Hour
	// longestPause is the longest between two attempts on a channel that
	// fails.
	longestPause = 5 * time.Minute
	// limitedPause is how long a channel is left alone that limits us and does
	// not say for how long.
	limitedPause = time.Minute
)

// lane is one channel and what is to be done on it. Its fields are guarded by
// the Teller's lock, but for the first eight, which never change.
type lane struct {
	channel Channel
	name    string
	update  bool
	threads Threader // nil: the channel has none, or nobody knows a timeline
	offers  bool     // messages have buttons
	route   Route
	place   int // in the escalation; -1: none
	wake    chan struct{}

	state   map[uint64]sessionwarden.Delivery // what became of each alert here
	pending map[uint64]need                   // what is to be done
	owed    map[uint64]sessionwarden.Delivery // deliveries that are not on the disk yet
	unsaved bool                              // the last attempt to record deliveries failed
	counted bool                              // what a silence left out is to be recorded at once: people see how much it is

	pace    *rate.Limiter // one message a second, the first at once
	singles *rate.Limiter // critical alerts that are sent by themselves in a crowd
	hurry   bool          // the next message is the last one in a plainer form: it does not wait

	quiet    time.Time     // no bundle before this, by the steady clock
	gap      time.Duration // between the last two bundles
	attempts int           // failed ones since the last success
	notTill  time.Time     // the channel is left alone until then, by the steady clock: ours may be set at any time
	broken   bool
	failure  string
	lastSent time.Time
	replied  map[uint64]time.Time // when the last reply went into an alert's thread, by the steady clock
	rang     map[uint64]time.Time // when the channel was made to look at an alert last
	bare     map[uint64]bool      // refused in plain text too: sent without any words from outside
	stale    map[uint64]time.Time // since when an alert is to be sent again, by the steady clock
	asked    map[uint64]bool      // a person asked for it once more, and no message that was begun since answers that
}

// newLane returns the lane of a channel.
func newLane(c Channel, route Route, place int) *lane {
	offerer, ok := c.(Offerer)
	return &lane{
		channel: c, name: c.Name(), update: c.CanUpdate(), wake: make(chan struct{}, 1),
		offers: ok && offerer.Offers(), route: route, place: place,
		state: make(map[uint64]sessionwarden.Delivery), pending: make(map[uint64]need),
		owed: make(map[uint64]sessionwarden.Delivery), bare: make(map[uint64]bool),
		replied: make(map[uint64]time.Time), rang: make(map[uint64]time.Time), asked: make(map[uint64]bool), stale: make(map[uint64]time.Time),
		pace:    rate.NewLimiter(rate.Every(time.Second), 1),
		singles: rate.NewLimiter(rate.Every(time.Minute), 3),
	}
}

// wants returns what the channel has to do about an alert, or why it leaves it
// out ("" where it has only done with it).
func (l *lane) wants(t *Teller, m *matter) (n need, why string) {
	d := l.state[m.alert.ID]
	switch n = due(m.alert, d, l.update); n {
	case first:
		if leftOut(d) && !m.alert.Updated.After(d.Time) {
			return nothing, d.Error
		}
		if why = l.route.without(m.alert); why == "" {
			why = t.silenced(m.alert)
		}
		if why != "" {
			return nothing, why
		}
	case again:
		if !d.Again && (t.silenced(m.alert) != "" || l.onlyReminded(m.alert)) {
			return nothing, ""
		}
	case nothing:
		if l.threads != nil && behind(m.alert, d) && !l.onlyReminded(m.alert) {
			return thread, ""
		}
	}
	return n, ""
}

// onlyReminded reports whether the channel heard of an alert only because nobody
// answered it elsewhere: what is new in it is not for this channel.
func (l *lane) onlyReminded(a sessionwarden.Alert) bool {
	return l.state[a.ID].First.IsZero() && l.route.without(a) != ""
}

// untold returns how many alerts wait to be sent or updated. What only their
// threads lack is not waited for.
func (l *lane) untold() int {
	n := 0
	for _, need := range l.pending {
		if need != thread {
			n++
		}
	}
	return n
}

// behind reports whether the thread of an alert's message lacks something, or
// the channel has to be made to look at it anew.
func behind(a sessionwarden.Alert, d sessionwarden.Delivery) bool {
	return d.Ref != "" && a.Incident != 0 && (a.Events > d.Threaded || isLoud(a, d))
}

// isLoud reports whether something came up that a mere change of the message would
// not make anybody look at.
func isLoud(a sessionwarden.Alert, d sessionwarden.Delivery) bool {
	return d.Broadcast > 0 && a.Correction >= d.Broadcast
}

// consider finds out what the channel has to do about an alert. What is
// left out is remembered on the disk with the next delivery, so that it
// does not come up when the configuration changes.
func (l *lane) consider(t *Teller, m *matter) {
	id := m.alert.ID
	n, why := l.wants(t, m)
	if n != again {
		delete(l.stale, id)
	} else if l.pending[id] != again {
		l.stale[id] = time.Now()
	}
	if n != nothing {
		l.pending[id] = n
		return
	}
	delete(l.pending, id)
	if _, waits := t.waitsFor[id]; !waits { // else a reminder of it may be to come
		delete(l.bare, id)
	}
	if d := l.state[id]; why != "" && !m.urgent && (d.Error != why || d.Time.Before(m.alert.Updated)) {
		if _, waits := t.waitsFor[id]; !waits && d.Attempts > 0 { // of reminders it stays known what came of them
			d.Attempts, d.NotTill = 0, time.Time{}
		}
		d.Alert, d.Channel, d.Error, d.Time = id, l.name, why, t.now()
		l.state[id], l.owed[id] = d, d
		l.counted = l.counted || Silencer(d) != 0
	}
}

// backOff returns the pause after the n-th failure in a row: a second,
// doubling to five minutes, less up to a fifth so that many programs do not
// come at once.
func backOff(n int) time.Duration {
	pause := longestPause
	if n < 10 {
		pause = min(time.Second<<max(n-1, 0), longestPause)
	}
	return pause - time.Duration(rand.Int64N(int64(pause)/5))
}

// unsure reports whether an attempt may have arrived without our knowing: the
// program ended between sending and recording, or no answer came.
func unsure(d sessionwarden.Delivery) bool {
	if d.Attempts == 0 {
		return false
	}
	return d.Error == "" || len(d.Error) >= len(mayHaveArrived) && d.Error[len(d.Error)-len(mayHaveArrived):] == mayHaveArrived
}
