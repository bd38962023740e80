package manncotest

import (
	"net/http"
	"strconv"
	"strings"
)

// instead returns the answer of a fault that keeps the call from being
// carried out. The lock is held.
func (s *Service) instead(c *call) (answer, bool) {
	for _, kind := range c.Faults {
		value := c.faults[kind]
		switch kind {
		case FaultHang:
			return answer{header: make(http.Header), way: hangs, value: value}, true
		case FaultReset:
			return answer{header: make(http.Header), way: resets}, true
		case FaultRateLimited:
			return s.limited(value), true
		case FaultCDNError:
			status, _ := strconv.Atoi(value)
			return page(status, value+" error", "The web server reported an error."), true
		case FaultCDNChallenge:
			return page(http.StatusForbidden, "Just a moment...", "Checking your browser before accessing the site."), true
		case FaultServerError:
			return s.failure(http.StatusInternalServerError, "Internal error"), true
		case FaultRedirect:
			a := page(http.StatusFound, "Found", "Moved.")
			a.header.Set("Location", value)
			return a, true
		case FaultBusinessError:
			return s.failure(http.StatusMultipleChoices, value), true
		case FaultErrorIn200:
			return reply(http.StatusOK, s.failureBody(http.StatusOK, value)), true
		case FaultNotJSON:
			return answer{status: http.StatusOK, header: make(http.Header), body: []byte("Service is being updated, be right back.")}, true
		case FaultDeepJSON:
			const depth = 100_000
			return answer{status: http.StatusOK, header: make(http.Header), body: []byte(strings.Repeat("[", depth) + strings.Repeat("]", depth))}, true
		case FaultTokenRefused:
			return s.failure(http.StatusForbidden, value), true
		}
	}
	return answer{}, false
}

// limited answers 429 with the Retry-After that the fault's value says.
func (s *Service) limited(value string) answer {
	a := s.failure(http.StatusTooManyRequests, "Too many requests")
	if value == "none" {
		return a
	}
	if ahead, ok := strings.CutPrefix(value, "date:"); ok {
		if d, err := parseDuration(ahead); err == nil {
			value = s.now().Add(d).Format(http.TimeFormat)
		}
	}
	a.header.Set("Retry-After", value)
	return a
}

// mangle does to an answer what the faults say that spoil it on its way. What
// was asked for has been done.
func (s *Service) mangle(c *call, a answer) answer {
	if a.way != whole {
		return a
	}
	for _, kind := range c.Faults {
		value := c.faults[kind]
		switch kind {
		case FaultContentNull:
			a.body = s.success(nil).body
		case FaultContentString:
			a.body = s.success(value).body
		case FaultTruncatedJSON:
			a.body = a.body[:len(a.body)/2]
		case FaultSlowBody:
			a.way, a.value = slow, value
			return a
		case FaultEndlessBody:
			a.way = endless
			return a
		case FaultCutBody:
			a.way = broken
			return a
		}
	}
	return a
}
