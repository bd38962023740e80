package alert_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"sessionwarden/alert/slacktest"
)

func TestARefusedTokenIsToldOnceAndAnotherIsTakenSoon(t *testing.T) {
	for code, cure := range map[string]string{
		"invalid_auth": "connections:write", "token_revoked": "connections:write", "not_authed": "connections:write", "account_inactive": "connections:write",
		"missing_scope": "give the Slack app's app-level token the scope connections:write", "not_allowed_token_type": "begins with xapp-",
		"access_denied": "connections:write", "team_access_not_granted": "administrator",
	} {
		t.Run(code, func(t *testing.T) {
			inSocketWorld(t, func(w *socketWorld) {
				for range 100 {
					w.slack.FailSocket(slacktest.OpenRefused(code))
				}
				w.start()
				w.wantConnected(false)
				if s := w.socket.Status(); !s.Broken || !strings.Contains(s.Cure, cure) || !strings.Contains(s.Reason, code) {
					t.Errorf("status %+v", s)
				}
				w.after(5*time.Hour + time.Minute)
				if n := len(w.slack.Requests()); n != 6 {
					t.Errorf("%d tries in five hours", n)
				}
				if n := strings.Count(w.logs.String(), "level=WARN"); n != 1 {
					t.Errorf("told %d times:\n%s", n, w.logs)
				}
				w.mu.Lock()
				w.token = "xapp-another-canary-not-a-secret"
				w.mu.Unlock()
				w.after(time.Minute)
				if n := len(w.slack.Requests()); n != 7 {
					t.Errorf("%d tries with another token", n-6)
				}
			})
		})
	}
}

func TestATokenThatCannotBeReadIsTakenWhenItCan(t *testing.T) {
	inSocketWorld(t, func(w *socketWorld) {
		w.token = ""
		w.start()
		w.wantConnected(false)
		if s := w.socket.Status(); !s.Broken || !strings.Contains(s.Cure, "app_token_file") {
			t.Errorf("status %+v", s)
		}
		w.mu.Lock()
		w.token = canary // a bot token
		w.mu.Unlock()
		w.after(31 * time.Second)
		if s := w.socket.Status(); !s.Broken || !strings.Contains(s.Cure, "begins with xapp-") {
			t.Errorf("status %+v", s)
		}
		w.mu.Lock()
		w.token = appCanary
		w.mu.Unlock()
		w.after(31 * time.Second)
		w.wantConnected(true)
		w.options.AppToken = nil
	})
}

func TestSocketModeSwitchedOff(t *testing.T) {
	inSocketWorld(t, func(w *socketWorld) {
		w.start()
		w.after(2 * time.Minute)
		w.slack.Disconnect("link_disabled")
		w.settle()
		w.wantConnected(false)
		for range 2 {
			if s := w.socket.Status(); !s.Broken || !strings.Contains(s.Cure, "Socket Mode") {
				t.Errorf("status %+v", s)
			}
			w.after(61 * time.Minute)
		}
		w.slack.Enable()
		w.after(time.Hour)
		w.wantConnected(true)
	})
}

func TestTooManyConnections(t *testing.T) {
	inSocketWorld(t, func(w *socketWorld) {
		first := w.options
		for range 10 {
			other := newSocketWorld(t)
			other.slack = w.slack
			other.options.Transport, other.options.Dial = w.slack.Transport(), w.slack.Dial
			other.start()
			defer other.stop()
		}
		w.options = first
		w.start()
		w.wantConnected(false)
		if s := w.socket.Status(); !strings.Contains(s.Cure, "an app of its own") || time.Until(s.Next) < time.Minute {
			t.Errorf("status %+v", s)
		}
	})
}

func TestOnlySlackIsConnectedTo(t *testing.T) {
	for _, address := range []string{
		"wss://evil.example/link/?ticket=not-a-secret", "ws://wss-primary.slack.com/link/", "https://127.0.0.1/", "wss://slack.com.evil.example/", "wss://evilslack.com/",
		"ws://127.0.0.1:22/", "ws://localhost/", "ws://127.0.0.2/", "wss://user:pass@wss-primary.slack.com/", "wss://wss-primary.slack.com:8443/", "ws://169.254.169.254/", "", "ws://", "\x00", "ws:127.0.0.1/",
		"wss://wss-primary.slack.com/?" + strings.Repeat("x", 4096),
	} {
		t.Run(fmt.Sprintf("%.40q", address), func(t *testing.T) {
			inSocketWorld(t, func(w *socketWorld) {
				dialed := w.counting()
				w.slack.FailSocket(slacktest.Elsewhere(address))
				w.start()
				w.wantConnected(false)
				if got := dialed(); len(got) > 0 {
					t.Errorf("dialed: %v", got)
				}
				if s := w.socket.Status(); address != "" && strings.Contains(s.Reason+s.Cure, address) || s.Reason == "" {
					t.Errorf("status %+v", s)
				}
				w.after(5 * time.Second)
				w.wantConnected(true)
			})
		})
	}
}

func TestSlacksOwnAddressIsConnectedTo(t *testing.T) {
	inSocketWorld(t, func(w *socketWorld) {
		w.slack.FailSocket(slacktest.Elsewhere("wss://wss-primary.slack.com/link/?ticket=not-a-secret"))
		w.options.Dial = func(context.Context, string, string) (net.Conn, error) {
			return nil, errors.New("refused by " + appCanary)
		}
		dialed := w.counting()
		w.start()
		if got := dialed(); len(got) != 1 || got[0] != "tcp wss-primary.slack.com:443" {
			t.Errorf("dialed: %v", got)
		}
		if s := w.socket.Status(); s.Reason != "no connection to Slack" {
			t.Errorf("status %+v", s)
		}
	})
}
