package manncotest_test

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"

	"sessionwarden/mannco/manncotest"
)

// TestEachVariantChangesTheAnswer switches every value of every variant on,
// alone, and looks for what it must bring into the raw answer, which the
// default must not have.
func TestEachVariantChangesTheAnswer(t *testing.T) {
	t.Parallel()
	type look struct {
		path string
		has  string // in the answer with the variant
		not  string // not in it, but in the default's answer; "" nothing
	}
	const list = "/user/ipList?perpage=3"
	looks := map[manncotest.Variant]map[string]look{
		manncotest.VariantEdition:    {"newer": {list, `{"err":false,"success":true,"content":{"values":`, `"status":"success"`}},
		manncotest.VariantErrorStyle: {"object": {"/user/nothing", `"content":{"message":"Not found"}`, `"content":"Not found"`}, "message": {"/user/nothing", `"message":"Not found"`, `"content"`}},
		manncotest.VariantLogin:      {"token": {"login", `"data":{"token":"ey`, `"jwt"`}, "text": {"login", `"data":"ey`, `"jwt"`}},
		manncotest.VariantCurrent:    {"number": {list, `"current":0`, `"current":false`}, "string": {list, `"current":"0"`, `"current":false`}},
		manncotest.VariantTimestamp: {
			"number": {list, `"timestamp":946684800,`, `"timestamp":"`}, "ms": {list, `"timestamp":946684800000,`, `"timestamp":"`}, "ms_string": {list, `"timestamp":"946684800000"`, `"946684800"`},
		},
		manncotest.VariantExpire: {
			"number": {list, `"expire":949363200}`, `"expire":"`}, "ms": {list, `"expire":949363200000}`, `"expire":"`}, "ms_string": {list, `"expire":"949363200000"`, `"949363200"`},
		},
		manncotest.VariantID:       {"string": {list, `"id":"7`, `"id":7`}},
		manncotest.VariantTrailing: {"semicolon": {list, `"ip":"203.0.113.7; "`, `"US: New York"`}},
		manncotest.VariantRowFields: {
			"no_id": {list, `"ip"`, `"id"`}, "no_user_agent": {list, `"ip"`, `"userAgent"`},
			"no_expire": {list, `"ip"`, `"expire"`}, "minimal": {list, `{"ip":"203.0.113.7","location":"US: New York","isp":"Example Net","current":false,"timestamp":`, `"id"`},
		},
		manncotest.VariantPageSize: {
			// Ten rows instead of three: down to an older one.
			"perpage": {"/user/ipList?perPage=3", `"id":70005`, ""}, "perPage": {list, `"id":70005`, ""},
		},
		manncotest.VariantLocation: {
			"country": {list, `"location":"US"`, `New York`}, "empty": {list, `"location":""`, `New York`}, "free": {list, `"location":"somewhere around New York"`, `US: New York`},
		},
		manncotest.VariantISP:     {"empty": {list, `"isp":""`, `Example Net`}},
		manncotest.VariantAddress: {"mapped": {list, `"ip":"::ffff:203.0.113.7"`, `"203.0.113.7"`}, "expanded": {list, `"2001:0db8:0000:0000:0000:0000:0000:0007"`, `"2001:db8::7"`}, "garbage": {list, `"ip":"unknown"`, `203.0.113.7`}},
		manncotest.VariantCount: {
			"first_page": {list + "&page=1", `]}`, `"count"`}, "string": {list, `"count":"12"`, `"count":12`}, "wrong": {list, `"count":19`, `"count":12`},
			"changing": {list + "&page=1", `"count":13`, `"count":12`}, "absent": {list, `]}`, `"count"`},
		},
		manncotest.VariantExpired:        {"always": {list, `"count":13`, `"count":12`}, "never": {list + "&expire=true", `"count":12`, `"count":13`}},
		manncotest.VariantDisconnect:     {"absent": {"/user/disconnectSession/1", `"message":"Not found"`, "Session not found"}, "only_all": {"/user/disconnectSession/1", `"message":"Not found"`, "Session not found"}, "only_one": {"/user/disconnectSession/all", `"message":"Not found"`, "All sessions disconnected"}},
		manncotest.VariantMissingSession: {"business_error": {"/user/disconnectSession/1", `Session not found`, ""}, "ok": {"/user/disconnectSession/1", `Session disconnected`, `not found`}},
		manncotest.VariantContactMail:    {"absent": {"/user/getContactMail", `Not found`, `anna@example.com`}},
		manncotest.VariantNotifications:  {"newer": {"/user/notifications", `"alerts":[{"id":1},{"id":2},{"id":3}],"alertCount":3,"paymentReviews":[],"paymentReviewsCount":0`, `"count"`}},
		manncotest.VariantInfos:          {"subset": {"/user/infos", `"2fa"`, `"skrill"`}, "bare": {"/user/infos", `"name"`, `"2fa"`}},
		manncotest.VariantTwoFactor:      {"bool": {"/user/infos", `"2fa":true`, `"2fa":"true"`}},
	}
	scene := func(t *testing.T, variant manncotest.Variant, value, path string) got {
		s, p := service(t, manncotest.Options{Egress: addr("198.51.100.5")})
		crowd(s, 10)
		s.SignOut("main", s.SignIn("main", manncotest.SessionSpec{Address: "203.0.113.99"}))
		s.SignIn("main", manncotest.SessionSpec{Address: "2001:db8::7", Location: "FR"})
		if variant == manncotest.VariantErrorStyle {
			if err := s.SetVariant(manncotest.VariantEdition, "newer"); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.SetVariant(variant, value); err != nil {
			t.Fatal(err)
		}
		if path == "login" {
			return p.post(`{"apiKey":"` + testKey + `"}`)
		}
		return p.get(path)
	}
	for _, variant := range manncotest.Variants() {
		for _, value := range variant.Values[1:] {
			t.Run(string(variant.Name)+" "+value, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					look, ok := looks[variant.Name][value]
					if !ok {
						t.Fatal("this test does not know what to look for")
					}
					plain := scene(t, variant.Name, variant.Values[0], look.path)
					changed := scene(t, variant.Name, value, look.path)
					if !strings.Contains(changed.body, look.has) {
						t.Errorf("it lacks %q: %s", look.has, changed.body)
					}
					if look.not != "" && (strings.Contains(changed.body, look.not) || !strings.Contains(plain.body, look.not)) {
						t.Errorf("%q should have gone:\n%s\n%s", look.not, plain.body, changed.body)
					}
					if changed.body == plain.body && changed.status == plain.status {
						t.Errorf("nothing changed: %s", plain.body)
					}
					if !json.Valid([]byte(changed.body)) {
						t.Errorf("it is no JSON: %s", changed.body)
					}
				})
			})
		}
	}
}

func TestVariantsCanBeCombinedAndSwitchedBack(t *testing.T) {
	t.Parallel()
	s, p := service(t, manncotest.Options{})
	crowd(s, 2)
	before := p.get("/user/ipList").body
	for _, variant := range manncotest.Variants() {
		if variant.Name == manncotest.VariantLogin {
			continue
		}
		if err := s.SetVariant(variant.Name, variant.Values[len(variant.Values)-1]); err != nil {
			t.Fatal(err)
		}
	}
	if all := p.get("/user/ipList"); !json.Valid([]byte(all.body)) || !strings.Contains(all.body, `"current":"0"`) {
		t.Errorf("all together: %s", all.body)
	}
	for _, variant := range manncotest.Variants() {
		if err := s.SetVariant(variant.Name, variant.Values[0]); err != nil {
			t.Fatal(err)
		}
	}
	if after := p.get("/user/ipList").body; after != before {
		t.Errorf("before %s\nafter %s", before, after)
	}
}

func TestUnknownNamesAreExplained(t *testing.T) {
	t.Parallel()
	s := manncotest.New(manncotest.Options{})
	for _, c := range []struct {
		err  error
		says string
	}{
		{s.SetVariant("editon", "newer"), `there is no variant "editon": did you mean "edition"?`},
		{s.SetVariant("edition", "never"), `the variant edition cannot be "never": did you mean "newer"?; it is one of older, newer`},
		{s.SetFault(manncotest.Fault{Kind: "hangs"}), `there is no fault "hangs": did you mean "hang"?`},
		{s.SetFault(manncotest.Fault{Kind: "zzzzzzzzzz"}), `there is no fault "zzzzzzzzzz"`},
		{s.SetFault(manncotest.Fault{Kind: manncotest.FaultHang, Route: "balanc"}), `the fault hang cannot happen on the route "balanc": did you mean "balance"?`},
		{s.SetFault(manncotest.Fault{Kind: manncotest.FaultEmptyList, Route: manncotest.RouteInfos}), `the fault empty_list cannot happen on the route "infos"`},
		{s.SetFault(manncotest.Fault{Kind: manncotest.FaultHang, Value: "long"}), `the fault hang: "long" is not a duration: write it like 90s, 5m, 2h30m or 3d`},
		{s.SetFault(manncotest.Fault{Kind: manncotest.FaultReset, Value: "x"}), `the fault reset: it takes no value`},
		{s.SetFault(manncotest.Fault{Kind: manncotest.FaultCDNError, Value: "200"}), `the fault cdn_error: "200" is not a number from 500 to 599`},
		{s.SetFault(manncotest.Fault{Kind: manncotest.FaultHostileISP, Value: "anis"}), `the fault hostile_isp: it cannot be "anis": did you mean "ansi"?; it is one of all, ansi, bidi, nul, long, markup, utf8, formula`},
		{s.SetFault(manncotest.Fault{Kind: manncotest.FaultHang, Nth: -1}), `the fault hang: nth and times cannot be negative`},
	} {
		if c.err == nil || c.err.Error() != c.says {
			t.Errorf("got  %v\nwant %s", c.err, c.says)
		}
	}
}
