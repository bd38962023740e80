package mannco_test

import (
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sessionwarden"
	"sessionwarden/mannco"
)

// serve puts the fake behind a TLS server on loopback.
func (s *fake) serve(t *testing.T) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		resp, err := s.RoundTrip(r)
		if err != nil {
			return
		}
		w.WriteHeader(resp.StatusCode)
		_, _ = io.Copy(w, resp.Body)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

func TestCAFileIsTrusted(t *testing.T) {
	t.Parallel()
	s := newFake()
	server := s.serve(t)
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	trusting, err := mannco.NewTransport(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(trusting.CloseIdleConnections)
	through := func(transport http.RoundTripper) *mannco.Client {
		return s.client(t, func(o *mannco.Options) { o.BaseURL, o.Transport = server.URL, transport })
	}
	c := through(trusting)
	wantComplete(t, mustList(t, c), 1)
	wantComplete(t, mustList(t, c), 1)

	plain, err := mannco.NewTransport("")
	if err != nil {
		t.Fatal(err)
	}
	_, err = through(plain).Sessions(t.Context(), false)
	wantFault(t, err, sessionwarden.FaultNetwork, "does not trust")
}

func TestCAFileThatIsNone(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "ca.pem")
	if _, err := mannco.NewTransport(file); err == nil || !strings.Contains(err.Error(), "reading the CA file") {
		t.Errorf("a missing file: %v", err)
	}
	if err := os.WriteFile(file, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := mannco.NewTransport(file); err == nil || !strings.Contains(err.Error(), "holds no certificate") {
		t.Errorf("a file of something else: %v", err)
	}
}
