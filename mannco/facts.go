package mannco

import (
	"context"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"sessionwarden"
)

// Given is a value that the service may leave out: newer editions of it say
// less. A value that is not OK was not said, which is not the same as empty.
type Given[T any] struct {
	Value T
	OK    bool
}

func given[T any](v T) Given[T] { return Given[T]{v, true} }

// Cents is an amount of money in hundredths.
type Cents = sessionwarden.Cents

// Infos are the account's facts. What the service left out, or what could not
// be understood, is not OK. All texts are cleaned, and hostile still.
type Infos struct {
	SteamID      Given[string]
	Name         Given[string]
	Balance      Given[Cents]
	TwoFactor    Given[bool]
	TradeURL     Given[string]
	Payout       Given[string] // the payout mail, which the service calls skrill
	Discord      Given[string]
	DiscordTag   Given[string]
	ShortURL     Given[string]
	Image        Given[string]
	Message      Given[string]
	Notification Given[string]
	Since        Given[time.Time]
	LastActivity Given[time.Time]
}

// Infos reads the account's facts.
func (c *Client) Infos(ctx context.Context) (Infos, error) { return c.infos(ctx, c.call) }

func (c *Client) infos(ctx context.Context, call caller) (Infos, error) {
	var infos Infos
	q := request{route: routeInfos}
	q.read = func(a *answer) *sessionwarden.Fault {
		var found Infos
		members := 0
		w := windowAt(c.serviceTime(a), longestLife)
		f := c.content(&q, a, func(name string, v jsontext.Value) {
			if name == "informations" && v.Kind() == '{' {
				_ = fields(newDecoder(v), func(name string, v jsontext.Value) {
					members++
					if !found.member(name, v, w) {
						c.metrics.unknown.Inc()
					}
				})
			}
		})
		if f == nil && members == 0 {
			f = fault(sessionwarden.FaultBusiness, routeInfos, "the answer holds no facts")
		}
		infos = found
		return f
	}
	err := call(ctx, q)
	return infos, err
}

// member understands one fact, and reports whether there is one of that name.
func (i *Infos) member(name string, v jsontext.Value, w window) bool {
	text := func(to *Given[string]) {
		if s, ok := looseText(v); ok {
			*to = given(cleanText(s))
		}
	}
	at := func(to *Given[time.Time]) {
		if t, u := readTime(v, w); u != notTime {
			*to = given(t)
		}
	}
	switch name {
	case "steamId":
		text(&i.SteamID)
	case "name":
		text(&i.Name)
	case "balance":
		if n, ok := looseInt(v); ok {
			i.Balance = given(Cents(n))
		}
	case "2fa":
		if yes, ok := looseBool(v); ok {
			i.TwoFactor = given(yes)
		}
	case "tradeurl":
		text(&i.TradeURL)
	case "skrill":
		text(&i.Payout)
	case "discord":
		text(&i.Discord)
	case "discordtag":
		text(&i.DiscordTag)
	case "shorturl":
		text(&i.ShortURL)
	case "image":
		text(&i.Image)
	case "message":
		text(&i.Message)
	case "notification":
		text(&i.Notification)
	case "since":
		at(&i.Since)
	case "lastactivity":
		at(&i.LastActivity)
	default:
		return false
	}
	return true
}

// Balance reads the account's balance.
func (c *Client) Balance(ctx context.Context) (Cents, error) { return c.balance(ctx, c.call) }

func (c *Client) balance(ctx context.Context, call caller) (Cents, error) {
	var balance Given[Cents]
	q := request{route: routeBalance}
	q.read = c.only(&q, "balance", func(v jsontext.Value) bool {
		n, ok := looseInt(v)
		balance = Given[Cents]{Cents(n), ok}
		return ok
	})
	err := call(ctx, q)
	return balance.Value, err
}

// ContactMail reads the account's contact mail. A service that lacks the call
// is a FaultNotFound.
func (c *Client) ContactMail(ctx context.Context) (string, error) { return c.contactMail(ctx, c.call) }

func (c *Client) contactMail(ctx context.Context, call caller) (string, error) {
	var mail string
	q := request{route: routeMail}
	q.read = c.only(&q, "address", func(v jsontext.Value) bool {
		text, ok := looseText(v)
		mail = cleanText(text)
		return ok
	})
	err := call(ctx, q)
	return mail, err
}

// only reads an answer of which one member is wanted, and is there.
func (c *Client) only(q *request, want string, take func(jsontext.Value) bool) func(*answer) *sessionwarden.Fault {
	return func(a *answer) *sessionwarden.Fault {
		ok := false
		f := c.content(q, a, func(name string, v jsontext.Value) {
			if name == want {
				ok = take(v)
			}
		})
		if f == nil && !ok {
			f = fault(sessionwarden.FaultBusiness, q.route, "the answer does not have the field "+want)
		}
		return f
	}
}

// Notifications says how many there are of what waits for the account's owner.
type Notifications struct {
	Alerts         Given[int64]
	PaymentReviews Given[int64]
	Messages       Given[int64]
	Offers         Given[int64]
	Trades         Given[int64]
	Count          Given[int64] // all of them; only the older edition says it
}

// Notifications reads the counts, in either edition.
func (c *Client) Notifications(ctx context.Context) (Notifications, error) {
	return c.notifications(ctx, c.call)
}

func (c *Client) notifications(ctx context.Context, call caller) (Notifications, error) {
	var n Notifications
	q := request{route: routeNotifications, query: "unreadOnly=true&limit=100"}
	q.read = func(a *answer) *sessionwarden.Fault {
		var found Notifications
		known := false
		f := c.content(&q, a, func(name string, v jsontext.Value) { known = found.member(name, v) || known })
		if f == nil && !known {
			f = fault(sessionwarden.FaultBusiness, routeNotifications, "the answer holds no counts")
		}
		n = found
		return f
	}
	err := call(ctx, q)
	return n, err
}

// member understands one count, and reports whether it is one.
func (n *Notifications) member(name string, v jsontext.Value) bool {
	count := func(to *Given[int64]) bool {
		if number, ok := looseInt(v); ok && number >= 0 {
			*to = given(number)
			return true
		}
		return false
	}
	switch name {
	case "count":
		return count(&n.Count)
	case "alertCount":
		return count(&n.Alerts)
	case "paymentReviewsCount", "paymentReviews": // a number in the older edition, a list in the newer
		return count(&n.PaymentReviews)
	case "messagesCount":
		return count(&n.Messages)
	case "offersCount":
		return count(&n.Offers)
	case "tradesCount":
		return count(&n.Trades)
	}
	return false
}
