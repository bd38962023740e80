package ownrule

import (
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"

	"sessionwarden"
)

// Env is what an expression can look at. What is not known is "" or 0. Make one
// with [NewEnv]; one goroutine at a time may use it.
type Env struct {
	Session  Session  `expr:"session"`
	Location Location `expr:"location"`
	Account  Account  `expr:"account"`
	History  History  `expr:"history"`
	Time     Time     `expr:"time"`

	// InNetwork is the function in_network: whether Addr lies in a network.
	InNetwork func(network string) bool `expr:"in_network"`
	Addr      netip.Addr                `expr:"-"`
}

// Session is the session itself, most of it as the service lists it.
type Session struct {
	ID              string `expr:"id"`
	Address         string `expr:"address"`
	UserAgent       string `expr:"user_agent"`
	Device          string `expr:"device"`
	ISP             string `expr:"isp"`
	ServiceCountry  string `expr:"service_country"`
	ServiceLocation string `expr:"service_location"`
	Age             int    `expr:"age"` // minutes
	Late            bool   `expr:"late"`
	Own             bool   `expr:"own"`
	Moved           bool   `expr:"moved"`
}

// Location is what our location data says of the address.
type Location struct {
	Country      string `expr:"country"`
	City         string `expr:"city"`
	ASN          int    `expr:"asn"`
	Organization string `expr:"organization"`
	Hosting      bool   `expr:"hosting"`
	Satellite    bool   `expr:"satellite"`
	Private      bool   `expr:"private"`
	Tor          bool   `expr:"tor"`
	VPN          bool   `expr:"vpn"`
}

// Account is what the configuration says of the account.
type Account struct {
	Name     string   `expr:"name"`
	Expected []string `expr:"expected"`
	Trusted  bool     `expr:"trusted"`
}

// History is what is known of the account's past.
type History struct {
	KnownCountry bool `expr:"known_country"`
	KnownNetwork bool `expr:"known_network"`
	KnownDevice  bool `expr:"known_device"`
	Live         int  `expr:"live"`
	FirstPoll    bool `expr:"first_poll"`
}

// Time is when the facts of the session were first seen.
type Time struct {
	Hour    int    `expr:"hour"`
	Minute  int    `expr:"minute"`
	Weekday string `expr:"weekday"`
	Unix    int    `expr:"unix"`
}

// NewEnv returns an environment in which nothing is known.
func NewEnv() *Env {
	e := &Env{}
	e.InNetwork = e.inNetwork
	return e
}

// inNetwork is false for what is no network: [Check] lets none in.
func (e *Env) inNetwork(text string) bool {
	network, err := parseNetwork(text)
	return err == nil && e.Addr.IsValid() && network.Contains(e.Addr)
}

// parseNetwork reads a network, or an address for itself alone.
func parseNetwork(text string) (netip.Prefix, error) {
	if !strings.Contains(text, "/") {
		addr, err := netip.ParseAddr(text)
		if err != nil {
			return netip.Prefix{}, err
		}
		return addr.Unmap().Prefix(addr.Unmap().BitLen())
	}
	network, err := netip.ParsePrefix(text)
	if err == nil && network.Addr().Is4In6() {
		err = errors.New("an IPv4 network in the form of an IPv6 one contains no address")
	}
	return network, err
}

// SetTime sets Time to t, by the clock of the zone that t is in.
func (e *Env) SetTime(t time.Time) {
	e.Time = Time{Hour: t.Hour(), Minute: t.Minute(), Weekday: weekdays[t.Weekday()], Unix: int(t.Unix())}
}

var weekdays = [...]string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}

// field is a value that an expression can name, such as location.country.
type field struct {
	name  string
	index []int
	kind  reflect.Type
}

// fields returns all of them, in the order of [Env], and a map that finds one by
// its name. Nobody waits for it who has no rules of his own.
var fields = sync.OnceValues(func() (list []field, byName map[string]field) {
	byName = make(map[string]field)
	env := reflect.TypeFor[Env]()
	for i := range env.NumField() {
		room := env.Field(i)
		if room.Type.Kind() != reflect.Struct || room.Tag.Get("expr") == "-" {
			continue
		}
		for k := range room.Type.NumField() {
			f := room.Type.Field(k)
			one := field{name: room.Tag.Get("expr") + "." + f.Tag.Get("expr"), index: []int{i, k}, kind: f.Type}
			list = append(list, one)
			byName[one.name] = one
		}
	}
	return list, byName
})

// Value is what one name that an expression uses stood for.
type Value struct{ Name, Text string }

// text is a value as people read it. Texts are hostile still, but short.
func text(v reflect.Value) string {
	const most = 60
	switch v.Kind() {
	case reflect.String:
		return strconv.Quote(sessionwarden.Shorten(v.String(), most))
	case reflect.Slice:
		words := make([]string, v.Len())
		for i := range words {
			words[i] = v.Index(i).String()
		}
		return sessionwarden.Shorten("["+strings.Join(words, " ")+"]", most)
	}
	return fmt.Sprint(v.Interface())
}
