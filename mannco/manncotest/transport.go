package manncotest

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"syscall"
)

// defaultCaller is where in-memory callers come from who have no address of
// their own while there is no egress.
var defaultCaller = netip.AddrFrom4([4]byte{192, 0, 2, 10})

// Transport returns a round-tripper that asks the service in memory, whatever
// the request's URL names as host. Its caller has the address of
// Options.Egress or SetEgress, else 192.0.2.10. It starts no goroutine and
// waits on nothing but timers and the request's context.
func (s *Service) Transport() http.RoundTripper { return &transport{service: s} }

// TransportFrom is Transport for a caller at another address, which no egress
// changes.
func (s *Service) TransportFrom(addr netip.Addr) http.RoundTripper {
	return &transport{service: s, from: addr}
}

type transport struct {
	service *Service
	from    netip.Addr // invalid: the egress
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close() //nolint:errcheck // nothing can be done about it
	}
	ctx := r.Context()
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("asking the simulated service: %w", err)
	}
	from := t.from
	if !from.IsValid() {
		from = t.service.caller(defaultCaller)
	}
	a := t.service.handle(r, from)
	switch a.way {
	case hangs:
		t.service.wait(ctx, duration(a.value))
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		return nil, io.ErrUnexpectedEOF
	case resets:
		return nil, &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	}
	response := &http.Response{
		Status: strconv.Itoa(a.status) + " " + http.StatusText(a.status), StatusCode: a.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: a.header, ContentLength: -1, Request: r,
		Body: io.NopCloser(t.service.body(ctx, a)),
	}
	if a.way != endless {
		response.ContentLength = int64(len(a.body))
		a.header.Set("Content-Length", strconv.Itoa(len(a.body)))
	}
	return response, nil
}

// caller returns what the service takes for the address of a caller at addr.
func (s *Service) caller(addr netip.Addr) netip.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.egress.addr.IsValid() {
		return s.egress.addr.Unmap()
	}
	return addr
}

// ServeHTTP implements http.Handler. The caller's address is the connection's
// remote address, or the egress where there is one.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	from := netip.IPv6Unspecified() // of a caller whose address cannot be read
	if remote, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		from = remote.Addr().Unmap()
	}
	a := s.handle(r, s.caller(from))
	switch a.way {
	case hangs:
		s.wait(r.Context(), duration(a.value))
		drop(w, false)
		return
	case resets:
		drop(w, true)
		return
	}
	for name, values := range a.header {
		w.Header()[name] = values
	}
	if a.way != endless {
		w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	}
	w.WriteHeader(a.status)
	if a.way == whole {
		w.Write(a.body) //nolint:errcheck // the caller went away
		return
	}
	s.trickle(w, r, a)
}

// trickle writes a body that does not come at once, until it ends or the
// caller has gone.
func (s *Service) trickle(w http.ResponseWriter, r *http.Request, a answer) {
	body := s.body(r.Context(), a)
	flush := http.NewResponseController(w)
	chunk := make([]byte, 4096)
	for {
		n, err := body.Read(chunk)
		if n > 0 {
			if _, failed := w.Write(chunk[:n]); failed != nil {
				return
			}
			if failed := flush.Flush(); failed != nil {
				return // nobody can see it grow: an endless body must end here
			}
		}
		if err != nil {
			return
		}
	}
}

// drop ends a connection without an answer. A writer that cannot do that
// answers 502 without a body.
func drop(w http.ResponseWriter, reset bool) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	if tcp, ok := conn.(*net.TCPConn); ok && reset {
		tcp.SetLinger(0) //nolint:errcheck // it is closed next
	}
	conn.Close() //nolint:errcheck // nothing can be done about it
}
