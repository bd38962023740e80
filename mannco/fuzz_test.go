package mannco

import (
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"sessionwarden"
)

// checkText fails where a text from outside was not made harmless.
func checkText(t *testing.T, what, text string) {
	t.Helper()
	if len(text) > sessionwarden.MaxText || !utf8.ValidString(text) || text != sessionwarden.Clean(text, sessionwarden.MaxText) {
		t.Errorf("%s is not clean: %q", what, text)
	}
}

func FuzzDecodePage(f *testing.F) {
	for _, seed := range []string{
		string(listBody(1, 3)),
		`{"status":"success","data":{"values":[{"ip":"203.0.113.7; ","location":"US: New York; ","isp":"","current":"1","timestamp":1706745600000}],"count":"1"}}`,
		`{"err":false,"content":[null,5,{"id":"1e3","ip":5,"user":[],"location":{},"isp":true,"current":"x","userAgent":"\ud800","timestamp":1e400,"expire":-1}]}`,
		`{"content":{"values":{"0":{"id":1,"id":2,"current":0,"current":1}},"count":1}}`,
		`{"content":{"values":[{"id":18446744073709551615,"ip":"::ffff:203.0.113.7","timestamp":"2026-05-01T10:30:00Z"}]}}`,
		`{"err":true,"content":{"message":"no"}}`,
		`{"content":{"values":[{"id":1,"ip":"192.0.2.1"},{"id":2,"ip":"192.`,
		"\xef\xbb\xbf{\"content\":[{\"isp\":\"\xff\x00\\u001b]0;x\\u0007\\u202e\"}]}",
		`<html>`, ``, `{}`, `[[[[`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		p, err := DecodePage(body, benchNow)
		if err != nil {
			return
		}
		if len(p.Rows) > p.Listed || p.Listed > maxRows {
			t.Fatalf("%d rows of %d entries", len(p.Rows), p.Listed)
		}
		for i := range p.Rows {
			r := &p.Rows[i]
			for what, text := range map[string]string{
				"address": r.RawAddr, "location": r.ServiceLocation, "ISP": r.ISP, "user agent": r.UserAgent, "user": r.User,
			} {
				checkText(t, what, text)
			}
			for _, flaw := range r.Flaws {
				checkText(t, "a flaw", flaw)
			}
			if r.ID != "" && !validID(r.ID) {
				t.Errorf("an id that is none: %q", r.ID)
			}
			if r.Addr.Is4In6() || r.Addr.Zone() != "" || r.Addr.IsValid() && r.RawAddr != "" {
				t.Errorf("an address of two forms: %s %q", r.Addr, r.RawAddr)
			}
			for _, at := range []time.Time{r.Started, r.Expires} {
				if !at.IsZero() && (at.Before(earliest) || at.After(benchNow.Add(longestLife)) || at.Location() != time.UTC) {
					t.Errorf("a time that cannot be: %s", at)
				}
			}
			if r.Ownership != sessionwarden.NotOwn {
				t.Error("decoding must not decide whose a row is")
			}
		}
		again, err := DecodePage(body, benchNow)
		if err != nil || len(again.Rows) != len(p.Rows) {
			t.Error("decoding the same twice gave two results")
		}
	})
}

func FuzzEnvelope(f *testing.F) {
	for _, seed := range []string{
		`{"status":"success","data":{}}`, `{"err":false,"success":true,"content":{"a":1}}`, `{"err":true,"content":"no"}`,
		`{"status":"forbidden"}`, `{"error":{"message":"x"}}`, `{"success":"0","message":5}`, `{"content":null}`, `{"content":[1,2`, `{"content":{},"data":{}}`, `{} x`, ``,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		called := 0
		e, err := readEnvelope(body, func(d *jsontext.Decoder) error { called++; return d.SkipValue() })
		if called > 1 || called == 1 && e.holds != holdsValue {
			t.Errorf("the content was read %d times, and is said to be %d", called, e.holds)
		}
		if err == nil && e.forbidden && !e.failed {
			t.Error("forbidden is a failure")
		}
		messageOf(body)
	})
}

func FuzzLogin(f *testing.F) {
	const head = "eyJhbGciOiJIUzI1NiJ9."
	for _, seed := range []string{
		`{"content":{"token":"` + head + `eyJpYXQiOjE3ODAzMTUyMDAsImV4cCI6MTc4Mjk5MzYwMCwiaXAiOiIxOTIuMC4yLjEifQ.x"}}`,
		`{"status":"success","data":"` + head + `e30.x"}`, head + `e30.`, `"` + head + `bnVsbA.x"`,
		`{"token":"` + head + `eyJpYXQiOiJ4IiwiZXhwIjotMSwiaXAiOjV9.x"}`, `{"err":true,"content":"Invalid API key"}`, ``, `{}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		tok, e, err := findToken(body, benchNow)
		if tok == nil {
			if err == nil && !e.failed {
				t.Error("neither a token nor a reason")
			}
			return
		}
		raw, id := tok.raw.reveal(), tok.identity
		if !strings.Contains(string(body), raw) && !strings.Contains(string(body), `\u`) || strings.ContainsAny(raw, " \r\n\"") || len(raw) > maxToken {
			t.Errorf("a token that the service did not send: %q", raw)
		}
		if !id.Expires.After(id.Issued) || tok.renewAt().Before(id.Issued) || tok.renewAt().After(id.Expires) {
			t.Errorf("a life that cannot be: %s to %s", id.Issued, id.Expires)
		}
		checkText(t, "the Steam id", id.SteamID)
		if err != nil && strings.Contains(err.Error(), raw) {
			t.Error("the error shows the token")
		}
	})
}

func FuzzRetryAfter(f *testing.F) {
	f.Add("7", "")
	f.Add("Mon, 01 Jun 2026 12:02:00 GMT", "1780315200")
	f.Add("-1", "-9223372036854775808")
	f.Add("99999999999999999999", "x")
	f.Add("1.5", "1e9")
	f.Fuzz(func(t *testing.T, after, reset string) {
		h := http.Header{"Retry-After": {after}, "X-Ratelimit-Reset": {reset}}
		if d := RetryAfter(h, benchNow); d < shortestWait || d > longestWait {
			t.Errorf("%q and %q mean %s", after, reset, d)
		}
	})
}

func FuzzTokenFile(f *testing.F) {
	for _, seed := range []string{
		`{"version":1,"account":"main","base_url":"https://api.example","token":"eyJhbGciOiJIUzI1NiJ9.e30.x","own_session_seen":true,"logins":[{"at":"2026-05-01T10:30:00Z","address":"192.0.2.1"}]}`,
		`{"version":1,"base_url":"https://api.example","logins":[{"at":"1970-01-01T00:00:00Z","address":"fe80::1%eth0"},{"at":"2026-05-01T10:30:00+02:00"}]}`,
		`{"version":1,"base_url":"https://other.example","token":"eyJ.e30.x"}`, `{"version":2}`, `[]`, ``, `{"version":1,"logins":null}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		tok, logins, err := parseStored(content, "https://api.example", benchNow)
		if err != nil && (tok != nil || logins != nil || strings.Contains(err.Error(), "eyJ")) {
			t.Error("a file that is none gave something")
		}
		if tok != nil && !plainToken(tok.raw.reveal()) {
			t.Error("a token that may not stand in a header")
		}
		for _, l := range logins {
			if l.At.Before(earliest) || l.Addr.Zone() != "" || l.At.Location() != time.UTC {
				t.Errorf("a login that cannot be: %+v", l)
			}
		}
		if pruned := pruneLogins(logins, benchNow); len(pruned) > maxLogins {
			t.Errorf("%d logins", len(pruned))
		}
	})
}
