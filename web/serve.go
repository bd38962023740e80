package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// Bounds of every server. Requests are short; only answers may be long.
const (
	headerTime  = 5 * time.Second
	requestTime = 10 * time.Second // headers and body; what the handler does then takes its own time
	idleTime    = 30 * time.Second
	maxHeader   = 16 << 10
	connsAtOnce = 64

	graceTime = 3 * time.Second // for requests to end by themselves when the server stops
	cutTime   = time.Second     // and then, with their contexts cancelled
)

// newServer returns a server of handler with the bounds of the package.
func newServer(handler http.Handler, logger *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: headerTime,
		ReadTimeout:       requestTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    maxHeader,
		ConnContext:       withAsker,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
	}
}

// Serve answers requests on listener with handler until ctx ends, and then
// stops: no new requests at once, three seconds for those under way, then their
// contexts end, and a second later so do their connections. It closes listener
// and returns nil when it was stopped so, or an error when it could not go on
// before. name says in the log which server it is; logger may be nil.
func Serve(ctx context.Context, name string, listener net.Listener, handler http.Handler, logger *slog.Logger) error {
	logger = logTo(logger)
	requests, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	server := newServer(handler, logger)
	server.BaseContext = func(net.Listener) context.Context { return requests }

	ended := make(chan error, 1)
	go func() { ended <- server.Serve(limitConns(listener, connsAtOnce)) }()
	logger.Info("serving", "server", name, "address", listener.Addr().String())

	select {
	case err := <-ended:
		if errors.Is(err, http.ErrServerClosed) {
			return nil
		}
		return fmt.Errorf("serving %s: %w", name, err)
	case <-ctx.Done():
	}
	if shutdown(server, graceTime) != nil {
		cancel()
		if shutdown(server, cutTime) != nil {
			_ = server.Close()
			logger.Warn("requests were cut off while stopping", "server", name)
		}
	}
	<-ended
	return nil
}

// shutdown waits at most bound for the server's requests to end.
func shutdown(server *http.Server, bound time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), bound)
	defer cancel()
	return server.Shutdown(ctx)
}

// limitConns returns a listener with at most n connections open at once; more
// wait in the kernel's queue. So no client can use up the program's file
// descriptors, which the watch needs.
func limitConns(l net.Listener, n int) net.Listener {
	return &limitedListener{Listener: l, slots: make(chan struct{}, n), closed: make(chan struct{})}
}

type limitedListener struct {
	net.Listener
	slots  chan struct{}
	closed chan struct{}
	once   sync.Once
}

// Accept implements net.Listener.
func (l *limitedListener) Accept() (net.Conn, error) {
	select {
	case l.slots <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	conn, err := l.Listener.Accept()
	if err != nil {
		<-l.slots
		return nil, err
	}
	return &limitedConn{Conn: conn, release: sync.OnceFunc(func() { <-l.slots })}, nil
}

// Close implements net.Listener.
func (l *limitedListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

type limitedConn struct {
	net.Conn
	release func()
}

// CloseWrite lets net/http end an answer before the connection: a client that
// is still sending too much then reads why it was refused.
func (c *limitedConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// Close implements net.Conn.
func (c *limitedConn) Close() error {
	defer c.release()
	return c.Conn.Close()
}
