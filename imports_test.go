package sessionwarden_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// arrows is docs/architecture.md's drawing as a table: which rooms of the
// house each room may look into.
var arrows = map[string][]string{
	".":                   {},
	"config":              {"."},
	"mannco":              {"."},
	"mannco/manncotest":   {"."},
	"geo":                 {"."},
	"geo/geotest":         {"."},
	"policy":              {".", "policy/ownrule"},
	"policy/ownrule":      {"."},
	"policy/replay":       {".", "policy"},
	"policy/lives":        {".", "policy", "policy/replay"},
	"monitor":             {".", "policy"},
	"alert":               {"."},
	"alert/slacktest":     {"."},
	"alert/channeltest":   {},
	"storage":             {"."},
	"storage/storagetest": {".", "storage"},
	"evidence":            {"."},
	"web":                 {"."},
	"internal/mishap":     {},
	"internal/owner":      {},
	"tools/perf":          {".", "alert/slacktest", "mannco/manncotest", "storage", "storage/storagetest"},
	"tools/geodata":       {"."},
	"tools/detection":     {".", "config", "geo", "policy/lives"},
	"cmd/sessionwarden":   {".", "config", "mannco", "mannco/manncotest", "geo", "monitor", "alert", "alert/slacktest", "storage", "web", "policy", "policy/ownrule", "policy/replay", "evidence"},
}

// doors says which rooms a library may be used in.
var doors = map[string][]string{
	"go.etcd.io/bbolt":                   {"storage"},
	"github.com/oschwald/geoip2-golang":  {"geo", "tools/geodata"}, // the maker proves that the reader reads it
	"go4.org/netipx":                     {"geo"},
	"github.com/slack-go/slack":          {"alert", "alert/slacktest"},
	"github.com/gorilla/websocket":       {"alert", "alert/slacktest"},
	"github.com/nicholas-fedor/shoutrrr": {"alert"},
	"github.com/robfig/cron":             {"monitor"},
	"github.com/pelletier/go-toml":       {"config", "mannco/manncotest"},
	"github.com/spf13/cobra":             {"cmd/sessionwarden"},
	"github.com/mileusna/useragent":      {"policy"},
	"github.com/expr-lang/expr":          {"policy/ownrule"},
	"github.com/maxmind/mmdbwriter":      {"tools/geodata", "geo/geotest"},
	"html/template":                      {"evidence"},
}

// TestArrows fails when a package imports what the drawing does not allow.
// Tests may look into the rooms that end in "test" as well.
func TestArrows(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && path != "." && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "testdata" || entry.Name() == "node_modules") {
			return fs.SkipDir
		}
		if entry.IsDir() || !strings.HasSuffix(path, ".go") {
			return nil
		}
		room := filepath.ToSlash(filepath.Dir(path))
		allowed, known := arrows[room]
		if !known {
			t.Errorf("%s: the room %q is not in the drawing", path, room)
			return nil
		}
		seen[room] = true
		test := strings.HasSuffix(path, "_test.go")
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range file.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			checkArrow(t, path, room, name, allowed, test)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for room := range arrows {
		if !seen[room] {
			t.Errorf("the drawing has a room %q that the house has not", room)
		}
	}
}

func checkArrow(t *testing.T, path, room, name string, allowed []string, test bool) {
	t.Helper()
	to, ours := strings.CutPrefix(name, "sessionwarden/")
	switch {
	case name == "sessionwarden":
		to, ours = ".", true
	case !ours && room == "." && !test && strings.Contains(strings.SplitN(name, "/", 2)[0], "."):
		t.Errorf("%s imports %s: the nouns use the standard library only", path, name)
	}
	if ours {
		if to == room || strings.HasPrefix(to, "internal/") || contains(allowed, to) || test && (strings.HasSuffix(to, "test") || to == strings.TrimSuffix(room, "/"+filepath.Base(room))) {
			return
		}
		if test && room == "monitor" && (to == "storage" || to == "mannco" || to == "alert" || to == "geo") {
			return // monitor's tests drive the whole sentence
		}
		t.Errorf("%s imports %s: no such arrow in docs/architecture.md", path, name)
		return
	}
	for library, rooms := range doors {
		if strings.HasPrefix(name, library) && !contains(rooms, room) && !test {
			t.Errorf("%s imports %s: that library lives behind the door of %v", path, name, rooms)
		}
	}
}

// TestBucketTree fails when docs/architecture.md draws other buckets than
// storage's package comment, which a test there holds against a database.
func TestBucketTree(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	_, drawn, ok := strings.Cut(string(page), "<!-- buckets -->\n```\n")
	drawn, _, closed := strings.Cut(drawn, "```\n<!-- /buckets -->")
	if !ok || !closed {
		t.Fatal("docs/architecture.md has no tree of buckets")
	}
	source, err := os.ReadFile("storage/doc.go")
	if err != nil {
		t.Fatal(err)
	}
	var tree strings.Builder
	for line := range strings.Lines(string(source)) {
		if rest, ok := strings.CutPrefix(line, "//\t"); ok {
			tree.WriteString(rest)
		}
	}
	if tree.Len() == 0 || tree.String() != drawn {
		t.Errorf("docs/architecture.md draws\n%s\nstorage/doc.go draws\n%s", drawn, tree.String())
	}
}

func contains(list []string, item string) bool {
	for _, s := range list {
		if s == item {
			return true
		}
	}
	return false
}
