package mannco

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"hash/maphash"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
)

var benchNow = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// listBody is an answer of the newer edition with n rows of the usual length.
func listBody(account, n int) []byte {
	agents := []string{
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
		"Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0",
	}
	var b strings.Builder
	b.WriteString(`{"err":false,"success":true,"content":{"values":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":%d,"ip":"203.0.113.%d","user":"76561198000000000","location":"DE: Berlin","isp":"Example Telecom %d","current":%t,"userAgent":"%s","timestamp":"%d","expire":"%d"}`,
			1000*account+i, i%250+1, i%7, i == 0, agents[i%len(agents)], benchNow.Unix()-int64(i)*3600, benchNow.Unix()+int64(i)*3600)
	}
	fmt.Fprintf(&b, `],"count":%d}}`, n)
	return []byte(b.String())
}

// floorPage is a page for json/v2, with exactly the types that the bytes have.
type floorPage struct {
	Err     bool `json:"err"`
	Success bool `json:"success"`
	Content struct {
		Values []struct {
			ID        int64  `json:"id"`
			IP        string `json:"ip"`
			User      string `json:"user"`
			Location  string `json:"location"`
			ISP       string `json:"isp"`
			Current   bool   `json:"current"`
			UserAgent string `json:"userAgent"`
			Timestamp string `json:"timestamp"`
			Expire    string `json:"expire"`
		} `json:"values"`
		Count int `json:"count"`
	} `json:"content"`
}

// BenchmarkDecode measures the strict decoding of a changed page of 50 rows,
// into sessions, against what json/v2 takes for the same bytes: with texts that
// come again as they do in truth, and with texts that are all different.
func BenchmarkDecode(b *testing.B) {
	usual := listBody(1, 50)
	n := 0
	distinct := regexp.MustCompile(`Mozilla|Example|Berlin`).ReplaceAllFunc(usual, func(word []byte) []byte {
		n++
		return fmt.Appendf(nil, "%s%d", word, n)
	})
	for _, page := range []struct {
		name string
		body []byte
	}{{"usual", usual}, {"distinct", distinct}} {
		b.Run(page.name+"/page", func(b *testing.B) {
			b.SetBytes(int64(len(page.body)))
			b.ReportAllocs()
			for b.Loop() {
				if p, err := DecodePage(page.body, benchNow); err != nil || len(p.Rows) != 50 {
					b.Fatal(len(p.Rows), err)
				}
			}
			b.ReportMetric(50*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
		b.Run(page.name+"/floor", func(b *testing.B) {
			b.SetBytes(int64(len(page.body)))
			b.ReportAllocs()
			for b.Loop() {
				var v floorPage
				if err := json.Unmarshal(page.body, &v); err != nil || len(v.Content.Values) != 50 {
					b.Fatal(err)
				}
			}
			b.ReportMetric(50*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

// BenchmarkUnchanged measures how fast pages of 25 rows of 2,000 accounts are
// recognized as unchanged, against the hash alone. The pages are too many for
// the processor's caches, as they are in truth.
func BenchmarkUnchanged(b *testing.B) {
	const accounts, rows = 2000, 25
	type watched struct {
		client *Client
		token  *token
		before *reading
		body   []byte
	}
	all := make([]watched, accounts)
	size := 0
	for i := range all {
		c, err := New(Options{BaseURL: "https://api.example", Key: func() (string, error) { return "", nil }, Transport: http.DefaultTransport, Metrics: &Metrics{}})
		if err != nil {
			b.Fatal(err)
		}
		w := watched{client: c, token: new(token), body: listBody(i, rows)}
		s, _ := c.recognize(nil, w.token, 0, w.body)
		w.before = &reading{token: w.token, sums: []sum{s}}
		all[i] = w
		size += len(w.body)
	}
	b.Run("page", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(size / accounts))
		i := 0
		for b.Loop() {
			w := &all[i%accounts]
			i++
			if _, same := w.client.recognize(w.before, w.token, 0, w.body); !same {
				b.Fatal("a page that has not changed")
			}
		}
		b.ReportMetric(rows*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	})
	b.Run("floor", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(size / accounts))
		seed, i, last := maphash.MakeSeed(), 0, uint64(0)
		for b.Loop() {
			last ^= maphash.Bytes(seed, all[i%accounts].body)
			i++
		}
		b.ReportMetric(rows*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		_ = last
	})
}

// canned answers every list with the same page, and every login with a token.
type canned struct{ login, list []byte }

func (c canned) RoundTrip(r *http.Request) (*http.Response, error) {
	body := c.list
	if r.Method == http.MethodPost {
		body = c.login
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(body))}, nil
}

// BenchmarkQuietPoll measures a whole reading of an unchanged list of 25 rows,
// without the network.
func BenchmarkQuietPoll(b *testing.B) {
	claims := base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"iat":%d,"exp":%d}`, benchNow.Unix(), benchNow.Unix()+1e6))
	c, err := New(Options{
		BaseURL: "https://api.example", Key: func() (string, error) { return "test-key-not-a-secret", nil },
		Transport: canned{[]byte(`{"content":{"token":"eyJhbGciOiJIUzI1NiJ9.` + claims + `.x"}}`), listBody(1, 25)},
		Now:       func() time.Time { return benchNow },
	})
	if err != nil {
		b.Fatal(err)
	}
	if _, err := c.Sessions(b.Context(), false); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if l, err := c.Sessions(b.Context(), false); err != nil || !l.Unchanged {
			b.Fatal(l.Unchanged, err)
		}
	}
}
