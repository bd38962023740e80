package mannco

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/url"
	"time"

	"sessionwarden"
)

// saidLimit is how many bytes of an answer an error may repeat.
const saidLimit = 200

func fault(kind sessionwarden.FaultKind, r route, message string) *sessionwarden.Fault {
	return &sessionwarden.Fault{Kind: kind, Doing: r.doing(), Login: r == routeLogin, Message: message}
}

// said makes a text of the service fit for an error: cleaned, without our
// secrets, and short.
func (c *Client) said(text string, secrets ...secret) string {
	if len(text) > 16<<10 {
		text = text[:16<<10]
	}
	text = sessionwarden.Clean(text, 16<<10)
	key, token := c.auth.secrets()
	text = conceal(text, append(secrets, key, token)...)
	return sessionwarden.Clean(text, saidLimit)
}

// networkFault sorts an error of the transport. It strips the URL.
func (c *Client) networkFault(r route, err error) *sessionwarden.Fault {
	var withURL *url.Error
	for errors.As(err, &withURL) {
		err = withURL.Err
	}
	f := fault(sessionwarden.FaultNetwork, r, "")
	f.Err = err

	var invalid x509.CertificateInvalidError
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	var lookup *net.DNSError
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		f.Kind, f.Message = c.certificateTime(invalid.Cert)
	case errors.As(err, &unknown):
		f.Message = "the certificate is signed by an authority that this machine does not trust (a proxy that inspects TLS needs its CA file configured)"
	case errors.As(err, &host):
		f.Message = "the certificate is for another name"
	case errors.As(err, &lookup) && lookup.IsNotFound:
		f.Message = "the name of the service cannot be resolved"
	case errors.Is(err, context.DeadlineExceeded):
		f.Message = "no whole answer within the time-out of " + c.timeout.String()
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		f.Message = "the connection broke off in the middle of the answer"
	case errors.Is(err, context.Canceled):
		f.Message = "stopped before the answer came"
	default:
		f.Message = c.said(err.Error())
	}
	return f
}

// certificateTime says whose clock a certificate's dates speak against. A
// certificate from the future is this machine's clock; one from the past is
// so only if the clock is known to be wrong.
func (c *Client) certificateTime(cert *x509.Certificate) (sessionwarden.FaultKind, string) {
	now := c.now().UTC()
	theirs, known := c.auth.clock()
	wrong := now.Year() < 2026 || known && theirs.Sub(now).Abs() > 24*time.Hour
	clock := "this machine's clock says " + now.Format(time.RFC3339) + ", which cannot be right: set it"
	switch {
	case wrong:
		return sessionwarden.FaultClock, clock
	case cert != nil && now.Before(cert.NotBefore):
		return sessionwarden.FaultClock, "the service's certificate begins only on " + cert.NotBefore.UTC().Format(time.RFC3339) + "; " + clock
	default:
		return sessionwarden.FaultNetwork, "the service's certificate has expired"
	}
}

// outcomeOf sorts an error for the metrics.
func outcomeOf(f *sessionwarden.Fault) outcome {
	if f == nil {
		return 0
	}
	return min(outcome(f.Kind)+1, outcomes-1)
}

// asError keeps a nil fault a nil error.
func asError(f *sessionwarden.Fault) error {
	if f == nil {
		return nil
	}
	return f
}
