package alert_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sessionwarden/alert"
	"sessionwarden/alert/slacktest"
)

const appCanary = "xapp-canary-not-a-secret"

// socketWorld is a SlackSocket with its Slack, in memory and with a clock of its
// own.
type socketWorld struct {
	t       *testing.T
	slack   *slacktest.Server
	reg     *prometheus.Registry
	options alert.SlackSocketOptions // change before start
	socket  *alert.SlackSocket
	logs    *syncBuffer
	stop    func()

	mu      sync.Mutex
	token   string
	presses []alert.Press
	slashes []alert.Slash
}

// syncBuffer is a buffer for several goroutines.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// inSocketWorld runs f in a world of its own. Afterwards nothing may be left
// running, and no secret in the log.
func inSocketWorld(t *testing.T, f func(w *socketWorld)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newSocketWorld(t)
		f(w)
		if w.stop != nil {
			w.stop()
		}
	})
}

func newSocketWorld(t *testing.T) *socketWorld {
	w := &socketWorld{t: t, slack: slacktest.New(), reg: prometheus.NewRegistry(), logs: new(syncBuffer), token: appCanary}
	w.slack.AddUser("U0OWNER", "owner")
	w.options = alert.SlackSocketOptions{
		AppToken: func() (string, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.token, nil
		},
		APIURL: "http://127.0.0.1/api/", Transport: w.slack.Transport(), Dial: w.slack.Dial,
		Pressed: func(_ context.Context, p alert.Press) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.presses = append(w.presses, p)
		},
		Command: func(_ context.Context, c alert.Slash) string {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.slashes = append(w.slashes, c)
			return "you said " + c.Text
		},
		Logger:     slog.New(slog.NewTextHandler(w.logs, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Registerer: w.reg,
	}
	return w
}

// start starts the socket.
func (w *socketWorld) start() {
	w.t.Helper()
	socket, err := alert.NewSlackSocket(w.options)
	if err != nil {
		w.t.Fatal(err)
	}
	w.socket = socket
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- socket.Run(ctx) }()
	w.stop = func() {
		w.t.Helper()
		w.stop = nil
		begun := time.Now()
		cancel()
		if err := <-ended; err != nil {
			w.t.Errorf("Run: %v", err)
		}
		if took := time.Since(begun); took > time.Second {
			w.t.Errorf("stopping took %v", took)
		}
		if s := socket.Status(); s != (alert.SocketStatus{}) {
			w.t.Errorf("a socket that does not run is %+v", s)
		}
		for _, secret := range []string{appCanary, "ticket-", "not-a-secret", "/answers/"} {
			if strings.Contains(w.logs.String(), secret) {
				w.t.Errorf("%q is in the log:\n%s", secret, w.logs)
			}
		}
	}
	w.settle()
}

// settle waits until nothing happens any more at this moment.
func (w *socketWorld) settle() { synctest.Wait() }

// after lets time pass.
func (w *socketWorld) after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// post posts a message with two buttons, and returns its timestamp.
func (w *socketWorld) post() string {
	w.t.Helper()
	return postButtons(w.t, w.slack)
}

func postButtons(t *testing.T, s *slacktest.Server) string {
	t.Helper()
	values := url.Values{"token": {canary}, "channel": {"#security"}, "text": {"x"}, "blocks": {`[{"type":"actions","elements":[
		{"type":"button","text":{"type":"plain_text","text":"End this session"},"action_id":"end","value":"offer-1","style":"danger"},
		{"type":"button","text":{"type":"plain_text","text":"It was me"},"action_id":"mine","value":"offer-2"}]}]`}}
	req, err := http.NewRequest(http.MethodPost, "https://slack.invalid/api/chat.postMessage", strings.NewReader(values.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := s.Transport().RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	var said struct{ TS string }
	if err != nil || json.Unmarshal(body, &said) != nil || said.TS == "" {
		t.Fatalf("%v: %s", err, body)
	}
	return said.TS
}

// press presses a button, which has to be acknowledged.
func (w *socketWorld) press(user, ts, button string) slacktest.Ack {
	w.t.Helper()
	ack, err := w.slack.Press(w.t.Context(), user, ts, button)
	if err != nil || !ack.Acked {
		w.t.Errorf("pressing %q: %+v, %v", button, ack, err)
	}
	w.settle()
	return ack
}

// pressed returns what was pressed.
func (w *socketWorld) pressed() []alert.Press {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]alert.Press(nil), w.presses...)
}

// wantConnected fails unless the socket is connected, or is not.
func (w *socketWorld) wantConnected(want bool) {
	w.t.Helper()
	s := w.socket.Status()
	if s.Connected.IsZero() == want || s.Down.IsZero() != want || want != (s.Reason == "") {
		w.t.Errorf("connected should be %t; it is %+v", want, s)
	}
	if got := w.metric("sessionwarden_slack_socket_connected", ""); (got == 1) != want {
		w.t.Errorf("the gauge says %v", got)
	}
}

// metric returns the value of a metric with that label's value.
func (w *socketWorld) metric(name, label string) float64 {
	w.t.Helper()
	families, err := w.reg.Gather()
	if err != nil {
		w.t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == name && (label == "" || len(m.GetLabel()) > 0 && m.GetLabel()[0].GetValue() == label) {
				return m.GetGauge().GetValue() + m.GetCounter().GetValue()
			}
		}
	}
	return 0
}

// pressPayload is a press as Slack sends it, with what is looked at.
func pressPayload(user, channel, action, value string) map[string]any {
	return map[string]any{
		"type": "block_actions", "user": map[string]any{"id": user, "username": "som\x1bebody"}, "channel": map[string]any{"id": channel},
		"container": map[string]any{"message_ts": "1.1", "channel_id": channel},
		"actions":   []any{map[string]any{"type": "button", "action_id": action, "value": value}},
	}
}

// counting returns what says where was dialed to.
func (w *socketWorld) counting() func() []string {
	var seen []string
	dial := w.options.Dial
	w.options.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		w.mu.Lock()
		seen = append(seen, network+" "+address)
		w.mu.Unlock()
		return dial(ctx, network, address)
	}
	return func() []string {
		w.mu.Lock()
		defer w.mu.Unlock()
		return append([]string(nil), seen...)
	}
}
