package geotest

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/oschwald/maxminddb-golang/v2"
)

// marker stands before the header, which is the last part of a database.
var marker = []byte("\xab\xcd\xefMaxMind.com")

// Corrupt returns copies of a good database, each broken in one of the ways in
// which files break, by what happened to them. None of them is fit for use.
func Corrupt(good []byte) map[string][]byte {
	header := bytes.LastIndex(good, marker)
	return map[string][]byte{
		"nothing in it":             {},
		"another kind of file":      []byte("<!doctype html><title>Not Found</title>"),
		"cut in the middle":         good[:len(good)/2],
		"cut by one byte":           good[:len(good)-1],
		"the start is missing":      good[len(good)/2:],
		"only the header":           good[header:],
		"no header":                 good[:header],
		"a hole of zeros":           hole(good, header),
		"the tree points wild":      wild(good),
		"a maze without an end":     maze(good),
		"no gap before the records": gapless(good),
		"the records are noise":     noise(good, header),
		"the header is noise":       flip(good, header+len(marker), len(good)),
	}
}

// hole returns good with zeros in the middle of all that stands before the
// header, as a file has that was not written to its end.
func hole(good []byte, header int) []byte {
	bad := slices.Clone(good)
	clear(bad[header/4 : header*3/4])
	return bad
}

// wild returns good with a first node that points far beyond the records.
func wild(good []byte) []byte {
	bad := slices.Clone(good)
	for i := range 6 {
		bad[i] = 0xff
	}
	return bad
}

// maze returns good with a search tree that has its first record on the right
// and, on the left, a hundred nodes from each of which both ways lead to the
// next one: more ways than can ever be walked, all to nothing. Each node is
// sound, so only the walker can notice.
func maze(good []byte) []byte {
	const deep = 100
	nothing := nodes(good)
	bad := slices.Clone(good)
	point := func(node, left, right uint) {
		for i, to := range []uint{left, right} {
			at := 6*node + 3*uint(i)
			bad[at], bad[at+1], bad[at+2] = byte(to>>16), byte(to>>8), byte(to)
		}
	}
	point(0, 1, nothing+16)
	for node := uint(1); node < nothing; node++ {
		if node < deep {
			point(node, node+1, node+1)
		} else {
			point(node, nothing, nothing)
		}
	}
	return bad
}

// gapless returns good with something in the gap between the search tree and
// the records. It still answers: only a thorough check notices.
func gapless(good []byte) []byte {
	tree := int(6 * nodes(good))
	return flip(good, tree, tree+16)
}

// nodes returns how many nodes the search tree of good has. A node takes six
// bytes; then come sixteen empty ones, then the records.
func nodes(good []byte) uint {
	r, err := maxminddb.OpenBytes(good)
	if err != nil {
		panic(fmt.Sprintf("geotest: breaking what is broken already: %v", err))
	}
	return r.Metadata.NodeCount
}

// noise returns good with the last records before the header turned over.
func noise(good []byte, header int) []byte { return flip(good, header-24, header) }

// flip returns good with all bits turned over from one place to another.
func flip(good []byte, from, to int) []byte {
	bad := slices.Clone(good)
	for i := from; i < to; i++ {
		bad[i] ^= 0xff
	}
	return bad
}
