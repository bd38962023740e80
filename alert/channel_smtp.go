package alert

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/smtp"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
	"time"

	shoutsmtp "github.com/nicholas-fedor/shoutrrr/pkg/services/email/smtp"
)

// mailbox is one recipient, reached over one mail server. The library waits
// without end for a server that hangs, and goes on without TLS where the server
// offers none.
type mailbox struct {
	host     string
	port     string
	implicit bool // TLS from the first byte on
	bare     bool // no TLS at all: this very machine only
	auth     func(offered string) (smtp.Auth, error)
	hello    string
	from     mail.Address
	to       mail.Address
}

func openSMTP(text string) (service, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, err
	}
	c := &shoutsmtp.Config{Port: shoutsmtp.DefaultSMTPPort, Auth: shoutsmtp.AuthUnknown, UseStartTLS: true, Encryption: shoutsmtp.EncAuto, ClientHost: "localhost"}
	if err := c.SetURL(u); err != nil {
		return nil, errors.New("from or to is missing, or an option has a wrong value")
	}
	c.FixEmailTags()
	b := mailbox{host: c.Host, port: strconv.Itoa(int(c.Port)), hello: c.ClientHost}
	from, err := mail.ParseAddress(c.FromAddress)
	if err != nil || !plainAddress(from.Address) {
		return nil, errors.New("from is not the address of a mailbox")
	}
	b.from = mail.Address{Name: cleanHeader(c.FromName), Address: from.Address}
	if b.from.Name == "" {
		b.from.Name = "sessionwarden"
	}
	if len(c.ToAddresses) > 1 {
		return nil, errTooMany
	}
	to, err := mail.ParseAddress(c.ToAddresses[0])
	if err != nil || !plainAddress(to.Address) {
		return nil, errors.New("to is not the address of a mailbox")
	}
	b.to = mail.Address{Address: to.Address}
	switch {
	case b.host == "":
		return nil, errors.New("the mail server is missing")
	case u.Port() != "" && u.Port() != b.port:
		return nil, errors.New("the port is a number from 1 to 65535")
	case !plainHost(b.hello):
		return nil, errors.New("clienthost is the name of a host")
	}
	b.implicit = c.Encryption == shoutsmtp.EncImplicitTLS || c.Encryption == shoutsmtp.EncAuto && c.Port == shoutsmtp.ImplicitTLSPort
	b.bare = c.Encryption == shoutsmtp.EncNone || !c.UseStartTLS && !b.implicit
	if b.bare {
		if err := onlyHere(u.Host); err != nil {
			return nil, err
		}
	}
	b.auth = func(offered string) (smtp.Auth, error) {
		kind := c.Auth
		if kind == shoutsmtp.AuthUnknown {
			switch {
			case c.Username == "":
				kind = shoutsmtp.AuthNone
			case strings.Contains(" "+offered+" ", " PLAIN ") || !strings.Contains(" "+offered+" ", " LOGIN "):
				kind = shoutsmtp.AuthPlain
			default:
				kind = shoutsmtp.AuthLogin
			}
		}
		switch kind {
		case shoutsmtp.AuthPlain:
			return smtp.PlainAuth("", c.Username, c.Password, c.Host), nil
		case shoutsmtp.AuthLogin:
			return shoutsmtp.LoginAuth(c.Username, c.Password, c.Host), nil
		case shoutsmtp.AuthCRAMMD5:
			return smtp.CRAMMD5Auth(c.Username, c.Password), nil
		case shoutsmtp.AuthOAuth2:
			return shoutsmtp.OAuth2Auth(c.Username, c.Password), nil
		}
		return nil, nil
	}
	return b, nil
}

// plainAddress reports whether a mailbox can stand in a command and in a header
// as it is.
func plainAddress(address string) bool {
	for i := range len(address) {
		if c := address[i]; c <= ' ' || c > '~' || strings.IndexByte("<>\"\\(),;:[]", c) >= 0 {
			return false
		}
	}
	return strings.Count(address, "@") == 1
}

// plainHost reports whether text may be said as our own name.
func plainHost(text string) bool {
	return text != "" && strings.Trim(strings.ToLower(text), "abcdefghijklmnopqrstuvwxyz0123456789.-") == ""
}

// maxTalk is how much a mail server may say to one mail. The library that reads
// it needs time by the square of that.
const maxTalk = 64 << 10

const mailServer = "the mail server"

// mailTimeout is how long a mail may take: a server may look at it before it
// answers.
const mailTimeout = 25 * time.Second

func (b mailbox) send(ctx context.Context, w way, m Message) error {
	return b.converse(ctx, w, func(c *smtp.Client) error {
		data, err := c.Data()
		if err != nil {
			return mailError(err, "the message", true)
		}
		if _, err := data.Write(b.letter(m, w.now())); err != nil {
			return noAnswer(err, mailServer)
		}
		if err := data.Close(); err != nil {
			return mailError(err, "the message", true)
		}
		return nil
	})
}

func (b mailbox) try(ctx context.Context, w way) (string, error) {
	if err := b.converse(ctx, w, func(c *smtp.Client) error { return c.Reset() }); err != nil {
		return "", err
	}
	return "the mail server takes the sender and the recipient", nil
}

// converse speaks with the server up to the recipient, has do its part, and
// ends.
func (b mailbox) converse(ctx context.Context, w way, do func(*smtp.Client) error) error {
	limit := w.timeout
	if limit <= 0 {
		limit = mailTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	conn, err := w.dial(ctx, "tcp", net.JoinHostPort(b.host, b.port))
	if err != nil {
		e := noAnswer(err, mailServer)
		e.Unsure = false
		return e
	}
	defer conn.Close()
	// Nothing of the library's waits for a context: the connection is cut.
	wire := conn
	stop := context.AfterFunc(ctx, func() { _ = wire.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	conn = &bounded{Conn: wire, left: maxTalk}
	config := &tls.Config{ServerName: b.host, MinVersion: tls.VersionTLS12, RootCAs: w.roots}
	if b.implicit {
		conn = tls.Client(conn, config)
	}
	err = b.hand(conn, config, do)
	var e *SendError
	if err != nil && !errors.As(err, &e) {
		e = mailError(err, "the connection", false)
	}
	if e == nil {
		return nil
	}
	if e.Class == Retry && ctx.Err() != nil {
		e.Reason = mailServer + " did not answer in time"
	}
	return e
}

// hand goes through the conversation.
func (b mailbox) hand(conn net.Conn, config *tls.Config, do func(*smtp.Client) error) error {
	c, err := smtp.NewClient(conn, b.host)
	if err != nil {
		return early(err, "the connection")
	}
	if err := c.Hello(b.hello); err != nil {
		return early(err, "the connection")
	}
	if !b.implicit && !b.bare {
		switch offered, _ := c.Extension("STARTTLS"); {
		case offered:
			if err := c.StartTLS(config); err != nil {
				return early(err, "TLS")
			}
		case !loopback(b.host):
			return &SendError{Class: Broken, Reason: mailServer + " offers no TLS, and everyone on the way could read along", Cure: "use the port with TLS, 465 or 587, or another server"}
		}
	}
	offered, list := c.Extension("AUTH")
	auth, err := b.auth(strings.ToUpper(list))
	if err != nil {
		return early(err, "the sign-in")
	}
	if auth != nil {
		if !offered {
			return &SendError{Class: Broken, Reason: mailServer + " takes no sign-in", Cure: "leave user and password out of the address, or use the port for sending, 465 or 587"}
		}
		if err := c.Auth(auth); err != nil {
			return early(err, "the sign-in")
		}
	}
	if err := c.Mail(b.from.Address); err != nil {
		return early(err, "the sender")
	}
	if err := c.Rcpt(b.to.Address); err != nil {
		return early(err, "the recipient")
	}
	if err := do(c); err != nil {
		return err
	}
	_ = c.Quit() // it has the mail
	return nil
}

// early is an error of a time when nothing can have arrived yet.
func early(err error, what string) *SendError {
	e := mailError(err, what, false)
	e.Unsure = false
	return e
}

// mailError says what the server refused. Nothing of its own words is taken over
// but the number.
func mailError(err error, what string, message bool) *SendError {
	var said *textproto.Error
	if !errors.As(err, &said) {
		var odd textproto.ProtocolError
		if errors.As(err, &odd) {
			return &SendError{Class: Retry, Reason: "the answer is not one of a mail server's", Unsure: true, Cure: "look at the port in the address: 465 for TLS from the begin on, else 587"}
		}
		var record tls.RecordHeaderError
		if errors.As(err, &record) {
			return &SendError{Class: Retry, Reason: mailServer + " does not speak TLS on this port", Cure: "look at the port in the address: 465 for TLS from the begin on, else 587"}
		}
		return noAnswer(err, mailServer)
	}
	e := &SendError{Reason: fmt.Sprintf("%s refused %s (SMTP %d)", mailServer, what, said.Code)}
	switch {
	case said.Code == 421 || said.Code == 450 || said.Code == 451 || said.Code == 452:
		e.Class = Retry // too busy, or a server that lets everybody come twice
	case said.Code < 500:
		e.Class = Retry
	case message && (said.Code == 552 || said.Code == 554 || said.Code == 500 || said.Code == 501):
		e.Class = Reject
	default:
		e.Class, e.Cure = Broken, "look at user, password, sender and recipient in the address; many providers want a password of their own for programs"
	}
	return e
}

// bounded is a connection that is cut when the other side sends too much.
type bounded struct {
	net.Conn
	left int
}

// Read implements [net.Conn].
func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, &SendError{Class: Retry, Reason: "the answer is larger than any answer should be", Unsure: true}
	}
	n, err := b.Conn.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}
