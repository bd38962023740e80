package alert

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// SocketStatus is how a [SlackSocket] is. The zero value is one that does not
// run.
type SocketStatus struct {
	Connected time.Time // since when; zero: it is not
	Down      time.Time // since when it is not; zero: it is, or does not run
	Reason    string    // why not, without secrets
	Cure      string    // what a person can do about it; "" for nothing
	Broken    bool      // a person has to: it is tried only once an hour, and when there is another token
	Next      time.Time // when it is tried again; zero: right now, or it is connected
}

// Status returns how the connection is. It may be called from any goroutine.
func (s *SlackSocket) Status() SocketStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status
}

// begin notes that the socket runs.
func (s *SlackSocket) begin() {
	s.set(SocketStatus{Down: time.Now(), Reason: "it has not connected yet"})
}

// end notes that it does not run any more.
func (s *SlackSocket) end() { s.set(SocketStatus{}) }

func (s *SlackSocket) set(to SocketStatus) {
	s.mu.Lock()
	s.status = to
	s.warned = s.warned && to.Connected.IsZero()
	s.mu.Unlock()
	connected := 0.0
	if !to.Connected.IsZero() {
		connected = 1
	}
	s.metrics.connected.Set(connected)
}

// up notes that it is connected. The next connection of a row leaves the time
// as it is.
func (s *SlackSocket) up() {
	if !s.Status().Connected.IsZero() {
		return
	}
	s.set(SocketStatus{Connected: time.Now()})
	s.log.Info("connected to Slack for its buttons and commands")
}

// lost notes that the connection ended.
func (s *SlackSocket) lost(end string, e *SendError, wait time.Duration) {
	s.metrics.ends.WithLabelValues(end).Inc()
	s.down(e, wait, slog.LevelInfo)
}

// failed notes that no connection could be opened. Where the one before still
// works it is no matter yet.
func (s *SlackSocket) failed(e *SendError, wait time.Duration, works bool) {
	if works {
		s.log.Debug("no new connection to Slack for its buttons and commands; the one before still works", "err", e, "again_in", wait.Round(time.Second))
		return
	}
	s.down(e, wait, slog.LevelWarn)
}

// down notes that there is no connection, and why. An outage is a warning once,
// and once more when a person has to mend something.
func (s *SlackSocket) down(e *SendError, wait time.Duration, level slog.Level) {
	now := time.Now()
	to := SocketStatus{Down: now, Reason: e.Error(), Cure: e.Cure, Broken: e.Class == Broken, Next: now.Add(wait)}
	s.mu.Lock()
	if !s.status.Down.IsZero() {
		to.Down = s.status.Down
	}
	switch {
	case to.Broken && !s.status.Broken:
		level, s.warned = slog.LevelWarn, true
	case s.warned:
		level = slog.LevelDebug
	case level == slog.LevelWarn:
		s.warned = true
	}
	s.mu.Unlock()
	s.set(to)
	says := []any{"err", e, "again_in", wait.Round(time.Second)}
	if e.Cure != "" {
		says = append(says, "cure", e.Cure)
	}
	s.log.Log(context.Background(), level, "no connection to Slack for its buttons and commands", says...)
}

// Why a connection ended, and what came through it: the labels of the metrics.
const (
	endRefresh  = "refresh"  // Slack asked for another one
	endClosed   = "closed"   // Slack closed it, or it broke off
	endSilent   = "silent"   // nothing came for too long
	endDisabled = "disabled" // Socket Mode was switched off
	endTooMany  = "too_many" // too many connections are open
	endGarbage  = "garbage"  // what came was not Slack's
	endWrite    = "write"    // nothing could be written
)

// socketMetrics counts what the socket does. All labels are the program's own.
type socketMetrics struct {
	connected   prometheus.Gauge
	connections *prometheus.CounterVec
	ends        *prometheus.CounterVec
	envelopes   *prometheus.CounterVec
}

func newSocketMetrics(reg prometheus.Registerer) *socketMetrics {
	return &socketMetrics{
		connected: register(reg, prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "sessionwarden_slack_socket_connected", Help: "1 while Slack's buttons and commands reach the program.",
		})),
		connections: register(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sessionwarden_slack_socket_connections_total", Help: "Connections for Slack's buttons that were tried, by what came of it.",
		}, []string{"outcome"})),
		ends: register(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sessionwarden_slack_socket_ends_total", Help: "Connections for Slack's buttons that ended, by why.",
		}, []string{"reason"})),
		envelopes: register(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sessionwarden_slack_socket_envelopes_total", Help: "What came from Slack, by what it was or became.",
		}, []string{"kind"})),
	}
}
