package sessionwarden

import (
	"fmt"
	"strings"
)

// Severity says how much a finding or an alert matters. The zero value is
// Info; values compare with < and >.
type Severity uint8

// The severities, in rising order.
const (
	Info Severity = iota
	Warning
	Critical
)

var severityNames = [...]string{"info", "warning", "critical"}

// String returns the word that the configuration uses for s.
func (s Severity) String() string {
	if int(s) < len(severityNames) {
		return severityNames[s]
	}
	return fmt.Sprintf("severity(%d)", uint8(s))
}

// MarshalText implements encoding.TextMarshaler.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler. It accepts exactly the
// words info, warning and critical.
func (s *Severity) UnmarshalText(text []byte) error {
	for i, name := range severityNames {
		if name == string(text) {
			*s = Severity(i)
			return nil
		}
	}
	return fmt.Errorf("%q is not a severity: write one of %s", text, strings.Join(severityNames[:], ", "))
}
