package alert

import (
	"cmp"
	"slices"
	"time"

	"sessionwarden"
)

const (
	// crowd is how many alerts may wait on a channel before several are put
	// into one message.
	crowd = 4
	// maxSleep is how long a worker sleeps at most before it looks at the
	// clock again, so that a clock that jumps does not hold an alert.
	maxSleep = 30 * time.Second
	// never is how long a worker sleeps that has nothing to do.
	never = time.Duration(1<<63 - 1)
	// The pause between bundles grows while the flood goes on.
	firstGap         = 5 * time.Second
	longestGap       = 5 * time.Minute
	longestUrgentGap = time.Minute // where a critical alert waits
)

// job is one message to be sent: for one alert or for many.
type job struct {
	head   uint64   // the first alert, which stands for all of them on the disk until the message is sent
	ids    []uint64 // all of them
	need   need
	bundle bool
}

// candidate is an alert that may be sent now.
type candidate struct {
	id       uint64
	key      string
	severity sessionwarden.Severity
	asks     bool
	need     need
}

// next decides what the channel sends now; without a job it says how long
// there is nothing to do. The caller holds t.mu.
func (l *lane) next(t *Teller, now time.Time) (*job, time.Duration) {
	if len(l.pending) == 0 && (len(t.waitsFor) == 0 || l.place < 0) {
		return nil, never
	}
	steady := time.Now()
	if wait := l.notTill.Sub(steady); wait > 0 {
		return nil, wait
	}
	if tokens := l.pace.TokensAt(steady); tokens < 1 && !l.hurry {
		return nil, time.Duration((1-tokens)*float64(time.Second)) + time.Millisecond
	}
	news, change, aside, soonest := l.candidates(t, now)
	news, same := sameMatter(news)
	if len(news) == 0 {
		switch {
		case change != nil:
			return single(*change, nil), 0
		case aside != nil:
			return single(*aside, nil), 0
		}
		return nil, soonest
	}
	top := slices.MinFunc(news, before)
	switch {
	case len(news) <= crowd:
		if change != nil && change.severity > top.severity {
			return single(*change, nil), 0
		}
		return single(top, same), 0
	case top.severity == sessionwarden.Critical && l.singles.AllowN(steady, 1):
		return single(top, same), 0
	}
	wait := l.quiet.Sub(steady)
	switch {
	case wait <= 0 || t.flushing > 0:
		return gather(news, same), 0
	case change != nil:
		return single(*change, nil), 0
	}
	return nil, min(wait, soonest)
}

// before orders candidates: the most severe first, of these the questions, as
// they stand for a time only, and the older before the newer.
func before(a, b candidate) int {
	return cmp.Or(cmp.Compare(b.severity, a.severity), ahead(a.asks, b.asks), cmp.Compare(a.id, b.id))
}

// ahead orders what holds before what does not.
func ahead(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

// asks reports whether an alert asks a person something.
func asks(a sessionwarden.Alert) bool {
	return slices.ContainsFunc(a.Items, func(item sessionwarden.AlertItem) bool {
		return item.Action != nil && item.Action.State == sessionwarden.Held
	})
}

// candidates returns the new messages that may be sent now, in no order; the
// update that comes first, if any; what belongs into a thread and comes first; and
// how long until something more is ready.
func (l *lane) candidates(t *Teller, now time.Time) (news []candidate, change, aside *candidate, soonest time.Duration) {
	soonest = never
	for id := range t.waitsFor {
		m := t.known[id]
		if n := l.pending[id]; n == first || n == again || !l.route.concerns(m.alert) {
			continue
		}
		if t.silenced(m.alert) != "" {
			soonest = min(soonest, maxSleep) // until it ends
			continue
		}
		if d := l.state[id]; d.Attempts > 0 {
			// The lane's own pause is what it waits for.
		} else if left := d.NotTill.Sub(now); left > 0 && left <= brokenPause {
			soonest = min(soonest, left) // it was refused in every form
			continue
		}
		at, wait := t.escalate.due(m.alert, l.state[id], l.place, now)
		if soonest = min(soonest, wait); !at.IsZero() {
			news = append(news, candidate{id: id, severity: m.alert.Severity, asks: m.asks, need: remind})
		}
	}
	for id, n := range l.pending {
		m := t.known[id]
		wait := max(ready(m.alert, l.state[id], n, l.update, now, time.Since(l.stale[id])), l.hush(m.alert, n, now))
		if n == thread {
			wait = max(wait, l.threadWait(m.alert, now))
		}
		if wait > 0 {
			soonest = min(soonest, wait)
			continue
		}
		c := candidate{id: id, key: m.alert.Key, severity: m.alert.Severity, asks: m.asks, need: n}
		switch {
		case n == thread:
			if c.asks = isLoud(m.alert, l.state[id]); aside == nil || before(c, *aside) < 0 {
				aside = &c
			}
		case n != update:
			news = append(news, c)
		case change == nil || before(c, *change) < 0:
			change = &c
		}
	}
	return news, change, aside, soonest
}

// hush returns how long something new has to wait for the channel's quiet hours to
// end. What changes a message, or goes into its thread, makes no sound, unless the
// channel is made to look. What somebody asked for does not wait.
func (l *lane) hush(a sessionwarden.Alert, n need, now time.Time) time.Duration {
	if n == update || l.state[a.ID].Again || n == thread && !isLoud(a, l.state[a.ID]) {
		return 0
	}
	return l.route.hush(a, now)
}

// sameMatter leaves out alerts that wait together with a newer one of the
// same key that is no less severe: the newer one speaks for them. It returns
// them by the newer one's id.
func sameMatter(news []candidate) (kept []candidate, same map[uint64][]uint64) {
	newest := make(map[string]candidate)
	for _, c := range news {
		if n, ok := newest[c.key]; c.key != "" && (!ok || c.id > n.id) {
			newest[c.key] = c
		}
	}
	if len(newest) == 0 {
		return news, nil
	}
	same = make(map[uint64][]uint64)
	for _, c := range news {
		if n := newest[c.key]; c.key != "" && n.id != c.id && n.severity >= c.severity {
			same[n.id] = append(same[n.id], c.id)
			continue
		}
		kept = append(kept, c)
	}
	return kept, same
}

// single is the job of one alert.
func single(c candidate, same map[uint64][]uint64) *job {
	return &job{head: c.id, ids: append([]uint64{c.id}, same[c.id]...), need: c.need}
}

// gather is the job of a bundle of all of news. Its head is the oldest alert:
// that stays in whatever bundle comes if this one fails.
func gather(news []candidate, same map[uint64][]uint64) *job {
	j := &job{need: first, bundle: true}
	for _, c := range news {
		j.ids = append(append(j.ids, c.id), same[c.id]...)
	}
	j.head = slices.Min(j.ids)
	return j
}

// spread widens the gap before the next bundle while the flood goes on.
func (l *lane) spread(critical bool) {
	now := time.Now()
	longest := longestGap
	if critical {
		longest = longestUrgentGap
	}
	if l.gap == 0 || now.Sub(l.quiet) > l.gap {
		l.gap = firstGap
	} else {
		l.gap = min(2*l.gap, longest)
	}
	l.quiet = now.Add(l.gap)
}
