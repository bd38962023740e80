package storage

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics says how the database does. There are no labels.
type metrics struct {
	seconds prometheus.Histogram
	failed  prometheus.Counter
	rows    prometheus.Counter
	forgot  prometheus.Counter
	corrupt prometheus.Counter
	size    prometheus.Gauge
}

// newMetrics registers the metrics with reg; nil is allowed.
func newMetrics(reg prometheus.Registerer) *metrics {
	return &metrics{
		seconds: register(reg, prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "sessionwarden_storage_commit_seconds", Help: "How long it took until a change was on the disk.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 5},
		})),
		failed: register(reg, prometheus.NewCounter(prometheus.CounterOpts{
			Name: "sessionwarden_storage_commit_failures_total", Help: "Changes that could not be written to the disk.",
		})),
		rows: register(reg, prometheus.NewCounter(prometheus.CounterOpts{
			Name: "sessionwarden_storage_rows_written_total", Help: "Rows that were written, new and changed ones.",
		})),
		forgot: register(reg, prometheus.NewCounter(prometheus.CounterOpts{
			Name: "sessionwarden_storage_rows_forgotten_total", Help: "Rows that were forgotten because of their age.",
		})),
		corrupt: register(reg, prometheus.NewCounter(prometheus.CounterOpts{
			Name: "sessionwarden_storage_damaged_records_total", Help: "Records that could not be read.",
		})),
		size: register(reg, prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "sessionwarden_storage_bytes", Help: "Size of the database file.",
		})),
	}
}

// register registers c, or returns what was registered in its place before.
func register[C prometheus.Collector](reg prometheus.Registerer, c C) C {
	if reg == nil {
		return c
	}
	var before prometheus.AlreadyRegisteredError
	if err := reg.Register(c); errors.As(err, &before) {
		if same, ok := before.ExistingCollector.(C); ok {
			return same
		}
	}
	return c
}
