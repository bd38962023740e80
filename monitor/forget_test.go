package monitor_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"sessionwarden/monitor"
)

// TestForgettingKeepsPace lets a history grow old: it is forgotten a little
// every ten minutes, and sooner while there is more of it.
func TestForgettingKeepsPace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var at []time.Duration
		m := monitor.New(monitor.Options{Forget: func(context.Context) (int, bool, error) {
			at = append(at, time.Since(start))
			switch len(at) {
			case 2, 3:
				return 500, true, nil
			case 4:
				return 12, false, nil
			case 5:
				return 0, true, errDisk
			}
			return 0, false, nil
		}})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- m.Run(ctx) }()
		pass(45 * time.Minute)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		want := []time.Duration{10 * time.Minute, 20 * time.Minute, 20*time.Minute + 20*time.Second, 20*time.Minute + 40*time.Second, 30*time.Minute + 40*time.Second, 40*time.Minute + 40*time.Second}
		if !slices.Equal(at, want) {
			t.Errorf("forgot at %v, want %v", at, want)
		}
	})
}
