package alert

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics counts what there is to tell and what the channels do. Labels are
// kinds of alert, names of channels and classes of failure, all from the
// program.
type metrics struct {
	pending *prometheus.GaugeVec
	broken  *prometheus.GaugeVec
	sent    *prometheus.CounterVec
	failed  *prometheus.CounterVec
	told    *prometheus.CounterVec
}

// newMetrics registers the metrics with reg; nil is allowed.
func newMetrics(reg prometheus.Registerer) *metrics {
	return &metrics{
		pending: register(reg, prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "sessionwarden_alerts_pending", Help: "Alerts that wait to be sent or updated on a channel.",
		}, []string{"channel"})),
		broken: register(reg, prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "sessionwarden_alert_channel_broken", Help: "1 while a channel refuses everything until a person mends it.",
		}, []string{"channel"})),
		sent: register(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sessionwarden_alert_messages_sent_total", Help: "Messages delivered on a channel, updates and bundles among them.",
		}, []string{"channel"})),
		failed: register(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sessionwarden_alert_failures_total", Help: "Attempts that failed, by what is done about it.",
		}, []string{"channel", "class"})),
		told: register(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sessionwarden_alerts_total", Help: "Alerts that arose, by what they are about.",
		}, []string{"kind"})),
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
