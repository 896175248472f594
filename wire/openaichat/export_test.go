package openaichat

// DecodeWhole is Decode for a body of which nothing stands beside.
func DecodeWhole(body []byte, opt Options) (*Request, error) { return decode(body, nil, opt) }
