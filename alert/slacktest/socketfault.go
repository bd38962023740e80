package slacktest

import (
	"github.com/gorilla/websocket"
)

// SocketFault is one way in which a connection of Socket Mode fails. The zero
// value is a good day.
type SocketFault struct {
	kind   string
	status int
	text   string // a header, a code or an address
}

// OpenRefused refuses to open a connection, with one of Slack's codes.
func OpenRefused(code string) SocketFault { return SocketFault{kind: "open_refused", text: code} }

// OpenLimited is 429 in the place of an address to connect to; header is the
// value of Retry-After, "" for none.
func OpenLimited(header string) SocketFault { return SocketFault{kind: "open_limited", text: header} }

// Elsewhere names another address to connect to.
func Elsewhere(address string) SocketFault { return SocketFault{kind: "elsewhere", text: address} }

// UpgradeRefused answers the WebSocket's opening with an HTTP status, and with
// a Retry-After where header is not "".
func UpgradeRefused(status int, header string) SocketFault {
	return SocketFault{kind: "upgrade_refused", status: status, text: header}
}

// UpgradeHangs never answers the WebSocket's opening.
func UpgradeHangs() SocketFault { return SocketFault{kind: "upgrade_hangs"} }

// UpgradeFloods answers the WebSocket's opening without an end.
func UpgradeFloods() SocketFault { return SocketFault{kind: "upgrade_floods"} }

// NoHello opens the connection and never says hello.
func NoHello() SocketFault { return SocketFault{kind: "no_hello"} }

// HalfOpen says hello and nothing after: what comes is swallowed, as by a
// network in which the other side has silently gone.
func HalfOpen() SocketFault { return SocketFault{kind: "half_open"} }

// Stuck says hello and then takes nothing, so that whoever writes waits.
func Stuck() SocketFault { return SocketFault{kind: "stuck"} }

// DropFirst breaks the connection off before it says hello.
func DropFirst() SocketFault { return SocketFault{kind: "drop_first"} }

// DropAfterHello breaks the connection off right after it said hello.
func DropAfterHello() SocketFault { return SocketFault{kind: "drop"} }

// FailSocket makes the next connections of Socket Mode meet these faults, one
// each.
func (s *Server) FailSocket(faults ...SocketFault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sockets.faults = append(s.sockets.faults, faults...)
}

// SendRaw writes a text frame as it is on all connections: garbage, a frame of
// any size, an envelope without an id or of an unknown type.
func (s *Server) SendRaw(frame []byte) {
	for _, l := range s.linksNow() {
		_ = l.sendRaw(websocket.TextMessage, frame) // it may have gone
	}
}

// SendBinary writes a binary frame on all connections, which Slack never does.
func (s *Server) SendBinary(frame []byte) {
	for _, l := range s.linksNow() {
		_ = l.sendRaw(websocket.BinaryMessage, frame) // it may have gone
	}
}
