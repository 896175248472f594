package door

import (
	"net/http"

	"outcrop/gateway"
	"outcrop/httpd/inbound"
	"outcrop/internal/httpfield"
)

// Read reads a call's body, and checks it against what the operator and the caller's key demand of bodies. The error is an
// *llm.Error.
func Read(reader *inbound.Reader, w http.ResponseWriter, r *http.Request, call *gateway.Call) (*inbound.Body, error) {
	body, err := reader.Read(w, r, call.Lease())
	if err != nil || r.Method != http.MethodPost {
		return body, err
	}
	if err := call.Demand(httpfield.First(r.Header, "Content-Type"), body.Bytes); err != nil {
		body.Release()
		return nil, err
	}
	return body, nil
}
