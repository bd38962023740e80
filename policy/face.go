package policy

import (
	"slices"
	"time"

	"sessionwarden"
)

const (
	// faceFor is how long it is remembered that a session was elsewhere.
	faceFor = 7 * 24 * time.Hour
	// maxFaces is how many places and devices are remembered of a session.
	maxFaces = 8
)

// GoOn lets the sighting s, which has just begun, go on from before: the same
// session until its facts changed.
//
// A new address in the same network and on the same device is nothing: what was
// said holds, but for "it was me", which is of exactly that address. A phone goes
// to and fro between the networks of its owner. Where it comes back to one that
// it was in within a week, people are not told again what they were told of it
// there, and the profile learns from it once that was first seen a day ago. What
// asked for more than an alert asks again, and a session that was suspicious
// anywhere teaches nothing sooner than any other.
func GoOn(before, s *sessionwarden.Sighting) {
	if alike(face(before), face(s)) {
		s.Baseline, s.Learned, s.Since, s.Faces = before.Baseline, before.Learned, before.Since, before.Faces
		if s.Since.IsZero() && !before.Baseline {
			s.Since = before.FirstSeen
		}
		if !before.Denied {
			s.Verdicts = slices.Clone(before.Verdicts)
		}
		return
	}
	s.Baseline = false
	left := face(before)
	left.Until = s.FirstSeen
	faces := make([]sessionwarden.Face, 0, len(before.Faces)+1)
	for _, f := range append(slices.Clip(before.Faces), left) {
		switch {
		case s.FirstSeen.Sub(f.Until) > faceFor:
		case alike(f, face(s)):
			s.Since, s.Learned, s.Verdicts = f.Since, f.Learned, quiet(f.Verdicts)
		default:
			faces = append(faces, f)
		}
	}
	s.Faces = faces[max(0, len(faces)-maxFaces):]
	if slices.ContainsFunc(s.Faces, loudFace) {
		s.Since, s.Learned = time.Time{}, false
	}
}

// face is what s is now, for its session to remember.
func face(s *sessionwarden.Sighting) sessionwarden.Face {
	f := sessionwarden.Face{Country: s.Location.Country, ASN: s.Location.ASN, Device: s.Device, Since: s.Since, Learned: s.Learned, Verdicts: slices.Clone(s.Verdicts)}
	if f.Since.IsZero() {
		f.Since = s.FirstSeen
	}
	return f
}

func alike(a, b sessionwarden.Face) bool {
	return a.Country == b.Country && a.ASN == b.ASN && a.Device == b.Device
}

// quiet are the verdicts that ask for nothing to be done.
func quiet(verdicts []sessionwarden.Verdict) []sessionwarden.Verdict {
	return slices.DeleteFunc(slices.Clone(verdicts), func(v sessionwarden.Verdict) bool { return v.Response > sessionwarden.Notify })
}

func loudFace(f sessionwarden.Face) bool {
	return slices.ContainsFunc(f.Verdicts, func(v sessionwarden.Verdict) bool { return v.Response > sessionwarden.Log })
}
