package manncotest

import (
	"net/http"
	"strconv"
)

// disconnectOwn answers GET /user/disconnect.
func (s *Service) disconnectOwn(c *call) answer {
	if !c.has(FaultDisconnectLies) {
		s.end(c.session, EndOwn, c.session.ID)
	}
	return s.answered(c, object{{"disconnect", true}})
}

// disconnectAll answers GET /user/disconnectSession/all, which ends the
// caller's session too.
func (s *Service) disconnectAll(c *call) answer {
	if !c.has(FaultDisconnectLies) {
		for _, one := range c.account.live(s.now()) {
			s.end(one, EndAllAtOnce, c.session.ID)
		}
	}
	return s.answered(c, object{{"message", "All sessions disconnected"}})
}

// disconnectOne answers GET /user/disconnectSession/{id}.
func (s *Service) disconnectOne(c *call) answer {
	if c.has(FaultDisconnectNotFound) {
		return s.failure(http.StatusNotFound, "Session not found")
	}
	id, err := strconv.ParseInt(c.Target, 10, 64)
	if err != nil {
		return s.failure(http.StatusMultipleChoices, "Invalid session")
	}
	one := c.account.find(id, s.now())
	done := object{{"message", "Session disconnected"}}
	if one == nil {
		switch s.variants[VariantMissingSession] {
		case "business_error":
			return s.failure(http.StatusMultipleChoices, "Session not found")
		case "ok":
			return s.answered(c, done)
		}
		return s.failure(http.StatusNotFound, "Session not found")
	}
	if !c.has(FaultDisconnectLies) {
		s.end(one, EndDisconnected, c.session.ID)
	}
	if c.has(FaultDisconnectEndsCaller) && c.session != one {
		s.end(c.session, EndWithOther, c.session.ID)
	}
	return s.answered(c, done)
}

// answered is the answer to a disconnection that was carried out, unless it
// gets lost on the way.
func (s *Service) answered(c *call, content object) answer {
	a := s.success(content)
	if value, ok := c.faults[FaultDisconnectTimeout]; ok {
		a.way, a.value = hangs, value
	}
	return a
}

// absent reports whether the edition lacks an endpoint.
func (s *Service) absent(route Route) bool {
	switch route {
	case RouteDisconnectOne:
		v := s.variants[VariantDisconnect]
		return v == "absent" || v == "only_all"
	case RouteDisconnectAll:
		v := s.variants[VariantDisconnect]
		return v == "absent" || v == "only_one"
	case RouteContactMail:
		return s.variants[VariantContactMail] == "absent"
	}
	return false
}
