package manncotest

import (
	"slices"
	"time"
)

// Call is one call that the service received, and what it answered.
type Call struct {
	Time    time.Time
	Method  string
	Path    string // cut at 256 bytes
	Query   string // cut at 256 bytes
	Route   Route
	Account string // whose token or key it was; "" where that is not known
	Caller  int64  // the session whose token it was, good or refused; 0 unknown
	From    string // the caller's address as the service sees it
	Target  string // the id that RouteDisconnectOne was called with
	Status  int    // the HTTP status; 0: no answer (FaultHang, FaultReset, …)
	Faults  []FaultKind
}

// count names a counter.
type count struct {
	account string
	route   Route
}

// maxLog is how many calls are remembered one by one.
const maxLog = 1 << 16

// record notes a call that was answered. The lock is held.
func (s *Service) record(c Call) {
	if len(s.log) >= maxLog {
		s.log = append(s.log[:0], s.log[maxLog/2:]...)
	}
	s.log = append(s.log, c)
	s.counts[count{"", c.Route}]++
	if c.Account != "" {
		s.counts[count{c.Account, c.Route}]++
	}
}

// Log returns the calls received so far, the oldest first; of very many only
// the last tens of thousands. [Service.Count] counts all of them.
func (s *Service) Log() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.log)
}

// Count returns how often a route was called for an account, "" for all
// accounts and for callers unknown. Refused and limited calls count too.
func (s *Service) Count(name string, route Route) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts[count{name, route}]
}

// Logins returns how many logins of the account succeeded, "" for all
// accounts.
func (s *Service) Logins(name string) int {
	return len(s.calls(func(c Call) bool {
		return c.Route == RouteLogin && c.Status == 200 && c.Caller != 0 && (name == "" || c.Account == name)
	}))
}

// Disconnects returns the calls of the account that asked to end something,
// in any of the three ways, whatever came of them.
func (s *Service) Disconnects(name string) []Call {
	return s.calls(func(c Call) bool {
		switch c.Route {
		case RouteDisconnect, RouteDisconnectAll, RouteDisconnectOne:
			return name == "" || c.Account == name
		}
		return false
	})
}

func (s *Service) calls(wanted func(Call) bool) []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Call
	for _, c := range s.log {
		if wanted(c) {
			out = append(out, c)
		}
	}
	return out
}
