package config

import (
	"strconv"
	"strings"
	"time"
)

const day = 24 * time.Hour

// parseDuration reads a duration as Go writes it, and days: "30s", "1h30m",
// "400d", "1d12h".
func parseDuration(text string) (time.Duration, error) {
	const cure = `write a number and s, m, h or d, such as "30s", "10m" or "400d"`
	rest := text
	var days time.Duration
	if number, after, ok := strings.Cut(text, "d"); ok {
		n, err := strconv.ParseUint(number, 10, 32)
		if err != nil {
			return 0, wrong(cure, "%q is not a duration", shown(text))
		}
		if n > uint64(maxDuration/day) {
			return 0, wrong("write fewer days", "%q is too long", shown(text))
		}
		days, rest = time.Duration(n)*day, after
		if rest == "" {
			return days, nil
		}
	}
	d, err := time.ParseDuration(rest)
	if err != nil || strings.HasPrefix(rest, "+") {
		return 0, wrong(cure, "%q is not a duration", shown(text))
	}
	if d > maxDuration || days > 0 && d < 0 {
		return 0, wrong(cure, "%q is not a sensible duration", shown(text))
	}
	return days + d, nil
}

// maxDuration keeps sums of days and hours far from where they overflow.
const maxDuration = 100_000 * day

// formatDuration writes d as the configuration does.
func formatDuration(d time.Duration) string {
	switch {
	case d > 0 && d%day == 0:
		return strconv.FormatInt(int64(d/day), 10) + "d"
	case d > 0 && d%time.Hour == 0:
		return strconv.FormatInt(int64(d/time.Hour), 10) + "h"
	case d > 0 && d%time.Minute == 0:
		return strconv.FormatInt(int64(d/time.Minute), 10) + "m"
	}
	return d.String()
}

func isDigits(text string) bool { return text != "" && strings.Trim(text, "0123456789") == "" }
