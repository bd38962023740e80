package mannco

import (
	"context"

	"github.com/go-json-experiment/json/jsontext"

	"sessionwarden"
)

// Disconnect ends one session of the account. That it returns nil means that
// the service said so; only a list read afterwards proves it. A session that
// is gone already is a FaultNotFound, as is a service that lacks the call. An
// id that is not one is a FaultBusiness, and nothing is sent.
func (c *Client) Disconnect(ctx context.Context, id sessionwarden.SessionID) error {
	if !validID(id) {
		return fault(sessionwarden.FaultBusiness, routeEnd, "the session has no id that could be ended")
	}
	q := request{route: routeEnd, path: string(id)}
	q.read = c.done(&q, "message")
	return c.call(ctx, q)
}

// DisconnectAll ends every session of the account with the service's own call
// for all, which ends ours too. So it proves the way back in first: it logs in
// anew and tries that login; if that fails nothing is ended. Afterwards it logs
// in again; if that fails, the next call tries, and DisconnectAll still
// returns nil, as what was asked for is done.
func (c *Client) DisconnectAll(ctx context.Context) error {
	if f := c.limited(routeEndAll); f != nil {
		return f
	}
	if err := c.takeTurn(ctx); err != nil {
		return err
	}
	defer c.giveTurn()
	t, err := c.proven(ctx)
	if err != nil {
		return err
	}
	old := c.auth.current()
	for _, mine := range []*token{old, t} {
		if mine != nil {
			mine.ending.Store(true)
		}
	}
	c.auth.adopt(t, false)
	c.save()

	q := request{route: routeEndAll, token: t}
	q.read = c.done(&q, "message")
	if f := c.send(ctx, q); f != nil {
		if f.Kind != sessionwarden.FaultNetwork { // it was answered, and not done
			t.ending.Store(false)
		}
		if old != nil {
			c.goodbye(ctx, old)
		}
		return f
	}
	c.auth.drop(t)
	again, err := c.logIn(ctx)
	if err != nil {
		c.save()
		c.log.Warn("all sessions were ended, ours too; logging in again failed and is tried at the next poll", "err", err)
		return nil
	}
	c.auth.adopt(again, false)
	c.save()
	return nil
}

// Logout ends our own session and forgets its token. Without a login there is
// nothing to do.
func (c *Client) Logout(ctx context.Context) error {
	if err := c.takeTurn(ctx); err != nil {
		return err
	}
	defer c.giveTurn()
	t := c.auth.current()
	if t == nil {
		return nil
	}
	t.ending.Store(true)
	f := c.send(ctx, c.logoutRequest(t))
	if f != nil && f.Kind != sessionwarden.FaultRefused { // refused: it was over already
		return f
	}
	c.auth.drop(t)
	c.save()
	return nil
}

func (c *Client) logoutRequest(t *token) request {
	q := request{route: routeLogout, token: t}
	q.read = c.done(&q, "disconnect")
	return q
}

// done reads the answer to a call that changes something: whatever is not a
// no, in the envelope or as a false member of the given name, is a yes.
func (c *Client) done(q *request, name string) func(*answer) *sessionwarden.Fault {
	return func(a *answer) *sessionwarden.Fault {
		no := false
		f := c.content(q, a, func(member string, v jsontext.Value) {
			if yes, ok := looseBool(v); member == name && ok && !yes {
				no = true
			}
		})
		if f == nil && no {
			f = fault(sessionwarden.FaultBusiness, q.route, "the service says that it did not do it")
		}
		return f
	}
}
