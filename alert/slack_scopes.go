package alert

import (
	"context"
	"slices"
	"strings"
)

// Scopes is what a Slack app needs to be allowed to do, and what each is for. The
// first is needed always, the second for the app's command.
var Scopes = [...]struct{ Name, For string }{
	{"chat:write", "to post and to update messages"},
	{"commands", "for the command /sessionwarden"},
}

// Missing returns which of some scopes the bot's token lacks. Slack says in its
// answers which it has; where it does not, nothing is missing as far as anybody
// knows. Errors are a *[SendError].
func (b *SlackBot) Missing(ctx context.Context, scopes ...string) ([]string, error) {
	door, api, token, err := b.open()
	if err != nil {
		return nil, err
	}
	if _, err := api.AuthTestContext(ctx); err != nil {
		return nil, botError(err, token, aMessage)
	}
	if len(door.scopes) == 0 {
		return nil, nil
	}
	var missing []string
	for _, scope := range scopes {
		if !slices.Contains(door.scopes, scope) {
			missing = append(missing, scope)
		}
	}
	return missing, nil
}

// scopesOf reads Slack's list of what a token may do.
func scopesOf(header string) []string {
	return strings.FieldsFunc(header, func(r rune) bool { return r == ',' || r == ' ' })
}

// Try asks Slack for a connection, and uses none: it says whether the app token
// works. Errors are a *[SendError].
func (s *SlackSocket) Try(ctx context.Context) error {
	token, err := s.readToken()
	if err != nil {
		return err
	}
	_, err = s.askAddress(ctx, token)
	return err
}
