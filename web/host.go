package web

import (
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
)

// checkHost lets only requests through that name this machine in their Host
// header. A page on the internet can make its name point at 127.0.0.1, and a
// browser would then let it read what is answered there (DNS rebinding); but
// the browser still sends that page's name.
func checkHost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
		if !ownHost(r.Host, local) {
			writeError(w, &Error{
				Message: "this address answers only to its own name",
				Cure:    "ask for http://127.0.0.1 or http://localhost, with the port",
				Status:  http.StatusMisdirectedRequest,
			})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// ownHost reports whether a Host header names this machine: localhost, a
// loopback address, or the address the connection came in on, with any port.
// local may be nil.
func ownHost(host string, local net.Addr) bool {
	name := host
	if h, port, err := net.SplitHostPort(host); err == nil {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return false
		}
		name = h
	} else if inner, ok := strings.CutPrefix(host, "["); ok {
		if name, ok = strings.CutSuffix(inner, "]"); !ok {
			return false
		}
	}
	if strings.EqualFold(strings.TrimSuffix(name, "."), "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(name)
	if err != nil || addr.Zone() != "" {
		return false
	}
	addr = addr.Unmap()
	if addr.IsLoopback() {
		return true
	}
	tcp, ok := local.(*net.TCPAddr)
	return ok && tcp.AddrPort().Addr().Unmap() == addr
}
