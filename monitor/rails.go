package monitor

import (
	"fmt"
	"time"

	"sessionwarden/policy"
)

// maxSkew is how far our clock and the service's may be apart before ours
// counts as implausible. Sessions live for a month: an hour's error moves no
// conclusion, a day's does.
const maxSkew = 24 * time.Hour

// rails looks at the interlocks: whether the location data, the history and the
// clock can be relied on. earliest is a time before which the program cannot run (zero:
// not known); server is the service's clock when read was ours.
func rails(badData string, observing bool, earliest, server, read, now time.Time) policy.Rails {
	r := policy.Rails{Location: badData, Observing: observing}
	if now.Before(earliest) {
		r.Clock = fmt.Sprintf("this machine's clock says %s, which cannot be", now.Format("2006-01-02 15:04 MST"))
	}
	if skew := server.Sub(read).Abs(); !server.IsZero() && skew > maxSkew {
		r.Clock = fmt.Sprintf("this machine's clock and the service's are %s apart", skew.Round(time.Hour))
	}
	return r
}
