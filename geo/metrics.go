package geo

import (
	"github.com/prometheus/client_golang/prometheus"
)

// metrics is what is counted of the location data. The label "data" is
// country or network.
type metrics struct {
	taken   [2]prometheus.Counter // by role
	refused [2]prometheus.Counter // by role
	broken  prometheus.Counter

	registerer prometheus.Registerer
	registered []prometheus.Collector
}

// newMetrics makes the metrics and registers them with reg, which may be nil.
// current is asked for the gauges.
func newMetrics(reg prometheus.Registerer, current func() *snapshot) (*metrics, error) {
	files := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "sessionwarden_geo_files_total",
		Help: "Location files that were new or changed, by what came of them.",
	}, []string{"data", "outcome"})
	m := &metrics{
		broken: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "sessionwarden_geo_broken_records_total",
			Help: "Records of location files that could not be read; the built-in data answered instead.",
		}),
		registerer: reg,
	}
	var all []prometheus.Collector
	for _, r := range []role{countries, networks} {
		m.taken[r] = files.WithLabelValues(r.String(), "taken")
		m.refused[r] = files.WithLabelValues(r.String(), "refused")
		all = append(all, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name:        "sessionwarden_geo_built_timestamp_seconds",
			Help:        "When the location data in use was built.",
			ConstLabels: prometheus.Labels{"data": r.String()},
		}, func() float64 { return float64(current().first(r).built.Unix()) }))
	}
	all = append(all, files, m.broken, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "sessionwarden_geo_failed",
		Help: "1 while a location file that the configuration names could not be loaded.",
	}, func() float64 {
		if current().failed != "" {
			return 1
		}
		return 0
	}), prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "sessionwarden_geo_files_bad",
		Help: "Location files that should be in use and are not, as they are not good.",
	}, func() float64 { return float64(len(current().troubles)) }))
	if reg == nil {
		return m, nil
	}
	for _, c := range all {
		if err := reg.Register(c); err != nil {
			m.close()
			return nil, err
		}
		m.registered = append(m.registered, c)
	}
	return m, nil
}

// close takes the metrics out of the registry: those it put there, as those of
// another locator look the same to the registry.
func (m *metrics) close() {
	for _, c := range m.registered {
		m.registerer.Unregister(c)
	}
}
