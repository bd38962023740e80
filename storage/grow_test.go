package storage_test

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"sessionwarden"
)

// Whoever looks at the file while a commit lets it grow does not take it for
// one that was cut off.
func TestAFileThatGrowsIsNotTakenForOneThatWasCutOff(t *testing.T) {
	t.Parallel()
	db := open(t, dbPath(t))
	var looking sync.WaitGroup
	var done atomic.Bool
	lookers := 16
	if testing.Short() { // under the race detector each of them takes ten times as much
		lookers = 2
	}
	for range lookers {
		looking.Go(func() {
			for !done.Load() {
				if err := db.Usable(); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 6 { // each lets the file grow
		s := session(db.NextID(), "main", day)
		s.UserAgent = strings.Repeat("a", 5<<20)
		c := arrival("main", s)
		c.Sightings = []sessionwarden.Sighting{s}
		commit(t, db, c)
	}
	done.Store(true)
	looking.Wait()
}
