package manncotest

import (
	"bytes"
	"context"
	"fmt"
	"io"
)

// body returns the answer's body as the caller gets to read it.
func (s *Service) body(ctx context.Context, a answer) io.Reader {
	switch a.way {
	case slow:
		return &slowBody{service: s, ctx: ctx, rest: a.body, pause: a.value}
	case endless:
		return &endlessBody{ctx: ctx, rest: a.body[:len(a.body)-1]}
	case broken:
		return &cutBody{rest: a.body[:len(a.body)/2]}
	}
	return bytes.NewReader(a.body)
}

// slowBody gives one byte at a time, each after a pause.
type slowBody struct {
	service *Service
	ctx     context.Context
	rest    []byte
	pause   string
}

// Read implements io.Reader.
func (b *slowBody) Read(p []byte) (int, error) {
	if len(b.rest) == 0 {
		return 0, io.EOF
	}
	if len(p) == 0 {
		return 0, nil
	}
	if !b.service.wait(b.ctx, duration(b.pause)) {
		if err := b.ctx.Err(); err != nil {
			return 0, err
		}
		return 0, io.ErrUnexpectedEOF
	}
	p[0], b.rest = b.rest[0], b.rest[1:]
	return 1, nil
}

// endlessBody gives an answer whose last field never ends.
type endlessBody struct {
	ctx  context.Context
	rest []byte
	n    int
}

// Read implements io.Reader.
func (b *endlessBody) Read(p []byte) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	if len(b.rest) == 0 {
		b.n++
		b.rest = fmt.Appendf(nil, `,"more%d":"%0480d"`, b.n, b.n)
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}

// cutBody gives the beginning of an answer, then the connection is gone.
type cutBody struct{ rest []byte }

// Read implements io.Reader.
func (b *cutBody) Read(p []byte) (int, error) {
	if len(b.rest) == 0 {
		return 0, io.ErrUnexpectedEOF
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}
