package alert

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"sessionwarden"
	"sessionwarden/internal/mishap"
)

const (
	// sendLimit is how long one attempt may take, whatever the channel does.
	sendLimit = 30 * time.Second
	// diskPatience is how long an attempt waits for the disk.
	diskPatience = time.Second
)

// work delivers on one channel until ctx ends.
func (t *Teller) work(ctx context.Context, l *lane) {
	for ctx.Err() == nil {
		t.mu.Lock()
		now := t.now()
		j, wait := l.next(t, now)
		var p *parcel
		if j != nil {
			p = t.render(l, j, now)
			l.pace.AllowN(time.Now(), 1)
			l.hurry = false
		}
		owes := l.unsaved || l.counted || len(l.owed) >= maxWhole
		t.mu.Unlock()
		switch {
		case j != nil:
			t.attempt(ctx, l, j, p)
			_ = mishap.At("alert.recorded")
		case owes:
			if err := t.save(ctx, l, nil); err != nil {
				pause(ctx, l.wake, maxSleep)
			}
		case !pause(ctx, l.wake, wait):
			return
		}
	}
}

// parcel is one message on its way.
type parcel struct {
	m      Message
	ref    string                // of the message that is changed or answered; "" a new one
	sent   map[uint64]int        // the revision of each alert that it speaks of, plus one
	offers []sessionwarden.Offer // its buttons that the disk does not know yet
	head   sessionwarden.Alert
	facts  Facts
	loud   bool // the channel is made to look at it
	events int  // how many events the thread holds afterwards
}

// pause sleeps for d, at most maxSleep unless d is never, until woken. It
// returns false when ctx ended.
func pause(ctx context.Context, wake <-chan struct{}, d time.Duration) bool {
	var timeout <-chan time.Time
	if d != never {
		timer := time.NewTimer(min(d, maxSleep))
		defer timer.Stop()
		timeout = timer.C
	}
	select {
	case <-ctx.Done():
		return false
	case <-wake:
	case <-timeout:
	}
	return true
}

// render makes the message of a job from the newest state of its alerts. The
// caller holds t.mu.
func (t *Teller) render(l *lane, j *job, now time.Time) *parcel {
	p := &parcel{facts: Facts{Now: now, Instance: t.instance, Final: !l.update}, sent: make(map[uint64]int, len(j.ids)), head: t.known[j.head].alert}
	if t.location != nil {
		p.facts.Location = t.location()
	}
	alerts := make([]sessionwarden.Alert, 0, len(j.ids))
	for _, id := range j.ids {
		a := t.known[id].alert
		p.sent[id] = a.Revision + 1
		p.facts.Repeat = p.facts.Repeat || (j.need == first || j.need == again) && unsure(l.state[id])
		if l.state[id].Again && (j.need == first || j.need == again) {
			p.facts.Asked = true
			delete(l.asked, id)
		}
		alerts = append(alerts, a)
	}
	if t.known[j.head].urgent {
		p.facts.Unsaved, p.facts.Shed = true, t.shed
	}
	head := l.state[j.head]
	switch j.need {
	case update:
		p.ref = head.Ref
	case thread:
		p.ref, p.loud = head.Ref, isLoud(p.head, head)
		return p // its words are in the timeline, which is on the disk
	case remind:
		p.facts.Silent = now.Sub(p.head.Raised)
		if l.threads != nil {
			p.ref, p.loud = head.Ref, true
		}
	}
	p.facts.Buttons = l.offers && t.onDisk(j.head) && !j.bundle && (j.need != remind || p.ref == "")
	p.m = t.words(j, alerts, p.facts)
	p.m.Plain = head.Plain
	if l.bare[j.head] {
		p.m = p.m.plainest()
	}
	p.offers = t.giveIDs(&p.m)
	return p
}

// words puts the alerts of a job into words. A mistake of ours in that must
// not keep people from being told.
func (t *Teller) words(j *job, alerts []sessionwarden.Alert, f Facts) (m Message) {
	defer func() {
		if r := recover(); r != nil {
			t.log.Error("an alert could not be put into words; a short form is sent", "alert", j.head, "panic", fmt.Sprint(r))
			m = Message{Alert: alerts[0].ID, Kind: alerts[0].Kind, Severity: alerts[0].Severity}.plainest()
		}
	}()
	if j.bundle {
		return Bundle(alerts, f)
	}
	a := alerts[0]
	if a.ID > maxCommitted {
		a.ID = 0
	}
	return Compose(a, f)
}

// attempt sends one message and records what came of it. That it is being
// sent is written down first, so that a start after a crash knows that it may
// have arrived, and so are its buttons; a disk that hangs does not keep people
// from being told.
func (t *Teller) attempt(ctx context.Context, l *lane, j *job, p *parcel) {
	t.mu.Lock()
	begun := l.state[j.head]
	begun.Alert, begun.Channel, begun.Attempts, begun.Error, begun.Time = j.head, l.name, l.attempts+1, "", t.now()
	if j.need == thread {
		begun.Attempts = 0 // what may be in the thread already is no reason to call the message a repeat
	}
	onDisk := t.onDisk(j.head)
	t.mu.Unlock()
	written := make(chan struct{})
	var lost error // why the buttons are not on the disk
	go func() {
		defer close(written)
		if onDisk {
			// A failure shows when the outcome is recorded.
			lost = t.outbox.Delivered(context.WithoutCancel(ctx), []sessionwarden.Delivery{begun}, p.offers...)
			_ = mishap.At("alert.begun")
		}
	}()
	pause(ctx, written, diskPatience)
	select {
	case <-written:
		if lost != nil && len(p.offers) > 0 {
			p.m = p.m.withoutButtons() // nobody could be told what a press on them is about
		}
	default:
		p.m = p.m.withoutButtons()
	}
	limited, cancel := context.WithTimeout(ctx, sendLimit)
	newRef, err := t.send(limited, l, j, p)
	cancel()
	<-written
	if err != nil && ctx.Err() != nil {
		return // asked to stop in the middle: what is on the disk says so
	}
	now := t.now()
	t.mu.Lock()
	if lost == nil {
		t.gaveIDs(p.offers)
	}
	var deliveries []sessionwarden.Delivery
	if err == nil {
		deliveries = t.arrived(l, j, p, newRef, now)
	} else {
		deliveries = t.missed(l, j, p.m, asSendError(err), now)
	}
	t.notify()
	t.mu.Unlock()
	_ = t.save(context.WithoutCancel(ctx), l, deliveries) // kept, told in status, and tried again
}

// send makes one message or reply.
func (t *Teller) send(ctx context.Context, l *lane, j *job, p *parcel) (newRef string, err error) {
	return guarded(func() (string, error) {
		switch {
		case j.need == thread:
			t.mu.Lock()
			d := l.state[j.head]
			t.mu.Unlock()
			if p.m, p.events, err = t.timeline(ctx, p.head, d, p.facts); err != nil {
				return "", err
			}
			return p.ref, l.threads.Reply(ctx, p.m, p.ref, p.loud)
		case j.need == remind && p.ref != "":
			return p.ref, l.threads.Reply(ctx, p.m, p.ref, true)
		}
		return l.channel.Send(ctx, p.m, p.ref)
	})
}

// guarded calls what sends and contains its panics.
func guarded(send func() (string, error)) (newRef string, err error) {
	defer func() {
		if r := recover(); r != nil {
			// What it cannot deal with may be in this one message: a plainer one follows.
			err = &SendError{Class: Reject, Reason: "the channel made a mistake", Unsure: true}
		}
	}()
	if err := mishap.At("alert.send"); err != nil {
		return "", err
	}
	newRef, err = send()
	return newRef, cmp.Or(err, mishap.At("alert.sent"))
}

// arrived takes note that a message was delivered. The caller holds t.mu.
func (t *Teller) arrived(l *lane, j *job, p *parcel, ref string, now time.Time) []sessionwarden.Delivery {
	if l.broken || l.failure != "" {
		t.log.Info("the channel works again", "channel", l.name)
	}
	l.attempts, l.notTill, l.broken, l.failure, l.lastSent = 0, time.Time{}, false, "", now
	t.metrics.broken.WithLabelValues(l.name).Set(0)
	t.metrics.sent.WithLabelValues(l.name).Inc()
	if j.bundle {
		l.spread(p.m.Severity == sessionwarden.Critical)
	}
	var deliveries []sessionwarden.Delivery
	for _, id := range j.ids {
		known := t.known[id]
		if known == nil {
			continue // given up meanwhile
		}
		reminded := j.need == remind || j.bundle && l.pending[id] != first && l.pending[id] != again
		d := p.told(l.state[id], j, id, ref, now, reminded)
		switch {
		case p.loud || j.need != thread && j.need != update:
			l.rang[id], l.replied[id] = time.Now(), time.Now()
		case j.need == thread:
			l.replied[id] = time.Now()
		}
		d.Alert, d.Channel = id, l.name
		if j.need == first || j.need == again {
			d.Again = l.asked[id]
		}
		delete(l.bare, id) // its next state may be taken in words
		if _, is := l.stale[id]; is {
			l.stale[id] = time.Now() // what came meanwhile
		}
		l.state[id] = d
		if known.urgent {
			t.shed = 0
		} else {
			deliveries = append(deliveries, d)
		}
		l.consider(t, known)
		t.settle(known)
	}
	return deliveries
}

// told returns what is known of an alert's delivery now that the parcel arrived.
// reminded says that it only reminded of the alert.
func (p *parcel) told(d sessionwarden.Delivery, j *job, id uint64, ref string, now time.Time, reminded bool) sessionwarden.Delivery {
	d.Attempts, d.NotTill, d.Error, d.Time = 0, time.Time{}, "", now
	if j.need == thread {
		if d.Threaded = p.events; p.loud {
			d.Broadcast = p.head.Revision + 1
		}
		return d
	}
	if j.need == remind || j.bundle {
		d.Escalated = now
	}
	if j.need != update || d.Broadcast == 0 {
		d.Broadcast = p.sent[id]
	}
	switch {
	case j.need == remind && p.ref != "", j.bundle && reminded && d.Ref != "":
		return d // a reply, or one of many: the message itself stays as it is
	case j.bundle || id != j.head:
		ref = "" // one alert's update must not replace the bundle
	}
	if ref != d.Ref {
		d.Threaded = 0
	}
	if d.First.IsZero() && !reminded { // whom a reminder reached first was to be told no sooner
		d.First = now
	}
	d.Sent, d.Ref = p.sent[id], ref
	return d
}

// onDisk reports whether what becomes of an alert is to be recorded. The
// caller holds t.mu.
func (t *Teller) onDisk(id uint64) bool {
	m := t.known[id]
	return m != nil && !m.urgent
}
