package slacktest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"sessionwarden/alert/slacktest"
)

// ask makes one request and returns its status and body.
func ask(t *testing.T, s *slacktest.Server, path, contentType, body string) (int, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://slack.invalid"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	resp, err := s.Transport().RoundTrip(req)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(got)
}

// hook posts to the webhook.
func hook(t *testing.T, s *slacktest.Server, body string) (int, string) {
	t.Helper()
	return ask(t, s, slacktest.WebhookPath, "application/json", body)
}

// method calls the Web API and returns its answer.
func method(t *testing.T, s *slacktest.Server, name string, values url.Values) map[string]any {
	t.Helper()
	_, body := ask(t, s, slacktest.APIPath+name, "application/x-www-form-urlencoded", values.Encode())
	var answer map[string]any
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		t.Fatalf("%s answers %q", name, body)
	}
	return answer
}

// blocks makes n blocks like one.
func blocks(n int, one string) string {
	return fmt.Sprintf(`{"text":"x","blocks":[%s]}`, strings.TrimSuffix(strings.Repeat(one+",", n), ","))
}

// header makes a header of n letters.
func header(n int) string {
	return fmt.Sprintf(`{"type":"header","text":{"type":"plain_text","text":%q}}`, strings.Repeat("h", n))
}

// section makes a section of n letters.
func section(n int) string {
	return fmt.Sprintf(`{"type":"section","text":{"type":"plain_text","text":%q}}`, strings.Repeat("s", n))
}

func TestTheWebhookTakesAndRefusesAsSlackDoes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body   string
		status int
		says   string
	}{
		"text":                 {`{"text":"hello"}`, 200, "ok"},
		"nothing":              {`{}`, 400, "no_text"},
		"not JSON":             {`{`, 400, "invalid_payload"},
		"fifty blocks":         {blocks(50, `{"type":"divider"}`), 200, "ok"},
		"fifty-one blocks":     {blocks(51, `{"type":"divider"}`), 400, "invalid_blocks"},
		"a full header":        {blocks(1, header(150)), 200, "ok"},
		"a header too long":    {blocks(1, header(151)), 400, "invalid_blocks"},
		"a full section":       {blocks(1, section(3000)), 200, "ok"},
		"a section too long":   {blocks(1, section(3001)), 400, "invalid_blocks"},
		"too much in all":      {blocks(5, section(3000)), 400, "msg_blocks_too_long"},
		"an empty text":        {blocks(1, section(0)), 400, "invalid_blocks"},
		"an unknown block":     {blocks(1, `{"type":"marquee"}`), 400, "invalid_blocks"},
		"blocks of no blocks":  {`{"blocks":[1]}`, 400, "invalid_blocks_format"},
		"the same id twice":    {blocks(2, `{"type":"divider","block_id":"a"}`), 400, "invalid_blocks"},
		"an empty rich text":   {blocks(1, `{"type":"rich_text","elements":[]}`), 400, "invalid_blocks"},
		"an empty span":        {blocks(1, `{"type":"rich_text","elements":[{"type":"rich_text_section","elements":[{"type":"text","text":""}]}]}`), 400, "invalid_blocks"},
		"a markdown header":    {blocks(1, `{"type":"header","text":{"type":"mrkdwn","text":"x"}}`), 400, "invalid_blocks"},
		"more than a megabyte": {`{"text":"` + strings.Repeat("x", 1<<20) + `"}`, 400, "invalid_payload"},
		"a very long text":     {`{"text":"` + strings.Repeat("x", 40_001) + `"}`, 400, "msg_too_long"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := slacktest.New()
			if status, says := hook(t, s, c.body); status != c.status || says != c.says {
				t.Errorf("answers %d %q, want %d %q", status, says, c.status, c.says)
			}
			if n := len(s.Messages()); (n == 1) != (c.status == 200) {
				t.Errorf("%d messages are there", n)
			}
		})
	}
	if status, says := ask(t, slacktest.New(), "/services/another", "application/json", `{"text":"x"}`); status != 404 || says != "no_service" {
		t.Errorf("another webhook answers %d %q", status, says)
	}
}

func TestTheWebAPIPostsAndUpdates(t *testing.T) {
	t.Parallel()
	s := slacktest.New()
	var seen []string
	s.OnMessage(func(m slacktest.Message) { seen = append(seen, m.Text) })
	posted := method(t, s, "chat.postMessage", url.Values{"token": {"test-token-not-a-secret"}, "channel": {"#security"}, "text": {"one"}})
	if posted["ok"] != true || posted["channel"] != "C0SECURITY" || posted["ts"] == "" {
		t.Fatalf("answer is %v", posted)
	}
	update := url.Values{"token": {"test-token-not-a-secret"}, "channel": {"C0SECURITY"}, "ts": {posted["ts"].(string)}, "text": {"two"}}
	if answer := method(t, s, "chat.update", update); answer["ok"] != true {
		t.Errorf("answer is %v", answer)
	}
	m := s.Messages()[0]
	if m.Text != "two" || len(m.History) != 1 || m.History[0].Text != "one" || strings.Join(seen, " ") != "one two" {
		t.Errorf("message is %+v, seen were %v", m, seen)
	}
	for name, c := range map[string]struct {
		method string
		change url.Values
		want   string
	}{
		"no token":        {"chat.postMessage", url.Values{"token": nil}, "not_authed"},
		"no channel":      {"chat.postMessage", url.Values{"channel": nil}, "channel_not_found"},
		"another ts":      {"chat.update", url.Values{"ts": {"1.1"}}, "message_not_found"},
		"a named channel": {"chat.update", url.Values{"channel": {"#security"}}, "message_not_found"},
		"unknown method":  {"chat.shout", nil, "unknown_method"},
	} {
		values := url.Values{}
		for key, value := range update {
			values[key] = value
		}
		for key, value := range c.change {
			values[key] = value
		}
		if answer := method(t, s, c.method, values); answer["error"] != c.want {
			t.Errorf("%s: answer is %v, want %s", name, answer, c.want)
		}
	}
	if answer := method(t, s, "auth.test", update); answer["ok"] != true {
		t.Errorf("auth.test answers %v", answer)
	}
}

func TestFaultsComeOnceOrStay(t *testing.T) {
	t.Parallel()
	s := slacktest.New()
	s.Fail(slacktest.Limited("7"), slacktest.HTML(), slacktest.Webhook(410, "channel_is_archived"), slacktest.Reset(), slacktest.None())
	s.Always(slacktest.Status(503))
	want := []int{429, 200, 410, 0, 200, 503, 503}
	for i, status := range want {
		if got, body := hook(t, s, `{"text":"x"}`); got != status {
			t.Errorf("request %d answers %d %q, want %d", i, got, body, status)
		}
	}
	if n := len(s.Messages()); n != 1 {
		t.Errorf("%d messages, want the one of the good day", n)
	}
	if n := len(s.Requests()); n != len(want) {
		t.Errorf("%d requests are remembered", n)
	}
}

func TestTextReadsLikeTheMessage(t *testing.T) {
	t.Parallel()
	s := slacktest.New()
	status, says := hook(t, s, `{"text":"fallback","blocks":[
		{"type":"header","text":{"type":"plain_text","text":"A title\u001b[31m"}},
		{"type":"rich_text","elements":[{"type":"rich_text_section","elements":[
			{"type":"text","text":"Label: ","style":{"bold":true}},{"type":"text","text":"a value that is long enough to be wrapped when the terminal ends\nsecond line"},
			{"type":"link","url":"https://mannco.store"}]},
			{"type":"rich_text_list","style":"bullet","elements":[{"type":"rich_text_section","elements":[{"type":"text","text":"an entry"}]}]}]},
		{"type":"divider"},
		{"type":"context","elements":[{"type":"plain_text","text":"a footer"}]}]}`)
	if status != 200 {
		t.Fatal(says)
	}
	want := `A title[31m
───────────

Label: a value that is long enough to be wrapped when the terminal ends
second linehttps://mannco.store
• an entry

` + strings.Repeat("─", slacktest.Width) + `

a footer
`
	if got := slacktest.Text(s.Messages()[0]); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	plain := slacktest.New()
	hook(t, plain, `{"text":"1 &lt; 2 &amp; 3\nnext"}`)
	if got := slacktest.Text(plain.Messages()[0]); got != "1 < 2 & 3\nnext\n" {
		t.Errorf("plain text is shown as %q", got)
	}
}

func FuzzBlocks(f *testing.F) {
	f.Add(blocks(1, header(3)))
	f.Add(blocks(2, section(3)))
	f.Add(`{"blocks":[{"type":"rich_text","elements":[{"type":"rich_text_section","elements":[{"type":"emoji","name":"x"}]}]}]}`)
	f.Add(`{"text":"\u0000","blocks":null}`)
	f.Fuzz(func(t *testing.T, body string) {
		s := slacktest.New()
		hook(t, s, body)
		for _, m := range s.Messages() {
			if strings.ContainsAny(slacktest.Text(m), "\x00\x1b\r\x07") {
				t.Error("a control character reaches the terminal")
			}
		}
	})
}
