package manncotest_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"sessionwarden/mannco/manncotest"
)

func TestFactsAndTheirChanges(t *testing.T) {
	t.Parallel()
	s, p := service(t, manncotest.Options{})
	p.get("/user/infos").want(t, 200, `"informations":{"steamId":"76561198000000001","balance":250000,"skrill":"anna-payout@example.com"`)
	p.get("/user/infos").want(t, 200, `"2fa":"true"`)
	p.get("/user/getContactMail").want(t, 200, `"address":"anna@example.com"`)
	p.get("/user/notifications?unreadOnly=true&limit=2").want(t, 200, `{"count":2,"paymentReviews":0}`)
	if !s.Change("main", func(f *manncotest.Facts) {
		f.TwoFactor, f.ContactMail, f.PaymentReviews, f.Balance = false, "thief@example.net", 1, 7
	}) || s.Change("nobody", func(*manncotest.Facts) {}) {
		t.Error("Change does not say who there is")
	}
	p.get("/user/infos").want(t, 200, `"2fa":"false"`)
	p.get("/user/balance").want(t, 200, `{"balance":7}`)
	p.get("/user/getContactMail").want(t, 200, "thief@example.net")
	p.get("/user/notifications").want(t, 200, `{"count":3,"paymentReviews":1}`)
	if s.Facts("main").Balance != 7 {
		t.Errorf("the facts are %+v", s.Facts("main"))
	}
	p.get("/user/nothing").want(t, 404, `"status":"error"`)
	p.do(http.MethodPost, "/user/infos", "", "").want(t, 404, "Not found")
}

func TestRateLimitIsPerAccountAndRoute(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	s, p := service(t, manncotest.Options{Now: func() time.Time { return now }})
	s.SetLimit("main", 3)
	for left := 2; left >= 0; left-- {
		answer := p.get("/user/balance")
		answer.want(t, 200, "balance")
		for name, want := range map[string]string{
			"X-RateLimit-Limit": "3", "X-RateLimit-Remaining": fmt.Sprint(left), "X-RateLimit-Reset": fmt.Sprint(now.Unix() + 60),
		} {
			if got := answer.header.Get(name); got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
	}
	now = now.Add(20500 * time.Millisecond)
	answer := p.get("/user/balance")
	answer.want(t, 429, "Too many requests")
	if answer.header.Get("Retry-After") != "40" {
		t.Errorf("Retry-After is %q", answer.header.Get("Retry-After"))
	}
	p.get("/user/infos").want(t, 200, "informations") // another route
	now = now.Add(40 * time.Second)
	p.get("/user/balance").want(t, 200, "balance")
	s.Exhaust("main", manncotest.RouteInfos)
	now = now.Add(time.Minute)
	p.get("/user/infos").want(t, 200, "informations") // its window was over
	s.Exhaust("main", manncotest.RouteInfos)
	p.get("/user/infos").want(t, 429, "Too many")
	s.SetLimit("main", 0)
	p.get("/user/infos").want(t, 200, "informations") // 600 again
}

func TestRateLimitIs600AMinute(t *testing.T) {
	t.Parallel()
	_, p := service(t, manncotest.Options{})
	for range 600 {
		p.get("/user/balance").want(t, 200, "balance")
	}
	p.get("/user/balance").want(t, 429, "Too many")
}
