package sessionwarden

import "context"

// askerKey is where a context keeps who asks for something.
type askerKey struct{}

// WithAsker returns a context of what a person asked for. by says who that is, in
// a few words; "" where that is not known.
func WithAsker(ctx context.Context, by string) context.Context {
	return context.WithValue(ctx, askerKey{}, Clean(by, maxAsker))
}

// Asker returns who asked for what ctx is about; "" where nobody did, or where that
// is not known.
func Asker(ctx context.Context) string {
	by, _ := ctx.Value(askerKey{}).(string)
	return by
}

// maxAsker is how many bytes of a person's name are kept.
const maxAsker = 100
