package mannco_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/prometheus/client_golang/prometheus"

	"sessionwarden/mannco"
)

// TestSecretsAreNeverShown lets everything go wrong that carries a secret and
// looks for it in all that comes out.
func TestSecretsAreNeverShown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, lookForSecrets) // which makes the waits between retries short
}

func lookForSecrets(t *testing.T) {
	var seen bytes.Buffer
	registry := prometheus.NewRegistry()
	metrics := mannco.NewMetrics(registry)
	show := func(what any) {
		fmt.Fprintf(&seen, "%v\n%+v\n%#v\n%s\n%q\n%x\n", what, what, what, what, what, what)
		if j, err := json.Marshal(what); err == nil {
			seen.Write(j)
		}
		slog.New(slog.NewJSONHandler(&seen, nil)).Info("x", "v", what)
	}
	var tokens []string
	noFile := filepath.Join(t.TempDir(), "missing", "main.token")
	for _, path := range []string{"/user/login", "/user/ipList", "/user/disconnectSession/5", "/user/disconnectSession/all", "/user/disconnect", "/user/infos", "/user/getContactMail"} {
		for _, status := range []int{200, 300, 401, 403, 404, 429, 500} {
			for _, form := range []string{`{"err":true,"content":%q}`, `{"err":false,"content":{"message":%q}}`, `<html>%s</html>`, `%s`, `{"status":"error","message":%q,"data":null}`, `{"err":false,"content":{"values":[{"id":%q}],"count":3}}`} {
				s := newFake().running()
				log := logTo(&seen)
				c := s.client(t, log, func(o *mannco.Options) {
					o.Metrics = metrics
					o.TokenFile = noFile // which cannot be written: that is logged, too
				})
				s.on(path, func(r *http.Request) *http.Response {
					echo := r.Header.Get("Authorization")
					if echo == "" {
						echo = canaryKey
					}
					return reply(status, fmt.Sprintf(form, "you said: "+echo), "Location", "")
				})
				_, err := c.Sessions(t.Context(), false)
				show(err)
				show(c.Disconnect(t.Context(), "5"))
				_, err = c.Infos(t.Context())
				show(err)
				_, err = c.ContactMail(t.Context())
				show(err)
				show(c.DisconnectAll(t.Context()))
				show(c)
				show(c.Identity())
				show(c.Logout(t.Context()))
				s.mu.Lock()
				for token := range s.valid {
					tokens = append(tokens, token)
				}
				s.mu.Unlock()
			}
		}
	}
	show(errors.New("end"))
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		fmt.Fprintln(&seen, f.String())
	}
	if !strings.Contains(seen.String(), "<secret>") {
		t.Fatal("no answer echoed a secret: this test proves nothing")
	}
	all := seen.String()
	for _, secret := range append(tokens, canaryKey, fmt.Sprintf("%x", canaryKey)) {
		if at := strings.Index(all, secret); at >= 0 {
			t.Fatalf("a secret is shown: …%s…", strings.ReplaceAll(all[max(at-100, 0):at], secret, "HERE"))
		}
	}
}

func TestMetricsHaveNoTextFromOutside(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	s := newFake()
	s.rows = []string{row(1, "203.0.113.66", `"isp2":"evil-label"`), row(2, "evil address")}
	c := s.client(t, func(o *mannco.Options) { o.Metrics = mannco.NewMetrics(registry) })
	mustList(t, c)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, f := range families {
		fmt.Fprintln(&all, f.String())
	}
	for _, want := range []string{"sessionwarden_service_requests_total", "sessionwarden_service_unknown_fields_total", "sessionwarden_service_flawed_rows_total"} {
		if !strings.Contains(all.String(), want) {
			t.Errorf("%s is missing", want)
		}
	}
	if strings.Contains(all.String(), "evil") || strings.Contains(all.String(), "203.0.113") {
		t.Error("a label has a text from outside")
	}
}
