package main

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// refusedGauge says whether the configuration on disk was refused, so that the
// one before it is in use.
func refusedGauge(refused *atomic.Bool) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "sessionwarden_config_refused", Help: "1 while the configuration on disk has mistakes and the one before it is in use.",
	}, func() float64 {
		if refused.Load() {
			return 1
		}
		return 0
	})
}
