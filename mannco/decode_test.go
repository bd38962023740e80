package mannco_test

import (
	"strings"
	"testing"
	"time"

	"sessionwarden"
	"sessionwarden/mannco"
)

// decodeRow decodes a list with this one row in it.
func decodeRow(t *testing.T, row string) mannco.Row {
	t.Helper()
	p, err := mannco.DecodePage([]byte(content(`{"values":[`+row+`],"count":1}`)), noon)
	if err != nil || len(p.Rows) != 1 {
		t.Fatalf("decoding %s: %d rows, %v", row, len(p.Rows), err)
	}
	return p.Rows[0]
}

func TestBothEnvelopes(t *testing.T) {
	t.Parallel()
	list := `{"values":[` + row(7, "192.0.2.1") + `],"count":1}`
	for name, body := range map[string]string{
		"newer":            `{"err":false,"success":true,"content":` + list + `}`,
		"older":            `{"status":"success","data":` + list + `}`,
		"err as a number":  `{"err":0,"success":1,"content":` + list + `}`,
		"err as a string":  `{"err":"false","success":"true","content":` + list + `}`,
		"other order":      `{"content":` + list + `,"success":true,"err":false}`,
		"more members":     `{"took":12,"err":false,"meta":{"a":[1,{}]},"content":` + list + `}`,
		"byte order mark":  "\xef\xbb\xbf" + `{"status":"success","data":` + list + `}`,
		"white space":      " \n" + `{ "status" : "success" , "data" : ` + list + " }\n",
		"bare list":        `{"content":[` + row(7, "192.0.2.1") + `]}`,
		"list as object":   `{"content":{"count":1,"values":{"0":` + row(7, "192.0.2.1") + `}}}`,
		"count as string":  `{"content":{"values":[` + row(7, "192.0.2.1") + `],"count":"1"}}`,
		"count of no kind": `{"content":{"values":[` + row(7, "192.0.2.1") + `],"count":{}}}`,
	} {
		p, err := mannco.DecodePage([]byte(body), noon)
		if err != nil || len(p.Rows) != 1 || p.Rows[0].ID != "7" || p.Broken != "" {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
}

func TestAnswersThatAreNoList(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"nothing":          ``,
		"HTML":             `<html><body>no</body></html>`,
		"a number":         `12`,
		"an array":         `[]`,
		"half an object":   `{"err":false,"content":{"val`,
		"refused":          `{"err":true,"content":"no"}`,
		"refused, older":   `{"status":"error","message":"no"}`,
		"no success":       `{"success":false,"content":{"values":[],"count":0}}`,
		"no list":          `{"content":{"count":3}}`,
		"list is a text":   `{"content":{"values":"none","count":3}}`,
		"content twice":    `{"content":{"values":[],"count":0},"content":{"values":[],"count":0}}`,
		"values twice":     `{"content":{"values":[],"values":[]}}`,
		"deeper than deep": `{"content":` + strings.Repeat(`[`, 200_000),
	} {
		if p, err := mannco.DecodePage([]byte(body), noon); err == nil {
			t.Errorf("%s: decoded as %+v", name, p)
		}
	}
}

func TestIDs(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		id, want string
		bad      bool
	}{
		{`12345`, "12345", false},
		{`"12345"`, "12345", false},
		{`"12345; "`, "12345", false},
		{`" 12345 "`, "12345", false},
		{`18446744073709551615`, "18446744073709551615", false},
		{`null`, "", false},
		{`""`, "", false},
		{`123456789012345678901`, "", true},
		{`-5`, "", true},
		{`1e3`, "", true},
		{`1e400`, "", true},
		{`12.0`, "", true},
		{`0`, "", true},
		{`"+5"`, "", true},
		{`"0x10"`, "", true},
		{`"12/../all"`, "", true},
		{`"all"`, "", true},
		{`"１２"`, "", true},
		{`true`, "", true},
		{`{"a":1}`, "", true},
		{`[5]`, "", true},
	} {
		r := decodeRow(t, `{"id":`+test.id+`,"ip":"192.0.2.1"}`)
		if string(r.ID) != test.want || (r.Flaws != nil) != test.bad {
			t.Errorf("id %s became %q with the flaws %q, want %q, flawed %t", test.id, r.ID, r.Flaws, test.want, test.bad)
		}
	}
}

func TestIDTwice(t *testing.T) {
	t.Parallel()
	if r := decodeRow(t, `{"id":5,"ip":"192.0.2.1","id":6}`); r.ID != "" || r.Flaws == nil {
		t.Errorf("two ids in one row: %q must be none", r.ID)
	}
	if r := decodeRow(t, `{"id":5,"ip":"192.0.2.1","id":"5"}`); r.ID != "5" || r.Flaws == nil {
		t.Errorf("the same id twice: %q", r.ID)
	}
	if r := decodeRow(t, `{"current":false,"ip":"192.0.2.1","current":true}`); !r.Current {
		t.Error("a row that is also marked current must be taken for marked")
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`"192.0.2.1"`:            "192.0.2.1",
		`"203.0.113.7; "`:        "203.0.113.7",
		`"2001:DB8::1"`:          "2001:db8::1",
		`"::ffff:203.0.113.7"`:   "203.0.113.7",
		`"fe80::1%eth0"`:         "fe80::1",
		`"64:ff9b::203.0.113.7"`: "64:ff9b::cb00:7107",
		`"10.0.0.1"`:             "10.0.0.1",
	} {
		if r := decodeRow(t, `{"ip":`+in+`}`); !r.Addr.IsValid() || r.Addr.String() != want || r.RawAddr != "" || r.Flaws != nil {
			t.Errorf("%s became %s %q %q", in, r.Addr, r.RawAddr, r.Flaws)
		}
	}
	for in, raw := range map[string]string{
		`"unknown"`:             "unknown",
		`""`:                    "",
		`"192.0.2.256"`:         "192.0.2.256",
		`"192.0.2.1:443"`:       "192.0.2.1:443",
		`3221225985`:            "3221225985",
		`null`:                  "null",
		`"\u001b[31mred\u202e"`: "[31mred",
	} {
		if r := decodeRow(t, `{"ip":`+in+`}`); r.Addr.IsValid() || r.RawAddr != raw || r.Flaws == nil {
			t.Errorf("%s became %s %q %q", in, r.Addr, r.RawAddr, r.Flaws)
		}
	}
}

func TestTimes(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 5, 1, 10, 30, 0, 0, time.UTC)
	for _, in := range []string{`1777631400`, `"1777631400"`, `"1777631400; "`, `1777631400000`, `"1777631400000"`,
		`1777631400000000`, `1777631400000000000`, `1777631400.25`, `1.7776314e9`, `"2026-05-01T10:30:00Z"`, `"2026-05-01T12:30:00+02:00"`, `"2026-05-01 10:30:00"`} {
		if r := decodeRow(t, `{"ip":"192.0.2.1","timestamp":`+in+`}`); !r.Started.Equal(start) || r.Started.Location() != time.UTC || r.Flaws != nil {
			t.Errorf("%s became %s %q", in, r.Started, r.Flaws)
		}
	}
	for _, in := range []string{`0`, `-1`, `1`, `"soon"`, `1e400`, `-1e400`, `999999999999999999999`, `9223372036854775807`,
		`1896134400`, `1000000000`, `"1970-01-01T00:00:00Z"`, `true`, `[1]`, `"NaN"`, `"Inf"`} {
		if r := decodeRow(t, `{"ip":"192.0.2.1","timestamp":`+in+`}`); !r.Started.IsZero() || r.Flaws == nil {
			t.Errorf("%s became %s %q", in, r.Started, r.Flaws)
		}
	}
	for _, in := range []string{`null`, `""`} {
		if r := decodeRow(t, `{"ip":"192.0.2.1","timestamp":`+in+`}`); !r.Started.IsZero() || r.Flaws != nil {
			t.Errorf("%s, which is simply missing, became %s %q", in, r.Started, r.Flaws)
		}
	}
	inAYear := noon.Add(399 * 24 * time.Hour)
	if r := decodeRow(t, `{"ip":"192.0.2.1","expire":"`+inAYear.Format(time.RFC3339)+`"}`); !r.Expires.Equal(inAYear) {
		t.Errorf("a session may expire in a year: %s %q", r.Expires, r.Flaws)
	}
	p, err := mannco.DecodePage([]byte(page(1, row(1, "192.0.2.1"))), time.Unix(0, 0))
	if err != nil || p.Rows[0].Started.IsZero() {
		t.Error("a clock that stands at 1970 must not make every time implausible")
	}
}

func TestCurrent(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]bool{`true`: true, `1`: true, `"1"`: true, `"true"`: true, `false`: false, `0`: false, `"0"`: false, `null`: false} {
		if r := decodeRow(t, `{"ip":"192.0.2.1","current":`+in+`}`); r.Current != want || r.Flaws != nil {
			t.Errorf("current %s became %t %q", in, r.Current, r.Flaws)
		}
	}
	if r := decodeRow(t, `{"ip":"192.0.2.1","current":"perhaps"}`); r.Current || r.Flaws == nil {
		t.Errorf("current \"perhaps\" became %t %q", r.Current, r.Flaws)
	}
}

func TestServiceCountry(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]sessionwarden.Country{
		"US: New York; ": "US", "US": "US", "US:": "US", "USA": "US", "Germany: Berlin": "DE", "germany": "DE",
		"": "", "somewhere": "", "us": "", "no": "", "XX": "", "ZZ: nowhere": "", "12: x": "", ":": "",
	} {
		if r := decodeRow(t, `{"ip":"192.0.2.1","location":"`+in+`"}`); r.ServiceCountry != want {
			t.Errorf("the country of %q became %q", in, r.ServiceCountry)
		}
	}
	if r := decodeRow(t, `{"ip":"192.0.2.1","location":"US: New York; "}`); r.ServiceLocation != "US: New York" {
		t.Errorf("the location became %q", r.ServiceLocation)
	}
}

func TestHostileTexts(t *testing.T) {
	t.Parallel()
	huge := strings.Repeat("a", 1<<20)
	r := decodeRow(t, `{"ip":"192.0.2.1","userAgent":"`+huge+`","isp":"x\u0000y\u001b]52;c;eA==\u0007","location":"`+"\xff\xfe"+`ok"}`)
	if len(r.UserAgent) != sessionwarden.MaxText {
		t.Errorf("a text of 1 MiB became one of %d bytes", len(r.UserAgent))
	}
	if len(r.Flaws) != 1 || !strings.Contains(r.Flaws[0], "1048576 bytes") {
		t.Errorf("that it was cut, and from what length, must be said: %q", r.Flaws)
	}
	if r.ISP != "xy]52;c;eA==" {
		t.Errorf("the ISP became %q", r.ISP)
	}
	if r.ServiceLocation != "\uFFFD\uFFFDok" {
		t.Errorf("the location became %q", r.ServiceLocation)
	}
	if r := decodeRow(t, `{"ip":"192.0.2.1","userAgent":{"a":"b"},"isp":12}`); r.UserAgent != "" || r.ISP != "12" || len(r.Flaws) != 1 {
		t.Errorf("texts of other types: %+v", r)
	}
}

func TestUnknownFieldsAreCounted(t *testing.T) {
	t.Parallel()
	p, err := mannco.DecodePage([]byte(content(`{"total":9,"values":[{"id":1,"ip":"192.0.2.1","city":"x","deep":{"id":2,"ip":"203.0.113.9"}}],"count":1}`)), noon)
	if err != nil || p.Unknown != 3 || p.Rows[0].ID != "1" {
		t.Errorf("%+v, %v", p, err)
	}
}
