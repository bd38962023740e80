package main

import (
	"strings"
	"syscall"
	"testing"
	"unsafe"
)

// limitWrites makes every write of another process to a file fail, as on a
// broken or a full disk, or lets them succeed again. Its pipes and sockets are
// not touched.
func limitWrites(t *testing.T, pid int, fail bool) {
	t.Helper()
	limit := syscall.Rlimit{Cur: ^uint64(0), Max: ^uint64(0)}
	if fail {
		limit.Cur = 0
	}
	if _, _, errno := syscall.RawSyscall6(syscall.SYS_PRLIMIT64, uintptr(pid), syscall.RLIMIT_FSIZE, uintptr(unsafe.Pointer(&limit)), 0, 0, 0); errno != 0 {
		t.Fatalf("limiting the writes of process %d: %v", pid, errno)
	}
}

func TestOnAFullDiskTheWatchGoesOnTellsAndHealsByItself(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.atHome()
	p := w.start()
	w.eventually("the first backup", func() bool { return len(w.backups()) > 0 })
	w.polls(2)
	limitWrites(t, p.cmd.Process.Pid, true)
	intruder := w.signIn(farAddr, chrome, 0)
	w.eventually("told from memory", func() bool {
		return len(w.said("The history cannot be saved")) == 1 && len(w.said("so nothing was disconnected")) == 1
	})
	w.polls(4)
	if got := w.ended("main"); len(got) > 0 {
		t.Errorf("ended %v without having written it down", got)
	}
	if n := len(w.said("The history cannot be saved")); n != 1 {
		t.Errorf("told %d times", n)
	}
	if _, said, status := w.cli("backup", w.dir+"/copy.db"); status != 1 || said == "" {
		t.Errorf("a backup on a full disk: status %d, %s", status, said)
	}
	if out := w.must("status"); !strings.Contains(out, "now") {
		t.Errorf("the watch does not go on:\n%s", out)
	}
	limitWrites(t, p.cmd.Process.Pid, false)
	w.eventually("it heals by itself", func() bool {
		return w.stands(intruder) == "verified" && len(w.said("The history can be saved again")) == 1
	})
	if status := p.stop(); status != 0 {
		t.Errorf("stopping: status %d", status)
	}
	w.must("db", "check")
}
