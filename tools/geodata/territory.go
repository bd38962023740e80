package main

import (
	"fmt"
	"maps"
	"slices"
)

// shape is the land of one country.
type shape struct {
	code     string
	polygons []polygon
}

// nameless are the outlines without a number that belong to a country for our
// purpose: where the people are who have addresses of that country. Outlines
// that are not named here (reefs and rocks that nobody lives on) count for no
// country.
var nameless = map[string][]string{
	"Akrotiri":                {"CY"},
	"Baikonur":                {"KZ"},
	"Cyprus U.N. Buffer Zone": {"CY"},
	"Dhekelia":                {"CY"},
	"Kosovo":                  {kosovo},
	"N. Cyprus":               {"CY"},
	"Siachen Glacier":         {"IN", "PK"},
	"Somaliland":              {"SO"},
	"USNB Guantanamo Bay":     {"CU"},
}

// box is a part of the world.
type box struct{ west, east, south, north float64 }

// holds reports whether p lies in b.
func (b box) holds(p degrees) bool {
	return b.west <= p.lon && p.lon <= b.east && b.south <= p.lat && p.lat <= b.north
}

// carved are the countries that have a code, but whose outlines are drawn as
// part of another country.
var carved = [...]struct {
	code, from string // from: a country's code, or the name of an outline without a number
	where      box
}{
	{"BQ", "NL", box{-69, -68, 11.5, 12.5}}, // Bonaire
	{"BQ", "NL", box{-64, -62, 17, 18}},     // Sint Eustatius, Saba
	{"BV", "NO", box{3, 4, -55, -54}},
	{"CC", "Indian Ocean Ter.", box{96, 97.5, -13, -11}},
	{"CX", "Indian Ocean Ter.", box{105, 106.5, -11, -10}},
	{"GF", "FR", box{-55, -51, 2, 6}},
	{"GP", "FR", box{-62.5, -60.5, 15.6, 16.8}},
	{"MQ", "FR", box{-61.5, -60.5, 14.2, 15.2}},
	{"RE", "FR", box{55, 56, -22, -20}},
	{"SJ", "NO", box{-10, -7, 70, 72}}, // Jan Mayen
	{"SJ", "NO", box{8, 35, 74, 82}},   // Svalbard
	{"TK", "NZ", box{-173, -171, -10, -8}},
	{"YT", "FR", box{44.5, 45.5, -13.5, -12.5}},
}

// readShapes returns the land of every country that has a name, ordered by
// code.
func readShapes(p *tarball, names map[string]name) ([]shape, error) {
	t, err := readTopology(p)
	if err != nil {
		return nil, err
	}
	letters := lettersByNumber()
	var used [len(carved)]bool
	land := make(map[string][]polygon)
	for _, g := range t.Objects.Countries.Geometries {
		polygons, err := t.polygons(g)
		if err != nil {
			return nil, err
		}
		owners, drawn := nameless[g.Properties.Name], g.Properties.Name
		if code, ok := letters[g.ID]; ok {
			owners, drawn = []string{code}, code
		} else if g.ID != "" {
			return nil, fmt.Errorf("the outline of %s has the number %s, which is no country's", g.Properties.Name, g.ID)
		}
		for _, polygon := range polygons {
			if i := carve(drawn, polygon); i >= 0 {
				used[i] = true
				land[carved[i].code] = append(land[carved[i].code], polygon)
				continue
			}
			for _, owner := range owners {
				land[owner] = append(land[owner], polygon)
			}
		}
	}
	for i, c := range carved {
		if !used[i] {
			return nil, fmt.Errorf("no outline of %s lies where %s should be", c.from, c.code)
		}
	}
	shapes := make([]shape, 0, len(names))
	for _, code := range slices.Sorted(maps.Keys(names)) {
		if len(land[code]) == 0 {
			return nil, fmt.Errorf("country %s has no outline", code)
		}
		shapes = append(shapes, shape{code: code, polygons: land[code]})
	}
	return shapes, nil
}

// carve returns which of carved p, drawn as part of another country, really
// is; -1 where it is none.
func carve(drawn string, p polygon) int {
	for i, c := range carved {
		if c.from == drawn && c.where.holds(p[0][0]) {
			return i
		}
	}
	return -1
}
