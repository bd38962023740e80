package geo

import (
	"github.com/prometheus/client_golang/prometheus"
)

// metrics is what is counted of the location data. The label "data" is
// country, network or anonymizer; "list" the name of a list.
type metrics struct {
	taken   [3]prometheus.Counter // by role
	refused [3]prometheus.Counter // by role
	fetches *prometheus.CounterVec
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
	m.fetches = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "sessionwarden_geo_list_fetches_total",
		Help: "Attempts to fetch a list of Tor exits or VPN networks, by what came of them.",
	}, []string{"list", "outcome"})
	all := []prometheus.Collector{m.fetches}
	for _, k := range []listKind{torExits, vpnNetworks} {
		all = append(all, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name:        "sessionwarden_geo_list_entries",
			Help:        "Entries of the list in use; 0: none is.",
			ConstLabels: prometheus.Labels{"list": k.String()},
		}, func() float64 {
			if l := current().lists[k]; l != nil {
				return float64(l.entries)
			}
			return 0
		}))
	}
	for _, r := range []role{countries, networks, anonymizers} {
		m.taken[r] = files.WithLabelValues(r.String(), "taken")
		m.refused[r] = files.WithLabelValues(r.String(), "refused")
		if r == anonymizers {
			continue
		}
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
		Help: "Location files and lists that should be in use and are not, as they are not good.",
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

// fetched counts an attempt to fetch a list.
func (m *metrics) fetched(k listKind, err error) {
	outcome := "good"
	if err != nil {
		outcome = "failed"
	}
	m.fetches.WithLabelValues(k.String(), outcome).Inc()
}

// close takes the metrics out of the registry: those it put there, as those of
// another locator look the same to the registry.
func (m *metrics) close() {
	for _, c := range m.registered {
		m.registerer.Unregister(c)
	}
}
