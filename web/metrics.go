package web

import (
	"errors"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics counts what one of the two faces was asked. Label values come from
// closed sets: routes that exist or "other", and classes of status codes.
type metrics struct {
	requests *prometheus.CounterVec
	panics   prometheus.Counter
}

// newMetrics registers the metrics of one face ("ops" or "api") at reg, which
// may be nil: then they are counted for nobody. Two handlers of one face share
// their metrics.
func newMetrics(reg prometheus.Registerer, face string) *metrics {
	if reg != nil {
		reg = prometheus.WrapRegistererWith(prometheus.Labels{"face": face}, reg)
	}
	return &metrics{
		requests: register(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sessionwarden_web_requests_total",
			Help: "Requests answered, by face, route and class of status code.",
		}, []string{"route", "code"})),
		panics: register(reg, prometheus.NewCounter(prometheus.CounterOpts{
			Name: "sessionwarden_web_panics_total",
			Help: "Requests that ended in a contained panic.",
		})),
	}
}

// register registers c at reg and returns it, or the collector of the same
// metric that is registered already.
func register[C prometheus.Collector](reg prometheus.Registerer, c C) C {
	if reg == nil {
		return c
	}
	var already prometheus.AlreadyRegisteredError
	if err := reg.Register(c); errors.As(err, &already) {
		if before, ok := already.ExistingCollector.(C); ok {
			return before
		}
	}
	return c
}

// answered counts one answer. An unknown route counts as "other".
func (m *metrics) answered(route string, status int) {
	m.requests.WithLabelValues(route, strconv.Itoa(status/100)+"xx").Inc()
}
