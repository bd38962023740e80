//go:build !linux

package storage_test

import "os"

func datasync(f *os.File) error { return f.Sync() }
