package mannco_test

import (
	"math"
	"testing"
	"time"

	"sessionwarden"
	"sessionwarden/mannco"
)

func given[T any](v T) mannco.Given[T] { return mannco.Given[T]{Value: v, OK: true} }

func TestInfos(t *testing.T) {
	t.Parallel()
	s := newFake()
	c := s.client(t)
	s.says("/user/infos", 200, `{"status":"success","data":{"informations":{"steamId":"76561198000000000","balance":"250000",
		"skrill":"owner@example.com; ","tradeurl":"https://trade.example/?a=1","since":"1706745600","image":"i","2fa":"true","name":"Ow\u202ener",
		"lastactivity":1780300000,"discordtag":"t","discord":null,"shorturl":"s","message":"0","notification":3,"new":"field"}}}`)
	got, err := c.Infos(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := mannco.Infos{
		SteamID: given("76561198000000000"), Name: given("Owner"), Balance: given(mannco.Cents(250000)), TwoFactor: given(true),
		TradeURL: given("https://trade.example/?a=1"), Payout: given("owner@example.com"), Discord: given(""), DiscordTag: given("t"),
		ShortURL: given("s"), Image: given("i"), Message: given("0"), Notification: given("3"),
		Since: given(time.Unix(1706745600, 0).UTC()), LastActivity: given(time.Unix(1780300000, 0).UTC()),
	}
	if got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}

	s.says("/user/infos", 200, content(`{"informations":{"name":"Owner","2fa":false}}`))
	if got, err := c.Infos(t.Context()); err != nil || got != (mannco.Infos{Name: given("Owner"), TwoFactor: given(false)}) {
		t.Errorf("the newer edition: %+v, %v", got, err)
	}
	for _, body := range []string{content(`{}`), content(`{"informations":null}`), content(`{"informations":[]}`), content(`null`), content(`"no"`)} {
		s.says("/user/infos", 200, body)
		if got, err := c.Infos(t.Context()); !sessionwarden.IsFault(err, sessionwarden.FaultBusiness) || got != (mannco.Infos{}) {
			t.Errorf("%s: %+v, %v", body, got, err)
		}
	}
	for _, word := range []string{`"maybe"`, `""`, `null`, `[]`, `2`} {
		s.says("/user/infos", 200, content(`{"informations":{"name":"x","2fa":`+word+`}}`))
		if got, err := c.Infos(t.Context()); err != nil || got.TwoFactor.OK {
			t.Errorf("2fa %s must be unknown, not off: %+v, %v", word, got, err)
		}
	}
}

func TestBalanceAndMail(t *testing.T) {
	t.Parallel()
	s := newFake()
	c := s.client(t)
	for in, want := range map[string]mannco.Cents{`250000`: 250000, `"250000"`: 250000, `-5`: -5, `0`: 0} {
		s.says("/user/balance", 200, content(`{"balance":`+in+`}`))
		if got, err := c.Balance(t.Context()); err != nil || got != want {
			t.Errorf("%s: %d, %v", in, got, err)
		}
	}
	for _, in := range []string{`null`, `"lots"`, `1e400`, `12.5`, `[]`} {
		s.says("/user/balance", 200, content(`{"balance":`+in+`}`))
		if got, err := c.Balance(t.Context()); !sessionwarden.IsFault(err, sessionwarden.FaultBusiness) {
			t.Errorf("%s: %d, %v", in, got, err)
		}
	}
	s.says("/user/getContactMail", 200, content(`{"address":"user@example.com"}`))
	if got, err := c.ContactMail(t.Context()); err != nil || got != "user@example.com" {
		t.Errorf("%q, %v", got, err)
	}
	s.says("/user/getContactMail", 404, refusal("No such endpoint"))
	_, err := c.ContactMail(t.Context())
	wantFault(t, err, sessionwarden.FaultNotFound, "reading the contact mail")
}

func TestNotifications(t *testing.T) {
	t.Parallel()
	s := newFake()
	c := s.client(t)
	for body, want := range map[string]mannco.Notifications{
		content(`{"count":3,"paymentReviews":1}`): {Count: given(int64(3)), PaymentReviews: given(int64(1))},
		content(`{"alerts":[],"alertCount":1,"paymentReviews":[{}],"paymentReviewsCount":2,"messages":[],"messagesCount":3,"offers":[],"offersCount":4,"trades":[],"tradesCount":5}`): {
			Alerts: given(int64(1)), PaymentReviews: given(int64(2)), Messages: given(int64(3)), Offers: given(int64(4)), Trades: given(int64(5))},
	} {
		s.says("/user/notifications", 200, body)
		if got, err := c.Notifications(t.Context()); err != nil || got != want {
			t.Errorf("%s: %+v, %v", body, got, err)
		}
	}
	s.says("/user/notifications", 200, content(`{"count":-3}`))
	if _, err := c.Notifications(t.Context()); !sessionwarden.IsFault(err, sessionwarden.FaultBusiness) {
		t.Error(err)
	}
}

func TestCents(t *testing.T) {
	t.Parallel()
	for c, want := range map[mannco.Cents]string{250000: "2500.00", 5: "0.05", 0: "0.00", -5: "-0.05", -12345: "-123.45", math.MinInt64: "-92233720368547758.08"} {
		if got := c.String(); got != want {
			t.Errorf("%d: %s", int64(c), got)
		}
	}
}
