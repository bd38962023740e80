//go:build linux

package storage_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
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
	dir := filepath.Join(filepath.Dir(path), "backups")
	good, err := db.BackupTo(ctx, dir, 1)
	if err != nil {
		return fail("backup:", err)
	}
	if err := db.Close(); err != nil {
		return fail("close:", err)
	}
	if err := storage.Check(ctx, path); err != nil {
		return fail("check:", err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 16 << 10, Max: before.Max}); err != nil {
		return fail("limit:", err)
	}
	return withoutRoom(ctx, path, dir, good, fail)
}

// withoutRoom does all that needs room, where there is none: what is there stays.
func withoutRoom(ctx context.Context, path, dir string, good storage.BackupInfo, fail func(string, error) int) int {
	db, err := storage.Open(path, storage.Options{})
	if err != nil {
		return fail("open:", err)
	}
	_, err = db.BackupTo(ctx, dir, 1)
	if list, errList := storage.Backups(dir); err == nil || errList != nil || len(list) != 1 || list[0] != good {
		return fail(fmt.Sprintf("a backup without room: %v, %v:", list, errList), err)
	}
	if err := db.Close(); err != nil {
		return fail("close:", err)
	}
	if _, _, err := storage.Compact(ctx, path, storage.Options{}); err == nil {
		return fail("compacted without room", nil)
	}
	if _, err := storage.Restore(ctx, good.Path, path, storage.Options{}); err == nil {
		return fail("restored without room", nil)
	}
	if err := storage.Check(ctx, path); err != nil {
		return fail("check:", err)
	}
	if err := os.Truncate(path, 9000); err != nil {
		return fail("damage:", err)
	}
	_, harm := storage.Open(path, storage.Options{})
	// That there is no room is no fault of the backup's, and no reason to look for
	// an older one that might fit.
	if r, err := storage.Recover(ctx, path, []string{dir}, harm, storage.Options{}); !errors.Is(err, harm) || !errors.Is(err, syscall.EFBIG) || len(r.Tried) > 0 {
		return fail("recovered without room, or blamed the backup:", err)
	}
	if info, err := os.Stat(path); err != nil || info.Size() != 9000 {
		return fail("what was damaged is gone:", err)
	}
	for _, dir := range []string{filepath.Dir(path), dir} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return fail("look:", err)
		}
		for _, e := range entries {
			if name := e.Name(); strings.Contains(name, ".new-") || strings.HasSuffix(name, ".part") || strings.Contains(name, ".damaged-") {
				return fail("left over: "+name, nil)
			}
		}
	}
	return 0
}

// readOnly is another process whose files may not be written.
func readOnly(path string) int {
	fail := func(what string, err error) int {
		fmt.Println(what, err)
		return 1
	}
	if os.Geteuid() == 0 { // permissions do not bind root
		const nobody = 65534
		if err := errors.Join(os.Chown(path, nobody, nobody), os.Chown(filepath.Dir(path), nobody, nobody), syscall.Setgid(nobody), syscall.Setuid(nobody)); err != nil {
			return fail("becoming nobody:", err)
		}
	}
	ctx := context.Background()
	one := func(db *storage.DB) error {
		return db.Commit(ctx, []sessionwarden.Change{departure("main", day, session(db.NextID(), "main", day))})
	}
	// The directory: the history goes on, backups beside it do not.
	db, err := storage.Open(path, storage.Options{})
	if err != nil {
		return fail("open:", err)
	}
	if err := one(db); err != nil {
		return fail("commit:", err)
	}
	if err := db.Backup(ctx, path+".copy"); !errors.Is(err, fs.ErrPermission) {
		return fail("backup:", err)
	}
	if err := db.Close(); err != nil {
		return fail("close:", err)
	}
	if _, _, err := storage.Compact(ctx, path, storage.Options{}); !errors.Is(err, fs.ErrPermission) {
		return fail("compact:", err)
	}
	// The file, too: it can be read, and is not taken for damaged.
	if err := os.Chmod(path, 0o400); err != nil {
		return fail("chmod:", err)
	}
	var damaged *storage.DamagedError
	if _, err := storage.Open(path, storage.Options{}); !errors.Is(err, fs.ErrPermission) || errors.As(err, &damaged) {
		return fail("open a file that cannot be written:", err)
	}
	if db, err = storage.Open(path, storage.Options{ReadOnly: true}); err != nil {
		return fail("open for reading:", err)
	}
	h, err := db.History(ctx, "main")
	if err != nil || h.LastPoll.IsZero() {
		return fail("read:", err)
	}
	if err := db.Close(); err != nil {
		return fail("close:", err)
	}
	return 0
}

func TestFilesThatCannotBeWrittenAreAnErrorAndNoDamage(t *testing.T) {
	t.Parallel()
	path := dbPath(t)
	db := open(t, path)
	more(t, db, 3)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Dir(path)
	if err := errors.Join(os.Chmod(filepath.Dir(dir), 0o755), os.Chmod(dir, 0o555)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(dir, 0o755) })
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "STORAGE_TEST_ROLE=readonly", "STORAGE_TEST_PATH="+path)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
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
