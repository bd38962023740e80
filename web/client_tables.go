package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"

	json2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"sessionwarden"
)

// Accounts returns the accounts at one glance.
func (c *Client) Accounts(ctx context.Context) ([]sessionwarden.AccountStatus, error) {
	var accounts []sessionwarden.AccountStatus
	err := c.call(ctx, http.MethodGet, "accounts", nil, &accounts)
	return accounts, err
}

// Sessions returns the live sessions, account by account. Like all tables it
// is read row by row while it is iterated; an error is yielded last, and a
// table without one is whole. Each iteration asks anew.
func (c *Client) Sessions(ctx context.Context, q Query) iter.Seq2[SessionRow, error] {
	return table[SessionRow](ctx, c, "sessions", q)
}

// History returns all sessions ever.
func (c *Client) History(ctx context.Context, q Query) iter.Seq2[SessionRow, error] {
	return table[SessionRow](ctx, c, "history", q)
}

// Findings returns the findings.
func (c *Client) Findings(ctx context.Context, q Query) iter.Seq2[FindingRow, error] {
	return table[FindingRow](ctx, c, "findings", q)
}

// Actions returns the actions.
func (c *Client) Actions(ctx context.Context, q Query) iter.Seq2[ActionRow, error] {
	return table[ActionRow](ctx, c, "actions", q)
}

// Incidents returns the incidents, each with its timeline.
func (c *Client) Incidents(ctx context.Context, q Query) iter.Seq2[IncidentRow, error] {
	return table[IncidentRow](ctx, c, "incidents", q)
}

// ExportQuery says what is exported, and how.
type ExportQuery struct {
	What   string // history (also where it is ""), findings, actions or incidents
	Format string // json (also where it is "") or csv
	Query  Query
}

// Export writes a table to w. After an error w holds a part of it.
func (c *Client) Export(ctx context.Context, w io.Writer, e ExportQuery) error {
	params := e.Query.values()
	for name, value := range map[string]string{"what": e.What, "format": e.Format} {
		if value != "" {
			params.Set(name, value)
		}
	}
	resp, err := c.ask(ctx, http.MethodGet, "export", params, nil)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	out := &watchedWriter{w: w}
	if _, err := io.Copy(out, resp.Body); err != nil {
		if out.err != nil {
			return fmt.Errorf("writing the export: %w", out.err)
		}
		return brokeOff(ctx, err)
	}
	_, err = whole(ctx, resp)
	return err
}

// watchedWriter remembers an error of its writer, to tell it from one of the
// reader.
type watchedWriter struct {
	w   io.Writer
	err error
}

// Write implements io.Writer.
func (w *watchedWriter) Write(p []byte) (int, error) {
	n, err := w.w.Write(p)
	w.err = err
	return n, err
}

// table returns the rows of one of the API's tables.
func table[Row any](ctx context.Context, c *Client, route string, q Query) iter.Seq2[Row, error] {
	return tableOf[Row](ctx, c, route, q.values())
}

// tableOf is table with the parameters as they are sent.
func tableOf[Row any](ctx context.Context, c *Client, route string, params url.Values) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		var none Row
		resp, err := c.ask(ctx, http.MethodGet, route, params, nil)
		if err != nil {
			yield(none, err)
			return
		}
		defer func() { _ = resp.Body.Close() }()
		bounded := &boundedReader{r: resp.Body}
		dec := jsontext.NewDecoder(bounded)
		read := 0
		err = expect(dec, '[')
		row := new(Row)
		for err == nil && dec.PeekKind() != ']' {
			bounded.used = 0
			*row = none
			if err = json2.UnmarshalDecode(dec, row); err != nil {
				break
			}
			read++
			if !yield(*row, nil) {
				return
			}
		}
		if err == nil {
			err = expect(dec, ']')
		}
		if err == nil {
			bounded.used = 0
			if _, err = dec.ReadToken(); errors.Is(err, io.EOF) {
				err = nil
			} else if err == nil {
				err = errors.New("something stands behind the table")
			}
		}
		if err = finish(ctx, resp, read, err); err != nil {
			yield(none, err)
		}
	}
}

// expect reads one bracket.
func expect(dec *jsontext.Decoder, want jsontext.Kind) error {
	token, err := dec.ReadToken()
	if err == nil && token.Kind() != want {
		err = fmt.Errorf("there is no %q where one belongs", want.String())
	}
	return err
}

// finish makes sure that a table of which read rows came is whole. err is what
// ended it; where the API said why, that is the error.
func finish(ctx context.Context, resp *http.Response, read int, err error) error {
	// Trailers come after the last byte. An answer that goes on and on after
	// its table is no answer of ours.
	rest, drained := io.Copy(io.Discard, io.LimitReader(resp.Body, maxRow))
	if drained == nil && rest == maxRow {
		drained = errTooLong
	}
	if drained != nil {
		if err == nil || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
			err = drained
		}
		return brokeOff(ctx, err)
	}
	rows, said := whole(ctx, resp)
	var e *Error
	switch {
	case errors.As(said, &e):
		return said
	case err != nil:
		return brokeOff(ctx, err)
	case said != nil:
		return said
	case rows != read:
		return brokeOff(ctx, fmt.Errorf("%d rows came of %d", read, rows))
	}
	return nil
}

// whole returns how many rows the trailers of an answer say it has, or why it
// broke off.
func whole(ctx context.Context, resp *http.Response) (int, error) {
	if reason := resp.Trailer.Get(errorTrailer); reason != "" {
		e := &Error{}
		if err := json.Unmarshal([]byte(reason), e); err == nil && e.Message != "" {
			e.clean()
			return 0, e
		}
	}
	rows, err := strconv.Atoi(resp.Trailer.Get(rowsTrailer))
	if err != nil || rows < 0 {
		return 0, brokeOff(ctx, io.ErrUnexpectedEOF)
	}
	return rows, nil
}

var errTooLong = errors.New("it is longer than can be")

// boundedReader bounds what is read for one row.
type boundedReader struct {
	r    io.Reader
	used int
}

// Read implements io.Reader.
func (b *boundedReader) Read(p []byte) (int, error) {
	if b.used >= maxRow {
		return 0, errTooLong
	}
	n, err := b.r.Read(p[:min(len(p), maxRow-b.used)])
	b.used += n
	return n, err
}
