package alert_test

import (
	"bytes"
	"compress/flate"
	"context"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sessionwarden/alert"
	"sessionwarden/alert/slacktest"
)

func TestGarbageIsLeftAndAConnectionFullOfItIsNot(t *testing.T) {
	inSocketWorld(t, func(w *socketWorld) {
		w.start()
		ts := w.post()
		w.after(2 * time.Minute)
		frames := []string{
			"", "{", "null", "[]", `"x"`, "5", `{"type":5}`, `{"type":"interactive"}`, `{"type":"interactive","payload":{}}`,
			`{"type":"slash_commands","envelope_id":"` + strings.Repeat("x", 200) + `","payload":{"user_id":"U1","channel_id":"C1"}}`,
			`{"type":"interactive","envelope_id":"a b\u0000<x>","payload":{}}`, "\xff\xfe", strings.Repeat("[", 100_000), `{"payload":` + strings.Repeat(`{"a":`, 50_000),
		}
		for _, frame := range frames {
			w.slack.SendRaw([]byte(frame))
			w.settle()
		}
		w.slack.SendBinary([]byte(`{"type":"hello"}`))
		w.settle()
		w.press("U0OWNER", ts, "end")
		if _, ever := w.slack.Connections(); ever != 1 {
			t.Errorf("%d connections", ever)
		}
		for range 20 {
			w.slack.SendRaw([]byte("<html>"))
		}
		w.settle()
		w.wantConnected(false)
		w.after(5 * time.Second)
		w.press("U0OWNER", ts, "end")
		if _, ever := w.slack.Connections(); ever != 2 || w.metric("sessionwarden_slack_socket_ends_total", "garbage") != 1 {
			t.Errorf("%d connections", ever)
		}
		if len(w.pressed()) != 2 || len(w.slashes) != 0 {
			t.Errorf("dealt with: %+v %+v", w.pressed(), w.slashes)
		}
	})
}

func TestAFrameThatIsTooLargeEndsTheConnection(t *testing.T) {
	inSocketWorld(t, func(w *socketWorld) {
		w.start()
		w.after(2 * time.Minute)
		w.slack.SendRaw(bytes.Repeat([]byte("x"), 16<<20))
		w.settle()
		w.wantConnected(false)
		w.after(5 * time.Second)
		w.press("U0OWNER", w.post(), "end")
	})
}

// packer is a server that packs its frames though nobody offered to take that:
// a few kilobytes that would be 64 MiB.
func packer(frame []byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hash := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\nSec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n\r\n",
			base64.StdEncoding.EncodeToString(hash[:]))
		hello := []byte(`{"type":"hello"}`)
		_, _ = conn.Write(append([]byte{0x81, byte(len(hello))}, hello...))
		head := make([]byte, 10)
		head[0], head[1] = 0x80|0x40|0x01, 127
		binary.BigEndian.PutUint64(head[2:], uint64(len(frame)))
		_, _ = conn.Write(append(head, frame...))
		_, _ = conn.Read(head) // until the other side has had enough
	})
}

func TestAPackedFrameIsBoundedByWhatItUnpacksTo(t *testing.T) { // not parallel: it measures memory
	var packed bytes.Buffer
	z, err := flate.NewWriter(&packed, flate.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	for range 64 {
		if _, err := z.Write(make([]byte, 1<<20)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Flush(); err != nil {
		t.Fatal(err)
	}
	frame := bytes.TrimSuffix(packed.Bytes(), []byte{0, 0, 0xff, 0xff})
	if len(frame) >= 1<<20 {
		t.Fatalf("packed it is %d bytes: that is refused anyway", len(frame))
	}
	server := httptest.NewServer(packer(frame))
	defer server.Close()
	w := newSocketWorld(t)
	w.slack.FailSocket(slacktest.Elsewhere("ws" + strings.TrimPrefix(server.URL, "http") + "/link/"))
	w.options.APIURL = server.URL + "/api/"
	w.options.Dial = nil
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	socket, err := alert.NewSlackSocket(w.options)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- socket.Run(ctx) }()
	for ctx.Err() == nil && w.metric("sessionwarden_slack_socket_ends_total", "garbage") == 0 {
		time.Sleep(5 * time.Millisecond)
	}
	runtime.ReadMemStats(&after)
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if w.metric("sessionwarden_slack_socket_ends_total", "garbage") != 1 {
		t.Error("it was not refused")
	}
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 16<<20 {
		t.Errorf("%d MiB were used", grown>>20)
	}
}

func TestOnePersonsFloodShutsNobodyOut(t *testing.T) {
	inSocketWorld(t, func(w *socketWorld) {
		release := make(chan struct{})
		var running, most atomic.Int32
		record := w.options.Pressed
		w.options.Pressed = func(ctx context.Context, p alert.Press) {
			if n := running.Add(1); n > most.Load() {
				most.Store(n)
			}
			defer running.Add(-1)
			if p.User == "U0STRANGER" {
				<-release
				return
			}
			record(ctx, p)
		}
		w.start()
		ts := w.post()
		for range 500 {
			w.press("U0STRANGER", ts, "end")
		}
		for range 3 {
			w.press("U0OWNER", ts, "mine")
		}
		if n := len(w.pressed()); n != 3 {
			t.Errorf("%d of the owner's presses arrived", n)
		}
		if n := w.metric("sessionwarden_slack_socket_envelopes_total", "dropped"); n != 494 {
			t.Errorf("%v were dropped", n)
		}
		if n := strings.Count(w.logs.String(), "too much is done"); n != 1 {
			t.Errorf("logged %d times", n)
		}
		told := w.slack.Ephemerals()
		if len(told) == 0 || len(told) > 500 || !strings.Contains(told[0].Shown(), "in a minute") || told[0].User != "U0STRANGER" {
			t.Errorf("told %d times: %+v", len(told), told)
		}
		close(release)
		w.settle()
		if n := most.Load(); n > 8 {
			t.Errorf("%d were dealt with at a time", n)
		}
		w.press("U0STRANGER", ts, "end")
	})
}

func TestManyPeopleAtOnceAreAllAcknowledged(t *testing.T) {
	inSocketWorld(t, func(w *socketWorld) {
		w.options.Pressed = func(ctx context.Context, _ alert.Press) { <-ctx.Done() } // nothing gets done
		w.options.Command = func(ctx context.Context, _ alert.Slash) string { <-ctx.Done(); return "late" }
		w.start()
		ts := w.post()
		var people sync.WaitGroup
		var failed, busy atomic.Int32
		for i := range 300 {
			people.Go(func() {
				user := fmt.Sprintf("U%d", i)
				if ack, err := w.slack.Press(w.t.Context(), user, ts, "end"); err != nil || !ack.Acked || ack.Took > 0 {
					failed.Add(1)
				}
				ack, err := w.slack.Slash(w.t.Context(), user, "status")
				if err != nil || !ack.Acked {
					failed.Add(1)
				}
				if strings.Contains(ack.Text, "Too much") {
					busy.Add(1)
				}
			})
		}
		people.Wait()
		if failed.Load() > 0 {
			t.Errorf("%d were not acknowledged", failed.Load())
		}
		if n := busy.Load(); n != 300-2-16 {
			t.Errorf("%d were told that it is too much", n)
		}
	})
}

func TestAHandlersPanicIsContained(t *testing.T) {
	inSocketWorld(t, func(w *socketWorld) {
		record := w.options.Pressed
		w.options.Pressed = func(ctx context.Context, p alert.Press) {
			if p.Action == "end" {
				panic("with canary-not-a-secret")
			}
			record(ctx, p)
		}
		w.start()
		ts := w.post()
		for range 20 {
			w.press("U0OWNER", ts, "end")
		}
		w.press("U0OWNER", ts, "mine")
		if len(w.pressed()) != 1 || strings.Count(w.logs.String(), "went wrong inside") != 20 {
			t.Errorf("pressed %+v", w.pressed())
		}
	})
}

// A long flood over a real network: neither goroutines nor memory grow.
func TestAFloodOfPressesTakesLittle(t *testing.T) { // not parallel: it measures
	if testing.Short() {
		t.Skip("it is about a size, and takes ten times as long under the race detector")
	}
	slack := slacktest.New()
	server := httptest.NewServer(slack)
	defer server.Close()
	var dealt atomic.Int32
	socket, err := alert.NewSlackSocket(alert.SlackSocketOptions{
		AppToken: func() (string, error) { return appCanary, nil }, APIURL: server.URL + "/api/",
		Pressed: func(context.Context, alert.Press) { dealt.Add(1); time.Sleep(time.Millisecond) },
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- socket.Run(ctx) }()
	waitFor(t, func() bool { open, _ := slack.Connections(); return open == 1 && !socket.Status().Connected.IsZero() })
	ts := postButtons(t, slack)
	_, _ = slack.Press(ctx, "U1", ts, "end")
	frame := []byte(`{"type":"interactive","envelope_id":"ID","payload":{"type":"block_actions","user":{"id":"U1"},"channel":{"id":"C1"},"container":{"message_ts":"1.1"},"actions":[{"type":"button","action_id":"end","value":"x"}],"padding":"` + strings.Repeat("x", 4096) + `"}}`)
	flood := func(from, n int) {
		for i := range n {
			slack.SendRaw(bytes.Replace(frame, []byte(`"ID"`), fmt.Appendf(nil, `"id-%d"`, from+i), 1))
		}
		if ack, err := slack.Press(ctx, "U1", ts, "end"); err != nil || !ack.Acked {
			t.Fatalf("%+v, %v", ack, err)
		}
	}
	flood(0, 1000)
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before, goroutines := heap(), runtime.NumGoroutine()
	flood(1000, 4000)
	after := heap()
	if after > before+4<<20 { // slacktest remembers the acknowledgements
		t.Errorf("memory grew from %d to %d KiB", before>>10, after>>10)
	}
	if n := runtime.NumGoroutine(); n > goroutines+10 {
		t.Errorf("goroutines grew from %d to %d", goroutines, n)
	}
	begun := time.Now()
	cancel()
	if err := <-ended; err != nil || time.Since(begun) > time.Second {
		t.Errorf("%v after %v", err, time.Since(begun))
	}
	if n := dealt.Load(); n == 0 || n > 5_010 {
		t.Errorf("%d presses were dealt with", n)
	}
}

// waitFor waits until something holds over a real network.
func waitFor(t *testing.T, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("waited in vain")
		}
	}
}

// Over TLS, on a real listener: the whole way, and the same with a certificate
// that nobody vouches for.
func TestASocketOverTLS(t *testing.T) {
	t.Parallel()
	slack := slacktest.New()
	server := httptest.NewUnstartedServer(slack)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	trusted := server.Client().Transport.(*http.Transport)
	for name, untrusted := range map[string]bool{"trusted": false, "untrusted": true} {
		t.Run(name, func(t *testing.T) {
			options := alert.SlackSocketOptions{
				AppToken: func() (string, error) { return appCanary, nil }, APIURL: server.URL + "/api/", Transport: trusted, TLS: trusted.TLSClientConfig,
				Command: func(_ context.Context, c alert.Slash) string { return "you said " + c.Text },
			}
			if untrusted {
				options.TLS = nil
			}
			socket, err := alert.NewSlackSocket(options)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- socket.Run(ctx) }()
			if untrusted {
				waitFor(t, func() bool { return strings.Contains(socket.Status().Reason, "certificate") })
			} else {
				waitFor(t, func() bool { return !socket.Status().Connected.IsZero() })
				if ack, err := slack.Slash(ctx, "U1", "hello"); err != nil || ack.Text != "you said hello\n" {
					t.Errorf("%+v, %v", ack, err)
				}
			}
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	}
}
