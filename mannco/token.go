package mannco

import (
	"encoding/base64"
	"errors"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// tokenLife is how long the service's tokens live where they do not say.
const tokenLife = 31 * 24 * time.Hour

// maxToken is how many bytes of a token are looked at.
const maxToken = 8 << 10

// token is one login: what the service gave us, and what it says of itself.
// It is not verified, as only the service can do that, and nothing rests on
// what it says but when to renew it and which rows are our own.
type token struct {
	raw      secret
	identity Identity

	sawOwn atomic.Bool // a live list had our own session under it
	ending atomic.Bool // we asked the service to end it, or may have

	bornOld atomic.Bool // the service's clock said so when we got it: it is wrong
}

var errNoToken = errors.New("the answer to the login holds no token")

// parseToken reads the claims of a JWT. now is the service's clock, for what
// the token does not say. The errors do not repeat the token.
func parseToken(text string, now time.Time) (*token, error) {
	if len(text) > maxToken {
		return nil, errNoToken
	}
	parts := strings.Split(text, ".")
	if len(parts) != 3 || parts[0] == "" || !plainToken(text) {
		return nil, errNoToken
	}
	if !strings.HasPrefix(parts[0], "ey") { // {" in base64
		return nil, errNoToken
	}
	claims, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil {
		return nil, errNoToken
	}
	t := &token{raw: newSecret(text)}
	w := windowAt(now, 10*longestLife)
	err = fields(newDecoder(claims), func(name string, v jsontext.Value) { t.identity.claim(name, v, w) })
	if err != nil {
		return nil, errNoToken
	}
	id := &t.identity
	if id.Issued.IsZero() {
		id.Issued = now.UTC().Truncate(time.Second)
	}
	if !id.Expires.After(id.Issued) {
		id.Expires = id.Issued.Add(tokenLife)
	}
	return t, nil
}

// plainToken reports whether text may stand in a header.
func plainToken(text string) bool {
	for i := range len(text) {
		c := text[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.' && c != '=' {
			return false
		}
	}
	return true
}

func (id *Identity) claim(name string, v jsontext.Value, w window) {
	switch name {
	case "exp":
		id.Expires, _ = readTime(v, w)
	case "iat":
		id.Issued, _ = readTime(v, w)
	case "ip":
		if addr, ok := parseAddr(string(bare(v))); ok {
			id.Addr = addr
		}
	case "steamid", "sub":
		if text, ok := looseText(v); ok && id.SteamID == "" {
			id.SteamID = cleanText(text)
		}
	case "country":
		if text, ok := looseText(v); ok {
			id.Country = serviceCountry(cleanText(text))
		}
	case "proxy":
		id.Proxy, _ = looseBool(v)
	}
}

// renewAt is when four fifths of the token's life are over, by the service's
// clock.
func (t *token) renewAt() time.Time {
	return t.identity.Issued.Add(t.identity.Expires.Sub(t.identity.Issued) / 5 * 4)
}

// findToken finds the token in the answer to a login: in either envelope, as
// the content itself or as a member of it, whatever its name; or as the whole
// answer.
func findToken(body []byte, now time.Time) (*token, envelope, error) {
	var found *token
	try := func(text string) {
		if found == nil {
			found, _ = parseToken(strings.TrimPrefix(text, "Bearer "), now)
		}
	}
	e, err := readEnvelope(body, func(d *jsontext.Decoder) error {
		return fields(d, func(_ string, v jsontext.Value) {
			if v.Kind() == '"' {
				try(unquote(v))
			}
		})
	})
	switch {
	case errors.Is(err, errNotJSON):
		try(strings.Trim(strings.TrimSpace(string(body[:min(len(body), maxToken+64)])), `"`))
	case err != nil:
		return nil, e, err
	case e.failed:
		if e.message == "" {
			e, _ = messageOf(body)
		}
		return nil, e, nil
	}
	try(e.text)
	if found == nil && e.holds == holdsNothing { // no envelope: {"token": "…"}
		_ = fields(newDecoder(body), func(_ string, v jsontext.Value) {
			if v.Kind() == '"' {
				try(unquote(v))
			}
		})
	}
	if found == nil {
		return nil, e, errNoToken
	}
	return found, e, nil
}

// login is one of our own logins, by the service's clock.
type login struct {
	At   time.Time
	Addr netip.Addr
}
