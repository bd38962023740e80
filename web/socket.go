package web

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// ErrRunning says that another daemon answers on the socket already.
var ErrRunning = errors.New("another sessionwarden runs on this data directory")

const (
	socketName = "sessionwarden.sock"
	// Systems hold 104 or 108 bytes for a socket's path, the last one zero.
	maxSocketPath = 100
	// How long somebody may take to answer before he counts as answering but
	// slow.
	answerWithin = time.Second
	// A folder that a crash left behind while a socket was made is removed
	// when it is that old.
	leftoverAge = time.Minute
)

// RuntimeDir returns the directory for the socket of a daemon whose data
// directory has too long a path: $XDG_RUNTIME_DIR, or /run/sessionwarden where
// that exists, or "" for a directory of the user's own below the one for
// temporary files. getenv is os.Getenv.
func RuntimeDir(getenv func(string) string) string {
	if dir := getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) {
		return dir
	}
	const system = "/run/sessionwarden"
	if info, err := os.Stat(system); err == nil && info.IsDir() {
		return system
	}
	return ""
}

// SocketPath returns where the daemon of dataDir listens, or would: in dataDir,
// or where that path would pass 100 bytes in runtimeDir (see [RuntimeDir]).
// Such a daemon leaves a link in dataDir, which is followed, so that a client
// with another runtimeDir finds it too.
func SocketPath(dataDir, runtimeDir string) string {
	path, link := socketPaths(dataDir, runtimeDir)
	if link == "" {
		return path
	}
	if target, err := os.Readlink(link); err == nil && filepath.IsAbs(target) {
		return target
	}
	return path
}

// socketPaths returns where the socket of dataDir belongs and, where that is
// not in dataDir, the link in dataDir that leads to it.
func socketPaths(dataDir, runtimeDir string) (path, link string) {
	dataDir = absolute(dataDir)
	inData := filepath.Join(dataDir, socketName)
	if len(inData) <= maxSocketPath {
		return inData, ""
	}
	if runtimeDir == "" {
		runtimeDir = ownTempDir()
	}
	sum := sha256.Sum256([]byte(dataDir))
	name := "sessionwarden-" + hex.EncodeToString(sum[:6]) + ".sock"
	return filepath.Join(absolute(runtimeDir), name), inData
}

// ownTempDir is this user's directory for sockets.
func ownTempDir() string {
	return filepath.Join(os.TempDir(), "sessionwarden-"+strconv.Itoa(os.Getuid()))
}

func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// ListenSocket listens on the Unix socket of dataDir and returns its path. The
// socket has mode 0600 from its first moment; on Linux every connection's user
// is checked as well: the daemon's own or root. A socket that nobody answers on
// is replaced; where somebody does, the error is [ErrRunning]. Closing the
// listener removes the socket.
func ListenSocket(dataDir, runtimeDir string) (net.Listener, string, error) {
	path, link := socketPaths(dataDir, runtimeDir)
	if len(path) > maxSocketPath {
		return nil, "", &Error{
			Message: "the path of the control socket is too long: " + quote(path),
			Cure:    "choose a data_dir with a shorter path, or set XDG_RUNTIME_DIR",
			Status:  http.StatusBadRequest,
		}
	}
	if link != "" {
		if err := preparePrivate(filepath.Dir(path), runtimeDir == ""); err != nil {
			return nil, "", err
		}
	}
	l, err := bind(path)
	if err != nil {
		return nil, "", fmt.Errorf("opening the control socket %s: %w", path, err)
	}
	if link != "" {
		if err := pointTo(link, path); err != nil {
			return nil, "", errors.Join(fmt.Errorf("linking to the control socket: %w", err), l.Close())
		}
		l.link = link
	}
	return l, path, nil
}

// preparePrivate makes sure that nobody else can put anything into dir.
func preparePrivate(dir string, create bool) error {
	if create {
		if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("making the directory of the control socket: %w", err)
		}
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return fmt.Errorf("looking at the directory of the control socket: %w", err)
	}
	if !info.IsDir() || info.Mode().Perm()&0o022 != 0 || !ownedByUs(info) {
		return &Error{
			Message: "others may write to " + quote(dir) + ", where the control socket would be",
			Cure:    "set XDG_RUNTIME_DIR to a directory of your own, or choose a data_dir with a shorter path",
			Status:  http.StatusForbidden,
		}
	}
	return nil
}

// bind makes a socket at path. It is bound in a folder that only we can enter,
// made private there, and then put into its place in one step.
func bind(path string) (*socketListener, error) {
	dir := filepath.Dir(path)
	unlock, err := lockDir(dir)
	if err != nil {
		return nil, err
	}
	defer unlock()
	sweep(dir)
	private, err := os.MkdirTemp(dir, ".s")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(private) }()
	made := filepath.Join(private, "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: made, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false)
	info, err := os.Lstat(made)
	if err == nil {
		err = os.Chmod(made, 0o600)
	}
	if err == nil {
		err = place(made, path)
	}
	if err != nil {
		_ = l.Close()
		return nil, err
	}
	return &socketListener{UnixListener: l, path: path, made: info}, nil
}

// place gives the socket made the name path, and takes the name from a socket
// that nobody answers on. The directory must be locked.
func place(made, path string) error {
	err := os.Link(made, path)
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := stale(path); err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.Link(made, path)
}

// stale returns nil where path is a socket that nobody answers on, or nothing.
func stale(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode()&fs.ModeSocket == 0 {
		return fmt.Errorf("%s is there and is no socket: move it away", path)
	}
	conn, err := net.DialTimeout("unix", path, answerWithin)
	if err == nil {
		_ = conn.Close()
		return ErrRunning
	}
	if nobodyThere(err) {
		return nil
	}
	return fmt.Errorf("%w (%w)", ErrRunning, err)
}

// nobodyThere reports whether a dial failed because nobody listens.
func nobodyThere(err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, fs.ErrNotExist)
}

// sweep removes folders of bind that a crash left behind.
func sweep(dir string) {
	found, err := filepath.Glob(filepath.Join(dir, ".s[0-9]*"))
	if err != nil {
		return
	}
	for _, private := range found {
		if info, err := os.Lstat(private); err == nil && info.IsDir() && time.Since(info.ModTime()) > leftoverAge {
			_ = os.Remove(filepath.Join(private, "s"))
			_ = os.Remove(private)
		}
	}
}

// pointTo makes link lead to path.
func pointTo(link, path string) error {
	if info, err := os.Lstat(link); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		if err := os.Remove(link); err != nil {
			return err
		}
	}
	return os.Symlink(path, link)
}

// socketListener accepts only connections of users that may control the
// daemon.
type socketListener struct {
	*net.UnixListener
	path string
	made fs.FileInfo
	link string
}

// Accept implements net.Listener.
func (l *socketListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.AcceptUnix()
		if err != nil {
			return nil, err
		}
		if trustedPeer(conn) {
			return conn, nil
		}
		_ = conn.Close()
	}
}

// Addr implements net.Listener.
func (l *socketListener) Addr() net.Addr { return &net.UnixAddr{Name: l.path, Net: "unix"} }

// Close implements net.Listener. The name goes first: as long as we listen,
// no other daemon takes it for stale.
func (l *socketListener) Close() error {
	if info, err := os.Lstat(l.path); err == nil && os.SameFile(info, l.made) {
		_ = os.Remove(l.path)
	}
	if target, err := os.Readlink(l.link); l.link != "" && err == nil && target == l.path {
		_ = os.Remove(l.link)
	}
	return l.UnixListener.Close()
}
