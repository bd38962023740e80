package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"sessionwarden/mannco/manncotest"
)

// Addresses with a stable place in the built-in location data.
const (
	homeAddr   = "91.10.20.30"   // Germany, a household provider
	egressAddr = "91.10.99.1"    // where the watch's own logins come from
	thiefAddr  = "113.160.10.20" // Vietnam
	chrome     = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
)

// world is a simulated service on loopback.
type world struct {
	service *manncotest.Service
	url     string
	names   []string
	first   atomic.Int64 // when the first call came, in Unix nanoseconds; 0: none yet
	before  atomic.Pointer[func(manncotest.Call)]
	after   atomic.Pointer[func(manncotest.Call)]
	close   func()
}

// newWorld serves accounts with so many sessions each, all of them the owner's
// at home, days ago.
func newWorld(ctx context.Context, accounts, sessions int) (*world, error) {
	w := &world{}
	w.service = manncotest.New(manncotest.Options{
		Egress: netip.MustParseAddr(egressAddr), EgressLocation: "DE: Falkenstein", EgressISP: "Provider", Limit: 1_000_000,
		Before: func(c manncotest.Call) {
			w.first.CompareAndSwap(0, time.Now().UnixNano())
			if f := w.before.Load(); f != nil {
				(*f)(c)
			}
		},
		After: func(c manncotest.Call) {
			if f := w.after.Load(); f != nil {
				(*f)(c)
			}
		},
	})
	for i := range accounts {
		name := fmt.Sprintf("account-%04d", i)
		if err := w.service.AddAccount(manncotest.Account{Name: name, APIKey: keyOf(name)}); err != nil {
			return nil, err
		}
		w.names = append(w.names, name)
		for s := range sessions {
			w.signIn(name, homeAddr, 48*time.Hour+time.Duration(s)*time.Hour)
		}
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	w.url = "http://" + listener.Addr().String()
	serving, stop := context.WithCancel(ctx)
	var served sync.WaitGroup
	served.Go(func() { _ = w.service.Serve(serving, listener) })
	w.close = func() { stop(); served.Wait() }
	return w, nil
}

func keyOf(name string) string { return "test-key-not-a-secret-" + name }

func (w *world) signIn(name, addr string, age time.Duration) {
	w.service.SignIn(name, manncotest.SessionSpec{Address: addr, UserAgent: chrome, Age: age, ISP: "Provider"})
}

// logIn returns a token for an account, as the floor needs one.
func (w *world) logIn(ctx context.Context, name string) (string, error) {
	body, err := json.Marshal(map[string]string{"apiKey": keyOf(name)})
	if err != nil {
		return "", err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url+"/user/login", bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	if err != nil {
		return "", err
	}
	var said map[string]json.RawMessage
	if err := json.Unmarshal(text, &said); err != nil {
		return "", err
	}
	for _, where := range []string{"content", "data"} { // by the edition
		var in struct {
			JWT string `json:"jwt"`
		}
		if json.Unmarshal(said[where], &in) == nil && in.JWT != "" {
			return in.JWT, nil
		}
	}
	return "", fmt.Errorf("the simulated service gave no token: %.100s", text)
}
