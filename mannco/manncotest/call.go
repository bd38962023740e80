package manncotest

import (
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/netip"
	"net/url"
)

// maxRequest is how much of a request's body is read.
const maxRequest = 64 << 10

// call is one call on its way through the service.
type call struct {
	Call
	from   netip.Addr
	bearer string // the Authorization header
	agent  string
	query  url.Values
	key    string // what a login sent as apiKey

	account *account
	session *session // the caller's, where its token is known
	refused string   // why the token is no good; "" it is good
	faults  map[FaultKind]string
	header  http.Header // of the answer
}

// has reports whether a fault concerns this call.
func (c *call) has(kind FaultKind) bool {
	_, ok := c.faults[kind]
	return ok
}

// handle takes one request the whole way: read, identify, decide, record.
func (s *Service) handle(r *http.Request, from netip.Addr) answer {
	c := read(r, from)
	if s.options.Before != nil {
		s.mu.Lock()
		c.Time = s.now()
		s.identify(c)
		s.mu.Unlock()
		s.options.Before(c.Call)
	}
	s.mu.Lock()
	c.Time = s.now()
	s.identify(c)
	s.match(c)
	a := s.decide(c)
	c.Status = a.status
	if a.way == hangs || a.way == resets {
		c.Status = 0
	}
	s.record(c.Call)
	s.mu.Unlock()
	if s.options.After != nil {
		s.options.After(c.Call)
	}
	return a
}

// read takes from a request what the service needs of it.
func read(r *http.Request, from netip.Addr) *call {
	c := &call{from: from, header: make(http.Header)}
	c.Method = cut(r.Method, 32)
	c.Path = cut(r.URL.Path, 256)
	c.Query = cut(r.URL.RawQuery, 256)
	c.From = from.String()
	c.Route, c.Target = route(r.Method, r.URL.Path)
	c.Target = cut(c.Target, 64)
	c.bearer = cut(r.Header.Get("Authorization"), 8<<10)
	c.agent = cut(r.UserAgent(), 1<<10)
	c.query = r.URL.Query()
	if c.Route != RouteLogin || r.Body == nil {
		return c
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxRequest))
	if err != nil {
		return c // as if it had sent no key
	}
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if kind == "application/x-www-form-urlencoded" {
		if form, err := url.ParseQuery(string(body)); err == nil {
			c.key = form.Get("apiKey")
		}
		return c
	}
	var said struct {
		APIKey string `json:"apiKey"`
	}
	if json.Unmarshal(body, &said) == nil {
		c.key = said.APIKey
	}
	return c
}

// cut returns at most limit bytes of text.
func cut(text string, limit int) string { return text[:min(len(text), limit)] }

// identify finds out whose call it is. The lock is held.
func (s *Service) identify(c *call) {
	c.account, c.session, c.refused = nil, nil, ""
	if c.Route == RouteLogin {
		for _, a := range s.accounts {
			if c.key != "" && a.key == c.key {
				c.account = a
			}
		}
	} else {
		c.session, c.refused = s.bearer(c.bearer, c.from)
		if c.session != nil {
			c.account = s.account(c.session.Account)
			c.Caller = c.session.ID
		}
	}
	c.Account = ""
	if c.account != nil {
		c.Account = c.account.name
	}
}

// decide makes the answer to a call. The lock is held.
func (s *Service) decide(c *call) answer {
	if a, ok := s.instead(c); ok {
		return s.finish(c, a)
	}
	if c.Route == RouteUnknown || s.absent(c.Route) {
		return s.finish(c, s.failure(http.StatusNotFound, "Not found"))
	}
	if c.Route != RouteLogin && c.refused != "" {
		status := http.StatusForbidden
		if c.bearer == "" {
			status = http.StatusUnauthorized
		}
		return s.finish(c, s.failure(status, c.refused))
	}
	if !s.spend(c) {
		return s.finish(c, s.failure(http.StatusTooManyRequests, "Too many requests"))
	}
	return s.finish(c, s.mangle(c, s.serve(c)))
}

// serve answers a call that nothing stands against. The lock is held.
func (s *Service) serve(c *call) answer {
	switch c.Route {
	case RouteLogin:
		return s.login(c)
	case RouteDisconnect:
		return s.disconnectOwn(c)
	case RouteDisconnectAll:
		return s.disconnectAll(c)
	case RouteDisconnectOne:
		return s.disconnectOne(c)
	case RouteInfos:
		return s.infos(c)
	case RouteBalance:
		return s.success(object{{"balance", c.account.facts.Balance}})
	case RouteList:
		return s.list(c)
	case RouteContactMail:
		return s.success(object{{"address", c.account.facts.ContactMail}})
	case RouteNotifications:
		return s.notifications(c)
	}
	return s.failure(http.StatusNotFound, "Not found")
}

// finish puts the headers on an answer that every answer has.
func (s *Service) finish(c *call, a answer) answer {
	for name, values := range c.header {
		if _, own := a.header[name]; !own {
			a.header[name] = values
		}
	}
	if a.header.Get("Content-Type") == "" {
		a.header.Set("Content-Type", "application/json; charset=utf-8")
	}
	now := s.now()
	if skew, ok := c.faults[FaultClockSkew]; ok {
		now = now.Add(duration(skew))
	}
	a.header.Set("Date", now.Format(http.TimeFormat))
	return a
}
