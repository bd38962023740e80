package alert

import (
	"context"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// keep opens one connection after the other until ctx ends.
func (s *SlackSocket) keep(ctx context.Context, lines *sync.WaitGroup) {
	k := keeper{socket: s, lines: lines, pause: backoff.ExponentialBackOff{
		InitialInterval: 2 * quickest, RandomizationFactor: 0.5, Multiplier: 2, MaxInterval: slowest * 2 / 3,
	}}
	k.pause.Reset()
	for ctx.Err() == nil {
		wait, err := k.connect(ctx)
		if err == nil {
			wait = k.tend(ctx)
		}
		k.rest(ctx, wait)
	}
	k.close()
}

// keeper is the state of one [SlackSocket.Run].
type keeper struct {
	socket  *SlackSocket
	lines   *sync.WaitGroup
	current *line // nil: none
	older   *line // it is read until it is drained; nil: none
	pause   backoff.ExponentialBackOff
	token   string     // of the last attempt
	broken  bool       // a person has to mend something, and another token may do
	trouble *SendError // why the last attempt failed; nil: it did not
}

// connect opens a connection and has it take the place of the one before. It
// returns how long to wait where that failed.
func (k *keeper) connect(ctx context.Context) (time.Duration, error) {
	token, err := k.socket.readToken()
	var next *line
	if err == nil {
		next, err = k.socket.connect(ctx, token, k.lines)
	}
	if ctx.Err() != nil {
		if next != nil {
			next.close()
		}
		return 0, ctx.Err()
	}
	k.token, k.broken, k.trouble = token, false, nil
	if err != nil {
		k.trouble = asSendError(err)
		wait := k.after(k.trouble)
		k.socket.metrics.connections.WithLabelValues(k.trouble.Class.String()).Inc()
		k.socket.failed(k.trouble, wait, k.current != nil && !k.current.over())
		return wait, k.trouble
	}
	if k.older != nil {
		k.older.close()
	}
	if k.older = k.current; k.older != nil {
		k.older.retire()
	}
	k.current = next
	k.socket.metrics.connections.WithLabelValues("connected").Inc()
	k.socket.up()
	return 0, nil
}

// after is how long to wait after a failure.
func (k *keeper) after(e *SendError) time.Duration {
	switch e.Class {
	case Broken:
		k.broken = true
		return mending
	case Limited:
		return max(k.next(), e.RetryAfter)
	}
	return k.next()
}

// next is the next pause of a row that grows.
func (k *keeper) next() time.Duration { return min(max(k.pause.NextBackOff(), quickest), slowest) }

// tend waits until another connection is needed, and returns how long to wait
// before it is opened.
func (k *keeper) tend(ctx context.Context) time.Duration {
	l := k.current
	select {
	case <-ctx.Done():
		return 0
	case <-l.refresh:
	case <-l.done:
	}
	calm := time.Since(l.since) >= settled
	if calm {
		k.pause.Reset()
	}
	if !l.over() { // Slack asks for another one, while this one works
		k.socket.metrics.ends.WithLabelValues(endRefresh).Inc()
		if calm {
			return 0
		}
		return k.next()
	}
	wait := k.after(l.err)
	k.current = nil
	k.socket.lost(l.end, l.err, wait)
	return wait
}

// rest waits for a while. It ends early when there is another token, where the
// one before may be what is wrong.
func (k *keeper) rest(ctx context.Context, wait time.Duration) {
	if wait <= 0 {
		return
	}
	until := time.Now().Add(wait)
	timer := time.NewTimer(wait)
	defer timer.Stop()
	look := time.NewTicker(tokenLook)
	defer look.Stop()
	for {
		var ended <-chan struct{}
		if k.current != nil {
			ended = k.current.done
		}
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			return
		case <-ended:
			l, why := k.current, k.trouble
			if why == nil {
				why = l.err
			}
			k.current = nil
			k.socket.lost(l.end, why, time.Until(until))
		case <-look.C:
			if !k.broken {
				continue
			}
			if token, err := k.socket.readToken(); err == nil && token != k.token {
				k.pause.Reset()
				return
			}
		}
	}
}

// close ends all connections.
func (k *keeper) close() {
	for _, l := range []*line{k.current, k.older} {
		if l != nil {
			l.close()
		}
	}
}
