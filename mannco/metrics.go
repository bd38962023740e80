package mannco

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics counts what all clients of one program do. Make it once and give it
// to every client. No label holds text from outside.
type Metrics struct {
	requests [routes][outcomes]prometheus.Counter
	seconds  [routes]prometheus.Observer
	retries  prometheus.Counter
	logins   [outcomes]prometheus.Counter
	readings [readingKinds]prometheus.Counter
	unknown  prometheus.Counter
	flawed   prometheus.Counter
}

// outcome is how a request ended: 0 is good, else 1 + the kind of the fault.
type outcome uint8

const outcomes = 8

var outcomeNames = [outcomes]string{"ok", "network", "refused", "rate_limited", "not_found", "business", "strange", "clock"}

// The kinds of reading of a session list.
const (
	readingUnchanged = iota
	readingComplete
	readingIncomplete
	readingFailed
	readingKinds
)

var readingNames = [readingKinds]string{"unchanged", "complete", "incomplete", "failed"}

// NewMetrics makes the metrics and registers them with reg, which may be nil.
func NewMetrics(reg prometheus.Registerer) *Metrics { return newMetrics(reg) }

func newMetrics(reg prometheus.Registerer) *Metrics {
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "sessionwarden_service_requests_total",
		Help: "Requests to the watched service, by route and outcome.",
	}, []string{"route", "outcome"})
	seconds := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "sessionwarden_service_request_seconds",
		Help:    "How long the watched service took to answer, body included.",
		Buckets: []float64{.01, .03, .1, .3, 1, 3, 10},
	}, []string{"route"})
	logins := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "sessionwarden_service_logins_total",
		Help: "Logins tried at the watched service, by outcome.",
	}, []string{"outcome"})
	readings := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "sessionwarden_service_listings_total",
		Help: "Readings of session lists, by what came of them.",
	}, []string{"result"})
	m := &Metrics{
		retries: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "sessionwarden_service_retries_total",
			Help: "Requests that were sent again after a server error.",
		}),
		unknown: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "sessionwarden_service_unknown_fields_total",
			Help: "Fields of the service's answers that the program does not know.",
		}),
		flawed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "sessionwarden_service_flawed_rows_total",
			Help: "Rows of session lists that were not understood in full.",
		}),
	}
	for r := range routes {
		m.seconds[r] = seconds.WithLabelValues(r.String())
		for o := range outcomes {
			m.requests[r][o] = requests.WithLabelValues(r.String(), outcomeNames[o])
		}
	}
	for o := range outcomes {
		m.logins[o] = logins.WithLabelValues(outcomeNames[o])
	}
	for i, name := range readingNames {
		m.readings[i] = readings.WithLabelValues(name)
	}
	if reg != nil {
		reg.MustRegister(requests, seconds, logins, readings, m.retries, m.unknown, m.flawed)
	}
	return m
}

func (m *Metrics) request(r route, o outcome, took time.Duration) {
	m.requests[r][o].Inc()
	m.seconds[r].Observe(took.Seconds())
}
