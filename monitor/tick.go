package monitor

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"sessionwarden"
	"sessionwarden/internal/mishap"
)

// tickWait is how long the changes of one tick wait for the polls that have
// not answered yet. What has an action to carry out never waits.
const tickWait = 250 * time.Millisecond

// tick gathers the changes of polls that are made together into one
// transaction: a commit costs two disk flushes, however much is in it.
type tick struct {
	journal Journal

	mu      sync.Mutex
	out     int // polls that have neither joined nor left
	waiting []sessionwarden.Change
	round   *round // what the waiting ones wait for
	timer   *time.Timer
}

// round is one transaction for several changes. Where it fails, each of them is
// tried alone: one that cannot be written must not keep the others back.
type round struct {
	done chan struct{}
	errs []error // of each change, once done
}

// newTick returns a tick of n polls.
func newTick(journal Journal, n int) *tick {
	return &tick{journal: journal, out: n, round: &round{done: make(chan struct{})}}
}

// leave says that a poll is over. Each poll leaves once.
func (t *tick) leave() {
	t.mu.Lock()
	t.out--
	t.mu.Unlock()
	t.flush(context.Background(), false)
}

// commit writes change with those of the tick's other polls and returns when
// it is on disk. Urgent changes are written at once.
func (t *tick) commit(ctx context.Context, change sessionwarden.Change, urgent bool) error {
	t.mu.Lock()
	mine, place := t.round, len(t.waiting)
	t.waiting = append(t.waiting, change)
	if t.timer == nil {
		t.timer = time.AfterFunc(tickWait, func() { t.flush(context.WithoutCancel(ctx), true) })
	}
	t.mu.Unlock()
	t.flush(ctx, urgent)
	<-mine.done
	return mine.errs[place]
}

// flush commits what waits if no poll is to be waited for, or if now.
func (t *tick) flush(ctx context.Context, now bool) {
	t.mu.Lock()
	// A poll that waits here has joined but not left.
	if len(t.waiting) == 0 || !now && t.out > len(t.waiting) {
		t.mu.Unlock()
		return
	}
	changes, r := t.waiting, t.round
	t.waiting, t.round = nil, &round{done: make(chan struct{})}
	if t.timer != nil {
		t.timer.Stop()
		t.timer = nil
	}
	t.mu.Unlock()
	defer close(r.done)
	r.errs = slices.Repeat([]error{errors.New("the commit did not come to its end")}, len(changes))
	ctx = context.WithoutCancel(ctx)
	err := t.journal.Commit(ctx, changes)
	for i := range changes {
		r.errs[i] = err
		if err != nil && len(changes) > 1 {
			r.errs[i] = t.journal.Commit(ctx, changes[i:i+1])
		}
	}
	_ = mishap.At("tick.committed")
}
