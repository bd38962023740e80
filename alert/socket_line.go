package alert

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

const (
	// maxFrame is the largest frame that is taken.
	maxFrame = 1 << 20
	// maxGarbage is how many frames in a row may be none of Slack's.
	maxGarbage = 20
)

// line is one connection. It is read by a goroutine of its own until it ends.
type line struct {
	socket  *SlackSocket
	conn    *websocket.Conn
	write   sync.Mutex // one writer at a time
	since   time.Time
	hello   chan struct{} // closed when Slack has said hello
	refresh chan struct{} // closed when Slack asks for another connection
	done    chan struct{} // closed when it is over; err and end are set then
	err     *SendError
	end     string

	said, asked bool // hello and refresh are closed; the reader's own
	closing     sync.Once
	closed      chan struct{}
	failed      chan struct{} // closed when nothing could be written
	failing     sync.Once
}

// connect opens a connection and waits until Slack says hello.
func (s *SlackSocket) connect(ctx context.Context, token string, lines *sync.WaitGroup) (*line, error) {
	address, err := s.askAddress(ctx, token)
	if err != nil {
		return nil, err
	}
	conn, err := s.dialer.open(ctx, address)
	if err != nil {
		return nil, err
	}
	l := &line{
		socket: s, conn: conn, since: time.Now(), hello: make(chan struct{}), refresh: make(chan struct{}), done: make(chan struct{}),
		closed: make(chan struct{}), failed: make(chan struct{}),
	}
	conn.SetReadLimit(maxFrame)
	l.alive()
	conn.SetPingHandler(func(data string) error {
		l.alive()
		return l.control(websocket.PongMessage, []byte(data))
	})
	conn.SetPongHandler(func(string) error { l.alive(); return nil })
	lines.Go(l.read)
	lines.Go(l.ping)
	timer := time.NewTimer(helloTime)
	defer timer.Stop()
	select {
	case <-l.hello:
		return l, nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-timer.C:
		err = &SendError{Class: Retry, Reason: "Slack opened the connection and did not say hello"}
	case <-l.done:
		err = l.err
	}
	l.close()
	return nil, err
}

// alive puts the watchdog off.
func (l *line) alive() { _ = l.conn.SetReadDeadline(time.Now().Add(silence)) } // a closed connection fails at the read

// read takes what comes until the connection ends. It is the only reader.
func (l *line) read() {
	defer close(l.done)
	defer l.close()
	defer func() {
		if r := recover(); r != nil {
			l.socket.log.Error("reading from Slack went wrong inside", "panic", fmt.Sprintf("%T", r))
			l.finish(endGarbage, &SendError{Class: Retry, Reason: "reading from Slack went wrong inside"})
		}
	}()
	for garbage := 0; garbage < maxGarbage; {
		frame, err := l.frame()
		if err != nil {
			l.ended(err)
			return
		}
		l.alive()
		in := decodeEnvelope(frame)
		switch in.kind {
		case kindInvalid:
			garbage++
		case kindDisconnect:
			garbage = 0
			if l.disconnect(in.reason) {
				return
			}
		case kindHello:
			garbage = 0
			if !l.said {
				l.said = true
				close(l.hello)
			}
		default:
			garbage = 0
		}
		l.socket.desk.take(l, in)
	}
	l.finish(endGarbage, &SendError{Class: Retry, Reason: "what comes through the connection is not Slack's",
		Cure: "look whether a proxy stands between this machine and Slack"})
}

// frame reads one frame; nil for one that is no text.
func (l *line) frame() ([]byte, error) {
	kind, r, err := l.conn.NextReader()
	if err != nil {
		return nil, err
	}
	frame, err := io.ReadAll(io.LimitReader(r, maxFrame+1)) // the library's limit is that of a packed frame
	switch {
	case err != nil:
		return nil, err
	case len(frame) > maxFrame:
		return nil, websocket.ErrReadLimit
	case kind != websocket.TextMessage:
		return nil, nil
	}
	return frame, nil
}

// disconnect deals with Slack's word that the connection ends, and reports
// whether it is over by that.
func (l *line) disconnect(reason string) bool {
	switch reason {
	case "link_disabled", "socket_mode_disabled":
		l.finish(endDisabled, disabled())
		return true
	case "too_many_websockets":
		l.finish(endTooMany, tooMany())
		return true
	}
	if !l.asked { // "warning", "refresh_requested" and whatever Slack invents
		l.asked = true
		close(l.refresh)
	}
	return false
}

// ended sorts the error that ended the connection.
func (l *line) ended(err error) {
	var closing *websocket.CloseError
	switch {
	case errors.Is(err, websocket.ErrReadLimit):
		l.finish(endGarbage, &SendError{Class: Retry, Reason: "Slack sent more at a time than it ever does"})
	case l.hasFailed():
		l.finish(endWrite, &SendError{Class: Retry, Reason: "nothing could be sent to Slack any more"})
	case isTimeout(err):
		l.finish(endSilent, &SendError{Class: Retry, Reason: "nothing came from Slack for a minute, though the connection seemed to stand"})
	case errors.As(err, &closing) && closing.Code != websocket.CloseAbnormalClosure:
		l.finish(endClosed, &SendError{Class: Retry, Reason: "Slack closed the connection"})
	default:
		l.finish(endClosed, &SendError{Class: Retry, Reason: "the connection to Slack broke off"})
	}
}

// finish notes why the connection is over.
func (l *line) finish(end string, e *SendError) { l.end, l.err = end, e }

// isTimeout reports whether a wait was too long.
func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

// over reports whether the connection has ended.
func (l *line) over() bool {
	select {
	case <-l.done:
		return true
	default:
		return false
	}
}

func (l *line) hasFailed() bool {
	select {
	case <-l.failed:
		return true
	default:
		return false
	}
}

// ping pings until the connection ends.
func (l *line) ping() {
	tick := time.NewTicker(pinging)
	defer tick.Stop()
	for {
		select {
		case <-l.done:
			return
		case <-l.closed:
			return
		case <-tick.C:
			if l.control(websocket.PingMessage, nil) != nil {
				return
			}
		}
	}
}

// control writes a control frame.
func (l *line) control(kind int, data []byte) error {
	return l.wrote(l.conn.WriteControl(kind, data, time.Now().Add(writing)))
}

// wrote ends the connection where something could not be written: it cannot be
// used any more.
func (l *line) wrote(err error) error {
	if err != nil {
		l.failing.Do(func() { close(l.failed) })
		_ = l.conn.Close()
	}
	return err
}

// ack acknowledges an envelope; payload is the answer, nil for none.
func (l *line) ack(id string, payload any) error {
	body, err := json.Marshal(struct {
		ID      string `json:"envelope_id"`
		Payload any    `json:"payload,omitempty"`
	}{id, payload})
	if err != nil {
		return err
	}
	l.write.Lock()
	defer l.write.Unlock()
	err = l.conn.SetWriteDeadline(time.Now().Add(writing))
	if err == nil {
		err = l.conn.WriteMessage(websocket.TextMessage, body)
	}
	return l.wrote(err)
}

// retire ends the connection when it is drained: what Slack sent it until now
// is still taken.
func (l *line) retire() {
	time.AfterFunc(drained, l.close)
}

// close ends the connection, with a word where that is possible at once.
func (l *line) close() {
	l.closing.Do(func() {
		close(l.closed)
		_ = l.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(100*time.Millisecond))
		_ = l.conn.Close()
	})
}
