package manncotest

import (
	"crypto/rand"
	"fmt"
	"net/netip"
	"strings"

	"github.com/golang-jwt/jwt/v5"
)

// claims are what a JWT of the service says.
type claims struct {
	jwt.RegisteredClaims
	IP      string `json:"ip"`
	Proxy   bool   `json:"proxy"`
	API     bool   `json:"API"`
	Country string `json:"country"`
	SteamID string `json:"steamid"`
}

// issuer is who signs the JWTs.
const issuer = "API"

// issue makes a JWT for a new login from that address. It returns the token
// and its id. The lock is held.
func (s *Service) issue(a *account, from netip.Addr, location string) (signed, id string, err error) {
	now := s.now()
	id = rand.Text()
	country, _, _ := strings.Cut(location, ":")
	token := jwt.NewWithClaims(jwt.SigningMethodHS256, claims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: issuer, Subject: a.steamID, ID: id,
			IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(s.options.TokenLife)),
		},
		IP: from.String(), API: true, Country: strings.TrimSpace(country), SteamID: a.steamID,
	})
	signed, err = token.SignedString(s.secret)
	if err != nil {
		return "", "", fmt.Errorf("signing a token: %w", err)
	}
	return signed, id, nil
}

// bearer says whose session an Authorization header proves. Where it proves
// none, why says so; the session is returned nevertheless when it is known
// whose token it is. The lock is held.
func (s *Service) bearer(header string, from netip.Addr) (one *session, why string) {
	signed, ok := strings.CutPrefix(header, "Bearer ")
	if !ok || signed == "" {
		return nil, "You must be logged in"
	}
	said, err := s.claimed(signed)
	if err != nil {
		return nil, "Invalid or expired token"
	}
	one = s.tokens[said.ID]
	switch {
	case one == nil || !one.Live(s.now()):
		return nil, "Session expired"
	case said.IP != from.String():
		return one, "Token not valid for this address"
	}
	return one, ""
}

// claimed returns what a token says that this service has signed, while it is
// valid. The signature of one that comes again is not computed again.
func (s *Service) claimed(signed string) (claims, error) {
	rules := []jwt.ParserOption{
		jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}), jwt.WithIssuer(issuer),
		jwt.WithTimeFunc(s.now), jwt.WithExpirationRequired(),
	}
	if said, known := s.proven[signed]; known {
		return said, jwt.NewValidator(rules...).Validate(said)
	}
	var said claims
	if _, err := jwt.ParseWithClaims(signed, &said, func(*jwt.Token) (any, error) { return s.secret, nil }, rules...); err != nil {
		return said, err
	}
	if s.proven == nil || len(s.proven) >= maxProven {
		s.proven = make(map[string]claims)
	}
	s.proven[signed] = said
	return said, nil
}

// maxProven is how many tokens are remembered as proven.
const maxProven = 4096
