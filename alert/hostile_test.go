package alert_test

import (
	"context"
	"encoding/json"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"sessionwarden"
	"sessionwarden/alert"
	"sessionwarden/alert/slacktest"
)

// poisoned is an alert with text in every field that comes from outside.
func poisoned(text string) sessionwarden.Alert {
	s := sessionwarden.Sighting{
		Seq: 1, Account: "main",
		Session: sessionwarden.Session{
			ID: sessionwarden.SessionID(text), RawAddr: text, ServiceLocation: text, ServiceCountry: sessionwarden.Country(text), ISP: text, UserAgent: text,
			Started: noon, Flaws: []string{text},
		},
		Location:  sessionwarden.Location{Country: sessionwarden.Country(text), City: text, ASN: 64500, Organization: text, Source: text, Built: noon},
		FirstSeen: noon,
	}
	f := unexpected()
	f.Reason, f.Silence, f.Capped, f.Rule, f.Session = text, text, text, sessionwarden.Rule(text), s.ID
	f.Facts = []sessionwarden.Fact{{Name: "user_agent", Value: text}}
	act := disconnecting(sessionwarden.Held)
	act.Session, act.Device, act.Reason, act.Note, act.Addr = s.ID, text, text, text, text
	refused := *act
	refused.State = sessionwarden.Refused
	told := s
	told.Device = text
	told.Addr, told.RawAddr = netip.MustParseAddr("2001:db8::1"), ""
	return sessionwarden.Alert{
		ID: 1, Key: text, Account: text, Kind: sessionwarden.Intrusion, Severity: sessionwarden.Critical, Created: noon, Updated: noon,
		Items: []sessionwarden.AlertItem{
			{Sighting: s, Findings: []sessionwarden.Finding{f, f, f, f}, Action: act},
			{Sighting: told, Findings: []sessionwarden.Finding{f}, Action: &refused},
			{Sighting: s, Findings: []sessionwarden.Finding{f}},
			{Sighting: told, Findings: []sessionwarden.Finding{f}},
			{Findings: []sessionwarden.Finding{f}},
		},
		More: 3, Lines: []string{text, text},
	}
}

var (
	escaped = regexp.MustCompile(`&(amp|lt|gt);`)
	emoji   = regexp.MustCompile(`(^|[^0-9A-Za-z]):[a-z_+-][a-z0-9_+-]*:`)
	ownLink = regexp.MustCompile(`https://mannco\.store(/[a-z/-]*)?[.,;:)]*( |\n|$)`)
	option  = regexp.MustCompile(` --account [A-Za-z0-9._-]+`)
	domain  = regexp.MustCompile(`(?i)[a-z0-9-]\.(com|example|net|org|test)\b`)
)

// harmless checks a message as it stands in Slack.
func harmless(t *testing.T, m slacktest.Message) {
	t.Helper()
	if !m.Verbatim || m.Unfurl {
		t.Error("markup or previews are on")
	}
	if rest := escaped.ReplaceAllString(m.Text, ""); strings.ContainsAny(rest, "<>&*`~") {
		t.Errorf("markup in the fallback: %q", m.Text)
	}
	if emoji.MatchString(m.Text) {
		t.Errorf("a picture in the fallback: %q", m.Text)
	}
	words := []string{m.Text}
	var blocks []any
	if len(m.Raw) > 0 {
		if err := json.Unmarshal(m.Raw, &blocks); err != nil {
			t.Fatal(err)
		}
	}
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, inner := range v {
				walk(inner)
			}
		case map[string]any:
			switch kind, _ := v["type"].(string); kind {
			case "header", "context", "rich_text", "rich_text_section", "text":
			case "plain_text":
				if v["emoji"] != false {
					t.Error("plain_text with pictures")
				}
			case "link":
				if v["url"] != "https://mannco.store" {
					t.Errorf("a link to %v", v["url"])
				}
			default:
				t.Errorf("an element of type %q", kind)
			}
			if text, ok := v["text"].(string); ok && v["type"] != "link" {
				words = append(words, text)
			}
			walk(v["text"])
			walk(v["elements"])
		}
	}
	walk(blocks)
	for _, text := range words {
		for _, r := range text {
			if r != '\n' && (unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Co, unicode.Zl, unicode.Zp)) {
				t.Fatalf("the character %U in %q", r, text)
			}
		}
		if !utf8.ValidString(text) {
			t.Errorf("not UTF-8: %q", text)
		}
		rest := ownLink.ReplaceAllString(text, " ")
		rest = option.ReplaceAllString(rest, " ") // the owner's own name for the account
		if strings.Contains(rest, "://") || strings.Contains(strings.ReplaceAll(rest, "@every", ""), "@") || domain.MatchString(rest) {
			t.Errorf("a link or a mention in %q", text)
		}
	}
}

// hostiles are texts that somebody who means harm would send.
var hostiles = map[string]string{
	"mention":  "<!channel> @here @channel <@U123> <#C123> <!subteam^S1> @everyone",
	"link":     "<https://evil.example|click here> http://evil.example/x evil.example www.evil.example https://mannco.store@evil.example https://mannco.store.evil.example mailto:a@evil.example",
	"markup":   "*bold* _italic_ ~gone~ `code` ```block``` :rotating_light: :smile: > quote & &amp; &lt;!channel&gt;",
	"bidi":     "abc\u202Edef\u2066ghi\u200Bjkl\uFEFFmno",
	"terminal": "\x1b[31mred\x1b]52;c;ZXZpbA==\x07 \x9b31m\r\n\x00NUL\x7f",
	"long":     strings.Repeat("A very long user agent ", 3000),
	"broken":   "\xff\xfe\xc3\x28 \xed\xa0\x80 ok",
	"shell":    "1; rm -rf / $(id) `id` --all",
	"unspaced": strings.Repeat("@<>*`:a.b://", 6000),
}

func TestNothingFromOutsideFormatsLinksOrMentions(t *testing.T) {
	t.Parallel()
	for name, text := range hostiles {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, a := range []sessionwarden.Alert{
				poisoned(text),
				{ID: 2, Account: text, Kind: sessionwarden.AlertKind(text), Severity: sessionwarden.Critical, Title: text, Lines: []string{text, "Look: sessionwarden findings " + text}, Created: noon},
			} {
				rich := alert.Compose(a, alert.Facts{Now: noon, Instance: text, Final: true})
				plain := rich
				plain.Plain = true
				for _, m := range []alert.Message{rich, plain, alert.Bundle([]sessionwarden.Alert{a, a}, alert.Facts{Now: noon, Instance: text})} {
					at := posted(t, m)
					harmless(t, at)
					if n := utf8.RuneCountInString(m.Text); n > alert.MaxMessage+500 {
						t.Errorf("the message has %d characters", n)
					}
				}
				if len(a.Items) > 0 {
					golden(t, "hostile_"+name+".txt", rich.Text+"\n\n--- as Slack gets it, in plain ---\n"+posted(t, plain).Text+"\n")
				}
			}
		})
	}
}

func TestACommandToCopyHoldsNothingFromOutside(t *testing.T) {
	t.Parallel()
	text := alert.Compose(poisoned(hostiles["shell"]), alert.Facts{Now: noon}).Text
	for _, line := range strings.Split(text, "\n") {
		if _, typed, ok := strings.Cut(line, "sessionwarden disconnect"); ok {
			t.Errorf("a command with a hostile id: %q", typed)
		}
	}
}

func FuzzWords(f *testing.F) {
	for _, text := range hostiles {
		f.Add(text[:min(len(text), 2000)])
	}
	f.Add("https://mannco.store/settings")
	f.Add("a.B.c.1d 1.2.3.4 x.toml x.toml.zip ::ffff:1 :a:b: _x_ a_b __")
	f.Fuzz(func(t *testing.T, text string) {
		for _, a := range []sessionwarden.Alert{poisoned(text), {ID: 2, Account: text, Kind: sessionwarden.Blind, Title: text, Lines: []string{text}}} {
			m := alert.Compose(a, alert.Facts{Now: noon, Instance: text, Location: sessionwarden.LocationStatus{Failed: text}})
			harmlessFor(t, m)
			m.Plain = true
			harmlessFor(t, m)
			harmlessFor(t, alert.Bundle([]sessionwarden.Alert{a}, alert.Facts{Instance: text}))
		}
	})
}

// harmlessFor posts m and checks it, also as a terminal shows it.
func harmlessFor(t *testing.T, m alert.Message) {
	t.Helper()
	at := posted(t, m)
	harmless(t, at)
	for _, r := range slacktest.Text(at) {
		if r != '\n' && unicode.IsControl(r) {
			t.Fatalf("the control character %U reaches the terminal", r)
		}
	}
}

func FuzzSlackAnswers(f *testing.F) {
	for _, body := range []string{
		"ok", "", "invalid_blocks", "<html>", `{"ok":true,"ts":"1.2","channel":"C1"}`, `{"ok":true}`, `{"ok":false,"error":"channel_not_found"}`,
		`{"ok":false,"ts":"1.2"}`, `{"ok":true,"ts":"\u0000:<!channel>","channel":"x:y"}`, `[]`, `{"ok":1}`, canary, `{"ok":false,"error":"` + canary + `"}`,
	} {
		for _, status := range []int{200, 302, 400, 403, 404, 410, 429, 500} {
			f.Add(status, body, "30")
		}
	}
	f.Fuzz(func(t *testing.T, status int, body, retryAfter string) {
		if status < 200 || status > 599 {
			return
		}
		answer := answering(status, body, retryAfter)
		m := alert.Compose(intrusion(sessionwarden.Done), alert.Facts{Now: noon})
		hook, err := alert.NewSlackWebhook(alert.SlackWebhookOptions{URL: func() (string, error) { return "https://slack.invalid/" + canary, nil }, Transport: answer})
		if err != nil {
			t.Fatal(err)
		}
		_, err = hook.Send(context.Background(), m, "")
		if (err == nil) != (status == 200 && strings.TrimSpace(body) == "ok") {
			t.Errorf("HTTP %d, %q: the webhook says %v", status, body, err)
		}
		check(t, err)
		bot, err := alert.NewSlackBot(alert.SlackBotOptions{Token: func() (string, error) { return canary, nil }, Channel: "#security", APIURL: "http://127.0.0.1/", Transport: answer})
		if err != nil {
			t.Fatal(err)
		}
		for _, ref := range []string{"", "C1:1.2", "nonsense"} {
			got, err := bot.Send(context.Background(), m, ref)
			if err == nil && (status != 200 || strings.ContainsAny(got, " \x00<>\n")) {
				t.Errorf("HTTP %d, %q: ref %q", status, body, got)
			}
			check(t, err)
		}
	})
}

// check looks at an error of a channel: it is sorted, waits within bounds and
// holds no secret and no URL.
func check(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	e, ok := err.(*alert.SendError)
	if !ok {
		t.Fatalf("not a SendError: %v", err)
	}
	if e.RetryAfter < 0 || e.RetryAfter > 10*time.Minute || e.RetryAfter > 0 && e.RetryAfter < time.Second {
		t.Errorf("waits %v", e.RetryAfter)
	}
	if text := e.Error() + e.Cure; strings.Contains(text, canary) || strings.Contains(text, "://") || strings.Contains(text, "slack.invalid") {
		t.Errorf("a secret or a URL in %q", text)
	}
}
