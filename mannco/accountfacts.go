package mannco

import (
	"context"
	"errors"
	"sync"
	"time"

	"sessionwarden"
)

// absentFor is how long a call that the service does not have is not made
// again.
const absentFor = 6 * time.Hour

// absent remembers which calls the service does not have.
type absent struct {
	mu    sync.Mutex
	since [routes]time.Time
}

// still reports whether the route was found missing a while ago.
func (a *absent) still(r route, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	age := now.Sub(a.since[r])
	return !a.since[r].IsZero() && age >= 0 && age < absentFor
}

func (a *absent) set(r route, at time.Time) {
	a.mu.Lock()
	a.since[r] = at
	a.mu.Unlock()
}

// caller makes a call.
type caller func(context.Context, request) error

// errAbsent says that a call was not made, as the service does not have it.
var errAbsent = errors.New("the service does not have this call")

// Facts reads what the service says of the account beside its sessions: what
// it left out, or what could not be read, is not known in the result. The
// error joins the faults of the calls that failed; the other calls' facts are
// there all the same.
//
// A call that the service does not have is no error: it is noted once, and
// made again after six hours. None of the calls is worth a new login: one that
// is refused where the session list is not is simply not permitted.
func (c *Client) Facts(ctx context.Context) (sessionwarden.AccountFacts, error) {
	var f sessionwarden.AccountFacts
	infos, err := c.infos(ctx, c.ask)
	errs := []error{err}
	if id := c.Identity().SteamID; err == nil && infos.SteamID.OK && id != "" && infos.SteamID.Value != id {
		errs[0] = fault(sessionwarden.FaultStrange, routeInfos, "the facts are those of another account: they are not used")
		infos = Infos{}
	}
	now := c.now().Round(0).UTC()
	f.TwoFactor, f.TradeURL, f.Payout, f.Name = known(infos.TwoFactor, now), known(infos.TradeURL, now), known(infos.Payout, now), known(infos.Name, now)
	f.Discord, f.DiscordTag, f.Balance = known(infos.Discord, now), known(infos.DiscordTag, now), known(infos.Balance, now)
	if !f.Balance.OK() {
		balance, err := c.balance(ctx, c.ask)
		f.Balance = known(Given[Cents]{balance, err == nil}, c.now().Round(0).UTC())
		errs = append(errs, err)
	}
	mail, err := c.contactMail(ctx, c.ask)
	f.Contact = known(Given[string]{mail, err == nil}, c.now().Round(0).UTC())
	errs = append(errs, err)
	waiting, err := c.notifications(ctx, c.ask)
	f.Reviews = known(waiting.PaymentReviews, c.now().Round(0).UTC())
	errs = append(errs, err)
	for i := range errs {
		if errors.Is(errs[i], errAbsent) {
			errs[i] = nil
		}
	}
	return f, errors.Join(errs...)
}

// known is what was given, with when it was read.
func known[T comparable](g Given[T], now time.Time) sessionwarden.Known[T] {
	if !g.OK {
		return sessionwarden.Known[T]{}
	}
	return sessionwarden.Known[T]{Value: g.Value, Read: now}
}

// ask makes a call for facts: without a new login where it is refused, and not
// at all where the service was found not to have it.
func (c *Client) ask(ctx context.Context, q request) error {
	if c.absent.still(q.route, c.now()) {
		return errAbsent
	}
	if f := c.limited(q.route); f != nil {
		return f
	}
	var err error
	if q.token, err = c.ready(ctx); err != nil {
		return err
	}
	f := c.send(ctx, q)
	if f != nil && f.Kind == sessionwarden.FaultNotFound {
		c.absent.set(q.route, c.now())
		c.notes.add(missingCall(q.route))
		return errAbsent
	}
	return asError(f)
}

// missingCall is what is noted of a service that does not have a call.
func missingCall(r route) oddity {
	switch r {
	case routeInfos:
		return oddNoInfos
	case routeBalance:
		return oddNoBalance
	case routeMail:
		return oddNoMail
	case routeNotifications:
		return oddNoNotifications
	}
	return 0
}
