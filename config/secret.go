package config

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unique"
)

// Secret is a key, a token or a URL that nobody may see. It knows where its
// value comes from; only Read tells the value. However it is printed, logged
// or encoded, it shows as <secret>. The zero value is a secret that was not
// given. Two secrets are equal (==) where they come from the same place.
type Secret struct {
	from    source
	name    string                // the file or the variable
	value   unique.Handle[string] // for inline and fromEnv; a handle prints as an address even by reflection
	trusted string                // the credentials directory at load, whose files may have any mode
}

// source says where a secret's value comes from.
type source uint8

const (
	unset source = iota
	inline
	fromFile
	fromEnv
	unreachable // name says why, see Options.SecretsLater
)

// errUnset is what reading the zero Secret says.
var errUnset = errors.New("no secret was given")

// Set reports whether the configuration gives the secret.
func (s Secret) Set() bool { return s.from != unset }

// Source says where the value comes from, in words: "file /etc/key", "variable
// KEY", "the configuration", and "nowhere" for the zero value.
func (s Secret) Source() string {
	switch s.from {
	case inline:
		return "the configuration"
	case fromFile:
		return "file " + s.name
	case fromEnv:
		return "variable " + s.name
	}
	return "nowhere"
}

// Read returns the value. A file is read anew each time, so that a changed key
// is taken without a reload; a variable cannot change while the program runs.
// White space around the value is cut off. An empty value, one that is not one
// word of printable ASCII or has more than 64 KiB, and a file that everyone
// can read or write are errors; none of them holds the value.
func (s Secret) Read() (string, error) {
	switch s.from {
	case inline:
		return cleanSecret(s.value.Value(), "this")
	case fromEnv:
		return cleanSecret(s.value.Value(), "the variable "+s.name)
	case fromFile:
		text, err := readSecretFile(s.name, s.trusted)
		if err != nil {
			return "", err
		}
		return cleanSecret(text, s.name)
	case unreachable:
		return "", errors.New(s.name)
	}
	return "", errUnset
}

// cleanSecret trims a secret and refuses what cannot be one. place is where it
// was found.
func cleanSecret(text, place string) (string, error) {
	text = strings.TrimSpace(strings.TrimPrefix(text, "\ufeff"))
	if text == "" {
		return "", wrong("put the secret into it, and nothing else", "%s is empty", place)
	}
	if len(text) > maxSecret {
		return "", wrong("put the secret into it, and nothing else", "%s is longer than 64 KiB, which no secret is", place)
	}
	for _, r := range text {
		if r <= ' ' || r > '~' {
			return "", wrong("put the secret into it as plain text, and nothing else", "%s holds more than one word, or characters that no secret has", place)
		}
	}
	return text, nil
}

// maxSecret is how many bytes a secret may have.
const maxSecret = 64 << 10

const hidden = "<secret>"

// Format implements fmt.Formatter for every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }

// String implements fmt.Stringer.
func (s Secret) String() string { return hidden }

// GoString implements fmt.GoStringer.
func (s Secret) GoString() string { return hidden }

// LogValue implements slog.LogValuer.
func (s Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText implements encoding.TextMarshaler.
func (s Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// MarshalJSON implements json.Marshaler.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + hidden + `"`), nil }

// inlineSecret is a secret that stands in the configuration itself.
func inlineSecret(text string) (Secret, error) {
	return Secret{from: inline, value: unique.Make(text)}, nil
}

// secretFile is a secret in a file. A file that is not there is not named
// where its name may be the secret itself.
func (d *decoder) secretFile(name, text string) (Secret, error) {
	path, err := d.path(text)
	if err != nil {
		return Secret{}, err
	}
	if _, err := os.Lstat(path); err != nil && !looksLikePath(text) {
		return Secret{}, wrong(name+"_file takes the name of a file; a secret itself goes into a file, not here", "there is no such file (its name is not shown, as it may be the secret itself)")
	}
	return Secret{from: fromFile, name: path, trusted: d.opts.Getenv("CREDENTIALS_DIRECTORY")}, nil
}

// secretEnv is a secret in an environment variable.
func (d *decoder) secretEnv(name, text string) (Secret, error) {
	value := ""
	if isVariable(text) {
		value = d.opts.Getenv(text)
	}
	if value == "" {
		if !looksLikeVariable(text) {
			return Secret{}, wrong(name+"_env takes the name of an environment variable; a secret itself goes into the variable, not here", "there is no such variable (its name is not shown, as it may be the secret itself)")
		}
		return Secret{}, wrong("set it where the daemon is started, or use "+name+"_file", "the environment variable %s is not set", text)
	}
	return Secret{from: fromEnv, name: text, value: unique.Make(value)}, nil
}

// looksLikePath reports whether text is plainly the name of a file, not a
// secret that was written in the wrong place.
func looksLikePath(text string) bool {
	if strings.Contains(text, "://") {
		return false
	}
	for _, start := range []string{"/", "./", "../", "${"} {
		if strings.HasPrefix(text, start) {
			return true
		}
	}
	return slices.Contains([]string{".key", ".txt", ".token", ".secret", ".url", ".webhook"}, filepath.Ext(text))
}

// looksLikeVariable reports whether text is plainly the name of a variable.
func looksLikeVariable(text string) bool {
	return isVariable(text) && text == strings.ToUpper(text) && (strings.Contains(text, "_") || len(text) <= 12) && len(text) <= maxShown
}
