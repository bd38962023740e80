package web_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sessionwarden/web"
)

// pipes is a listener whose connections are pipes, for tests with a clock of
// their own.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "test", Net: "unix"} }

func (p *pipes) dial(context.Context, string, string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case p.conns <- far:
		return near, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func TestServeStopsWithinItsBound(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		handler func(r *http.Request, ended <-chan struct{})
		within  time.Duration
		status  int // 0: the connection is cut
	}{
		"nothing under way":          {nil, 0, 0},
		"a request that takes 2 s":   {func(*http.Request, <-chan struct{}) { time.Sleep(2 * time.Second) }, 3 * time.Second, 200},
		"one that heeds its context": {func(r *http.Request, _ <-chan struct{}) { <-r.Context().Done() }, 4 * time.Second, 200},
		"one that heeds nothing":     {func(_ *http.Request, ended <-chan struct{}) { <-ended }, 5 * time.Second, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, stop := context.WithCancel(t.Context())
				listener := newPipes()
				transport := &http.Transport{DialContext: listener.dial, DisableKeepAlives: true}
				ended := make(chan error, 1)
				started, over := make(chan struct{}), make(chan struct{})
				defer close(over)
				handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					close(started)
					test.handler(r, over)
				})
				go func() { ended <- web.Serve(ctx, "test", listener, handler, nil) }()
				status := make(chan int, 1)
				if test.handler != nil {
					go func() {
						req, _ := http.NewRequest("GET", "http://x/", nil)
						resp, err := transport.RoundTrip(req)
						if err != nil {
							status <- 0
							return
						}
						_ = resp.Body.Close()
						status <- resp.StatusCode
					}()
					<-started
				}
				synctest.Wait()
				stop()
				begin := time.Now()
				if err := <-ended; err != nil {
					t.Errorf("it ended with %v", err)
				}
				if took := time.Since(begin); took > test.within {
					t.Errorf("it took %v to stop, want %v at most", took, test.within)
				}
				if test.handler != nil {
					if got := <-status; got != test.status {
						t.Errorf("the request got %d, want %d", got, test.status)
					}
				}
				transport.CloseIdleConnections()
			})
		})
	}
}

// broken is a listener that fails.
type broken struct{ *pipes }

func (broken) Accept() (net.Conn, error) { return nil, errors.New("out of descriptors") }

func TestServeSaysWhyItCouldNotGoOn(t *testing.T) {
	t.Parallel()
	err := web.Serve(t.Context(), "ops", broken{newPipes()}, http.NotFoundHandler(), nil)
	if err == nil || err.Error() != "serving ops: out of descriptors" {
		t.Errorf("got %v", err)
	}
}

func TestAClientThatSendsSlowlyIsCutOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		listener := newPipes()
		ended := make(chan error, 1)
		go func() { ended <- web.Serve(ctx, "test", listener, web.NewAPI(full(1)), nil) }()
		for _, request := range []string{
			"GET /api/v1/status HTTP/1.1\r\nHost: x\r\n",
			"POST /api/v1/disconnect HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
			"GET /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{",
			"GET /api/v1/status HTTP/1.1\r\nHost: x\r\n\r\n", // and then nothing more
		} {
			conn, err := listener.dial(ctx, "", "")
			if err != nil {
				t.Fatal(err)
			}
			begin := time.Now()
			go func() { _, _ = io.WriteString(conn, request) }()
			_, _ = io.Copy(io.Discard, conn)
			if took := time.Since(begin); took > 45*time.Second {
				t.Errorf("%.20q held a connection for %v", request, took)
			}
			_ = conn.Close()
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestAClientThatTakesNothingIsCutOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		listener := newPipes()
		ended := make(chan error, 1)
		stopped := make(chan struct{})
		o := full(0)
		o.Records = endless{stopped: stopped}
		go func() { ended <- web.Serve(ctx, "test", listener, web.NewAPI(o), nil) }()
		conn, err := listener.dial(ctx, "", "")
		if err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		_, _ = io.WriteString(conn, "GET /api/v1/history HTTP/1.1\r\nHost: x\r\n\r\n")
		for range 10 { // somebody who reads a little every five minutes goes on
			time.Sleep(5 * time.Minute)
			if _, err := io.ReadFull(conn, make([]byte, 100_000)); err != nil {
				t.Fatalf("after %v: %v", time.Since(begin), err)
			}
		}
		<-stopped
		if took := time.Since(begin); took > 61*time.Minute {
			t.Errorf("it took %v", took)
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// Its answers could not be told from half of them.
func TestHTTP10IsRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		listener := newPipes()
		ended := make(chan error, 1)
		go func() { ended <- web.Serve(ctx, "test", listener, web.NewAPI(full(1)), nil) }()
		conn, err := listener.dial(ctx, "", "")
		if err != nil {
			t.Fatal(err)
		}
		go func() { _, _ = io.WriteString(conn, "GET /api/v1/history HTTP/1.0\r\n\r\n") }()
		if got, _ := io.ReadAll(conn); !strings.HasPrefix(string(got), "HTTP/1.0 505 ") {
			t.Errorf("got %.100s", got)
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// An order may take longer than its body may take to arrive.
func TestALongOrderKeepsItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := full(1)
		o.Backup = func(ctx context.Context, _ string) error {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(time.Hour):
				return nil
			}
		}
		if err := web.NewClient(web.InProcess(web.NewAPI(o))).Backup(t.Context(), "/copy.db"); err != nil {
			t.Errorf("after an hour: %v", err)
		}
	})
}

func TestTooManyConnectionsWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		listener := newPipes()
		ended := make(chan error, 1)
		go func() { ended <- web.Serve(ctx, "test", listener, http.NotFoundHandler(), nil) }()
		var open []net.Conn
		for range 64 {
			conn, err := listener.dial(ctx, "", "")
			if err != nil {
				t.Fatal(err)
			}
			open = append(open, conn)
		}
		got := make(chan net.Conn)
		go func() {
			conn, _ := listener.dial(ctx, "", "")
			got <- conn
		}()
		synctest.Wait()
		select {
		case <-got:
			t.Error("the 65th connection was taken")
		default:
		}
		_ = open[0].Close()
		_ = (<-got).Close()
		for _, conn := range open {
			_ = conn.Close()
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestServeSaysWhereItIs(t *testing.T) {
	t.Parallel()
	log := &lines{}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := web.Serve(ctx, "api", newPipes(), http.NotFoundHandler(), log.logger()); err != nil {
		t.Error(err)
	}
	if text := log.String(); !strings.Contains(text, "server=api address=test") {
		t.Errorf("the log says %q", text)
	}
}
