package main

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	// idleMost is how much memory that nobody uses the daemon keeps for later:
	// a few large answers leave far more behind.
	idleMost = 4 << 20
	// idleLook is how often it looks.
	idleLook = time.Minute
)

// giveBack gives memory back that nobody uses, now and then until ctx ends. The
// runtime does so by itself, but in its own time: on a busy machine that is late.
func giveBack(ctx context.Context) {
	tick := time.NewTicker(idleLook)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			giveBackOver(idleMost)
		}
	}
}

// giveBackOver gives it back where it is more than most bytes, and reports whether
// it was.
func giveBackOver(most uint64) bool {
	garbage := []metrics.Sample{{Name: "/memory/classes/heap/free:bytes"}}
	metrics.Read(garbage)
	if garbage[0].Value.Uint64() <= most {
		return false
	}
	debug.FreeOSMemory()
	return true
}
