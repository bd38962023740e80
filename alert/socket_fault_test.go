package alert_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sessionwarden/alert"
	"sessionwarden/alert/slacktest"
)

func TestARefreshLeavesNoGap(t *testing.T) {
	inSocketWorld(t, func(w *socketWorld) {
		w.start()
		ts := w.post()
		since := w.socket.Status().Connected
		for i, reason := range []string{"warning", "refresh_requested", "brand_new", "refresh_requested"} {
			w.after(2 * time.Minute)
			w.slack.Disconnect(reason)
			w.after(time.Second)
			if open, _ := w.slack.Connections(); open != 2 { // the old one is read until it is drained
				t.Errorf("after %s %d connections are open", reason, open)
			}
			for range 300 { // through the change and the end of the old one
				w.press("U0OWNER", ts, "end")
				w.after(50 * time.Millisecond)
			}
			if open, ever := w.slack.Connections(); open != 1 || ever != i+2 {
				t.Errorf("after %s %d connections are open, of %d", reason, open, ever)
			}
		}
		if got := w.socket.Status().Connected; !got.Equal(since) || strings.Contains(w.logs.String(), "no connection") {
			t.Errorf("connected since %v, want %v; log:\n%s", got, since, w.logs)
		}
		if n := len(w.pressed()); n != 1200 {
			t.Errorf("%d presses", n)
		}
	})
}

func TestASlackThatAlwaysWantsAnotherConnectionIsNotStormed(t *testing.T) {
	inSocketWorld(t, func(w *socketWorld) {
		w.start()
		for range 3600 {
			w.slack.Disconnect("refresh_requested")
			w.after(time.Second)
		}
		if _, ever := w.slack.Connections(); ever > 60 {
			t.Errorf("%d connections in an hour", ever)
		}
	})
}

func TestAConnectionThatIsDeadIsNoticed(t *testing.T) {
	for name, fault := range map[string]slacktest.SocketFault{"swallows": slacktest.HalfOpen(), "takes nothing": slacktest.Stuck()} {
		t.Run(name, func(t *testing.T) {
			inSocketWorld(t, func(w *socketWorld) {
				w.slack.FailSocket(fault)
				w.start()
				w.wantConnected(true) // it seems so
				ts := w.post()
				if ack, err := w.slack.Press(w.t.Context(), "U0OWNER", ts, "end"); err != nil || name == "takes nothing" && ack.Acked {
					t.Errorf("%+v, %v", ack, err)
				}
				w.after(70 * time.Second)
				w.wantConnected(true)
				if open, ever := w.slack.Connections(); open != 1 || ever != 2 {
					t.Errorf("%d connections are open, of %d", open, ever)
				}
				w.press("U0OWNER", ts, "end")
				if silent, write := w.metric("sessionwarden_slack_socket_ends_total", "silent"), w.metric("sessionwarden_slack_socket_ends_total", "write"); silent+write != 1 {
					t.Errorf("ended silent %v, write %v", silent, write)
				}
			})
		})
	}
}

func TestAQuietConnectionStays(t *testing.T) {
	inSocketWorld(t, func(w *socketWorld) {
		w.start()
		w.after(5 * time.Hour)
		if open, ever := w.slack.Connections(); open != 1 || ever != 1 {
			t.Errorf("%d connections are open, of %d", open, ever)
		}
	})
}

func TestALostConnectionComesBack(t *testing.T) {
	inSocketWorld(t, func(w *socketWorld) {
		w.start()
		ts := w.post()
		for range 5 {
			w.after(2 * time.Minute)
			w.slack.Drop()
			w.settle()
			w.wantConnected(false)
			if s := w.socket.Status(); s.Broken || s.Next.IsZero() || s.Reason == "" {
				t.Errorf("status %+v", s)
			}
			w.after(4 * time.Second)
			w.wantConnected(true)
			w.press("U0OWNER", ts, "end")
		}
	})
}

func TestPausesGrowAndAreBounded(t *testing.T) {
	for name, fault := range map[string]slacktest.SocketFault{
		"dropped after hello":  slacktest.DropAfterHello(),
		"dropped before hello": slacktest.DropFirst(),
		"no upgrade":           slacktest.UpgradeRefused(http.StatusForbidden, ""),
		"upgrade in trouble":   slacktest.UpgradeRefused(http.StatusBadGateway, ""),
		"upgrade elsewhere":    slacktest.UpgradeRefused(http.StatusFound, ""),
		"upgrade hangs":        slacktest.UpgradeHangs(),
		"upgrade floods":       slacktest.UpgradeFloods(),
		"no hello":             slacktest.NoHello(),
		"an unknown code":      slacktest.OpenRefused("brand_new"),
		"trouble at Slack":     slacktest.OpenRefused("internal_error"),
		"not a code":           slacktest.OpenRefused("<!channel> \x1b[31m"),
	} {
		t.Run(name, func(t *testing.T) {
			inSocketWorld(t, func(w *socketWorld) {
				faults := make([]slacktest.SocketFault, 5000)
				for i := range faults {
					faults[i] = fault
				}
				w.slack.FailSocket(faults...)
				w.start()
				w.after(time.Minute)
				tries := func() int { return len(w.slack.Requests()) }
				if n := tries(); n < 3 || n > 10 {
					t.Errorf("%d tries in the first minute", n)
				}
				w.after(30 * time.Minute)
				before := tries()
				w.after(time.Hour)
				if n := tries() - before; n < 10 || n > 40 {
					t.Errorf("%d tries in an hour later on", n)
				}
				if s := w.socket.Status(); s.Reason == "" || s.Broken || strings.ContainsAny(s.Reason, "<\x1b") || time.Until(s.Next) > 5*time.Minute {
					t.Errorf("status %+v", s)
				}
				if n := strings.Count(w.logs.String(), "level=WARN"); n > 1 {
					t.Errorf("%d warnings:\n%s", n, w.logs)
				}
			})
		})
	}
}

func TestALimitIsHonoured(t *testing.T) {
	for name, fault := range map[string]slacktest.SocketFault{"at the call": slacktest.OpenLimited("240"), "at the upgrade": slacktest.UpgradeRefused(429, "240")} {
		t.Run(name, func(t *testing.T) {
			inSocketWorld(t, func(w *socketWorld) {
				w.slack.FailSocket(fault)
				w.start()
				w.wantConnected(false)
				w.after(239 * time.Second)
				if n := len(w.slack.Requests()); n != 1 {
					t.Errorf("%d tries before the time", n)
				}
				w.after(10 * time.Second)
				w.wantConnected(true)
			})
		})
	}
}

// A socket that is stopped and runs again deals with nothing that the first run
// has left.
func TestASocketRunsAgain(t *testing.T) {
	inSocketWorld(t, func(w *socketWorld) {
		record := w.options.Pressed
		w.options.Pressed = func(ctx context.Context, p alert.Press) {
			record(ctx, p)
			<-ctx.Done()
		}
		w.start()
		ts := w.post()
		for i := range 20 {
			w.press(fmt.Sprintf("U%d", i), ts, "end")
		}
		w.stop()
		again, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- w.socket.Run(again) }()
		w.after(time.Hour)
		w.wantConnected(true)
		if n := len(w.pressed()); n != 8 {
			t.Errorf("%d presses were dealt with", n)
		}
		w.press("U1", ts, "end")
		if n := len(w.pressed()); n != 9 {
			t.Errorf("%d presses were dealt with", n)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// gauged counts what is read.
type gauged struct {
	net.Conn
	read *atomic.Int64
}

// Read implements net.Conn.
func (g gauged) Read(p []byte) (int, error) {
	n, err := g.Conn.Read(p)
	g.read.Add(int64(n))
	return n, err
}

func TestAnOpeningWithoutAnEndIsBounded(t *testing.T) {
	inSocketWorld(t, func(w *socketWorld) {
		var read atomic.Int64
		dial := w.options.Dial
		w.options.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dial(ctx, network, address)
			return gauged{conn, &read}, err
		}
		w.slack.FailSocket(slacktest.UpgradeFloods())
		w.start()
		w.wantConnected(false)
		if n := read.Load(); n == 0 || n > 300<<10 {
			t.Errorf("%d KiB were read", n>>10)
		}
		w.after(5 * time.Second)
		w.wantConnected(true)
	})
}

func TestStoppingNeverWaits(t *testing.T) {
	hang := func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	for name, c := range map[string]struct {
		fault slacktest.SocketFault
		set   func(w *socketWorld)
		press bool
	}{
		"in the call":      {set: func(w *socketWorld) { w.slack.Always(slacktest.Hang()) }},
		"in the dial":      {set: func(w *socketWorld) { w.options.Dial = hang }},
		"in the upgrade":   {fault: slacktest.UpgradeHangs()},
		"before the hello": {fault: slacktest.NoHello()},
		"half-open":        {fault: slacktest.HalfOpen()},
		"stuck":            {fault: slacktest.Stuck(), press: true},
		"in a pause":       {fault: slacktest.OpenRefused("invalid_auth")},
		"in a handler": {press: true, set: func(w *socketWorld) {
			w.options.Pressed = func(ctx context.Context, _ alert.Press) { <-ctx.Done() }
		}},
		"in a handler that does not heed": {press: true, set: func(w *socketWorld) {
			w.options.Pressed = func(context.Context, alert.Press) { time.Sleep(20 * time.Second) }
		}},
		"while refreshing": {press: true, set: func(w *socketWorld) {
			time.AfterFunc(time.Second, func() { w.slack.Disconnect("refresh_requested") })
		}},
	} {
		t.Run(name, func(t *testing.T) {
			inSocketWorld(t, func(w *socketWorld) {
				w.slack.FailSocket(c.fault)
				if c.set != nil {
					c.set(w)
				}
				w.start()
				if c.press {
					_, _ = w.slack.Press(w.t.Context(), "U0OWNER", w.post(), "end")
				}
				w.after(3 * time.Second)
				w.stop()
				w.after(30 * time.Second)
				if open, _ := w.slack.Connections(); open != 0 {
					t.Errorf("%d connections are left", open)
				}
			})
		})
	}
}
