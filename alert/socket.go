package alert

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/slack-go/slack"
)

// Press is that somebody pressed a button of a message. Nothing in it is
// authority: whoever receives it looks up the offer, the person and the place.
type Press struct {
	Offer     string // the button's value, opaque; at most 2000 bytes, "" for none
	Action    string // the button's action_id, at most 255 bytes
	User      string // who: an id of Slack's, 1 to 32 capital letters and digits
	UserName  string // how Slack calls him, cleaned; "" where it does not say
	Channel   string // the id of the channel that the message is in
	MessageTS string // which message it is there
}

// Slash is that somebody typed the app's command.
type Slash struct {
	Text     string // what stands after the command, cleaned, at most 1024 bytes
	User     string // as in [Press]
	UserName string // as in [Press]
	Channel  string // the id of the channel that it was typed in
}

// SlackSocketOptions is what a [SlackSocket] is made of.
type SlackSocketOptions struct {
	AppToken  func() (string, error) // the app-level token, a secret; asked for at each connection
	APIURL    string                 // "" for Slack's own; https, or http on loopback
	Transport http.RoundTripper      // the way to the Web API; nil: its own, with HTTPS_PROXY honoured

	// Dial and TLS are how the WebSocket is reached; nil: its own way, with
	// HTTPS_PROXY honoured, and the system's certificates.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	TLS  *tls.Config

	// Pressed deals with a press. It was acknowledged before, and shows the
	// person by itself what came of it. nil: presses are only acknowledged.
	Pressed func(context.Context, Press)
	// Command answers a command, in plain text of several lines that nothing can
	// format; "" for no answer. nil: the program says that it has no commands.
	Command func(context.Context, Slash) string

	Logger     *slog.Logger // nil: none
	Registerer prometheus.Registerer
}

// SlackSocket receives what people do in Slack, without an open port: it keeps
// a connection of Socket Mode.
//
// It takes the WebSocket from gorilla and the call for its address from
// slack-go, but not slack-go's own Socket Mode client (0.35.0). That one closes
// the connection before it opens the next when Slack asks for a new one, and so
// loses what is pressed meanwhile; connects to whatever address the answer
// names; keeps the token that it began with; ends for good on a refused token
// or a 404; hears only Slack's own pings, so that a network that drops idle
// connections keeps it connecting; cannot acknowledge what it does not
// understand; leaves a goroutine behind at its end; and stands still when
// nobody takes its events. gorilla, in turn, would unpack a compressed frame that
// nobody offered to take, without a limit; therefore frames are bounded a
// second time here.
//
// Every envelope is acknowledged before anything is done about it, but for a
// command: its answer goes with the acknowledgement, as far as it is there
// within two seconds, and comes after it otherwise. An envelope that comes
// twice is acknowledged twice and dealt with once.
type SlackSocket struct {
	token   func() (string, error)
	api     *url.URL
	client  *http.Client
	dialer  dialer
	log     *slog.Logger
	metrics *socketMetrics
	desk    *desk
	running atomic.Bool

	mu     sync.Mutex
	status SocketStatus
	warned bool // of this outage
}

const (
	// helloTime is how long Slack may take to say hello.
	helloTime = 15 * time.Second
	// silence is how long a connection may be without a frame or a ping.
	silence = 60 * time.Second
	// pinging is how often we ping, so that nothing in between takes the
	// connection for idle, and a dead one shows.
	pinging = 20 * time.Second
	// writing is how long a frame may take to be written.
	writing = 5 * time.Second
	// settled is how long a connection has to live for the next one to be opened
	// without a pause.
	settled = time.Minute
	// drained is how long a connection is still read when another one has taken
	// its place.
	drained = 5 * time.Second
	// quickest and slowest bound the pauses between connections.
	quickest, slowest = time.Second, 5 * time.Minute
	// mending is the pause when a person has to mend something.
	mending = time.Hour
	// tokenLook is how often it is looked meanwhile whether there is another
	// token.
	tokenLook = 30 * time.Second
)

// NewSlackSocket returns a socket; [SlackSocket.Run] makes it work. It fails
// when the token is missing or the API's URL cannot be used.
func NewSlackSocket(o SlackSocketOptions) (*SlackSocket, error) {
	if o.AppToken == nil {
		return nil, errors.New("the app token of Slack's buttons is missing")
	}
	if o.APIURL == "" {
		o.APIURL = slack.APIURL
	}
	api, err := checkURL(o.APIURL)
	if err != nil {
		return nil, fmt.Errorf("the Slack API's URL cannot be used: %w", err)
	}
	if !strings.HasSuffix(api.Path, "/") {
		api = api.JoinPath("/")
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := &SlackSocket{
		token: o.AppToken, api: api, client: newHTTPClient(o.Transport, 0), dialer: newDialer(o.Dial, o.TLS),
		log: o.Logger, metrics: newSocketMetrics(o.Registerer),
	}
	s.desk = newDesk(s, o.Pressed, o.Command)
	return s, nil
}

// Run connects and stays connected until ctx ends, and returns nil then: within
// a second, even where a handler does not heed its context. It is an error to
// run twice at a time.
func (s *SlackSocket) Run(ctx context.Context) error {
	if !s.running.CompareAndSwap(false, true) {
		return errors.New("the connection for Slack's buttons is kept already")
	}
	defer s.running.Store(false)
	s.begin()
	ctx, cancel := context.WithCancel(ctx)
	work := s.desk.open(ctx)
	var lines sync.WaitGroup
	s.keep(ctx, &lines)
	cancel()
	lines.Wait()
	s.client.CloseIdleConnections()
	s.end()
	timer := time.NewTimer(500 * time.Millisecond)
	defer timer.Stop()
	select {
	case <-work:
	case <-timer.C:
		s.log.Warn("what somebody did in Slack is still being dealt with at the end")
	}
	return nil
}

// readToken asks for the token.
func (s *SlackSocket) readToken() (string, error) {
	token, err := s.token()
	if err != nil || token == "" {
		return "", &SendError{Class: Broken, Reason: "the app token cannot be read", Cure: "look at app_token_file, its permissions and its content"}
	}
	return token, nil
}
