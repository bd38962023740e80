package web

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// InProcess returns a transport that asks handler in this very process: every
// request is a real one over a pipe in memory, so that answers are the same to
// the byte as over a socket, trailers and broken-off answers included. Answers
// stream: the handler writes no faster than the body is read. A body must be
// closed, else its handler never ends. It is safe for concurrent use.
func InProcess(handler http.Handler) http.RoundTripper {
	return &http.Transport{
		DisableKeepAlives:  true,
		DisableCompression: true,
		ReadBufferSize:     streamBuffer,
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			near, far := net.Pipe()
			once := &singleListener{conn: far, ended: make(chan struct{})}
			server := newServer(handler, slog.New(slog.DiscardHandler))
			go func() { _ = server.Serve(once) }()
			return near, nil
		},
	}
}

// singleListener accepts one connection, and ends when that is closed.
type singleListener struct {
	conn  net.Conn
	given bool // used by Accept alone, which a server calls from one goroutine
	ended chan struct{}
	once  sync.Once
}

// Accept implements net.Listener.
func (l *singleListener) Accept() (net.Conn, error) {
	if l.given {
		<-l.ended
		return nil, io.EOF
	}
	l.given = true
	return &pipeConn{Conn: l.conn, closed: func() { l.once.Do(func() { close(l.ended) }) }}, nil
}

// Close implements net.Listener. The connection goes on by itself.
func (l *singleListener) Close() error { return nil }

// Addr implements net.Listener.
func (l *singleListener) Addr() net.Addr { return l.conn.LocalAddr() }

// pipeConn is the handler's end of the pipe. Nobody else waits for a reader in
// the same process, so it may take as long as it likes.
type pipeConn struct {
	net.Conn
	closed func()
}

// SetWriteDeadline implements net.Conn and does nothing.
func (c *pipeConn) SetWriteDeadline(time.Time) error { return nil }

// CloseWrite does nothing, but net/http waits a moment after it: a client that
// is still sending too much then reads why it was refused.
func (c *pipeConn) CloseWrite() error { return nil }

// Close implements net.Conn.
func (c *pipeConn) Close() error {
	defer c.closed()
	return c.Conn.Close()
}
