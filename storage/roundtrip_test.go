package storage_test

import (
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"testing"
	"time"

	"sessionwarden"
)

// filler fills every field of a noun with something that is not its zero value,
// and different from every other. A noun that gets a new field gets it filled
// here, and the tests fail until it is stored.
type filler struct{ n uint64 }

func (f *filler) fill(v reflect.Value, name string) {
	f.n++
	switch x := v.Addr().Interface().(type) {
	case *time.Time:
		*x = day.Add(time.Duration(f.n)*time.Minute + 123456789)
		return
	case *netip.Addr:
		*x = netip.AddrFrom4([4]byte{192, 0, 2, byte(f.n)})
		return
	case *netip.Prefix:
		*x = netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(f.n)}), 32)
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprintf("%s %d", name, f.n))
		if name == "Account" {
			v.SetString("main")
		}
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Uint8:
		v.SetUint(f.n%3 + 1)
	case reflect.Uint32, reflect.Uint64:
		v.SetUint(f.n)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(f.n))
	case reflect.Array:
		for i := range v.Len() {
			f.fill(v.Index(i), name)
		}
	case reflect.Float32, reflect.Float64:
		v.SetFloat(float64(f.n) + 0.12345)
	case reflect.Struct:
		for i := range v.NumField() {
			f.fill(v.Field(i), v.Type().Field(i).Name)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			f.fill(v.Index(i), name)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range 2 {
			key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			f.fill(key, name)
			f.fill(value, name)
			v.SetMapIndex(key, value)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		f.fill(v.Elem(), name)
	default:
		panic("the filler does not know " + v.Kind().String())
	}
}

// filled returns n nouns with every field filled.
func filled[Noun any](f *filler, n int) []Noun {
	list := make([]Noun, n)
	for i := range list {
		f.fill(reflect.ValueOf(&list[i]).Elem(), "")
	}
	return list
}

func TestEveryFieldOfEveryNounIsStored(t *testing.T) {
	t.Parallel()
	f := &filler{}
	h := filled[sessionwarden.History](f, 1)[0]
	c := sessionwarden.Change{
		History:   h,
		Sightings: slices.Concat(h.Live, h.Recent, filled[sessionwarden.Sighting](f, 2)),
		Findings:  filled[sessionwarden.Finding](f, 2),
		Actions:   append(h.Actions[:2:2], filled[sessionwarden.Action](f, 2)...),
		Incidents: append([]sessionwarden.Incident{*h.Incident}, filled[sessionwarden.Incident](f, 2)...),
		Alerts:    filled[sessionwarden.Alert](f, 2),
	}
	deliveries := filled[sessionwarden.Delivery](f, 2)
	for i := range deliveries {
		deliveries[i].Alert = c.Alerts[i].ID
	}
	offers := filled[sessionwarden.Offer](f, 2)
	for i := range offers {
		offers[i].ID, offers[i].Alert = sessionwarden.NewOfferID(c.Alerts[i].ID, []byte("random")), c.Alerts[i].ID
	}
	silences := filled[sessionwarden.Silence](f, 2)
	path := dbPath(t)
	db := open(t, path)
	commit(t, db, c)
	if err := errors.Join(db.Delivered(t.Context(), deliveries), db.Offered(t.Context(), offers), db.PutSilence(t.Context(), silences[0]), db.PutSilence(t.Context(), silences[1])); err != nil {
		t.Fatal(err)
	}
	for _, when := range []string{"at once", "after a restart"} {
		same(t, "the history "+when, history(t, db, "main"), h)
		same(t, "a sighting "+when, collect(t, db.Sightings(t.Context(), sessionwarden.Query{})), c.Sightings)
		same(t, "a finding "+when, collect(t, db.Findings(t.Context(), sessionwarden.Query{})), c.Findings)
		same(t, "an incident "+when, collect(t, db.Incidents(t.Context(), sessionwarden.Query{})), c.Incidents)
		same(t, "an action "+when, collect(t, db.Actions(t.Context(), sessionwarden.Query{})), c.Actions)
		alerts, told, err := db.Outbox(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		same(t, "an alert "+when, alerts, c.Alerts)
		same(t, "a delivery "+when, told, deliveries)
		for _, want := range offers {
			got, there, err := db.Offer(t.Context(), want.ID)
			if err != nil || !there {
				t.Errorf("a button %s: %v, %v", when, there, err)
			}
			same(t, "a button "+when, got, want)
		}
		kept, err := db.Silences(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		same(t, "a silence "+when, kept, silences)
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		db = open(t, path)
	}
}

func TestTheEmptyNounIsStored(t *testing.T) {
	t.Parallel()
	db := open(t, dbPath(t))
	c := sessionwarden.Change{
		History:   sessionwarden.History{Account: "main"},
		Sightings: []sessionwarden.Sighting{{Seq: 1, Account: "main"}},
		Findings:  []sessionwarden.Finding{{ID: 2, Account: "main"}},
		Actions:   []sessionwarden.Action{{ID: 3, Account: "main"}},
		Alerts:    []sessionwarden.Alert{{ID: 4, Account: "main", Items: []sessionwarden.AlertItem{{}}}},
	}
	commit(t, db, c)
	same(t, "the history", history(t, db, "main"), c.History)
	same(t, "a sighting", collect(t, db.Sightings(t.Context(), sessionwarden.Query{})), c.Sightings)
	same(t, "a finding", collect(t, db.Findings(t.Context(), sessionwarden.Query{})), c.Findings)
	same(t, "an action", collect(t, db.Actions(t.Context(), sessionwarden.Query{})), c.Actions)
	alerts, _, err := db.Outbox(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	same(t, "an alert", alerts, c.Alerts)
}

func TestOddValuesAreStoredAsTheyAre(t *testing.T) {
	t.Parallel()
	for name, odd := range map[string]func(*sessionwarden.Sighting){
		"text that is no UTF-8":            func(s *sessionwarden.Sighting) { s.UserAgent = "a\xff\xfeb" },
		"a long text":                      func(s *sessionwarden.Sighting) { s.ISP = string(make([]byte, 100_000)) },
		"an IPv6 address":                  func(s *sessionwarden.Sighting) { s.Addr = netip.MustParseAddr("2001:db8::1") },
		"a time before 1970":               func(s *sessionwarden.Sighting) { s.Started = time.Unix(-1, 0).UTC() },
		"a time in whole seconds":          func(s *sessionwarden.Sighting) { s.Started = day },
		"a time in milliseconds":           func(s *sessionwarden.Sighting) { s.Started = day.Add(time.Millisecond) },
		"a time in the far future":         func(s *sessionwarden.Sighting) { s.Expires = time.Date(5000, 1, 1, 0, 0, 0, 0, time.UTC) },
		"a time in the year 1":             func(s *sessionwarden.Sighting) { s.Expires = time.Date(1, 2, 3, 0, 0, 0, 0, time.UTC) },
		"a state that is not known":        func(s *sessionwarden.Sighting) { s.State = 200 },
		"an exit of Tor":                   func(s *sessionwarden.Sighting) { s.Location.Tor = true },
		"a VPN":                            func(s *sessionwarden.Sighting) { s.Location.VPN = true },
		"a point at the edge of the world": func(s *sessionwarden.Sighting) { s.Location.Latitude, s.Location.Longitude = -90, 179.999999 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := open(t, dbPath(t))
			s := session(1, "main", day)
			odd(&s)
			commit(t, db, departure("main", day), sessionwarden.Change{History: sessionwarden.History{Account: "main"}, Sightings: []sessionwarden.Sighting{s}})
			same(t, "the sighting", collect(t, db.Sightings(t.Context(), sessionwarden.Query{})), []sessionwarden.Sighting{s})
		})
	}
}

func TestATimeThatCannotBeKeptExactlyDoesNotHinderACommit(t *testing.T) {
	t.Parallel()
	db := open(t, dbPath(t))
	s := session(1, "main", day)
	s.Started = time.Date(9_000_000, 1, 1, 0, 0, 0, 5, time.UTC)
	commit(t, db, arrival("main", s))
	if got := history(t, db, "main").Live[0].Started; got.Year() < 5000 {
		t.Errorf("a time beyond all reason became %v", got)
	}
}
