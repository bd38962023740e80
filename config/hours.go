package config

import (
	"time"

	"sessionwarden"
)

// parseHours reads a part of the day such as "08:00-23:30", in zone.
func parseHours(text string, zone *time.Location) (u sessionwarden.DayHours, err error) {
	const cure = `write when the day begins and when it ends, such as "08:00-23:30" or "18:00-02:00"`
	u.Zone = zone
	if text == "" {
		return u, nil
	}
	if len(text) != len("08:00-23:30") || text[5] != '-' {
		return u, wrong(cure, "%q is no part of the day", shown(text))
	}
	from, err := time.Parse("15:04", text[:5])
	if err != nil {
		return u, wrong(cure, "%q is no time of the day", shown(text[:5]))
	}
	to, err := time.Parse("15:04", text[6:])
	if err != nil {
		return u, wrong(cure, "%q is no time of the day", shown(text[6:]))
	}
	midnight := from.Truncate(24 * time.Hour)
	u.From, u.To = from.Sub(midnight), to.Sub(midnight)
	if u.From == u.To {
		return u, wrong(cure+"; or leave the key away", "%q is the whole day", shown(text))
	}
	return u, nil
}

// parseZone reads the name of a time zone. "" is none.
func parseZone(text string) (*time.Location, error) {
	if text == "" {
		return nil, nil
	}
	zone, err := time.LoadLocation(text)
	if err != nil || text == "Local" {
		return nil, wrong(`write a name such as "Europe/Berlin" or "UTC"`, "%q is no time zone that is known here", shown(text))
	}
	return zone, nil
}
