package openairesponses

// DecodeWhole is Decode for a body from which nothing is extracted.
func DecodeWhole(body []byte, opt Options) (*Request, error) { return decode(body, nil, opt) }
