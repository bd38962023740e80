package sessionwarden

import "time"

// Observing says that the daemon watches and tells, but disconnects nothing
// until a person confirms: what it remembers may be old.
type Observing struct {
	Since time.Time `json:"since"` // UTC
	Why   string    `json:"why"`   // one or two sentences for people
}
