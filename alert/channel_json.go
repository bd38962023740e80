package alert

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"
)

// JSONHookOptions is what a [JSONHook] is made of.
type JSONHookOptions struct {
	Name      string                 // the channel's name, from the configuration
	URL       func() (string, error) // the receiver's address, a secret; https, or http on loopback; asked for at each message
	Secret    func() (string, error) // signs each request; asked for at each message; nil: not signed
	Transport http.RoundTripper      // nil: its own, with HTTPS_PROXY honoured
	Timeout   time.Duration          // of one message; 0: 10 s
	Now       func() time.Time       // nil: time.Now
}

// JSONHook posts each message as a [Record] to an address of the owner's. It
// cannot change what it sent; a revision that matters is sent anew.
type JSONHook struct {
	name   string
	url    func() (string, error)
	secret func() (string, error)
	client *http.Client
	now    func() time.Time
}

// The headers of a request, beside Content-Type.
const (
	// SignatureHeader holds "t=UNIX,v1=HEX": the time of the sending in seconds,
	// and HMAC-SHA256(secret, UNIX + "." + body).
	SignatureHeader = "X-Sessionwarden-Signature"
	// IdempotencyHeader holds the record's key: what comes twice with the same one is
	// the same message.
	IdempotencyHeader = "Idempotency-Key"
)

// NewJSONHook returns the channel. It fails without a name or a URL function;
// the URL itself is looked at when a message is sent.
func NewJSONHook(o JSONHookOptions) (*JSONHook, error) {
	switch {
	case o.Name == "":
		return nil, errors.New("a channel needs a name")
	case o.URL == nil:
		return nil, errors.New("a JSON webhook needs its URL")
	case o.Now == nil:
		o.Now = time.Now
	}
	return &JSONHook{name: o.Name, url: o.URL, secret: o.Secret, client: newHTTPClient(o.Transport, o.Timeout), now: o.Now}, nil
}

// Name implements [Channel].
func (h *JSONHook) Name() string { return h.name }

// CanUpdate implements [Channel]: never.
func (h *JSONHook) CanUpdate() bool { return false }

// open reads the address and the secret; the secret is "" where nothing is
// signed.
func (h *JSONHook) open() (address, secret string, err error) {
	address, err = h.url()
	if err != nil {
		return "", "", &SendError{Class: Broken, Reason: "the webhook's address cannot be read", Cure: "look at webhook_url_file, its permissions and its content"}
	}
	if _, err := checkURL(address); err != nil {
		return "", "", &SendError{Class: Broken, Reason: "the webhook's address cannot be used: " + err.Error(), Cure: "write it anew where the configuration says"}
	}
	if h.secret == nil {
		return address, "", nil
	}
	secret, err = h.secret()
	if err != nil || secret == "" {
		return "", "", &SendError{Class: Broken, Reason: "the webhook's secret cannot be read, and nothing is sent unsigned", Cure: "look at webhook_secret_file, its permissions and its content"}
	}
	return address, secret, nil
}

// Send implements [Channel]. Any 2xx is success.
func (h *JSONHook) Send(ctx context.Context, m Message, _ string) (string, error) {
	address, secret, err := h.open()
	if err != nil {
		return "", err
	}
	body, key, err := hookBody(m)
	if err != nil {
		return "", &SendError{Class: Reject, Reason: "the message could not be written as JSON"}
	}
	header := http.Header{}
	if key != "" {
		header.Set(IdempotencyHeader, key)
	}
	if secret != "" {
		header.Set(SignatureHeader, signature(secret, h.now(), body))
	}
	w := wire{client: h.client, who: "the webhook", cure: "look at the address, and at what its receiver logs"}
	a, err := w.call(ctx, http.MethodPost, address, "application/json", body, header)
	if err != nil {
		return "", err
	}
	if a.status >= 200 && a.status < 300 {
		return "", nil
	}
	return "", w.refusal(a, h.now())
}

// hookBody is the record of a message as JSON. Where the rich form was refused,
// it has the words and no particulars.
func hookBody(m Message) (body []byte, key string, err error) {
	r := m.Record
	switch {
	case r == nil: // a mistake of ours in the words
		r = &Record{Version: RecordVersion, Kind: string(m.Kind), Severity: m.Severity.String(), Title: m.Title, Summary: m.Summary, Text: m.Text}
		if m.Alert != 0 {
			r.Alert = number(m.Alert)
		}
	case m.Plain:
		r = r.bare(r.Title)
		r.Summary, r.Text = m.Summary, m.Text
	}
	var out bytes.Buffer
	to := json.NewEncoder(&out)
	to.SetEscapeHTML(false)
	err = to.Encode(r)
	return bytes.TrimSpace(out.Bytes()), r.Key, err
}

// signature signs a body at a time.
func signature(secret string, now time.Time, body []byte) string {
	at := strconv.FormatInt(now.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(at + "."))
	mac.Write(body)
	return "t=" + at + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}

// Try implements [Tester]. Nothing is asked: a receiver answers messages only.
func (h *JSONHook) Try(context.Context) (string, error) {
	_, secret, err := h.open()
	if err != nil {
		return "", err
	}
	said := "the address is one, and messages are signed; "
	if secret == "" {
		said = "the address is one, and messages are not signed (webhook_secret_file); "
	}
	return said + onlyAMessage, nil
}
