//go:build mishaps

package mishap

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// ErrMishap is what a point returns that was asked to fail.
var ErrMishap = errors.New("mishap: this was asked to fail")

var order = struct {
	sync.Mutex
	words  []string
	passes int
	log    *os.File
}{words: strings.Fields(os.Getenv("SESSIONWARDEN_MISHAP"))}

// At is a point that the program passes. It may be called from any goroutine.
func At(point string) error {
	order.Lock()
	defer order.Unlock()
	if path := os.Getenv("SESSIONWARDEN_MISHAP_LOG"); path != "" {
		if order.log == nil {
			order.log, _ = os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
		}
		_, _ = order.log.WriteString(point + "\n")
	}
	if len(order.words) != 3 {
		return nil
	}
	prefix, any := strings.CutSuffix(order.words[1], "*")
	if point != prefix && !(any && strings.HasPrefix(point, prefix)) {
		return nil
	}
	order.passes++
	if n, _ := strconv.Atoi(order.words[2]); order.passes != n {
		return nil
	}
	if order.words[0] == "kill" {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // the signal is on its way
	}
	return ErrMishap
}
