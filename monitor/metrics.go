package monitor

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sessionwarden"
)

// metrics count what the watch does. Labels come from closed sets only.
type metrics struct {
	polls    *prometheus.CounterVec // by outcome
	duration prometheus.Histogram
	skips    prometheus.Counter
	panics   prometheus.Counter
	unsaved  prometheus.Counter
	findings *prometheus.CounterVec // by rule
	actions  *prometheus.CounterVec // by state
	calls    *prometheus.CounterVec // by outcome
	last     prometheus.Gauge
}

// watchStates are gauges over all accounts. An account has no label of its
// own: how many are blind is what an alarm needs, status says which.
func (m *Monitor) watchStates(reg prometheus.Registerer) {
	if reg == nil {
		return
	}
	sum := func(of func(sessionwarden.AccountStatus) int) func() float64 {
		return func() float64 {
			total := 0
			for _, s := range m.Status() {
				total += of(s)
			}
			return float64(total)
		}
	}
	one := func(yes bool) int {
		if yes {
			return 1
		}
		return 0
	}
	for name, gauge := range map[string]struct {
		help string
		of   func(sessionwarden.AccountStatus) int
	}{
		"sessionwarden_accounts":             {"Accounts that are watched.", func(sessionwarden.AccountStatus) int { return 1 }},
		"sessionwarden_accounts_blind":       {"Accounts that cannot be polled, and people know.", func(s sessionwarden.AccountStatus) int { return one(s.Blind) }},
		"sessionwarden_accounts_clock_doubt": {"Accounts whose service's clock and ours are too far apart, or ours is impossible: disconnections are held.", func(s sessionwarden.AccountStatus) int { return one(s.Clock != "") }},
		"sessionwarden_sessions_live":        {"Live sessions.", func(s sessionwarden.AccountStatus) int { return s.Live }},
		"sessionwarden_sessions_suspicious":  {"Live sessions that a rule with a response above log has matched.", func(s sessionwarden.AccountStatus) int { return s.Suspicious }},
		"sessionwarden_actions_held":         {"Actions that wait for a person, or for the hour's budget.", func(s sessionwarden.AccountStatus) int { return s.Held }},
	} {
		reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: gauge.help}, sum(gauge.of)))
	}
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		polls:    prometheus.NewCounterVec(prometheus.CounterOpts{Name: "sessionwarden_polls_total", Help: "Polls, by outcome."}, []string{"outcome"}),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "sessionwarden_poll_duration_seconds", Help: "How long reading an account's lists took.", Buckets: []float64{0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30}}),
		skips:    prometheus.NewCounter(prometheus.CounterOpts{Name: "sessionwarden_polls_skipped_total", Help: "Polls skipped since the one before still ran."}),
		panics:   prometheus.NewCounter(prometheus.CounterOpts{Name: "sessionwarden_panics_total", Help: "Polls and rounds of actions that panicked."}),
		unsaved:  prometheus.NewCounter(prometheus.CounterOpts{Name: "sessionwarden_commits_failed_total", Help: "Changes that could not be saved."}),
		findings: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "sessionwarden_findings_total", Help: "Findings, by rule; the owner's own rules together as own."}, []string{"rule"}),
		actions:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "sessionwarden_actions_total", Help: "State changes of actions, by the new state."}, []string{"state"}),
		calls:    prometheus.NewCounterVec(prometheus.CounterOpts{Name: "sessionwarden_disconnect_calls_total", Help: "Calls that end sessions, by outcome."}, []string{"outcome"}),
		last:     prometheus.NewGauge(prometheus.GaugeOpts{Name: "sessionwarden_last_good_poll_timestamp_seconds", Help: "When any account was polled well last."}),
	}
	if reg != nil {
		reg.MustRegister(m.polls, m.duration, m.skips, m.panics, m.unsaved, m.findings, m.actions, m.calls, m.last)
	}
	return m
}

// outcome is a label value for err.
func outcome(err error) string {
	var f *sessionwarden.Fault
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &f):
		return f.Kind.String()
	default:
		return "other"
	}
}

func (m *metrics) polled(took time.Duration, err error) {
	m.polls.WithLabelValues(outcome(err)).Inc()
	m.duration.Observe(took.Seconds())
	if err == nil {
		m.last.SetToCurrentTime()
	}
}

func (m *metrics) called(err error) { m.calls.WithLabelValues(outcome(err)).Inc() }

func (m *metrics) committed(c sessionwarden.Change) {
	for _, f := range c.Findings {
		rule := string(f.Rule)
		if f.Rule.Own() {
			rule = "own" // their names change with the configuration
		}
		m.findings.WithLabelValues(rule).Inc()
	}
	for _, a := range c.Actions {
		m.actions.WithLabelValues(a.State.String()).Inc()
	}
}
