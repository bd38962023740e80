package geo

import (
	"strconv"
	"strings"

	"sessionwarden"
)

// stepKM is the unit of the distance table.
const stepKM = 10

// Distance returns the least distance between two countries in kilometres:
// from border to border or coast to coast, rounded down to ten. It is 0 for
// neighbours and for a country and itself. known is false where one of them is
// no country. The outlines are Natural Earth's, at 1:10 million; a country's
// far territories count for it unless they have a code of their own.
func Distance(a, b sessionwarden.Country) (km float64, known bool) {
	i, ok := countryIndex(a)
	if !ok {
		return 0, false
	}
	j, ok := countryIndex(b)
	if !ok {
		return 0, false
	}
	if i == j {
		return 0, true
	}
	if i > j {
		i, j = j, i
	}
	n := number(builtinDistances)
	row := i * (2*n - i - 1) / 2 // the rows before are shorter by one each time
	at := 2 + 2*n + 2*(row+j-i-1)
	return stepKM * float64(number(builtinDistances[at:])), true
}

// Centroid returns a point in the middle of a country's largest piece of
// land, in degrees. It is for drawing a map: as a place of people it is wrong
// by up to thousands of kilometres. known is false where c is no country.
func Centroid(c sessionwarden.Country) (latitude, longitude float64, known bool) {
	const width = len("AD +42.541 +001.561\n")
	i, ok := countryIndex(c)
	if !ok || len(builtinCentroids) < (i+1)*width {
		return 0, 0, false
	}
	line := builtinCentroids[i*width : (i+1)*width-1]
	code, point, _ := strings.Cut(line, " ")
	north, east, _ := strings.Cut(point, " ")
	latitude, err := strconv.ParseFloat(north, 64)
	if err != nil || code != string(c) {
		return 0, 0, false
	}
	longitude, err = strconv.ParseFloat(east, 64)
	return latitude, longitude, err == nil
}

// countryIndex returns the place of c among the countries of the distance
// table, which are in order: the 249 of ISO 3166-1 and XK.
func countryIndex(c sessionwarden.Country) (int, bool) {
	if len(c) != 2 {
		return 0, false
	}
	low, high := 0, number(builtinDistances)
	for low < high {
		middle := (low + high) / 2
		code := builtinDistances[2+2*middle:][:2]
		switch {
		case code == string(c):
			return middle, true
		case code < string(c):
			low = middle + 1
		default:
			high = middle
		}
	}
	return 0, false
}

// number reads the two bytes that table begins with.
func number(table string) int { return int(table[0])<<8 | int(table[1]) }
