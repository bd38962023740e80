package mannco_test

import (
	"fmt"
	"math"
	"strings"
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

// knownText is what a reading knows, in the order of the fields.
func knownText(f sessionwarden.AccountFacts) string {
	var parts []string
	add := func(name string, ok bool, value any) {
		if ok {
			parts = append(parts, fmt.Sprintf("%s=%v", name, value))
		}
	}
	add("2fa", f.TwoFactor.OK(), f.TwoFactor.Value)
	add("trade", f.TradeURL.OK(), f.TradeURL.Value)
	add("payout", f.Payout.OK(), f.Payout.Value)
	add("contact", f.Contact.OK(), f.Contact.Value)
	add("discord", f.Discord.OK(), f.Discord.Value)
	add("tag", f.DiscordTag.OK(), f.DiscordTag.Value)
	add("name", f.Name.OK(), f.Name.Value)
	add("balance", f.Balance.OK(), f.Balance.Value)
	add("reviews", f.Reviews.OK(), f.Reviews.Value)
	return strings.Join(parts, " ")
}

const allFacts = `{"informations":{"2fa":"true","tradeurl":"https://t.example/?a","skrill":"p@example.com","name":"Anna","balance":5,"discord":"1","discordtag":"a"}}`

func TestFactsAreLiberalInWhatIsMissing(t *testing.T) {
	t.Parallel()
	const mail, reviews = `{"address":"c@example.com"}`, `{"count":3,"paymentReviews":1}`
	whole := "2fa=true trade=https://t.example/?a payout=p@example.com contact=c@example.com discord=1 tag=a name=Anna balance=0.05 reviews=1"
	for name, test := range map[string]struct {
		breaks func(*fake)
		want   string
		failed bool
	}{
		"all is there":                    {func(*fake) {}, whole, false},
		"the newest edition's mail":       {func(s *fake) { s.says("/user/getContactMail", 404, refusal("No such endpoint")) }, strings.Replace(whole, " contact=c@example.com", "", 1), false},
		"infos fail, the balance is read": {func(s *fake) { s.says("/user/infos", 300, refusal("no")) }, "contact=c@example.com balance=0.07 reviews=1", true},
		"infos say little":                {func(s *fake) { s.says("/user/infos", 200, content(`{"informations":{"name":"Anna"}}`)) }, "contact=c@example.com name=Anna balance=0.07 reviews=1", false},
		"infos are of another account":    {func(s *fake) { s.says("/user/infos", 200, content(`{"informations":{"steamId":"1","name":"Eve"}}`)) }, "contact=c@example.com balance=0.07 reviews=1", true},
		"the notifications are limited":   {func(s *fake) { s.says("/user/notifications", 429, refusal("slow")) }, strings.Replace(whole, " reviews=1", "", 1), true},
		"the newer edition's notifications": {func(s *fake) {
			s.says("/user/notifications", 200, content(`{"paymentReviews":[],"paymentReviewsCount":4}`))
		}, strings.Replace(whole, "reviews=1", "reviews=4", 1), false},
		"all is refused, and no login made":  {func(s *fake) { refuseFacts(s) }, "", true},
		"nothing is there, and it is no end": {func(s *fake) { missFacts(s) }, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newFake()
			c := s.client(t)
			s.says("/user/infos", 200, content(allFacts))
			s.says("/user/balance", 200, content(`{"balance":7}`))
			s.says("/user/getContactMail", 200, content(mail))
			s.says("/user/notifications", 200, content(reviews))
			test.breaks(s)
			got, err := c.Facts(t.Context())
			if knownText(got) != test.want || (err != nil) != test.failed {
				t.Errorf("got  %s, %v\nwant %s", knownText(got), err, test.want)
			}
			if got.Contact.OK() && !got.Contact.Read.Equal(noon) {
				t.Errorf("read at %s", got.Contact.Read)
			}
			if s.logins != 1 {
				t.Errorf("%d logins", s.logins)
			}
		})
	}
}

var factPaths = []string{"/user/infos", "/user/balance", "/user/getContactMail", "/user/notifications"}

func refuseFacts(s *fake) {
	for _, path := range factPaths {
		s.says(path, 403, refusal("not permitted"))
	}
}

func missFacts(s *fake) {
	for _, path := range factPaths {
		s.says(path, 404, refusal("No such endpoint"))
	}
}

func TestACallThatIsNotThereIsNotedOnceAndAskedForRarely(t *testing.T) {
	t.Parallel()
	s := newFake()
	now := noon
	c := s.client(t, func(o *mannco.Options) { o.Now = func() time.Time { return now } })
	missFacts(s)
	asked := func() (n int) {
		for _, line := range s.log {
			if strings.Contains(line, "getContactMail") {
				n++
			}
		}
		return n
	}
	for range 360 { // six hours
		if _, err := c.Facts(t.Context()); err != nil {
			t.Fatal(err)
		}
		now = now.Add(time.Minute)
	}
	if asked() != 1 {
		t.Errorf("asked %d times within six hours", asked())
	}
	s.says("/user/getContactMail", 200, content(`{"address":"c@example.com"}`))
	if got, err := c.Facts(t.Context()); err != nil || got.Contact.Value != "c@example.com" || asked() != 2 {
		t.Errorf("back after six hours: %+v, %v, asked %d times", got.Contact, err, asked())
	}
	list, err := c.Sessions(t.Context(), false)
	if err != nil {
		t.Fatal(err)
	}
	notes := strings.Join(list.Notes, "\n")
	if strings.Count(notes, "contact mail") != 1 || strings.Count(notes, "cannot be seen") != 4 {
		t.Errorf("noted: %s", notes)
	}
}
