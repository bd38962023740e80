package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
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
	"sessionwarden/web"
)

// asProgram makes the test binary the program itself, so that the tests run
// the real main in a process of its own that they can kill.
const asProgram = "SESSIONWARDEN_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		if dir := os.Getenv(heapsIn); dir != "" {
			go writeHeaps(dir)
		}
		main()
	}
	flag.Parse()
	debug.SetGCPercent(400) // the simulated years are made of small, short-lived things
	const together = "12"   // the tests mostly wait for programs of their own
	if parallel := flag.Lookup("test.parallel"); parallel.Value.String() == strconv.Itoa(runtime.GOMAXPROCS(0)) {
		if err := flag.Set("test.parallel", together); err != nil {
			panic(err)
		}
	}
	status := m.Run()
	_ = os.RemoveAll(withPoints.dir)
	_ = os.RemoveAll(undetected.dir)
	os.Exit(status)
}

// A building is the program as a test needs it, built when it is first wanted.
type building struct {
	tags string
	once sync.Once
	dir  string
	err  error
}

// undetected is the program without the race detector.
var undetected building

// program returns the path of the program.
func (b *building) program(t *testing.T) string {
	t.Helper()
	b.once.Do(func() {
		if b.dir, b.err = os.MkdirTemp("", "sessionwarden-built"); b.err != nil {
			return
		}
		build := exec.Command("go", "build", "-tags", b.tags, "-o", filepath.Join(b.dir, "sessionwarden"), ".")
		if out, err := build.CombinedOutput(); err != nil {
			b.err = fmt.Errorf("%w\n%s", err, out)
		}
	})
	if b.err != nil {
		t.Fatalf("building the program: %v", b.err)
	}
	return filepath.Join(b.dir, "sessionwarden")
}

// manyThreads are the commands in which much goes on at once.
var manyThreads = []string{"run", "check", "replay", "backup", "restore"}

// tooLongForTheRaceDetector skips a test that plays many hours or many ways of one
// thing, or that kills programs which are built without the detector: under it they
// take ten times as long, and do what the shorter tests do there too.
func tooLongForTheRaceDetector(t *testing.T) {
	t.Helper()
	if raceDetector && testing.Short() {
		t.Skip("it takes too long under the race detector; go test -race without -short runs it")
	}
}

// Addresses with a stable place in the built-in location data.
const (
	homeAddr    = "91.10.20.30"   // Germany, a household provider
	homeAddr2   = "91.10.20.99"   // the same network
	farAddr     = "113.160.10.20" // Vietnam, a household provider
	farAddr2    = "113.160.10.21" // the same network
	otherAddr   = "177.32.10.20"  // Brazil, a household provider
	hostingAddr = "5.9.10.20"     // Germany, a hosting network
	egressAddr  = "91.10.99.1"    // where our own logins come from
	privateAddr = "10.1.2.3"      // no place
	chrome      = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
	iphone      = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1"
	testKey     = "canary-key-not-a-secret"
	testToken   = "canary-bot-token-not-a-secret"
)

// world is a program under test with everything around it: a simulated
// service, a simulated Slack and a data directory.
type world struct {
	t       *testing.T
	dir     string
	runtime string // a short path, for sockets whose own place has a long one
	config  string
	service *manncotest.Service
	slack   *slacktest.Server
	api     string // where the service answers
	slackAt string
	search  *search // for secrets, in all that the program lets out
	planted bool    // secrets were put there by the test itself

	// What the configuration is made of; change before start.
	defaults []string  // lines under [defaults]
	rules    []string  // lines under [defaults.rules]
	geo      []string  // lines under [geo]
	alert    []string  // lines under [alert.slack]; nil: a bot; empty: no Slack
	accounts []string  // names; their keys are testKey + "-" + name
	extra    string    // more lines at the end
	env      []string  // more of the environment
	stdin    io.Reader // what is typed; nil: nothing can be
	binary   string    // what is run; "": this test binary, as the program
	top      string    // more lines at the begin
	level    string    // of the log; "": debug
	beat     []string  // lines under [heartbeat]; nil: neither heartbeat nor canary
}

// newWorld makes a world with one account, "main", whose owner expects to be
// in Germany and whose watch polls every second.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), accounts: []string{"main"}, search: new(search)}
	t.Cleanup(func() { // after every process has ended
		w.search.files(w.dir)
		if !w.planted {
			w.search.report(t)
		}
	})
	w.config = filepath.Join(w.dir, "config.toml")
	runtime, err := os.MkdirTemp("", "sw")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(runtime) })
	w.runtime = runtime
	w.service = manncotest.New(manncotest.Options{Egress: netip.MustParseAddr(egressAddr), EgressLocation: "DE: Falkenstein", EgressISP: "Provider"})
	w.api = serving(t, w.search.handler("the service", w.service))
	t.Cleanup(w.service.Close)
	w.slack = slacktest.New()
	w.slackAt = serving(t, w.search.handler("Slack", w.slack))
	w.addAccount("main")
	w.defaults = []string{`expected_countries = ["DE"]`, `schedule = "@every 1s"`, `expired_every = "1s"`, `timeout = "2s"`}
	return w
}

// serving serves a handler on loopback for the length of a test.
func serving(t *testing.T, handler http.Handler) string {
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

func (w *world) addAccount(name string) {
	w.t.Helper()
	if err := w.service.AddAccount(manncotest.Account{Name: name, APIKey: testKey + "-" + name}); err != nil {
		w.t.Fatal(err)
	}
}

// alsoWatch adds an account that is watched too.
func (w *world) alsoWatch(name string) {
	w.t.Helper()
	w.addAccount(name)
	w.accounts = append(w.accounts, name)
}

// write writes the configuration.
func (w *world) write() {
	w.t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "%s\ndata_dir = %q\n[web]\nlisten = \"127.0.0.1:0\"\n[log]\nlevel = %q\n", w.top, filepath.Join(w.dir, "data"), cmp.Or(w.level, "debug"))
	if w.geo != nil {
		fmt.Fprintf(&b, "[geo]\n%s\n", strings.Join(w.geo, "\n"))
	}
	alert := w.alert
	if alert == nil {
		alert = []string{`bot_token = "` + testToken + `"`, `channel = "#security"`, fmt.Sprintf("api_url = %q", w.slackAt+"/api/")}
	}
	if len(alert) > 0 {
		fmt.Fprintf(&b, "[alert.slack]\n%s\n", strings.Join(alert, "\n"))
	}
	fmt.Fprintf(&b, "[defaults]\nbase_url = %q\n%s\n", w.api, strings.Join(w.defaults, "\n"))
	if w.rules != nil {
		fmt.Fprintf(&b, "[defaults.rules]\n%s\n", strings.Join(w.rules, "\n"))
	}
	for _, name := range w.accounts {
		fmt.Fprintf(&b, "[[account]]\nname = %q\napi_key = %q\n", name, testKey+"-"+name)
	}
	fmt.Fprintf(&b, "%s\n[heartbeat]\n%s\n", w.extra, beatLines(w.beat))
	if err := os.WriteFile(w.config, []byte(b.String()), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// signIn lets somebody sign in to the account main and returns the id.
func (w *world) signIn(addr, agent string, age time.Duration) string {
	return w.signInTo("main", addr, agent, age)
}

func (w *world) signInTo(account, addr, agent string, age time.Duration) string {
	return strconv.FormatInt(w.service.SignIn(account, manncotest.SessionSpec{Address: addr, UserAgent: agent, Age: age, ISP: "Provider"}), 10)
}

// atHome signs in the owner, three days ago.
func (w *world) atHome() string { return w.signIn(homeAddr, chrome, 72*time.Hour) }

func (w *world) variant(name manncotest.Variant, value string) {
	w.t.Helper()
	if err := w.service.SetVariant(name, value); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) fault(f manncotest.Fault) {
	w.t.Helper()
	if err := w.service.SetFault(f); err != nil {
		w.t.Fatal(err)
	}
}

// ended returns the ids of the account's sessions that were ended by a call,
// in order, with "all" for the call that ends all.
func (w *world) ended(account string) []string { return endedOf(w.service, account) }

func endedOf(service *manncotest.Service, account string) []string {
	var ids []string
	for _, call := range service.Disconnects(account) {
		switch call.Route {
		case manncotest.RouteDisconnectAll:
			ids = append(ids, "all")
		case manncotest.RouteDisconnectOne:
			ids = append(ids, call.Target)
		}
	}
	return ids
}

// process is one run of the program.
type process struct {
	w      *world
	cmd    *exec.Cmd
	stdout lockedBuffer
	stderr lockedBuffer
	done   chan error
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// program begins a run of the program with args after --config.
//
// Under the race detector the commands that do one thing after the other run
// without it: with it each start takes four times as long.
func (w *world) program(ctx context.Context, args ...string) *process {
	w.t.Helper()
	p := &process{w: w, done: make(chan error, 1)}
	binary := cmp.Or(w.binary, os.Args[0])
	if w.binary == "" && raceDetector && testing.Short() && !slices.Contains(manyThreads, args[0]) {
		binary = undetected.program(w.t)
	}
	p.cmd = exec.CommandContext(ctx, binary, append([]string{"--config", w.config}, args...)...)
	p.cmd.Env = append([]string{asProgram + "=1", "GORACE=atexit_sleep_ms=0", "PATH=" + os.Getenv("PATH"), "HOME=" + w.dir, "XDG_RUNTIME_DIR=" + w.runtime, "TMPDIR=" + os.TempDir()}, w.env...)
	p.cmd.Dir = w.dir
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = w.stdin, &p.stdout, &p.stderr
	if err := p.cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	go func() { p.done <- p.cmd.Wait() }()
	w.t.Cleanup(func() { w.search.output(p) })
	return p
}

// start writes the configuration, starts the daemon and waits until every
// account was polled.
func (w *world) start() *process {
	w.t.Helper()
	p := w.launch()
	w.eventually("the daemon polls", func() bool {
		select {
		case err := <-p.done:
			p.done <- err
			w.t.Fatalf("the daemon ended: %v\n%s", err, p.stderr.String())
		default:
		}
		client, err := web.DialSocket(web.SocketPath(filepath.Join(w.dir, "data"), w.runtime))
		if err != nil {
			return false
		}
		defer client.Close()
		s, err := client.Status(w.t.Context())
		return err == nil && s.Running && !slices.ContainsFunc(s.Accounts, func(a sessionwarden.AccountStatus) bool { return a.LastPoll.IsZero() })
	})
	return p
}

// launch writes the configuration and starts the daemon.
func (w *world) launch() *process {
	w.t.Helper()
	w.write()
	p := w.program(context.Background(), "run")
	w.t.Cleanup(func() {
		w.search.served(w, p)
		p.kill()
		if w.t.Failed() {
			w.t.Logf("the daemon's log:\n%s", p.stderr.String())
		}
	})
	return p
}

// kill ends the process as a power cut would.
func (p *process) kill() {
	_ = p.cmd.Process.Signal(syscall.SIGKILL)
	p.wait()
}

// stop asks the process to end and returns its exit status.
func (p *process) stop() int {
	p.w.t.Helper()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	return p.wait()
}

// wait waits for the process and returns its exit status; -1 for a signal.
func (p *process) wait() int {
	p.w.t.Helper()
	select {
	case err := <-p.done:
		p.done <- err
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			return exit.ExitCode()
		}
		return 0
	case <-time.After(90 * time.Second):
		_ = p.cmd.Process.Kill()
		p.w.t.Fatalf("the program does not end\n%s", p.stderr.String())
		return -1
	}
}

// cli runs one command and returns what it printed and its exit status.
func (w *world) cli(args ...string) (stdout, stderr string, status int) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 80*time.Second)
	defer cancel()
	p := w.program(ctx, args...)
	status = p.wait()
	w.search.output(p)
	return p.stdout.String(), p.stderr.String(), status
}

// must runs a command that has to work.
func (w *world) must(args ...string) string {
	w.t.Helper()
	out, errs, status := w.cli(args...)
	if status != 0 {
		w.t.Fatalf("sessionwarden %s: status %d\n%s%s", strings.Join(args, " "), status, out, errs)
	}
	return out
}

// rows returns the rows of a table: from the daemon where one runs, which is
// what the command does too, but without a process for each look.
func (w *world) rows(table string) []map[string]any {
	w.t.Helper()
	client, err := web.DialSocket(web.SocketPath(filepath.Join(w.dir, "data"), w.runtime))
	if err != nil {
		return w.printed(table)
	}
	defer client.Close()
	var out bytes.Buffer
	what := table
	if table == "sessions" {
		what = "history"
	}
	var rows []map[string]any
	err = client.Export(w.t.Context(), &out, web.ExportQuery{What: what, Format: "json"})
	if err == nil {
		err = json.Unmarshal(out.Bytes(), &rows)
	}
	if err != nil {
		w.t.Fatalf("%s: %v\n%s", table, err, out.String())
	}
	return rows
}

// printed runs a table's command and returns its rows.
func (w *world) printed(args ...string) []map[string]any {
	w.t.Helper()
	var rows []map[string]any
	out := w.must(append(args, "--json")...)
	if err := json.Unmarshal([]byte(out), &rows); err != nil {
		w.t.Fatalf("%v: %v\n%s", args, err, out)
	}
	return rows
}

// states returns the states of the account main's actions, oldest first.
func (w *world) states() []string {
	w.t.Helper()
	var states []string
	for _, row := range w.rows("actions") {
		states = append(states, row["state"].(string))
	}
	return states
}

// action returns the newest action with that state; nil if there is none.
func (w *world) action(state string) map[string]any {
	w.t.Helper()
	rows := w.rows("actions")
	for i := len(rows) - 1; i >= 0; i-- {
		if rows[i]["state"] == state {
			return rows[i]
		}
	}
	return nil
}

// found reports whether a finding of that rule is on the session.
func (w *world) found(rule, session string) bool {
	w.t.Helper()
	for _, row := range w.rows("findings") {
		if row["rule"] == rule && (session == "" || row["session_id"] == session) {
			return true
		}
	}
	return false
}

// messages returns what Slack shows, as plain text, a message each.
func (w *world) messages() []string {
	var list []string
	for _, m := range w.slack.Messages() {
		if heard(m) {
			list = append(list, slacktest.Text(m))
		}
	}
	return list
}

// heard reports whether a message stands by itself, and not in the thread of
// another one.
func heard(m slacktest.Message) bool { return m.Thread == "" }

// patience is how long a test waits for something before it fails.
const patience = 20 * time.Second

// ended reports whether the process has come to its end.
func (p *process) ended() bool {
	select {
	case err := <-p.done:
		p.done <- err
		return true
	default:
		return false
	}
}

// eventually waits until something holds.
func (w *world) eventually(what string, holds func() bool) {
	w.t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			w.t.Fatalf("waited in vain: %s\nactions: %v\nended: %v\nmessages: %q", what, w.rows("actions"), w.ended("main"), w.messages())
		}
	}
}

// polls waits until the account was polled n more times: for what must not
// happen.
func (w *world) polls(n int) {
	w.t.Helper()
	before := w.service.Count("main", manncotest.RouteList)
	w.eventually(fmt.Sprintf("%d more polls", n), func() bool { return w.service.Count("main", manncotest.RouteList) >= before+2*n })
}

// get fetches a page of the daemon's health port.
func (p *process) get(path string) (int, string) {
	p.w.t.Helper()
	return p.getAs("", path)
}

// getAs is get under another name of this machine's.
func (p *process) getAs(host, path string) (int, string) {
	p.w.t.Helper()
	var rest string
	p.w.eventually("the daemon says where it listens", func() (ok bool) {
		_, rest, ok = strings.Cut(p.stderr.String(), "server=health address=")
		return ok && strings.Contains(rest, "\n")
	})
	addr, _, _ := strings.Cut(rest, "\n")
	if _, _, err := net.SplitHostPort(strings.TrimSpace(addr)); err != nil {
		p.w.t.Fatal(err)
	}
	request, err := http.NewRequest(http.MethodGet, "http://"+strings.TrimSpace(addr)+path, nil)
	if err != nil {
		p.w.t.Fatal(err)
	}
	if host != "" {
		request.Host = host
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		p.w.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	if err != nil {
		p.w.t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

// number reads an id.
func number(id string) int64 {
	n, _ := strconv.ParseInt(id, 10, 64)
	return n
}

// status asks the daemon for the whole watch at one glance.
func (w *world) status() sessionwarden.Status {
	w.t.Helper()
	client, err := web.DialSocket(web.SocketPath(filepath.Join(w.dir, "data"), w.runtime))
	if err != nil {
		w.t.Fatal(err)
	}
	defer client.Close()
	s, err := client.Status(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}
