package alert

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// slackTimeout is how long Slack may take for one message.
const slackTimeout = sendTimeout

// slackWire is the way to Slack.
func slackWire(client *http.Client) wire { return wire{client: client, who: "Slack"} }

// exchange makes one request to Slack and reads its answer. Its errors are
// SendErrors.
func exchange(client *http.Client, req *http.Request) (answer, error) {
	return slackWire(client).exchange(req)
}

// transportError says in the program's own words why no answer of Slack's came.
func transportError(err error) *SendError { return noAnswer(err, "Slack") }

// statusError returns the SendError of an HTTP status that says the same on
// every way into Slack; nil for the others.
func statusError(a answer, now time.Time) *SendError {
	return slackWire(nil).statusError(a, now)
}

// checkURL reports what is wrong with an address that messages are to be sent
// to: it has to be https, or http on this very machine. The error does not
// hold the address.
func checkURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, errors.New("it is not a URL")
	case u.Host == "":
		return nil, errors.New("it is not a whole URL: it begins with https://")
	case u.User != nil:
		return nil, errors.New("it must not hold a user name or a password")
	case u.Scheme == "https", u.Scheme == "http" && loopback(u.Hostname()):
		return u, nil
	case u.Scheme == "http":
		return nil, errors.New("it begins with http://, which everyone on the way can read: use https://")
	}
	return nil, errors.New("it does not begin with https://")
}

// loopback reports whether host is this very machine.
func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

// code returns a code of Slack's as it may be shown: small letters, digits and
// underscores only; "" for anything else.
func code(text string) string {
	text = strings.TrimSpace(text)
	if text == "" || len(text) > 64 {
		return ""
	}
	for i := range len(text) {
		if c := text[i]; c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z') {
			return ""
		}
	}
	return text
}

// secretIn reports whether a code is the secret itself, echoed.
func secretIn(code, secret string) bool {
	return code != "" && (strings.Contains(secret, code) && len(code) >= 12 || strings.Contains(code, secret))
}

// reader returns a body that was read already.
func reader(body []byte) io.ReadCloser { return io.NopCloser(bytes.NewReader(body)) }
