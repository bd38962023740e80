//go:build !linux

package storage_test

func fullDisk(string) int { return 1 }

func readOnly(string) int { return 1 }
