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
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	// sendTimeout is how long a channel's server may take for one message.
	sendTimeout = 10 * time.Second
	// maxAnswer is how much of an answer is read. Slack answers a message with
	// a copy of it.
	maxAnswer = 1 << 20
)

// wire is the way to one service over HTTP.
type wire struct {
	client *http.Client
	who    string // what people call the service, in errors
	cure   string // what a person does when the service refuses us; "" says nothing
}

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
		timeout = sendTimeout
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
func (w wire) exchange(req *http.Request) (answer, error) {
	resp, err := w.client.Do(req)
	if err != nil {
		return answer{}, noAnswer(err, w.who)
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

// statusError returns the SendError of an HTTP status that says the same
// whatever the service is; nil for the others.
func (w wire) statusError(a answer, now time.Time) *SendError {
	status := "HTTP " + strconv.Itoa(a.status)
	switch {
	case a.status == http.StatusTooManyRequests:
		return &SendError{Class: Limited, RetryAfter: retryAfter(a.header.Get("Retry-After"), now), Reason: w.who + " limits how much may be sent"}
	case a.status == http.StatusServiceUnavailable || a.status == http.StatusRequestTimeout:
		return &SendError{Class: Retry, Reason: w.who + " has trouble (" + status + ")"}
	case a.status >= 500: // it, or what stands before it, broke off after it had taken the request
		return &SendError{Class: Retry, Reason: w.who + " has trouble (" + status + ")", Unsure: true}
	case a.status >= 300 && a.status < 400:
		return &SendError{Class: Retry, Reason: "the answer was a redirect, which is not followed (" + status + ")",
			Cure: "look whether a proxy or a sign-in page stands between this machine and " + w.who}
	}
	return nil
}

// refusal returns the SendError of any status that is no success: what is wrong
// with the message is refused once more at most, and what is wrong with us waits
// for a person.
func (w wire) refusal(a answer, now time.Time) *SendError {
	if e := w.statusError(a, now); e != nil {
		return e
	}
	status := "HTTP " + strconv.Itoa(a.status)
	switch a.status {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity, http.StatusRequestHeaderFieldsTooLarge:
		return &SendError{Class: Reject, Reason: w.who + " refused the message (" + status + ")", Cure: w.cure}
	case http.StatusConflict, http.StatusTooEarly:
		return &SendError{Class: Retry, Reason: w.who + " is still busy with the message (" + status + ")", Unsure: true}
	}
	return &SendError{Class: Broken, Reason: w.who + " does not let us in (" + status + ")", Cure: w.cure}
}

// odd is the error of an answer that says success and is not the service's.
func (w wire) odd() *SendError {
	return &SendError{Class: Retry, Reason: "the answer is not one of " + w.who + "'s", Unsure: true,
		Cure: "look whether a proxy or a sign-in page stands between this machine and " + w.who}
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

// seconds is a wait that a service tells as a number in its answer; 0 and less
// say nothing.
func seconds(n float64) time.Duration {
	if !(n > 0) {
		return 0
	}
	return clampRetry(time.Duration(min(n, 3600) * float64(time.Second)))
}

// noAnswer says in the program's own words why no answer of somebody's came: the
// library's text holds the URL, which is the secret.
func noAnswer(err error, who string) *SendError {
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
		return &SendError{Class: Retry, Reason: who + " was not found by its name", Cure: "look at this machine's network and name service"}
	case errors.As(err, &authority), errors.As(err, &invalid), errors.As(err, &name), errors.As(err, &verify):
		return &SendError{Class: Retry, Reason: who + "'s certificate could not be verified",
			Cure: "look at this machine's clock and certificates, and whether a proxy stands in between"}
	case errors.As(err, &op) && (op.Op == "dial" || op.Op == "proxyconnect"):
		return &SendError{Class: Retry, Reason: "no connection to " + who + where(op), Cure: "look at this machine's network, firewall and HTTPS_PROXY"}
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return &SendError{Class: Retry, Reason: who + " did not answer in time", Unsure: true}
	case errors.Is(err, context.Canceled):
		return &SendError{Class: Retry, Reason: "sending was called off", Unsure: true}
	}
	return &SendError{Class: Retry, Reason: "the connection to " + who + " broke off", Unsure: true}
}

// where says at which address nobody listens, where that is why there is no
// connection. It is an address of the network and never a name, which may be a
// secret.
func where(op *net.OpError) string {
	if at, ok := op.Addr.(*net.TCPAddr); ok && errors.Is(op, syscall.ECONNREFUSED) {
		return ": " + at.String() + " refuses it"
	}
	return ""
}

// get asks for an address, with further headers in pairs. Its errors are
// SendErrors.
func (w wire) get(ctx context.Context, address string, header http.Header) (answer, error) {
	return w.call(ctx, http.MethodGet, address, "", nil, header)
}

// call makes one request. kind is the type of the body, "" for none. Its errors
// are SendErrors.
func (w wire) call(ctx context.Context, method, address, kind string, body []byte, header http.Header) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return answer{}, &SendError{Class: Broken, Reason: "the address of the channel cannot be used", Cure: w.cure}
	}
	if e := safeURL(req.URL); e != nil {
		return answer{}, e
	}
	for name, values := range header {
		req.Header[name] = values
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	req.Header.Set("User-Agent", "sessionwarden")
	return w.exchange(req)
}
