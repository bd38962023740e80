package main

import (
	"bytes"
	"fmt"
)

// writeCentroids returns one line of twenty bytes for each country: its code
// and the middle of its largest piece of land, latitude first. It is good for
// a dot on a map and for nothing else.
func writeCentroids(shapes []shape) []byte {
	var b bytes.Buffer
	for _, s := range shapes {
		var largest vector
		for _, p := range s.polygons {
			if m := moment(p[0]); m.length() > largest.length() {
				largest = m
			}
		}
		if largest.length() == 0 { // too small to have an area
			largest = onSphere(s.polygons[0][0][0])
		}
		middle := largest.inDegrees()
		fmt.Fprintf(&b, "%s %+07.3f %+08.3f\n", s.code, middle.lat, middle.lon)
	}
	return b.Bytes()
}
