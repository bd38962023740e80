package slacktest_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"sessionwarden/alert/slacktest"
)

// open asks for a connection and opens it.
func open(t *testing.T, s *slacktest.Server, token string) (*websocket.Conn, map[string]any) {
	t.Helper()
	answer := method(t, s, "apps.connections.open", url.Values{"token": {token}})
	address, _ := answer["url"].(string)
	if address == "" {
		return nil, answer
	}
	dialer := websocket.Dialer{NetDialContext: s.Dial}
	conn, resp, err := dialer.Dial("ws"+strings.TrimPrefix(address, "wss"), nil)
	if err != nil {
		t.Fatalf("%v, %v", err, resp)
	}
	if _, resp, err = dialer.Dial("ws"+strings.TrimPrefix(address, "wss"), nil); err == nil || resp == nil || resp.StatusCode != http.StatusForbidden {
		t.Errorf("an address is good for two connections: %v", err)
	}
	return conn, read(t, conn)
}

// read reads one frame.
func read(t *testing.T, conn *websocket.Conn) map[string]any {
	t.Helper()
	var v map[string]any
	if err := conn.ReadJSON(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestSocketModeSpeaksAsSlackDoes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := slacktest.New()
		for token, want := range map[string]string{"": "not_authed", "xoxb-test-not-a-secret": "not_allowed_token_type"} {
			if _, answer := open(t, s, token); answer["error"] != want {
				t.Errorf("token %q: %v, want %s", token, answer, want)
			}
		}
		if _, err := s.Slash(t.Context(), "U1", "status"); !errors.Is(err, slacktest.ErrNoConnection) {
			t.Errorf("without a connection: %v", err)
		}
		conn, hello := open(t, s, "xapp-test-not-a-secret")
		if hello["type"] != "hello" || hello["num_connections"] != 1.0 || hello["connection_info"].(map[string]any)["app_id"] == "" {
			t.Errorf("hello is %v", hello)
		}
		pings := 0
		conn.SetPingHandler(func(string) error { pings++; return nil })
		answers := make(chan slacktest.Ack, 1)
		go func() {
			ack, err := s.Slash(t.Context(), "U1", "a < b")
			if err != nil {
				t.Error(err)
			}
			answers <- ack
		}()
		e := read(t, conn)
		payload := e["payload"].(map[string]any)
		if e["type"] != "slash_commands" || payload["text"] != "a &lt; b" || payload["user_name"] != "u1" || payload["command"] != "/sessionwarden" {
			t.Errorf("the command is %v", e)
		}
		if err := conn.WriteJSON(map[string]any{"envelope_id": e["envelope_id"], "payload": map[string]any{"text": "yes"}}); err != nil {
			t.Fatal(err)
		}
		if ack := <-answers; !ack.Acked || ack.Text != "yes\n" || ack.Refused != "" {
			t.Errorf("%+v", ack)
		}
		later, err := url.Parse(payload["response_url"].(string))
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range []int{200, 200, 200, 200, 200, 404} {
			if status, says := ask(t, s, later.Path, "application/json", `{"text":"later"}`); status != want {
				t.Errorf("late answer %d: %d %q", i, status, says)
			}
		}
		if shown := s.Ephemerals(); len(shown) != 6 || shown[0].Text != "yes" || shown[5].User != "U1" || shown[5].Channel != slacktest.CommandChannel {
			t.Errorf("shown: %+v", shown)
		}
		go func() { // nobody acknowledges this one
			ack, err := s.PressValue(t.Context(), "U1", "1.1", "end", "forged")
			if err != nil || ack.Acked || ack.Took != slacktest.AckTime {
				t.Errorf("%+v, %v", ack, err)
			}
			s.Disconnect("warning")
		}()
		if e := read(t, conn); e["type"] != "interactive" || e["payload"].(map[string]any)["actions"].([]any)[0].(map[string]any)["value"] != "forged" {
			t.Errorf("the press is %v", e)
		}
		if e := read(t, conn); e["type"] != "disconnect" || e["reason"] != "warning" {
			t.Errorf("the warning is %v", e)
		}
		warned := time.Now()
		if err := conn.ReadJSON(new(any)); err == nil || time.Since(warned) != 10*time.Second || pings == 0 {
			t.Errorf("%v after %v, with %d pings", err, time.Since(warned), pings)
		}
		_ = conn.Close()
		synctest.Wait()
		if open, ever := s.Connections(); open != 0 || ever != 1 || len(s.Acks()) != 1 {
			t.Errorf("%d connections of %d, %d acknowledgements", open, ever, len(s.Acks()))
		}
	})
}

// A press finds the button in the message as it stands, by its id or its label.
func TestAPressNeedsItsButton(t *testing.T) {
	t.Parallel()
	s := slacktest.New()
	server := httptest.NewServer(s)
	defer server.Close()
	defer s.Drop()
	conn, _, err := websocket.DefaultDialer.Dial(strings.Replace(openReal(t, server.URL), "http", "ws", 1), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	go func() {
		for {
			var e struct {
				ID string `json:"envelope_id"`
			}
			if conn.ReadJSON(&e) != nil {
				return
			}
			if e.ID != "" && conn.WriteJSON(map[string]any{"envelope_id": e.ID}) != nil {
				return
			}
		}
	}()
	values := url.Values{"token": {"t"}, "channel": {"#security"}, "text": {"x"}, "blocks": {`[{"type":"actions","elements":[{"type":"button","action_id":"a","value":"v","text":{"type":"plain_text","text":"Do it"}}]}]`}}
	posted := method(t, s, "chat.postMessage", values)
	ts, _ := posted["ts"].(string)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for !hasConnection(s) && ctx.Err() == nil {
		time.Sleep(time.Millisecond)
	}
	for _, button := range []string{"a", "Do it"} {
		if ack, err := s.Press(ctx, "U1", ts, button); err != nil || !ack.Acked {
			t.Errorf("%q: %+v, %v", button, ack, err)
		}
	}
	there := slacktest.Buttons(s.Messages()[0])[0]
	if ack, err := s.PressButton(ctx, "U1", ts, there); err != nil || !ack.Acked {
		t.Errorf("that very button: %+v, %v", ack, err)
	}
	update := url.Values{"token": {"t"}, "channel": {"C0SECURITY"}, "ts": {ts}, "text": {"done"}}
	method(t, s, "chat.update", update)
	if _, err := s.Press(ctx, "U1", ts, "a"); err == nil {
		t.Error("a button is pressed that is not there any more")
	}
	if _, err := s.PressButton(ctx, "U1", ts, there); err == nil {
		t.Error("that very button is pressed when it is not there any more")
	}
	if _, err := s.Press(ctx, "U1", "1.1", "a"); err == nil {
		t.Error("a button of no message is pressed")
	}
	if ack, err := s.PressValue(ctx, "U1", ts, "a", "v"); err != nil || !ack.Acked {
		t.Errorf("from an old window: %+v, %v", ack, err)
	}
}

func hasConnection(s *slacktest.Server) bool { open, _ := s.Connections(); return open > 0 }

// openReal asks a listening server for a connection.
func openReal(t *testing.T, base string) string {
	t.Helper()
	resp, err := http.PostForm(base+slacktest.APIPath+"apps.connections.open", url.Values{"token": {"xapp-test-not-a-secret"}})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct{ URL string }
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || !strings.HasPrefix(answer.URL, "ws"+strings.TrimPrefix(base, "http")+slacktest.LinkPath) {
		t.Fatalf("%v: %q", err, answer.URL)
	}
	return strings.Replace(answer.URL, "ws", "http", 1)
}

func TestThreadsAndMessagesForOnePerson(t *testing.T) {
	t.Parallel()
	s := slacktest.New()
	say := func(name string, more url.Values) map[string]any {
		values := url.Values{"token": {"test-token-not-a-secret"}, "channel": {"#security"}, "text": {"x"}}
		for key, value := range more {
			values[key] = value
		}
		return method(t, s, name, values)
	}
	root := say("chat.postMessage", nil)["ts"].(string)
	answer := say("chat.postMessage", url.Values{"thread_ts": {root}})["ts"].(string)
	say("chat.postMessage", url.Values{"thread_ts": {answer}, "reply_broadcast": {"true"}})
	say("chat.update", url.Values{"channel": {"C0SECURITY"}, "ts": {answer}, "text": {"y"}})
	var got []string
	for _, m := range s.Messages() {
		got = append(got, m.Text+" "+strings.ReplaceAll(m.Thread, root, "root"))
		if m.Broadcast != (len(got) == 3) {
			t.Errorf("message %d is shown in the channel: %t", len(got), m.Broadcast)
		}
	}
	if want := []string{"x ", "y root", "x root"}; !slices.Equal(got, want) {
		t.Errorf("messages are %q, want %q", got, want)
	}
	for name, c := range map[string]struct {
		method string
		change url.Values
		want   string
	}{
		"another thread":      {"chat.postMessage", url.Values{"thread_ts": {"1.1"}}, "cannot_reply_to_message"},
		"an app token":        {"chat.postMessage", url.Values{"token": {"xapp-test-not-a-secret"}}, "not_allowed_token_type"},
		"nobody":              {"chat.postEphemeral", nil, "user_not_in_channel"},
		"no text":             {"chat.postEphemeral", url.Values{"user": {"U1"}, "text": nil}, "no_text"},
		"no channel":          {"chat.postEphemeral", url.Values{"user": {"U1"}, "channel": nil}, "channel_not_found"},
		"no token":            {"chat.postEphemeral", url.Values{"user": {"U1"}, "token": nil}, "not_authed"},
		"an app token, again": {"chat.postEphemeral", url.Values{"user": {"U1"}, "token": {"xapp-test-not-a-secret"}}, "not_allowed_token_type"},
	} {
		if answer := say(c.method, c.change); answer["error"] != c.want {
			t.Errorf("%s: %v, want %s", name, answer, c.want)
		}
	}
	if say("chat.postEphemeral", url.Values{"user": {"U1"}, "text": {"for you"}, "thread_ts": {root}})["ok"] != true {
		t.Error("a message for one person is refused")
	}
	if shown := s.Ephemerals(); len(shown) != 1 || shown[0].Shown() != "for you\n" || shown[0].User != "U1" || shown[0].Channel != "C0SECURITY" || shown[0].Thread != root {
		t.Errorf("shown: %+v", shown)
	}
}

func TestTheScopesAreSaid(t *testing.T) {
	t.Parallel()
	s := slacktest.New()
	for _, want := range []string{slacktest.DefaultScopes, "chat:write,chat:write.public"} {
		req, err := http.NewRequest(http.MethodPost, "https://slack.invalid/api/auth.test", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := s.Transport().RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if got := resp.Header.Get("X-OAuth-Scopes"); got != want {
			t.Errorf("the scopes are %q, want %q", got, want)
		}
		s.SetScopes("chat:write", "chat:write.public")
	}
}

func TestWhatCanBePressedIsCheckedAsSlackDoes(t *testing.T) {
	t.Parallel()
	row := func(buttons ...string) string {
		return `{"type":"actions","elements":[` + strings.Join(buttons, ",") + `]}`
	}
	of := func(more string) string {
		return `{"type":"button","text":{"type":"plain_text","text":"x"}` + more + `}`
	}
	label := func(n int) string {
		return `{"type":"button","text":{"type":"plain_text","text":"` + strings.Repeat("x", n) + `"}}`
	}
	confirm := func(title, text, yes, no int) string {
		plain := func(n int) string { return `{"type":"plain_text","text":"` + strings.Repeat("x", n) + `"}` }
		return of(`,"confirm":{"title":` + plain(title) + `,"text":` + plain(text) + `,"confirm":` + plain(yes) + `,"deny":` + plain(no) + `}`)
	}
	x := strings.Repeat
	for name, c := range map[string]struct {
		block string
		taken bool
	}{
		"a button":              {row(of(`,"action_id":"a","value":"v","style":"danger"`)), true},
		"a full label":          {row(label(75)), true},
		"a label too long":      {row(label(76)), false},
		"no label":              {row(label(0)), false},
		"a label with markup":   {row(`{"type":"button","text":{"type":"mrkdwn","text":"x"}}`), false},
		"a full id":             {row(of(`,"action_id":"` + x("a", 255) + `"`)), true},
		"an id too long":        {row(of(`,"action_id":"` + x("a", 256) + `"`)), false},
		"an id twice":           {row(of(`,"action_id":"a"`), of(`,"action_id":"a"`)), false},
		"two without an id":     {row(of(""), of("")), true},
		"a full value":          {row(of(`,"value":"` + x("a", 2000) + `"`)), true},
		"a value too long":      {row(of(`,"value":"` + x("a", 2001) + `"`)), false},
		"an empty value":        {row(of(`,"value":""`)), false},
		"another style":         {row(of(`,"style":"default"`)), false},
		"25 buttons":            {row(slices.Repeat([]string{of("")}, 25)...), true},
		"26 buttons":            {row(slices.Repeat([]string{of("")}, 26)...), false},
		"none":                  {row(), false},
		"no button":             {row(`5`), false},
		"an unknown element":    {row(`{"type":"lever"}`), false},
		"a full question":       {row(confirm(100, 300, 30, 30)), true},
		"a title too long":      {row(confirm(101, 300, 30, 30)), false},
		"a question too long":   {row(confirm(100, 301, 30, 30)), false},
		"a yes too long":        {row(confirm(100, 300, 31, 30)), false},
		"a no too long":         {row(confirm(100, 300, 30, 31)), false},
		"a question of nothing": {row(of(`,"confirm":{}`)), false},
		"beside a text":         {`{"type":"section","text":{"type":"plain_text","text":"x"},"accessory":` + of("") + `}`, true},
		"beside it, too long":   {`{"type":"section","text":{"type":"plain_text","text":"x"},"accessory":` + label(76) + `}`, false},
	} {
		s := slacktest.New()
		if status, says := hook(t, s, `{"text":"x","blocks":[`+c.block+`]}`); (status == 200) != c.taken {
			t.Errorf("%s: %d %s", name, status, says)
		}
	}
}

func TestButtonsAreShownInATerminal(t *testing.T) {
	t.Parallel()
	s := slacktest.New()
	button := func(label string) string {
		return `{"type":"button","text":{"type":"plain_text","text":"` + label + `"},"style":"danger","confirm":{"title":{"type":"plain_text","text":"t"},"text":{"type":"plain_text","text":"Sure?"},"confirm":{"type":"plain_text","text":"y"},"deny":{"type":"plain_text","text":"n"}}}`
	}
	long := strings.Repeat("long ", 14) + "label"
	status, says := hook(t, s, `{"text":"x","blocks":[{"type":"header","text":{"type":"plain_text","text":"T"}},{"type":"actions","elements":[`+
		strings.Join([]string{button("End this session"), button("It was\\u001b[31m me"), button("Tell me more about this session"), button("Last"), button(long)}, ",")+`]}]}`)
	if status != 200 {
		t.Fatal(says)
	}
	want := "T\n─\n\n[End this session]  [It was[31m me]  [Tell me more about this session]\n[Last]\n[" + strings.TrimSpace(long) + "]\n"
	got := slacktest.Text(s.Messages()[0])
	if strings.ReplaceAll(got, "\n    ", " ") != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	for line := range strings.Lines(got) {
		if len([]rune(strings.TrimSpace(line))) > slacktest.Width {
			t.Errorf("too wide: %s", line)
		}
	}
	if list := slacktest.Buttons(s.Messages()[0]); len(list) != 5 || list[0].Asks != "Sure?" || list[0].Style != "danger" || list[0].Label != "End this session" {
		t.Errorf("buttons are %+v", list)
	}
}
