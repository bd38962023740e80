package mannco

import (
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"sessionwarden"
)

// The service sends one and the same field as a number, a string or a truth
// value. These readers take what can be meant only one way.

// looseText returns what v says as a text: a string, or a number or truth
// value as written; "" for null. ok is false for objects and arrays.
func looseText(v jsontext.Value) (text string, ok bool) {
	switch v.Kind() {
	case '"':
		return unquote(v), true
	case '0', 't', 'f':
		return string(v), true
	case 'n':
		return "", true
	}
	return "", false
}

// unquote returns the text of a JSON string.
func unquote(v []byte) string {
	if inner, ok := verbatim(v); ok {
		return string(inner)
	}
	text, _ := jsontext.AppendUnquote(nil, v) // its one error is invalid UTF-8, already replaced
	return string(text)
}

// verbatim returns what stands between the quotes of a JSON string, if it
// means itself: printable ASCII without escapes.
func verbatim(v []byte) ([]byte, bool) {
	if len(v) < 2 || v[0] != '"' {
		return nil, false
	}
	inner := v[1 : len(v)-1]
	for _, c := range inner {
		if c < ' ' || c > '~' || c == '\\' {
			return nil, false
		}
	}
	return inner, true
}

// tidy reports whether a JSON string is what cleanText would leave alone, as
// nearly all are: short, printable ASCII without escapes, with single spaces
// inside and no end to take off.
func tidy(v []byte) bool {
	inner := v[1 : len(v)-1]
	if len(inner) > sessionwarden.MaxText {
		return false
	}
	before := byte(' ')
	for _, c := range inner {
		if c < ' ' || c > '~' || c == '\\' || c == ' ' && before == ' ' {
			return false
		}
		before = c
	}
	return len(inner) == 0 || before != ' ' && before != ';'
}

// bare returns the bytes of a number, or of a string that means itself,
// without the ends that the service puts to its strings.
func bare(v jsontext.Value) []byte {
	switch v.Kind() {
	case '0':
		return v
	case '"':
		if inner, ok := verbatim(v); ok {
			return trimEnds(inner)
		}
		return trimEnds([]byte(cleanText(unquote(v))))
	}
	return nil
}

func trimEnds(b []byte) []byte {
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == ';') {
		b = b[:len(b)-1]
	}
	for len(b) > 0 && b[0] == ' ' {
		b = b[1:]
	}
	return b
}

// looseBool understands true, false, 0, 1 and the same as strings.
func looseBool(v jsontext.Value) (yes, ok bool) {
	switch v.Kind() {
	case 't':
		return true, true
	case 'f':
		return false, true
	}
	switch string(bare(v)) {
	case "1", "true", "True", "TRUE", "yes":
		return true, true
	case "0", "false", "False", "FALSE", "no":
		return false, true
	}
	return false, false
}

// looseInt understands whole numbers and strings of them.
func looseInt(v jsontext.Value) (int64, bool) {
	n, err := strconv.ParseInt(string(bare(v)), 10, 64)
	return n, err == nil
}

// cleanText makes a text from outside harmless, and takes off the space and
// semicolon that the service puts at the end of some.
func cleanText(text string) string {
	return strings.TrimLeft(strings.TrimRight(sessionwarden.Clean(text, sessionwarden.MaxText), " ;"), " ")
}
