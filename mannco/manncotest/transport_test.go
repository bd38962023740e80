package manncotest_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sessionwarden/mannco/manncotest"
)

// online serves a service over TCP and returns a caller of it.
func online(t *testing.T, options manncotest.Options) (*manncotest.Service, *person) {
	t.Helper()
	s := manncotest.New(options)
	if err := s.AddAccount(manncotest.Account{Name: "main", APIKey: testKey}); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	t.Cleanup(s.Close)
	base := &http.Transport{}
	t.Cleanup(base.CloseIdleConnections)
	p := &person{t: t, transport: toHost{strings.TrimPrefix(server.URL, "http://"), base}}
	p.login()
	return s, p
}

// toHost sends every request to one host.
type toHost struct {
	host string
	base http.RoundTripper
}

func (h toHost) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Scheme, r.URL.Host = "http", h.host
	return h.base.RoundTrip(r)
}

func TestOverTCPItIsTheSame(t *testing.T) {
	t.Parallel()
	s, p := online(t, manncotest.Options{})
	crowd(s, 2)
	rows, count := p.list("")
	if len(rows) != 3 || count != 3 || rows[0].IP != "127.0.0.1" || !rows[0].Current {
		t.Errorf("listed %+v", rows)
	}
	s.SetEgress(addr("198.51.100.5"), "DE", "")
	p.get("/user/balance").want(t, 403, "not valid for this address")
	p.login()
	if rows, _ := p.list(""); rows[0].IP != "198.51.100.5" {
		t.Errorf("behind another egress: %+v", rows)
	}
}

func TestFaultsOverTCP(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault manncotest.Fault
		see   func(got) bool
	}{
		"a call that hangs and is let go": {manncotest.Fault{Kind: manncotest.FaultHang, Value: "10ms"}, func(g got) bool { return errors.Is(g.err, io.EOF) }},
		"a reset connection":              {manncotest.Fault{Kind: manncotest.FaultReset}, func(g got) bool { return g.err != nil }},
		"a slow body":                     {manncotest.Fault{Kind: manncotest.FaultSlowBody, Value: "20us"}, func(g got) bool { return g.err == nil && strings.HasSuffix(g.body, "}}") }},
		"an endless body":                 {manncotest.Fault{Kind: manncotest.FaultEndlessBody}, func(g got) bool { return len(g.body) == 200_000 }},
		"a body that breaks off":          {manncotest.Fault{Kind: manncotest.FaultCutBody}, func(g got) bool { return errors.Is(g.err, io.ErrUnexpectedEOF) && len(g.body) > 0 }},
		"a page of the CDN":               {manncotest.Fault{Kind: manncotest.FaultCDNError, Value: "520"}, func(g got) bool { return g.status == 520 && strings.Contains(g.body, "<html>") }},
		"a skewed clock": {manncotest.Fault{Kind: manncotest.FaultClockSkew, Value: "-48h"}, func(g got) bool {
			date, err := http.ParseTime(g.header.Get("Date"))
			return err == nil && time.Since(date) > 47*time.Hour
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, p := online(t, manncotest.Options{})
			if g := p.get("/user/balance"); c.see(g) && c.fault.Kind != manncotest.FaultSlowBody {
				t.Fatalf("it is seen without the fault: %+v", g)
			}
			if err := s.SetFault(c.fault); err != nil {
				t.Fatal(err)
			}
			if g := p.get("/user/balance"); !c.see(g) {
				t.Errorf("it is not seen: %d %v %.200s", g.status, g.err, g.body)
			}
			s.ClearFaults()
			p.get("/user/balance").want(t, 200, "balance")
		})
	}
}

func TestServeEndsWithItsContext(t *testing.T) {
	t.Parallel()
	arrived := make(chan manncotest.Route, 8)
	s := manncotest.New(manncotest.Options{After: func(c manncotest.Call) { arrived <- c.Route }})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, listener) }()
	if err := s.SetFault(manncotest.Fault{Kind: manncotest.FaultHang, Route: manncotest.RouteInfos}); err != nil {
		t.Fatal(err)
	}
	p := &person{t: t, transport: toHost{listener.Addr().String(), &http.Transport{DisableKeepAlives: true}}}
	p.get("/user/balance").want(t, 401, "logged in")
	hung := make(chan got, 1)
	go func() { hung <- p.get("/user/infos") }()
	for <-arrived != manncotest.RouteInfos { //nolint:revive // until the call that hangs is there
	}
	stop()
	if err := <-done; err != nil {
		t.Errorf("Serve: %v", err)
	}
	if g := <-hung; g.err == nil {
		t.Errorf("the call that hung got %+v", g)
	}
}

func TestTransportKeepsToTheRequestsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, p := service(t, manncotest.Options{})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://api.mannco.example/user/balance", nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Transport().RoundTrip(request); !errors.Is(err, context.Canceled) {
			t.Errorf("a call whose context is over: %v", err)
		}
		if s.Count("", manncotest.RouteBalance) != 0 {
			t.Error("it reached the service")
		}
		if err := s.SetFault(manncotest.Fault{Kind: manncotest.FaultHang}); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		if g := p.get("/user/balance"); !errors.Is(g.err, context.DeadlineExceeded) || time.Since(start) != 5*time.Second {
			t.Errorf("after %s: %v", time.Since(start), g.err)
		}
		client := &http.Client{Transport: s.Transport(), Timeout: 3 * time.Second}
		start = time.Now()
		if _, err := client.Get("https://api.mannco.example/user/balance"); err == nil || time.Since(start) != 3*time.Second {
			t.Errorf("a client with a time limit: after %s: %v", time.Since(start), err)
		}
	})
}

func TestCloseLetsGoWhatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, p := service(t, manncotest.Options{})
		if err := s.SetFault(manncotest.Fault{Kind: manncotest.FaultHang}); err != nil {
			t.Fatal(err)
		}
		var answer got
		start := time.Now()
		go func() { answer = p.get("/user/balance") }()
		synctest.Wait()
		s.Close()
		synctest.Wait()
		if !errors.Is(answer.err, io.ErrUnexpectedEOF) || time.Since(start) != 0 {
			t.Errorf("after %s: %v", time.Since(start), answer.err)
		}
	})
}

func TestManyCallersAtOnce(t *testing.T) {
	t.Parallel()
	s, p := service(t, manncotest.Options{Limit: 1_000_000})
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			own := &person{t: t, transport: s.Transport()}
			own.login()
			for i := range 30 {
				id := s.SignIn("main", manncotest.SessionSpec{Address: "203.0.113.7"})
				own.get("/user/ipList?perpage=50&expire=true")
				own.get("/user/disconnectSession/" + itoa(id))
				if i%10 == 0 {
					s.SetVariant(manncotest.VariantEdition, "newer")
					s.SetFault(manncotest.Fault{Kind: manncotest.FaultShiftingRows, Times: 3})
					s.SetEgress(addr("192.0.2.10"), "", "")
				}
				s.Sessions("main")
				s.Log()
			}
		})
	}
	all.Wait()
	p.get("/user/balance").want(t, 200, "250000")
	if n := len(s.Disconnects("main")); n != 240 {
		t.Errorf("%d calls to disconnect, want 240", n)
	}
}
