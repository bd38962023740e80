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
	uid, known := peerUser(conn)
	return known && trustedUser(uint32(uid), os.Getuid())
}

// peerUser returns which user the process at the other end belongs to.
func peerUser(conn *net.UnixConn) (uid int, known bool) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, false
	}
	var (
		peer *syscall.Ucred
		fail error
	)
	err = raw.Control(func(fd uintptr) {
		peer, fail = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	})
	if err != nil || fail != nil {
		return 0, false
	}
	return int(peer.Uid), true
}

// trustedUser reports whether peer may control a daemon of user own.
func trustedUser(peer uint32, own int) bool { return peer == 0 || int64(peer) == int64(own) }

// ownedByUs reports whether a file belongs to our own user or to root.
func ownedByUs(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && trustedUser(stat.Uid, os.Getuid())
}
