package geo

import (
	"fmt"
	"strconv"
	"strings"

	"sessionwarden"
)

// networkKinds are the autonomous systems whose kind is known.
type networkKinds map[uint32]sessionwarden.NetworkKind

// Kind returns what kind of network an autonomous system is, by the built-in lists.
func (l *Locator) Kind(asn uint32) sessionwarden.NetworkKind { return l.kinds[asn] }

// readKinds reads the built-in lists of hosting and satellite networks.
func readKinds() (networkKinds, error) {
	kinds := make(networkKinds)
	if err := kinds.add(builtinHosting, sessionwarden.Hosting); err != nil {
		return nil, fmt.Errorf("reading the list of hosting networks: %w", err)
	}
	if err := kinds.add(builtinSatellite, sessionwarden.Satellite); err != nil {
		return nil, fmt.Errorf("reading the list of satellite networks: %w", err)
	}
	return kinds, nil
}

// add reads a list: a number and a name on each line, # starts a comment.
func (k networkKinds) add(list string, kind sessionwarden.NetworkKind) error {
	line := 0
	for text := range strings.Lines(list) {
		line++
		text, _, _ = strings.Cut(text, "#")
		number, name, _ := strings.Cut(strings.TrimSpace(text), " ")
		if number == "" {
			continue
		}
		asn, err := strconv.ParseUint(number, 10, 32)
		if err != nil || asn == 0 {
			return fmt.Errorf("line %d: %q is not the number of an autonomous system", line, number)
		}
		if strings.TrimSpace(name) == "" {
			return fmt.Errorf("line %d: AS%d has no name", line, asn)
		}
		if _, twice := k[uint32(asn)]; twice {
			return fmt.Errorf("line %d: AS%d is listed twice", line, asn)
		}
		k[uint32(asn)] = kind
	}
	return nil
}
