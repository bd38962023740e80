package geo_test

import (
	"testing"
	"time"

	"github.com/maxmind/mmdbwriter/mmdbtype"

	"sessionwarden/geo"
	"sessionwarden/geo/geotest"
)

// hiding returns a database of anonymizers in which the example has these marks.
func hiding(kind string, built time.Time, marks ...string) []byte {
	record := mmdbtype.Map{"is_anonymous": mmdbtype.Bool(true)}
	for _, mark := range marks {
		record[mmdbtype.String(mark)] = mmdbtype.Bool(true)
	}
	return geotest.Records(kind, map[string]mmdbtype.DataType{"203.0.113.0/24": record}, geotest.BuiltAt(built))
}

const (
	anonymousIP   = "GeoIP2-Anonymous-IP"
	anonymousPlus = "GeoIP-Anonymous-Plus"
)

func TestAnonymousDatabases(t *testing.T) {
	t.Parallel()
	fresh := on.AddDate(0, 0, -7)
	for _, test := range []struct {
		kind     string
		mark     string
		tor, vpn bool
	}{
		{anonymousIP, "is_tor_exit_node", true, false},
		{anonymousIP, "is_anonymous_vpn", false, true},
		{anonymousIP, "is_public_proxy", false, true},
		{anonymousPlus, "is_residential_proxy", false, true},
		{anonymousPlus, "is_tor_exit_node", true, false},
		{anonymousIP, "is_hosting_provider", false, false},
	} {
		l := open(t, geo.Options{AnonymousDatabase: put(t, hiding(test.kind, fresh, test.mark), t.TempDir(), "hidden.mmdb")})
		if got := at(l, example); got.Tor != test.tor || got.VPN != test.vpn {
			t.Errorf("%s, %s: %+v", test.kind, test.mark, got)
		}
		if got := at(l, "8.8.8.8"); got.Tor || got.VPN || got.Country != "US" {
			t.Errorf("8.8.8.8 is %+v", got)
		}
		s := l.Status()
		if len(s.Lists) != 1 || s.Lists[0].Key != "geo.anonymous_database" || s.Lists[0].Source != "hidden.mmdb ("+test.kind+")" || !s.Lists[0].Used || !s.Lists[0].Date.Equal(fresh) {
			t.Errorf("status: %+v", s.Lists)
		}
		if warned(l) != "" || len(l.Troubles()) > 0 {
			t.Errorf("all is well, but %q", warned(l))
		}
	}
}

// A database and lists that name different addresses all count.
func TestListsAndADatabaseTogether(t *testing.T) {
	t.Parallel()
	l := open(t, geo.Options{
		AnonymousDatabase: put(t, hiding(anonymousIP, on, "is_anonymous_vpn"), t.TempDir(), "hidden.mmdb"),
		TorExits:          exits(t, "203.0.113.7\n2001:db8::1"),
	})
	if got := at(l, example); !got.Tor || !got.VPN {
		t.Errorf("%+v", got)
	}
	if got := at(l, "2001:db8::1"); !got.Tor || got.VPN {
		t.Errorf("%+v", got)
	}
	if got := at(l, "203.0.113.8"); got.Tor || !got.VPN {
		t.Errorf("%+v", got)
	}
}

func TestAnAnonymousDatabaseThatIsNotGood(t *testing.T) {
	t.Parallel()
	fresh := on.AddDate(0, 0, -7)
	bad := geotest.Corrupt(hiding(anonymousIP, fresh, "is_tor_exit_node"))
	bad["a country database"] = in("DE")
	bad["other records"] = geotest.Records(anonymousIP, map[string]mmdbtype.DataType{"203.0.113.0/24": mmdbtype.Map{"is_tor_exit_node": mmdbtype.String("yes")}}, geotest.BuiltAt(fresh))
	bad["everybody is an exit"] = geotest.Records(anonymousIP, map[string]mmdbtype.DataType{"0.0.0.0/0": mmdbtype.Map{"is_tor_exit_node": mmdbtype.Bool(true)}}, geotest.BuiltAt(fresh))
	for what, content := range bad {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			path := put(t, content, t.TempDir(), "hidden.mmdb")
			l := open(t, geo.Options{AnonymousDatabase: path})
			got := l.Troubles()
			if len(got) != 1 || !got[0].Failed || got[0].List == "" || at(l, example).Tor {
				t.Fatalf("troubles: %+v", got)
			}
			says(t, got[0].Says, "geo.anonymous_database names "+path, "the rules tor_network and vpn_network do without it until a good Anonymous-IP or Anonymous-Plus file lies there")
			says(t, warned(l), got[0].Says)
			if l.Failed() != "" {
				t.Errorf("no place rests on it, but %q", l.Failed())
			}

			path = put(t, hiding(anonymousIP, fresh, "is_tor_exit_node"), t.TempDir(), "hidden.mmdb")
			l = open(t, geo.Options{AnonymousDatabase: path})
			before := l.Generation()
			put(t, content, path)
			for range 3 {
				l.Refresh()
			}
			if got := l.Troubles(); len(got) != 1 || got[0].Failed || !at(l, example).Tor || l.Generation() != before {
				t.Errorf("troubles: %+v", got)
			}
			put(t, hiding(anonymousPlus, fresh, "is_anonymous_vpn"), path)
			l.Refresh()
			l.Refresh()
			if got := at(l, example); got.Tor || !got.VPN || len(l.Troubles()) > 0 || l.Generation() == before {
				t.Errorf("a good one came: %+v, %+v", got, l.Troubles())
			}
		})
	}
}

func TestAnAnonymousDatabaseOlderThan30DaysIsIgnored(t *testing.T) {
	t.Parallel()
	path := put(t, hiding(anonymousIP, on.AddDate(0, 0, -31), "is_tor_exit_node"), t.TempDir(), "hidden.mmdb")
	l := open(t, geo.Options{AnonymousDatabase: path})
	got := l.Troubles()
	if len(got) != 1 || !got[0].Failed || at(l, example).Tor {
		t.Fatalf("troubles: %+v", got)
	}
	says(t, got[0].Says, "hidden.mmdb (GeoIP2-Anonymous-IP) was built on 2026-", "one that is older than 30 days is not used")
	says(t, warned(l), got[0].Says)
	if l.Failed() != "" || l.Status().Lists[0].Used {
		t.Errorf("status: %+v", l.Status())
	}
}
