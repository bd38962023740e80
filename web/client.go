package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"sessionwarden"
)

// ErrNotRunning says that no daemon answers on the socket.
var ErrNotRunning = errors.New("no daemon is running on this data directory")

// Bounds of what a client takes.
const (
	dialTime  = 2 * time.Second
	maxAnswer = 64 << 20 // of an answer that is no table
	maxRow    = 4 << 20  // of one row of a table
)

// Client asks the API. Errors that the API answers with are of type *[Error];
// others say that there was no answer, or only half of one. A client has no
// time limits of its own: contexts do. It is safe for concurrent use.
type Client struct {
	transport http.RoundTripper
}

// NewClient returns a client that asks through transport: a socket's (see
// [DialSocket]) or a handler in this process (see [InProcess]).
func NewClient(transport http.RoundTripper) *Client { return &Client{transport: transport} }

// DialSocket returns a client of the daemon that listens at path (see
// [SocketPath]), or [ErrNotRunning] where nobody does. Close it after use.
func DialSocket(path string) (*Client, error) {
	dialer := net.Dialer{Timeout: dialTime}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		conn, err := dialer.DialContext(ctx, "unix", path)
		if err != nil {
			return nil, err
		}
		if !trustedServer(conn) {
			_ = conn.Close()
			return nil, &Error{
				Message: "the control socket belongs to another user",
				Cure:    "use the program as the daemon's user, or as root",
				Status:  http.StatusForbidden,
			}
		}
		return conn, nil
	}
	conn, err := dial(context.Background(), "", "")
	if err != nil {
		return nil, unreachable(err)
	}
	_ = conn.Close()
	return NewClient(&http.Transport{
		DialContext:        dial,
		DisableCompression: true,
		MaxIdleConns:       1,
		IdleConnTimeout:    idleTime,
		ReadBufferSize:     streamBuffer,
	}), nil
}

// Close gives up connections that are not in use.
func (c *Client) Close() {
	if idle, ok := c.transport.(interface{ CloseIdleConnections() }); ok {
		idle.CloseIdleConnections()
	}
}

// Status returns the whole watch at one glance.
func (c *Client) Status(ctx context.Context) (sessionwarden.Status, error) {
	var s sessionwarden.Status
	err := c.call(ctx, http.MethodGet, "status", nil, &s)
	return s, err
}

// Disconnect ends sessions of an account by hand. Actions that were planned
// are returned also beside an error.
func (c *Client) Disconnect(ctx context.Context, account string, ids []sessionwarden.SessionID) ([]ActionRow, error) {
	return c.order(ctx, disconnectOrder{Account: account, IDs: ids})
}

// DisconnectAll ends every session of an account but the daemon's own and the
// trusted ones, by hand.
func (c *Client) DisconnectAll(ctx context.Context, account string) ([]ActionRow, error) {
	return c.order(ctx, disconnectOrder{Account: account, All: true})
}

func (c *Client) order(ctx context.Context, order disconnectOrder) ([]ActionRow, error) {
	var rows []ActionRow
	err := c.call(ctx, http.MethodPost, "disconnect", order, &rows)
	var e *Error
	if errors.As(err, &e) {
		rows = e.Actions
	}
	return rows, err
}

// Approve carries out a held action.
func (c *Client) Approve(ctx context.Context, id uint64) (ActionRow, error) {
	var row ActionRow
	err := c.call(ctx, http.MethodPost, "approve", answerOrder{ID: number(id)}, &row)
	return row, err
}

// Deny cancels a held action and trusts exactly its session.
func (c *Client) Deny(ctx context.Context, id uint64) (ActionRow, error) {
	var row ActionRow
	err := c.call(ctx, http.MethodPost, "deny", answerOrder{ID: number(id)}, &row)
	return row, err
}

// Resume confirms a restored history.
func (c *Client) Resume(ctx context.Context) (Resumed, error) {
	var r Resumed
	err := c.call(ctx, http.MethodPost, "resume", struct{}{}, &r)
	return r, err
}

// Check checks a consistent copy of the daemon's database.
func (c *Client) Check(ctx context.Context) (DatabaseCheck, error) {
	var d DatabaseCheck
	err := c.call(ctx, http.MethodPost, "db-check", struct{}{}, &d)
	return d, err
}

// Backup writes a checked copy of the database to path, which is relative to
// this process's directory unless absolute. The daemon writes it, with the
// rights of its user.
func (c *Client) Backup(ctx context.Context, path string) error {
	abs, err := filepath.Abs(path)
	if err != nil {
		return fmt.Errorf("finding the place of the backup: %w", err)
	}
	return c.call(ctx, http.MethodPost, "backup", backupOrder{Path: abs}, &backupOrder{})
}

// TestAlerts sends a marked alert to every channel.
func (c *Client) TestAlerts(ctx context.Context) ([]ChannelTest, error) {
	var tests []ChannelTest
	err := c.call(ctx, http.MethodPost, "alert-test", struct{}{}, &tests)
	return tests, err
}

// call makes one request with a short answer.
func (c *Client) call(ctx context.Context, method, route string, body, into any) error {
	return c.callWith(ctx, method, route, nil, body, into)
}

// callWith is call with parameters.
func (c *Client) callWith(ctx context.Context, method, route string, params url.Values, body, into any) error {
	resp, err := c.ask(ctx, method, route, params, body)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err == nil {
		err = json.Unmarshal(answer, into)
	}
	if err != nil {
		return brokeOff(ctx, err)
	}
	return nil
}

// ask makes one request and returns the answer if it is one with status 200.
func (c *Client) ask(ctx context.Context, method, route string, params url.Values, body any) (*http.Response, error) {
	// The host is only for the form: the transport knows the way.
	address := url.URL{Scheme: "http", Host: "sessionwarden", Path: apiRoot + route, RawQuery: params.Encode()}
	var payload io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("writing the request: %w", err)
		}
		payload = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, address.String(), payload)
	if err != nil {
		return nil, fmt.Errorf("making the request: %w", err)
	}
	if body != nil {
		req.Header.Set("Content-Type", jsonMedia)
	}
	req.Header.Set("Te", "trailers")
	resp, err := c.transport.RoundTrip(req)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, unreachable(err)
	}
	if resp.StatusCode != http.StatusOK {
		defer func() { _ = resp.Body.Close() }()
		return nil, refusal(resp)
	}
	return resp, nil
}

// refusal reads the error that the API answered with.
func refusal(resp *http.Response) error {
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxRow))
	e := &Error{}
	if err != nil || json.Unmarshal(body, e) != nil || e.Message == "" {
		return &Error{
			Message: "what answers on the control socket does not speak this program's language",
			Cure:    "stop it, or use the same version of the program for both",
			Status:  resp.StatusCode,
		}
	}
	e.clean()
	e.Status = resp.StatusCode
	return e
}

// clean makes what came from outside harmless.
func (e *Error) clean() {
	e.Message = sessionwarden.Clean(e.Message, maxReason)
	e.Cure = sessionwarden.Clean(e.Cure, maxReason)
}

// trustedServer reports whether a daemon may be asked: it runs as our own user
// or as root. Root asks everybody's.
func trustedServer(conn net.Conn) bool {
	unix, ok := conn.(*net.UnixConn)
	return !ok || os.Getuid() == 0 || trustedPeer(unix)
}

// unreachable is the error of a daemon that cannot be asked.
func unreachable(err error) error {
	var e *Error
	switch {
	case nobodyThere(err):
		return ErrNotRunning
	case errors.As(err, &e):
		return e
	case errors.Is(err, fs.ErrPermission):
		return &Error{
			Message: "you may not use the daemon's control socket",
			Cure:    "use the program as the daemon's user, or as root",
			Status:  http.StatusForbidden,
		}
	}
	return fmt.Errorf("asking the daemon: %w", err)
}

// brokeOff is the error of an answer that did not come whole.
func brokeOff(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("the answer broke off: %w", err)
}
