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

func TestAPressAndACommandArriveAndAreAcknowledged(t *testing.T) {
	inSocketWorld(t, func(w *socketWorld) {
		w.start()
		w.wantConnected(true)
		ts := w.post()
		if ack := w.press("U0OWNER", ts, "It was me"); ack.Took > 0 || len(ack.Payload) > 0 {
			t.Errorf("the acknowledgement is %+v", ack)
		}
		want := alert.Press{Offer: "offer-2", Action: "mine", User: "U0OWNER", UserName: "owner", Channel: "C0SECURITY", MessageTS: ts}
		if got := w.pressed(); len(got) != 1 || got[0] != want {
			t.Errorf("pressed was %+v, want %+v", got, want)
		}
		ack, err := w.slack.Slash(w.t.Context(), "U0OWNER", "status <main> & more\x1b[31m")
		if err != nil || !ack.Acked || ack.Refused != "" || ack.Text != "you said status <main> & more[31m\n" {
			t.Errorf("the command's answer is %+v, %v", ack, err)
		}
		if got := w.slashes; len(got) != 1 || got[0].User != "U0OWNER" || got[0].UserName != "owner" || got[0].Channel != slacktest.CommandChannel {
			t.Errorf("the commands are %+v", got)
		}
		for kind, want := range map[string]float64{"press": 1, "command": 1, "hello": 1} {
			if got := w.metric("sessionwarden_slack_socket_envelopes_total", kind); got != want {
				t.Errorf("%s: %v envelopes", kind, got)
			}
		}
		if err := w.socket.Run(w.t.Context()); err == nil {
			t.Error("it runs twice")
		}
	})
}

func TestAnAnswerThatTakesLongComesAfterTheAcknowledgement(t *testing.T) {
	inSocketWorld(t, func(w *socketWorld) {
		w.options.Command = func(ctx context.Context, c alert.Slash) string {
			switch c.Text {
			case "panic":
				panic("canary not-a-secret")
			case "nothing":
				return " \n"
			case "ever":
				<-ctx.Done()
				return "gave up"
			case "much":
				return strings.Repeat("a long line of an answer, with *markup* and <!channel>\n", 4000)
			}
			time.Sleep(5 * time.Second)
			return "done *now* <!channel>"
		}
		w.start()
		ack, err := w.slack.Slash(w.t.Context(), "U0OWNER", "slow")
		if err != nil || !ack.Acked || ack.Took != 2*time.Second || !strings.Contains(ack.Text, "The answer comes here") {
			t.Errorf("%+v, %v", ack, err)
		}
		w.after(5 * time.Second)
		if shown := w.slack.Ephemerals(); len(shown) != 2 || shown[1].Shown() != "done *now* <!channel>\n" || shown[1].User != "U0OWNER" || strings.Contains(shown[1].Text, "<!channel>") {
			t.Errorf("shown: %+v", shown)
		}
		for text, want := range map[string]string{"panic": "went wrong inside", "nothing": "", "much": "more than fits here"} {
			ack, err := w.slack.Slash(w.t.Context(), "U0OWNER", text)
			if err != nil || !ack.Acked || ack.Refused != "" || !strings.Contains(ack.Text, want) || want == "" && ack.Text != "" {
				t.Errorf("%s: %+v, %v", text, ack, err)
			}
		}
		if ack, _ := w.slack.Slash(w.t.Context(), "U0OWNER", "ever"); !ack.Acked {
			t.Errorf("%+v", ack)
		}
		w.after(time.Minute)
		shown := w.slack.Ephemerals()
		if last := shown[len(shown)-1].Shown(); last != "gave up\n" {
			t.Errorf("at the end of its time it says %q", last)
		}
	})
}

func TestWithoutHandlersAllIsAcknowledged(t *testing.T) {
	inSocketWorld(t, func(w *socketWorld) {
		w.options.Pressed, w.options.Command, w.options.Logger, w.options.Registerer = nil, nil, nil, nil
		w.start()
		w.press("U0OWNER", w.post(), "end")
		if ack, err := w.slack.Slash(w.t.Context(), "U0OWNER", "status"); err != nil || !strings.Contains(ack.Text, "no commands") {
			t.Errorf("%+v, %v", ack, err)
		}
	})
}

func TestAnEnvelopeThatComesTwiceCountsOnce(t *testing.T) {
	inSocketWorld(t, func(w *socketWorld) {
		w.start()
		ts := w.post()
		w.press("U0OWNER", ts, "end")
		for range 3 {
			ack, err := w.slack.Deliver(w.t.Context(), slacktest.Envelope{ID: "twice-1", Type: "interactive", Payload: pressPayload("U0OWNER", "C0SECURITY", "end", "offer-1")})
			if err != nil || !ack.Acked {
				t.Errorf("%+v, %v", ack, err)
			}
		}
		w.slack.Drop()
		w.after(5 * time.Second)
		if ack, err := w.slack.Deliver(w.t.Context(), slacktest.Envelope{ID: "twice-1", Type: "interactive", Payload: pressPayload("U0OWNER", "C0SECURITY", "end", "offer-1")}); err != nil || !ack.Acked {
			t.Errorf("on the next connection: %+v, %v", ack, err)
		}
		w.settle()
		if n := len(w.pressed()); n != 2 {
			t.Errorf("%d presses, want 2", n)
		}
	})
}

// pressPayload is a press as Slack sends it, with what is looked at.
func pressPayload(user, channel, action, value string) map[string]any {
	return map[string]any{
		"type": "block_actions", "user": map[string]any{"id": user, "username": "som\x1bebody"}, "channel": map[string]any{"id": channel},
		"container": map[string]any{"message_ts": "1.1", "channel_id": channel},
		"actions":   []any{map[string]any{"type": "button", "action_id": action, "value": value}},
	}
}

func TestWhatIsNotAPressIsAcknowledgedAndLeft(t *testing.T) {
	inSocketWorld(t, func(w *socketWorld) {
		w.start()
		long := strings.Repeat("x", 3000)
		for name, e := range map[string]slacktest.Envelope{
			"an unknown type":       {Type: "brand_new", Payload: map[string]any{}},
			"an event":              {Type: "events_api", Payload: map[string]any{"event": map[string]any{}}},
			"a modal":               {Type: "interactive", Payload: map[string]any{"type": "view_submission"}},
			"no payload":            {Type: "interactive"},
			"a list":                {Type: "interactive", Payload: []any{1}},
			"a text":                {Type: "slash_commands", Payload: "x"},
			"a user in lower case":  {Type: "interactive", Payload: pressPayload("u0owner", "C1", "end", "x")},
			"a long user":           {Type: "interactive", Payload: pressPayload(strings.Repeat("U", 33), "C1", "end", "x")},
			"no user":               {Type: "interactive", Payload: pressPayload("", "C1", "end", "x")},
			"a channel with a path": {Type: "interactive", Payload: pressPayload("U1", "C1/../x", "end", "x")},
			"no action":             {Type: "interactive", Payload: pressPayload("U1", "C1", "", "x")},
			"a long value":          {Type: "interactive", Payload: pressPayload("U1", "C1", "end", long)},
			"a long action":         {Type: "interactive", Payload: pressPayload("U1", "C1", long, "x")},
			"a command of nobody":   {Type: "slash_commands", Payload: map[string]any{"user_id": "", "channel_id": "C1", "text": "x"}},
		} {
			if ack, err := w.slack.Deliver(w.t.Context(), e); err != nil || !ack.Acked {
				t.Errorf("%s: %+v, %v", name, ack, err)
			}
		}
		w.settle()
		if len(w.pressed())+len(w.slashes) > 0 {
			t.Errorf("dealt with: %+v, %+v", w.pressed(), w.slashes)
		}
		ack, err := w.slack.Deliver(w.t.Context(), slacktest.Envelope{Type: "interactive", Payload: pressPayload("U1", "C1", "e\x1bnd", "va\u202elue")})
		w.settle()
		if got := w.pressed(); err != nil || !ack.Acked || len(got) != 1 || got[0].Offer != "value" || got[0].Action != "end" || got[0].UserName != "somebody" {
			t.Errorf("not cleaned: %+v", got)
		}
	})
}

func TestASocketNeedsItsTokenAndAUsableAddress(t *testing.T) {
	t.Parallel()
	if _, err := alert.NewSlackSocket(alert.SlackSocketOptions{}); err == nil {
		t.Error("no token is needed")
	}
	token := func() (string, error) { return appCanary, nil }
	for _, address := range []string{"http://slack.invalid/api/", "ftp://127.0.0.1/", "slack.com/api", "https://user:" + appCanary + "@slack.com/api/"} {
		if _, err := alert.NewSlackSocket(alert.SlackSocketOptions{AppToken: token, APIURL: address}); err == nil || strings.Contains(err.Error(), appCanary) {
			t.Errorf("%q: %v", address, err)
		}
	}
	if _, err := alert.NewSlackSocket(alert.SlackSocketOptions{AppToken: token}); err != nil {
		t.Error(err)
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
