package mannco

import (
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// No session of this service can have begun before earliest, and none lives
// longer than longestLife from now. clockFloor is a time that is over: a clock
// that says less is not believed.
var (
	earliest   = time.Date(2010, 1, 1, 0, 0, 0, 0, time.UTC)
	clockFloor = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
)

const (
	longestLife = 400 * 24 * time.Hour
	clockSlack  = 24 * time.Hour // how far ahead of ours the service's clock may be
)

// window is the span in which times are believed.
type window struct{ from, to int64 } // Unix seconds

// windowAt returns the span for times up to ahead after now. Where now itself
// cannot be right, everything in this century is believed.
func windowAt(now time.Time, ahead time.Duration) window {
	to := now.Add(ahead).Unix()
	if now.Before(clockFloor) {
		to = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	}
	return window{earliest.Unix(), to}
}

func (w window) holds(seconds int64) bool { return w.from <= seconds && seconds < w.to }

// unit is what a time was counted in.
type unit uint8

const (
	notTime unit = iota
	inSeconds
	inMillis
	inMicros
	inNanos
	asText
)

// readTime understands Unix times in seconds, milliseconds, microseconds or
// nanoseconds, told apart by their magnitude, as numbers or strings, and RFC
// 3339. What lies outside the window is no time.
func readTime(v jsontext.Value, w window) (time.Time, unit) {
	text := bare(v)
	if len(text) == 0 || len(text) > 40 {
		return time.Time{}, notTime
	}
	if n, ok := digits(text); ok {
		for u, per := range [...]int64{inSeconds: 1, inMillis: 1e3, inMicros: 1e6, inNanos: 1e9} {
			if per != 0 && w.holds(n/per) {
				return time.Unix(n/per, n%per*(1e9/per)).UTC(), unit(u)
			}
		}
		return time.Time{}, notTime
	}
	if f, err := strconv.ParseFloat(string(text), 64); err == nil {
		if f > 0 && f < 1e11 && w.holds(int64(f)) { // seconds with a fraction, which nothing needs
			return time.Unix(int64(f), 0).UTC(), inSeconds
		}
		return time.Time{}, notTime
	}
	for _, layout := range [...]string{time.RFC3339, time.DateTime} { // without a zone: UTC
		if t, err := time.Parse(layout, string(text)); err == nil && w.holds(t.Unix()) {
			return t.UTC(), asText
		}
	}
	return time.Time{}, notTime
}

// digits reads at most 18 decimal digits.
func digits(text []byte) (int64, bool) {
	if len(text) == 0 || len(text) > 19 {
		return 0, false
	}
	var n int64
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0, false
		}
		if n > (1<<63-1-9)/10 {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}
