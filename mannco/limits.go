package mannco

import (
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// How long a rate limit may make us wait, whatever the service says.
const (
	shortestWait = time.Second
	longestWait  = 10 * time.Minute
	defaultWait  = time.Minute
)

// RetryAfter reads how long a 429 answer asks to wait: Retry-After in seconds
// or as a date, else X-RateLimit-Reset, else a minute. It is never less than
// a second nor more than ten minutes. now is the service's clock.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	if text := strings.TrimSpace(h.Get("Retry-After")); text != "" {
		if seconds, ok := wholeSeconds(text); ok {
			return clampWait(seconds)
		}
		if at, err := http.ParseTime(text); err == nil {
			return clampWait(at.Sub(now))
		}
	}
	if text := strings.TrimSpace(h.Get("X-RateLimit-Reset")); text != "" {
		if unix, err := strconv.ParseInt(text, 10, 64); err == nil {
			return clampWait(time.Unix(min(max(unix, 0), 1<<33), 0).Sub(now))
		}
	}
	return defaultWait
}

// wholeSeconds reads a number of seconds of any size.
func wholeSeconds(text string) (time.Duration, bool) {
	digits := strings.TrimLeft(text, "+-")
	if digits == "" || len(text)-len(digits) > 1 {
		return 0, false
	}
	whole, _, _ := strings.Cut(digits, ".")
	for i := range len(whole) {
		if whole[i] < '0' || whole[i] > '9' {
			return 0, false
		}
	}
	if text[0] == '-' {
		return 0, true
	}
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || n > int64(longestWait/time.Second) {
		return longestWait, whole != ""
	}
	return time.Duration(n) * time.Second, true
}

func clampWait(d time.Duration) time.Duration { return min(max(d, shortestWait), longestWait) }

// limits remembers until when the service does not want to hear of a route.
// Each route has its own, so a limited list never keeps a disconnection back.
type limits struct {
	mu    sync.Mutex
	until [routes]time.Time
}

// left returns how long the route still has to wait, 0 for not at all.
func (l *limits) left(r route, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.until[r].IsZero() {
		return 0
	}
	wait := l.until[r].Sub(now)
	if wait <= 0 || wait > longestWait { // over, or the clock jumped back
		l.until[r] = time.Time{}
		return 0
	}
	return wait
}

func (l *limits) wait(r route, until time.Time) {
	l.mu.Lock()
	l.until[r] = until
	l.mu.Unlock()
}
