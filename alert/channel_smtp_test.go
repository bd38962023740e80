package alert_test

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sessionwarden"
	"sessionwarden/alert"
	"sessionwarden/alert/channeltest"
)

// mailTo makes a channel of a mail server that is called mail.invalid, or
// loopback.
func mailTo(t *testing.T, s *channeltest.Mail, address string, roots *x509.CertPool) *alert.Shoutrrr {
	t.Helper()
	c, err := alert.NewShoutrrr(alert.ShoutrrrOptions{
		Name: "mail", URL: func() (string, error) { return address, nil }, Dial: s.Dial, Roots: roots, Now: stopped,
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const (
	someMail = "smtp://watch:" + channeltest.Token + "@mail.invalid:587/?from=watch@example.org&to=owner@example.org"
	hereMail = "smtp://127.0.0.1:25/?from=watch@example.org&to=owner@example.org"
)

// secure is a mail server with a certificate for mail.invalid.
func secure(t *testing.T) (*channeltest.Mail, *x509.CertPool) {
	t.Helper()
	cert, pool, err := channeltest.Certificate("mail.invalid")
	if err != nil {
		t.Fatal(err)
	}
	return &channeltest.Mail{Cert: cert, Auth: "PLAIN LOGIN"}, pool
}

// read reads a letter: its headers and its text.
func read(t *testing.T, l channeltest.Letter) (mail.Header, string) {
	t.Helper()
	m, err := mail.ReadMessage(strings.NewReader(l.Data))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(quotedprintable.NewReader(m.Body))
	if err != nil {
		t.Fatal(err)
	}
	return m.Header, strings.ReplaceAll(string(text), "\r\n", "\n")
}

func TestMailsInGoldenFiles(t *testing.T) {
	t.Parallel()
	var page strings.Builder
	all := samples()
	for _, name := range []string{"intrusion_verified", "held_ask", "account_changes", "blind", "test"} {
		s, pool := secure(t)
		if _, err := mailTo(t, s, someMail, pool).Send(t.Context(), alert.Compose(all[name], told), ""); err != nil {
			t.Fatal(err)
		}
		l := s.Letters()[0]
		if !l.TLS || l.From != "FROM:<watch@example.org> BODY=8BITMIME" || l.To != "TO:<owner@example.org>" {
			t.Errorf("%+v", l)
		}
		for line := range strings.Lines(l.Data) {
			if len(line) > 200 || !strings.HasSuffix(line, "\r\n") {
				t.Errorf("%d bytes: %q", len(line), line)
			}
		}
		page.WriteString("=== " + name + "\n" + strings.ReplaceAll(l.Data, "\r\n", "\n") + "\n")
	}
	golden(t, "channel_smtp.txt", page.String())
}

func TestNothingFromOutsideMeansAnythingInAMail(t *testing.T) {
	t.Parallel()
	all := map[string]string{"headers": "x\r\nBcc: thief@evil.example\r\n\r\n<html><script>alert(1)</script>\r\n.\r\nQUIT\r\n"}
	for name, text := range hostiles {
		all[name] = text
	}
	for name, text := range all {
		s, pool := secure(t)
		for _, plain := range []bool{false, true} {
			m := alert.Compose(poisoned(text), alert.Facts{Now: noon, Instance: text, Final: true})
			m.Plain = plain
			if _, err := mailTo(t, s, someMail, pool).Send(t.Context(), m, ""); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		for _, l := range s.Letters() {
			header, body := read(t, l)
			subject, err := new(mime.WordDecoder).DecodeHeader(header.Get("Subject"))
			if err != nil || header.Get("Content-Type") != "text/plain; charset=utf-8" || header.Get("Bcc") != "" || len(header["To"]) != 1 || len(header) > 12 {
				t.Errorf("%s: %v\n%v", name, err, header)
			}
			inert(t, channeltest.Message{Service: "smtp", Title: subject, Text: strings.TrimSuffix(body, "\n")})
		}
	}
}

func TestMailsGoByTLSOrNowhere(t *testing.T) {
	t.Parallel()
	cert, pool, err := channeltest.Certificate("mail.invalid")
	if err != nil {
		t.Fatal(err)
	}
	other, otherPool, err := channeltest.Certificate("other.invalid")
	if err != nil {
		t.Fatal(err)
	}
	withPassword := "smtp://watch:" + channeltest.Token + "@"
	const rest = "/?from=watch@example.org&to=owner@example.org"
	for name, c := range map[string]struct {
		server  *channeltest.Mail
		address string
		roots   *x509.CertPool
		class   alert.Class
		arrives bool
	}{
		"STARTTLS":                      {&channeltest.Mail{Cert: cert, Auth: "PLAIN"}, someMail, pool, 0, true},
		"STARTTLS, LOGIN":               {&channeltest.Mail{Cert: cert, Auth: "LOGIN"}, someMail, pool, 0, true},
		"LOGIN, asked for":              {&channeltest.Mail{Cert: cert, Auth: "PLAIN LOGIN"}, someMail + "&auth=Login", pool, 0, true},
		"TLS":                           {&channeltest.Mail{Cert: cert, Implicit: true, Auth: "PLAIN"}, withPassword + "mail.invalid:465" + rest, pool, 0, true},
		"TLS on another port":           {&channeltest.Mail{Cert: cert, Implicit: true, Auth: "PLAIN"}, withPassword + "mail.invalid:4650" + rest + "&encryption=implicittls", pool, 0, true},
		"no TLS, here":                  {&channeltest.Mail{}, hereMail, nil, 0, true},
		"no TLS at all, here":           {&channeltest.Mail{}, hereMail + "&encryption=none", nil, 0, true},
		"no TLS":                        {&channeltest.Mail{Auth: "PLAIN"}, someMail, pool, alert.Broken, false},
		"no TLS and no password":        {&channeltest.Mail{}, "smtp://mail.invalid:25" + rest, pool, alert.Broken, false},
		"a certificate of nobody":       {&channeltest.Mail{Cert: cert, Auth: "PLAIN"}, someMail, nil, alert.Retry, false},
		"somebody else's certificate":   {&channeltest.Mail{Cert: other, Auth: "PLAIN"}, someMail, otherPool, alert.Retry, false},
		"TLS where there is none":       {&channeltest.Mail{}, withPassword + "mail.invalid:465" + rest, pool, alert.Retry, false},
		"a password that is not wanted": {&channeltest.Mail{Cert: cert}, someMail, pool, alert.Broken, false},
		"another password":              {&channeltest.Mail{Cert: cert, Auth: "PLAIN"}, strings.Replace(someMail, channeltest.Token, "other", 1), pool, alert.Broken, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := sendErr(t, mailTo(t, c.server, c.address, c.roots))
			if (e == nil) != c.arrives || e != nil && e.Class != c.class {
				t.Errorf("%v (%+v)", e, e)
			}
			letters := c.server.Letters()
			if len(letters) > 0 != c.arrives {
				t.Fatalf("%d letters", len(letters))
			}
			if c.arrives && c.server.Cert != nil && !letters[0].TLS {
				t.Error("without TLS")
			}
			said, err := mailTo(t, c.server, c.address, c.roots).Try(t.Context())
			if (err == nil) != c.arrives || (said != "") != c.arrives || len(c.server.Letters()) != len(letters) {
				t.Errorf("trying it: %q, %v, %d letters", said, err, len(c.server.Letters()))
			}
		})
	}
}

func TestWhatAMailServerRefusesIsSorted(t *testing.T) {
	t.Parallel()
	const words = " evil " + channeltest.Token + " https://evil.example"
	for name, c := range map[string]struct {
		verb, answer string
		class        alert.Class
		unsure       bool
	}{
		"busy":              {"HELLO", "421 try later", alert.Retry, false},
		"not wanted":        {"HELLO", "554 go away", alert.Broken, false},
		"wrong password":    {"AUTH", "535 wrong", alert.Broken, false},
		"password later":    {"AUTH", "454 later", alert.Retry, false},
		"sender":            {"MAIL", "550 not yours", alert.Broken, false},
		"recipient":         {"RCPT", "550 no such user", alert.Broken, false},
		"comes twice":       {"RCPT", "451 greylisted", alert.Retry, false},
		"full":              {"RCPT", "452 full", alert.Retry, false},
		"too large":         {"DATA.", "552 too large", alert.Reject, false},
		"spam":              {"DATA.", "554 looks like spam", alert.Reject, false},
		"no data":           {"DATA", "503 what?", alert.Broken, false},
		"not a mail server": {"HELLO", "HTTP/1.1 400 Bad Request", alert.Retry, false},
	} {
		s, pool := secure(t)
		s.Refuse = map[string]string{c.verb: c.answer + words}
		e := sendErr(t, mailTo(t, s, someMail, pool))
		if e == nil || e.Class != c.class || e.Unsure != c.unsure || len(s.Letters()) > 0 {
			t.Errorf("%s: %v (%+v), %d letters", name, e, e, len(s.Letters()))
		}
	}
	c, err := alert.NewShoutrrr(alert.ShoutrrrOptions{Name: "mail", URL: func() (string, error) { return someMail, nil }, Dial: func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Err: errors.New(channeltest.Token)}
	}})
	if err != nil {
		t.Fatal(err)
	}
	if e := sendErr(t, c); e == nil || e.Class != alert.Retry || e.Unsure {
		t.Errorf("no connection: %v", e)
	}
}

// A mail server that says nothing, or does not end, holds nobody up.
func TestAMailServerThatHangsHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, s := range []*channeltest.Mail{{Hangs: true}, {Babbles: true}} {
			began := time.Now()
			e := sendErr(t, mailTo(t, s, someMail, nil))
			if e == nil || e.Class != alert.Retry || time.Since(began) > 25*time.Second {
				t.Errorf("%v after %v", e, time.Since(began))
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			began = time.Now()
			if _, err := mailTo(t, s, hereMail, nil).Send(ctx, alert.Compose(intrusion(sessionwarden.Done), told), ""); err == nil || time.Since(began) > time.Second {
				t.Errorf("called off: %v after %v", err, time.Since(began))
			}
			cancel()
		}
	})
}
