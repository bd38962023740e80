package channeltest

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"math/big"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Letter is a mail that was taken.
type Letter struct {
	From, To string
	Data     string // headers and text, with CRLF, without the dots of the protocol
	TLS      bool
}

// Mail is a mail server. The zero value speaks no TLS and takes no sign-in;
// change it before use.
type Mail struct {
	Cert     *tls.Certificate // for TLS; nil: none
	Implicit bool             // TLS from the first byte on, and not by STARTTLS
	Auth     string           // the ways of signing in that are offered, such as "PLAIN LOGIN"
	Hangs    bool             // takes connections and says nothing
	Babbles  bool             // never ends its greeting

	// Refuse answers a command with a line of its own, by its first word or by
	// DATA. for the mail itself.
	Refuse map[string]string

	mu      sync.Mutex
	letters []Letter
}

// User and the password Token are what a sign-in has to hold.
const User = "watch"

// Letters returns what was taken.
func (s *Mail) Letters() []Letter {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.letters)
}

// Certificate makes a certificate for a host, and the pool that trusts it.
func Certificate(host string) (*tls.Certificate, *x509.CertPool, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{host}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, nil, err
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, pool, nil
}

// Dial makes a connection to the server without a network.
func (s *Mail) Dial(context.Context, string, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	go func() {
		defer theirs.Close()
		_ = theirs.SetDeadline(time.Now().Add(30 * time.Second))
		buffered := &eager{Conn: theirs, queue: make(chan []byte, 64)}
		written := make(chan struct{})
		go func() {
			defer close(written)
			for p := range buffered.queue {
				if _, err := theirs.Write(p); err != nil {
					buffered.broken.Store(true)
				}
			}
		}()
		s.serve(buffered)
		close(buffered.queue)
		<-written
	}()
	return ours, nil
}

// eager is a connection that takes what is written at once, as a network does:
// else two who both speak first would wait for each other.
type eager struct {
	net.Conn
	queue  chan []byte
	broken atomic.Bool
}

// Write implements [net.Conn].
func (e *eager) Write(p []byte) (int, error) {
	if e.broken.Load() {
		return 0, net.ErrClosed
	}
	e.queue <- slices.Clone(p)
	return len(p), nil
}

// serve speaks with one client.
func (s *Mail) serve(conn net.Conn) {
	if s.Hangs {
		_, _ = conn.Read(make([]byte, 1))
		return
	}
	for s.Babbles {
		if _, err := conn.Write([]byte("220-still greeting you\r\n")); err != nil {
			return
		}
	}
	secure := false
	if s.Implicit {
		conn, secure = tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{*s.Cert}}), true
	}
	in := bufio.NewReader(conn)
	say := func(text string) bool {
		_, err := conn.Write([]byte(text + "\r\n"))
		return err == nil
	}
	line := func() (string, bool) {
		text, err := in.ReadString('\n')
		return strings.TrimRight(text, "\r\n"), err == nil
	}
	if !say(s.answer("HELLO", "220 mail.invalid ESMTP")) {
		return
	}
	var l Letter
	for {
		text, ok := line()
		if !ok {
			return
		}
		verb, rest, _ := strings.Cut(text, " ")
		switch verb = strings.ToUpper(verb); verb {
		case "EHLO":
			say("250-mail.invalid")
			if s.Cert != nil && !secure {
				say("250-STARTTLS")
			}
			if s.Auth != "" {
				say("250-AUTH " + s.Auth)
			}
			say("250 8BITMIME")
		case "STARTTLS":
			say("220 go ahead")
			conn, secure = tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{*s.Cert}}), true
			in = bufio.NewReader(conn)
		case "AUTH":
			say(s.answer("AUTH", s.signIn(rest, say, line)))
		case "MAIL":
			l = Letter{From: rest, TLS: secure}
			say(s.answer("MAIL", "250 ok"))
		case "RCPT":
			l.To = rest
			say(s.answer("RCPT", "250 ok"))
		case "RSET":
			say("250 ok")
		case "DATA":
			if answer := s.answer("DATA", "354 go ahead"); !say(answer) || !strings.HasPrefix(answer, "354") {
				continue
			}
			var b strings.Builder
			for {
				text, ok := line()
				if !ok {
					return
				}
				if text == "." {
					break
				}
				b.WriteString(strings.TrimPrefix(text, ".") + "\r\n")
			}
			l.Data = b.String()
			answer := s.answer("DATA.", "250 queued")
			if strings.HasPrefix(answer, "250") {
				s.mu.Lock()
				s.letters = append(s.letters, l)
				s.mu.Unlock()
			}
			say(answer)
		case "QUIT":
			say("221 bye")
			return
		default:
			say("502 what?")
		}
	}
}

func (s *Mail) answer(verb, usual string) string {
	if said := s.Refuse[verb]; said != "" {
		return said
	}
	return usual
}

// signIn goes through PLAIN or LOGIN.
func (s *Mail) signIn(how string, say func(string) bool, line func() (string, bool)) string {
	kind, first, _ := strings.Cut(how, " ")
	if !slices.Contains(strings.Fields(s.Auth), kind) {
		return "504 not offered"
	}
	decode := func(text string) string {
		plain, _ := base64.StdEncoding.DecodeString(text)
		return string(plain)
	}
	got := ""
	switch kind {
	case "PLAIN":
		got = strings.TrimPrefix(decode(first), "\x00")
	case "LOGIN":
		say("334 " + base64.StdEncoding.EncodeToString([]byte("Username:")))
		user, _ := line()
		say("334 " + base64.StdEncoding.EncodeToString([]byte("Password:")))
		password, _ := line()
		got = decode(user) + "\x00" + decode(password)
	}
	if got != User+"\x00"+Token {
		return "535 wrong"
	}
	return fmt.Sprintf("235 welcome, %s", User)
}
