package alert

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// ShoutrrrOptions is what a [Shoutrrr] is made of.
type ShoutrrrOptions struct {
	Name      string                 // the channel's name, from the configuration
	URL       func() (string, error) // the address in shoutrrr's form, a secret; asked for at each message
	Transport http.RoundTripper      // nil: its own, with HTTPS_PROXY honoured
	Timeout   time.Duration          // of one message; 0: 10 s, and 25 s for a mail
	Now       func() time.Time       // nil: time.Now

	// Dial makes the connections to mail servers, which know no HTTP; nil: the
	// network. Roots are the certificates that mail servers are held to; nil:
	// the system's.
	Dial  func(ctx context.Context, network, address string) (net.Conn, error)
	Roots *x509.CertPool
}

// Shoutrrr sends to one place of a service whose address has the form of
// github.com/nicholas-fedor/shoutrrr: discord, gotify, matrix, ntfy, pushover,
// smtp, teams or telegram. It cannot change what it sent.
//
// The library reads all these addresses. It also makes the requests of discord,
// gotify, ntfy, pushover and telegram, behind a door of ours (channel_door.go)
// that bounds them, as it knows no context, reads answers without limit and
// takes some failures for successes. The rest is done here in the same form of
// address: matrix, as the library's messages mention people and come twice when
// they are sent twice; teams, as what it sends is Markdown; and smtp, as it waits
// without end for a server that hangs, and goes on without TLS.
//
// One channel is one place: an address that names several chats, rooms or
// recipients is refused, as one that cannot be reached would have the others
// told again and again.
type Shoutrrr struct {
	name string
	url  func() (string, error)
	way  way
}

// way is what a service needs to reach its server.
type way struct {
	client  *http.Client
	timeout time.Duration
	now     func() time.Time
	dial    func(ctx context.Context, network, address string) (net.Conn, error)
	roots   *x509.CertPool
}

// service is one address of a service, read and found to be in order.
type service interface {
	// send sends one message. Its errors are SendErrors.
	send(ctx context.Context, w way, m Message) error
	// try finds out whether a message would arrive, without sending one, and
	// says what was found, or what that could not prove. Its errors are
	// SendErrors.
	try(ctx context.Context, w way) (string, error)
}

// NewShoutrrr returns the channel. It fails without a name or a URL function;
// the URL itself is looked at when a message is sent.
func NewShoutrrr(o ShoutrrrOptions) (*Shoutrrr, error) {
	switch {
	case o.Name == "":
		return nil, errors.New("a channel needs a name")
	case o.URL == nil:
		return nil, errors.New("a channel needs its URL")
	}
	w := way{client: newHTTPClient(o.Transport, o.Timeout), timeout: o.Timeout, now: o.Now, dial: o.Dial, roots: o.Roots}
	if w.now == nil {
		w.now = time.Now
	}
	if w.dial == nil {
		w.dial = (&net.Dialer{Timeout: 5 * time.Second}).DialContext
	}
	return &Shoutrrr{name: o.Name, url: o.URL, way: w}, nil
}

// Name implements [Channel].
func (s *Shoutrrr) Name() string { return s.name }

// CanUpdate implements [Channel]: never.
func (s *Shoutrrr) CanUpdate() bool { return false }

// Send implements [Channel].
func (s *Shoutrrr) Send(ctx context.Context, m Message, _ string) (string, error) {
	at, err := s.open()
	if err != nil {
		return "", err
	}
	return "", at.send(ctx, s.way, m)
}

// Try implements [Tester].
func (s *Shoutrrr) Try(ctx context.Context) (string, error) {
	at, err := s.open()
	if err != nil {
		return "", err
	}
	return at.try(ctx, s.way)
}

// Dry implements [Dryer]: it is [Shoutrrr.Try] without its words.
func (s *Shoutrrr) Dry(ctx context.Context) error {
	_, err := s.Try(ctx)
	return err
}

// Tester is a channel that can be tried without a message.
type Tester interface {
	Channel
	// Try finds out whether messages would arrive, as far as the service lets
	// us, and says in a few words what was found and what only a message can
	// show. Its errors are [SendError]s.
	Try(ctx context.Context) (string, error)
}

// open reads the channel's address.
func (s *Shoutrrr) open() (service, error) {
	text, err := s.url()
	if err != nil {
		return nil, &SendError{Class: Broken, Reason: "the address of the channel cannot be read", Cure: "look at url_file, its permissions and its content"}
	}
	return openAddress(text)
}

// form is what is said of an address that cannot be used.
type form struct {
	shape string                             // the form, with words in capitals where people put their own
	takes []string                           // the options that it may have, in small letters
	open  func(text string) (service, error) // errors are our own words, without anything of the address
}

// forms are the services by the scheme of their addresses.
func forms() map[string]form {
	return map[string]form{
		"discord":  {"discord://TOKEN@ID", []string{"thread_id"}, openDiscord},
		"gotify":   {"gotify://HOST/TOKEN", []string{"disabletls"}, openGotify},
		"matrix":   {"matrix://:TOKEN@HOST/?rooms=!ROOM:HOST", []string{"rooms", "room", "disabletls"}, openMatrix},
		"ntfy":     {"ntfy://HOST/TOPIC", []string{"scheme", "disabletls", "cache", "firebase"}, openNtfy},
		"pushover": {"pushover://:TOKEN@USER", []string{"devices", "encryptionkey", "key"}, openPushover},
		"smtp":     {"smtp://USER:PASSWORD@HOST:PORT/?from=ADDRESS&to=ADDRESS", []string{"from", "fromaddress", "to", "toaddresses", "fromname", "auth", "encryption", "usestarttls", "starttls", "requirestarttls", "clienthost"}, openSMTP},
		"teams":    {"teams://?host=ADDRESS", []string{"host"}, openTeams},
		"telegram": {"telegram://TOKEN@telegram?chats=CHAT", []string{"chats", "channels", "notification"}, openTelegram},
	}
}

// openAddress reads an address. Its errors are SendErrors and hold nothing of
// it.
func openAddress(text string) (at service, err error) {
	scheme, _, _ := strings.Cut(text, "://")
	f, ok := forms()[scheme]
	bad := func(why string) error {
		e := &SendError{Class: Broken, Reason: "the address of the channel cannot be used: " + why, Cure: "docs/channels.md shows the addresses of all services"}
		if ok {
			e.Cure = "write it as " + f.shape + "; docs/channels.md shows where to get it"
		}
		return e
	}
	defer func() {
		if r := recover(); r != nil { // the library, over an address that it did not expect
			at, err = nil, bad("it cannot be understood")
		}
	}()
	if !ok {
		return nil, bad("there is no such service")
	}
	u, err := url.Parse(text)
	if err != nil {
		return nil, bad("it is not a URL; special characters are written as %XX")
	}
	options, err := url.ParseQuery(strings.ReplaceAll(u.RawQuery, ";", "%3B"))
	if err != nil {
		return nil, bad("what stands behind the ? cannot be read")
	}
	if u.Fragment != "" {
		return nil, bad("it holds a #, which is written as %23")
	}
	for option, values := range options {
		if !slices.Contains(f.takes, strings.ToLower(option)) {
			return nil, bad("it has an option that is not used here; there are " + strings.Join(f.takes, ", "))
		}
		if len(values) != 1 {
			return nil, bad("an option is there twice")
		}
	}
	at, err = f.open(text)
	if err != nil {
		return nil, bad(err.Error())
	}
	return at, nil
}

// CheckAddress reports what is wrong with an address as far as that can be seen
// without a network, as a [SendError]; nil where it is in order. kind is the
// service's scheme, from a closed set, such as "ntfy".
func CheckAddress(text string) (kind string, err error) {
	if _, err := openAddress(text); err != nil {
		return "", err
	}
	kind, _, _ = strings.Cut(text, "://")
	return kind, nil
}

// errTooMany says that an address names several places.
var errTooMany = errors.New("it names more than one place: make a channel for each")

// onlyHere reports whether a server may be spoken to without TLS: only this very
// machine.
func onlyHere(host string) error {
	if !loopback((&url.URL{Host: host}).Hostname()) {
		return errors.New("it turns TLS off, and everyone on the way could read along: that is for this machine only")
	}
	return nil
}

// plainWord reports whether text is letters, digits, dashes and underscores.
func plainWord(text string) bool {
	if text == "" {
		return false
	}
	for i := range len(text) {
		if c := text[i]; c != '-' && c != '_' && !letterOrDigit(c) {
			return false
		}
	}
	return true
}
