package geo

import _ "embed"

// The built-in data. It is embedded as it is, not compressed: opening it
// costs nothing and its pages can be given back to the system.
var (
	//go:embed data/country.mmdb
	builtinCountry []byte
	//go:embed data/asn.mmdb
	builtinNetwork []byte
	//go:embed data/hosting.txt
	builtinHosting string
	//go:embed data/satellite.txt
	builtinSatellite string
	//go:embed data/distances.bin
	builtinDistances string
	//go:embed data/centroids.txt
	builtinCentroids string
)

// Attribution is what has to be said wherever the program is passed on: whom
// the built-in data comes from and under which licences.
const Attribution = `This product includes IP to Country Lite data by DB-IP (https://db-ip.com), June 2026,
CC BY 4.0 (https://creativecommons.org/licenses/by/4.0/); converted to the GeoIP2 record
layout, reserved networks removed.

AS data: Route Views Project (https://www.routeviews.org), DB-IP (https://db-ip.com) and
NRO (https://www.nro.net), each CC BY 4.0 (https://creativecommons.org/licenses/by/4.0/),
compiled by sapics/ip-location-db, converted.

Country outlines: Natural Earth (public domain) via world-atlas (ISC).
Country names: countries-list (MIT).
`

// AttributionLink is the visible link, in HTML, that every page and every HTML
// report that shows a location has to carry.
const AttributionLink = `<a href='https://db-ip.com'>IP Geolocation by DB-IP</a>`
