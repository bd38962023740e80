//go:build unix

package main

import (
	"os/signal"
	"syscall"
)

// keepInBackground has a process in a terminal's background go on when it reads
// from there: it finds nothing, where it would be stopped.
func keepInBackground() { signal.Ignore(syscall.SIGTTIN) }
