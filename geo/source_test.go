package geo_test

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sessionwarden/geo"
)

// address is where the tests' lists are; what stands behind ? is a secret.
const address = "https://lists.example.com/exits?key=canary-not-a-secret"

// page is a server of one list, in memory, that notes what it was asked.
type page struct {
	mu     sync.Mutex
	answer func(*http.Request) (*http.Response, error)
	asked  []*http.Request
}

// RoundTrip implements http.RoundTripper.
func (p *page) RoundTrip(req *http.Request) (*http.Response, error) {
	p.mu.Lock()
	p.asked = append(p.asked, req)
	answer := p.answer
	p.mu.Unlock()
	return answer(req)
}

func (p *page) serves(answer func(*http.Request) (*http.Response, error)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer = answer
}

// nth returns what it was asked that time, from 0 on.
func (p *page) nth(i int) *http.Request {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked[i]
}

func (p *page) times() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.asked)
}

// answer makes an answer.
func answer(status int, body string, header ...string) func(*http.Request) (*http.Response, error) {
	return func(req *http.Request) (*http.Response, error) {
		h := make(http.Header)
		for i := 0; i < len(header); i += 2 {
			h.Set(header[i], header[i+1])
		}
		return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body)), Request: req}, nil
	}
}

// tagged answers with a list and its tag, or that there is nothing newer.
func tagged(body, etag string) func(*http.Request) (*http.Response, error) {
	return func(req *http.Request) (*http.Response, error) {
		if req.Header.Get("If-None-Match") == etag {
			return answer(http.StatusNotModified, "")(req)
		}
		return answer(http.StatusOK, body, "ETag", etag, "Last-Modified", "Mon, 22 Jun 2026 10:00:00 GMT", "Content-Type", "text/plain; charset=utf-8")(req)
	}
}

// watching runs f with a locator that watches, in a time of its own.
func watching(t *testing.T, o geo.Options, f func(t *testing.T, l *geo.Locator)) {
	t.Helper()
	l := open(t, o)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- l.Watch(ctx, 5*time.Minute) }()
	synctest.Wait()
	f(t, l)
	stop()
	synctest.Wait()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	default:
		t.Fatal("Watch does not end")
	}
}

// pass lets time go by.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestAListIsFetchedAndKept(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "lists")
	synctest.Test(t, func(t *testing.T) {
		p := &page{answer: tagged("203.0.113.7\n", `"one"`)}
		o := geo.Options{TorExits: address, ListDir: dir, Way: p, Now: time.Now}
		watching(t, o, func(t *testing.T, l *geo.Locator) {
			if !at(l, example).Tor || p.times() != 1 {
				t.Fatalf("asked %d times: %+v %q", p.times(), at(l, example), warned(l))
			}
			before := l.Generation()
			pass(24 * time.Hour)
			if n := p.times(); n < 22 || n > 27 {
				t.Errorf("asked %d times within a day", n)
			}
			if last := p.nth(p.times() - 1); last.Header.Get("If-None-Match") != `"one"` || last.Header.Get("If-Modified-Since") != "Mon, 22 Jun 2026 10:00:00 GMT" {
				t.Errorf("asked with %v", last.Header)
			}
			if l.Generation() != before {
				t.Error("nothing changed, but the generation rose")
			}
			if s := l.Status().Lists; len(s) != 1 || s[0].Source != "https://lists.example.com/exits" || time.Since(s[0].Date) > 2*time.Hour || !s[0].Used {
				t.Errorf("status: %+v", s)
			}
			p.serves(tagged("203.0.113.7\n203.0.113.9\n", `"two"`))
			pass(2 * time.Hour)
			if !at(l, "203.0.113.9").Tor || l.Generation() != before+1 {
				t.Error("a new list is not in use")
			}
		})

		info, err := os.Stat(filepath.Join(dir, "tor_exits"))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Fatalf("%v, %v", info, err)
		}
		content, err := os.ReadFile(filepath.Join(dir, "tor_exits"))
		if err != nil || strings.Contains(string(content), "canary") || strings.Contains(string(content), "example.com") {
			t.Errorf("the address is on the disk: %s, %v", content, err)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
			t.Errorf("in the folder: %v, %v", left, err)
		}

		// A start without a network, three weeks later; and then with one.
		time.Sleep(21 * 24 * time.Hour)
		p.serves(func(*http.Request) (*http.Response, error) { return nil, errors.New("no network") })
		asked := p.times()
		l := open(t, o)
		if !at(l, "203.0.113.9").Tor || p.times() != asked {
			t.Errorf("the start asked %d times, or the list is gone: %q", p.times()-asked, warned(l))
		}
		p.serves(tagged("203.0.113.7\n203.0.113.9\n", `"two"`))
		watching(t, o, func(t *testing.T, l *geo.Locator) {
			if p.times() != asked+1 || p.nth(asked).Header.Get("If-None-Match") != `"two"` {
				t.Error("what is kept was not asked about")
			}
			if s := l.Status().Lists[0]; time.Since(s.Date) > time.Minute {
				t.Errorf("it was found to be the newest: %+v", s)
			}
			pass(13 * time.Hour)
		})
		time.Sleep(29 * 24 * time.Hour)
		if l := open(t, o); !at(l, example).Tor {
			t.Error("that it was still the newest was not written down")
		}
		time.Sleep(2 * 24 * time.Hour)
		if l := open(t, o); at(l, example).Tor || len(l.Troubles()) != 1 {
			t.Errorf("it is older than 30 days: %q", warned(l))
		}
	})
}

// What is kept is not used for another address, nor where it is damaged.
func TestWhatIsKeptIsLookedAt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		p := &page{answer: tagged("203.0.113.7\n", `"one"`)}
		o := geo.Options{TorExits: address, ListDir: dir, Way: p, Now: time.Now}
		open(t, o).Fetch(t.Context())
		path := filepath.Join(dir, "tor_exits")
		good, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		other := o
		other.TorExits = "https://lists.example.com/others"
		if l := open(t, other); at(l, example).Tor {
			t.Error("it is used for another address")
		}
		reads := o
		reads.OnlyReads = true
		p.serves(tagged("203.0.113.9\n", `"two"`))
		l := open(t, reads)
		if !at(l, example).Tor {
			t.Error("it is not read")
		}
		pass(time.Hour)
		l.Fetch(t.Context())
		if now, err := os.ReadFile(path); err != nil || string(now) != string(good) || !at(l, "203.0.113.9").Tor {
			t.Errorf("who only reads has written: %s, %v", now, err)
		}
		for what, bad := range map[string]string{
			"nothing": "", "noise": "\x00\xff\n203.0.113.7", "no list": string(good[:strings.IndexByte(string(good), '\n')+1]) + "<html>", "half a head": string(good[:20]),
			"of a later version": strings.Replace(string(good), `"version":1`, `"version":2`, 1),
		} {
			put(t, []byte(bad), path)
			l := open(t, o)
			if at(l, example).Tor {
				t.Errorf("%s: it is used", what)
			}
			l.Fetch(t.Context())
			if !at(l, "203.0.113.9").Tor {
				t.Errorf("%s: it is not fetched anew", what)
			}
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
		l = open(t, o)
		l.Fetch(t.Context())
		if !at(l, "203.0.113.9").Tor {
			t.Error("what cannot be kept is not used")
		}
	})
}

// endless is a body without an end.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '\n'
	}
	return len(p), nil
}

// stuck is a body that sends nothing until the caller gives up.
type stuck struct{ ctx context.Context }

func (s stuck) Read([]byte) (int, error) { <-s.ctx.Done(); return 0, s.ctx.Err() }

// badAnswers are answers that bring no list, with words of what is said.
func badAnswers() map[string]struct {
	answer func(*http.Request) (*http.Response, error)
	words  string
} {
	body := func(make func(*http.Request) io.Reader) func(*http.Request) (*http.Response, error) {
		return func(req *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(make(req)), Request: req}, nil
		}
	}
	return map[string]struct {
		answer func(*http.Request) (*http.Response, error)
		words  string
	}{
		"500":                                {answer(500, "203.0.113.1"), "it answered with status 500"},
		"404":                                {answer(404, "203.0.113.1"), "it answered with status 404"},
		"a web page":                         {answer(200, "203.0.113.1", "Content-Type", "text/html; charset=utf-8"), "it answered with a web page, not with a list"},
		"a hidden page":                      {answer(200, "<html>\n<body>Who are you?</body>\n</html>"), "it is no list"},
		"elsewhere":                          {answer(302, "", "Location", "https://evil.example.com/"), "it sends us elsewhere (status 302), where nobody follows"},
		"nothing new where there is nothing": {answer(304, ""), "it answered with status 304"},
		"nothing":                            {answer(200, ""), "it is empty"},
		"no end":                             {body(func(*http.Request) io.Reader { return endless{} }), "it is larger than 16 MiB"},
		"slow":                               {body(func(req *http.Request) io.Reader { return stuck{req.Context()} }), "it did not answer whole within 30s"},
		"never": {func(req *http.Request) (*http.Response, error) {
			<-req.Context().Done()
			return nil, req.Context().Err()
		}, "it did not answer whole within 30s"},
		"no way": {func(*http.Request) (*http.Response, error) {
			return nil, errors.New("lookup lists.example.com: no such host\x1b[2J")
		}, "it cannot be reached: lookup lists.example.com: no such host[2J"},
		"cut short": {body(func(*http.Request) io.Reader {
			return io.MultiReader(strings.NewReader("203.0.113.1\n"), errorReader{})
		}), "it cannot be reached: unexpected EOF"},
	}
}

type errorReader struct{}

func (errorReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestAnAddressThatBringsNoList(t *testing.T) {
	t.Parallel()
	for what, test := range badAnswers() {
		t.Run(what, func(t *testing.T) {
			if testing.Short() && what == "no end" {
				t.Skip("it is about a size, and takes ten times as long under the race detector")
			}
			t.Parallel()
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				registry := prometheus.NewRegistry()
				p := &page{answer: test.answer}
				o := geo.Options{VPNNetworks: address, ListDir: dir, Way: p, Now: time.Now, Registerer: registry}
				watching(t, o, func(t *testing.T, l *geo.Locator) {
					pass(40 * time.Second)
					if got := l.Troubles(); len(got) > 0 || p.times() != 1 {
						t.Errorf("after one attempt of %d people are told: %+v", p.times(), got)
					}
					says(t, warned(l), "geo.vpn_networks names https://lists.example.com/exits, but ", test.words, "the rule vpn_network does without it")
					pass(15 * time.Minute)
					got := l.Troubles()
					if len(got) != 1 || !got[0].Failed || got[0].List != "VPN networks" || p.times() < 3 || p.times() > 6 {
						t.Fatalf("asked %d times: %+v", p.times(), got)
					}
					if strings.Contains(fmt.Sprint(got, l.Status()), "canary") {
						t.Errorf("a secret is shown: %+v", got)
					}
					p.serves(answer(503, ""))
					pass(24 * time.Hour)
					if n := p.times(); n > 40 {
						t.Errorf("asked %d times within a day", n)
					}
					if f := counted2(t, registry, "failed"); f == 0 {
						t.Error("the metric does not count it")
					}

					p.serves(tagged("203.0.113.7", `"one"`))
					pass(2 * time.Hour)
					if !at(l, example).VPN || len(l.Troubles()) > 0 || warned(l) != "" {
						t.Fatalf("a list came: %+v, %q", l.Troubles(), warned(l))
					}
					before := l.Generation()
					if what == "nothing new where there is nothing" {
						return // now there is something
					}
					p.serves(test.answer)
					pass(3 * time.Hour)
					if !at(l, example).VPN || len(l.Troubles()) > 0 {
						t.Errorf("it fails for some hours: %+v", l.Troubles())
					}
					says(t, warned(l), "the list of VPN networks, https://lists.example.com/exits, was good on ", ", but now ", test.words, "what was read before stays in use for 30 days")
					p.serves(answer(503, ""))
					pass(24 * time.Hour)
					if got := l.Troubles(); len(got) != 1 || got[0].Failed {
						t.Errorf("it fails for a day: %+v", got)
					}
					if l.Generation() != before {
						t.Error("the generation rose")
					}
					p.serves(answer(503, ""))
					pass(30 * 24 * time.Hour)
					if got := l.Troubles(); at(l, example).VPN || len(got) != 1 || !got[0].Failed || l.Generation() != before+1 {
						t.Errorf("it fails for a month: %+v", got)
					}
					says(t, warned(l), "older than 30 days is not used", "it cannot be brought up to date, as it answered with status 503")
				})
			})
		})
	}
}

// counted2 returns how many attempts to fetch the list of VPNs had that outcome.
func counted2(t *testing.T, registry *prometheus.Registry, outcome string) float64 {
	t.Helper()
	for _, m := range gathered(t, registry, "sessionwarden_geo_list_fetches_total") {
		for _, label := range m.GetLabel() {
			if label.GetName() == "outcome" && label.GetValue() == outcome {
				return m.GetCounter().GetValue()
			}
		}
	}
	return 0
}

// An address that does not answer holds up neither the start, nor lookups, nor
// the look at the files, nor the end.
func TestASlowAddressHoldsUpNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		p := &page{answer: badAnswers()["never"].answer}
		path := put(t, []byte(example), dir, "vpn.txt")
		began := time.Now()
		l := open(t, geo.Options{TorExits: address, VPNNetworks: path, ListDir: dir, Way: p, Now: time.Now})
		ctx, stop := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- l.Watch(ctx, time.Second) }()
		synctest.Wait()
		put(t, []byte("203.0.113.9"), path)
		pass(2 * time.Second)
		if !at(l, "203.0.113.9").VPN || time.Since(began) != 2*time.Second {
			t.Errorf("after %v the new file is not in use", time.Since(began))
		}
		stop()
		synctest.Wait()
		if err := <-ended; err != nil || time.Since(began) != 2*time.Second {
			t.Errorf("the end took until %v: %v", time.Since(began), err)
		}
		short, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		l.Fetch(short)
		if time.Since(began) != 7*time.Second {
			t.Errorf("Fetch ended after %v", time.Since(began))
		}
	})
}

// The same over a real connection.
func TestAListOverTheNetwork(t *testing.T) {
	if testing.Short() {
		t.Skip("it is about a size, and takes ten times as long under the race detector")
	}
	t.Parallel()
	var mu sync.Mutex
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		asked = append(asked, r.URL.Path+" "+r.Header.Get("If-None-Match"))
		mu.Unlock()
		w.Header().Set("ETag", `"one"`)
		switch {
		case r.Header.Get("If-None-Match") == `"one"`:
			w.WriteHeader(http.StatusNotModified)
		case r.URL.Path == "/zipped":
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			_, _ = io.WriteString(z, "203.0.113.7\n")
			_ = z.Close()
		case r.URL.Path == "/bomb":
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			line := strings.Repeat("\n", 1<<20)
			for range 17 {
				if _, err := io.WriteString(z, line); err != nil {
					return
				}
			}
			_ = z.Close()
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(server.Close)
	dir := t.TempDir()
	hours := 0
	o := geo.Options{TorExits: server.URL + "/zipped", VPNNetworks: server.URL + "/bomb", ListDir: dir, Now: func() time.Time { return on.Add(time.Duration(hours) * time.Hour) }}
	l := open(t, o)
	l.Fetch(t.Context())
	if !at(l, example).Tor {
		t.Errorf("it is not in use: %q", warned(l))
	}
	says(t, warned(l), server.URL+"/bomb, but it is larger than 16 MiB")
	hours = 2
	l.Fetch(t.Context())
	if got := strings.Join(asked, "; "); strings.Count(got, "/zipped") != 2 || !strings.Contains(got, `/zipped "one"`) || !at(l, example).Tor {
		t.Errorf("asked %s", got)
	}
	if s := l.Status().Lists[0]; !s.Date.Equal(on.Add(2 * time.Hour)) {
		t.Errorf("%+v", s)
	}
	server.Close()
	hours = 4
	l.Fetch(t.Context())
	says(t, warned(l), "it cannot be reached: ")
}
