package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"sessionwarden"
	"sessionwarden/alert/slacktest"
	"sessionwarden/mannco/manncotest"
	"sessionwarden/storage"
)

// Promise 1: after kill -9 at any moment the next start finishes what was
// planned. The program is built with its points (see internal/mishap), learns
// which ones a story passes, and is killed at each of them in turn.

// withPoints is the program as it is built for being killed.
var withPoints = building{tags: "mishaps"}

// A story is what happens to the watch while it may be killed.
type story struct {
	name string
	tell func(*chapter)
	only []string // deaths are at the points that begin with one of these: the others are an earlier story's; nil: at all
}

// A chapter is one telling of a story, with or without a death in it.
type chapter struct {
	*world
	order string // for the hook; "": nobody dies
	log   string // file with the points that were passed
	thief string
	died  bool
	later func() // with the daemon of the aftermath; nil: nothing
}

// begin makes the world of a story.
func begin(t *testing.T, order string) *chapter {
	w := newWorld(t)
	w.binary = withPoints.program(t)
	w.atHome()
	w.extra = noCopies
	return &chapter{world: w, order: order, log: filepath.Join(w.dir, "points")}
}

// noCopies turns the daemon's own backups off: they are made beside the watch,
// now sooner and now later.
const noCopies = "[backup]\nevery = \"off\"\n"

// armed has the next programs log their points, and obey the order.
func (c *chapter) armed() {
	c.env = []string{"SESSIONWARDEN_MISHAP=" + c.order, "SESSIONWARDEN_MISHAP_LOG=" + c.log}
}

func (c *chapter) disarmed() { c.env = nil }

// passed returns how often each point was passed.
func (c *chapter) passed() map[string]int {
	c.t.Helper()
	text, err := os.ReadFile(c.log)
	if err != nil {
		c.t.Fatal(err)
	}
	points := make(map[string]int)
	for point := range strings.FieldsSeq(string(text)) {
		points[point]++
	}
	return points
}

// until waits until something holds or the process has died, and reports
// whether it holds.
func (c *chapter) until(p *process, what string, holds func() bool) bool {
	c.t.Helper()
	c.eventually(what, func() bool { return p.ended() || holds() })
	return !p.ended()
}

// over waits for the end of a process that was asked to end, and takes note of
// whether it was killed.
func (c *chapter) over(p *process) {
	c.t.Helper()
	if status := p.wait(); status == -1 {
		c.died = true
	} else if status != 0 && !strings.HasPrefix(c.order, "fail") {
		c.t.Fatalf("the program ended with status %d\n%s", status, p.stderr.String())
	}
}

func (c *chapter) toldOfTheEnd() bool {
	return slices.ContainsFunc(c.messages(), func(m string) bool { return strings.Contains(m, "verified gone") })
}

// polled starts the daemon and waits for its first poll.
func (c *chapter) polled() *process {
	c.t.Helper()
	lists := c.service.Count("main", manncotest.RouteList)
	p := c.launch()
	c.until(p, "the first poll", func() bool { return c.service.Count("main", manncotest.RouteList) >= lists+2 })
	return p
}

// attacked lets an intruder sign in, waits for his end, and ends the daemon.
func (c *chapter) attacked(p *process) {
	c.t.Helper()
	c.thief = c.signIn(farAddr, chrome, 0)
	if c.until(p, "the intruder is ended, and that is told", c.toldOfTheEnd) {
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
	}
	c.over(p)
}

// aftermath starts the program again, lets it finish what was begun, stops it
// and looks at what is left.
func (c *chapter) aftermath() {
	c.t.Helper()
	c.disarmed()
	p := c.start()
	c.eventually("the intruder is ended and proven gone", func() bool { return c.stateOf(c.thief) == "verified" })
	c.eventually("that is told", c.toldOfTheEnd)
	c.eventually("nothing is left to tell", func() bool {
		channels := c.status().Channels
		return len(channels) == 1 && channels[0].Pending == 0
	})
	if c.later != nil {
		c.later()
	}
	if status := p.stop(); status != 0 {
		c.t.Errorf("it ended with status %d", status)
	}
	if strings.HasPrefix(c.order, "fail") { // people may be told of the failure too
		c.nothingLost(1, 2)
		return
	}
	c.nothingLost(1, 1)
	if alerts, repeats, bundles := c.toldWell(); alerts != 1 || repeats > 1 || bundles != 0 {
		c.t.Errorf("%d alerts, %d repeats and %d bundles were told of one intruder: %q", alerts, repeats, bundles, c.messages())
	}
}

// stateOf returns the state of the newest action about a session.
func (w *world) stateOf(id string) string {
	w.t.Helper()
	rows := w.rows("actions")
	for i := len(rows) - 1; i >= 0; i-- {
		if rows[i]["session_id"] == id {
			return rows[i]["state"].(string)
		}
	}
	return ""
}

// nothingLost holds the stopped program's data against the truth: promises 1
// and 2. So many logins beyond the first may have been made, and so many calls
// to end one intruder.
func (w *world) nothingLost(extraLogins, mostCalls int) {
	w.t.Helper()
	path := filepath.Join(w.dir, "data", "sessionwarden.db")
	if err := storage.Check(context.Background(), path); err != nil {
		w.t.Errorf("the database is not whole: %v", err)
	}
	db, err := storage.Open(path, storage.Options{ReadOnly: true})
	if err != nil {
		w.t.Fatal(err)
	}
	defer db.Close()
	known := make(map[string]bool)
	for s, err := range db.Sightings(context.Background(), sessionwarden.Query{}) {
		if err != nil {
			w.t.Fatal(err)
		}
		known[string(s.ID)] = true
	}
	calls := make(map[string]int)
	for _, id := range w.ended("main") {
		calls[id]++
	}
	var listed time.Time // for the last time
	for _, c := range w.service.Log() {
		if c.Route == manncotest.RouteList && c.Status == http.StatusOK {
			listed = c.Time
		}
	}
	for _, s := range w.service.Sessions("main") {
		id := strconv.FormatInt(s.ID, 10)
		bad := s.Address != homeAddr && !s.Watcher
		switch {
		case !known[id] && s.Watcher && s.Started.After(listed):
			// A login that was given up, and that a busy machine came to afterwards.
		case !known[id]:
			w.t.Errorf("session %+v is not in the history; the last list was read at %v; the calls: %+v", s, listed, w.service.Log())
		case bad && s.Ended != manncotest.EndDisconnected:
			w.t.Errorf("the intruder %s lives on, or came to another end: %q", id, s.Ended)
		case bad && (calls[id] < 1 || calls[id] > mostCalls):
			w.t.Errorf("%d calls to end the intruder %s", calls[id], id)
		case !bad && (s.Ended != manncotest.NotEnded || calls[id] > 0):
			w.t.Errorf("the session %s from %s was ended: %q", id, s.Address, s.Ended)
		}
	}
	if logins := w.service.Logins("main"); logins > 1+extraLogins {
		w.t.Errorf("%d logins", logins)
	}
	w.noLeftovers()
}

var alertNumber = regexp.MustCompile(`, alert (\d+)`)

// toldWell makes sure that an alert that is told again says so. It returns how
// many alerts came by themselves, how many repeats of them, and how many bundles
// there were beside them.
func (w *world) toldWell() (alerts, repeats, bundles int) {
	w.t.Helper()
	seen := make(map[string]int)
	for _, m := range w.slack.Messages() {
		if m.Thread != "" {
			continue // a line of the timeline
		}
		text := slacktest.Text(m)
		if len(m.History) > 0 { // as it was when it came
			text = slacktest.Text(slacktest.Message{Text: m.History[0].Text, Blocks: m.History[0].Blocks})
		}
		match := alertNumber.FindStringSubmatch(text)
		if match == nil {
			bundles++
			continue
		}
		seen[match[1]]++
		if seen[match[1]] > 1 {
			repeats++
			if !strings.Contains(text, "(repeat)") {
				w.t.Errorf("alert %s was told %d times, and is not marked as a repeat", match[1], seen[match[1]])
			}
		}
	}
	return len(seen), repeats, bundles
}

// noLeftovers makes sure that no half-written file is left.
func (w *world) noLeftovers() {
	w.t.Helper()
	err := filepath.WalkDir(filepath.Join(w.dir, "data"), func(path string, entry fs.DirEntry, err error) error {
		if err == nil && (strings.Contains(entry.Name(), ".new") || strings.Contains(entry.Name(), ".part")) {
			w.t.Errorf("left behind: %s", path)
		}
		return err
	})
	if err != nil {
		w.t.Error(err)
	}
}

var stories = []story{
	{name: "watch", tell: func(c *chapter) {
		c.armed()
		c.attacked(c.polled())
	}},
	{name: "second start", only: []string{"start", "holder", "suspect", "stop", "storage", "poll.fetched"}, tell: func(c *chapter) {
		if status := c.start().stop(); status != 0 {
			c.t.Fatalf("status %d", status)
		}
		c.armed()
		c.attacked(c.polled())
	}},
	{name: "account", only: []string{"facts"}, tell: func(c *chapter) {
		c.defaults = append(c.defaults, `account_every = "1s"`)
		p := c.start()
		c.eventually("the account is known", func() bool {
			return c.service.Count("main", manncotest.RouteNotifications) > 0 && c.status().Accounts[0].TwoFactor == "on"
		})
		if status := p.stop(); status != 0 {
			c.t.Fatalf("status %d", status)
		}
		c.service.Change("main", func(f *manncotest.Facts) { f.TradeURL = "https://steamcommunity.example/?partner=666&token=thief" })
		c.armed()
		c.attacked(c.polled())
		c.later = func() {
			c.eventually("the change is found", func() bool { return c.found("trade_url_changed", "") })
			times := 0
			for _, row := range c.rows("findings") {
				if row["rule"] == "trade_url_changed" {
					times++
				}
			}
			if times != 1 {
				c.t.Errorf("the change was found %d times", times)
			}
		}
	}},
	{name: "backup", only: []string{"backup"}, tell: func(c *chapter) {
		c.armed()
		p := c.polled()
		c.disarmed()
		copied := filepath.Join(c.t.TempDir(), "copy.db")
		_, _, status := c.cli("backup", copied)
		c.attacked(p)
		if there, err := os.Stat(copied); err == nil && there.Size() > 0 {
			if err := storage.Check(context.Background(), copied); err != nil {
				c.t.Errorf("a backup that is there is not whole: %v", err)
			}
		} else if status == 0 {
			c.t.Error("the backup that was said to be written is not there")
		}
		c.later = func() {
			again := copied + ".again"
			c.must("backup", again)
			if err := storage.Check(context.Background(), again); err != nil {
				c.t.Errorf("the backup afterwards is not whole: %v", err)
			}
		}
	}},
	{name: "own backups", only: []string{"backup"}, tell: func(c *chapter) {
		c.extra = ""
		c.armed()
		p := c.polled()
		fails := strings.HasPrefix(c.order, "fail") // then the next one comes in its own time
		c.until(p, "the first backup", func() bool { return fails || len(c.backups()) > 0 })
		c.attacked(p)
		c.later = func() {
			c.eventually("a backup", func() bool { return fails || len(c.backups()) > 0 })
			for _, b := range c.backups() {
				if err := storage.Check(context.Background(), b.Path); err != nil {
					c.t.Errorf("a backup that counts is not whole: %v", err)
				}
			}
		}
	}},
	{name: "restore", tell: func(c *chapter) {
		p := c.start()
		copied := filepath.Join(c.t.TempDir(), "copy.db")
		c.must("backup", copied)
		if status := p.stop(); status != 0 {
			c.t.Fatalf("status %d", status)
		}
		c.armed()
		restoring := c.program(context.Background(), "restore", copied)
		c.over(restoring)
		c.disarmed()
		c.attacked(c.polled())
	}},
}

// mostPasses is how many passes of one point are deaths of their own in the
// first story: the later ones are polls like any other. In the others once is
// enough.
const mostPasses = 5

func TestKilledAtEveryPoint(t *testing.T) {
	tooLongForTheRaceDetector(t)
	t.Parallel()
	reached := atEveryPoint(t, "kill", mostPasses, func(c *chapter, first bool) {
		if first && !c.died {
			c.t.Error("it passed the point alive")
		}
	})
	for point, where := range allPoints(t) {
		if !reached[point] {
			t.Errorf("no story passes the point %s of %s", point, where)
		}
	}
}

// The step at each point fails once: a full disk, an error of the file system.
// The watch gets over it by itself, or a start is refused and the next one works.
func TestFailedAtEveryPoint(t *testing.T) {
	tooLongForTheRaceDetector(t)
	t.Parallel()
	atEveryPoint(t, "fail", 2, func(c *chapter, _ bool) {
		if c.died {
			c.t.Error("it died of a failure")
		}
	})
}

// atEveryPoint tells every story once as it is, and again with the order do for
// each point that was passed. It returns the points.
func atEveryPoint(t *testing.T, do string, most int, then func(c *chapter, first bool)) map[string]bool {
	t.Helper()
	if testing.Short() {
		t.Skip("it is about processes: the race detector sees nothing of them")
	}
	var mu sync.Mutex
	reached := make(map[string]bool)
	t.Run("stories", func(t *testing.T) {
		for i, s := range stories {
			passes := most
			if i > 0 {
				passes = 1
			}
			t.Run(s.name, func(t *testing.T) {
				t.Parallel()
				c := begin(t, "")
				s.tell(c)
				c.aftermath()
				points := c.passed()
				mu.Lock()
				for point := range points {
					reached[point] = true
				}
				mu.Unlock()
				for _, point := range slices.Sorted(maps.Keys(points)) {
					if s.only != nil && !slices.ContainsFunc(s.only, func(begin string) bool { return strings.HasPrefix(point, begin) }) {
						continue
					}
					for n := range min(points[point], passes) {
						t.Run(fmt.Sprintf("%s %d", point, n+1), func(t *testing.T) {
							t.Parallel()
							c := begin(t, fmt.Sprintf("%s %s %d", do, point, n+1))
							s.tell(c)
							then(c, n == 0)
							c.aftermath()
						})
					}
				}
			})
		}
	})
	return reached
}

// allPoints reads the names of all points in the program's source, with the
// file that each stands in. Those of storage are its own tests' matter: its
// databases grow old, and change their layout, within milliseconds.
func allPoints(t *testing.T) map[string]string {
	t.Helper()
	points := make(map[string]string)
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && entry.Name() == "storage" {
			return fs.SkipDir
		}
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		if err != nil || !bytes.Contains(source, []byte("mishap.At(")) {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, source, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) != 1 {
				return true
			}
			f, isSelector := call.Fun.(*ast.SelectorExpr)
			name, isText := call.Args[0].(*ast.BasicLit)
			if isSelector && isText && f.Sel.Name == "At" {
				if point, err := strconv.Unquote(name.Value); err == nil {
					points[point] = path
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return points
}

// seedFlag makes what is random the same again.
var seedFlag = flag.Uint64("seed", 0, "the seed of tests that do things at random; 0: another one each time")

func seed() uint64 {
	if *seedFlag != 0 {
		return *seedFlag
	}
	return rand.Uint64N(1 << 40)
}

// killsFor is how long TestKilledAtRandom kills.
var killsFor = flag.Duration("kills", 10*time.Second, "how long TestKilledAtRandom kills the program at random times")

func TestKilledAtRandom(t *testing.T) {
	tooLongForTheRaceDetector(t)
	t.Parallel()
	if testing.Short() {
		t.Skip("it is about processes: the race detector sees nothing of them")
	}
	seed := seed()
	random := rand.New(rand.NewPCG(seed, 0))
	w := newWorld(t)
	w.defaults = append(w.defaults, "max_disconnects_strangers = 1000")
	w.atHome()
	var thieves []string
	kills := 0
	next := time.Now()
	for end := next.Add(*killsFor); time.Now().Before(end); kills++ {
		p := w.launch()
		life := time.Duration(random.Int64N(int64(2 * time.Second)))
		if random.IntN(3) == 0 {
			life /= 20 // while it starts
		}
		for death := time.Now().Add(life); time.Now().Before(death); time.Sleep(time.Duration(random.Int64N(int64(20 * time.Millisecond)))) {
			if time.Now().After(next) {
				thieves = append(thieves, w.signIn(fmt.Sprintf("113.160.10.%d", 1+len(thieves)%250), chrome, 0))
				next = time.Now().Add(time.Second + time.Duration(random.Int64N(int64(2*time.Second))))
			}
		}
		p.kill()
	}
	p := w.start()
	w.eventually("everybody is ended and proven gone", func() bool {
		return len(thieves) > 0 && !slices.ContainsFunc(thieves, func(id string) bool { return w.stateOf(id) != "verified" })
	})
	w.eventually("all of it is told", func() bool { return w.status().Channels[0].Pending == 0 })
	if status := p.stop(); status != 0 {
		t.Errorf("it ended with status %d", status)
	}
	w.nothingLost(kills, 2)
	alerts, repeats, bundles := w.toldWell()
	t.Logf("seed %d: %d kills, %d intruders, %d alerts told one by one with %d repeats, %d bundles, %d logins",
		seed, kills, len(thieves), alerts, repeats, bundles, w.service.Logins("main"))
	if alerts == 0 && bundles == 0 || repeats > kills {
		t.Error("people were told of nothing, or more often than the program was killed")
	}
}

// A program that dies again and again, a little later each time, loses nothing
// either, and does not log in each time.
func TestCrashLoopEndsWell(t *testing.T) {
	tooLongForTheRaceDetector(t)
	t.Parallel()
	c := begin(t, "")
	c.thief = c.signIn(farAddr, chrome, 0)
	starts := 0
	for starts = 1; !c.toldOfTheEnd(); starts++ {
		c.order = fmt.Sprintf("kill * %d", starts)
		c.armed()
		p := c.launch()
		if status := p.wait(); status != -1 || starts > 60 {
			t.Fatalf("start %d ended with status %d\n%s", starts, status, p.stderr.String())
		}
	}
	if starts < 10 {
		t.Errorf("it came to the end in %d starts: that is no crash loop", starts)
	}
	c.disarmed()
	p := c.start()
	c.eventually("the intruder is ended and proven gone", func() bool { return c.stateOf(c.thief) == "verified" })
	c.eventually("that is told", c.toldOfTheEnd)
	if status := p.stop(); status != 0 {
		t.Errorf("it ended with status %d", status)
	}
	c.nothingLost(5, 1)
}
