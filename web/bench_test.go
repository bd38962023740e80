package web_test

import (
	"encoding/json"
	"io"
	"net/http"
	"testing"

	"sessionwarden/web"
)

// BenchmarkTable is what a row of the history costs on its way to a client:
// "floor" encodes the same rows into nothing, "export" sends them through the
// API as the daemon does, "rows" decodes them at the other end too.
func BenchmarkTable(b *testing.B) {
	const rows = 10_000
	perRow := func(b *testing.B) {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/row")
	}
	client := func(b *testing.B, over func(testing.TB, http.Handler) http.RoundTripper) *web.Client {
		return web.NewClient(over(b, web.NewAPI(full(rows))))
	}
	b.Run("floor", func(b *testing.B) {
		enc := json.NewEncoder(io.Discard)
		for b.Loop() {
			for seq := range uint64(rows) {
				if err := enc.Encode(web.NewSessionRow(sighting(seq))); err != nil {
					b.Fatal(err)
				}
			}
		}
		perRow(b)
	})
	for name, over := range map[string]func(testing.TB, http.Handler) http.RoundTripper{"inprocess": inProcess, "socket": overSocket} {
		for _, format := range []string{"json", "csv"} {
			b.Run("export/"+format+"/"+name, func(b *testing.B) {
				c := client(b, over)
				for b.Loop() {
					if err := c.Export(b.Context(), io.Discard, web.ExportQuery{Format: format}); err != nil {
						b.Fatal(err)
					}
				}
				perRow(b)
			})
		}
		b.Run("rows/"+name, func(b *testing.B) {
			c := client(b, over)
			for b.Loop() {
				for _, err := range c.History(b.Context(), web.Query{}) {
					if err != nil {
						b.Fatal(err)
					}
				}
			}
			perRow(b)
		})
	}
}
