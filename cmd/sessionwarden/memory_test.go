package main

import (
	"runtime"
	"runtime/metrics"
	"testing"
)

// What large answers leave behind is given back, and where there is little nothing
// is done. It looks at the whole process, so it runs alone.
func TestMemoryThatNobodyUsesIsGivenBack(t *testing.T) {
	const most = 16 << 20
	garbage := make([]byte, 8*most)
	for i := 0; i < len(garbage); i += 4096 {
		garbage[i] = 1
	}
	runtime.KeepAlive(garbage)
	garbage = nil
	runtime.GC()
	if !giveBackOver(most) {
		t.Fatal("there was nothing to be given back")
	}
	left := []metrics.Sample{{Name: "/memory/classes/heap/free:bytes"}}
	metrics.Read(left)
	if n := left[0].Value.Uint64(); n > most {
		t.Errorf("%d MiB are kept", n>>20)
	}
	if giveBackOver(1 << 40) {
		t.Error("given back although there is little")
	}
}
