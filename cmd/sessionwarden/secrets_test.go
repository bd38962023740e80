package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"sessionwarden/alert/channeltest"
	"sessionwarden/alert/slacktest"
	"sessionwarden/web"
)

// Every secret of every test is a canary: a search looks for them in all that
// the program under test prints, stores, sends and serves, in every test of
// this package, and fails the test in which one is seen.

// proxyPassword is the password of a proxy that a test names.
const proxyPassword = "canary-proxy-not-a-secret"

// hookSecret signs what goes to a JSON webhook.
const hookSecret = "canary-hook-not-a-secret"

// canaries are the secrets of the tests by what they are, in every form in
// which one might be written. All JWTs begin alike, also the demonstration's.
var canaries = func() map[string]string {
	all := map[string]string{"the begin of a JWT": "eyJhbGciOi", "a webhook": strings.TrimPrefix(slacktest.WebhookPath, "/services/")}
	for what, secret := range map[string]string{"an API key": testKey, "a bot token": testToken, "an app token": testAppToken, "a proxy's password": proxyPassword, "a channel's token": channeltest.Token, "a webhook's secret": hookSecret, "a heartbeat's address": testBeat} {
		all[what] = secret
		all[what+" in hexadecimal"] = hex.EncodeToString([]byte(secret))
		for shift := range 3 { // base64 looks different at each of three places
			text := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat("x", shift) + secret))
			all[fmt.Sprintf("%s in base64 (%d)", what, shift)] = text[4 : len(text)-4]
		}
	}
	return all
}()

// search is one search for secrets. It remembers where one was seen, and never
// the secret itself.
type search struct {
	mu     sync.Mutex
	found  []string
	tokens map[string]bool // signatures of the JWTs that were handed out
	looked map[string]int  // bytes looked at, by the first word of the place
	clean  map[string]bool // short texts in which none of them was found, as most come again and again
}

// Of the texts that are remembered as clean.
const (
	longestClean = 1 << 10
	mostClean    = 1 << 10
)

// look looks for every secret in a text; but lists what may stand there.
func (s *search) look(where, text string, but ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.looked == nil {
		s.looked = make(map[string]int)
	}
	first, _, _ := strings.Cut(where, " ")
	s.looked[first] += len(text)
	if s.clean[text] {
		return
	}
	found := len(s.found)
	defer func() {
		if len(s.found) > found || len(but) > 0 || len(text) > longestClean {
			return
		}
		if s.clean == nil || len(s.clean) >= mostClean {
			s.clean = make(map[string]bool)
		}
		s.clean[text] = true
	}()
	for what, secret := range canaries {
		if !slices.Contains(but, what) && strings.Contains(text, secret) {
			s.found = append(s.found, where+" holds "+what)
		}
	}
	if len(s.tokens) == 0 || slices.Contains(but, "a JWT") {
		return
	}
	if len(s.tokens) < 100 {
		for token := range s.tokens {
			if strings.Contains(text, token) {
				s.found = append(s.found, where+" holds the signature of a JWT")
			}
		}
		return
	}
	for word := range wordsOf(text) {
		if s.tokens[word] {
			s.found = append(s.found, where+" holds the signature of a JWT")
		}
	}
}

// wordsOf returns the pieces of a text that are long enough for a signature.
func wordsOf(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for word := range strings.FieldsFuncSeq(text, func(r rune) bool {
			return r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
		}) {
			if len(word) >= 40 && !yield(word) {
				return
			}
		}
	}
}

// request looks at a request to the service or to Slack. Each secret may stand
// in one place only: a token in the Authorization header (Slack's also in its
// own field), the API key in the body of a login, the webhook in its own path.
func (s *search) request(to string, r *http.Request) {
	body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20)) // what breaks off here is missing below, too
	r.Body = io.NopCloser(bytes.NewReader(body))
	r.ContentLength = int64(len(body))
	authorization := r.Header.Get("Authorization")
	where := "request to " + to
	s.look(where+", its host", r.Host)
	for name, values := range r.Header {
		if name == "Authorization" {
			continue
		}
		s.look(where+", its head", name)
		for _, value := range values {
			s.look(where+", its head", value)
		}
	}
	if to == "whoever waits for the heartbeat" {
		s.look(where+", its address", r.URL.String(), "a heartbeat's address")
		s.look(where+", its body", string(body)+authorization)
		return
	}
	if to == "Slack" {
		s.look(where+", its address", r.URL.String(), "a webhook")
		s.look(where+", its body", strings.Replace(string(body), "token="+testToken, "", 1))
		theirs := "a bot token"
		if r.URL.Path == slacktest.APIPath+"apps.connections.open" {
			theirs = "an app token"
		}
		s.look(where+", its authorization", authorization, theirs)
		return
	}
	if to == "a channel" {
		s.channel(where, r, string(body))
		return
	}
	s.look(where+", its address", r.URL.String())
	if !strings.HasSuffix(r.URL.Path, "/user/login") {
		s.look(where+", its body", string(body))
	}
	s.look(where+", its authorization", authorization, "the begin of a JWT", "a JWT")
	if parts := strings.Split(authorization, "."); len(parts) == 3 {
		s.mu.Lock()
		if s.tokens == nil {
			s.tokens = make(map[string]bool)
		}
		if !s.tokens[parts[2]] {
			s.tokens[parts[2]], s.clean = true, nil
		}
		s.mu.Unlock()
	}
}

// channel looks at a request to one of the other channels: its token stands in the
// header for it or in the path of a webhook, and its secret nowhere.
func (s *search) channel(where string, r *http.Request, body string) {
	var token []string
	for what := range canaries {
		if strings.HasPrefix(what, "a channel's token") {
			token = append(token, what)
		}
	}
	if strings.HasPrefix(r.URL.Path, "/hook/") {
		s.look(where+", its address", r.URL.String(), token...)
	} else {
		s.look(where+", its address", r.URL.String())
	}
	s.look(where+", its body", body)
	s.look(where+", its authorization", r.Header.Get("Authorization"), token...)
}

// handler looks at the requests that next gets.
func (s *search) handler(to string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.request(to, r)
		next.ServeHTTP(w, r)
	})
}

// transport looks at the requests that go by next.
func (s *search) transport(to string, next http.RoundTripper) http.RoundTripper {
	return lookingTransport{s, to, next}
}

type lookingTransport struct {
	search *search
	to     string
	next   http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (t lookingTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	if r.Body == nil {
		r.Body = http.NoBody
	}
	t.search.request(t.to, r)
	return t.next.RoundTrip(r)
}

// files looks at every file under dir but those that are there to hold
// secrets: the token files and the configuration.
func (s *search) files(dir string) {
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case os.IsNotExist(err): // it went while we looked
			return nil
		case err != nil:
			return err
		case entry.IsDir() && entry.Name() == "tokens":
			return fs.SkipDir
		case !entry.Type().IsRegular() || filepath.Dir(path) == dir && filepath.Ext(path) == ".toml":
			return nil
		}
		content, err := written(path)
		if err != nil && !os.IsNotExist(err) {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		s.look("file "+name, content)
		return nil
	})
	if err != nil {
		s.mu.Lock()
		s.found = append(s.found, "the files under "+dir+" cannot be searched: "+err.Error())
		s.mu.Unlock()
	}
}

// written returns what was written into a file: most of a database is room that
// never was, and no secret is in nothing.
func written(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	var content strings.Builder
	block := blocks.Get().(*[1 << 16]byte)
	defer blocks.Put(block)
	for {
		n, err := io.ReadFull(f, block[:])
		if !bytes.Equal(block[:n], nothing[:n]) {
			content.Write(block[:n])
		}
		switch {
		case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
			return content.String(), nil
		case err != nil:
			return "", err
		}
	}
}

var (
	blocks  = sync.Pool{New: func() any { return new([1 << 16]byte) }}
	nothing [1 << 16]byte
)

// output looks at all that a process has printed.
func (s *search) output(p *process) {
	name := strings.Join(p.cmd.Args[3:], " ")
	s.look("output of "+name, p.stdout.String())
	s.look("log of "+name, p.stderr.String())
}

// served asks a daemon for everything that it serves, and looks at it.
func (s *search) served(w *world, p *process) {
	if _, rest, ok := strings.Cut(p.stderr.String(), "server=health address="); ok {
		addr, _, _ := strings.Cut(rest, "\n")
		client := &http.Client{Timeout: 10 * time.Second}
		for _, path := range []string{"/metrics", "/healthz", "/readyz", "/livez", "/nothing"} {
			answer, err := client.Get("http://" + strings.TrimSpace(addr) + path)
			if err != nil {
				break // it has stopped
			}
			body, _ := io.ReadAll(io.LimitReader(answer.Body, 8<<20))
			_ = answer.Body.Close()
			s.look("page "+path, fmt.Sprint(answer.Header)+string(body))
		}
		client.CloseIdleConnections()
	}
	client, err := web.DialSocket(web.SocketPath(filepath.Join(w.dir, "data"), w.runtime))
	if err != nil {
		return // it has stopped
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if status, err := client.Status(ctx); err == nil {
		s.look("answer of status", fmt.Sprintf("%+v", status))
	}
	for row, err := range client.Incidents(ctx, web.Query{}) {
		if err != nil {
			break
		}
		if e, err := client.Evidence(ctx, row.ID); err == nil {
			s.look("evidence of an incident", e.Page)
		}
		break // they are made alike
	}
	for _, what := range []string{"history", "findings", "actions", "incidents"} {
		for _, format := range []string{"json", "csv"} {
			var all bytes.Buffer
			_ = client.Export(ctx, &all, web.ExportQuery{What: what, Format: format}) // what came is looked at
			s.look("answer of "+what, all.String())
		}
	}
}

// seen returns where secrets were seen, each place once, in order.
func (s *search) seen() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Compact(slices.Sorted(slices.Values(s.found)))
}

// report fails the test where a secret was seen.
func (s *search) report(t *testing.T) {
	t.Helper()
	for _, place := range s.seen() {
		t.Errorf("a secret is seen: %s", place)
	}
}

// TestTheSearchFindsASecretWhereverItIs plants secrets wherever the program
// could put them: partly by hand, partly by an instance whose name is one,
// which the program prints, stores, sends and serves.
func TestTheSearchFindsASecretWhereverItIs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.planted = true
	w.top = "instance = \"" + testKey + "\""
	w.rules = []string{`unexpected_country = "ask"`}
	w.atHome()
	p := w.start()
	w.signIn(farAddr, chrome, 0)
	w.eventually("it is told", func() bool { return len(w.messages()) > 0 })
	w.must("status")
	w.must("backup", filepath.Join(w.dir, "copy.db"))
	_, _ = p.stderr.Write([]byte("proxy http://user:" + proxyPassword + "@proxy\n" + base64.StdEncoding.EncodeToString([]byte("user:"+proxyPassword)) + "\n"))
	token, err := os.ReadFile(filepath.Join(w.dir, "data", "tokens", "main.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(w.dir, "data", "leftover"), append(token, testToken...), 0o600); err != nil {
		t.Fatal(err)
	}
	signature := strings.Split(strings.Split(string(token), `"token":"`)[1], ".")
	for _, address := range []string{w.api + "/user/infos?key=" + testKey, w.slackAt + "/api/chat.postMessage?x=" + testToken + "&y=" + url.QueryEscape(strings.Split(signature[2], `"`)[0])} {
		answer, err := http.Get(address)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
	}
	w.search.served(w, p)
	p.stop()
	w.search.output(p)
	w.search.files(w.dir)
	seen := strings.Join(w.search.seen(), "\n")
	for _, want := range []string{
		"file data/leftover holds a bot token", "file data/leftover holds the begin of a JWT", "request to Slack, its address holds the signature of a JWT", "request to Slack, its body holds an API key", "request to Slack, its address holds a bot token",
		"request to the service, its address holds an API key", "log of run holds a proxy's password\n", "log of run holds a proxy's password in base64", "answer of status holds an API key",
		"output of status holds an API key", "evidence of an incident holds an API key",
	} {
		if !strings.Contains(seen+"\n", want) {
			t.Errorf("the search does not find: %s\nit finds:\n%s", want, seen)
		}
	}
	for _, secret := range canaries {
		if strings.Contains(seen, secret) {
			t.Error("the search itself shows a secret")
		}
	}
	for _, where := range []string{"request", "output", "log", "file", "page", "answer", "evidence"} {
		if w.search.looked[where] == 0 {
			t.Errorf("nothing was looked at: %s", where)
		}
	}
}

// A proxy's password stands in the environment. Whatever goes wrong with the
// proxy, nobody sees it.
func TestAProxysPasswordIsNeverShown(t *testing.T) {
	tooLongForTheRaceDetector(t)
	t.Parallel()
	for name, proxy := range map[string]string{
		"nobody listens":  "http://user:" + proxyPassword + "@127.0.0.1:1",
		"no such scheme":  "gopher://user:" + proxyPassword + "@127.0.0.1:1",
		"no URL":          "http://user:" + proxyPassword + "@%zz:1",
		"a port too high": "http://user:" + proxyPassword + "@127.0.0.1:99999999",
		"it refuses":      "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if proxy == "" { // it echoes what it got, as a debugging page may
				at := serving(t, http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
					http.Error(out, fmt.Sprint("refused: ", r.Header, " http://user:", proxyPassword, "@proxy"), http.StatusProxyAuthRequired)
				}))
				proxy = "http://user:" + proxyPassword + "@" + strings.TrimPrefix(at, "http://")
			}
			w.env = []string{"HTTPS_PROXY=" + proxy, "HTTP_PROXY=" + proxy}
			w.api = "https://api.example.invalid" // only what is not on loopback goes by a proxy
			w.alert = []string{`webhook_url = "https://hooks.slack.invalid` + slacktest.WebhookPath + `"`}
			w.write()
			for _, args := range [][]string{{"check"}, {"run", "--once"}, {"alert", "test"}} {
				out, errs, status := w.cli(args...)
				if status == 0 || out+errs == "" {
					t.Errorf("%v: status %d\n%s%s", args, status, out, errs)
				}
			}
			w.must("status")
			w.must("completion", "bash")
		})
	}
}

// Nothing of what the program remembers in memory is written when it crashes:
// neither into the stacks that it prints nor into a core file.
func TestACrashReportHoldsNoSecret(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.env = []string{"GOTRACEBACK=all"}
	w.atHome()
	p := w.start()
	if runtime.GOOS == "linux" {
		limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", p.cmd.Process.Pid))
		if err != nil {
			t.Fatal(err)
		}
		_, core, _ := strings.Cut(string(limits), "Max core file size")
		if fields := strings.Fields(core); len(fields) < 2 || fields[0] != "0" || fields[1] != "0" {
			t.Errorf("core files may be written: %.60s", core)
		}
	}
	_ = p.cmd.Process.Signal(syscall.SIGQUIT)
	if status := p.wait(); status != 2 || !strings.Contains(p.stderr.String(), "goroutine ") {
		t.Errorf("status %d and no stacks", status)
	}
}

// Keys and tokens echoed by the service, by Slack and by what stands in front
// of them are left out of whatever is logged, told and stored.
func TestAnEchoedSecretIsNotRepeated(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var echo http.Handler = http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<16))
		out.Header().Set("X-Echo", r.Header.Get("Authorization"))
		http.Error(out, fmt.Sprintf(`{"err":true,"content":"you said %s %s"}`, r.Header.Get("Authorization"), strings.ReplaceAll(string(body), `"`, " ")), http.StatusBadRequest)
	})
	var mu sync.Mutex
	echoing := false
	switched := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
			mu.Lock()
			on := echoing
			mu.Unlock()
			if on {
				echo.ServeHTTP(out, r)
				return
			}
			next.ServeHTTP(out, r)
		})
	}
	w.api = serving(t, w.search.handler("the service", switched(w.service)))
	w.slackAt = serving(t, w.search.handler("Slack", switched(w.slack)))
	w.atHome()
	p := w.start()
	mu.Lock()
	echoing = true
	mu.Unlock()
	w.eventually("three polls fail", func() bool {
		status, _ := p.get("/healthz")
		return status == http.StatusServiceUnavailable
	})
	w.service.EndWatcher("main")
	_, _, _ = w.cli("check")
	_, _, _ = w.cli("alert", "test")
	if !strings.Contains(p.stderr.String(), "you said") {
		t.Error("the echo is not logged: this test proves nothing")
	}
}
