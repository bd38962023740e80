package monitor_test

import (
	"slices"
	"testing"
	"time"

	"sessionwarden/monitor"
)

// TestSummerTime writes down what a schedule with a zone does on the days on
// which the clocks change.
func TestSummerTime(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		what, schedule, from string
		want                 []string
	}{
		{"a time that is passed over does not come on that day", "CRON_TZ=Europe/Berlin 30 2 * * *", "2026-03-27T12:00:00Z",
			[]string{"2026-03-28T01:30:00Z", "2026-03-30T00:30:00Z"}},
		{"a time that comes twice is taken twice", "CRON_TZ=Europe/Berlin 30 2 * * *", "2026-10-24T12:00:00Z",
			[]string{"2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-26T01:30:00Z"}},
		{"every half hour is every half hour", "CRON_TZ=Europe/Berlin */30 * * * *", "2026-03-29T00:15:00Z",
			[]string{"2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z"}},
		{"also when the hour comes twice", "CRON_TZ=Europe/Berlin */30 * * * *", "2026-10-25T00:15:00Z",
			[]string{"2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:00:00Z"}},
		{"without a zone it is UTC", "30 2 * * *", "2026-03-28T12:00:00Z", []string{"2026-03-29T02:30:00Z", "2026-03-30T02:30:00Z"}},
		{"an interval knows no summer time", "@every 6h", "2026-03-28T22:00:00Z", []string{"2026-03-29T04:00:00Z", "2026-03-29T10:00:00Z"}},
	} {
		schedule, err := monitor.ParseSchedule(test.schedule)
		if err != nil {
			t.Fatal(err)
		}
		at, err := time.Parse(time.RFC3339, test.from)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for range test.want {
			at = schedule.Next(at).UTC()
			got = append(got, at.Format(time.RFC3339))
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", test.what, got, test.want)
		}
	}
}
