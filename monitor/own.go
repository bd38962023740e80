package monitor

import (
	"hash/fnv"
	"strconv"
	"strings"
	"sync"

	"sessionwarden"
)

// failing remembers which account people were told by that an own rule cannot be
// worked out: it is one rule, however many accounts it is asked about.
type failing struct {
	mu sync.Mutex
	by map[string]string // what was told -> the account
}

// failingKey is the beginning of what is told once of an own rule.
const failingKey = "own rule: "

// maxFailing bounds what is remembered over many reloads.
const maxFailing = 1024

// mine reports whether account is the one that tells of key: the first that asks.
func (f *failing) mine(key, account string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if by, known := f.by[key]; known {
		return by == account
	}
	if f.by == nil || len(f.by) >= maxFailing {
		f.by = make(map[string]string)
	}
	f.by[key] = account
	return true
}

// recall takes over what an account has told before this start.
func (f *failing) recall(h sessionwarden.History) {
	for key := range h.Told {
		if strings.HasPrefix(key, failingKey) {
			f.mine(key, h.Account)
		}
	}
}

// abstained tells, once for each rule and expression, that an own rule could not
// be worked out.
func (d *draft) abstained(rule sessionwarden.OwnRule, why string) {
	sum := fnv.New64a()
	_, _ = sum.Write([]byte(rule.When))
	key := failingKey + string(rule.Name) + " " + strconv.FormatUint(sum.Sum64(), 36)
	if !d.failing.mine(key, d.account.Name) || !d.mayTell(key) {
		return
	}
	d.notice(sessionwarden.RuleFailed, sessionwarden.Warning, "Your rule "+string(rule.Name)+" could not be worked out",
		"It was asked about a session of "+d.account.Name+" and failed: "+sessionwarden.Clean(why, 200)+".",
		"The other rules were asked as always. This is not told again for a month.",
		"Mend its when in the configuration, try it with sessionwarden check --offline, and reload.")
}
