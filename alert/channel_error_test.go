package alert_test

import (
	"context"
	"errors"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sessionwarden"
	"sessionwarden/alert"
	"sessionwarden/alert/channeltest"
)

// sendErr sends an intrusion and returns what came of it, checked for secrets.
func sendErr(t *testing.T, c alert.Channel) *alert.SendError {
	t.Helper()
	_, err := c.Send(context.Background(), alert.Compose(intrusion(sessionwarden.Done), told), "")
	return safe(t, err)
}

// shape is the form of an address in a cure, with words where secrets stand.
var shape = regexp.MustCompile(`write it as [a-z]+://[A-Z:@/?=&!a-z]*;`)

// safe checks an error for secrets and addresses, and returns it.
func safe(t *testing.T, err error) *alert.SendError {
	t.Helper()
	if err == nil {
		return nil
	}
	e := err.(*alert.SendError)
	bare := *e
	bare.Cure = shape.ReplaceAllString(e.Cure, "")
	bare.Reason = strings.NewReplacer("begins with https://", "", "use https://", "", "begins with http://", "").Replace(e.Reason)
	check(t, &bare)
	text := bare.Error() + " " + bare.Cure
	for _, never := range []string{channeltest.Token, "4711", "-100", ".invalid", "user-key", "discord.com", "api.", "evil"} {
		if strings.Contains(text, never) {
			t.Errorf("%q is in %q", never, text)
		}
	}
	if e.Class == alert.Broken && e.Cure == "" {
		t.Errorf("no cure: %s", e)
	}
	return e
}

// echo is an answer that repeats every secret.
const echo = `{"error":"evil ` + channeltest.Token + ` https://x.invalid/4711","description":"` + channeltest.Token + `","errcode":"` + channeltest.Token + `"}`

func TestEachServicesFailuresAreSorted(t *testing.T) {
	t.Parallel()
	reply := func(status int, body string) channeltest.Fault {
		return channeltest.Fault{Status: status, Body: body, Header: http.Header{"Location": {"https://evil.example/"}}}
	}
	wait := func(after string) channeltest.Fault {
		return channeltest.Fault{Status: 429, Body: echo, Header: http.Header{"Retry-After": {after}}}
	}
	type want struct {
		class alert.Class
		after time.Duration
	}
	all := map[string]map[string]struct {
		fault channeltest.Fault
		want  want
	}{"": { // what all have in common
		"unauthorized": {reply(401, echo), want{alert.Broken, 0}},
		"forbidden":    {reply(403, echo), want{alert.Broken, 0}},
		"not found":    {reply(404, echo), want{alert.Broken, 0}},
		"gone":         {reply(410, ""), want{alert.Broken, 0}},
		"not allowed":  {reply(405, ""), want{alert.Broken, 0}},
		"too large":    {reply(413, echo), want{alert.Reject, 0}},
		"bad request":  {reply(400, "<html>"), want{alert.Reject, 0}},
		"limited":      {wait("7"), want{alert.Limited, 7 * time.Second}},
		"limited long": {wait("999999999999999999999"), want{alert.Limited, 10 * time.Minute}},
		"trouble":      {reply(503, echo), want{alert.Retry, 0}},
		"time-out":     {reply(408, ""), want{alert.Retry, 0}},
		"redirect":     {reply(302, ""), want{alert.Retry, 0}},
		"moved":        {reply(308, ""), want{alert.Retry, 0}},
		"busy":         {reply(409, ""), want{alert.Retry, 0}},
		"endless":      {reply(200, strings.Repeat(" ", 2<<20)), want{alert.Retry, 0}},
		"reset":        {channeltest.Fault{Reset: true}, want{alert.Retry, 0}},
	}, "discord": {
		"no content":  {reply(200, ""), want{alert.Retry, 0}},
		"page":        {reply(200, "<html>"), want{alert.Retry, 0}},
		"form":        {reply(400, `{"code":50035,"message":"Invalid Form Body"}`), want{alert.Reject, 0}},
		"forum":       {reply(400, `{"code":220001,"message":"thread_name"}`), want{alert.Broken, 0}},
		"retry_after": {channeltest.Fault{Status: 429, Body: `{"retry_after":1.5}`}, want{alert.Limited, 1500 * time.Millisecond}},
	}, "telegram": {
		"page":       {reply(200, "<html>"), want{alert.Retry, 0}},
		"not ok":     {reply(200, `{"ok":false}`), want{alert.Retry, 0}},
		"no message": {reply(200, `{"ok":true,"result":{}}`), want{alert.Retry, 0}},
		"no chat":    {reply(400, `{"ok":false,"description":"Bad Request: chat not found"}`), want{alert.Broken, 0}},
		"entities":   {reply(400, `{"ok":false,"description":"Bad Request: can't parse entities"}`), want{alert.Reject, 0}},
		"too long":   {reply(400, `{"ok":false,"description":"Bad Request: message is too long"}`), want{alert.Reject, 0}},
		"moved":      {reply(400, `{"ok":false,"description":"upgraded","parameters":{"migrate_to_chat_id":-900}}`), want{alert.Broken, 0}},
		"kicked":     {reply(403, `{"ok":false,"description":"Forbidden: bot was kicked from the group chat"}`), want{alert.Broken, 0}},
		"slow down":  {channeltest.Fault{Status: 429, Body: `{"ok":false,"parameters":{"retry_after":33}}`}, want{alert.Limited, 33 * time.Second}},
	}, "ntfy": {
		"page":     {reply(200, "<html>"), want{alert.Retry, 0}},
		"no id":    {reply(200, `{}`), want{alert.Retry, 0}},
		"topic":    {reply(400, `{"code":40009,"http":400}`), want{alert.Broken, 0}},
		"a header": {reply(400, `{"code":40007,"http":400}`), want{alert.Reject, 0}},
		"storage":  {reply(507, `{"code":50701}`), want{alert.Retry, 0}},
	}, "gotify": {
		"page":  {reply(200, "<html>"), want{alert.Retry, 0}},
		"no id": {reply(200, `{}`), want{alert.Retry, 0}},
	}, "pushover": {
		"page":    {reply(200, "<html>"), want{alert.Retry, 0}},
		"zero":    {reply(200, `{"status":0}`), want{alert.Retry, 0}},
		"token":   {reply(400, `{"token":"invalid","status":0}`), want{alert.Broken, 0}},
		"user":    {reply(400, `{"user":"invalid","status":0}`), want{alert.Broken, 0}},
		"text":    {reply(400, `{"message":"cannot be blank","status":0}`), want{alert.Reject, 0}},
		"a month": {channeltest.Fault{Status: 429}, want{alert.Limited, 10 * time.Minute}},
	}, "matrix": {
		"page":    {reply(200, "<html>"), want{alert.Retry, 0}},
		"no id":   {reply(200, `{}`), want{alert.Retry, 0}},
		"token":   {reply(401, `{"errcode":"M_UNKNOWN_TOKEN"}`), want{alert.Broken, 0}},
		"large":   {reply(413, `{"errcode":"M_TOO_LARGE"}`), want{alert.Reject, 0}},
		"limited": {channeltest.Fault{Status: 429, Body: `{"errcode":"M_LIMIT_EXCEEDED","retry_after_ms":2500}`}, want{alert.Limited, 2500 * time.Millisecond}},
	}, "teams": {
		"no content": {reply(204, ""), want{alert.Retry, 0}},
	}, "hook": {
		"not processable": {reply(422, ""), want{alert.Reject, 0}},
	}}
	for _, service := range others() {
		cases := maps.Clone(all[""])
		maps.Copy(cases, all[service])
		for _, name := range slices.Sorted(maps.Keys(cases)) {
			c := cases[name]
			t.Run(service+"/"+name, func(t *testing.T) {
				t.Parallel()
				s := channeltest.New()
				s.Always(&c.fault)
				e := sendErr(t, over(t, service, s))
				if e == nil || e.Class != c.want.class || c.want.after != 0 && e.RetryAfter != c.want.after {
					t.Fatalf("%v (%v), want %s %v", e, e, c.want.class, c.want.after)
				}
				if len(s.Messages()) > 0 {
					t.Error("it arrived")
				}
				if most := map[bool]int{true: 2, false: 1}[service == "matrix"]; s.Requests() > most {
					t.Errorf("%d requests for one message", s.Requests())
				}
				s.Always(nil)
				if e := sendErr(t, over(t, service, s)); e != nil && service != "matrix" {
					t.Errorf("afterwards: %v", e)
				}
			})
		}
	}
}

// A failure of the network never looks like a success, whatever a library makes
// of it, and says whether the message may have arrived.
func TestNoAnswerIsNoSuccess(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err    error
		unsure bool
	}{
		"no such host": {&net.DNSError{Err: "no such host", Name: channeltest.Token, IsNotFound: true}, false},
		"refused":      {&net.OpError{Op: "dial", Err: errors.New("connection refused by " + channeltest.Token)}, false},
		"reset":        {&net.OpError{Op: "read", Err: errors.New("connection reset by " + channeltest.Token)}, true},
		"time-out":     {context.DeadlineExceeded, true},
	} {
		for service, address := range channeltest.Addresses() {
			c2, err := alert.NewShoutrrr(alert.ShoutrrrOptions{Name: "phone", URL: func() (string, error) { return address, nil }, Transport: failing(c.err)})
			if err != nil {
				t.Fatal(err)
			}
			if e := sendErr(t, c2); e == nil || e.Class != alert.Retry || e.Unsure != c.unsure {
				t.Errorf("%s, %s: %+v", service, name, e)
			}
			if _, err := c2.Try(t.Context()); err == nil && service != "teams" {
				t.Errorf("%s, %s: trying says that all is well", service, name)
			} else {
				safe(t, err)
			}
		}
	}
}

// A server that takes connections and says nothing holds nobody up longer than
// the time-out, whatever a library waits for; nor does a message that is called
// off.
func TestAServerThatHangsHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		silent := roundTrip(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		for service, address := range channeltest.Addresses() {
			c, err := alert.NewShoutrrr(alert.ShoutrrrOptions{Name: "phone", URL: func() (string, error) { return address, nil }, Transport: silent})
			if err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			if e := sendErr(t, c); e == nil || e.Class != alert.Retry || !e.Unsure {
				t.Errorf("%s: %v", service, e)
			}
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("%s: it took %v", service, took)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			began = time.Now()
			if _, err := c.Send(ctx, alert.Compose(intrusion(sessionwarden.Done), told), ""); err == nil || time.Since(began) > time.Second {
				t.Errorf("%s: called off: %v after %v", service, err, time.Since(began))
			}
			cancel()
		}
	})
}

// Nothing that is not https leaves this machine, and nothing is redirected.
func TestARedirectTakesNothingAnywhere(t *testing.T) {
	t.Parallel()
	visited := 0
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { visited++ }))
	defer elsewhere.Close()
	here := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	defer here.Close()
	host := strings.TrimPrefix(here.URL, "http://")
	for _, address := range []string{"ntfy://:" + channeltest.Token + "@" + host + "/alerts?scheme=http", "gotify://" + host + "/gtfya." + channeltest.Token + "-00000000000000000000000000?disabletls=yes",
		"matrix://:" + channeltest.Token + "@" + host + "/?rooms=!r:x&disableTLS=yes"} {
		c, err := alert.NewShoutrrr(alert.ShoutrrrOptions{Name: "phone", URL: func() (string, error) { return address, nil }})
		if err != nil {
			t.Fatal(err)
		}
		if e := sendErr(t, c); e == nil || e.Class != alert.Retry || !strings.Contains(e.Reason, "redirect") {
			t.Errorf("%.10s: %v", address, e)
		}
	}
	if visited > 0 {
		t.Error("a redirect was followed")
	}
}

func TestTryingFindsWhatIsWrongWithoutAMessage(t *testing.T) {
	t.Parallel()
	for _, service := range others() {
		s := channeltest.New()
		said, err := over(t, service, s).Try(t.Context())
		if err != nil || said == "" || len(s.Messages()) > 0 {
			t.Errorf("%s: %q, %v, %d messages", service, said, err, len(s.Messages()))
		}
		if service == "teams" || service == "hook" {
			if s.Requests() > 0 || !strings.Contains(said, "sessionwarden alert test") {
				t.Errorf("%s: %d requests, %q", service, s.Requests(), said)
			}
			continue
		}
		for _, fault := range []channeltest.Fault{{Status: 401, Body: echo}, {Status: 404, Body: echo}, {Status: 503}, {Status: 200, Body: "<html>"}, {Status: 200, Body: `{}`}, {Reset: true}} {
			s.Always(&fault)
			said, err := over(t, service, s).Try(t.Context())
			if e := safe(t, err); e == nil || said != "" || fault.Status == 401 && e.Class != alert.Broken {
				t.Errorf("%s, HTTP %d: %q, %v", service, fault.Status, said, err)
			}
			if d, ok := over(t, service, s).(alert.Dryer); !ok || safe(t, d.Dry(t.Context())) == nil {
				t.Errorf("%s, HTTP %d: a dry try says that all is well", service, fault.Status)
			}
		}
	}
	wrong := map[string]string{
		"discord": "discord://other@4711", "telegram": "telegram://1:other@telegram?chats=-100", "matrix": "matrix://:other@matrix.invalid/?rooms=!room:matrix.invalid",
		"pushover": "pushover://:other@user-key", "a chat": "telegram://4711:" + channeltest.Token + "@telegram?chats=7",
	}
	for name, address := range wrong {
		said, err := at(t, address, channeltest.New()).Try(t.Context())
		if e := safe(t, err); e == nil || e.Class != alert.Broken || said != "" {
			t.Errorf("%s: %q, %v", name, said, err)
		}
	}
}

// FuzzChannelAnswers has every service answer anything.
func FuzzChannelAnswers(f *testing.F) {
	for _, body := range []string{"", "ok", echo, `{"ok":true,"result":{"message_id":1}}`, `{"id":"x","event":"message"}`, `{"id":1}`, `{"status":1}`, `{"event_id":"$1"}`, `{"retry_after":1e300}`, `{"parameters":{"retry_after":-1}}`, `[]`, `{"code":"x"}`} {
		for _, status := range []int{200, 202, 204, 302, 400, 401, 429, 500} {
			f.Add(status, body, "30")
		}
	}
	f.Fuzz(func(t *testing.T, status int, body, retryAfter string) {
		if status < 200 || status > 599 {
			return
		}
		s := channeltest.New()
		s.Always(&channeltest.Fault{Status: status, Body: body, Header: http.Header{"Retry-After": {retryAfter}}})
		for _, service := range others() {
			c := over(t, service, s)
			if e := sendErr(t, c); e == nil && status >= 300 {
				t.Errorf("%s: HTTP %d is a success", service, status)
			}
			_, err := c.Try(t.Context())
			if err != nil {
				check(t, err)
			}
		}
	})
}
