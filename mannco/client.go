package mannco

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"sessionwarden"
)

// Options says how to watch one account. Account, BaseURL and Key are needed;
// the zero value of all else has a default.
type Options struct {
	Account string // the account's name: in logs
	BaseURL string // where the service answers: https, or http on loopback

	// Key reads the API key. It is called at each login.
	Key func() (string, error)

	// TokenFile keeps the login over a restart (mode 0600): the token and
	// the times of our logins, by which own sessions are known. "" keeps both
	// in memory only.
	TokenFile string

	Timeout   time.Duration     // of one request, body included; 0: 10 s
	Transport http.RoundTripper // nil: one of its own, by NewTransport("")
	Logger    *slog.Logger      // nil: no log
	Metrics   *Metrics          // shared by all clients; nil: not counted anywhere
	Now       func() time.Time  // nil: time.Now
	UserAgent string            // "": sessionwarden

	// Bulk is shared by all clients: as many of them as it has room for may
	// have an answer of more than 256 KiB in hand at a time, so that nonsense
	// sent to all of them at once does not fill the memory. The others wait
	// for as long as Timeout lets them. nil: no limit.
	Bulk chan struct{}
}

// Client watches one account. It is safe for use by several goroutines.
type Client struct {
	account   string
	base      string
	readKey   func() (string, error)
	timeout   time.Duration
	transport http.RoundTripper
	log       *slog.Logger
	metrics   *Metrics
	now       func() time.Time
	userAgent string
	bulk      chan struct{}

	store  *store
	auth   auth
	turn   chan struct{} // holds one token: whoever has it may log in
	limits limits
	notes  notes
	absent absent

	seed    maphash.Seed
	buffers sync.Pool
	live    atomic.Pointer[reading]
	expired atomic.Pointer[reading]
}

// New makes a client. It sends nothing. It reads the token file; one that is
// damaged is put aside and logged.
func New(o Options) (*Client, error) {
	base, err := baseURL(o.BaseURL)
	if err != nil {
		return nil, err
	}
	if o.Key == nil {
		return nil, errors.New("the account has no API key")
	}
	c := &Client{
		account: o.Account, base: base, readKey: o.Key, timeout: o.Timeout, transport: o.Transport,
		log: o.Logger, metrics: o.Metrics, now: o.Now, userAgent: o.UserAgent, bulk: o.Bulk,
		turn: make(chan struct{}, 1), seed: maphash.MakeSeed(),
	}
	c.buffers.New = newBuffer
	if c.timeout <= 0 {
		c.timeout = 10 * time.Second
	}
	if c.transport == nil {
		if c.transport, err = NewTransport(""); err != nil {
			return nil, err
		}
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	c.log = c.log.With("account", o.Account)
	if c.metrics == nil {
		c.metrics = NewMetrics(nil)
	}
	if c.now == nil {
		c.now = time.Now
	}
	if c.userAgent == "" {
		c.userAgent = "sessionwarden"
	}
	c.store = &store{file: o.TokenFile, account: o.Account, base: base}
	var before memory
	c.auth.token, before = c.store.load(c.log, c.now())
	c.auth.logins, c.auth.begun = before.logins, before.begun
	for _, l := range c.auth.all(netip.Addr{}) {
		c.auth.tried = append(c.auth.tried, l.At) // six a minute at most, over restarts too
	}
	return c, nil
}

// baseURL checks where the service is said to answer, and returns it without
// a slash at its end.
func baseURL(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", errors.New("base_url must be an address such as https://api.mannco.store, without user, query or fragment")
	}
	switch {
	case u.Scheme == "https":
	case u.Scheme == "http" && loopback(u.Hostname()):
	default:
		return "", errors.New("base_url must begin with https:// (http:// is for loopback only), as the API key is sent there")
	}
	return strings.TrimRight(u.String(), "/"), nil
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// Format implements fmt.Formatter: a client prints as its account's name and
// nothing else, whatever the verb.
func (c *Client) Format(w fmt.State, _ rune) {
	_, _ = io.WriteString(w, "mannco client of "+c.account)
}

// LogValue implements slog.LogValuer.
func (c *Client) LogValue() slog.Value { return slog.StringValue(c.account) }

// Identity is what the service said of the login in use. The zero value means
// that there is none.
type Identity struct {
	SteamID string
	Addr    netip.Addr // the address that the login is bound to; invalid if not said
	Country sessionwarden.Country
	Proxy   bool // the service takes the address for a proxy
	Issued  time.Time
	Expires time.Time // zero if not said
}

// Identity returns what is known of the login in use, without sending
// anything.
func (c *Client) Identity() Identity {
	t := c.auth.current()
	if t == nil {
		return Identity{}
	}
	return t.identity
}

// LogIn makes sure that there is a login: the stored one, or a new one where
// there is none or it is near its end. It does not try whether a stored one
// still works; [Client.Sessions] does.
func (c *Client) LogIn(ctx context.Context) (Identity, error) {
	t, err := c.ready(ctx)
	if err != nil {
		return Identity{}, err
	}
	return t.identity, nil
}
