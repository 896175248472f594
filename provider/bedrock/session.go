package bedrock

import (
	"context"

	"outcrop/llm"
	"outcrop/provider/bedrock/creds"
)

// sessionKey is the key of the session tags in the context of a call.
type sessionKey struct{}

// withSession has the calls that a request leads to made by a session with the request's tags, where a role is assumed.
func withSession(ctx context.Context, c *llm.Call) context.Context {
	if len(c.Session) == 0 {
		return ctx
	}
	tags := make([]creds.Tag, len(c.Session))
	for i, l := range c.Session {
		tags[i] = creds.Tag{Key: l.Name, Value: l.Value}
	}
	return context.WithValue(ctx, sessionKey{}, tags)
}

// sessionTags are the tags of the session that makes a call; nil for none.
func sessionTags(ctx context.Context) []creds.Tag {
	tags, _ := ctx.Value(sessionKey{}).([]creds.Tag)
	return tags
}
