package door

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"outcrop/gateway"
	"outcrop/internal/httpfield"
	"outcrop/llm"
)

// Bounds of the headers that go on to providers.
const (
	maxForwarded      = 64
	maxForwardedValue = 8 << 10 // bytes
)

// forward tells the call which headers of its request a provider may have, if the operator wants that.
func forward(call *gateway.Call, r *http.Request, g *gateway.Gateway) {
	if !g.ForwardsHeaders() {
		return
	}
	var headers []llm.Label
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		if !forwardable(name) {
			continue
		}
		for _, value := range r.Header[name] {
			if len(value) <= maxForwardedValue && len(headers) < maxForwarded {
				headers = append(headers, llm.Label{Name: name, Value: value})
			}
		}
	}
	call.OfferHeaders(headers)
}

// forwardable reports whether a header goes on: those that begin with X-, as in LiteLLM, except for keys and whatever else may prove who
// the client is, what is meant for the gateway, what OpenAI's SDKs say of themselves, and what proxies in front of the gateway say of
// the client.
func forwardable(name string) bool {
	name = strings.ToLower(name)
	if !strings.HasPrefix(name, "x-") || httpfield.RuleOf(name) != httpfield.Pass {
		return false
	}
	for _, own := range [...]string{"x-litellm-", "x-outcrop-", "x-stainless", "x-forwarded-", "x-real-ip", "x-goog-", "x-ms-client-"} {
		if strings.HasPrefix(name, own) {
			return false
		}
	}
	for _, secret := range [...]string{"apikey", "api-key", "auth", "jwt", "password", "secret", "token", "credential", "cookie"} {
		if strings.Contains(name, secret) {
			return false
		}
	}
	return true
}
