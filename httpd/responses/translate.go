package responses

import (
	"outcrop/httpd/door"
	"outcrop/llm"
	wire "outcrop/wire/openairesponses"
)

// translate encodes a stream event by event.
func (x *exchange) translate(s llm.Stream) llm.RawStream {
	x.events = wire.NewEvents(x.env)
	return door.Translate(s, x.events, x.warnings)
}
