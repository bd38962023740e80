//go:build linux

package storage_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"sessionwarden"
	"sessionwarden/storage"
)

// fullDisk is another process that may not make files longer for a while, as
// on a full disk. It says what came of it.
func fullDisk(path string) int {
	fail := func(what string, err error) int {
		fmt.Println(what, err)
		return 1
	}
	signal.Ignore(syscall.SIGXFSZ)
	db, err := storage.Open(path, storage.Options{})
	if err != nil {
		return fail("open:", err)
	}
	ctx := context.Background()
	if err := db.Commit(ctx, []sessionwarden.Change{departure("main", day, session(db.NextID(), "main", day))}); err != nil {
		return fail("commit:", err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return fail("stat:", err)
	}
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		return fail("limit:", err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: uint64(info.Size()), Max: before.Max}); err != nil {
		return fail("limit:", err)
	}
	kept, failed := 1, 0
	for range 20 {
		var list []sessionwarden.Sighting
		for range 1000 {
			list = append(list, session(db.NextID(), "main", day))
		}
		if err := db.Commit(ctx, []sessionwarden.Change{departure("main", day, list...)}); err != nil {
			if failed++; failed == 1 {
				fmt.Println(err)
			}
			continue
		}
		kept += 1000
	}
	if failed == 0 {
		return fail("nothing failed", nil)
	}
	if err := db.Backup(ctx, path+".copy"); err == nil && kept > 12000 {
		return fail("a backup on a full disk", err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		return fail("limit:", err)
	}
	if err := db.Commit(ctx, []sessionwarden.Change{departure("main", day, session(db.NextID(), "main", day))}); err != nil {
		return fail("afterwards:", err)
	}
	kept++
	seen := 0
	for _, err := range db.Sightings(ctx, sessionwarden.Query{}) {
		if err != nil {
			return fail("list:", err)
		}
		seen++
	}
	if seen != kept {
		return fail(fmt.Sprintf("%d rows of %d", seen, kept), nil)
	}
	if err := db.Close(); err != nil {
		return fail("close:", err)
	}
	if err := storage.Check(ctx, path); err != nil {
		return fail("check:", err)
	}
	return 0
}

func TestAFullDiskIsToldAndHealsByItself(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "STORAGE_TEST_ROLE=full", "STORAGE_TEST_PATH="+dbPath(t))
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "saving the history: ") {
		t.Errorf("%v: %s", err, out)
	}
	t.Logf("%s", out)
}
