package mannco

import (
	"bytes"
	"errors"
	"io"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// envelope is what the outermost object of an answer says, in either edition:
//
//	{"status": "success", "data": {…}}
//	{"err": false, "success": true, "content": {…}}
type envelope struct {
	failed    bool   // the service says that it failed
	forbidden bool   // the older edition's "status": "forbidden"
	message   string // what it says of that, not cleaned
	holds     holds  // what the content is
	text      string // the content, where it is a text
	unknown   int    // fields that the program does not know
}

// holds says what kind of content an envelope has.
type holds uint8

const (
	holdsNothing holds = iota // there is none
	holdsNull
	holdsText  // a string, number or boolean
	holdsValue // an object or an array: it was given to the reader
)

var (
	errNotJSON  = errors.New("the answer is not JSON")
	errTwice    = errors.New("the answer has its content twice")
	errTrailing = errors.New("the answer goes on after its end")
)

// unreadable says in plain words why an answer could not be read. It repeats
// nothing of the answer.
func unreadable(err error) string {
	var syntax *jsontext.SyntacticError
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return "the answer breaks off"
	case errors.As(err, &syntax):
		return "the answer is not correct JSON from byte " + strconv.FormatInt(syntax.ByteOffset, 10) + " on"
	}
	return err.Error() // one of ours
}

// newDecoder reads from body without copying it. Names that come twice and
// invalid UTF-8 are let through: the readers of the fields deal with them.
func newDecoder(body []byte) *jsontext.Decoder {
	body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
	return jsontext.NewDecoder(bytes.NewBuffer(body), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}

// readEnvelope reads an answer. Its content, if an object or an array, is
// given to read, which must consume exactly that value. An error means that
// the answer is not what it should be from some point on; what was read before
// it stays read.
func readEnvelope(body []byte, read func(*jsontext.Decoder) error) (envelope, error) {
	var e envelope
	d := newDecoder(body)
	if d.PeekKind() != '{' {
		return e, errNotJSON
	}
	if _, err := d.ReadToken(); err != nil {
		return e, errNotJSON
	}
	for d.PeekKind() == '"' {
		name, err := d.ReadValue()
		if err != nil {
			return e, err
		}
		switch string(name) {
		case `"content"`, `"data"`:
			err = e.readContent(d, read)
		case `"err"`, `"error"`:
			err = e.readErr(d)
		case `"success"`:
			var v jsontext.Value
			if v, err = d.ReadValue(); err == nil {
				if yes, ok := looseBool(v); ok && !yes {
					e.failed = true
				}
			}
		case `"status"`:
			err = e.readStatus(d)
		case `"message"`:
			var v jsontext.Value
			if v, err = d.ReadValue(); err == nil {
				if text, ok := looseText(v); ok && text != "" {
					e.message = text
				}
			}
		default:
			e.unknown++
			err = d.SkipValue()
		}
		if err != nil {
			return e, err
		}
	}
	if _, err := d.ReadToken(); err != nil {
		return e, err
	}
	if _, err := d.ReadToken(); err != io.EOF {
		return e, errTrailing
	}
	if e.failed && e.message == "" {
		e.message = e.text
	}
	return e, nil
}

func (e *envelope) readContent(d *jsontext.Decoder, read func(*jsontext.Decoder) error) error {
	if e.holds == holdsValue {
		return errTwice
	}
	switch d.PeekKind() {
	case '{', '[':
		e.holds = holdsValue
		return read(d)
	case 'n':
		e.holds = holdsNull
		return d.SkipValue()
	}
	v, err := d.ReadValue()
	if err != nil {
		return err
	}
	e.holds = holdsText
	e.text, _ = looseText(v)
	return nil
}

// readErr reads "err": a truth value, or the message itself.
func (e *envelope) readErr(d *jsontext.Decoder) error {
	v, err := d.ReadValue()
	if err != nil {
		return err
	}
	if yes, ok := looseBool(v); ok {
		e.failed = e.failed || yes
	} else if text, ok := looseText(v); ok && text != "" {
		e.failed, e.message = true, text
	}
	return nil
}

func (e *envelope) readStatus(d *jsontext.Decoder) error {
	v, err := d.ReadValue()
	if err != nil {
		return err
	}
	switch text, _ := looseText(v); text {
	case "error", "fail", "failed", "failure":
		e.failed = true
	case "forbidden":
		e.failed, e.forbidden = true, true
	}
	return nil
}

// messageOf finds what an answer says went wrong: the envelope's message, or
// one inside its content.
func messageOf(body []byte) (envelope, bool) {
	var inside string
	e, err := readEnvelope(body, func(d *jsontext.Decoder) error {
		return fields(d, func(name string, v jsontext.Value) {
			if name == "message" || name == "error" {
				if text, ok := looseText(v); ok && inside == "" {
					inside = text
				}
			}
		})
	})
	if e.message == "" {
		e.message = inside
	}
	if e.message == "" {
		e.message = e.text
	}
	return e, err == nil
}

// fields reads an object and hands over its members; anything else than an
// object is read over.
func fields(d *jsontext.Decoder, member func(name string, v jsontext.Value)) error {
	if d.PeekKind() != '{' {
		return d.SkipValue()
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	for d.PeekKind() == '"' {
		raw, err := d.ReadValue()
		if err != nil {
			return err
		}
		name, _ := looseText(raw)
		v, err := d.ReadValue()
		if err != nil {
			return err
		}
		member(name, v)
	}
	_, err := d.ReadToken()
	return err
}
