package monitor

import "time"

// Round is how the polls that were due last went, over all accounts.
type Round struct {
	Polls uint64 // that worked, since the start: it rises with each
	Good  bool   // the last poll of every account worked, and none is overdue

	Blind   []string // accounts that people were told are not being watched, by name
	Overdue []string // accounts whose poll has been due for so long that something hangs
	Stuck   bool     // the loop over all accounts does not turn any more
}

const (
	// overdueAfter is how long a poll may be due, and not have come to its end,
	// at least: a slow service is cut off long before.
	overdueAfter = 2 * time.Minute
	// overdueRequests is the same in requests that time out.
	overdueRequests = 10
	// stuckAfter is how long the loop over all accounts may take for one turn. It
	// sleeps for maxWait at most, and waits for nothing but the disk.
	stuckAfter = 4 * maxWait
)

// turn is how an account's last poll went. It is guarded by watch.timing, so
// that whoever asks waits for no disk.
type turn struct {
	asked time.Time // since when, by the steady clock, a poll is due that has not come to its end; zero: none is
	good  bool      // the last one worked, and what it saw is on the disk
	blind bool      // people were told that the account is not being watched
}

// took notes how a poll of w ended. The caller holds w.mu.
func (m *Monitor) took(w *watch, worked bool) {
	w.timing.Lock()
	w.turn = turn{good: worked, blind: w.h.Blind.Told}
	w.timing.Unlock()
	if worked {
		m.worked.Add(1)
	}
	m.opts.Polled()
}

// isDue notes that a poll of w is due. The caller holds w.timing.
func (w *watch) isDue() {
	if w.turn.asked.IsZero() {
		w.turn.asked = time.Now()
	}
}

// Round returns how the last polls went. It waits for neither the service nor the
// disk.
func (m *Monitor) Round() Round {
	r := Round{Polls: m.worked.Load(), Good: true}
	for _, w := range m.all() {
		w.timing.Lock()
		name, last, patience := w.name, w.turn, max(overdueAfter, overdueRequests*w.timeout)
		w.timing.Unlock()
		if last.blind {
			r.Blind = append(r.Blind, name)
		}
		if !last.asked.IsZero() && time.Since(last.asked) > patience {
			r.Overdue = append(r.Overdue, name)
		}
		r.Good = r.Good && last.good
	}
	turned := m.turned.Load()
	r.Stuck = turned != 0 && time.Since(m.began)-time.Duration(turned) > stuckAfter
	r.Good = r.Good && !r.Stuck && len(r.Overdue) == 0
	return r
}

// turns notes that the loop over all accounts goes on.
func (m *Monitor) turns() { m.turned.Store(int64(max(1, time.Since(m.began)))) }
