package main

import (
	"encoding/json"
	"fmt"
)

// degrees is a point of an outline.
type degrees struct{ lon, lat float64 }

// topology is the part of a TopoJSON file that is needed: arcs that
// neighbours share, as steps on a grid, and geometries made of them.
type topology struct {
	Transform struct {
		Scale     [2]float64 `json:"scale"`
		Translate [2]float64 `json:"translate"`
	} `json:"transform"`
	Arcs    [][][2]int `json:"arcs"`
	Objects struct {
		Countries struct {
			Geometries []geometry `json:"geometries"`
		} `json:"countries"`
	} `json:"objects"`
}

// geometry is one country's shape, as indexes of arcs; the complement of an
// index means the arc backwards.
type geometry struct {
	ID         string          `json:"id"`
	Type       string          `json:"type"`
	Raw        json.RawMessage `json:"arcs"`
	Properties struct {
		Name string `json:"name"`
	} `json:"properties"`
}

// polygon is an outer ring and its holes. Rings are closed: the last point
// is the first. The smallest islands are rings of two or three points.
type polygon [][]degrees

// readTopology reads the outlines in their finest resolution.
func readTopology(p *tarball) (*topology, error) {
	content, err := p.read("countries-10m.json")
	if err != nil {
		return nil, err
	}
	var t topology
	if err := json.Unmarshal(content, &t); err != nil {
		return nil, fmt.Errorf("reading the outlines: %w", err)
	}
	return &t, nil
}

// arc returns the points of one arc.
func (t *topology) arc(index int) ([]degrees, error) {
	backwards := index < 0
	if backwards {
		index = ^index
	}
	if index >= len(t.Arcs) {
		return nil, fmt.Errorf("there is no arc %d", index)
	}
	steps := t.Arcs[index]
	points := make([]degrees, len(steps))
	x, y := 0, 0
	for i, step := range steps {
		x, y = x+step[0], y+step[1]
		at := i
		if backwards {
			at = len(steps) - 1 - i
		}
		points[at] = degrees{
			lon: float64(x)*t.Transform.Scale[0] + t.Transform.Translate[0],
			lat: float64(y)*t.Transform.Scale[1] + t.Transform.Translate[1],
		}
	}
	return points, nil
}

// polygons returns the polygons of one geometry.
func (t *topology) polygons(g geometry) ([]polygon, error) {
	var indexes [][][]int
	switch g.Type {
	case "Polygon":
		var one [][]int
		if err := json.Unmarshal(g.Raw, &one); err != nil {
			return nil, fmt.Errorf("reading the outline of %s: %w", g.Properties.Name, err)
		}
		indexes = [][][]int{one}
	case "MultiPolygon":
		if err := json.Unmarshal(g.Raw, &indexes); err != nil {
			return nil, fmt.Errorf("reading the outline of %s: %w", g.Properties.Name, err)
		}
	default:
		return nil, fmt.Errorf("the outline of %s is a %q", g.Properties.Name, g.Type)
	}
	polygons := make([]polygon, 0, len(indexes))
	for _, rings := range indexes {
		var p polygon
		for _, ring := range rings {
			var points []degrees
			for _, index := range ring {
				arc, err := t.arc(index)
				if err != nil {
					return nil, fmt.Errorf("reading the outline of %s: %w", g.Properties.Name, err)
				}
				if len(points) > 0 {
					arc = arc[1:] // an arc starts where the one before it ended
				}
				points = append(points, arc...)
			}
			if len(points) == 0 {
				return nil, fmt.Errorf("the outline of %s has an empty ring", g.Properties.Name)
			}
			p = append(p, points)
		}
		if len(p) > 0 {
			polygons = append(polygons, p)
		}
	}
	return polygons, nil
}
