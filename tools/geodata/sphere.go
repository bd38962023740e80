package main

import "math"

// earthRadius is the mean radius of the earth in kilometres.
const earthRadius = 6371.0088

// vector is a point of the unit sphere, or a sum of such.
type vector struct{ x, y, z float64 }

// onSphere returns the point of the unit sphere at d.
func onSphere(d degrees) vector {
	lon, lat := d.lon*math.Pi/180, d.lat*math.Pi/180
	return vector{
		x: math.Cos(lat) * math.Cos(lon),
		y: math.Cos(lat) * math.Sin(lon),
		z: math.Sin(lat),
	}
}

// inDegrees returns where the ray through v leaves the sphere.
func (v vector) inDegrees() degrees {
	return degrees{
		lon: math.Atan2(v.y, v.x) * 180 / math.Pi,
		lat: math.Atan2(v.z, math.Hypot(v.x, v.y)) * 180 / math.Pi,
	}
}

func (v vector) plus(w vector) vector   { return vector{v.x + w.x, v.y + w.y, v.z + w.z} }
func (v vector) minus(w vector) vector  { return vector{v.x - w.x, v.y - w.y, v.z - w.z} }
func (v vector) times(f float64) vector { return vector{v.x * f, v.y * f, v.z * f} }
func (v vector) dot(w vector) float64   { return v.x*w.x + v.y*w.y + v.z*w.z }
func (v vector) length() float64        { return math.Sqrt(v.dot(v)) }
func (v vector) chord(w vector) float64 { return v.minus(w).length() }
func kilometres(chord float64) float64  { return 2 * earthRadius * math.Asin(math.Min(1, chord/2)) }
func (v vector) cross(w vector) (c vector) {
	return vector{v.y*w.z - v.z*w.y, v.z*w.x - v.x*w.z, v.x*w.y - v.y*w.x}
}

// moment returns the integral of the position over the land inside a ring. It
// points at the ring's middle, whichever way the ring runs, and for a ring
// that is small beside the earth its length is the area.
func moment(ring []degrees) vector {
	var sum vector
	around := onSphere(ring[0])
	for i := 1; i < len(ring); i++ {
		a, b := onSphere(ring[i-1]), onSphere(ring[i])
		around = around.plus(b)
		normal := a.cross(b)
		sine := normal.length()
		if sine == 0 {
			continue
		}
		angle := math.Atan2(sine, a.dot(b))
		sum = sum.plus(normal.times(angle / (2 * sine)))
	}
	if sum.dot(around) < 0 {
		return sum.times(-1)
	}
	return sum
}

// spacing is how far apart, in kilometres, the points of an outline may be.
const spacing = 5

// dense returns the points of ring with further ones between, none farther
// from the next than spacing. Lines are straight in longitude and latitude,
// as the outlines are drawn; they take the short way around the world, so a
// ring that crosses 180° is no different from any other.
func dense(ring []degrees) []vector {
	points := make([]vector, 0, len(ring))
	for i, d := range ring {
		if i == 0 {
			points = append(points, onSphere(d))
			continue
		}
		from := ring[i-1]
		east := math.Remainder(d.lon-from.lon, 360)
		north := d.lat - from.lat
		end := onSphere(d)
		// The way along a parallel is longer than the chord: count that.
		way := math.Max(kilometres(points[len(points)-1].chord(end)),
			math.Hypot(east*math.Cos(from.lat*math.Pi/180), north)*math.Pi/180*earthRadius)
		steps := int(math.Ceil(way / spacing))
		for s := 1; s < steps; s++ {
			f := float64(s) / float64(steps)
			points = append(points, onSphere(degrees{from.lon + f*east, from.lat + f*north}))
		}
		points = append(points, end)
	}
	return points
}
