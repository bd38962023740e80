package manncotest_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"sessionwarden/mannco/manncotest"
)

func TestLoginTakesAKeyAsJSONOrForm(t *testing.T) {
	t.Parallel()
	_, p := service(t, manncotest.Options{})
	for _, c := range []struct {
		name, kind, body string
		status           int
		says             string
	}{
		{"JSON", "application/json", `{"apiKey":"` + testKey + `"}`, 200, `"jwt":"`},
		{"JSON without a type", "", `{"apiKey":"` + testKey + `"}`, 200, `"jwt":"`},
		{"form", "application/x-www-form-urlencoded; charset=utf-8", "apiKey=" + testKey, 200, `"jwt":"`},
		{"no key", "application/json", `{}`, 300, "Missing API key"},
		{"no body", "application/json", ``, 300, "Missing API key"},
		{"a key that is no text", "application/json", `{"apiKey":7}`, 300, "Missing API key"},
		{"another key", "application/json", `{"apiKey":"wrong"}`, 403, "Invalid API key"},
	} {
		p.do("POST", "/user/login", c.kind, c.body).want(t, c.status, c.says)
	}
}

func TestLoginMakesASessionOfItsOwn(t *testing.T) {
	t.Parallel()
	s, first := service(t, manncotest.Options{Egress: addr("198.51.100.5"), EgressLocation: "DE: Berlin", EgressISP: "Example"})
	second := &person{t: t, transport: s.Transport()}
	second.login()
	for _, p := range []*person{first, second} {
		rows, count := p.list("")
		if len(rows) != 2 || count != 2 {
			t.Fatalf("two logins make %d rows and a count of %d", len(rows), count)
		}
		own := 0
		for _, row := range rows {
			if row.Current {
				own++
			}
			if row.IP != "198.51.100.5" || row.Location != "DE: Berlin" || row.ISP != "Example" || row.UserAgent != "sessionwarden-test" {
				t.Errorf("a login's row says %+v", row)
			}
		}
		if own != 1 {
			t.Errorf("%d rows are current", own)
		}
	}
	if a, _ := first.list(""); a[1].Current != true {
		t.Errorf("the older login is not the first one's own: %+v", a)
	}
	if s.Logins("main") != 2 || s.Count("main", manncotest.RouteLogin) != 2 {
		t.Errorf("counted %d logins", s.Logins("main"))
	}
}

func TestTokenSaysWhatTheServiceDocuments(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	_, p := service(t, manncotest.Options{Now: func() time.Time { return now }, Egress: addr("198.51.100.5"), EgressLocation: "DE: Berlin"})
	said := jwt.MapClaims{}
	if _, _, err := jwt.NewParser().ParseUnverified(p.token, said); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"iss": "API", "sub": "76561198000000001", "steamid": "76561198000000001", "API": true, "proxy": false,
		"ip": "198.51.100.5", "country": "DE", "iat": float64(now.Unix()), "exp": float64(now.AddDate(0, 0, 31).Unix()),
	}
	for name, value := range want {
		if said[name] != value {
			t.Errorf("%s is %v, want %v", name, said[name], value)
		}
	}
	if id, _ := said["jti"].(string); id == "" {
		t.Error("there is no jti")
	}
}

func TestTokenIsRefused(t *testing.T) {
	t.Parallel()
	forged := func(t *testing.T, p *person, method jwt.SigningMethod, key any) string {
		said := jwt.MapClaims{}
		if _, _, err := jwt.NewParser().ParseUnverified(p.token, said); err != nil {
			t.Fatal(err)
		}
		token, err := jwt.NewWithClaims(method, said).SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	now := time.Now()
	for name, c := range map[string]struct {
		before func(*testing.T, *manncotest.Service, *person)
		status int
		says   string
	}{
		"without one": {func(_ *testing.T, _ *manncotest.Service, p *person) { p.token = "" }, 401, "must be logged in"},
		"garbage":     {func(_ *testing.T, _ *manncotest.Service, p *person) { p.token = "a.b.c" }, 403, "Invalid or expired"},
		"unsigned": {func(t *testing.T, _ *manncotest.Service, p *person) {
			p.token = forged(t, p, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType)
		}, 403, "Invalid or expired"},
		"signed by another": {func(t *testing.T, _ *manncotest.Service, p *person) {
			p.token = forged(t, p, jwt.SigningMethodHS256, []byte("not the secret"))
		}, 403, "Invalid or expired"},
		"from another address": {func(_ *testing.T, s *manncotest.Service, p *person) {
			p.transport = s.TransportFrom(addr("203.0.113.99"))
		}, 403, "not valid for this address"},
		"after the egress changed": {func(_ *testing.T, s *manncotest.Service, _ *person) {
			s.SetEgress(addr("203.0.113.98"), "", "")
		}, 403, "not valid for this address"},
		"after a thief ended it": {func(t *testing.T, s *manncotest.Service, _ *person) {
			if len(s.EndWatcher("main")) != 1 {
				t.Error("there was nothing to end")
			}
		}, 403, "Session expired"},
		"after the key was revoked": {func(_ *testing.T, s *manncotest.Service, _ *person) { s.RevokeKey("main") }, 403, "Session expired"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, p := service(t, manncotest.Options{Now: func() time.Time { return now }})
			p.get("/user/balance").want(t, 200, `"balance":250000`)
			c.before(t, s, p)
			p.get("/user/balance").want(t, c.status, c.says)
		})
	}
}

func TestTokenEndsWithItsTime(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	s, p := service(t, manncotest.Options{Now: func() time.Time { return now }, TokenLife: time.Hour})
	now = now.Add(59 * time.Minute)
	p.get("/user/balance").want(t, 200, "balance")
	now = now.Add(2 * time.Minute)
	p.get("/user/balance").want(t, 403, "Invalid or expired")
	if len(s.Live("main")) != 0 {
		t.Error("the session outlives its token")
	}
}

func TestRevokedKeyCanBeReplaced(t *testing.T) {
	t.Parallel()
	s, p := service(t, manncotest.Options{})
	s.RevokeKey("main")
	p.post(`{"apiKey":"`+testKey+`"}`).want(t, 403, "Invalid API key")
	if !s.SetKey("main", "test-key-2-not-a-secret") {
		t.Fatal("the new key was refused")
	}
	p.post(`{"apiKey":"test-key-2-not-a-secret"}`).want(t, 200, "jwt")
	p.post(`{"apiKey":"`+testKey+`"}`).want(t, 403, "Invalid API key")
}

func TestAccountsAreApart(t *testing.T) {
	t.Parallel()
	s, p := service(t, manncotest.Options{})
	if err := s.AddAccount(manncotest.Account{Name: "other", APIKey: "test-key-other-not-a-secret"}); err != nil {
		t.Fatal(err)
	}
	theirs := s.SignIn("other", manncotest.SessionSpec{Address: "203.0.113.50"})
	if rows, _ := p.list("?expire=true"); len(rows) != 1 {
		t.Errorf("the list holds another account's sessions: %+v", rows)
	}
	p.get("/user/disconnectSession/"+itoa(theirs)).want(t, 404, "Session not found")
	if len(s.Live("other")) != 1 {
		t.Error("another account's session was ended")
	}
	for _, bad := range []manncotest.Account{{}, {Name: "x"}, {Name: "main", APIKey: "k"}, {Name: "x", APIKey: testKey}} {
		if s.AddAccount(bad) == nil {
			t.Errorf("%+v was taken", bad)
		}
	}
	if strings.Join(s.Accounts(), " ") != "main other" {
		t.Errorf("accounts: %v", s.Accounts())
	}
}

func TestAnswersSayTheTime(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	_, p := service(t, manncotest.Options{Now: func() time.Time { return now }})
	answer := p.get("/user/balance")
	if answer.header.Get("Date") != now.Format(http.TimeFormat) {
		t.Errorf("Date: %q", answer.header.Get("Date"))
	}
	if !json.Valid([]byte(answer.body)) || !strings.HasPrefix(answer.header.Get("Content-Type"), "application/json") {
		t.Errorf("%v %q", answer.header, answer.body)
	}
}
