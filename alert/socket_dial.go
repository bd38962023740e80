package alert

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
	"github.com/slack-go/slack"
)

const (
	// dialTime is how long the way to Slack and the WebSocket's opening may take.
	dialTime = 10 * time.Second
	// maxOpening is how much is read before the WebSocket is open: certificates
	// and one answer.
	maxOpening = 256 << 10
)

// dialer is the way of a WebSocket to Slack.
type dialer struct {
	dial  func(ctx context.Context, network, address string) (net.Conn, error)
	tls   *tls.Config
	proxy func(*http.Request) (*url.URL, error)
}

func newDialer(dial func(ctx context.Context, network, address string) (net.Conn, error), config *tls.Config) dialer {
	d := dialer{dial: dial, tls: config}
	if config == nil {
		d.tls = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if dial == nil {
		d.dial = (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext
		d.proxy = http.ProxyFromEnvironment
	}
	return d
}

// open opens a WebSocket. Its errors are SendErrors.
func (d dialer) open(ctx context.Context, address string) (*websocket.Conn, error) {
	// The library ends the opening with its time, but not with ctx.
	var opening *meteredConn
	w := websocket.Dialer{
		Proxy: d.proxy, TLSClientConfig: d.tls, HandshakeTimeout: dialTime, ReadBufferSize: 4 << 10, WriteBufferSize: maxAnswerOut + 1<<10, // one frame for an answer: Slack does not put pieces together
		NetDialContext: func(dialing context.Context, network, address string) (net.Conn, error) {
			conn, err := d.dial(dialing, network, address)
			if err != nil {
				return nil, &net.OpError{Op: "dial", Net: network, Err: err}
			}
			opening = newMetered(ctx, conn)
			return opening, nil
		},
	}
	conn, response, err := w.DialContext(ctx, address, nil)
	if err != nil {
		if response != nil {
			got := answer{status: response.StatusCode, header: response.Header}
			if e := statusError(got, time.Now()); e != nil {
				return nil, e
			}
			return nil, &SendError{Class: Retry, Reason: "Slack did not open the connection (HTTP " + strconv.Itoa(response.StatusCode) + ")",
				Cure: "look whether a proxy stands in between that does not let WebSockets through"}
		}
		return nil, socketError(err)
	}
	if !opening.opened() {
		_ = conn.Close()
		return nil, &SendError{Class: Retry, Reason: "the connection was called off"}
	}
	return conn, nil
}

// socketError is [transportError] where no message was under way.
func socketError(err error) *SendError {
	e := *transportError(err)
	e.Unsure = false
	if errors.Is(err, os.ErrDeadlineExceeded) {
		e.Reason, e.Cure = "Slack did not answer in time", ""
	}
	return &e
}

// meteredConn is a connection that gives little until the WebSocket is open, and
// ends with a context until then.
type meteredConn struct {
	net.Conn
	left atomic.Int64
	open atomic.Bool
	stop func() bool
}

func newMetered(ctx context.Context, conn net.Conn) *meteredConn {
	m := &meteredConn{Conn: conn}
	m.left.Store(maxOpening)
	m.stop = context.AfterFunc(ctx, func() { _ = conn.Close() })
	return m
}

// opened lifts the limits. It reports whether the context had not ended before.
func (m *meteredConn) opened() bool {
	m.open.Store(true)
	return m.stop()
}

// Read implements [net.Conn].
func (m *meteredConn) Read(p []byte) (int, error) {
	if m.open.Load() {
		return m.Conn.Read(p)
	}
	n, err := m.Conn.Read(p)
	if m.left.Add(-int64(n)) < 0 {
		return 0, io.ErrUnexpectedEOF
	}
	return n, err
}

// Close implements [net.Conn].
func (m *meteredConn) Close() error {
	m.stop()
	return m.Conn.Close()
}

// askAddress asks Slack where to connect. The address holds a ticket, which is
// a secret.
func (s *SlackSocket) askAddress(ctx context.Context, token string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, slackTimeout)
	defer cancel()
	door := &apiDoor{client: s.client}
	api := slack.New("", slack.OptionAppLevelToken(token), slack.OptionHTTPClient(door), slack.OptionAPIURL(s.api.String()))
	_, address, err := api.StartSocketModeContext(ctx)
	if err == nil && (!door.ok || address == "") {
		err = &SendError{Class: Retry, Reason: "Slack's answer does not say where to connect"}
	}
	if err != nil {
		return "", openError(err, token)
	}
	if !s.mayConnect(address) {
		return "", &SendError{Class: Retry, Reason: "Slack's answer names an address for the connection that is not Slack's",
			Cure: "look whether a proxy stands between this machine and Slack, and at api_url"}
	}
	return address, nil
}

// mayConnect reports whether an address that the API named may be connected to:
// Slack's own, or the API's own.
func (s *SlackSocket) mayConnect(address string) bool {
	if len(address) > 2048 {
		return false
	}
	u, err := url.Parse(address)
	return err == nil && u.User == nil && u.Opaque == "" && s.trusted(u, "wss", "ws")
}

// trusted reports whether u is of Slack, or of the very host of the API: with
// the scheme, or with that for plain text on loopback.
func (s *SlackSocket) trusted(u *url.URL, scheme, plain string) bool {
	if u.Host == "" {
		return false
	}
	switch own := strings.EqualFold(u.Host, s.api.Host); u.Scheme {
	case scheme:
		return own || (u.Port() == "" || u.Port() == "443") && (within(u.Hostname(), "slack.com") || s.api.Scheme == "https" && within(u.Hostname(), s.api.Hostname()))
	case plain:
		return own && loopback(u.Hostname()) && s.api.Scheme == "http"
	}
	return false
}

// within reports whether host is domain or lies under it.
func within(host, domain string) bool {
	host, domain = strings.ToLower(host), strings.ToLower(domain)
	return host == domain || strings.HasSuffix(host, "."+domain)
}

// openError sorts an error of the call that asks for a connection.
func openError(err error, token string) *SendError {
	e := *botError(err, token, aMessage)
	e.Unsure = false
	var refused slack.SlackErrorResponse
	if !errors.As(err, &refused) {
		return &e
	}
	said := code(refused.Err)
	if secretIn(said, token) {
		said = ""
	}
	e.Reason = "Slack refuses the connection for its buttons"
	if said != "" {
		e.Reason += ": " + said
	}
	const newToken = `make a new app-level token on the Slack app's page "Basic Information", with the scope connections:write, and put it where app_token_file says`
	switch said {
	case "missing_scope", "no_permission", "access_denied":
		e.Class, e.Cure = Broken, "give the Slack app's app-level token the scope connections:write: "+newToken
	case "not_allowed_token_type":
		e.Class, e.Cure = Broken, "app_token_file has to hold the app-level token, which begins with xapp-: "+newToken
	case "socket_mode_disabled", "socket_mode_not_enabled", "link_disabled":
		return disabled()
	case "too_many_websockets":
		return tooMany()
	case "ratelimited", "rate_limited":
		e.Class = Limited
	default:
		switch {
		case e.Class == Broken && strings.HasPrefix(e.Cure, "make a new token"):
			e.Cure = newToken
		case e.Class == Broken:
			e.Cure = "ask the administrator of the Slack workspace whether the app may connect"
		case e.Class != Limited:
			e.Class, e.Cure = Retry, ""
		}
	}
	return &e
}

func disabled() *SendError {
	return &SendError{Class: Broken, Reason: "Socket Mode is switched off in the Slack app", Cure: `switch it on, on the Slack app's page "Socket Mode"`}
}

func tooMany() *SendError {
	return &SendError{Class: Limited, RetryAfter: time.Minute, Reason: "too many programs are connected to the Slack app",
		Cure: "look where else its app token is used: each program needs an app of its own, or Slack tells only one of them of a button"}
}
