package alert

import (
	"strings"
	"time"

	"sessionwarden"
)

// missed takes note that a message was not delivered. The caller holds t.mu.
func (t *Teller) missed(l *lane, j *job, m Message, e *SendError, now time.Time) []sessionwarden.Delivery {
	t.metrics.failed.WithLabelValues(l.name, e.Class.String()).Inc()
	d := l.state[j.head]
	before := (j.need == first || j.need == again) && (unsure(d) || e.Unsure && e.Class == Reject) // one may have arrived
	d.Alert, d.Channel, d.Error, d.Time, d.NotTill = j.head, l.name, e.Error(), now, time.Time{}
	if before && !strings.HasSuffix(d.Error, mayHaveArrived) {
		d.Error += mayHaveArrived
	}
	if e.ours {
		d.NotTill = now.Add(limitedPause)
		t.log.Warn("a thread waits", "channel", l.name, "alert", j.head, "err", e)
		return t.putOff(l, j, d)
	}
	var pause time.Duration
	switch e.Class {
	case Reject:
		d.Attempts = 0
		switch {
		case !m.Plain:
			d.Plain, l.hurry = true, true
			t.log.Warn("the channel refused a message; it is sent in plain text", "channel", l.name, "alert", j.head, "err", e)
		case !l.bare[j.head]:
			l.bare[j.head] = true
			t.log.Warn("the channel refused a message in plain text; only its number is sent", "channel", l.name, "alert", j.head, "err", e)
		default:
			d.NotTill, d.Plain = now.Add(brokenPause), true
			t.log.Error("the channel refuses an alert in every form; it is tried again in an hour", "channel", l.name, "alert", j.head, "err", e)
			return t.putOff(l, j, d)
		}
	case Lost:
		if known := t.known[j.head]; known != nil && isLoud(known.alert, d) {
			d.Sent = min(d.Sent, known.alert.Correction) // whom a reply was to call is told anew
		}
		d.Ref, d.Attempts = "", 0
		t.log.Warn("the message to be updated is gone", "channel", l.name, "alert", j.head, "err", e)
	case Broken:
		if !l.broken {
			t.log.Error("the channel is broken until a person mends it; it is tried every hour", "channel", l.name, "err", e, "cure", e.Cure)
		}
		l.broken, pause = true, brokenPause
	case Limited:
		pause = limitedPause
		if e.RetryAfter > 0 {
			pause = clampRetry(e.RetryAfter)
		}
		t.log.Warn("the channel limits us", "channel", l.name, "again_in", pause)
	default:
		pause = backOff(l.attempts + 1)
		if l.attempts == 0 {
			t.log.Warn("an alert could not be delivered; it is tried again", "channel", l.name, "alert", j.head, "err", e)
		} else {
			t.log.Debug("an alert could not be delivered; it is tried again", "channel", l.name, "alert", j.head, "err", e)
		}
	}
	if before && d.Attempts == 0 {
		d.Attempts = 1 // that one
	}
	if e.Class != Reject && e.Class != Lost {
		l.attempts++
		l.failure = e.Error()
		l.notTill = time.Now().Add(pause)
		d.Attempts, d.NotTill = l.attempts, now.Add(pause)
	}
	if l.broken {
		t.metrics.broken.WithLabelValues(l.name).Set(1)
	}
	known := t.known[j.head]
	if known == nil {
		return nil // given up meanwhile
	}
	l.state[j.head] = d
	l.consider(t, known)
	onDisk := !known.urgent
	t.settle(known)
	if !onDisk {
		return nil
	}
	return []sessionwarden.Delivery{d}
}

// putOff sets every alert of a job aside for a while.
func (t *Teller) putOff(l *lane, j *job, d sessionwarden.Delivery) []sessionwarden.Delivery {
	var deliveries []sessionwarden.Delivery
	for _, id := range j.ids {
		one := l.state[id]
		one.Alert, one.Channel, one.Attempts, one.Error, one.Time, one.NotTill = id, l.name, 0, d.Error, d.Time, d.NotTill
		one.Plain = one.Plain || id == j.head && d.Plain
		l.state[id] = one
		if t.onDisk(id) {
			deliveries = append(deliveries, one)
		}
	}
	return deliveries
}
