package alert

import (
	"context"
	"strings"
	"sync"
	"time"
)

// question is a command that wants an answer.
type question struct {
	incoming
	line  *line
	desk  *desk
	timer *time.Timer

	mu    sync.Mutex
	acked bool // with success or without
}

// later acknowledges without an answer, as it takes too long.
func (q *question) later() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.acked {
		return
	}
	q.acked = true
	_ = q.line.ack(q.id, answerPayload(saysLater)) // where it fails the answer still comes
}

// busy acknowledges what is not dealt with.
func (q *question) busy() {
	q.timer.Stop()
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.acked {
		q.acked = true
		_ = q.line.ack(q.id, answerPayload(saysBusy)) // where it fails the connection ends
	}
}

// reply gives the answer: with the acknowledgement, or after it.
func (q *question) reply(ctx context.Context, text string) {
	q.timer.Stop()
	q.mu.Lock()
	late := q.acked
	q.acked = true
	q.mu.Unlock()
	var payload any
	if text = strings.TrimSpace(text); text != "" {
		payload = answerPayload(text)
	}
	if !late {
		late = q.line.ack(q.id, payload) != nil
	}
	if late && payload != nil {
		q.desk.socket.answerLate(ctx, q.answers, payload)
	}
}
