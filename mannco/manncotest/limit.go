package manncotest

import (
	"net/http"
	"strconv"
	"time"
)

// window names a budget of calls: each account has one per route and method.
type window struct {
	account string
	route   Route
	method  string
}

// usage is how much of a budget is spent.
type usage struct {
	spent int
	ends  time.Time
}

// SetLimit lowers (or raises) the number of calls per window of one account,
// "" for every account. 0 goes back to Options.Limit.
func (s *Service) SetLimit(name string, limit int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if limit <= 0 {
		delete(s.limits, name)
		return
	}
	s.limits[name] = limit
}

// Exhaust spends the account's whole budget of a route for the running
// window, as somebody else does who uses the same account.
func (s *Service) Exhaust(name string, route Route) {
	s.mu.Lock()
	defer s.mu.Unlock()
	method := http.MethodGet
	if route == RouteLogin {
		method = http.MethodPost
	}
	limit, used := s.budget(window{name, route, method})
	used.spent = limit
}

// budget returns the limit of w and what is spent of it. The lock is held.
func (s *Service) budget(w window) (int, *usage) {
	limit := s.options.Limit
	if lower, ok := s.limits[""]; ok {
		limit = lower
	}
	if lower, ok := s.limits[w.account]; ok {
		limit = lower
	}
	now := s.now()
	used := s.windows[w]
	if used == nil || !now.Before(used.ends) {
		if len(s.windows) > 4*maxAccounts { // old ones of accounts nobody asks for any more
			for key, old := range s.windows {
				if !now.Before(old.ends) {
					delete(s.windows, key)
				}
			}
		}
		used = &usage{ends: now.Add(s.options.LimitWindow)}
		s.windows[w] = used
	}
	return limit, used
}

// spend takes one call from the caller's budget, writes the headers that tell
// of it, and reports whether there was one left. The lock is held.
func (s *Service) spend(c *call) bool {
	name := c.Account
	if name == "" {
		return true
	}
	limit, used := s.budget(window{name, c.Route, c.Method})
	left := limit - used.spent
	used.spent = min(used.spent+1, limit)
	c.header.Set("X-RateLimit-Limit", strconv.Itoa(limit))
	c.header.Set("X-RateLimit-Remaining", strconv.Itoa(max(left-1, 0)))
	c.header.Set("X-RateLimit-Reset", strconv.FormatInt(used.ends.Unix(), 10))
	if left > 0 {
		return true
	}
	wait := used.ends.Sub(s.now())
	c.header.Set("Retry-After", strconv.FormatInt(int64((wait+time.Second-1)/time.Second), 10))
	return false
}
