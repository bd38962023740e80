package web_test

import (
	"testing"

	"sessionwarden/web"
)

// A file comes to the client as it was made, byte for byte, and only where it is
// asked for as such.
func TestEvidenceComesWhole(t *testing.T) {
	t.Parallel()
	api := web.NewAPI(full(1))
	e, err := web.NewClient(web.InProcess(api)).Evidence(t.Context(), "7")
	want := web.Evidence{Incident: "7", Account: "main", Made: noon, Head: "a head", Records: 3, Page: "<p title=\"a & b\">\n</p>"}
	if err != nil || e != want {
		t.Errorf("%+v, %v", e, err)
	}
	for body, status := range map[string]int{`{"incident":"x"}`: 400, `{"incident":7}`: 400, `{"incident":"0"}`: 400, `{}`: 400, `{"id":"7"}`: 400, `{"incident":"404"}`: 404} {
		if got := ask(t, api, "POST", "/api/v1/evidence", body); got.status != status {
			t.Errorf("%s: %d %s, want %d", body, got.status, got.body, status)
		}
	}
	if got := ask(t, api, "GET", "/api/v1/evidence", ""); got.status != 405 {
		t.Errorf("to look makes no file: %d", got.status)
	}
}
