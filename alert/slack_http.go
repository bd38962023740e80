package alert

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	// slackTimeout is how long Slack may take for one message.
	slackTimeout = 10 * time.Second
	// maxAnswer is how much of an answer is read. Slack answers a message with
	// a copy of it.
	maxAnswer = 1 << 20
)

// answer is what came back for one request.
type answer struct {
	status int
	body   []byte
	header http.Header
}

// newHTTPClient makes a client that follows no redirect, so that neither
// message nor token goes anywhere else, and that has a limit for every wait.
func newHTTPClient(transport http.RoundTripper, timeout time.Duration) *http.Client {
	if timeout <= 0 {
		timeout = slackTimeout
	}
	if transport == nil {
		transport = &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
			ForceAttemptHTTP2:     true,
			MaxIdleConns:          2,
			IdleConnTimeout:       90 * time.Second,
			TLSHandshakeTimeout:   5 * time.Second,
			ResponseHeaderTimeout: timeout,
			TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12},
		}
	}
	return &http.Client{
		Transport:     transport,
		Timeout:       timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// exchange makes one request and reads its answer. Its errors are SendErrors.
func exchange(client *http.Client, req *http.Request) (answer, error) {
	resp, err := client.Do(req)
	if err != nil {
		return answer{}, transportError(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return answer{}, &SendError{Class: Retry, Reason: "the answer broke off", Unsure: true}
	}
	if len(body) > maxAnswer {
		return answer{}, &SendError{Class: Retry, Reason: "the answer is larger than any answer should be", Unsure: true}
	}
	return answer{status: resp.StatusCode, body: body, header: resp.Header}, nil
}

// statusError returns the SendError of an HTTP status that says the same on
// every way into Slack; nil for the others.
func statusError(a answer, now time.Time) *SendError {
	switch {
	case a.status == http.StatusTooManyRequests:
		return &SendError{Class: Limited, RetryAfter: retryAfter(a.header.Get("Retry-After"), now), Reason: "Slack limits how much may be sent"}
	case a.status >= 500 || a.status == http.StatusRequestTimeout:
		return &SendError{Class: Retry, Reason: "Slack has trouble (HTTP " + strconv.Itoa(a.status) + ")"}
	case a.status >= 300 && a.status < 400:
		return &SendError{Class: Retry, Reason: "the answer was a redirect, which is not followed (HTTP " + strconv.Itoa(a.status) + ")",
			Cure: "look whether a proxy or a sign-in page stands between this machine and Slack"}
	}
	return nil
}

// retryAfter reads the header: seconds or a date. 0 says that it says nothing.
func retryAfter(header string, now time.Time) time.Duration {
	header = strings.TrimSpace(header)
	if header == "" {
		return 0
	}
	if seconds, err := strconv.ParseInt(header, 10, 64); err == nil {
		return clampRetry(time.Duration(min(max(seconds, 0), 3600)) * time.Second)
	} else if errors.Is(err, strconv.ErrRange) {
		return clampRetry(time.Hour)
	}
	if at, err := http.ParseTime(header); err == nil {
		return clampRetry(at.Sub(now))
	}
	return 0
}

// transportError says in the program's own words why no answer came: the
// library's text holds the URL, which is the secret.
func transportError(err error) *SendError {
	var known *SendError
	if errors.As(err, &known) {
		return known
	}
	var dns *net.DNSError
	var op *net.OpError
	var authority x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	var name x509.HostnameError
	var verify *tls.CertificateVerificationError
	var timeout net.Error
	switch {
	case errors.As(err, &dns):
		return &SendError{Class: Retry, Reason: "the name of Slack's server was not found", Cure: "look at this machine's network and name service"}
	case errors.As(err, &authority), errors.As(err, &invalid), errors.As(err, &name), errors.As(err, &verify):
		return &SendError{Class: Retry, Reason: "Slack's certificate could not be verified",
			Cure: "look at this machine's clock and certificates, and whether a proxy stands in between"}
	case errors.As(err, &op) && (op.Op == "dial" || op.Op == "proxyconnect"):
		return &SendError{Class: Retry, Reason: "no connection to Slack", Cure: "look at this machine's network, firewall and HTTPS_PROXY"}
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return &SendError{Class: Retry, Reason: "Slack did not answer in time", Unsure: true}
	case errors.Is(err, context.Canceled):
		return &SendError{Class: Retry, Reason: "sending was called off", Unsure: true}
	}
	return &SendError{Class: Retry, Reason: "the connection to Slack broke off", Unsure: true}
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
