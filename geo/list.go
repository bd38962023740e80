package geo

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go4.org/netipx"
)

// What a list may be at most. The largest that are published have a tenth of it.
const (
	maxList    = 16 << 20 // bytes
	maxEntries = 500_000
	maxLine    = 256 // bytes of a line that is no comment
)

// list names addresses, networks and whole autonomous systems. It does not
// change. A nil list names nothing.
type list struct {
	addrs   *netipx.IPSet
	systems map[uint32]struct{}

	entries int       // lines that name something
	bad     int       // lines that cannot be understood
	badLine int       // the first of them
	dated   time.Time // what the list says of its own age; zero: nothing
}

// has reports whether l names addr, or the autonomous system that it belongs
// to; 0 is none.
func (l *list) has(addr netip.Addr, asn uint32) bool {
	if l == nil {
		return false
	}
	if l.addrs.Contains(addr) {
		return true
	}
	if asn == 0 {
		return false
	}
	_, is := l.systems[asn]
	return is
}

// same reports whether two lists name the same.
func (l *list) same(o *list) bool {
	if l == nil || o == nil {
		return l == o
	}
	return l == o || l.addrs.Equal(o.addrs) && maps.Equal(l.systems, o.systems)
}

// parseList reads a list: an address, a network or AS and a number on each
// line, # starts a comment. The lines of Tor's list of exits with their dates
// are understood too. Lines that are nothing of the kind are counted; where they
// are more than the others it is no list. Errors are worded to follow "but ".
func parseList(content []byte) (*list, error) {
	if len(content) > maxList {
		return nil, fmt.Errorf("it is larger than %d MiB", maxList>>20)
	}
	p := listParser{list: list{systems: make(map[uint32]struct{})}}
	content = bytes.TrimPrefix(content, []byte("\xef\xbb\xbf"))
	number := 0
	for raw := range bytes.Lines(content) {
		number++
		if !p.line(raw) {
			if p.bad++; p.bad == 1 {
				p.badLine = number
			}
		}
		if p.entries+p.bad > maxEntries {
			return nil, fmt.Errorf("it has more than %d entries", maxEntries)
		}
	}
	switch {
	case p.entries == 0 && p.bad == 0:
		return nil, errors.New("it is empty")
	case p.entries == 0:
		return nil, fmt.Errorf("it is no list: none of its %d lines is an address, a network or an AS number", p.bad)
	case p.bad > p.entries:
		return nil, fmt.Errorf("it is no list: of its lines %d are addresses, networks or AS numbers and %d are not, the first of them line %d", p.entries, p.bad, p.badLine)
	}
	var err error
	if p.addrs, err = p.builder.IPSet(); err != nil {
		return nil, errors.New("its networks cannot be put together")
	}
	if vast(p.addrs) {
		return nil, errors.New("it cannot be right: it names more than a quarter of all addresses")
	}
	return &p.list, nil
}

// listParser is a list while it is read.
type listParser struct {
	list
	builder netipx.IPSetBuilder
}

// line reads one line and reports whether it was understood.
func (p *listParser) line(raw []byte) bool {
	raw, comment, _ := bytes.Cut(raw, []byte("#"))
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 {
		if p.entries == 0 {
			p.dates(headerDate(comment))
		}
		return true
	}
	if len(raw) > maxLine {
		return false
	}
	words := strings.Fields(string(raw))
	switch words[0] {
	case "ExitNode", "Published", "LastStatus": // what else Tor's list says of an exit
		return true
	case "ExitAddress": // with the address, a date and a time
		if len(words) < 3 {
			return false
		}
		date, err := time.Parse(time.DateOnly, words[2])
		if err != nil || !p.network(words[1]) {
			return false
		}
		p.dates(date)
		return true
	}
	if number, is := systemNumber(words[0]); is {
		p.systems[number] = struct{}{} // a name may follow
		p.entries++
		return true
	}
	return len(words) == 1 && p.network(words[0])
}

// dates notes a date that the list gives; the newest counts.
func (p *listParser) dates(date time.Time) {
	if date.After(p.dated) {
		p.dated = date
	}
}

// network adds an address or a network, and reports whether text is one that
// may be in a list.
func (p *listParser) network(text string) bool {
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		addr, err := netip.ParseAddr(text)
		if err != nil || addr.Zone() != "" {
			return false
		}
		prefix = netip.PrefixFrom(addr, addr.BitLen())
	}
	if addr := prefix.Addr(); addr.Is4In6() {
		if prefix.Bits() < 96 {
			return false
		}
		prefix = netip.PrefixFrom(addr.Unmap(), prefix.Bits()-96)
	}
	// Nobody has more, so whoever lists more has made a mistake.
	if widest := 8; prefix.Bits() < widest || prefix.Addr().Is6() && prefix.Bits() < 2*widest {
		return false
	}
	p.builder.AddPrefix(prefix.Masked())
	p.entries++
	return true
}

// systemNumber reads the number of an autonomous system: AS64500.
func systemNumber(word string) (uint32, bool) {
	if len(word) < 3 || !strings.EqualFold(word[:2], "AS") {
		return 0, false
	}
	number, err := strconv.ParseUint(word[2:], 10, 32)
	return uint32(number), err == nil && number != 0
}

// headed finds the date in a comment such as "Last updated: 2026-11-20".
var headed = regexp.MustCompile(`(?i)\b(?:updated?|generated|modified|date)\b\D{0,20}\b(20\d\d-[01]\d-[0-3]\d)`)

// headerDate returns the date that a comment gives for the list; zero: none.
func headerDate(comment []byte) time.Time {
	if len(comment) == 0 || len(comment) > maxLine {
		return time.Time{}
	}
	found := headed.FindSubmatch(comment)
	if found == nil {
		return time.Time{}
	}
	date, err := time.Parse(time.DateOnly, string(found[1]))
	if err != nil {
		return time.Time{}
	}
	return date
}

// vast reports whether set has more than a quarter of the IPv4 addresses, or of
// those of IPv6 that are given out: no list is, and one that is would have
// everybody suspected.
func vast(set *netipx.IPSet) bool {
	var four, six uint64 // addresses; networks of 32 bits
	for _, r := range set.Ranges() {
		from, to := r.From().As16(), r.To().As16()
		if r.From().Is4() {
			four += uint64(low(to)) - uint64(low(from)) + 1
		} else {
			six += uint64(high(to)) - uint64(high(from))
		}
	}
	return four > 1<<30 || six > 1<<27
}

// low and high return the last and the first four bytes of an address.
func low(a [16]byte) uint32 {
	return uint32(a[12])<<24 | uint32(a[13])<<16 | uint32(a[14])<<8 | uint32(a[15])
}
func high(a [16]byte) uint32 {
	return uint32(a[0])<<24 | uint32(a[1])<<16 | uint32(a[2])<<8 | uint32(a[3])
}
