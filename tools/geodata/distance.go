package main

import (
	"encoding/binary"
	"math"
)

// stepKM is the unit of the distance table.
const stepKM = 10

// writeDistances returns the least distance between any two countries: the
// number of countries (two bytes, as all numbers big-endian), their codes in
// order, and for each country the distances to all that come after it, in
// steps of ten kilometres, rounded down. Neighbours share points of their
// border, so they are exactly 0 apart.
func writeDistances(shapes []shape) []byte {
	trees := make([]*ball, len(shapes))
	for i, s := range shapes {
		var points []vector
		for _, p := range s.polygons {
			for _, ring := range p {
				points = append(points, dense(ring)...)
			}
		}
		trees[i] = enclose(points)
	}
	table := binary.BigEndian.AppendUint16(nil, uint16(len(shapes)))
	for _, s := range shapes {
		table = append(table, s.code...)
	}
	for i := range trees {
		for j := i + 1; j < len(trees); j++ {
			km := kilometres(least(trees[i], trees[j], math.Inf(1)))
			table = binary.BigEndian.AppendUint16(table, uint16(km/stepKM))
		}
	}
	return table
}

// ball is a set of points inside a sphere, split in two while it is large.
type ball struct {
	centre vector
	radius float64
	points []vector // of a small ball
	halves [2]*ball // of a large one
}

// enclose puts points into balls. It reorders them.
func enclose(points []vector) *ball {
	low, high := points[0], points[0]
	for _, p := range points {
		low = vector{math.Min(low.x, p.x), math.Min(low.y, p.y), math.Min(low.z, p.z)}
		high = vector{math.Max(high.x, p.x), math.Max(high.y, p.y), math.Max(high.z, p.z)}
	}
	b := &ball{centre: low.plus(high).times(0.5)}
	for _, p := range points {
		b.radius = math.Max(b.radius, b.centre.chord(p))
	}
	if len(points) <= 16 {
		b.points = points
		return b
	}
	size := high.minus(low)
	along := func(v vector) float64 { return v.x }
	if size.y >= size.x && size.y >= size.z {
		along = func(v vector) float64 { return v.y }
	} else if size.z >= size.x {
		along = func(v vector) float64 { return v.z }
	}
	middle := along(b.centre)
	split := 0
	for i, p := range points {
		if along(p) < middle {
			points[i], points[split] = points[split], points[i]
			split++
		}
	}
	if split == 0 || split == len(points) { // all in one place
		b.points = points
		return b
	}
	b.halves = [2]*ball{enclose(points[:split]), enclose(points[split:])}
	return b
}

// least returns the smallest chord between a point of a and a point of b, or
// best where that is smaller.
func least(a, b *ball, best float64) float64 {
	if a.centre.chord(b.centre)-a.radius-b.radius >= best {
		return best
	}
	if a.points != nil && b.points != nil {
		for _, p := range a.points {
			for _, q := range b.points {
				best = math.Min(best, p.chord(q))
			}
		}
		return best
	}
	if a.points != nil || b.points == nil && b.radius > a.radius {
		a, b = b, a
	}
	near, far := a.halves[0], a.halves[1]
	if far.centre.chord(b.centre)-far.radius < near.centre.chord(b.centre)-near.radius {
		near, far = far, near
	}
	return least(far, b, least(near, b, best))
}
