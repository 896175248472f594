package httpd

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"

	"outcrop/httpd/inbound"
	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// Drain is how the gateway is taken out of service by a request: general_settings.enable_drain_endpoint.
type Drain struct {
	// Token is what X-Drain-Token must have; empty for nothing.
	Token string
	// Drain refuses new calls from then on, and waits until those that are open have ended, as long as a stop would. It returns how
	// many were open at first.
	Drain func(ctx context.Context) int64
}

// drain serves a preStop hook of Kubernetes, which has no key of the gateway.
func (s *server) drain(w http.ResponseWriter, r *http.Request) {
	d := s.opt.Drain
	if d == nil {
		s.locked(s.notFound)(w, r)
		return
	}
	if given, want := sha256.Sum256([]byte(r.Header.Get("X-Drain-Token"))), sha256.Sum256([]byte(d.Token)); d.Token != "" && subtle.ConstantTimeCompare(given[:], want[:]) != 1 {
		s.refuse(w, r, &llm.Error{
			Code: llm.CodeUnauthorized, Status: http.StatusUnauthorized, Class: "auth_error", Message: "X-Drain-Token is missing or wrong.",
			Fix: "Send the value of general_settings.drain_endpoint_token.",
		})
		return
	}
	inbound.Admitted(r)
	open := d.Drain(r.Context())
	inbound.Unread(w, r)
	var out jsonx.Writer
	out.Object()
	out.Key("status")
	out.String("drained")
	out.Key("drained_requests")
	out.Int(open)
	out.EndObject()
	writeJSON(w, http.StatusOK, out.Buf)
}
