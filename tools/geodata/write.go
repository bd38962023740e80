package main

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// file is one file of the data.
type file struct {
	name    string
	content []byte
}

// writeFiles puts the files made, and SHA256SUMS over them and over the lists
// written by hand that already lie there, into folder.
func writeFiles(report io.Writer, folder string, made []file, byHand ...string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("making %s: %w", folder, err)
	}
	all := slices.Clone(made)
	for _, name := range byHand {
		content, err := os.ReadFile(filepath.Join(folder, name))
		if os.IsNotExist(err) {
			fmt.Fprintf(report, "%-14s is not there\n", name)
			continue
		}
		if err != nil {
			return fmt.Errorf("reading %s: %w", name, err)
		}
		all = append(all, file{name, content})
	}
	slices.SortFunc(all, func(a, b file) int { return strings.Compare(a.name, b.name) })
	var sums strings.Builder
	for _, f := range all {
		sum := sha256.Sum256(f.content)
		fmt.Fprintf(&sums, "%x  %s\n", sum, f.name)
		fmt.Fprintf(report, "%-14s %9d bytes  sha256 %x\n", f.name, len(f.content), sum)
	}
	for _, f := range append(made, file{"SHA256SUMS", []byte(sums.String())}) {
		if err := replace(filepath.Join(folder, f.name), f.content); err != nil {
			return err
		}
	}
	return nil
}

// replace writes content beside path and then puts it in its place.
func replace(path string, content []byte) error {
	beside := path + ".new"
	if err := os.WriteFile(beside, content, 0o644); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	if err := os.Rename(beside, path); err != nil {
		return fmt.Errorf("replacing %s: %w", path, err)
	}
	return nil
}
