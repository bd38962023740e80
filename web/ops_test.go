package web_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"sessionwarden/web"
)

func TestOpsTellsHowTheWatchIs(t *testing.T) {
	t.Parallel()
	is := func(h web.Health) func() web.Health { return func() web.Health { return h } }
	well := web.Health{Ready: true}
	for _, test := range []struct {
		name   string
		health func() web.Health
		path   string
		status int
		body   string
	}{
		{"alive when all is well", is(well), "/livez", 200, `{"ok":true}`},
		{"alive though blind", is(web.Health{Blind: []string{"main"}}), "/livez", 200, `{"ok":true}`},
		{"alive before anything is known", nil, "/livez", 200, `{"ok":true}`},
		{"healthy", is(well), "/healthz", 200, `{"ok":true}`},
		{"healthy with a note", is(web.Health{Notes: []string{"location data is old"}}), "/healthz", 200, `{"ok":true,"notes":["location data is old"]}`},
		{"blind", is(web.Health{Ready: true, Blind: []string{"main", "second"}}), "/healthz", 503, `{"ok":false,"blind":["main","second"]}`},
		{"unknown is not healthy", nil, "/healthz", 503, `{"ok":false,"notes":["the watch has not started yet"]}`},
		{"ready", is(well), "/readyz", 200, `{"ok":true}`},
		{"ready though blind", is(web.Health{Ready: true, Blind: []string{"main"}}), "/readyz", 200, `{"ok":true,"blind":["main"]}`},
		{"not ready", is(web.Health{}), "/readyz", 503, `{"ok":false,"notes":["not every account has been polled since the start"]}`},
		{"unknown is not ready", nil, "/readyz", 503, `{"ok":false,"notes":["the watch has not started yet"]}`},
		{"escapes do not pass", is(web.Health{Notes: []string{"a\x1b[31m\u202eb"}}), "/healthz", 200, `{"ok":true,"notes":["a[31mb"]}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := ask(t, web.NewOps(web.OpsOptions{Health: test.health}), "GET", test.path, "")
			if got.status != test.status || strings.TrimSpace(got.body) != test.body {
				t.Errorf("got %d %s, want %d %s", got.status, got.body, test.status, test.body)
			}
		})
	}
}

func TestOpsAnswersOnlyToItsOwnName(t *testing.T) {
	t.Parallel()
	ops := web.NewOps(web.OpsOptions{})
	for _, test := range []struct {
		host  string
		local string // the address that the connection came in on
		fine  bool
	}{
		{"localhost", "", true},
		{"LOCALHOST:8733", "", true},
		{"localhost.:8733", "", true},
		{"127.0.0.1", "", true},
		{"127.0.0.1:8733", "", true},
		{"127.9.9.9:1", "", true},
		{"[::1]", "", true},
		{"[::1]:8733", "", true},
		{"::1", "", true},
		{"[::ffff:127.0.0.1]:8733", "", true},
		{"192.0.2.1:8733", "192.0.2.1:8733", true},
		{"[2001:db8::1]:80", "[2001:db8::1]:8733", true},

		{"", "", false},
		{"evil.example", "", false},
		{"evil.example:8733", "", false},
		{"127.0.0.1.evil.example", "", false},
		{"localhost.evil.example:8733", "", false},
		{"notlocalhost", "", false},
		{"192.0.2.1:8733", "", false},
		{"192.0.2.2:8733", "192.0.2.1:8733", false},
		{"0.0.0.0:8733", "127.0.0.1:8733", false},
		{"2130706433", "", false},
		{"127.1", "", false},
		{"0x7f000001", "", false},
		{"[::1%25lo]:8733", "", false},
		{"[::1", "", false},
		{"[]:8733", "", false},
		{"localhost:", "", false},
		{"localhost:0", "", false},
		{"localhost:99999", "", false},
		{"localhost:80:80", "", false},
		{"localhost@evil.example", "", false},
	} {
		t.Run(test.host+" on "+test.local, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest("GET", "/livez", nil)
			r.Host = test.host
			if test.local != "" {
				addr, err := net.ResolveTCPAddr("tcp", test.local)
				if err != nil {
					t.Fatal(err)
				}
				r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, net.Addr(addr)))
			}
			w := httptest.NewRecorder()
			ops.ServeHTTP(w, r)
			want := http.StatusMisdirectedRequest
			if test.fine {
				want = http.StatusOK
			}
			if w.Code != want {
				t.Errorf("Host %q is answered with %d, want %d", test.host, w.Code, want)
			}
		})
	}
}

func TestOpsIsReadOnlyAndSmall(t *testing.T) {
	t.Parallel()
	ops := web.NewOps(web.OpsOptions{})
	for _, test := range []struct {
		method, path string
		status       int
		says         string
	}{
		{"HEAD", "/livez", 200, ""},
		{"HEAD", "/healthz", 503, ""},
		{"POST", "/livez", 405, "use GET"},
		{"DELETE", "/healthz", 405, "use GET"},
		{"TRACE", "/livez", 405, "use GET"},
		{"GET", "/", 404, "there are /livez, /healthz and /readyz"},
		{"GET", "/health", 404, "did you mean /healthz?"},
		{"GET", "/livez/", 404, "did you mean /livez?"},
		{"GET", "//livez", 404, "did you mean /livez?"},
		{"GET", "/metrics", 404, ""},
		{"GET", "/api/v1/status", 404, ""},
		{"GET", "/debug/pprof/", 404, ""},
	} {
		got := ask(t, ops, test.method, test.path, "")
		if got.status != test.status || !strings.Contains(got.body, test.says) {
			t.Errorf("%s %s: got %d %s, want %d %s", test.method, test.path, got.status, got.body, test.status, test.says)
		}
		if test.status == 405 && got.header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s %s: Allow is %q", test.method, test.path, got.header.Get("Allow"))
		}
		for name, want := range map[string]string{
			"Cache-Control":                "no-store",
			"X-Content-Type-Options":       "nosniff",
			"Content-Security-Policy":      "default-src 'none'; frame-ancestors 'none'",
			"Cross-Origin-Resource-Policy": "same-origin",
		} {
			if got.header.Get(name) != want {
				t.Errorf("%s %s: %s is %q", test.method, test.path, name, got.header.Get(name))
			}
		}
	}
}

func TestMetricsAreServedAndTheirLabelsAreBounded(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	ops := web.NewOps(web.OpsOptions{Gatherer: reg, Registerer: reg})
	o := full(1)
	o.Registerer = reg
	api := web.NewAPI(o)
	for _, junk := range []string{"a", "b", "c", "%0a", "x%22y"} {
		ask(t, ops, "GET", "/"+junk, "")
		ask(t, ops, "GET", "/livez?"+junk, "")
		ask(t, api, "GET", "/api/v1/"+junk, "")
		ask(t, api, "GET", "/api/v1/history?account="+junk, "")
		ask(t, api, "GET", "/api/v1/history?"+junk+"=1", "")
	}
	got := ask(t, ops, "GET", "/metrics", "")
	if got.status != 200 {
		t.Fatalf("got %d %s", got.status, got.body)
	}
	var series []string
	for line := range strings.Lines(got.body) {
		if strings.HasPrefix(line, "sessionwarden_web_requests_total{") {
			series = append(series, strings.TrimSpace(line))
		}
	}
	want := `sessionwarden_web_requests_total{code="2xx",face="api",route="/api/v1/history"} 5
sessionwarden_web_requests_total{code="2xx",face="ops",route="/livez"} 5
sessionwarden_web_requests_total{code="4xx",face="api",route="/api/v1/history"} 5
sessionwarden_web_requests_total{code="4xx",face="api",route="other"} 5
sessionwarden_web_requests_total{code="4xx",face="ops",route="other"} 5`
	if text := strings.Join(series, "\n"); text != want {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
}

func TestTwoHandlersShareARegistry(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	for range 2 {
		ask(t, web.NewOps(web.OpsOptions{Gatherer: reg, Registerer: reg}), "GET", "/livez", "")
	}
	got := ask(t, web.NewOps(web.OpsOptions{Gatherer: reg}), "GET", "/metrics", "")
	if want := `sessionwarden_web_requests_total{code="2xx",face="ops",route="/livez"} 2`; !strings.Contains(got.body, want) {
		t.Errorf("no %s in\n%s", want, got.body)
	}
}

func TestListenStaysOnThisMachine(t *testing.T) {
	t.Parallel()
	for _, addr := range []string{"127.0.0.1:0", "[::1]:0", "localhost:0", "127.0.0.2:0"} {
		l, err := web.Listen(t.Context(), addr)
		if err != nil {
			if strings.Contains(err.Error(), "cannot assign") {
				continue // a machine without IPv6
			}
			t.Errorf("%s: %v", addr, err)
			continue
		}
		_ = l.Close()
	}
	for addr, says := range map[string]string{
		"0.0.0.0:0":              "could be reached from other machines",
		":8733":                  "could be reached from other machines",
		"[::]:0":                 "could be reached from other machines",
		"192.0.2.1:8733":         "could be reached from other machines",
		"example.com:80":         "could be reached from other machines",
		"localhost.evil.test:80": "could be reached from other machines",
		"127.0.0.1":              "is no address to listen on",
		"":                       "is no address to listen on",
		"127.0.0.1:http:80":      "is no address to listen on",
		"127.0.0.1:99999":        "listening on",
	} {
		l, err := web.Listen(t.Context(), addr)
		if err == nil {
			_ = l.Close()
			t.Errorf("%q was listened on", addr)
		} else if !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %q does not say %q", addr, err, says)
		}
	}
}

func TestListenSaysThatAnAddressIsTaken(t *testing.T) {
	t.Parallel()
	first, err := web.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = first.Close() }()
	_, err = web.Listen(t.Context(), first.Addr().String())
	if err == nil || !strings.Contains(err.Error(), "in use by another program") {
		t.Errorf("got %v", err)
	}
}
