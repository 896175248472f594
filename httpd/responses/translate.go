package responses

import (
	"outcrop/httpd/door"
	"outcrop/llm"
	wire "outcrop/wire/openairesponses"
)

// translate encodes a stream event by event.
func (x *exchange) translate(s llm.Stream) llm.RawStream {
	x.events = wire.NewEvents(x.env)
	if x.head.Background {
		x.events.Skip(0) // the gateway has sent the beginning, and numbers the events
	}
	return door.Translate(s, x.events, x.warnings)
}
