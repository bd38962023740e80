package config

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// runSecrets is where container engines put secrets, readable by all inside.
const runSecrets = "/run/secrets"

// readSecretFile returns the content of a file that holds a secret. Its mode
// counts but under /run/secrets and in the credentials directory, which keep
// others out themselves.
func readSecretFile(path, credentials string) (string, error) {
	// Without O_NONBLOCK, opening a pipe that nobody writes to would hang.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", wrong("make it: install -m 600 /dev/stdin "+path+", paste the secret, Enter, Ctrl-D", "there is no file %s", path)
	case errors.Is(err, fs.ErrPermission):
		return "", wrong("give it to the user that runs sessionwarden: chown USER "+path, "this user may not read %s", path)
	case err != nil:
		return "", wrong("name a file that holds the secret and nothing else", "%s cannot be opened: %v", path, errors.Unwrap(err))
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", wrong("name a file that holds the secret and nothing else", "%s cannot be looked at: %v", path, errors.Unwrap(err))
	}
	if !info.Mode().IsRegular() {
		return "", wrong("name a file that can be read again at any time", "%s is %s, not a plain file", path, kindOfFile(info.Mode()))
	}
	if open := info.Mode().Perm() & 0o006; open != 0 && !keptFromOthers(path, credentials) {
		what := "read"
		if open&0o002 != 0 {
			what = "change"
		}
		return "", wrong("take that right away: chmod 600 "+path, "everyone on this machine can %s %s (mode %04o)", what, path, info.Mode().Perm())
	}
	content, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	if err != nil {
		return "", wrong("name a file that holds the secret and nothing else", "%s cannot be read: %v", path, errors.Unwrap(err))
	}
	return string(content), nil
}

// keptFromOthers reports whether path lies where files may have any mode.
func keptFromOthers(path, credentials string) bool {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		real = path
	}
	for _, folder := range []string{runSecrets, credentials} {
		if folder == "" || !filepath.IsAbs(folder) {
			continue
		}
		if under(path, folder) || under(real, folder) {
			return true
		}
	}
	return false
}

// under reports whether path lies in folder or below it.
func under(path, folder string) bool {
	rest, err := filepath.Rel(folder, path)
	return err == nil && rest != "." && rest != ".." && !strings.HasPrefix(rest, ".."+string(filepath.Separator))
}

func kindOfFile(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "a folder"
	case mode&fs.ModeNamedPipe != 0:
		return "a pipe"
	case mode&fs.ModeDevice != 0:
		return "a device"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	}
	return "something else"
}
