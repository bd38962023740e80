package web

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// A table may have millions of rows, so it is sent row by row, and the status
// 200 is out before the last row was read. What goes wrong after that must not
// look like the end of the table. So:
//
//   - a whole table ends with a trailer that counts its rows;
//   - a table that broke off has no such trailer, its JSON array stays open,
//     and a client that said it takes trailers ("TE: trailers") is told why in
//     another one; for every other client the connection is cut in the middle
//     of the answer, which every HTTP client takes for an error.
const (
	rowsTrailer  = "Sessionwarden-Rows"  // how many rows the table has
	errorTrailer = "Sessionwarden-Error" // an Error as JSON
)

const (
	streamBuffer = 32 << 10
	// A client that takes nothing for so long is cut off. A person who reads
	// page by page takes his time; a client that is gone for good does not
	// come back.
	stalledTime = 10 * time.Minute
)

// tableWriter writes a table in one format.
type tableWriter interface {
	contentType() string
	row(v any) error
	end() error // only for a whole table
}

// sendTable streams rows to the client. It returns an error only while nothing
// was sent. check is asked about an empty table before it is sent.
func sendTable(w http.ResponseWriter, r *http.Request, rows iter.Seq2[any, error], format func(io.Writer) (tableWriter, error), check func() error, logger *slog.Logger) error {
	buf := bufio.NewWriterSize(&patientWriter{w}, streamBuffer)
	var table tableWriter
	begin := func() (err error) {
		if table, err = format(buf); err != nil {
			return err
		}
		w.Header().Set("Content-Type", table.contentType())
		w.Header().Set("Trailer", rowsTrailer+", "+errorTrailer)
		w.WriteHeader(http.StatusOK)
		return nil
	}
	count := 0
	for v, err := range rows {
		if err == nil {
			err = r.Context().Err()
		}
		if err == nil && table == nil {
			if err := begin(); err != nil {
				return err
			}
		}
		if err == nil {
			err = table.row(v)
		}
		if err != nil && table == nil {
			return err
		}
		if err != nil {
			breakOff(w, r, buf, err, logger)
			return nil
		}
		count++
	}
	if table == nil {
		if err := check(); err != nil {
			return err
		}
		if err := begin(); err != nil {
			return err
		}
	}
	err := table.end()
	if err == nil {
		err = buf.Flush()
	}
	if err != nil {
		breakOff(w, r, buf, err, logger)
		return nil
	}
	w.Header().Set(rowsTrailer, strconv.Itoa(count))
	return nil
}

// breakOff ends a table that cannot be finished.
func breakOff(w http.ResponseWriter, r *http.Request, buf *bufio.Writer, err error, logger *slog.Logger) {
	if r.Context().Err() == nil {
		logger.Warn("a table broke off", "path", r.URL.Path, "err", err)
	}
	flushed := buf.Flush()
	if flushed != nil || !takesTrailers(r) {
		// What there is may be of use. Then net/http cuts the connection.
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	e := *explain(err)
	e.Status = http.StatusInternalServerError
	if reason, err := json.Marshal(e); err == nil {
		w.Header().Set(errorTrailer, string(reason))
	}
}

// takesTrailers reports whether the client said that it reads trailers.
func takesTrailers(r *http.Request) bool {
	for _, value := range r.Header.Values("Te") {
		for word := range strings.SplitSeq(value, ",") {
			if strings.EqualFold(strings.TrimSpace(word), "trailers") {
				return true
			}
		}
	}
	return false
}

// patientWriter gives each write to a client its own time.
type patientWriter struct{ w http.ResponseWriter }

// Write implements io.Writer.
func (p *patientWriter) Write(b []byte) (int, error) {
	writeWithin(p.w, stalledTime)
	return p.w.Write(b)
}

// jsonTable writes an array of objects, one on each line.
type jsonTable struct {
	w       io.Writer
	scratch bytes.Buffer
	enc     *json.Encoder
	rows    bool
}

func newJSONTable(w io.Writer) (tableWriter, error) {
	t := &jsonTable{w: w}
	t.enc = json.NewEncoder(&t.scratch)
	return t, nil
}

func (t *jsonTable) contentType() string { return "application/json" }

func (t *jsonTable) row(v any) error {
	t.scratch.Reset()
	if t.rows {
		t.scratch.WriteString(",\n")
	} else {
		t.scratch.WriteString("[\n")
	}
	if err := t.enc.Encode(v); err != nil {
		return fmt.Errorf("writing a row as JSON: %w", err)
	}
	t.rows = true
	t.scratch.Truncate(t.scratch.Len() - 1) // Encode ends the line
	_, err := t.w.Write(t.scratch.Bytes())
	return err
}

func (t *jsonTable) end() error {
	last := "\n]\n"
	if !t.rows {
		last = "[]\n"
	}
	_, err := io.WriteString(t.w, last)
	return err
}
