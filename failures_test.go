package sessionwarden_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// lastFailure is the highest number of docs/failures.md.
const lastFailure = 88

var (
	failureLine = regexp.MustCompile(`^\| *(\d+) *\|`)
	provingTest = regexp.MustCompile("`([a-z/]+)\\.((?:Test|Fuzz)[A-Za-z0-9]+)`")
)

// TestFailuresAreProven holds docs/failures.md to the tests: each number is
// there once, and says what proves it, or that it comes later.
func TestFailuresAreProven(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("docs/failures.md")
	if err != nil {
		t.Fatal(err)
	}
	there := make(map[int]bool)
	tests := make(map[string]map[string]bool)
	for line := range strings.Lines(string(text)) {
		m := failureLine.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		n, _ := strconv.Atoi(m[1])
		if there[n] {
			t.Errorf("%d is there twice", n)
		}
		there[n] = true
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) != 6 {
			t.Errorf("%d has %d cells, want 4", n, len(cells)-2)
			continue
		}
		proofs := provingTest.FindAllStringSubmatch(cells[4], -1)
		if len(proofs) == 0 && !strings.Contains(cells[3], "*Later") {
			t.Errorf("%d has no proof and is not for later", n)
		}
		if rest := strings.TrimSpace(provingTest.ReplaceAllString(cells[4], "")); rest != "" {
			t.Errorf("%d: %q is no test", n, rest)
		}
		for _, proof := range proofs {
			room := proof[1]
			if tests[room] == nil {
				tests[room] = testsOf(t, room)
			}
			if !tests[room][proof[2]] {
				t.Errorf("%d: there is no test %s in %s", n, proof[2], room)
			}
		}
	}
	for n := range lastFailure {
		if !there[n+1] {
			t.Errorf("%d is missing", n+1)
		}
	}
	if len(there) > lastFailure {
		t.Errorf("%d numbers, want %d", len(there), lastFailure)
	}
}

// testsOf returns the names of the tests of a room, as docs/failures.md writes
// it.
func testsOf(t *testing.T, room string) map[string]bool {
	t.Helper()
	folder := room
	switch room {
	case "sessionwarden":
		folder = "."
	case "cmd":
		folder = "cmd/sessionwarden"
	}
	files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	if err != nil || len(files) == 0 {
		t.Errorf("there is no room %q with tests: %v", room, err)
	}
	names := make(map[string]bool)
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range parsed.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil {
				names[f.Name.Name] = true
			}
		}
	}
	return names
}
