// Package geotest makes small location databases for tests, over the address
// ranges that are set aside for documentation or over any others, and breaks
// them in the ways in which files break.
//
//	country := geotest.Country(map[string]string{"203.0.113.0/24": "DE"})
//	os.WriteFile(path, country, 0o644)
//
// What a test writes wrongly (a prefix that is none) is a panic, as in
// net/http/httptest: there is nobody else to blame.
package geotest
