package openaichat

import (
	"outcrop/httpd/door"
	"outcrop/llm"
	wire "outcrop/wire/openaichat"
)

// translate encodes a stream event by event.
func (c *completion) translate(s llm.Stream) llm.RawStream {
	return door.Translate(s, wire.NewChunks(envelope(c.call, c.request), c.request.IncludeUsage, 1), c.warnings)
}
