package mannco

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
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
	for _, path := range []string{"/user/ipList?perPage=50", "/user/ipList?perPage=50&expire=true"} {
		for _, body := range seeds(f, path) {
			f.Add(body)
		}
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		p, err := DecodePage(body, benchNow)
		if err != nil {
			checkText(t, "the error", err.Error())
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
		if err != nil || !reflect.DeepEqual(again, p) {
			t.Errorf("decoding the same twice gave two results: %+v, then %+v, %v", p, again, err)
		}
		plain, err := DecodePage(rewritten(p.Rows), benchNow)
		if err != nil || len(plain.Rows) != len(p.Rows) || plain.Broken != "" {
			t.Fatalf("written the plain way it gives %d rows of %d, %v %s", len(plain.Rows), len(p.Rows), err, plain.Broken)
		}
		for i := range plain.Rows {
			got, want := plain.Rows[i], p.Rows[i]
			if want.Addr.IsValid() {
				got.RawAddr, want.RawAddr = "", "" // both may be there where the field came twice
			} else {
				got.RawAddr, got.Flaws = want.RawAddr, nil
			}
			want.Flaws, want.badID = nil, false
			if !reflect.DeepEqual(got, want) {
				t.Errorf("written the plain way, row %d is %+v, want %+v", i, got, want)
			}
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
	for _, path := range []string{"/user/infos", "/user/nothing", "/user/disconnectSession/1"} {
		for _, body := range seeds(f, path) {
			f.Add(body)
		}
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
		checkText(t, "what the service said", cleanText(said(t, body)))
	})
}

// said is the message in an answer, which is the same each time.
func said(t *testing.T, body []byte) string {
	t.Helper()
	one, _ := messageOf(body)
	two, _ := messageOf(body)
	if one != two {
		t.Errorf("%+v, then %+v", one, two)
	}
	return one.message
}

// FuzzFacts: whatever the calls that tell of an account answer, with whatever
// status: values that are bounded and clean, or a fault that is both and shows
// no secret.
func FuzzFacts(f *testing.F) {
	for _, path := range []string{"/user/infos", "/user/balance", "/user/getContactMail", "/user/notifications?unreadOnly=true"} {
		for _, body := range seeds(f, path) {
			f.Add(body, uint8(0))
		}
	}
	statuses := []int{200, 300, 400, 404, 429, 418, 302, 203}
	for i := range statuses {
		f.Add([]byte(`{"content":{"informations":{"name":"`+secretToken+`","balance":"-1e3","since":"0"},"count":-1}}`), uint8(i))
		f.Add([]byte(`{"err":true,"message":"Bearer `+secretToken+`\u001b]0;x\u0007"}`), uint8(i))
	}
	f.Fuzz(func(t *testing.T, body []byte, status uint8) {
		answer := says{statuses[int(status)%len(statuses)], body}
		readFacts(t, answer)
	})
}

// readFacts makes every call that tells of an account.
func readFacts(t *testing.T, answer says) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // the service answers all the same, and nobody waits to try again
	infos, err := clientOf(t, answer).Infos(ctx)
	checkFault(t, err)
	if err == nil {
		for _, g := range []Given[string]{infos.SteamID, infos.Name, infos.TradeURL, infos.Payout, infos.Discord, infos.DiscordTag, infos.ShortURL, infos.Image, infos.Message, infos.Notification} {
			checkText(t, "a fact", g.Value)
		}
		for _, at := range []Given[time.Time]{infos.Since, infos.LastActivity} {
			if at.OK && (at.Value.Before(earliest) || at.Value.After(benchNow.Add(longestLife)) || at.Value.Location() != time.UTC) {
				t.Errorf("a time that cannot be: %s", at.Value)
			}
		}
		again, err := clientOf(t, answer).Infos(ctx)
		if err != nil || !reflect.DeepEqual(again, infos) {
			t.Errorf("reading the same twice: %+v, then %+v, %v", infos, again, err)
		}
	}
	_, err = clientOf(t, answer).Balance(ctx)
	checkFault(t, err)
	mail, err := clientOf(t, answer).ContactMail(ctx)
	checkFault(t, err)
	checkText(t, "the mail", mail)
	n, err := clientOf(t, answer).Notifications(ctx)
	checkFault(t, err)
	for _, count := range []Given[int64]{n.Alerts, n.PaymentReviews, n.Messages, n.Offers, n.Trades, n.Count} {
		if count.Value < 0 {
			t.Errorf("%d of something", count.Value)
		}
	}
	checkFault(t, clientOf(t, answer).Disconnect(ctx, "77"))
}

// checkFault looks at what a call says that did not work.
func checkFault(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	f, ok := err.(*sessionwarden.Fault)
	if !ok {
		t.Fatalf("an error that is no fault: %v", err)
	}
	if len(f.Message) > 2*sessionwarden.MaxText || f.Message != sessionwarden.Clean(f.Message, 2*sessionwarden.MaxText) {
		t.Errorf("not clean: %q", f.Message)
	}
	if text := f.Error(); strings.Contains(text, secretToken) || strings.Contains(text, secretKey) {
		t.Error("a secret is in the fault")
	}
	if f.RetryAfter < 0 || f.RetryAfter > longestWait {
		t.Errorf("waits %s", f.RetryAfter)
	}
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
	for _, body := range seeds(f, "") {
		f.Add(body)
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
		`{"version":1,"base_url":"https://other.example","token":"eyJ.e30.x"}`, `{"version":1,"base_url":"https://api.example","begun":["2026-06-01T11:00:00Z","0001-01-01T00:00:00Z"]}`, `{"version":2}`, `[]`, ``, `{"version":1,"logins":null}`,
	} {
		f.Add([]byte(seed))
	}
	for _, mangle := range []func([]byte) []byte{
		func(b []byte) []byte { return b[:len(b)/2] },
		func(b []byte) []byte { return bytes.Repeat(b, 3) },
		func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("2026"), []byte("9999")) },
		func(b []byte) []byte { return append([]byte("\xef\xbb\xbf"), b...) },
	} {
		f.Add(mangle([]byte(`{"version":1,"account":"main","base_url":"https://api.example","token":"` + secretToken + `","logins":[{"at":"2026-05-01T10:30:00Z","address":"192.0.2.1"},{"at":"2026-05-01T10:30:00.5Z","address":"::ffff:192.0.2.1"}]}`)))
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, content []byte) {
		tok, known, err := parseStored(content, "https://api.example", benchNow)
		if err != nil && (tok != nil || known.logins != nil || known.begun != nil || strings.Contains(err.Error(), "eyJ")) {
			t.Error("a file that is none gave something")
		}
		if tok != nil && !plainToken(tok.raw.reveal()) {
			t.Error("a token that may not stand in a header")
		}
		for _, l := range known.logins {
			if l.At.Before(earliest) || l.Addr.Zone() != "" || l.At.Location() != time.UTC {
				t.Errorf("a login that cannot be: %+v", l)
			}
		}
		pruned := pruneLogins(append([]login(nil), known.logins...), benchNow)
		if len(pruned) > maxLogins {
			t.Errorf("%d logins", len(pruned))
		}
		if tok == nil && len(known.logins) == 0 && len(known.begun) == 0 {
			return
		}
		// What was read is written, and is the same.
		s := &store{file: filepath.Join(dir, "main.json"), account: "main", base: "https://api.example"}
		_ = os.Remove(s.file)
		if err := s.save(tok, known, benchNow); err != nil {
			t.Fatal(err)
		}
		written, err := os.ReadFile(s.file)
		if err != nil || len(written) > maxTokenFile {
			t.Fatalf("%d bytes, %v", len(written), err)
		}
		again, knownAgain, err := parseStored(written, "https://api.example", benchNow)
		if err != nil || (again == nil) != (tok == nil) || !slices.Equal(knownAgain.logins, pruned) || !slices.Equal(knownAgain.begun, known.begun) {
			t.Fatalf("was %v %v, is %v %v, %v", tok != nil, pruned, again != nil, knownAgain, err)
		}
		if tok != nil && (again.raw.reveal() != tok.raw.reveal() || again.identity != tok.identity || again.sawOwn.Load() != tok.sawOwn.Load()) {
			t.Error("the token is not the one that was written")
		}
	})
}
