package alert

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"
)

const (
	// pressWorkers and commandWorkers are how many of each are dealt with at a
	// time.
	pressWorkers, commandWorkers = 8, 2
	// maxPresses and maxCommands are how many of each may wait.
	maxPresses, maxCommands = 64, 16
	// maxWaiting is how many of one person may wait or be dealt with: fewer than
	// there are workers, so that nobody shuts the others out.
	maxWaiting = 6
	// maxRegrets is how many may wait to be told that their press was dropped.
	maxRegrets = 8
	// remembered is how many envelopes are known to have come.
	remembered = 1024
	// answerTime is how long a command may take before it is acknowledged
	// without its answer. Slack waits three seconds.
	answerTime = 2 * time.Second
	// handleTime is how long one press or command may be dealt with.
	handleTime = 30 * time.Second
	// dropLog is how often it is logged that something was dropped.
	dropLog = time.Minute
)

// What a command is told where there is no answer.
const (
	saysBusy    = "Too much is waiting to be dealt with. Try it again in a minute."
	saysLater   = "Working on it. The answer comes here as soon as it is there."
	saysWrong   = "That went wrong inside the program, and nothing may have been done. Its log says more."
	saysNothing = "This program takes no commands from Slack."
)

// desk deals with what comes: a bounded number at a time, a bounded number
// waiting, a bounded number of one person's.
type desk struct {
	socket  *SlackSocket
	pressed func(context.Context, Press)
	command func(context.Context, Slash) string

	presses  chan incoming
	commands chan *question
	regrets  chan incoming // presses that were dropped

	mu      sync.Mutex
	seen    map[string]bool
	order   [remembered]string // a ring of the same
	at      int
	waiting map[string]int // how many of a person's wait or are dealt with
	dropped int            // since the last line in the log
	logged  time.Time
}

func newDesk(s *SlackSocket, pressed func(context.Context, Press), command func(context.Context, Slash) string) *desk {
	return &desk{
		socket: s, pressed: pressed, command: command, presses: make(chan incoming, maxPresses), commands: make(chan *question, maxCommands),
		regrets: make(chan incoming, maxRegrets),
		seen:    make(map[string]bool, remembered), waiting: make(map[string]int),
	}
}

// open starts the workers. What it returns is closed when all have ended, after
// ctx. What an earlier run has left is not dealt with so late.
func (d *desk) open(ctx context.Context) <-chan struct{} {
	empty(d.presses)
	empty(d.commands)
	empty(d.regrets)
	d.mu.Lock()
	clear(d.waiting)
	d.mu.Unlock()
	var workers sync.WaitGroup
	for range pressWorkers {
		workers.Go(func() { work(ctx, d.presses, d.press) })
	}
	for range commandWorkers {
		workers.Go(func() { work(ctx, d.commands, d.answer) })
	}
	workers.Go(func() { work(ctx, d.regrets, d.regret) })
	ended := make(chan struct{})
	go func() {
		workers.Wait()
		close(ended)
	}()
	return ended
}

// empty takes away what waits.
func empty[T any](queue <-chan T) {
	for {
		select {
		case <-queue:
		default:
			return
		}
	}
}

// work does one after the other until ctx ends. What waits then is left: it was
// acknowledged, but nothing was done about it, and the message in Slack still
// offers its button.
func work[T any](ctx context.Context, queue <-chan T, do func(context.Context, T)) {
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case one := <-queue:
			do(ctx, one)
		}
	}
}

// take acknowledges an envelope and has it dealt with. It never waits for
// that.
func (d *desk) take(l *line, in incoming) {
	label := string(in.kind)
	defer func() { d.socket.metrics.envelopes.WithLabelValues(label).Inc() }()
	if in.id == "" {
		return
	}
	if d.before(in.id) {
		label = becameDuplicate
		_ = l.ack(in.id, nil) // where it fails the connection ends
		return
	}
	switch in.kind {
	case kindCommand:
		q := &question{incoming: in, line: l, desk: d}
		if !d.admit(in.slash.User) {
			label = becameDropped
			_ = l.ack(in.id, answerPayload(saysBusy)) // where it fails the connection ends
			return
		}
		q.timer = time.AfterFunc(answerTime, q.later)
		select {
		case d.commands <- q:
		default:
			label = becameDropped
			d.leave(in.slash.User, true)
			q.busy()
		}
	case kindPress:
		// Where this fails the connection ends and Slack says that it went wrong;
		// the button was pressed all the same.
		_ = l.ack(in.id, nil)
		if d.admit(in.press.User) {
			select {
			case d.presses <- in:
				return
			default:
				d.leave(in.press.User, true)
			}
		}
		label = becameDropped
		select {
		case d.regrets <- in:
		default:
		}
	default:
		_ = l.ack(in.id, nil) // where it fails the connection ends
	}
}

// before remembers an envelope, and reports whether it came before.
func (d *desk) before(id string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.seen[id] {
		return true
	}
	delete(d.seen, d.order[d.at])
	d.seen[id], d.order[d.at] = true, id
	d.at = (d.at + 1) % remembered
	return false
}

// admit counts something of a person's, and reports whether it is not too much.
func (d *desk) admit(user string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.waiting[user] >= maxWaiting {
		d.drop()
		return false
	}
	d.waiting[user]++
	return true
}

// leave undoes admit.
func (d *desk) leave(user string, dropped bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.waiting[user]--; d.waiting[user] <= 0 {
		delete(d.waiting, user)
	}
	if dropped {
		d.drop()
	}
}

// drop counts what was dropped, and logs it now and then. d.mu is held.
func (d *desk) drop() {
	d.dropped++
	if now := time.Now(); d.logged.IsZero() || now.Sub(d.logged) >= dropLog {
		d.socket.log.Warn("too much is done in Slack at once; some of it was acknowledged and dropped", "dropped", d.dropped)
		d.dropped, d.logged = 0, now
	}
}

// press deals with a press.
func (d *desk) press(ctx context.Context, in incoming) {
	defer d.leave(in.press.User, false)
	ctx, cancel := context.WithTimeout(ctx, handleTime)
	defer cancel()
	defer d.contain("a press")
	if d.pressed != nil {
		d.pressed(ctx, in.press)
	}
}

// regret tells somebody that his press was dropped.
func (d *desk) regret(ctx context.Context, in incoming) {
	if in.answers != "" {
		d.socket.answerLate(ctx, in.answers, answerPayload(saysBusy))
	}
}

// answer deals with a command.
func (d *desk) answer(ctx context.Context, q *question) {
	defer d.leave(q.slash.User, false)
	text := saysWrong
	defer func() { q.reply(ctx, text) }()
	within, cancel := context.WithTimeout(ctx, handleTime)
	defer cancel()
	defer d.contain("a command")
	switch {
	case d.command == nil:
		text = saysNothing
	default:
		text = d.command(within, q.slash)
	}
}

// contain keeps a mistake of ours from ending the program. What the panic says
// may hold what somebody typed: only its type is logged.
func (d *desk) contain(what string) {
	if r := recover(); r != nil {
		d.socket.log.Error("dealing with "+what+" from Slack went wrong inside", "panic", fmt.Sprintf("%T", r), "stack", string(debug.Stack()))
	}
}
