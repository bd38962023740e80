package mannco

import (
	"context"
	"errors"
	"time"

	"github.com/go-json-experiment/json"

	"sessionwarden"
	"sessionwarden/internal/mishap"
)

// ready returns a token to make a call with: the one there is, a renewed one
// where it is near its end, or a new one.
func (c *Client) ready(ctx context.Context) (*token, error) {
	t := c.auth.current()
	if t == nil {
		return c.logInAgain(ctx, nil)
	}
	if c.old(t) {
		return c.renew(ctx, t), nil
	}
	return t, nil
}

// logInAgain gets a token that is not refused, the one that the service no
// longer takes (nil: there was none). However many goroutines ask at a time,
// there is one login, and all get what came of it.
func (c *Client) logInAgain(ctx context.Context, refused *token) (*token, error) {
	c.auth.mu.Lock()
	before := c.auth.finished
	c.auth.mu.Unlock()
	if err := c.takeTurn(ctx); err != nil {
		return nil, err
	}
	defer c.giveTurn()

	c.auth.mu.Lock()
	now, finished, last := c.auth.token, c.auth.finished, c.auth.last
	c.auth.mu.Unlock()
	if now != nil && now != refused {
		return now, nil
	}
	if finished != before && last != nil {
		return nil, last
	}
	if t := c.adoptStored(refused); t != nil {
		return t, nil
	}
	t, err := c.logIn(ctx)
	if ctx.Err() == nil {
		c.auth.mu.Lock()
		c.auth.finished++
		c.auth.last = err
		c.auth.mu.Unlock()
	}
	if err != nil {
		return nil, err
	}
	out := refused != nil && !refused.ending.Load() &&
		c.serviceNow().Before(refused.identity.Expires) && refused.identity.Addr == t.identity.Addr
	c.auth.adopt(t, out)
	c.save()
	c.log.Info("logged in to the service", "address", t.identity.Addr, "expires", t.identity.Expires, "ended_by_someone", out)
	return t, nil
}

// adoptStored takes over the login of another process of ours that uses the
// same token file, if that is newer than the refused one.
func (c *Client) adoptStored(refused *token) *token {
	if refused == nil || c.store.file == "" {
		return nil
	}
	t, known := c.store.load(c.log, c.now())
	if t == nil || t.raw.reveal() == refused.raw.reveal() || !t.identity.Issued.After(refused.identity.Issued) {
		return nil
	}
	now := c.serviceNow()
	c.auth.mu.Lock()
	c.auth.logins = pruneLogins(append(known.logins, c.auth.logins...), now)
	c.auth.mu.Unlock()
	c.auth.adopt(t, false)
	return t
}

// takeTurn waits until nobody else logs in.
func (c *Client) takeTurn(ctx context.Context) error {
	select {
	case c.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return c.networkFault(routeLogin, ctx.Err())
	}
}

func (c *Client) giveTurn() { <-c.turn }

// logIn makes one login, if it is time for one. The caller has the turn, and
// adopts the token when it knows that it works.
func (c *Client) logIn(ctx context.Context) (*token, error) {
	if f := c.limited(routeLogin); f != nil {
		return nil, f
	}
	key, f := c.key()
	if f != nil {
		return nil, f
	}
	if f := c.auth.gate(key, c.now()); f != nil {
		return nil, f
	}
	// A login whose answer is lost, with the connection or in a crash, may
	// have made a session all the same: that is ours, and must be known as such.
	if c.auth.begin(c.serviceNow()) {
		c.save()
	}
	_ = mishap.At("login.begun")
	t, f := c.tryKey(ctx, key)
	_ = mishap.At("login.answered")
	c.metrics.logins[outcomeOf(f)].Inc()
	if f == nil {
		t.bornOld.Store(!c.serviceNow().Before(t.renewAt()))
		c.auth.arrived(t, c.serviceNow())
		return t, nil
	}
	switch f.Kind {
	case sessionwarden.FaultBusiness, sessionwarden.FaultRefused:
		f.Kind = sessionwarden.FaultRefused // whatever the status was: no login for this key
		f.Message += ": the API key may be wrong or revoked, this machine's address may not be allowed, or its country may be blocked"
		c.auth.refuse(f, c.now())
	case sessionwarden.FaultNotFound, sessionwarden.FaultStrange:
		c.auth.refuse(f, c.now()) // it answered, and gave no login: as good as refused
	}
	return nil, f
}

// key reads the API key, anew for each login. That it cannot be read is a
// refusal, but none to be spaced out, as nothing is sent.
func (c *Client) key() (secret, *sessionwarden.Fault) {
	text, err := c.readKey()
	if err != nil {
		f := fault(sessionwarden.FaultRefused, routeLogin, "the API key cannot be read: "+c.said(err.Error()))
		f.Err = err
		return secret{}, f
	}
	if text == "" {
		return secret{}, fault(sessionwarden.FaultRefused, routeLogin, "the API key is empty")
	}
	return newSecret(text), nil
}

// tryKey sends the API key and reads the token. It is sent once: a login that
// failed on the way may have made a session all the same.
func (c *Client) tryKey(ctx context.Context, key secret) (*token, *sessionwarden.Fault) {
	body, err := json.Marshal(struct {
		Key string `json:"apiKey"`
	}{key.reveal()})
	if err != nil {
		return nil, fault(sessionwarden.FaultRefused, routeLogin, "the API key is not a text")
	}
	var t *token
	q := request{route: routeLogin, body: body}
	q.read = func(a *answer) *sessionwarden.Fault {
		found, e, err := findToken(a.body, c.serviceTime(a))
		switch {
		case err != nil:
			return fault(sessionwarden.FaultStrange, routeLogin, unreadable(err))
		case e.failed:
			return c.failed(q, a, e)
		}
		t = found
		return nil
	}
	_, f := c.once(ctx, q)
	return t, f
}

// renew replaces a token that is near its end, and returns the one to use.
// The old one stays in use until the new one has worked; then its session is
// ended, so that the list holds one session of ours.
func (c *Client) renew(ctx context.Context, old *token) *token {
	select {
	case c.turn <- struct{}{}:
	default:
		return old // somebody is at it
	}
	defer c.giveTurn()
	c.auth.mu.Lock()
	now := c.now()
	current, wait := c.auth.token, c.auth.renewal.Sub(now)
	due := current == old && (wait <= 0 || wait > renewPause)
	if due {
		c.auth.renewal = now.Add(renewPause)
	}
	c.auth.mu.Unlock()
	switch {
	case current != nil && current != old:
		return current
	case !due:
		return old
	}
	t, err := c.proven(ctx)
	if err != nil {
		c.log.Warn("the login could not be renewed; the old one stays in use", "err", err, "expires", old.identity.Expires)
		return old
	}
	c.auth.adopt(t, false)
	c.save()
	c.goodbye(ctx, old)
	c.log.Info("renewed the login", "expires", t.identity.Expires)
	return t
}

// proven logs in and tries whether the new token is taken. One that is not is
// given back.
func (c *Client) proven(ctx context.Context) (*token, error) {
	t, err := c.logIn(ctx)
	if err != nil {
		return nil, err
	}
	f := c.send(ctx, request{
		route: routeList, query: listQuery(0, 1, false), token: t,
		read: func(a *answer) *sessionwarden.Fault {
			_, e, err := decodePage(a.body, c.serviceTime(a))
			switch {
			case err != nil:
				return fault(sessionwarden.FaultStrange, routeList, unreadable(err))
			case e.failed:
				return c.failed(request{route: routeList, token: t}, a, e)
			}
			return nil
		},
	})
	if f != nil {
		c.save() // the login is ours, even if it is not used
		c.goodbye(ctx, t)
		return nil, f
	}
	return t, nil
}

// goodbye ends the session behind a token that is no longer needed, as well
// as it goes: what is left of it ends by itself.
func (c *Client) goodbye(ctx context.Context, t *token) {
	ctx, cancel := context.WithTimeout(ctx, min(c.timeout, 3*time.Second))
	defer cancel()
	t.ending.Store(true)
	if _, f := c.once(ctx, c.logoutRequest(t)); f != nil && !errors.Is(f, context.Canceled) {
		c.log.Debug("an old login of ours could not be ended", "err", f)
	}
}

// save writes the login to its file. A failure costs a login at the next
// start, nothing else.
func (c *Client) save() {
	c.auth.mu.Lock()
	t, known := c.auth.token, memory{c.auth.logins, c.auth.begun}
	c.auth.mu.Unlock()
	if err := c.store.save(t, known, c.serviceNow()); err != nil {
		c.log.Warn("the login could not be saved", "err", err)
	}
}
