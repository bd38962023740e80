package web

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"syscall"
)

// Listen listens on TCP at addr, such as "127.0.0.1:8733", and refuses every
// address that other machines could reach: what is open there is open to
// everyone on this machine and to nobody else. Port 0 takes a free one. The
// error is for people and may be an *[Error] with a cure.
func Listen(ctx context.Context, addr string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, &Error{
			Message: quote(addr) + " is no address to listen on",
			Cure:    `write an address and a port, such as "127.0.0.1:8733"`,
			Status:  http.StatusBadRequest,
		}
	}
	ip, err := netip.ParseAddr(host)
	if !strings.EqualFold(host, "localhost") && (err != nil || !ip.Unmap().IsLoopback()) {
		return nil, openToOthers(addr)
	}
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", net.JoinHostPort(host, port))
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, &Error{
			Message: addr + " is in use by another program",
			Cure:    "choose another port for listen in [web], or 0 for a free one",
			Status:  http.StatusConflict,
		}
	}
	if err != nil {
		return nil, fmt.Errorf("listening on %s: %w", addr, err)
	}
	// The name localhost means what the machine's files say.
	if tcp, ok := l.Addr().(*net.TCPAddr); !ok || !tcp.IP.IsLoopback() {
		_ = l.Close()
		return nil, openToOthers(addr)
	}
	return l, nil
}

func openToOthers(addr string) error {
	return &Error{
		Message: quote(addr) + " could be reached from other machines",
		Cure:    `listen on a loopback address, such as "127.0.0.1:8733", and let a proxy or an SSH tunnel lead there`,
		Status:  http.StatusBadRequest,
	}
}
