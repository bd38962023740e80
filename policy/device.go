package policy

import (
	"strings"
	"sync"

	"github.com/mileusna/useragent"

	"sessionwarden"
)

const (
	maxAgent  = 512 // bytes of a user agent that are looked at
	maxDevice = 64  // bytes of a device's name
	maxFamily = 46  // bytes of a browser family's name: the longest system and ", " fit before it
)

// unknownAgent is the device of an agent that has no name in it. It is not
// empty: an agent that says nothing must not pass for one that was not given.
const unknownAgent = "unknown agent"

// Device names the operating system and the browser family of a user agent,
// such as "Windows, Chrome": no versions, so that an update is no new device.
// It is "" for an empty agent. An agent that is not known gives a short name
// that stays the same from version to version. The result has at most 64
// bytes and no control characters; it is hostile text still, and whoever sends
// a user agent can copy another's.
func Device(userAgent string) string {
	if len(userAgent) > maxAgent {
		userAgent = userAgent[:maxAgent]
	}
	return devices.of(userAgent)
}

// devices remembers what agents mean: there are few, and to read one costs more
// than all rules together.
var devices memory

// maxMemory is how many agents are remembered, half a megabyte of them at most.
const maxMemory = 1024

type memory struct {
	mu    sync.RWMutex
	names map[string]string
}

func (m *memory) of(userAgent string) string {
	m.mu.RLock()
	name, known := m.names[userAgent]
	m.mu.RUnlock()
	if known {
		return name
	}
	name = readDevice(userAgent)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.names == nil || len(m.names) >= maxMemory { // somebody makes them up
		m.names = make(map[string]string)
	}
	m.names[strings.Clone(userAgent)] = name
	return name
}

// readDevice is [Device] of an agent that is not too long.
func readDevice(userAgent string) string {
	userAgent = sessionwarden.Clean(userAgent, maxAgent)
	if userAgent == "" {
		return ""
	}
	agent := useragent.Parse(userAgent)
	family := versionless(agent.Name)
	switch {
	case agent.OS == "" && family == "":
		return unknownAgent
	case agent.OS == "":
		return family
	case family == "":
		return agent.OS
	}
	return sessionwarden.Clean(agent.OS+", "+family, maxDevice)
}

// versionless returns name without what looks like a version or a comment:
// all after a slash or a bracket, and words that begin with a digit or with
// "v" and a digit.
func versionless(name string) string {
	if i := strings.IndexAny(name, "/([{;,"); i >= 0 {
		name = name[:i]
	}
	if !hasVersion(name) {
		return sessionwarden.Clean(name, maxFamily)
	}
	var kept []string
	for word := range strings.FieldsSeq(name) {
		if !isVersion(word) {
			kept = append(kept, word)
		}
	}
	return sessionwarden.Clean(strings.Join(kept, " "), maxFamily)
}

func hasVersion(name string) bool {
	for word := range strings.FieldsSeq(name) {
		if isVersion(word) {
			return true
		}
	}
	return false
}

func isVersion(word string) bool {
	word = strings.TrimPrefix(strings.TrimPrefix(word, "v"), "V")
	return word != "" && word[0] >= '0' && word[0] <= '9'
}
