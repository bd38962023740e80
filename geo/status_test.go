package geo_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"sessionwarden"
	"sessionwarden/geo"
	"sessionwarden/geo/geotest"
)

func TestNamesOfTheDataInUse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	country := put(t, in("DE"), dir, "places.mmdb")
	asn := put(t, of(64500), dir, "owners.mmdb")
	l := open(t, geo.Options{Database: country, ASNDatabase: asn})
	want := sessionwarden.LocationStatus{
		Country: "places.mmdb (DBIP-Country-Lite)", CountryBuilt: geotest.Built,
		ASN: "owners.mmdb (DBIP-ASN-Lite (compat=GeoLite2-ASN))", ASNBuilt: geotest.Built,
	}
	if diff := cmp.Diff(want, l.Status()); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	want = sessionwarden.LocationStatus{
		Country: "built-in DBIP-Country-Lite", CountryBuilt: time.Date(2026, time.June, 1, 20, 32, 58, 0, time.UTC),
		ASN: "built-in DBIP-ASN-Lite", ASNBuilt: time.Date(2026, time.June, 17, 19, 0, 0, 0, time.UTC),
	}
	if diff := cmp.Diff(want, open(t, geo.Options{}).Status()); diff != "" {
		t.Errorf("built-in data (-want +got):\n%s", diff)
	}
}

func TestAgeIsWarnedAbout(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	lite := put(t, in("DE", geotest.Type("GeoLite2-Country")), dir, "lite.mmdb")
	paid := put(t, in("DE", geotest.Type("GeoIP2-Country")), dir, "paid.mmdb")
	for _, test := range []struct {
		what     string
		database string
		days     int
		words    []string
	}{
		{"fresh", lite, 29, nil},
		{"GeoLite2 after 30 days", lite, 30, []string{"lite.mmdb (GeoLite2-Country) is 30 days old: its licence wants it replaced"}},
		{"bought data after 31 days", paid, 31, nil},
		{"old data", paid, 181, []string{
			"the country data, paid.mmdb (GeoIP2-Country), is 181 days old: put a newer file in its place",
		}},
		{"older built-in data", "", 199, []string{
			"the country data, built-in DBIP-Country-Lite, is 198 days old: install a newer release",
			"the network data, built-in DBIP-ASN-Lite, is 182 days old",
		}},
	} {
		now := geotest.Built.AddDate(0, 0, test.days).Add(time.Hour)
		l := open(t, geo.Options{Database: test.database, Now: func() time.Time { return now }})
		if len(test.words) == 0 && warned(l) != "" {
			t.Errorf("%s: it warns: %s", test.what, warned(l))
		}
		says(t, warned(l), test.words...)
		if failed := l.Status().Failed; failed != "" {
			t.Errorf("%s: age alone is no failure: %s", test.what, failed)
		}
	}
}

func TestAFailedOpenLeavesNoMetrics(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	taken := prometheus.NewCounter(prometheus.CounterOpts{
		Name: "sessionwarden_geo_broken_records_total",
		Help: "Records of location files that could not be read; the built-in data answered instead.",
	})
	registry.MustRegister(taken)
	if _, err := geo.Open(geo.Options{Registerer: registry}); err == nil {
		t.Fatal("a metric that is there already was no error")
	}
	families, err := registry.Gather()
	if err != nil || len(families) != 1 {
		t.Errorf("%d metrics are left, %v", len(families), err)
	}
}

func TestMetricsBelongToOneLocatorAtATime(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	l, err := geo.Open(geo.Options{Registerer: registry})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := geo.Open(geo.Options{Registerer: registry}); err == nil {
		t.Error("two locators share the metrics of one registry")
	}
	if families, err := registry.Gather(); err != nil || len(families) != 6 {
		t.Errorf("the second, which failed, left %d metrics to the first, %v", len(families), err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if families, err := registry.Gather(); err != nil || len(families) > 0 {
		t.Errorf("after Close the registry still has %d metrics, %v", len(families), err)
	}
	open(t, geo.Options{Registerer: registry})
	families, err := registry.Gather()
	if err != nil || len(families) == 0 {
		t.Errorf("the registry has %d metrics, %v", len(families), err)
	}
}

func gauge(t *testing.T, registry *prometheus.Registry, name string) float64 {
	t.Helper()
	for _, m := range gathered(t, registry, name) {
		return m.GetGauge().GetValue()
	}
	return 0
}

func counted(t *testing.T, registry *prometheus.Registry, outcome string) float64 {
	t.Helper()
	for _, m := range gathered(t, registry, "sessionwarden_geo_files_total") {
		labels := make(map[string]string)
		for _, pair := range m.GetLabel() {
			labels[pair.GetName()] = pair.GetValue()
		}
		if cmp.Equal(labels, map[string]string{"data": "country", "outcome": outcome}) {
			return m.GetCounter().GetValue()
		}
	}
	t.Fatalf("no country files are counted as %s", outcome)
	return 0
}

func gathered(t *testing.T, registry *prometheus.Registry, name string) []*dto.Metric {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()
		}
	}
	t.Fatalf("there is no metric %s", name)
	return nil
}
