package slacktest

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

const (
	// LinkPath is where the connections of Socket Mode are opened.
	LinkPath = "/link/"
	// AckTime is how long Slack waits for an acknowledgement.
	AckTime = 3 * time.Second

	appID         = "A0SIMULATED"
	maxLinks      = 10 // at a time, as Slack allows
	pingEvery     = 10 * time.Second
	lastRespite   = 10 * time.Second // between a warning and the end of a connection
	maxAck        = 20 << 10         // a larger answer is silently dropped
	writeDeadline = 5 * time.Second
)

// sockets is Socket Mode: the connections that are open, and what was
// acknowledged on them. The server's lock guards it.
type sockets struct {
	links   []*link
	turn    int // the next envelope goes to this one
	opened  int
	faults  []SocketFault          // for the next connections, one each
	tickets map[string]SocketFault // for connections that may be opened, once each
	waiting map[string][]chan Ack  // for the acknowledgement of an envelope
	acks    []Ack
	off     bool // Socket Mode is switched off
}

// openConnection serves apps.connections.open.
func (s *Server) openConnection(w http.ResponseWriter, r *http.Request, values url.Values) {
	s.mu.Lock()
	var fault SocketFault
	if len(s.sockets.faults) > 0 {
		fault, s.sockets.faults = s.sockets.faults[0], s.sockets.faults[1:]
	}
	off := s.sockets.off
	s.serial++
	ticket := fmt.Sprintf("ticket-%d-not-a-secret", s.serial)
	s.mu.Unlock()
	token := values.Get("token")
	switch {
	case fault.kind == "open_limited":
		Limited(fault.text).serve(w, r, "apps.connections.open")
		return
	case fault.kind == "open_refused":
		reply(w, map[string]any{"ok": false, "error": fault.text})
		return
	case token == "":
		reply(w, map[string]any{"ok": false, "error": "not_authed"})
		return
	case strings.HasPrefix(token, "xoxb-"), strings.HasPrefix(token, "xoxp-"):
		reply(w, map[string]any{"ok": false, "error": "not_allowed_token_type"})
		return
	case off:
		reply(w, map[string]any{"ok": false, "error": "socket_mode_disabled"})
		return
	case fault.kind == "elsewhere":
		reply(w, map[string]any{"ok": true, "url": fault.text})
		return
	}
	s.mu.Lock()
	if len(s.sockets.tickets) > 1000 {
		clear(s.sockets.tickets)
	}
	s.sockets.tickets[ticket] = fault
	s.mu.Unlock()
	scheme := "ws"
	if r.TLS != nil || r.URL.Scheme == "https" {
		scheme = "wss"
	}
	at := url.URL{Scheme: scheme, Host: r.Host, Path: LinkPath, RawQuery: url.Values{"ticket": {ticket}, "app_id": {appID}}.Encode()}
	reply(w, map[string]any{"ok": true, "url": at.String()})
}

// serveLink serves one connection until it ends.
func (s *Server) serveLink(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	ticket := r.URL.Query().Get("ticket")
	fault, ok := s.sockets.tickets[ticket]
	delete(s.sockets.tickets, ticket)
	s.mu.Unlock()
	switch {
	case !ok:
		plain(w, http.StatusForbidden, "invalid_ticket")
		return
	case fault.kind == "upgrade_refused":
		if fault.text != "" {
			w.Header().Set("Retry-After", fault.text)
		}
		plain(w, fault.status, "somebody else's words")
		return
	case fault.kind == "upgrade_hangs":
		hang(r.Context())
		return
	}
	if fault.kind == "upgrade_floods" {
		flood(w)
		return
	}
	upgrader := websocket.Upgrader{WriteBufferSize: 64 << 10}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // it has answered
	}
	conn.SetReadLimit(1 << 20)
	base := "http://" + r.Host
	if r.TLS != nil {
		base = "https://" + r.Host
	}
	l := &link{server: s, conn: conn, base: base, fault: fault, pings: make(chan string, 8), ended: make(chan struct{})}
	defer l.close()
	l.serve()
}

// flood answers with a head of 64 MiB.
func flood(w http.ResponseWriter) {
	hijacker, ok := w.(http.Hijacker)
	if !ok {
		return
	}
	conn, _, err := hijacker.Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	_, err = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\n")
	for i := 0; i < 1024 && err == nil; i++ {
		_, err = io.WriteString(conn, "X-"+strings.Repeat("x", 1000)+": "+strings.Repeat("y", 63<<10)+"\r\n")
	}
}

// join adds a connection, and returns how many there are with it.
func (s *Server) join(l *link) (int, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.sockets.links) >= maxLinks {
		return 0, false
	}
	s.sockets.links = append(s.sockets.links, l)
	s.sockets.opened++
	return len(s.sockets.links), true
}

// leave takes a connection away.
func (s *Server) leave(l *link) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, other := range s.sockets.links {
		if other == l {
			s.sockets.links = append(s.sockets.links[:i:i], s.sockets.links[i+1:]...)
			return
		}
	}
}

// linksNow returns the connections that are open.
func (s *Server) linksNow() []*link {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*link(nil), s.sockets.links...)
}

// Connections returns how many connections of Socket Mode are open, and how
// many ever were.
func (s *Server) Connections() (open, ever int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sockets.links), s.sockets.opened
}

// Drop breaks all connections of Socket Mode off, without a word.
func (s *Server) Drop() {
	for _, l := range s.linksNow() {
		l.close()
	}
}

// Disconnect says on all connections that they end: "warning" and
// "refresh_requested" ten seconds before they do, "link_disabled" at once, and
// with it Socket Mode is switched off until [Server.Enable].
func (s *Server) Disconnect(reason string) {
	after := lastRespite
	if reason == "link_disabled" {
		after = 0
		s.mu.Lock()
		s.sockets.off = true
		s.mu.Unlock()
	}
	for _, l := range s.linksNow() {
		_ = l.part(reason, after) // it may have gone
	}
}

// Enable switches Socket Mode on again.
func (s *Server) Enable() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sockets.off = false
}

// Dial returns a connection to the server without a network, for whatever
// address.
func (s *Server) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	ours, theirs := net.Pipe()
	server := &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(&oneShot{conn: ours}) }() // it ends after the one connection was taken
	return theirs, nil
}

// oneShot is a listener with one connection.
type oneShot struct {
	mu   sync.Mutex
	conn net.Conn
}

// Accept implements [net.Listener].
func (o *oneShot) Accept() (net.Conn, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.conn == nil {
		return nil, net.ErrClosed
	}
	conn := o.conn
	o.conn = nil
	return conn, nil
}

// Close implements [net.Listener].
func (o *oneShot) Close() error { return nil }

// Addr implements [net.Listener].
func (o *oneShot) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }
