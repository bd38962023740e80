package alert

import (
	"slices"
	"strings"
	"time"

	"sessionwarden"
)

// Waiting is what a channel has still to deliver.
type Waiting struct {
	Channel string
	Alerts  int
	Oldest  time.Time // since when the first of them was to be sent
	Why     string    // the last failure; "" none
}

// Waiting returns what each channel has still to deliver of what was made before a
// time; those with nothing are left out. What was sent once and only waits to be
// brought up to date does not count, nor what quiet hours hold.
func (t *Teller) Waiting(before time.Time) []Waiting {
	t.mu.Lock()
	defer t.mu.Unlock()
	var list []Waiting
	for _, l := range t.lanes {
		w := Waiting{Channel: l.name, Why: l.failure}
		for id, n := range l.pending {
			m := t.known[id]
			if m == nil || n != first && n != again {
				continue
			}
			since := l.expected(m.alert)
			if !since.Before(before) {
				continue
			}
			w.Alerts++
			if w.Oldest.IsZero() || since.Before(w.Oldest) {
				w.Oldest = since
			}
		}
		if w.Alerts > 0 {
			list = append(list, w)
		}
	}
	return list
}

// Standing says where an alert stands on a channel.
type Standing struct {
	Channel  string
	State    string // one of the words below
	Delivery sessionwarden.Delivery
	Why      string // of what failed, waits or was not sent; "" where there is nothing to say
}

// The states of an alert on a channel.
const (
	StatePending  = "pending"     // it waits to be sent
	StateFailed   = "failed"      // the last attempt did; it is tried again
	StateSent     = "sent"        // it arrived
	StateLate     = "late"        // it arrived more than sessionwarden.LateAfter after it was made
	StateSilenced = "silenced"    // a silence held it
	StatePassed   = "passed over" // the channel is not told such alerts
)

// PassedOver reports whether an alert is none that the channel is told of: too
// mild, or of another account or kind.
func PassedOver(d sessionwarden.Delivery) bool { return leftOut(d) && Silencer(d) == 0 }

// expected is when an alert was to be sent on the channel: quiet hours hold it.
func (l *lane) expected(a sessionwarden.Alert) time.Time {
	return a.Created.Add(l.route.hush(a, a.Created))
}

// Standings says where an alert stands on each channel: those that are configured
// first, then those that once were, by name.
func (t *Teller) Standings(told sessionwarden.Telling) []Standing {
	stored := make(map[string]sessionwarden.Delivery, len(told.Deliveries))
	for _, d := range told.Deliveries {
		stored[d.Channel] = d
	}
	var list []Standing
	t.mu.Lock()
	for _, l := range t.lanes {
		d, ok := stored[l.name]
		if known, is := l.state[told.Alert.ID]; is && !known.Time.Before(d.Time) {
			d, ok = known, true
		}
		waits := l.pending[told.Alert.ID]
		if !ok && t.known[told.Alert.ID] == nil && t.stale {
			waits = first // there was no room for it in memory yet
		}
		s := standing(l.expected(told.Alert), l.name, d, waits)
		if !ok && s.State == StatePassed {
			s.Why = "the channel was not there then"
		}
		list = append(list, s)
		delete(stored, l.name)
	}
	t.mu.Unlock()
	configured := len(list)
	for _, d := range stored {
		s := standing(told.Alert.Created, d.Channel, d, nothing)
		if d.Sent == 0 && d.Attempts > 0 || s.Why == "" && s.State == StatePassed {
			s.State, s.Why = StatePassed, "the channel is not configured any more"
		}
		list = append(list, s)
	}
	slices.SortFunc(list[configured:], func(a, b Standing) int { return strings.Compare(a.Channel, b.Channel) })
	return list
}

// standing says where an alert that was to be sent at expected stands on one
// channel, which has to do waits.
func standing(expected time.Time, channel string, d sessionwarden.Delivery, waits need) Standing {
	s := Standing{Channel: channel, Delivery: d}
	arrived := func() string {
		if d.First.Sub(expected) > sessionwarden.LateAfter && !d.First.IsZero() {
			return StateLate
		}
		return StateSent
	}
	switch {
	case waits != nothing && d.Attempts > 0 && d.Error != "" && !leftOut(d):
		s.State, s.Why = StateFailed, d.Error
	case d.Again:
		s.State, s.Why = StatePending, "asked for once more"
	case waits == first:
		s.State = StatePending
	case d.Sent > 0:
		s.State = arrived()
		if waits == update || waits == again {
			s.Why = "a newer state of it waits"
		}
	case Silencer(d) != 0:
		s.State, s.Why = StateSilenced, d.Error
	default:
		s.State, s.Why = StatePassed, d.Error
	}
	return s
}

// Lateness returns how much later than it was to be sent an alert arrived on the
// channel of d first; 0 where it did not, or where that is not known.
func (t *Teller) Lateness(a sessionwarden.Alert, d sessionwarden.Delivery) time.Duration {
	if d.Sent == 0 || d.First.IsZero() {
		return 0
	}
	expected := a.Created
	for _, l := range t.lanes {
		if l.name == d.Channel {
			expected = l.expected(a)
		}
	}
	return max(d.First.Sub(expected), 0)
}

// Headline is an alert in one line, as its messages begin.
func Headline(a sessionwarden.Alert) string { return headline(a) }
