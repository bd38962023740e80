package sessionwarden

import (
	"fmt"
	"strings"
)

// Response says what the configuration wants done on a finding. The values
// rise: each includes what the ones before it do. The zero value is Off.
type Response uint8

// The responses, in rising order.
const (
	Off           Response = iota // the rule is not asked at all
	Log                           // recorded, nobody is told
	Notify                        // people are told ("alert")
	Ask                           // an action is held until a person answers
	Disconnect                    // the session is ended
	DisconnectAll                 // every session but our own and the trusted ones is ended
)

var responseNames = [...]string{"off", "log", "alert", "ask", "disconnect", "disconnect_all"}

// String returns the word that the configuration uses for r.
func (r Response) String() string {
	if int(r) < len(responseNames) {
		return responseNames[r]
	}
	return fmt.Sprintf("response(%d)", uint8(r))
}

// MarshalText implements encoding.TextMarshaler.
func (r Response) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler. It accepts exactly the
// words of the configuration.
func (r *Response) UnmarshalText(text []byte) error {
	for i, name := range responseNames {
		if name == string(text) {
			*r = Response(i)
			return nil
		}
	}
	return fmt.Errorf("%q is not a response: write one of %s", text, strings.Join(responseNames[:], ", "))
}

// ResponseNames returns the words that the configuration accepts, in rising
// order.
func ResponseNames() []string { return append([]string(nil), responseNames[:]...) }
