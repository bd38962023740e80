package config

import (
	"errors"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"sessionwarden"
)

// parsePrefix reads a network, or a single address as a network of its own.
func parsePrefix(text string) (netip.Prefix, error) {
	network, err := sessionwarden.ParseNetwork(text)
	var bad *sessionwarden.NetworkError
	if errors.As(err, &bad) {
		return network, wrong(bad.Cure, "%s", bad.Text)
	}
	return network, err
}

// parseListen checks an address to listen on: loopback, as there is no
// sign-in.
func parseListen(text string) (string, error) {
	const cure = `write "127.0.0.1:8733", or "" to serve nothing; to reach it from elsewhere, put a proxy with a sign-in or an SSH tunnel in front`
	if text == "" {
		return "", nil
	}
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		return "", wrong(`write host and port, such as "127.0.0.1:8733"; "" serves nothing`, "%q is not host:port", shown(text))
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || strconv.FormatUint(n, 10) != port {
		return "", wrong(`write a port from 1 to 65535, such as "127.0.0.1:8733"`, "%q is not a port", shown(port))
	}
	if !isLoopback(host) {
		return "", wrong(cure, "%q is not on loopback: health and metrics have no sign-in, so they are served to this machine only", shown(text))
	}
	return text, nil
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Zone() == "" && addr.Unmap().IsLoopback()
}

// parseBase checks where a service answers: https, or http on loopback; no
// name, password, query or fragment. The result has no slash at its end. No
// message shows the text, as it may hold a password.
func parseBase(text string) (string, error) {
	const cure = `write scheme and host, such as "https://api.example.com"`
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Opaque != "" || u.Host == "" || u.Hostname() == "":
		return "", wrong(cure, "this is not an address of the form https://host")
	case strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }):
		return "", wrong(cure, "there are characters that do not belong into an address")
	case u.User != nil:
		return "", wrong("leave out what is between // and @", "a name or a password does not belong into this address")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.HasSuffix(text, "#"):
		return "", wrong("leave out what comes from ? or # on", "a query or a fragment does not belong into this address")
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		return "", wrong("write https://", "http:// can be read and changed on its way; it is for loopback only")
	case u.Scheme != "https" && u.Scheme != "http":
		return "", wrong("write https://", "%q is not a scheme that can be used", shown(u.Scheme))
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return "", wrong(cure, "the port is not a number from 1 to 65535")
		}
	}
	return strings.TrimRight(u.String(), "/"), nil
}

// parseSource checks the address of a list: like parseBase, but a query is
// part of it.
func parseSource(text string) (string, error) {
	before, query, _ := strings.Cut(text, "?")
	if strings.ContainsFunc(query, func(r rune) bool { return r <= ' ' || r > '~' || r == '#' }) {
		return "", wrong("write the address of the list, such as https://check.torproject.org/torbulkexitlist", "there are characters that do not belong into an address")
	}
	if _, err := parseBase(before); err != nil {
		return "", err
	}
	return text, nil
}
