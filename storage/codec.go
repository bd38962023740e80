package storage

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/fxamacker/cbor/v2"
)

// maxID is the greatest id a row may have. What is above it is used in memory
// by others, for what is on no disk.
const maxID = 1<<63 - 1

// codec writes records as CBOR and reads them back. It is safe for concurrent
// use.
type codec struct {
	enc     cbor.UserBufferEncMode
	dec     cbor.DecMode
	short   shorthand
	scratch sync.Pool // of *bytes.Buffer
}

// newCodec returns the codec of all records. What is read is bounded: arrays
// and maps of at most 1,048,576 entries, nested eight deep. Fields that this
// version does not know are passed over.
func newCodec() (*codec, error) {
	enc, err := cbor.EncOptions{
		Sort:          cbor.SortNone,
		ShortestFloat: cbor.ShortestFloat16,
		NilContainers: cbor.NilContainerAsNull,
	}.UserBufferEncMode()
	if err != nil {
		return nil, fmt.Errorf("preparing to write records: %w", err)
	}
	dec, err := cbor.DecOptions{
		DupMapKey:        cbor.DupMapKeyEnforcedAPF,
		MaxNestedLevels:  8,
		MaxArrayElements: 1 << 20,
		MaxMapPairs:      1 << 20,
		IndefLength:      cbor.IndefLengthForbidden,
		TagsMd:           cbor.TagsForbidden,
		UTF8:             cbor.UTF8DecodeInvalid, // what was written is to be read, whatever it was
	}.DecMode()
	if err != nil {
		return nil, fmt.Errorf("preparing to read records: %w", err)
	}
	return &codec{enc: enc, dec: dec, short: newShorthand()}, nil
}

// encode appends nothing to what it returns: the slice is record's own.
func (c *codec) encode(record any) ([]byte, error) {
	b, _ := c.scratch.Get().(*bytes.Buffer)
	if b == nil {
		b = new(bytes.Buffer)
	}
	defer c.scratch.Put(b)
	b.Reset()
	if err := c.enc.MarshalToBuffer(record, b); err != nil {
		return nil, err
	}
	return bytes.Clone(b.Bytes()), nil // a record grows in the scratch, and is kept in its size
}

// CorruptError says that one record cannot be read. The rest of the database
// can.
type CorruptError struct {
	Bucket string // which kind of record
	Key    string // which one, as people read it
	Err    error  // what is wrong with it
}

// Error implements error.
func (e *CorruptError) Error() string {
	return fmt.Sprintf("the record %s of %s in the database is damaged: %v", e.Key, e.Bucket, e.Err)
}

// Unwrap returns what is wrong with the record.
func (e *CorruptError) Unwrap() error { return e.Err }

// errNotThere says that a record is missing that another one refers to.
var errNotThere = errors.New("it is not there")

// decode reads the record under key into record.
func (c *codec) decode(bucket string, key, value []byte, record any) error {
	if value == nil {
		return corrupt(bucket, key, errNotThere)
	}
	if err := c.dec.Unmarshal(value, record); err != nil {
		return corrupt(bucket, key, err)
	}
	return nil
}

func corrupt(bucket string, key []byte, err error) *CorruptError {
	return &CorruptError{Bucket: bucket, Key: keyText(bucket, key), Err: err}
}

// keyText returns a key as people read it.
func keyText(bucket string, key []byte) string {
	switch {
	case bucket == bucketAccounts || bucket == bucketMeta:
		return fmt.Sprintf("%q", key)
	case (bucket == bucketDeliveries || bucket == bucketOffers) && len(key) > 8:
		return fmt.Sprintf("%d %q", binary.BigEndian.Uint64(key), key[8:])
	case len(key) == 8:
		return fmt.Sprintf("%d", binary.BigEndian.Uint64(key))
	}
	return fmt.Sprintf("%q", key)
}

// idKey returns the key of the row id: rising ids have rising keys.
func idKey(id uint64) []byte { return binary.BigEndian.AppendUint64(nil, id) }

// keyID returns the id that a key stands for.
func keyID(bucket string, key []byte) (uint64, error) {
	if len(key) != 8 {
		return 0, corrupt(bucket, key, errors.New("its key is not 8 bytes long"))
	}
	id := binary.BigEndian.Uint64(key)
	if id == 0 || id > maxID {
		return 0, corrupt(bucket, key, errors.New("its key is out of range"))
	}
	return id, nil
}

// wholeSeconds is where numbers that stand for a time change their meaning:
// those nearer to zero count seconds, the others nanoseconds since 1970. Most
// times that a service tells are whole seconds, and take half the room.
const wholeSeconds = 1 << 37

// packTime turns a time into a number. The zero time is 0, and so is the first
// second of 1970: the two are one on the disk. What is finer than a second is
// dropped from times before 1678 and after 2261, and within two minutes of
// 1970.
func packTime(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	sec := t.Unix()
	if t.Nanosecond() != 0 && sec > -9_223_372_036 && sec < 9_223_372_036 {
		if ns := t.UnixNano(); ns >= wholeSeconds || ns <= -wholeSeconds {
			return ns
		}
	}
	return max(min(sec, wholeSeconds-1), -wholeSeconds+1)
}

// unpackTime turns a number that packTime made back into a time, in UTC.
func unpackTime(n int64) time.Time {
	switch {
	case n == 0:
		return time.Time{}
	case n > -wholeSeconds && n < wholeSeconds:
		return time.Unix(n, 0).UTC()
	}
	return time.Unix(0, n).UTC()
}
