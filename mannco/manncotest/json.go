package manncotest

import (
	"slices"
	"strconv"
)

// field is one field of a JSON object.
type field struct {
	name  string
	value any
}

// object is a JSON object whose fields keep their order.
type object []field

// verbatim is JSON that is written as it is.
type verbatim string

// sizeOf returns about how long a value is as JSON: a little too much mostly.
func sizeOf(value any) int {
	n := 24
	switch v := value.(type) {
	case string:
		n += len(v)
	case verbatim:
		n += len(v)
	case object:
		for _, f := range v {
			n += len(f.name) + 4 + sizeOf(f.value)
		}
	case []any:
		for _, item := range v {
			n += 1 + sizeOf(item)
		}
	}
	return n
}

// appendJSON writes a value of the types that answers are made of. Unlike
// encoding/json it writes strings byte for byte, so that a service that sends
// invalid UTF-8 can be simulated.
func appendJSON(b []byte, value any) []byte {
	switch v := value.(type) {
	case string:
		return appendString(b, v)
	case verbatim:
		return append(b, v...)
	case bool:
		return strconv.AppendBool(b, v)
	case int:
		return strconv.AppendInt(b, int64(v), 10)
	case int64:
		return strconv.AppendInt(b, v, 10)
	case object:
		b = append(b, '{')
		for i, f := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendString(b, f.name), ':')
			b = appendJSON(b, f.value)
		}
		return append(b, '}')
	case []any:
		b = append(b, '[')
		for i, item := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendJSON(b, item)
		}
		return append(b, ']')
	}
	return append(b, "null"...)
}

func appendString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(slices.Grow(b, len(s)+2), '"')
	plain := 0 // from here on as it stands
	for i := range len(s) {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[plain:i]...)
		plain = i + 1
		if c < ' ' {
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		} else {
			b = append(b, '\\', c)
		}
	}
	return append(append(b, s[plain:]...), '"')
}
