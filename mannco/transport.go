package mannco

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"
)

// NewTransport makes the connection pool that all clients of a program share.
// It honours HTTPS_PROXY and NO_PROXY, trusts the system's certificate
// authorities and, where caFile is not empty, those in that PEM file too. It
// keeps connections alive between polls, as setting one up costs twenty times
// a request.
func NewTransport(caFile string) (*http.Transport, error) {
	roots, err := trustedRoots(caFile)
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy:                  proxy,
		DialContext:            dialer.DialContext,
		ForceAttemptHTTP2:      true,
		MaxIdleConnsPerHost:    32,
		IdleConnTimeout:        6 * time.Minute,
		TLSHandshakeTimeout:    10 * time.Second,
		ResponseHeaderTimeout:  30 * time.Second,
		ExpectContinueTimeout:  time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
		// A connection that died in silence is found out and replaced, rather
		// than every poll on it timing out for a quarter of an hour.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 45 * time.Second, PingTimeout: 10 * time.Second},
	}, nil
}

// trustedRoots returns nil, the system's own, where there is no file.
func trustedRoots(caFile string) (*x509.CertPool, error) {
	if caFile == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(caFile)
	if err != nil {
		return nil, fmt.Errorf("reading the CA file: %w", err)
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("the CA file %s holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)", caFile)
	}
	return roots, nil
}

// proxy asks the environment. Its own error would print the proxy's address,
// which may hold a password.
func proxy(req *http.Request) (*url.URL, error) {
	u, err := http.ProxyFromEnvironment(req)
	if err != nil {
		return nil, errors.New("the proxy's address in the environment (HTTPS_PROXY, HTTP_PROXY) is not a URL")
	}
	return u, nil
}
