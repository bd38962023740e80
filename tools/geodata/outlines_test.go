package main

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestISOCodes(t *testing.T) {
	t.Parallel()
	letters := lettersByNumber()
	seen := make(map[string]bool)
	for number, code := range letters {
		if len(number) != 3 || len(code) != 2 || strings.ToUpper(code) != code || seen[code] {
			t.Errorf("%s is %s", number, code)
		}
		seen[code] = true
	}
	if len(letters) != 249 {
		t.Errorf("there are %d countries", len(letters))
	}
	for number, code := range map[string]string{"276": "DE", "826": "GB", "840": "US", "728": "SS", "534": "SX"} {
		if letters[number] != code {
			t.Errorf("%s is %q, not %s", number, letters[number], code)
		}
	}
}

func TestArcsMakeRings(t *testing.T) {
	t.Parallel()
	// Two squares side by side; the arc between them is shared, backwards in the second.
	const outlines10m = `{"transform":{"scale":[1,1],"translate":[10,50]},
		"arcs":[[[1,0],[0,1]],[[1,1],[-1,0],[0,-1],[1,0]],[[1,0],[1,0],[0,1],[-1,0]]],
		"objects":{"countries":{"geometries":[
			{"type":"Polygon","id":"276","arcs":[[0,1]],"properties":{"name":"West"}},
			{"type":"MultiPolygon","id":"040","arcs":[[[2,-1]]],"properties":{"name":"East"}}]}}}`
	names := map[string]name{"AT": {}, "DE": {}}
	top, err := readTopology(pack(t, map[string]string{"countries-10m.json": outlines10m}))
	if err != nil {
		t.Fatal(err)
	}
	var rings []string
	for _, g := range top.Objects.Countries.Geometries {
		polygons, err := top.polygons(g)
		if err != nil {
			t.Fatal(err)
		}
		rings = append(rings, fmt.Sprint(polygons))
	}
	want := []string{
		"[[[{11 50} {11 51} {10 51} {10 50} {11 50}]]]",
		"[[[{11 50} {12 50} {12 51} {11 51} {11 50}]]]",
	}
	if fmt.Sprint(rings) != fmt.Sprint(want) {
		t.Errorf("the rings are\n%v\nexpected\n%v", rings, want)
	}

	_, err = readShapes(pack(t, map[string]string{"countries-10m.json": outlines10m}), names)
	fails(t, "without the carved islands", err, "no outline of", "lies where")
	for what, change := range map[string][2]string{
		"no such arc":     {"[0,1]],\"prop", "[0,9]],\"prop"},
		"a strange shape": {`"Polygon"`, `"Point"`},
		"a strange id":    {`"276"`, `"999"`},
		"no JSON":         {`{"transform"`, `{`},
	} {
		_, err := readShapes(pack(t, map[string]string{"countries-10m.json": strings.Replace(outlines10m, change[0], change[1], 1)}), names)
		fails(t, what, err, "outline")
	}
}

func TestSphere(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		a, b degrees
		km   float64
	}{
		{degrees{0, 0}, degrees{0, 0}, 0},
		{degrees{0, 0}, degrees{90, 0}, 10007.557},
		{degrees{0, 90}, degrees{0, -90}, 20015.115},
		{degrees{179.5, 0}, degrees{-179.5, 0}, 111.195},
		{degrees{13.4, 52.5}, degrees{-74, 40.7}, 6385}, // Berlin to New York
	} {
		got := kilometres(onSphere(test.a).chord(onSphere(test.b)))
		if math.Abs(got-test.km) > 0.001*test.km+0.001 {
			t.Errorf("%v to %v is %v km, expected %v", test.a, test.b, got, test.km)
		}
	}
	// A ring over the antimeridian is as small as it is, and its middle lies in it.
	ring := []degrees{{179, -1}, {179, 1}, {-179, 1}, {-179, -1}, {179, -1}}
	points := dense(ring)
	for i := 1; i < len(points); i++ {
		if km := kilometres(points[i-1].chord(points[i])); km > spacing+0.01 {
			t.Fatalf("two points are %v km apart", km)
		}
	}
	if n := float64(len(points)); n < 4*222/spacing || n > 4*230/spacing {
		t.Errorf("a ring of 890 km has %v points", n)
	}
	for _, r := range [][]degrees{ring, {ring[0], ring[3], ring[2], ring[1], ring[0]}} { // either way round
		m := moment(r)
		if middle := m.inDegrees(); math.Abs(math.Abs(middle.lon)-180) > 1e-6 || math.Abs(middle.lat) > 1e-6 {
			t.Errorf("the middle is %v", middle)
		}
		if area := m.length() * earthRadius * earthRadius; math.Abs(area-222.4*222.4) > 100 {
			t.Errorf("the area is %v square kilometres", area)
		}
	}
}

func TestLeastIsWhatTryingAllPairsFinds(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(3, 4))
	cloud := func(n int, lon, lat, size float64) []vector {
		points := make([]vector, n)
		for i := range points {
			points[i] = onSphere(degrees{lon + size*random.Float64(), lat + size*random.Float64()})
		}
		return points
	}
	for range 50 {
		a := cloud(1+random.IntN(300), 360*random.Float64(), 120*random.Float64()-60, 30*random.Float64())
		b := cloud(1+random.IntN(300), 360*random.Float64(), 120*random.Float64()-60, 30*random.Float64())
		want := math.Inf(1)
		for _, p := range a {
			for _, q := range b {
				want = math.Min(want, p.chord(q))
			}
		}
		if got := least(enclose(a), enclose(b), math.Inf(1)); got != want {
			t.Fatalf("the least chord of %d and %d points is %v, not %v", len(a), len(b), want, got)
		}
	}
	same := make([]vector, 100) // all in one place cannot be split
	if got := least(enclose(same), enclose(same), math.Inf(1)); got != 0 {
		t.Errorf("a place is %v from itself", got)
	}
}

func TestTables(t *testing.T) {
	t.Parallel()
	square := func(west, south float64) []polygon {
		return []polygon{{{{west, south}, {west, south + 1}, {west + 1, south + 1}, {west + 1, south}, {west, south}}}}
	}
	shapes := []shape{
		{"AA", square(10, 0)},
		{"BB", square(11, 0)},                             // shares a border with AA
		{"CC", square(-170, 0)},                           // half around the earth
		{"DD", []polygon{{{{12.5, 41.9}, {12.5, 41.9}}}}}, // no larger than a point
	}
	table := writeDistances(shapes)
	if want := "\x00\x04AABBCCDD"; !strings.HasPrefix(string(table), want) {
		t.Errorf("the table begins with %q", table[:10])
	}
	var got []uint16
	for i := 10; i < len(table); i += 2 {
		got = append(got, binary.BigEndian.Uint16(table[i:]))
	}
	// AA-BB, AA-CC, AA-DD, BB-CC, BB-DD, CC-DD, in steps of 10 km
	if len(got) != 6 || got[0] != 0 || got[1] < 1970 || got[1] > 2001 || got[2] < 453 || got[2] > 457 || got[3] > got[1] {
		t.Errorf("the distances are %v", got)
	}
	if want := "AA +00.500 +010.500\nBB +00.500 +011.500\nCC +00.500 -169.500\nDD +41.900 +012.500\n"; string(writeCentroids(shapes)) != want {
		t.Errorf("the middles are\n%sexpected\n%s", writeCentroids(shapes), want)
	}
}
