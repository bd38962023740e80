//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package web

// lockDir does nothing: here the database's lock alone keeps a second daemon
// out.
func lockDir(string) (unlock func(), err error) { return func() {}, nil }
