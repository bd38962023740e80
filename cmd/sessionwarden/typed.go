package main

import (
	"bufio"
	"io"
	"strings"
	"sync/atomic"
)

// typed is what somebody types, line by line, read beside whatever else goes on.
type typed struct {
	lines chan string // without spaces around them, and none is empty; closed after the last
	over  atomic.Bool // there is nothing more to be read
}

// readTyped begins to read. What reads ends with in, or with the process.
func readTyped(in io.Reader) *typed {
	keepInBackground()
	t := &typed{lines: make(chan string, 64)}
	go func() {
		defer close(t.lines)
		defer t.over.Store(true)
		lines := bufio.NewScanner(in)
		lines.Buffer(make([]byte, 0, 4096), 64<<10)
		for lines.Scan() {
			if line := strings.TrimSpace(lines.Text()); line != "" {
				t.lines <- line
			}
		}
	}()
	return t
}

// possible reports whether a line may still come.
func (t *typed) possible() bool { return !t.over.Load() || len(t.lines) > 0 }
