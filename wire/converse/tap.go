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
	r := tapReader{}
	if jsonx.Unmarshal(body, &r) != nil {
		return Tapped{}
	}
	return r.Tapped
}

// tapReader reads a Tapped, and skips the other members.
type tapReader struct{ Tapped }

// UnmarshalJSONFrom receives jsonx's decoder.
func (r *tapReader) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	return jsonx.Object(d, func(name []byte) error {
		value, err := d.ReadValue()
		if err != nil {
			return err
		}
		switch string(name) {
		case "usage":
			r.Usage = decodeUsage(value)
		case "stopReason":
			plain(value, &r.RawStop)
		case "serviceTier":
			r.ServiceTier = decodeTier(value)
		}
		return nil
	})
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
