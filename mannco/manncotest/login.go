package manncotest

import "net/http"

// login answers POST /user/login: it makes a session row, as the real service
// probably does, and gives a JWT that is bound to the caller's address.
func (s *Service) login(c *call) answer {
	switch {
	case c.key == "":
		return s.failure(http.StatusMultipleChoices, "Missing API key")
	case c.has(FaultKeyRevoked) || c.account == nil || c.account.revoked:
		return s.failure(http.StatusForbidden, "Invalid API key")
	case c.has(FaultCountryBlocked):
		return s.failure(http.StatusForbidden, "Country blocked")
	}
	signed, id, err := s.issue(c.account, c.from, s.egress.location)
	if err != nil {
		return s.failure(http.StatusInternalServerError, "Internal error")
	}
	one := s.signIn(c.account, SessionSpec{
		Label: "watcher", Address: c.from.String(), Location: s.egress.location, ISP: s.egress.isp,
		UserAgent: c.agent, Life: s.options.TokenLife,
	})
	one.Watcher, one.token = true, id
	s.tokens[id] = one
	c.Caller = one.ID
	switch s.variants[VariantLogin] {
	case "token":
		return s.success(object{{"token", signed}})
	case "text":
		return s.success(signed)
	}
	return s.success(object{{"jwt", signed}})
}
