package slacktest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// Transport returns a way to the server without a network.
func (s *Server) Transport() http.RoundTripper { return inMemory{s} }

// inMemory hands requests to a handler.
type inMemory struct{ handler http.Handler }

// RoundTrip implements [net/http.RoundTripper].
func (t inMemory) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx := r.Context()
	served := r.Clone(ctx)
	if served.Body == nil {
		served.Body = http.NoBody
	}
	rec := &recorder{header: make(http.Header), status: http.StatusOK}
	done := make(chan error, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				done <- fmt.Errorf("connection reset by peer: %v", p)
			}
		}()
		t.handler.ServeHTTP(rec, served)
		done <- nil
	}()
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case err := <-done:
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			return nil, err
		}
	}
	return &http.Response{
		StatusCode: rec.status, Status: http.StatusText(rec.status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: rec.header, Body: io.NopCloser(bytes.NewReader(rec.body.Bytes())), ContentLength: int64(rec.body.Len()), Request: r,
	}, nil
}

// recorder is a response in memory.
type recorder struct {
	header http.Header
	status int
	wrote  bool
	body   bytes.Buffer
}

// errTooLarge ends an answer that no reader would take.
var errTooLarge = errors.New("the answer is too large")

// Header implements [net/http.ResponseWriter].
func (r *recorder) Header() http.Header { return r.header }

// WriteHeader implements [net/http.ResponseWriter].
func (r *recorder) WriteHeader(status int) {
	if !r.wrote {
		r.status, r.wrote = status, true
	}
}

// Write implements [net/http.ResponseWriter].
func (r *recorder) Write(p []byte) (int, error) {
	r.wrote = true
	if r.body.Len()+len(p) > 4<<20 {
		return 0, errTooLarge
	}
	return r.body.Write(p)
}
