//go:build unix

package owner_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"sessionwarden/internal/owner"
)

// TestWhatIsMadeBelongsToTheOwnerOfItsDirectory holds for root, who makes it for
// another; for anybody else what he makes is his own.
func TestWhatIsMadeBelongsToTheOwnerOfItsDirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	want := os.Geteuid()
	if want == 0 {
		want = 65534
		if err := os.Chown(dir, want, want); err != nil {
			t.Fatal(err)
		}
	}
	inner := filepath.Join(dir, "a", "b")
	if err := owner.MkdirAll(inner, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := owner.MkdirAll(inner, 0o700); err != nil {
		t.Error("a directory that is there:", err)
	}
	f, err := os.Create(filepath.Join(inner, "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := owner.Adopt(f); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(dir, "a"), inner, f.Name()} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if of := info.Sys().(*syscall.Stat_t); int(of.Uid) != want {
			t.Errorf("%s belongs to %d, want %d", path, of.Uid, want)
		}
	}
	if err := owner.MkdirAll(filepath.Join(f.Name(), "below"), 0o700); err == nil {
		t.Error("a directory was made below a file")
	}
}
