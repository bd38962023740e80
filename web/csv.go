package web

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// csvTable writes a table for spreadsheets: a line of column names, which are
// those of the JSON, and a line for each row. Lists are joined by spaces,
// facts are an object in JSON, unknown is empty.
type csvTable struct {
	w     *csv.Writer
	cells []string
}

// newCSVTable returns a function that begins a table of rows like row.
func newCSVTable(row any) func(io.Writer) (tableWriter, error) {
	return func(w io.Writer) (tableWriter, error) {
		names := columns(reflect.TypeOf(row))
		t := &csvTable{w: csv.NewWriter(w), cells: make([]string, len(names))}
		if err := t.w.Write(names); err != nil {
			return nil, fmt.Errorf("writing the column names: %w", err)
		}
		return t, nil
	}
}

func (t *csvTable) contentType() string { return "text/csv; charset=utf-8; header=present" }

func (t *csvTable) row(v any) error {
	fields := reflect.Indirect(reflect.ValueOf(v))
	for i := range t.cells {
		cell, err := cell(fields.Field(i).Interface())
		if err != nil {
			return fmt.Errorf("writing a row as CSV: %w", err)
		}
		t.cells[i] = cell
	}
	return t.w.Write(t.cells)
}

func (t *csvTable) end() error {
	t.w.Flush()
	return t.w.Error()
}

// columns returns the JSON names of a row type's fields, in their order.
func columns(row reflect.Type) []string {
	names := make([]string, row.NumField())
	for i := range names {
		names[i], _, _ = strings.Cut(row.Field(i).Tag.Get("json"), ",")
	}
	return names
}

// cell returns one value of a row as a spreadsheet may have it.
func cell(v any) (string, error) {
	switch v := v.(type) {
	case string:
		return harmless(v), nil
	case bool:
		return strconv.FormatBool(v), nil
	case int:
		return strconv.Itoa(v), nil
	case uint32:
		if v == 0 {
			return "", nil
		}
		return strconv.FormatUint(uint64(v), 10), nil
	case time.Time:
		if v.IsZero() {
			return "", nil
		}
		return v.Format(time.RFC3339), nil
	case []string:
		return harmless(strings.Join(v, " ")), nil
	case []EventRow:
		text, err := json.Marshal(v)
		return string(text), err
	case []IssueRow:
		if len(v) == 0 {
			return "", nil
		}
		text, err := json.Marshal(v)
		return string(text), err
	case map[string]string:
		if len(v) == 0 {
			return "", nil
		}
		text, err := json.Marshal(v)
		return string(text), err
	default:
		return "", fmt.Errorf("no form for a %T", v)
	}
}

// formulaStarts are the characters that make a spreadsheet take a cell for a
// formula, or drop what is before one; the wide forms do so in some languages.
const formulaStarts = "=+-@\t\r\n＝＋－＠"

// harmless puts an apostrophe before a text that a spreadsheet would run.
func harmless(text string) string {
	if first, _ := utf8.DecodeRuneInString(text); text != "" && strings.ContainsRune(formulaStarts, first) {
		return "'" + text
	}
	return text
}
