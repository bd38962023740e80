package alert

import (
	"context"
	"fmt"
	"time"

	"sessionwarden"
)

const (
	// threadPause is how long nothing must have changed before the timeline is
	// brought up to date: what follows goes into the same reply.
	threadPause = 5 * time.Second
	// quickestRing and slowestRing bound how long a channel is left alone before it
	// is made to look at the same alert again. In between the pause grows with the
	// alert's age: whoever makes something new come up all day is heard of ever more
	// seldom, and the message is up to date all the same.
	quickestRing, slowestRing = 30 * time.Second, 15 * time.Minute
	// slowestReply is the longest pause between two replies that make no sound.
	slowestReply = time.Minute
)

// threadWait returns how long a reply into an alert's thread has to wait. The caller
// holds the Teller's lock.
func (l *lane) threadWait(a sessionwarden.Alert, now time.Time) time.Duration {
	steady := time.Now()
	age := max(now.Sub(a.Created), 0)
	if isLoud(a, l.state[a.ID]) {
		return l.rang[a.ID].Add(min(max(age/2, quickestRing), slowestRing)).Sub(steady)
	}
	wait := l.replied[a.ID].Add(min(age/4, slowestReply)).Sub(steady)
	if still := threadPause - now.Sub(a.Updated); still <= threadPause {
		wait = max(wait, still)
	}
	return wait
}

// maxTimeline is how many events one reply shows: the newest.
const maxTimeline = 30

// Timeline puts what an incident's timeline says after its first `told` events into
// words, for the thread of its message. It is pure.
func Timeline(a sessionwarden.Alert, i sessionwarden.Incident, told int, f Facts) Message {
	m := Message{Alert: a.ID, Kind: a.Kind, Severity: a.Severity, Title: headline(a)}
	fresh := i.Events[max(0, len(i.Events)-max(0, len(i.Events)+i.More-told)):]
	s := Section{}
	if n := len(fresh) - maxTimeline; n > 0 {
		fresh = fresh[n:]
		s.Lines = append(s.Lines, command(count(n, "line", "lines")+" before: ", "sessionwarden incidents show "+number(i.ID)))
	}
	for _, e := range fresh {
		s.Lines = append(s.Lines, Line{{Text: f.clockTime(e.At, i.Opened) + "  "}, {Text: outside(e.Text, 300)}})
	}
	m.Sections = []Section{s}
	return m.finish()
}

// timeline reads the incident of an alert and makes the reply that its thread
// lacks. told is how many events the thread holds afterwards.
func (t *Teller) timeline(ctx context.Context, a sessionwarden.Alert, d sessionwarden.Delivery, f Facts) (m Message, told int, err error) {
	defer func() {
		if r := recover(); r != nil { // a mistake of ours, for which no plainer form is a remedy
			t.log.Error("a timeline could not be put into words", "alert", a.ID, "panic", fmt.Sprint(r))
			err = &SendError{Class: Retry, Reason: "the incident's timeline could not be put into words", ours: true}
		}
	}()
	i, there, err := t.incident(ctx, a.Incident)
	if err != nil {
		return m, 0, &SendError{Class: Retry, Reason: "the incident's timeline could not be read", ours: true}
	}
	if told = len(i.Events) + i.More; !there {
		told = a.Events // forgotten meanwhile
	}
	m = Timeline(a, i, d.Threaded, f)
	m.Plain = d.Plain
	return m, told, nil
}
