package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// parsePrefix reads a network, or a single address as a network of its own.
func parsePrefix(text string) (netip.Prefix, error) {
	const cure = `write a network such as "203.0.113.0/24" or an address such as "2001:db8::1"`
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		addr, err := netip.ParseAddr(text)
		if err != nil {
			return netip.Prefix{}, wrong(cure, "%q is neither a network nor an address", shown(text))
		}
		if addr.Zone() != "" {
			return netip.Prefix{}, wrong(cure, "%q has a zone, which means something on one machine only", shown(text))
		}
		prefix = netip.PrefixFrom(addr, addr.BitLen())
	}
	if addr := prefix.Addr(); addr.Is4In6() {
		if prefix.Bits() < 96 {
			return netip.Prefix{}, wrong(cure, "%q is half an IPv4 network and half an IPv6 one", shown(text))
		}
		prefix = netip.PrefixFrom(addr.Unmap(), prefix.Bits()-96)
	}
	if prefix.Bits() == 0 {
		return netip.Prefix{}, wrong("name the networks of the owner only: a thief in a trusted network is never disconnected", "%q is every address there is", shown(text))
	}
	if masked := prefix.Masked(); masked != prefix {
		return netip.Prefix{}, wrong(fmt.Sprintf("write %q for the network, or %q for the address", masked, prefix.Addr()),
			"%q is an address in a network, not a network", shown(text))
	}
	if prefix.Bits() < widest(prefix.Addr()) {
		return netip.Prefix{}, wrong("name the networks of the owner only: a thief in a trusted network is never disconnected",
			"%q is a large part of the whole Internet", shown(text))
	}
	return prefix, nil
}

// widest is how short a trusted network's prefix may be.
func widest(addr netip.Addr) int {
	switch {
	case addr.Is4():
		return 8
	case addr.IsPrivate() || addr.IsLinkLocalUnicast():
		return 1
	}
	return 16
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
