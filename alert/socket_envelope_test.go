package alert

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"
)

func FuzzEnvelope(f *testing.F) {
	for _, seed := range []string{
		`{"type":"hello","num_connections":1,"connection_info":{"app_id":"A1"},"debug_info":{"host":"applink-1","build_number":10,"approximate_connection_time":18060}}`,
		`{"type":"disconnect","reason":"refresh_requested","debug_info":{"host":"applink-1"}}`,
		`{"type":"disconnect","reason":5}`,
		`{"envelope_id":"57d6a792-4d35-4d0b-b6aa-3361493e1caf","payload":{"type":"block_actions","user":{"id":"U1","username":"anna","name":"anna","team_id":"T1"},"container":{"type":"message","message_ts":"1717171717.000100","channel_id":"C1","is_ephemeral":false},"channel":{"id":"C1","name":"security"},"message":{"blocks":[]},"response_url":"https://hooks.slack.com/actions/x","actions":[{"action_id":"end","block_id":"b","text":{"type":"plain_text","text":"End"},"value":"offer","style":"danger","type":"button","action_ts":"1717171717.1"}]},"type":"interactive","accepts_response_payload":false}`,
		`{"envelope_id":"1d3c79ab-0ffb-41f3-a080-d19e85f53649","payload":{"team_id":"T1","channel_id":"C1","user_id":"U1","user_name":"anna","command":"/sessionwarden","text":"status &lt;main&gt; &amp;amp;","response_url":"https://hooks.slack.com/commands/x"},"type":"slash_commands","accepts_response_payload":true}`,
		`{"envelope_id":"x","type":"interactive","payload":{"type":"block_actions","actions":[{"type":"static_select"}]}}`,
		`{"envelope_id":"x","type":"interactive","payload":{"type":"block_actions","user":{"id":"U1\n"},"channel":{"id":"C1"},"container":{"message_ts":"1.1"},"actions":[{"type":"button","action_id":"\u202e"}]}}`,
		`{"envelope_id":"x","type":"interactive","payload":{"type":"block_actions","user":null,"channel":[],"actions":{}}}`,
		`{"envelope_id":"x","envelope_id":"y z","type":"events_api"}`,
		`{"ENVELOPE_ID":"x","TYPE":"hello"}`,
		`{"type":"interactive"}`, `{}`, `[]`, `null`, ``, "\x00", `"`, `{"payload":{"payload":{}}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		in := decodeEnvelope(frame)
		if in.id != "" {
			if !isEnvelopeID(in.id) || len(in.id) > 128 {
				t.Errorf("id %q", in.id)
			}
			if !json.Valid(frame) {
				t.Error("what is no JSON has an id")
			}
		}
		for _, text := range []string{in.press.Offer, in.press.Action, in.press.UserName, in.slash.Text, in.slash.UserName} {
			if len(text) > 2000 || !utf8.ValidString(text) || strings.ContainsAny(text, "\x00\x07\x1b\r\n\u202e\u200b") {
				t.Errorf("not clean: %q", text)
			}
		}
		switch in.kind {
		case kindPress:
			if in.id == "" || in.press.Action == "" && !strings.Contains(string(frame), "action_id") || !isSlackID(in.press.User) || !isSlackID(in.press.Channel) || !isTimestamp(in.press.MessageTS) {
				t.Errorf("a press of %+v", in.press)
			}
		case kindCommand:
			if in.id == "" || !isSlackID(in.slash.User) || !isSlackID(in.slash.Channel) {
				t.Errorf("a command of %+v", in.slash)
			}
		case kindHello, kindDisconnect, kindOther, kindInvalid:
			if in.press != (Press{}) || in.slash != (Slash{}) {
				t.Errorf("%s brings %+v, %+v", in.kind, in.press, in.slash)
			}
		default:
			t.Errorf("a kind %q", in.kind)
		}
		if text, ok := answerPayload(in.slash.Text).(reply); !ok || strings.ContainsAny(text.Text, "<>") {
			t.Error("an answer with markup")
		}
	})
}

func TestWhereASocketMayConnectAndAnswer(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		api, address string
		want         bool
	}{
		{"https://slack.com/api/", "wss://wss-primary.slack.com/link/?ticket=x", true},
		{"https://slack.com/api/", "wss://wss-primary.slack.com:443/link/", true},
		{"https://slack.com/api/", "wss://WSS-primary.Slack.com/link/", true},
		{"https://slack.com/api/", "wss://slack.com/link/", true},
		{"https://slack.com/api/", "ws://wss-primary.slack.com/link/", false},
		{"https://slack.com/api/", "wss://slack.com.evil.example/", false},
		{"https://slack.com/api/", "wss://evil-slack.com/", false},
		{"https://slack.com/api/", "wss://127.0.0.1/", false},
		{"https://slack.com/api/", "ws://127.0.0.1/", false},
		{"https://slack.com/api/", "wss://wss-primary.slack.com:8443/", false},
		{"https://slack.com/api/", "wss://[::1]:443/", false},
		{"https://slack-gov.com/api/", "wss://wss-primary.slack-gov.com/link/", true},
		{"https://slack.proxy.example/api/", "wss://wss-primary.slack.com/link/", true},
		{"https://slack.proxy.example/api/", "wss://slack.proxy.example/link/", true},
		{"https://slack.proxy.example/api/", "wss://proxy.example/link/", false},
		{"https://127.0.0.1:8443/api/", "wss://127.0.0.1:8443/link/", true},
		{"https://127.0.0.1:8443/api/", "wss://127.0.0.1:9/link/", false},
		{"https://127.0.0.1:8443/api/", "ws://127.0.0.1:8443/link/", false},
		{"http://127.0.0.1:8080/api/", "ws://127.0.0.1:8080/link/", true},
		{"http://127.0.0.1:8080/api/", "ws://127.0.0.1:22/link/", false},
		{"http://127.0.0.1:8080/api/", "ws://localhost:8080/link/", false},
		{"http://127.0.0.1:8080/api/", "wss://evil.example/link/", false},
		{"http://localhost/api/", "wss://x.localhost/link/", false},
	} {
		s, err := NewSlackSocket(SlackSocketOptions{AppToken: func() (string, error) { return "x", nil }, APIURL: c.api})
		if err != nil {
			t.Fatal(err)
		}
		if got := s.mayConnect(c.address); got != c.want {
			t.Errorf("%s may be connected to for %s: %t", c.address, c.api, got)
		}
		answer := strings.NewReplacer("wss://", "https://", "ws://", "http://").Replace(c.address)
		if got := s.mayAnswer(answer) != nil; got != c.want {
			t.Errorf("%s may be answered to for %s: %t", answer, c.api, got)
		}
	}
	u, err := url.Parse("https://hooks.slack.com/commands/T1/1/x")
	if err != nil {
		t.Fatal(err)
	}
	s, _ := NewSlackSocket(SlackSocketOptions{AppToken: func() (string, error) { return "x", nil }})
	if got := s.mayAnswer(u.String()); got == nil || got.String() != u.String() {
		t.Errorf("Slack's own address for answers: %v", got)
	}
}
