package alert_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"sessionwarden"
	"sessionwarden/alert"
	"sessionwarden/alert/channeltest"
)

// verify is the receiver's part, as docs/channels.md shows it.
func verify(secret, header string, body []byte, now time.Time) bool {
	at, signed, ok := strings.Cut(strings.TrimPrefix(header, "t="), ",v1=")
	unix, err := strconv.ParseInt(at, 10, 64)
	if !ok || err != nil || now.Sub(time.Unix(unix, 0)).Abs() > 5*time.Minute {
		return false // no signature, or an old message sent again
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(at + "."))
	mac.Write(body)
	want := hex.EncodeToString(mac.Sum(nil))
	return hmac.Equal([]byte(signed), []byte(want))
}

func TestAReceiverVerifiesTheSignature(t *testing.T) {
	t.Parallel()
	var header http.Header
	var body []byte
	receiver := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		header = r.Header
		body, _ = io.ReadAll(r.Body)
		if !verify(channeltest.Token, r.Header.Get("X-Sessionwarden-Signature"), body, time.Now()) {
			out.WriteHeader(http.StatusUnauthorized)
		}
	}))
	defer receiver.Close()
	secret := channeltest.Token
	hook, err := alert.NewJSONHook(alert.JSONHookOptions{Name: "own", URL: func() (string, error) { return receiver.URL, nil }, Secret: func() (string, error) { return secret, nil }})
	if err != nil {
		t.Fatal(err)
	}
	m := alert.Compose(intrusion(sessionwarden.Verified), told)
	if _, err := hook.Send(t.Context(), m, ""); err != nil {
		t.Fatal(err)
	}
	signature := header.Get(alert.SignatureHeader)
	for name, ok := range map[string]bool{
		"another body":   verify(secret, signature, append([]byte(" "), body...), time.Now()),
		"another secret": verify("other", signature, body, time.Now()),
		"another time":   verify(secret, strings.Replace(signature, "t=", "t=1", 1), body, time.Now()),
		"later":          verify(secret, signature, body, time.Now().Add(6*time.Minute)),
		"none":           verify(secret, "", body, time.Now()),
	} {
		if ok {
			t.Errorf("%s is taken", name)
		}
	}
	if strings.Contains(string(body), secret) || strings.Contains(signature, secret) {
		t.Error("the secret is sent")
	}
	secret = "rotated"
	if _, err := hook.Send(t.Context(), m, ""); err == nil || err.(*alert.SendError).Class != alert.Broken {
		t.Errorf("another secret than the receiver's: %v", err)
	}
}

func TestTheRecordSaysWhatTheMessageRestsOn(t *testing.T) {
	t.Parallel()
	a := samples()["takeover"]
	a.Incident, a.Revision = 7, 3
	a.Answered, a.By = noon, "main's owner"
	f := told
	f.Zone = berlin(t)
	m := got(t, "hook", alert.Compose(a, f))
	var r alert.Record
	to := json.NewDecoder(bytes.NewReader(m.Body))
	to.DisallowUnknownFields()
	if err := to.Decode(&r); err != nil {
		t.Fatal(err)
	}
	if r.Version != 1 || r.Alert != "17" || r.Incident != "7" || r.Revision != 3 || r.Kind != "intrusion" || r.Severity != "critical" || r.Account != "main" || r.Test ||
		strings.Join(r.Topics, ",") != "intrusion,account_change" || r.Created != "2026-07-01T12:00:00Z" || r.Answered != "2026-07-01T12:00:00Z" || r.AnsweredBy != "main's owner" || r.Instance != "example-host" {
		t.Errorf("%+v", r)
	}
	if len(r.Sessions) != 1 || len(r.Findings) != 1 || r.Findings[0].Rule != "trade_url_changed" {
		t.Fatalf("%+v", r)
	}
	s := r.Sessions[0]
	if s.ID != "12345" || s.Address != "203.0.113.9" || s.Country != "BR" || s.ASN != 64500 || s.Device != "Windows, Chrome" || s.State != "live" || s.Started != "2026-07-01T11:59:40Z" ||
		s.Outcome != "NOT ENDED. It waits for your answer." || s.Action == nil || s.Action.State != "held" || s.Action.Hold != "ask" || s.Action.ID != "12" || s.Findings[0].Rule != "takeover" {
		t.Errorf("%+v %+v", s, s.Action)
	}
	want := "approve sessionwarden approve 12|deny sessionwarden deny 12|show sessionwarden incidents show 7|"
	var commands strings.Builder
	for _, c := range r.Commands {
		commands.WriteString(c.Does + " " + c.Command + "|")
	}
	if commands.String() != want {
		t.Errorf("the commands are %s", commands.String())
	}
	if !strings.Contains(r.Text, "CEST") || strings.Contains(s.Outcome, "CEST") {
		t.Error("the text is in the reader's zone, all else in UTC")
	}
	if strings.Contains(string(m.Body), `null`) || strings.Contains(string(m.Body), `""`) || strings.Contains(string(m.Body), `\u003`) {
		t.Errorf("what is not known is there: %s", m.Body)
	}
	stays := got(t, "hook", alert.Compose(samples()["alert_only"], told))
	if !strings.Contains(string(stays.Body), `{"does":"disconnect","command":"sessionwarden disconnect 12345 --account main"}`) {
		t.Errorf("no command for who stays: %s", stays.Body)
	}
	if test := got(t, "hook", alert.Compose(samples()["test"], told)); !strings.Contains(string(test.Body), `"test":true`) {
		t.Errorf("not marked as a test: %s", test.Body)
	}
	bundle := got(t, "hook", alert.Bundle([]sessionwarden.Alert{samples()["blind"], a}, told))
	if !strings.Contains(string(bundle.Body), `"kind":"bundle"`) || !strings.Contains(string(bundle.Body), `"alerts":[{"alert_id":"17","kind":"intrusion"`) {
		t.Errorf("a bundle: %s", bundle.Body)
	}
}

// The key is the same for what is sent again, and no other's.
func TestTheKeyTellsRepetitionsFromNews(t *testing.T) {
	t.Parallel()
	key := func(a sessionwarden.Alert, f alert.Facts) string {
		m := got(t, "hook", alert.Compose(a, f))
		return m.Header.Get(alert.IdempotencyHeader)
	}
	a, again, later := intrusion(sessionwarden.Verified), told, told
	again.Repeat, later.Now = true, told.Now.Add(time.Hour)
	first := key(a, told)
	if first == "" || key(a, again) != first || key(a, later) != first {
		t.Error("a repetition has another key")
	}
	reminder, elsewhere, asked := told, told, told
	asked.Asked = true
	reminder.Silent, elsewhere.Instance = 10*time.Minute, "other"
	seen := map[string]string{first: "the first"}
	for name, k := range map[string]string{
		"a reminder": key(a, reminder), "what a person asked for": key(a, asked), "another daemon": key(a, elsewhere),
		"a revision":      key(changed(a, func(a *sessionwarden.Alert) { a.Revision++ }), told),
		"another alert":   key(changed(a, func(a *sessionwarden.Alert) { a.ID++ }), told),
		"another history": key(changed(a, func(a *sessionwarden.Alert) { a.Created = a.Created.Add(time.Hour) }), told),
	} {
		if other, ok := seen[k]; ok {
			t.Errorf("%s has the key of %s: %q", name, other, k)
		}
		seen[k] = name
	}
}

// A receiver that does not take the rich form gets the words alone.
func TestARefusedRecordIsSentPlainer(t *testing.T) {
	t.Parallel()
	m := alert.Compose(intrusion(sessionwarden.Verified), told)
	m.Plain = true
	var r alert.Record
	if err := json.Unmarshal(got(t, "hook", m).Body, &r); err != nil {
		t.Fatal(err)
	}
	if r.Sessions != nil || r.Commands != nil || r.Key == "" || !strings.Contains(r.Text, "Ended and verified gone") {
		t.Errorf("%+v", r)
	}
}

func TestAHooksAddressAndSecretHaveToBeThere(t *testing.T) {
	t.Parallel()
	s := channeltest.New()
	text := func(text string) func() (string, error) { return func() (string, error) { return text, nil } }
	gone := func() (string, error) { return "", errors.New("open " + channeltest.Token) }
	good := "https://hook.invalid/hook/" + channeltest.Token
	for name, o := range map[string]alert.JSONHookOptions{
		"no address":            {URL: gone},
		"not an address":        {URL: text(channeltest.Token)},
		"without TLS":           {URL: text("http://hook.invalid/hook/" + channeltest.Token)},
		"with a password":       {URL: text("https://x:" + channeltest.Token + "@hook.invalid/")},
		"a secret that is gone": {URL: text(good), Secret: gone},
		"a secret of nothing":   {URL: text(good), Secret: text("")},
	} {
		o.Name, o.Transport = "own", s.Transport()
		hook, err := alert.NewJSONHook(o)
		if err != nil {
			t.Fatal(err)
		}
		if e := sendErr(t, hook); e == nil || e.Class != alert.Broken || s.Requests() > 0 {
			t.Errorf("%s: %v", name, e)
		}
		said, err := hook.Try(context.Background())
		if e := safe(t, err); e == nil || said != "" {
			t.Errorf("%s: trying says %q", name, said)
		}
	}
	hook, err := alert.NewJSONHook(alert.JSONHookOptions{Name: "own", URL: text(good), Transport: s.Transport()})
	if err != nil {
		t.Fatal(err)
	}
	if e := sendErr(t, hook); e != nil || s.Messages()[0].Header.Get(alert.SignatureHeader) != "" {
		t.Errorf("without a secret: %v", e)
	}
	if hook.Name() != "own" || hook.CanUpdate() {
		t.Errorf("%q, %t", hook.Name(), hook.CanUpdate())
	}
	for _, o := range []alert.JSONHookOptions{{URL: text(good)}, {Name: "own"}} {
		if _, err := alert.NewJSONHook(o); err == nil {
			t.Error("a hook without a name or an address")
		}
	}
}
