package monitor_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"sessionwarden"
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

// A mistake of the program's own in that ends neither it nor the watch.
func TestAPanicWhileForgettingIsContained(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tried := 0
		var told []sessionwarden.Alert
		m := monitor.New(monitor.Options{
			Forget: func(context.Context) (int, bool, error) {
				tried++
				panic("a mistake in the program")
			},
			Urgent: func(a sessionwarden.Alert) { told = append(told, a) },
		})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- m.Run(ctx) }()
		pass(45 * time.Minute)
		cancel()
		if err := <-done; err != nil || tried != 4 {
			t.Errorf("tried %d times, %v", tried, err)
		}
		if len(told) != 1 || told[0].Kind != sessionwarden.ProgramError {
			t.Errorf("told %+v", told)
		}
	})
}

// Where the program is started now and then only, the history grows old too.
func TestASinglePollForgetsALittleToo(t *testing.T) {
	t.Parallel()
	tried := 0
	m := monitor.New(monitor.Options{Forget: func(context.Context) (int, bool, error) { tried++; return 500, true, nil }})
	if err := m.Once(t.Context(), time.Second); err != nil || tried != 1 {
		t.Errorf("forgot %d times, %v", tried, err)
	}
}
