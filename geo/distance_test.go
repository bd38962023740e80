package geo_test

import (
	"math"
	"testing"

	"sessionwarden"
	"sessionwarden/geo"
)

func TestDistance(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		what     string
		a, b     sessionwarden.Country
		low, top float64
	}{
		{"a country and itself", "DE", "DE", 0, 0},
		{"neighbours", "DE", "AT", 0, 0},
		{"neighbours far from here", "US", "CA", 0, 0},
		{"one inside another", "VA", "IT", 0, 0},
		{"one inside another", "LS", "ZA", 0, 0},
		{"Kosovo and a neighbour", "XK", "AL", 0, 0},
		{"Maine to the coast of Frisia", "US", "DE", 5080, 5080},
		{"the Channel", "GB", "FR", 30, 40},
		{"Kiel to Malmo, and nearer ways", "DE", "SE", 60, 90},
		{"over the antimeridian", "RU", "US", 0, 10},
		{"Fiji lies on both sides of it", "FJ", "TO", 150, 450},
		{"French Guiana is not France", "GF", "FR", 6500, 7100},
		{"nor has France a border with Brazil", "FR", "BR", 4500, 7500},
		{"but French Guiana has", "GF", "BR", 0, 0},
		{"Svalbard is not Norway", "SJ", "NO", 350, 450},
		{"Christmas Island and the Cocos", "CX", "CC", 900, 1000},
		{"Tokelau is drawn with New Zealand", "TK", "WS", 430, 520},
		{"the other end of the world", "ES", "NZ", 17000, 20015},
	} {
		there, ok := geo.Distance(test.a, test.b)
		back, ok2 := geo.Distance(test.b, test.a)
		if !ok || !ok2 || there != back {
			t.Errorf("%s: %s to %s is %v (%v), back it is %v (%v)", test.what, test.a, test.b, there, ok, back, ok2)
		}
		if there < test.low || there > test.top {
			t.Errorf("%s: %s to %s is %v km, expected %v to %v", test.what, test.a, test.b, there, test.low, test.top)
		}
	}
	for _, no := range []sessionwarden.Country{"", "D", "UK", "EU", "ZZ", "de", "DEU", "\xff\xff"} {
		if _, known := geo.Distance("DE", no); known {
			t.Errorf("%q is no country, but has a distance", no)
		}
		if _, known := geo.Distance(no, "DE"); known {
			t.Errorf("%q is no country, but has a distance", no)
		}
		if _, _, known := geo.Centroid(no); known {
			t.Errorf("%q is no country, but has a middle", no)
		}
	}
}

func TestCentroid(t *testing.T) {
	t.Parallel()
	for code, want := range map[sessionwarden.Country][2]float64{
		"DE": {51, 10}, "US": {40, -99}, "RU": {66, 95}, "FJ": {-18, 178}, "AQ": {-85, 83}, "VA": {42, 12}, "GF": {4, -53}, "AD": {42.5, 1.5}, "ZW": {-19, 30},
	} {
		north, east, known := geo.Centroid(code)
		if !known || math.Abs(north-want[0]) > 1 || math.Abs(east-want[1]) > 1.5 {
			t.Errorf("the middle of %s is %v, %v (%v), expected about %v", code, north, east, known, want)
		}
	}
}

func TestEveryCountryHasADistanceAndAMiddle(t *testing.T) {
	t.Parallel()
	var all []sessionwarden.Country
	for a := 'A'; a <= 'Z'; a++ {
		for b := 'A'; b <= 'Z'; b++ {
			code := sessionwarden.Country([]rune{a, b})
			if _, known := geo.Distance(code, code); known {
				all = append(all, code)
			}
		}
	}
	if len(all) != 250 {
		t.Errorf("there are %d countries: expected the 249 of ISO 3166-1 and XK", len(all))
	}
	const half = 20020 // kilometres half around the earth
	for _, a := range all {
		north, east, known := geo.Centroid(a)
		if !known || math.Abs(north) > 90 || math.Abs(east) > 180 || north == 0 && east == 0 {
			t.Errorf("the middle of %s is %v, %v (%v)", a, north, east, known)
		}
		for _, b := range all {
			there, known := geo.Distance(a, b)
			back, _ := geo.Distance(b, a)
			if !known || there != back || there > half || math.Mod(there, 10) != 0 {
				t.Fatalf("%s to %s is %v (%v), back %v", a, b, there, known, back)
			}
		}
	}
}
