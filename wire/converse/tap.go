package converse

import (
	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// Tapped is what a whole response or an event reports besides its content.
type Tapped struct {
	Usage       *llm.Usage // nil if it reports none
	RawStop     string     // AWS's stopReason
	ServiceTier string
}

// Tap reads the usage, stop reason and tier of a whole response of Converse without decoding its
// content. The body must be JSON; what cannot be read is left out.
func Tap(body []byte) (t Tapped) {
	members, err := jsonx.Members(body)
	if err != nil {
		return t
	}
	for _, m := range members {
		switch m.Name {
		case "usage":
			t.Usage = decodeUsage(m.Value)
		case "stopReason":
			plain(m.Value, &t.RawStop)
		case "serviceTier":
			t.ServiceTier = decodeTier(m.Value)
		}
	}
	return t
}

// TapEvent is Tap for the payload of an event of ConverseStream.
func TapEvent(eventType, payload []byte) (t Tapped) {
	switch string(eventType) {
	case "metadata", "messageStop":
		return Tap(payload)
	default:
		return t
	}
}

func decodeUsage(value jsonx.Raw) *llm.Usage {
	u := &llm.Usage{}
	if decode(value, func(s *source) { s.usage(u) }) != nil {
		return nil
	}
	return u
}

func decodeTier(value jsonx.Raw) (tier string) {
	_ = decode(value, func(s *source) { s.serviceTier(&tier, new([]jsonx.Member)) }) // an unknown form has no tier
	return tier
}
