//go:build unix

package main

import "syscall"

// noCore forbids core files for this process: one would hold keys and tokens.
func noCore() error { return syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{}) }
