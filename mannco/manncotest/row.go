package manncotest

import (
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// row writes one session as the variants and faults say.
func (s *Service) row(c *call, one *session, current bool, now time.Time) object {
	trail := ""
	if s.variants[VariantTrailing] == "semicolon" {
		trail = "; "
	}
	expires := one.Expires
	if one.Ended != NotEnded {
		expires = one.EndedAt
	}
	row := object{
		{"id", s.id(one.ID)},
		{"ip", s.address(one.Address) + trail},
		{"user", c.account.steamID},
		{"location", s.location(one.Location) + trail},
		{"isp", s.isp(one.ISP) + trail},
		{"current", s.flag(current)},
		{"userAgent", one.UserAgent + trail},
		{"timestamp", s.when(one.last, s.variants[VariantTimestamp])},
		{"expire", s.when(expires, s.variants[VariantExpire])},
	}
	return s.drop(s.spoil(c, row, one == c.session, now))
}

// drop leaves out the fields that the edition does not have.
func (s *Service) drop(row object) object {
	var missing []string
	switch s.variants[VariantRowFields] {
	case "no_id":
		missing = []string{"id"}
	case "no_user_agent":
		missing = []string{"userAgent"}
	case "no_expire":
		missing = []string{"expire"}
	case "minimal":
		missing = []string{"id", "user", "userAgent", "expire"}
	}
	for _, name := range missing {
		row = row.without(name)
	}
	return row
}

func (o object) without(name string) object {
	out := o[:0]
	for _, f := range o {
		if f.name != name {
			out = append(out, f)
		}
	}
	return out
}

// set gives the field of that name another value, where there is one.
func (o object) set(name string, value any) {
	for i := range o {
		if o[i].name == name {
			o[i].value = value
		}
	}
}

// id writes a session's id.
func (s *Service) id(id int64) any {
	if s.variants[VariantID] == "string" {
		return strconv.FormatInt(id, 10)
	}
	return id
}

// flag writes whether a row is the caller's own.
func (s *Service) flag(on bool) any {
	digit := 0
	if on {
		digit = 1
	}
	switch s.variants[VariantCurrent] {
	case "number":
		return digit
	case "string":
		return strconv.Itoa(digit)
	}
	return on
}

// address writes an address.
func (s *Service) address(text string) string {
	addr, err := netip.ParseAddr(text)
	switch s.variants[VariantAddress] {
	case "mapped":
		if err == nil && addr.Is4() {
			return "::ffff:" + text
		}
	case "expanded":
		if err == nil {
			return addr.StringExpanded()
		}
	case "garbage":
		return "unknown"
	}
	return text
}

// location writes a place, of which the part before the colon is the country.
func (s *Service) location(text string) string {
	country, city, _ := strings.Cut(text, ":")
	country, city = strings.TrimSpace(country), strings.TrimSpace(city)
	switch s.variants[VariantLocation] {
	case "country":
		return country
	case "empty":
		return ""
	case "free":
		if text == "" {
			return "somewhere"
		}
		if city == "" {
			return "somewhere in " + country
		}
		return "somewhere around " + city
	}
	return text
}

// isp writes a provider.
func (s *Service) isp(text string) string {
	if s.variants[VariantISP] == "empty" {
		return ""
	}
	return text
}

// spoil does to a row what the faults say. Hostile texts are never put on the
// caller's own row.
func (s *Service) spoil(c *call, row object, own bool, now time.Time) object {
	if !own {
		for kind, name := range map[FaultKind]string{
			FaultHostileAgent: "userAgent", FaultHostileISP: "isp", FaultHostileLocation: "location",
		} {
			if style, on := c.faults[kind]; on {
				row.set(name, hostile(style))
			}
		}
	}
	if style, on := c.faults[FaultAbsurdTime]; on {
		row.set("timestamp", absurd(style, now))
		row.set("expire", absurd(style, now))
	}
	if name, on := c.faults[FaultFieldMissing]; on {
		row = row.without(name)
	}
	if name, on := c.faults[FaultFieldRetyped]; on {
		row.set(name, object{{"value", []any{nil, true}}})
	}
	if c.has(FaultUnknownField) {
		row = append(row, field{"riskScore", object{{"level", 3}, {"tags", []any{"new"}}}})
	}
	return row
}

// hostile returns a text that somebody would sign in with to do harm.
func hostile(style string) string {
	switch style {
	case "ansi":
		return "\x1b[2J\x1b[31mowned\x1b]52;c;aGVsbG8=\a\x1b]8;;http://evil.example\aclick\x1b]8;;\a\r\nfake line"
	case "bidi":
		return "safe\u202Egnp.exe\u202C\u2066\u200B\uFEFF\u2028end"
	case "nul":
		return "before\x00after\x01\x7f"
	case "long":
		return strings.Repeat("Aé世", 64<<10/6)
	case "markup":
		return `<script>alert(1)</script>"><img src=x onerror=alert(1)> <!channel> <http://evil.example|here> *bold* ` + "`code` http://evil.example &amp; {{.}}"
	case "utf8":
		return "bad \xff\xfe\xc3\x28 \xed\xa0\x80 \xf0\x9f end\xe2\x82"
	case "formula":
		return `=HYPERLINK("http://evil.example","click")`
	}
	return hostile("ansi") + hostile("bidi") + hostile("nul") + hostile("markup") + hostile("utf8")
}

// absurd returns a time that cannot be one.
func absurd(style string, now time.Time) any {
	switch style {
	case "zero":
		return 0
	case "negative":
		return -86400
	case "1970":
		return "3600"
	case "future":
		return now.AddDate(50, 0, 0).Unix()
	case "nanoseconds":
		return now.UnixNano()
	case "float":
		return verbatim("1.7067456e+30")
	case "text":
		return "yesterday"
	case "null":
		return nil
	}
	return verbatim("123456789012345678901234567890")
}
