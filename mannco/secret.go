package mannco

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// hidden is what every secret prints as.
const hidden = "<secret>"

// secret is a text that nothing prints: neither fmt with any verb, nor slog,
// nor an encoder. The text lies behind a pointer, as fmt looks into unexported
// fields without asking them. The zero value is the empty secret.
type secret struct{ text *string }

func newSecret(text string) secret { return secret{&text} }

// reveal returns the text itself, for the one place that sends it.
func (s secret) reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// String implements fmt.Stringer.
func (s secret) String() string { return hidden }

// Format implements fmt.Formatter: every verb prints the same.
func (s secret) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, hidden) }

// LogValue implements slog.LogValuer.
func (s secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText implements encoding.TextMarshaler.
func (s secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// conceal takes the secrets out of a text from outside.
func conceal(text string, secrets ...secret) string {
	for _, s := range secrets {
		if s.text != nil && len(*s.text) >= 4 {
			text = strings.ReplaceAll(text, *s.text, hidden)
		}
	}
	return text
}
