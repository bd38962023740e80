package web

import (
	"io/fs"
	"net"
	"os"
	"syscall"
)

// trustedPeer reports whether the process at the other end belongs to our own
// user or to root.
func trustedPeer(conn *net.UnixConn) bool {
	raw, err := conn.SyscallConn()
	if err != nil {
		return false
	}
	var (
		peer *syscall.Ucred
		fail error
	)
	err = raw.Control(func(fd uintptr) {
		peer, fail = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	})
	return err == nil && fail == nil && trustedUser(peer.Uid, os.Getuid())
}

// trustedUser reports whether peer may control a daemon of user own.
func trustedUser(peer uint32, own int) bool { return peer == 0 || int64(peer) == int64(own) }

// ownedByUs reports whether a file belongs to our own user or to root.
func ownedByUs(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && trustedUser(stat.Uid, os.Getuid())
}
