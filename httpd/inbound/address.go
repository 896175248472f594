package inbound

import (
	"context"
	"net"
	"net/http"
)

// addressKey is the key of the client's address in a request's context.
type addressKey struct{}

// From says that a request's client is at another address than the one that the connection comes from: a proxy in front
// of the gateway has told it.
func From(r *http.Request, address string) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), addressKey{}, address))
}

// Address is the address of a request's client: what From has said, or else that of the connection, without its port.
func Address(r *http.Request) string {
	if address, ok := r.Context().Value(addressKey{}).(string); ok {
		return address
	}
	address, _, _ := net.SplitHostPort(r.RemoteAddr)
	return address
}
