package web_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"sessionwarden"
	"sessionwarden/web"
)

func TestTheClientAsksEverything(t *testing.T) {
	t.Parallel()
	var asked sessionwarden.Query
	o := full(0)
	o.Records = records{sightings: 2, asked: &asked}
	var copied string
	o.Backup = func(_ context.Context, path string) error { copied = path; return nil }
	client := web.NewClient(web.InProcess(web.NewAPI(o)))
	defer client.Close()
	ctx := t.Context()
	q := web.Query{Account: "main", Since: "24h"}

	if s, err := client.Status(ctx); err != nil || s.Version != "1.0" {
		t.Errorf("status: %+v, %v", s, err)
	}
	if a, err := client.Accounts(ctx); err != nil || len(a) != 2 {
		t.Errorf("accounts: %+v, %v", a, err)
	}
	if rows, err := collect(client.Sessions(ctx, q)); err != nil || len(rows) != 2 || rows[1].Seq != "2" || !asked.Live {
		t.Errorf("sessions: %+v, %v", rows, err)
	}
	if rows, err := collect(client.History(ctx, q)); err != nil || len(rows) != 2 || asked.Live || asked.Account != "main" {
		t.Errorf("history: %+v, %v", rows, err)
	}
	if rows, err := collect(client.Findings(ctx, q)); err != nil || len(rows) != 2 || rows[0].Facts["country"] != "US" {
		t.Errorf("findings: %+v, %v", rows, err)
	}
	if rows, err := collect(client.Actions(ctx, web.Query{ID: "7"})); err != nil || len(rows) != 2 || asked.ID != 7 {
		t.Errorf("actions: %+v, %v", rows, err)
	}
	if rows, err := client.Disconnect(ctx, "main", []sessionwarden.SessionID{"9"}); err != nil || len(rows) != 1 {
		t.Errorf("disconnect: %+v, %v", rows, err)
	}
	if rows, err := client.DisconnectAll(ctx, "main"); err != nil || len(rows) != 2 {
		t.Errorf("disconnect all: %+v, %v", rows, err)
	}
	if row, err := client.Approve(ctx, 7); err != nil || row.ID != "7" || row.State != "planned" {
		t.Errorf("approve: %+v, %v", row, err)
	}
	if row, err := client.Deny(ctx, 7); err != nil || row.ID != "7" || row.State != "denied" {
		t.Errorf("deny: %+v, %v", row, err)
	}
	if r, err := client.Resume(ctx); err != nil || !r.Resumed || r.Observing.Why != "restored" || len(r.Actions) != 1 {
		t.Errorf("resume: %+v, %v", r, err)
	}
	if d, err := client.Check(ctx); err != nil || !d.Whole || d.Rows["accounts"] != 1 {
		t.Errorf("check: %+v, %v", d, err)
	}
	if err := client.Backup(ctx, "copy.db"); err != nil || !strings.HasSuffix(copied, "/web/copy.db") {
		t.Errorf("backup: to %s, %v", copied, err)
	}
	if tests, err := client.TestAlerts(ctx); err != nil || len(tests) != 1 || !tests[0].OK {
		t.Errorf("test alerts: %+v, %v", tests, err)
	}
	var file bytes.Buffer
	if err := client.Export(ctx, &file, web.ExportQuery{What: "actions", Format: "csv", Query: q}); err != nil || strings.Count(file.String(), "\n") != 3 {
		t.Errorf("export: %s, %v", file.String(), err)
	}
}

func TestTheClientBringsErrorsBack(t *testing.T) {
	t.Parallel()
	client := web.NewClient(web.InProcess(web.NewAPI(full(0))))
	for name, err := range map[string]error{
		"table":  second(collect(client.History(t.Context(), web.Query{Since: "yesterday"}))),
		"order":  second(client.Disconnect(t.Context(), "", nil)),
		"export": client.Export(t.Context(), &bytes.Buffer{}, web.ExportQuery{Format: "pdf"}),
	} {
		var e *web.Error
		if !errors.As(err, &e) || e.Status != 400 || e.Message == "" || e.Cure == "" {
			t.Errorf("%s: %+v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := client.Status(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled question: %v", err)
	}
}

func second[V any](_ V, err error) error { return err }

type full403 struct{}

func (full403) Write([]byte) (int, error) { return 0, errDisk }

func TestAnExportThatCannotBeWrittenSaysSo(t *testing.T) {
	t.Parallel()
	client := web.NewClient(web.InProcess(web.NewAPI(full(100))))
	if err := client.Export(t.Context(), full403{}, web.ExportQuery{}); !errors.Is(err, errDisk) {
		t.Errorf("got %v", err)
	}
}

// says is a handler that answers with what no API of ours would.
func says(status int, body string, trailers ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "Sessionwarden-Rows, Sessionwarden-Error")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
		for _, trailer := range trailers {
			name, value, _ := strings.Cut(trailer, ": ")
			w.Header().Set(name, value)
		}
	})
}

func TestTheClientBelievesNoOddAnswer(t *testing.T) {
	t.Parallel()
	row := `{"account":"main"}`
	whole := "Sessionwarden-Rows: 1"
	for name, handler := range map[string]http.Handler{
		"no trailer":              says(200, "["+row+"]"),
		"fewer rows than counted": says(200, "[]", whole),
		"more rows than counted":  says(200, "["+row+","+row+"]", whole),
		"an open array":           says(200, "["+row, whole),
		"a comma and nothing":     says(200, "["+row+",", whole),
		"nothing":                 says(200, "", "Sessionwarden-Rows: 0"),
		"an object":               says(200, row, whole),
		"null":                    says(200, "null", "Sessionwarden-Rows: 0"),
		"an odd row":              says(200, "[1]", whole),
		"an odd count":            says(200, "["+row+"]", "Sessionwarden-Rows: -1"),
		"an error in the trailer": says(200, "["+row+"]", whole, `Sessionwarden-Error: {"error":"no"}`),
		"another page":            says(200, "<html>"),
		"an error without a form": says(500, "<html>"),
		"an error without a word": says(404, "{}"),
		"a redirect":              says(302, "[]"),
		"no content":              says(204, ""),
		"an endless row":          says(200, `[{"account":"`+strings.Repeat("a", 5<<20)+`"}]`, whole),
		"much after the table":    says(200, "["+row+"]"+strings.Repeat(" ", 5<<20), whole),
	} {
		rows, err := collect(web.NewClient(web.InProcess(handler)).History(t.Context(), web.Query{}))
		if err == nil {
			t.Errorf("%s: %d rows and no error", name, len(rows))
		}
	}
	rows, err := collect(web.NewClient(web.InProcess(says(200, "["+row+"]", whole))).History(t.Context(), web.Query{}))
	if err != nil || len(rows) != 1 {
		t.Errorf("a good answer: %v, %v", rows, err)
	}
	_, err = web.NewClient(web.InProcess(says(500, `{"error":"a\u001b[31mb\u202e","cure":"c\u0007"}`))).Status(t.Context())
	var e *web.Error
	if !errors.As(err, &e) || e.Message != "a[31mb" || e.Cure != "c" || e.Status != 500 {
		t.Errorf("a hostile error: %+v", err)
	}
}
