package lives

import (
	"math/rand/v2"
	"time"
	_ "time/tzdata" // the lives are the same where there is no zone database

	"sessionwarden"
)

// seed makes the lives what they are.
const seed = 20260302

// All returns the lives, the innocent ones first. They are the same each time.
func All() ([]*Life, error) { return Made(seed) }

// Made returns the lives as another seed makes them: other days, other hours. They
// are the same each time for the same seed.
func Made(seed uint64) ([]*Life, error) {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		return nil, err
	}
	var all []*Life
	make := func(scripts []script, attack bool) {
		for _, s := range scripts {
			l := &Life{
				Name: s.name, Says: s.says, Attack: attack, Home: []sessionwarden.Country{"DE"},
				zone: zone, silent: len(all)%3 == 2,
				random: rand.New(rand.NewPCG(seed, uint64(len(all)))),
			}
			l.end = l.at(56, 0, 0)
			s.write(l)
			all = append(all, l)
		}
	}
	make(innocent, false)
	make(attacks, true)
	return all, nil
}

// Months is how long the life was watched, in months of thirty days.
func (l *Life) Months() float64 { return l.end.Sub(start).Hours() / (30 * 24) }
