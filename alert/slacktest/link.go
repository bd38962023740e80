package slacktest

import (
	"encoding/json"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// link is one connection.
type link struct {
	server *Server
	conn   *websocket.Conn
	base   string // the address of this server, as the other side knows it
	fault  SocketFault
	write  sync.Mutex // one writer at a time
	pings  chan string
	ended  chan struct{}
	once   sync.Once
}

// serve speaks to the other side until the connection ends.
func (l *link) serve() {
	n, ok := l.server.join(l)
	if !ok {
		_ = l.send(map[string]any{"type": "disconnect", "reason": "too_many_websockets", "debug_info": map[string]any{"host": "simulated"}})
		return
	}
	defer l.server.leave(l)
	switch l.fault.kind {
	case "no_hello":
	case "drop_first":
		return
	default:
		if l.send(map[string]any{
			"type": "hello", "num_connections": n, "connection_info": map[string]any{"app_id": appID},
			"debug_info": map[string]any{"host": "simulated", "build_number": 1, "approximate_connection_time": 18060},
		}) != nil {
			return
		}
	}
	switch l.fault.kind {
	case "half_open":
		l.swallow()
		return
	case "stuck":
		l.stand()
		return
	case "drop":
		return
	}
	// The reader never writes: without a network in between, two readers that
	// answer each other's pings at the same moment would wait for each other.
	l.conn.SetPingHandler(func(data string) error {
		select {
		case l.pings <- data:
		default:
		}
		return nil
	})
	go l.ping()
	for {
		kind, text, err := l.conn.ReadMessage()
		if err != nil {
			return
		}
		if kind == websocket.TextMessage {
			l.take(text)
		}
	}
}

// swallow takes whatever comes and answers nothing: a connection whose other
// side has silently gone.
func (l *link) swallow() {
	buffer := make([]byte, 4096)
	for {
		if _, err := l.conn.NetConn().Read(buffer); err != nil {
			return
		}
	}
}

// stand does not even take what comes, so that the other side cannot write. It
// ends when the other side does.
func (l *link) stand() {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-l.ended:
			return
		case <-tick.C:
		}
		_ = l.conn.NetConn().SetReadDeadline(time.Now().Add(-time.Second))
		if _, err := l.conn.NetConn().Read(nil); err != nil && !isTimeout(err) {
			return
		}
	}
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

// ping pings, and answers pings, until the connection ends.
func (l *link) ping() {
	tick := time.NewTicker(pingEvery)
	defer tick.Stop()
	for {
		kind, data := websocket.PingMessage, "Ping from simulated"
		select {
		case <-l.ended:
			return
		case data = <-l.pings:
			kind = websocket.PongMessage
		case <-tick.C:
		}
		if l.conn.WriteControl(kind, []byte(data), time.Now().Add(writeDeadline)) != nil {
			l.close()
			return
		}
	}
}

// send writes one frame of JSON.
func (l *link) send(v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return l.sendRaw(websocket.TextMessage, text)
}

func (l *link) sendRaw(kind int, text []byte) error {
	l.write.Lock()
	defer l.write.Unlock()
	if err := l.conn.SetWriteDeadline(time.Now().Add(writeDeadline)); err != nil {
		return err
	}
	return l.conn.WriteMessage(kind, text)
}

// close ends the connection without a word.
func (l *link) close() {
	l.once.Do(func() {
		close(l.ended)
		_ = l.conn.Close()
	})
}

// part says that the connection ends, and ends it after a while.
func (l *link) part(reason string, after time.Duration) error {
	err := l.send(map[string]any{"type": "disconnect", "reason": reason, "debug_info": map[string]any{"host": "simulated"}})
	if after == 0 {
		l.close()
		return err
	}
	go func() {
		timer := time.NewTimer(after)
		defer timer.Stop()
		select {
		case <-timer.C:
			l.close()
		case <-l.ended:
		}
	}()
	return err
}
